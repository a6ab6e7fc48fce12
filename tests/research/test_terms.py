"""Texts become the terms that they are compared by."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.terms import terms, words


def test_words_are_folded_singular_and_topical() -> None:
    assert words("How do I cancel my Direct-Debits? THE FEES of the Ünited policies") == [
        "cancel",
        "direct",
        "debit",
        "fee",
        "united",
        "policy",
    ]


def test_neighbours_make_pairs() -> None:
    assert terms("direct debit fees") == ["direct", "debit", "fee", "direct_debit", "debit_fee"]


@pytest.mark.parametrize(
    ("word", "singular"),
    [("address", "address"), ("status", "status"), ("glasses", "glass"), ("bus", "bus")],
)
def test_not_every_s_is_a_plural(word: str, singular: str) -> None:
    assert words(word) == [singular]


@pytest.mark.parametrize("between", ["\u00ad", "\u00ad\n", "-\n", "\u200b", "\u2060", "\ufeff"])
def test_what_is_not_seen_within_a_word_parts_none(between: str) -> None:
    assert words(f"K\u00fcndigungs{between}frist") == ["kundigungsfrist"]


def test_scripts_without_spaces_give_pairs_of_characters() -> None:
    assert words("変更したいABC") == ["変更", "更し", "した", "たい", "abc"]


@given(st.text())
def test_any_text_gives_terms_that_a_search_can_quote(text: str) -> None:
    for term in terms(text):
        assert term
        assert '"' not in term
        assert not any(char.isspace() for char in term)
