"""The grammar of mentions."""

from __future__ import annotations

import pytest

from bot.domain import AskVerb
from bot.mentions import WORDS_LIMIT, Asked, Free, Help, Incomplete, Mention, parse


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("research when is it due?", Asked("research", "when is it due?")),
        ("RESEARCH: when?", Asked("research", "when?")),
        ("research -n 5 when is it due?", Asked("research", "when is it due?", 5)),
        ("research -n5 when?", Asked("research", "when?", 5)),
        ("research -N = 20 when?", Asked("research", "when?", 20)),
        ("research -nothing is due?", Incomplete("research")),
        ("research -n 0 when?", Incomplete("research")),
        ("research -n 21 when?", Incomplete("research")),
        ("research -n ٣ when?", Incomplete("research")),
        ("research -n 5", Incomplete("research")),
        ("research", Incomplete("research")),
        ("research ???", Incomplete("research")),
        ("enrich acme.example", Asked("enrich", "acme.example")),
        ("Enrich, Ada Byron at Acme", Asked("enrich", "Ada Byron at Acme")),
        ("enrich a@b.example", Asked("enrich", "a@b.example")),
        ("enrich", Incomplete("enrich")),
        ("screen We promise a refund.", Asked("screen", "We promise a refund.")),
        ("help", Help()),
        ("Help!", Help()),
        ("helpful words", Free("helpful words")),
        ("", Free("")),
        ("   ", Free("")),
        ("what is researched here?", Free("what is researched here?")),
        ("research\nline one\nline two", Asked("research", "line one\nline two")),
    ],
)
def test_a_mention_in_a_channel(words: str, expected: Mention) -> None:
    assert parse(words, in_thread=False) == expected


LINK = "https://acme.slack.com/archives/C1/p1700000000000001"


@pytest.mark.parametrize("verb", ["triage", "summarize", "screen"])
def test_a_verb_that_means_its_thread_needs_one(verb: AskVerb) -> None:
    assert parse(verb, in_thread=False) == Incomplete(verb)
    assert parse(verb, in_thread=True) == Asked(verb)


def test_what_is_summarized_is_an_address_or_the_thread() -> None:
    assert parse(f"summarize {LINK}", in_thread=False) == Asked("summarize", LINK)
    assert parse(f"summarize {LINK}", in_thread=True) == Asked("summarize", LINK)
    typed = "github.com/org/name.py/pull/7"
    assert parse(f"summarize {typed}", in_thread=True) == Asked("summarize", typed)
    assert parse("summarize this, please", in_thread=True) == Asked("summarize")
    assert parse("summarize this, please", in_thread=False) == Incomplete("summarize")


def test_politeness_after_triage_changes_nothing() -> None:
    assert parse("triage this please", in_thread=True) == Asked("triage")


def test_words_have_an_end() -> None:
    asked = parse("research " + "a" * 3 * WORDS_LIMIT, in_thread=False)
    assert isinstance(asked, Asked)
    assert len(asked.words) < WORDS_LIMIT
