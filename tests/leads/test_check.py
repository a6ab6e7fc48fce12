"""No source, no field: what stays of an answer, and what is struck."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Literal

import pytest

from bot.agent.draft_check import Source
from bot.agent.lead_answer import AnsweredField
from bot.agent.lead_check import Checked, checked, of_a_company

PAGE = "https://acme.example/"
TEXT = """Acme Rockets
Acme builds rockets   for
birds. We are 120 people in Graz. Write to Dana Reyes, Head of Sales, dana@acme.example or call
+43 316 555 0100. Our press: pr@agency.example. Boss: boss@acme.example"""
SEEN = datetime(2026, 11, 20, tzinfo=UTC)


def answered(
    field: str, value: str, quote: str, source: str = PAGE,
    confidence: Literal["low", "medium", "high"] = "high",
) -> AnsweredField:  # fmt: skip
    return AnsweredField(
        field=field, value=value, source=source, quote=quote, confidence=confidence
    )


def check(*fields: AnsweredField) -> Checked:
    def source(ident: str) -> Source | None:
        texts = {PAGE: TEXT, "crm:1": "name: Acme"}
        return Source(ident, "Acme", texts[ident], ident) if ident in texts else None

    return checked(
        fields,
        domain="acme.example",
        source=source,
        seen_at=lambda ident: SEEN if "://" in ident else None,
        barred=("boss@acme.example",),
    )


def test_a_field_with_its_quote_in_its_source_stays() -> None:
    found = check(
        answered("summary", "A maker of rockets", "Acme builds rockets for\n birds."),
        answered("size", "120", "We are 120 people"),
        answered("name", "Acme", "name: Acme", "crm:1"),
        answered("email", "Dana@acme.example", "dana@acme.example", PAGE.rstrip("/")),
        answered("phone", "0043 316 5550100", "+43 316 555 0100"),
    )
    assert not found.struck
    assert [one.name for one in found.kept] == ["name", "size", "summary", "email", "phone"]
    by_name = {one.name: one for one in found.kept}
    assert by_name["email"].value == "dana@acme.example"
    assert by_name["size"].seen_at == SEEN
    assert by_name["name"].seen_at is None
    # High is for what the source says word for word.
    assert by_name["summary"].confidence == "medium"
    assert by_name["size"].confidence == "high"


@pytest.mark.parametrize(
    ("field", "why"),
    [
        (answered("size", "120", "We are 120 people", "https://evil.example/"), "was not read"),
        (answered("size", "120", "We are 120 persons"), "does not stand in its source"),
        (answered("size", "120", ""), "does not stand in its source"),
        (answered("size", "999", "We are 120 people"), "figures do not stand"),
        (answered("email", "x@acme.example", "dana@acme.example"), "does not hold it"),
        (answered("email", "pr@agency.example", "pr@agency.example"), "outside the company"),
        (answered("contacts", "Jo, jo@evil.example", "Dana Reyes"), "does not hold an address"),
        (answered("contacts", "boss@acme.example", "boss@acme.example"), "not to be looked up"),
        (answered("phone", "+1 555 999 9999", "+43 316 555 0100"), "does not hold it"),
        (answered("summary", "Her date of birth is 1 May", "Acme builds rockets"), "personal data"),
        (answered("secret", "x", "Acme builds rockets"), "no field of a lead"),
        (answered("industry", "  ", "Acme builds rockets"), "is empty"),
    ],
)
def test_what_rests_on_nothing_or_is_private_is_struck(field: AnsweredField, why: str) -> None:
    found = check(field)
    assert not found.kept
    (line,) = found.struck
    assert why in line


def test_a_field_stands_once_and_a_company_has_none_of_a_persons() -> None:
    found = check(
        answered("industry", "rockets", "builds rockets"),
        answered("industry", "birds", "rockets for birds"),
        answered("role", "Head of Sales", "Head of Sales"),
    )
    assert [one.value for one in found.kept] == ["rockets", "Head of Sales"]
    assert len(found.struck) == 1
    company = of_a_company(found)
    assert [one.name for one in company.kept] == ["industry"]
    assert "role: is a person's, of a company" in company.struck
