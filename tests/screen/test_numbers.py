"""Cards, accounts and identity numbers: every right one is found, no wrong one is."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from bot.screen.checksums import luhn, mod_97, verhoeff
from bot.screen.national import KINDS, national_id
from bot.screen.numbers import IBAN_LENGTHS, OF_DIGITS, iban, is_card, payment_card

DIGITS = "0123456789"
AROUND = st.sampled_from(["", "Your number is ", "Nr. ", "(", "x: ", "Straße 5, ", "日本 "])
AFTER = st.sampled_from(["", ".", ", thanks", ")", " and then some", "\n\nBest"])

# First digits of an issuer, how many digits, how they stand in groups.
ISSUERS = [
    ("4", 16, (4, 4, 4, 4)),
    ("4", 13, (4, 4, 5)),
    ("51", 16, (4, 4, 4, 4)),
    ("2221", 16, (4, 4, 4, 4)),
    ("2720", 16, (4, 4, 4, 4)),
    ("34", 15, (4, 6, 5)),
    ("37", 15, (4, 6, 5)),
    ("36", 14, (4, 6, 4)),
    ("3528", 16, (4, 4, 4, 4)),
    ("6011", 16, (4, 4, 4, 4)),
    ("62", 16, (4, 4, 4, 4)),
    ("6759", 19, (4, 4, 4, 4, 3)),
]


@st.composite
def cards(draw: st.DrawFn) -> tuple[str, tuple[int, ...]]:
    """A card's digits, and how they are grouped."""
    first, count, groups = draw(st.sampled_from(ISSUERS))
    body = first + draw(st.text(DIGITS, min_size=count - len(first) - 1, max_size=count)) + "0" * 20
    body = body[: count - 1]
    check = next(char for char in DIGITS if luhn(body + char))
    assume(len(set(body)) > 1)
    return body + check, groups


def grouped(digits: str, groups: tuple[int, ...], between: str) -> str:
    parts, at = [], 0
    for size in groups:
        parts.append(digits[at : at + size])
        at += size
    return between.join(parts)


HELD = [
    "",
    " ",
    "-",
    ".",
    "\u00a0",
    "\u2011",
    ",",
    ", ",
    "; ",
    "\r\n",
    "    ",
    "'",
    "* *",
    "~",
    " + ",
]


@given(cards(), st.sampled_from(HELD), AROUND, AFTER)
def test_a_card_is_found_however_it_is_spaced(
    card: tuple[str, tuple[int, ...]], between: str, before: str, after: str
) -> None:
    written = grouped(*card, between)
    text = before + written + after
    assert [text[start:end] for start, end in payment_card(text)] == [written]


@given(cards(), st.data())
def test_one_wrong_digit_is_no_card(card: tuple[str, tuple[int, ...]], data: st.DataObject) -> None:
    digits, _ = card
    place = data.draw(st.integers(0, len(digits) - 1))
    wrong = data.draw(st.sampled_from([char for char in DIGITS if char != digits[place]]))
    assert not is_card(digits[:place] + wrong + digits[place + 1 :])


@given(cards(), st.characters(categories=["Nd"]).filter(lambda char: not char.isascii()))
def test_digits_of_other_scripts_are_digits(card: tuple[str, tuple[int, ...]], zero: str) -> None:
    start = ord(zero) - int(zero)
    written = "".join(chr(start + int(char)) for char in card[0])
    assert list(payment_card(f"a {written} b")) == [(2, 2 + len(written))]


@pytest.mark.parametrize(
    "text",
    [
        "Order 4111 1111 1111 1112",
        "Tracking 1Z999AA10123456784",
        "0000 0000 0000 0000",
        "sha256 4111111111111111aa",
        "7992739871300000",
        "invoice 2024-11-05-0001-0002",
    ],
)
def test_what_is_no_card(text: str) -> None:
    assert not list(payment_card(text))


def account(country: str, body: str) -> str:
    bban = (body * 3)[: IBAN_LENGTHS[country] - 4]
    check = 98 - int("".join(str(int(c, 36)) for c in bban + country + "00")) % 97
    return f"{country}{check:02}{bban}"


@given(
    st.sampled_from(sorted(IBAN_LENGTHS)),
    st.text(DIGITS + "ABCXYZ", min_size=12, max_size=34),
    st.booleans(),
    st.booleans(),
    AROUND.filter(lambda text: not text or not text[-1].isalnum()),
    AFTER,
)
def test_every_countrys_account_is_found(
    country: str, body: str, spaced: bool, small: bool, before: str, after: str
) -> None:
    if country in OF_DIGITS:
        body = re.sub(r"\D", "7", body)
    written = account(country, body)
    assume(sum(map(str.isdigit, written[4:])) >= 5)  # fewer may be words
    if spaced:
        written = " ".join(re.findall(".{1,4}", written))
    text = before + (written.lower() if small else written) + after
    found = [text[start:end] for start, end in iban(text)]
    assert [one.upper() for one in found] == [written]


