"""E-mail addresses and phone numbers of people whom the ticket and its sources do not name."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator

import phonenumbers

from bot.screen.found import Found, levelled
from bot.screen.links import A_DOT, is_within

_AT_IN_WORDS = r"[ ]?[(\[{<][ ]?(?:at|@)[ ]?[)\]}>][ ]?"
_EMAIL = re.compile(
    rf"(?<![\w.+-])[\w.+'-]{{1,64}}(?:@|{_AT_IN_WORDS})"
    rf"[\w-]{{1,63}}(?:{A_DOT}[\w-]{{1,63}})+",
    re.IGNORECASE,
)
_AT = re.compile(_AT_IN_WORDS, re.IGNORECASE)
_DOT = re.compile(A_DOT, re.IGNORECASE)

_PHONE = re.compile(
    r"(?<![\w./@#=%&-])(?<!\d[:])"
    r"(?:\+[ ]?|00[ ]?(?=[1-9])|\(?0|\(|(?=(?:1[-. ])?[2-9]\d{2}[-. ]\d{3}[-. ]\d{4}))"
    r"(?:\d|[ ]?\(0?\d{0,5}\)[ ]?|(?:[ ][./-][ ]|[ ./-])(?=[\d(])|\)[ -]?(?=\d)){6,24}"
    r"(?![\w%@]|[.,/-]\d)"
)
_REGIONS = ("US", "GB", "DE", "FR", "ES", "IT", "NL", "AU")
"""Where a number without its country's code may be at home."""
_SAME = 7
"""Digits by which one number is known in two spellings: with its country's code and without."""


def addresses(text: str) -> Iterator[tuple[Found, str]]:
    """Every e-mail address with its plain spelling in small letters."""
    plain = levelled(text)
    for found in _EMAIL.finditer(plain):
        start, end = found.span()
        while end > start and plain[end - 1] in ".-'_":
            end -= 1
        while plain[start] in "'.":
            start += 1
        address = _DOT.sub(".", _AT.sub("@", plain[start:end])).casefold()
        top = address.rsplit(".", 1)[-1]
        if "@" in address and "." in address.rsplit("@", 1)[1] and not top.isdigit():
            yield Found(start, end), address


def other_email(text: str, known: Collection[str], domains: Collection[str]) -> Iterator[Found]:
    """Addresses that are not among ``known`` (small letters), nor at one of ``domains``."""
    for found, address in addresses(text):
        if address not in known and not is_within(address.rsplit("@", 1)[1], domains):
            yield found


def numbers(text: str) -> Iterator[tuple[Found, str]]:
    """Every phone number with its digits: those with a country's code that are possible there, and
    those without that are given out in one of the larger countries."""
    plain = levelled(text)
    for found in _PHONE.finditer(plain):
        start, end = found.start(), len(found[0].rstrip(" -./(")) + found.start()
        written = plain[start:end]
        if written.startswith("(") and ")" not in written:
            start, written = start + 1, written[1:]
        if _is_phone(written):
            yield Found(start, end), digits_of(written)


def other_phone(text: str, known: Collection[str]) -> Iterator[Found]:
    """Numbers of which ``known`` holds no spelling; ``known`` are digits, see ``digits_of``."""
    for found, digits in numbers(text):
        if not any(_same(digits, other) for other in known):
            yield found


def digits_of(written: str) -> str:
    """A number's digits without what is dialled before it: 00, or the 0 of a trunk."""
    return re.sub(r"\(0\)|\D", "", levelled(written)).lstrip("0")


def digit_runs(text: str) -> Iterator[str]:
    """Whatever in ``text`` may be a phone number, by its digits: what is known needs no proof."""
    for found in re.finditer(r"\+?\(?\d(?:[ ().\/-]{0,3}\d){5,19}", levelled(text)):
        yield digits_of(found[0])


def _is_phone(written: str) -> bool:
    digits = re.sub(r"\D", "", written)
    if not 7 <= len(digits) <= 17:
        return False
    if written[0] == "+" or written.startswith("00"):
        number = _parsed("+" + (digits if written[0] == "+" else digits[2:]), None)
        return number is not None and phonenumbers.is_possible_number(number)
    if len(digits) < 9 or re.search(r"\d{4}-\d{2}-\d{2}|\d{2}[./]\d{2}[./]\d{4}", written):
        return False
    parsed = (_parsed(written, region) for region in _REGIONS)
    return any(number is not None and phonenumbers.is_valid_number(number) for number in parsed)


def _parsed(written: str, region: str | None) -> phonenumbers.PhoneNumber | None:
    try:
        return phonenumbers.parse(written, region)
    except phonenumbers.NumberParseException:
        return None


def _same(one: str, other: str) -> bool:
    shorter, longer = sorted((one, other), key=len)
    return len(shorter) >= _SAME and longer.endswith(shorter)
