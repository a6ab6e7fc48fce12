"""Which route a label goes to, where nobody has said so: by name, or by what both are about."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from bot.models.local.concepts import concepts
from bot.models.local.words import stems

DEFAULT = "default"

_FIELDS = {
    "technical": "broken not_working outage failure warranty",
    "engineering": "broken not_working outage failure",
    "billing": "billing refund charge paying",
    "finance": "billing refund charge paying",
    "payments": "paying refund charge billing",
    "sales": "discount plan stock",
    "security": "fraud stolen",
    "shipping": "sending arrival lost",
    "logistics": "sending arrival lost",
    "orders": "sending arrival ordering",
    "account": "sign_in access details",
    "identity": "sign_in identity access",
}
"""What routes of these names are about, as concepts of the thesaurus."""

ENOUGH = 2
"""The label's own name counts this much, each concept of its description one."""


def routes_of(descriptions: Mapping[str, str], routes: Sequence[str]) -> dict[str, str]:
    """The route of each label: the one of its name, else the one of its field, else the default.

    A route that is called like a label is that label's alone.
    """
    open_to_all = [route for route in routes if route not in descriptions and route != DEFAULT]
    fallback = DEFAULT if DEFAULT in routes or not routes else routes[0]
    return {
        label: label if label in routes else _by_field(label, words, open_to_all) or fallback
        for label, words in descriptions.items()
    }


def _by_field(label: str, description: str, routes: Sequence[str]) -> str | None:
    name = set(concepts(stems(label.replace("_", " "))))
    said = set(concepts(stems(description)))
    best, most = None, ENOUGH - 1
    for route in routes:
        plain = route.replace("_", " ").replace("-", " ")
        field = set(_FIELDS.get(route, "").split()) or set(concepts(stems(plain)))
        points = ENOUGH * bool(field & name) + len(field & said)
        if points > most:
            best, most = route, points
    return best
