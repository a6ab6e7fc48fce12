"""Payment cards and bank accounts, by their issuers, lengths and check digits."""

from __future__ import annotations

import re
from collections.abc import Iterator

from bot.screen.checksums import luhn, mod_97
from bot.screen.found import Found, levelled

_BETWEEN = r"[\W_]{1,4}"
"""What may hold a number's groups apart: blanks, line ends, marks of any kind."""
_GROUPS = re.compile(rf"(?:(?<!\w)|(?<=[A-Za-z]{{3}}))\d+(?:{_BETWEEN}\d+)*")
_GROUP = re.compile(r"\d+")
_AFTER = re.compile(r"\w")

_SHAPES = frozenset(
    {(4, 4, 4, 4), (4, 4, 4, 4, 3), (4, 4, 4, 4, 2), (4, 4, 4, 1), (4, 4, 4, 2), (4, 4, 4, 3)}
    | {(4, 6, 5), (4, 6, 4), (4, 4, 5), (4, 5, 6), (6, 10), (6, 13), (8, 8), (4, 12), (4, 4, 8)}
    | {(4, 4, 4, 4, 1), (4, 4, 4), (6, 6, 4), (5, 5, 5), (5, 5, 6), (12, 4), (6, 4, 4, 2)}
    | {(1, 3, 3, 3, 3, 3), (3, 3, 3, 3, 3, 1), (4, 8, 4), (5, 5, 5, 1), (4, 6, 4, 2)}
)
"""How card numbers are written in groups."""

_ISSUERS: tuple[tuple[int, int, frozenset[int]], ...] = (
    (4, 4, frozenset({13, 16, 19})),  # Visa
    (51, 55, frozenset({16})),  # Mastercard
    (2221, 2720, frozenset({16})),
    (34, 34, frozenset({15})),  # American Express
    (37, 37, frozenset({15})),
    (300, 305, frozenset(range(14, 20))),  # Diners Club
    (3095, 3095, frozenset(range(14, 20))),
    (36, 36, frozenset(range(14, 20))),
    (38, 39, frozenset(range(14, 20))),
    (3528, 3589, frozenset(range(16, 20))),  # JCB
    (6011, 6011, frozenset(range(16, 20))),  # Discover
    (644, 659, frozenset(range(16, 20))),
    (62, 62, frozenset(range(16, 20))),  # UnionPay
    (81, 81, frozenset(range(16, 20))),  # UnionPay, RuPay
    (508, 508, frozenset({16})),  # RuPay
    (60, 60, frozenset({16})),
    (2200, 2204, frozenset(range(16, 20))),  # Mir
    (5018, 5018, frozenset(range(12, 20))),  # Maestro
    (5020, 5020, frozenset(range(12, 20))),
    (5038, 5038, frozenset(range(12, 20))),
    (5893, 5893, frozenset(range(12, 20))),
    (6304, 6304, frozenset(range(12, 20))),
    (6759, 6759, frozenset(range(12, 20))),
    (6761, 6763, frozenset(range(12, 20))),
)
"""First and last prefix of a range, and how many digits its numbers have (ISO/IEC 7812; the
schemes' published tables)."""


def payment_card(text: str) -> Iterator[Found]:
    """Card numbers: an issuer's range and length, and the check digit. Written as one, in groups
    or digit by digit."""
    plain = levelled(text)
    for run in _GROUPS.finditer(plain):
        groups = [found.span() for found in _GROUP.finditer(plain, *run.span())]
        if _AFTER.match(plain, groups[-1][1]):
            groups.pop()  # it goes on in letters: a part number
        at = 0
        while at < len(groups):
            end = _card_from(plain, groups, at)
            if end is None:
                at += 1
                continue
            yield Found(groups[at][0], groups[end - 1][1])
            at = end


def _card_from(plain: str, groups: list[tuple[int, int]], at: int) -> int | None:
    """The index after the last group of a card that begins with the group ``at``."""
    digits, sizes, fits = "", [], None
    for index in range(at, min(at + 19, len(groups))):
        start, end = groups[index]
        digits += plain[start:end]
        sizes.append(end - start)
        if len(digits) > 19:
            break
        shaped = len(sizes) == 1 or tuple(sizes) in _SHAPES or len(set(sizes)) == 1
        if len(digits) >= 12 and shaped and is_card(digits):
            fits = index + 1
    return fits


