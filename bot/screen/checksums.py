"""Check digits, as their standards define them. Each takes characters and says whether they fit."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

_D5 = tuple(
    tuple(
        (a + b) % 5 if a < 5 and b < 5
        else 5 + (a + b) % 5 if a < 5
        else 5 + (a - b) % 5 if b < 5
        else (a - b) % 5
        for b in range(10)
    )
    for a in range(10)
)  # fmt: skip
"""The multiplication of the dihedral group of order ten (J. Verhoeff, 1969)."""
_STEP = (1, 5, 7, 6, 2, 8, 3, 0, 9, 4)


def luhn(digits: str) -> bool:
    """ISO/IEC 7812-1, annex B."""
    total = 0
    for place, char in enumerate(reversed(digits)):
        value = int(char) * (2 if place % 2 else 1)
        total += value - 9 if value > 9 else value
    return total % 10 == 0


def mod_97(text: str) -> bool:
    """ISO/IEC 7064 MOD 97-10 of letters (A is 10) and digits: the remainder is 1."""
    return int("".join(str(int(char, 36)) for char in text)) % 97 == 1


def mod_11_10(digits: str) -> bool:
    """ISO/IEC 7064 MOD 11,10, the last digit being the check."""
    product = 10
    for char in digits[:-1]:
        total = (int(char) + product) % 10 or 10
        product = total * 2 % 11
    return (11 - product) % 10 == int(digits[-1])


def verhoeff(digits: str) -> bool:
    """J. Verhoeff, Error Detecting Decimal Codes (1969)."""
    check = 0
    for place, char in enumerate(reversed(digits)):
        value = int(char)
        for _ in range(place % 8):
            value = _STEP[value]
        check = _D5[check][value]
    return check == 0


def weighted(digits: str, weights: Sequence[int]) -> int:
    """The sum of digits by their weights; whichever is longer is not read to its end."""
    return sum(int(char) * weight for char, weight in zip(digits, weights, strict=False))


def is_date(year: int, month: int, day: int) -> bool:
    """A day of the calendar that somebody alive may be born on, or may be by a century's doubt."""
    try:
        date(year, month, day)
    except ValueError:
        return False
    return True


def short_date(year: str, month: str, day: str) -> bool:
    """The same of a year in two digits: of one century or the other."""
    return any(is_date(century + int(year), int(month), int(day)) for century in (1900, 2000))
