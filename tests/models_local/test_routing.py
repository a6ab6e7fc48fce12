"""A label's route, where nobody has said which it is."""

from __future__ import annotations

import pytest

from bot.models.local.routing import routes_of

ROUTES = ("billing", "technical", "sales", "default")


@pytest.mark.parametrize(
    ("label", "description", "route"),
    [
        ("billing", "", "billing"),
        ("bug", "", "technical"),
        ("repair", "Something on a bicycle broke", "technical"),
        ("invoices", "Receipts and statements", "billing"),
        ("how_to", "How do I set something up", "default"),
        ("zebra", "", "default"),
    ],
)
def test_a_label_goes_where_its_name_or_its_field_says(
    label: str, description: str, route: str
) -> None:
    assert routes_of({label: description}, ROUTES) == {label: route}


def test_a_route_is_understood_by_its_own_name_too() -> None:
    assert routes_of({"returns": "Refunds, money back"}, ("refund-team", "default")) == {
        "returns": "refund-team"
    }


def test_a_route_called_like_a_label_is_that_labels_alone() -> None:
    described = {"billing": "Invoices", "plans": "Payments, charges and refunds for plans"}
    assert routes_of(described, ROUTES) == {"billing": "billing", "plans": "sales"}