@pytest.mark.parametrize("between", [".", "  ", "\n", "/", ", ", "_", " - ", "\r\n"])
def test_an_account_is_found_whatever_holds_its_groups_apart(between: str) -> None:
    written = between.join(["DE89", "3704", "0044", "0532", "0130", "00"])
    text = f"Pay to {written}, please."
    assert [text[start:end] for start, end in iban(text)] == [written]
    assert not list(iban("He was at 20 Kings Court Road, and in IT 60 of them were there."))


@pytest.mark.parametrize(
    "written", ["IBANDE89370400440532013000", "D E 8 9 " + "370400440532013000"]
)
def test_an_account_is_found_where_it_begins(written: str) -> None:
    assert len(list(iban(f"Pay to {written}."))) == 1


@given(st.sampled_from(sorted(IBAN_LENGTHS)), st.text(DIGITS, min_size=12), st.data())
def test_two_digits_swapped_are_no_account(country: str, body: str, data: st.DataObject) -> None:
    right = account(country, body)
    place = data.draw(st.integers(4, len(right) - 2))
    assume(right[place] != right[place + 1])
    wrong = right[:place] + right[place + 1] + right[place] + right[place + 2 :]
    assert not list(iban(wrong))


# Numbers that the authorities themselves, or their standards, give as examples.
EXAMPLES = {
    "US": "219-09-9998",
    "GB": "AB 12 34 56 C",
    "DE": "86095742719",
    "FR": "2 55 08 14 168 025 38",
    "ES": "12345678Z",
    "IT": "RSSMRA85T10A562S",
    "PL": "44051401359",
    "SE": "811218-9876",
    "FI": "131052-308T",
    "BR": "529.982.247-25",
    "CH": "756.9217.0769.85",
    "CN": "11010519491231002X",
    "TR": "10000000146",
    "ZA": "8001015009087",
}
NAMED = {
    "NL": "BSN 111222333",
    "IN": "Aadhaar 2341 2341 2346",
    "PT": "NIF 123456789",
    "IE": "PPS 1234567T",
    "CA": "SIN 046 454 286",
    "HR": "OIB 94577403194",
}


@pytest.mark.parametrize(("country", "number"), EXAMPLES.items())
def test_a_number_is_found_by_its_form_alone(country: str, number: str) -> None:
    text = f"It says {number}, I think."
    assert [text[start:end] for start, end in national_id(text)] == [number]


@pytest.mark.parametrize(("country", "words"), NAMED.items())
def test_a_weaker_form_counts_where_it_is_named(country: str, words: str) -> None:
    found = list(national_id(f"Your {words} is noted."))
    assert len(found) == 1
    if country != "IN":
        number = words.partition(" ")[2]
        assert not list(national_id(f"Part {number} is in stock."))


CHECKS: list[tuple[str, Callable[[str], bool], int]] = [
    (kind.country, kind.check, len(re.sub(r"\D", "", EXAMPLES[kind.country])))
    for kind in KINDS
    if kind.country in ("DE", "PL", "SE", "BR", "CH", "TR", "ZA") and not kind.named
]


@given(st.sampled_from(CHECKS), st.data())
def test_one_wrong_digit_is_nobodys(
    kind: tuple[str, Callable[[str], bool], int], data: st.DataObject
) -> None:
    country, check, count = kind
    digits = re.sub(r"\D", "", EXAMPLES[country])
    place = data.draw(st.integers(0, count - 1))
    wrong = data.draw(st.sampled_from([char for char in DIGITS if char != digits[place]]))
    assert check(digits)
    assert not check(digits[:place] + wrong + digits[place + 1 :])


@given(st.text(DIGITS, min_size=1, max_size=20))
def test_the_check_digits_find_every_single_fault(body: str) -> None:
    assert sum(luhn(body + char) for char in DIGITS) == 1
    assert sum(verhoeff(body + char) for char in DIGITS) == 1
    assert sum(mod_97(f"{body}{pair:02}") for pair in range(2, 99)) == 1


@pytest.mark.parametrize(
    "text",
    [
        "000-12-3456",
        "666-12-3456",
        "912-12-3456",
        "123-00-4567",
        "BG 12 34 56 C",
        "Order 44051401358",
        "12345678A",
        "Ticket 441512-1234",
        "call 212-555-0143",
        "1.529.982.247-25",
    ],
)
def test_what_is_nobodys_number(text: str) -> None:
    assert not list(national_id(text))