def is_card(digits: str) -> bool:
    """Whether these may be a card's digits."""
    return _issued(digits) and luhn(digits) and len(set(digits)) > 1


def _issued(digits: str) -> bool:
    return any(
        len(digits) in lengths and first <= int(digits[: len(str(first))]) <= last
        for first, last, lengths in _ISSUERS
    )


_COUNTRY = re.compile(
    r"(?:(?<![A-Za-z0-9])|(?<=IBAN))([A-Za-z])[\W_]{0,2}([A-Za-z])[\W_]{0,2}\d[\W_]{0,2}\d"
)
_APART = 3
"""Signs that may stand between two characters of an account's number."""
_DIGITS = 5
"""Of an account's number, at least, besides its check digits: words have none."""
IBAN_LENGTHS = {
    "AD": 24, "AE": 23, "AL": 28, "AT": 20, "AZ": 28, "BA": 20, "BE": 16, "BG": 22, "BH": 22,
    "BI": 27, "BR": 29, "BY": 28, "CH": 21, "CR": 22, "CY": 28, "CZ": 24, "DE": 22, "DJ": 27,
    "DK": 18, "DO": 28, "EE": 20, "EG": 29, "ES": 24, "FI": 18, "FK": 18, "FO": 18, "FR": 27,
    "GB": 22, "GE": 22, "GI": 23, "GL": 18, "GR": 27, "GT": 28, "HN": 28, "HR": 21, "HU": 28,
    "IE": 22, "IL": 23, "IQ": 23, "IS": 26, "IT": 27, "JO": 30, "KW": 30, "KZ": 20, "LB": 28,
    "LC": 32, "LI": 21, "LT": 20, "LU": 20, "LV": 21, "LY": 25, "MC": 27, "MD": 24, "ME": 22,
    "MK": 19, "MN": 20, "MR": 27, "MT": 31, "MU": 30, "NI": 28, "NL": 18, "NO": 15, "OM": 23,
    "PK": 24, "PL": 28, "PS": 29, "PT": 25, "QA": 29, "RO": 24, "RS": 22, "RU": 33, "SA": 24,
    "SC": 31, "SD": 18, "SE": 24, "SI": 19, "SK": 24, "SM": 27, "SO": 23, "ST": 25, "SV": 28,
    "TL": 23, "TN": 24, "TR": 26, "UA": 29, "VA": 22, "VG": 24, "XK": 20, "YE": 30,
}  # fmt: skip
"""Characters of each country's numbers (SWIFT, IBAN Registry)."""
OF_DIGITS = frozenset({
    "AE", "AT", "BA", "BE", "BI", "CR", "CZ", "DE", "DK", "EE", "EG", "ES", "FI", "FO", "GL", "HR",
    "HU", "IL", "IS", "LT", "LY", "ME", "MN", "MR", "NO", "PL", "PT", "RS", "SD", "SE", "SI", "SK",
    "SO", "ST", "TL", "TN", "VA", "XK",
})  # fmt: skip
"""Countries whose numbers hold no letter after their own two (the same)."""


def iban(text: str) -> Iterator[Found]:
    """International bank account numbers: the country's length, and ISO 13616's check digits."""
    plain = levelled(text)
    after = 0
    for found in _COUNTRY.finditer(plain):
        length = IBAN_LENGTHS.get((found[1] + found[2]).upper())
        if length is None or found.start() < after:
            continue
        taken = _characters(plain, found.start(), length)
        if taken is None:
            continue
        chars, end = taken
        least = length - 4 if chars[:2] in OF_DIGITS else _DIGITS
        if sum(map(str.isdigit, chars[4:])) >= least and mod_97(chars[4:] + chars[:4]):
            after = end
            yield Found(found.start(), end)


def _characters(plain: str, start: int, count: int) -> tuple[str, int] | None:
    """``count`` letters and digits from ``start`` on, over the few signs between them, which are
    then at an end; and the place after them."""
    made, at, apart = "", start, 0
    while at < len(plain) and len(made) < count:
        char = plain[at]
        apart = 0 if char.isalnum() else apart + 1
        if apart > _APART or (char.isalnum() and not char.isascii()):
            return None
        if not apart:
            made += char.upper()
        at += 1
    if len(made) < count or (at < len(plain) and plain[at].isalnum()):
        return None
    return made, at
