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
        (answered("summary", "Her date of birth is known", "Acme builds rockets"), "personal data"),
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


def only(field: str, value: str, quote: str) -> str:
    """Why this field is struck, its quote standing on the page."""
    found = checked(
        [answered(field, value, quote)],
        domain="acme.example",
        source=lambda ident: Source(ident, "Acme", f"… {quote} …", ident),
        seen_at=lambda ident: SEEN,
        barred=("boss@acme.example",),
    )
    return found.struck[0] if found.struck else ""


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("contacts", "Dana: dana\uff20gmail.com"),
        ("contacts", "dana (at) gmail (dot) com"),
        ("contacts", "dana [at] home.example"),
        ("contacts", "dana at gmail dot com"),
        ("contacts", "Dana, on gmail as dana.reyes"),
        ("contacts", "Dana Reyes, 12.05.1980"),
        ("contacts", "boss (at) acme (dot) example"),
        ("role", "Head of Sales, 12 May 1980"),
        ("role", "Head of Sales, born 1980"),
        ("person", "Dana Reyes, 1980-05-12"),
        ("summary", "Dana was born on a farm"),
        ("location", "Home address: 12 Elm Street"),
        ("summary", '=HYPERLINK("http://evil.example","see")'),
        ("name", "=cmd|' /C calc'!A0"),
        ("name", "+2+3+cmd|' /C calc'!A0"),
        ("next_step", "@SUM(1+1)*cmd"),
    ],
)
def test_what_a_hostile_page_says_word_for_word_is_struck_all_the_same(
    field: str, value: str
) -> None:
    assert only(field, value, value)


@pytest.mark.parametrize(
    ("field", "value", "quote"),
    [
        ("role", "Head of Sales", "Dana Reyes (born 1980), Head of Sales"),
        ("location", "12 Elm Street", "Home address: 12 Elm Street"),
        ("name", "Evil Corporation", "the best rockets"),
        ("person", "Dana Reyes", "Dana Miller, Head of Sales"),
        ("summary", "A maker of rockets with 9,000 people", "We make rockets"),
        ("location", "8010 Graz", "We are in Graz"),
        ("contacts", "Sales: +43 316 555 0199", "Sales: +43 316 555 0100"),
    ],
)
def test_a_quote_that_says_something_else(field: str, value: str, quote: str) -> None:
    assert only(field, value, quote)


@pytest.mark.parametrize(
    ("field", "value", "quote"),
    [
        ("name", "ACME Rockets", "© Acme Rockets GmbH"),
        ("contacts", "+43 316 555 0100 (sales), pr@acme.example",
         "Call (+43) 316/555 0100 (sales) or pr@acme.example, 8010 Graz"),
        ("technologies", "Python 3, OAuth 2.0", "We use Python 3 and OAuth 2.0"),
        ("summary", "Rockets since 1951", "Since 1951 we make rockets"),
        ("location", "8010 Graz, Austria", "A-8010 Graz"),
        ("news", "12.05.2026: a new plant", "On 12.05.2026 we opened a new plant"),
        ("technologies", "Gmail, Outlook", "We live in Gmail and Outlook"),
    ],
)  # fmt: skip
def test_what_is_said_in_other_words_stays(field: str, value: str, quote: str) -> None:
    assert only(field, value, quote) == ""
