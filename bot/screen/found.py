"""What every recogniser gives, and the text that it reads."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

_DASHES = "\u2010\u2011\u2012\u2013\u2014\u2212\ufe63\uff0d"
_ASCII = {
    **{ord(dash): "-" for dash in _DASHES},
    **{0xFF1A: ":", 0xFF0E: ".", 0xFF20: "@", 0x2800: " "},
}
_BLANK = frozenset("\u115f\u1160\u3164\uffa0")
"""Letters that show nothing."""
_LATIN = str.maketrans(
    # Cyrillic, then Greek.
    "\u0430\u0435\u043e\u0440\u0441\u0443\u0445\u0456\u0458\u0455\u04bb\u0501\u051b\u051d"
    "\u0410\u0412\u0415\u041a\u041c\u041d\u041e\u0420\u0421\u0422\u0423\u0425\u0406\u0408\u0405"
    "\u03bf\u03b1\u03b9\u03ba\u03bd\u03c1\u03c4\u03c5\u03c7"
    "\u0391\u0392\u0395\u0396\u0397\u0399\u039a\u039c\u039d\u039f\u03a1\u03a4\u03a5\u03a7",
    "aeopcyxijshdqwABEKMHOPCTYXIJSoaikvptuxABEZHIKMNOPTYX",
)
"""Letters of other scripts that look like one of Latin's: the commonest of Unicode's list (UTS 39,
*confusables*)."""


class Found(NamedTuple):
    """A passage that must not go out unseen. ``start`` and ``end`` count code points."""

    start: int
    end: int


@dataclass(frozen=True)
class Plain:
    """A text as a person reads it, for recognisers: letters and digits in their plain forms, and
    nothing that is not seen. However it was written, it is found."""

    text: str
    latin: str
    """The same, and look-alikes in words that are Latin besides are Latin: for what is known by its
    letters. Not for hosts and addresses, where a look-alike is another's."""
    _places: tuple[tuple[int, int], ...] | None
    """Of each character, where what it stands for begins and ends; None: where it stands itself."""

    def within(self, found: Iterable[Found]) -> Iterator[Found]:
        """These passages of the plain text as passages of the text that it was made of."""
        for start, end in found:
            if self._places is None:
                yield Found(start, end)
            else:
                yield Found(self._places[start][0], self._places[end - 1][1])


def plain(text: str) -> Plain:
    """``text`` as it is read."""
    if text.isascii():
        return Plain(text, text, None)
    made: list[str] = []
    places: list[tuple[int, int]] = []
    for start, end in _clusters(text):
        shown = _shown(text[start:end])
        made.append(shown)
        places += [(start, end)] * len(shown)
    read = "".join(made)
    return Plain(read, _latin(read), tuple(places))


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


def _clusters(text: str) -> Iterator[tuple[int, int]]:
    """Where each character stands together with the marks that are set on it."""
    start = 0
    for at in range(1, len(text) + 1):
        if at == len(text) or not unicodedata.category(text[at]).startswith("M"):
            yield start, at
            start = at


def _shown(cluster: str) -> str:
    """What is read where a character and its marks stand."""
    first, category = cluster[0], unicodedata.category(cluster[0])
    if category == "Cf" or category.startswith("M") or first in _BLANK:
        return ""
    plainer = unicodedata.normalize("NFKC", first)
    if not first.isalnum() and not (len(plainer) == 1 and plainer.isalnum()):
        return _level(first)
    whole = unicodedata.normalize("NFKC", cluster)
    if unicodedata.normalize("NFKD", first)[0].isascii():
        # What it is composed with makes it another letter; a line through it does not.
        whole = "".join(char for char in whole if not unicodedata.category(char).startswith("M"))
    return "".join(map(_level, whole))


def _latin(text: str) -> str:
    folded = text.translate(_LATIN)
    if folded == text:
        return text
    made, start = [], 0
    for at in range(len(text) + 1):
        if at == len(text) or not text[at].isalnum():
            word = slice(start, at)
            mixed = any(char.isascii() for char in text[word])
            made += [folded[word] if mixed else text[word], text[at : at + 1]]
            start = at + 1
    return "".join(made)
