"""However it is written, what a person reads is found, at the place where it is written."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.screen import Known, Policy, Sieve, look, masked, read_policy
from bot.screen.found import Found, plain

CARD = "4111 1111 1111 1111"
IBAN = "DE89 3704 0044 0532 0130 00"
KEY = "ghp_" + "a1B2" * 9
BETWEEN = [
    *("\u200c", "\u200d", "\u200b", "\u2060", "\ufeff", "\u00ad", "\u180e", "\u202e", "\u2066"),
    *("\ufe0f", "\u034f", "\u0336", "\u20e3", "\u115f", "\u3164", "\U000e0041", "\U000e0101"),
]
"""Stands between two characters, or on one, and makes it no other one."""


def policy(words: str) -> Policy:
    return read_policy(f"rules: [{{id: names, rule: none, words: [{words}]}}]", "p.yaml")


def names(text: str, sieve: Sieve | None = None) -> dict[str, str]:
    """What is found, by name, as it is written in ``text``."""
    hits = look(text, sieve or Sieve(("desk.example",)), Known())
    return {hit.name: text[hit.start : hit.end] for hit in hits}


@pytest.mark.parametrize("hidden", BETWEEN)
@pytest.mark.parametrize(
    ("name", "whole"), [("payment_card", CARD), ("iban", IBAN), ("secret", KEY)]
)
def test_nothing_unseen_keeps_it_apart(name: str, whole: str, hidden: str) -> None:
    written = hidden.join(whole)
    found = names(f"Grüße, take {written} for now.")
    assert found[name].startswith(whole[0])
    assert found[name].rstrip(hidden).endswith(whole[-1])
    assert (name == "iban") == (written in masked(written))


@pytest.mark.parametrize("between", ["\n", "   ", " \u00b7 ", "\u2022", "|", ":", "*", ")("])
def test_a_card_is_found_however_its_groups_are_held_apart(between: str) -> None:
    written = between.join(CARD.split())
    assert names(f"It is ({written}).") == {"payment_card": written}
    assert CARD[-4:] not in masked(written)


@pytest.mark.parametrize(
    "zero",
    ["\u0660", "\uff10", "\U0001d7ce", "\U0001d7d8"],
)
def test_digits_in_other_forms_are_digits(zero: str) -> None:
    written = "".join(chr(ord(zero) + int(one)) if one.isdigit() else one for one in CARD)
    assert names(f"It is {written}.") == {"payment_card": written}
    assert masked(f"It is {written}.") == "It is [payment card]."


@pytest.mark.parametrize("digits", ["⁰¹²³⁴⁵⁶⁷⁸⁹", "₀₁₂₃₄₅₆₇₈₉", "⓪①②③④⑤⑥⑦⑧⑨"])
def test_small_and_circled_digits_are_digits(digits: str) -> None:
    written = "".join(digits[int(one)] if one.isdigit() else one for one in CARD)
    assert names(f"It is {written}.") == {"payment_card": written}


@pytest.mark.parametrize(
    ("name", "written"),
    [
        ("iban", "\u0415S91 2100 0418 4502 0005 1332"),  # Cyrillic Ie
        ("secret", "p\u0430ssword: hunter2!x"),  # Cyrillic a
        ("secret", "\uff50\uff41\uff53\uff53\uff57\uff4f\uff52\uff44: hunter2!x"),
        ("secret", "𝐩𝐚𝐬𝐬𝐰𝐨𝐫𝐝: hunter2!x"),
        ("secret", "p\u0332a\u0332s\u0332s\u0332w\u0332o\u0332r\u0332d\u0332: hunter2!x"),
        ("other_email", "bo\u200d@other.example"),
        ("other_phone", "+49\u200d 30\u200d 901820"),
        ("foreign_link", "https://evil\u200d.example/a"),
        ("foreign_link", "https://ｅｖｉｌ.example/a"),
        ("foreign_link", "ｗｗｗ．ｅｖｉｌ．ｃｏｍ"),
    ],
)
def test_other_letters_for_it_hide_nothing(name: str, written: str) -> None:
    assert name in names(f"Write to {written} now.")


@pytest.mark.parametrize("word", ["Gl\u043ebex", "Glo\u200dbex", "Ｇlobex", "Glo\u0336bex"])
def test_the_policys_words_are_found_however_they_are_spelt(word: str) -> None:
    found = names(f"As {word} says.", Sieve(policy=policy("Globex")))
    assert found == {"policy:names": word}


@pytest.mark.parametrize("word", ["\u043f\u0430\u0440\u043e\u043b\u044c", "नमस्ते", "caf\u00e9"])
def test_words_of_other_scripts_are_themselves(word: str) -> None:
    assert names(f"As {word} says.", Sieve(policy=policy(word))) == {"policy:names": word}


def test_a_host_that_only_looks_like_ours_is_not_ours() -> None:
    """A browser goes to another place, so a look-alike is never read as what it looks like."""
    for host in ("d\u0435sk.example", "desk.ex\u0430mple"):
        assert "foreign_link" in names(f"See https://{host}/login now.")
    assert "other_email" in names("Write to help@d\u0435sk.example now.")


@given(st.text(max_size=80))
def test_every_character_of_the_plain_text_has_its_place(text: str) -> None:
    read = plain(text)
    assert len(read.latin) == len(read.text)
    for at in range(len(read.text)):
        ((start, end),) = read.within([Found(at, at + 1)])
        assert 0 <= start < end <= len(text)
    if text.isascii():
        assert read.text == text
