"""What is marked in a draft, and what is not: quotes, sentences, values."""

from __future__ import annotations

import pytest

from bot.agent.draft_check import Source, check_citations, check_draft, stands_in
from bot.domain import Citation
from bot.wording import sentences
from tests.agent.make import ticket

SOURCES = {
    "refunds.md": Source(
        "refunds.md",
        "Refunds",
        "# Refunds\n\nA yearly plan can be refunded within 14 days of the\n  renewal. The money is "
        "on the card 5 working days later. Monthly plans are not refunded. Write to "
        "billing@loamline.example. The fee is $1,000.00 for Grower plans.",
        "https://kb.example/refunds",
    ),
    "hub.md": Source("hub.md", "Hub", "Press the button for ten seconds until it breathes white."),
}
QUOTES = (
    ("refunds.md", "A yearly plan can be refunded within 14 days of the renewal."),
    ("refunds.md", "The money is on the card 5 working days later."),
    ("refunds.md", "Monthly plans are not refunded."),
    ("refunds.md", "The fee is $1,000.00 for Grower plans."),
    ("hub.md", "Press the button for ten seconds until it breathes white."),
)
TICKET = ticket("Our plan renewed on Monday, invoice LL20417733, $90. Can I get it back? Petra")


def cited(*quotes: tuple[str, str]) -> tuple[Citation, ...]:
    return check_citations(quotes, SOURCES.get)


def marked(reply: str, citations: tuple[Citation, ...] | None = None) -> list[tuple[str, str]]:
    found = check_draft(reply, cited(*QUOTES) if citations is None else citations, TICKET,
                        SOURCES.get)  # fmt: skip
    return [(mark.kind, reply[mark.start : mark.end]) for mark in found]


@pytest.mark.parametrize(
    ("article", "quote", "supported"),
    [
        ("refunds.md", "A yearly plan can be refunded within 14 days of the renewal.", True),
        ("refunds.md", "  A yearly plan\ncan be   refunded ", True),
        ("refunds.md", "A yearly plan can be refunded within 15 days", False),
        ("refunds.md", "a yearly plan can be refunded", False),
        ("refunds.md", "Refunds", False),
        ("hub.md", "A yearly plan can be refunded", False),
        ("nowhere.md", "A yearly plan can be refunded", False),
    ],
)
def test_a_quote_stands_verbatim_or_is_unsupported(
    article: str, quote: str, supported: bool
) -> None:
    (citation,) = cited((article, quote))
    assert citation.supported is supported


def test_citations_carry_title_and_link_and_come_once() -> None:
    quote = ("refunds.md", "Monthly plans are not refunded.")
    (citation,) = cited(quote, quote, ("refunds.md", "   "))
    assert (citation.title, citation.url) == ("Refunds", "https://kb.example/refunds")
    assert not stands_in("", "anything")


@pytest.mark.parametrize(
    "reply",
    [
        "Hi Petra,\n\nA yearly plan can be refunded within 14 days of the renewal. The money will "
        "be on your card 5 working days later.\n\nBest regards",
        "I'm sorry about that. Thanks for writing! Let us know if that helps. Have a great day!",
        "Which hub do you have? Does the light breathe white?",
        "You wrote that the plan renewed on Monday.",
        "The fee is $1000 for Grower plans.",
        "The fee is 1.000,00 $ for Grower plans.",
        "Here is how:\n1. Press the button for 10 seconds.\n2. Wait until it breathes white.",
        "Unfortunately, monthly plans can't be refunded.",
        "We could not find your answer; a colleague will look.",
        "",
    ],
)
def test_what_rests_on_a_quote_or_states_nothing_is_not_marked(reply: str) -> None:
    assert marked(reply) == []


@pytest.mark.parametrize(
    ("reply", "expected"),
    [
        ("A yearly plan can be refunded within 30 days of the renewal.", ["sentence", "30"]),
        ("Monthly plans are refunded.", ["sentence"]),
        ("You get it back within two weeks.", ["sentence", "two"]),
        ("Press the button for twelve seconds.", ["sentence", "twelve"]),
        ("We refund everything, always and forever.", ["sentence"]),
        ("Your invoice LL99999999 is paid.", ["sentence", "LL99999999"]),
        ("Please write to refunds@evil.example.", ["refunds@evil.example"]),
        ("Please see https://evil.example/x?y=1.", ["sentence", "https://evil.example/x?y=1"]),
        ("Please ask John Smith in Berlin.", ["sentence", "John Smith", "Berlin"]),
        ("Please call on 3 March 2027.", ["sentence", "3 March 2027"]),
        ("Thanks!\n\nKind regards,\nTom Baker", ["Tom Baker"]),
        ("Please pay 1,500.00 first.", ["sentence", "1,500.00"]),
        ("Please pay 100 first.", ["sentence", "100"]),
    ],
)
def test_what_stands_nowhere_is_marked(reply: str, expected: list[str]) -> None:
    found = ["sentence" if kind == "sentence" else text for kind, text in marked(reply)]
    assert found == expected


def test_only_supported_quotes_supply_facts() -> None:
    wrong = cited(("refunds.md", "A yearly plan can be refunded within 15 days."))
    found = marked("A yearly plan can be refunded within 14 days of the renewal.", wrong)
    assert found == [
        ("sentence", "A yearly plan can be refunded within 14 days of the renewal."),
        ("value", "14"),
    ]


def test_places_are_code_points() -> None:
    reply = "😀 Hi Petra,\nplease write to eve@evil.example."
    assert marked(reply) == [("value", "eve@evil.example")]


def test_sentences_end_at_stops_and_lines_not_at_abbreviations_or_decimals() -> None:
    text = "Use 2.4 GHz, e.g. at home. Really?!\n- One item\n2. Two items…"
    found = [text[start:end] for start, end in sentences(text)]
    assert found == ["Use 2.4 GHz, e.g. at home.", "Really?!", "One item", "Two items…"]


@pytest.mark.parametrize(
    "reply",
    ["a" * 3000, "a-" * 1500, "1." * 1500, "A " * 1500, "." * 3000, "www." * 750, "é@" * 1500],
)
def test_a_hostile_reply_is_checked_all_the_same(reply: str) -> None:
    found = marked(reply)
    assert all(kind in ("sentence", "value") for kind, _ in found)
