"""Whom a lead names: the grammar of an ask, and of texts; and whom nobody is looked up for."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.agent.wanted import Unwanted, Wanted, wanted, wanted_in_text

BARRED = ("blocked.example", "ceo@acme.example", "not an entry")


@pytest.mark.parametrize(
    ("said", "found"),
    [
        ("acme.example", Wanted("company", "acme.example")),
        ("<http://acme.example|acme.example>", Wanted("company", "acme.example")),
        ("WWW.Acme.Example.", Wanted("company", "acme.example")),
        ("<mailto:jo@acme.example|jo>", Wanted("person", "acme.example", "jo@acme.example")),
        (
            "https://acme.example/about?x=1",
            Wanted("company", "acme.example", url="https://acme.example/about?x=1"),
        ),
        ("Jo Doe at Acme Inc", Wanted("person", person="Jo Doe", company="Acme Inc")),
        ("Jo Doe AT acme.example", Wanted("person", "acme.example", person="Jo Doe")),
        ("Acme Robotics", Wanted("company", company="Acme Robotics")),
        ("bücher.example", Wanted("company", "xn--bcher-kva.example")),
    ],
)
def test_an_ask_names_one_thing(said: str, found: Wanted) -> None:
    assert wanted(said, BARRED) == found


@pytest.mark.parametrize(
    ("said", "why"),
    [
        ("", "Write `enrich`"),
        ("x" * 300, "Write `enrich`"),
        ("sub.blocked.example", "do_not_enrich"),
        ("https://blocked.example/a", "do_not_enrich"),
        ("jo@blocked.example", "do_not_enrich"),
        ("CEO@acme.example", "do_not_enrich"),
        ("Jo at blocked.example", "do_not_enrich"),
        ("jo@gmail.com", "private mailbox"),
        ("http://127.0.0.1/", "is an address"),
        ("http://0x7f.1/x", "is an address"),
        ("2130706433", "is an address"),
        ("http://[::1]:80/", "is an address"),
        ("::ffff:127.0.0.1", "is an address"),
        ("http://１２７.0.0.1/", "is an address"),
        ("http://localhost/", "is an address"),
        ("Jo at 127.0.0.1", "is an address"),
    ],
)
def test_what_is_refused_says_why(said: str, why: str) -> None:
    refused = wanted(said, BARRED)
    assert isinstance(refused, Unwanted)
    assert why in refused.words


@pytest.mark.parametrize(
    ("text", "more", "found"),
    [
        ("New lead: acme.example, call them!", {}, Wanted("company", "acme.example")),
        (
            "Name: Jo Doe\nMail: jo@acme.example\nSite: https://acme.example/",
            {},
            Wanted("company", "acme.example"),
        ),
        (
            "Name: Jo\nMail: jo@acme.example",
            {},
            Wanted("person", "acme.example", "jo@acme.example"),
        ),
        (
            "Please call me back.\nThanks",
            {"sender": "jo@acme.example"},
            Wanted("person", "acme.example", "jo@acme.example"),
        ),
        ("We want a demo\nsoon", {"subject": "Acme Inc"}, Wanted("company", company="Acme Inc")),
        ("See plan.pdf and jo@gmail.com\n", {"subject": "Acme"}, Wanted("company", company="Acme")),
    ],
)
def test_a_forwarded_lead_is_searched(text: str, more: dict[str, str], found: Wanted) -> None:
    assert wanted_in_text(text, BARRED, **more) == found


def test_a_text_that_names_nobody_or_somebody_barred_is_refused() -> None:
    for text in ("We want a demo\nvery soon", "Go to\nhttps://blocked.example/now"):
        assert isinstance(wanted_in_text(text, BARRED), Unwanted)


@given(st.text(max_size=300))
def test_any_text_is_read_and_never_yields_an_address_or_somebody_barred(text: str) -> None:
    for found in (wanted(text, BARRED), wanted_in_text(text, BARRED)):
        if isinstance(found, Wanted) and found.domain is not None:
            assert not found.domain.endswith("blocked.example")
            assert not found.domain.rpartition(".")[2].isdigit()
            assert found.key is not None
