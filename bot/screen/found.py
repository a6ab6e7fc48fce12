"""What every recogniser gives, and the text that it reads."""

from __future__ import annotations

import unicodedata
from typing import NamedTuple

_DASHES = "\u2010\u2011\u2012\u2013\u2014\u2212\ufe63\uff0d"
_ASCII = {ord(dash): "-" for dash in _DASHES} | {ord("\u2044"): "/", ord("\uff20"): "@"}


class Found(NamedTuple):
    """A passage that must not go out unseen. ``start`` and ``end`` count code points."""

    start: int
    end: int


def levelled(text: str) -> str:
    """``text`` with every digit, dash and blank of Unicode as the one of ASCII.

    One code point becomes one code point, so that places in it are places in ``text``.
    """
    if text.isascii():
        return text
    return "".join(map(_level, text))


def _level(char: str) -> str:
    if char.isascii():
        return char
    if char.isdecimal():
        return str(unicodedata.decimal(char))
    if char.isspace() and char not in "\x85\u2028\u2029":
        return " "
    if "\uff21" <= char <= "\uff5a":  # full-width letters
        return unicodedata.normalize("NFKC", char)
    return _ASCII.get(ord(char), char)
