"""Words as the checks of a draft read them: sentences, stems, figures. Pure; a heuristic on text.

Places are code points of the text that was given.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

from bot.words import STOP_WORDS

WORD = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)*|\d+(?:[.,:]\d+)*")
_SENTENCE = re.compile(r"[^.!?…\n]+(?:[.!?…](?!\s|$)[^.!?…\n]*)*[.!?…]*")
_ABBREVIATION = re.compile(
    r"(?:\b(?:e\.g|i\.e|etc|approx|no|nr|vs|mr|mrs|ms|dr|st|z\.B|ca|bzw))\.$", re.I
)
LIST_MARK = re.compile(r"(?m)^[ \t]*(?:[-*•–]|\d{1,2}[.)])[ \t]+")

NUMBER = r"\d+(?:[.,:/]\d+)*"
_NUMBERS = re.compile(NUMBER)
_NUMBER_WORDS = {
    "two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7, "eight": 8, "nine": 9,
    "ten": 10, "eleven": 11, "twelve": 12, "thirteen": 13, "fourteen": 14, "fifteen": 15,
    "sixteen": 16, "seventeen": 17, "eighteen": 18, "nineteen": 19, "twenty": 20, "thirty": 30,
    "forty": 40, "fifty": 50, "sixty": 60, "seventy": 70, "eighty": 80, "ninety": 90,
    "hundred": 100, "thousand": 1000,
}  # fmt: skip
_IN_WORDS = rf"(?:{'|'.join(_NUMBER_WORDS)})"
_UNIT = (
    r"(?:business |working |calendar )?"
    r"(?:second|minute|hour|day|week|month|year|percent|dollar|euro|pound|franc|buck|cent"
    r"|time|device|user|seat)s?"
)
COUNTED = re.compile(
    # What they begin with, first: most words are done with at their first letter.
    rf"\b(?=[{''.join(sorted({word[0] for word in _NUMBER_WORDS}))}])"
    rf"({_IN_WORDS}(?:(?:[ -]| and )(?:{_IN_WORDS}|one))*)\b(?=[ -]{_UNIT}\b)",
    re.IGNORECASE,
)
"""A number in words before what is counted; its group is the number."""


def fold(text: str) -> str:
    """``text`` with every run of white space as one space, for verbatim comparison."""
    return " ".join(text.split())


def sentences(text: str) -> list[tuple[int, int]]:
    """Where the sentences of ``text`` begin and end. A line break ends one too."""
    spans: list[tuple[int, int]] = []
    # The number of a list item is no sentence and no figure; blanks keep every place as it is.
    text = LIST_MARK.sub(lambda mark: " " * len(mark[0]), text)
    for found in _SENTENCE.finditer(text):
        start, end = found.span()
        while start < end and text[start].isspace():
            start += 1
        while end > start and text[end - 1].isspace():
            end -= 1
        if start >= end or not any(char.isalnum() for char in text[start:end]):
            continue
        if spans and _continues(text, spans[-1], start):
            spans[-1] = (spans[-1][0], end)
        else:
            spans.append((start, end))
    return spans


def _continues(text: str, before: tuple[int, int], start: int) -> bool:
    """An abbreviation has ended the last piece, not a sentence."""
    between, last = text[before[1] : start], text[before[0] : before[1]].rsplit(None, 1)[-1]
    return "\n" not in between and bool(_ABBREVIATION.search(last))


def share_of(part: frozenset[str], whole: frozenset[str]) -> float:
    """How much of ``part`` is in ``whole``: 0 to 1; of nothing, all."""
    return len(part & whole) / len(part) if part else 1.0


def stems_of(text: str) -> frozenset[str]:
    """The content words of ``text``, folded and cut to their stems."""
    words = frozenset(WORD.findall(plain_word(text))) - STOP_WORDS
    return frozenset(stem_of(word) for word in words if not word[0].isdigit())


@lru_cache(maxsize=4096)
def stem_of(word: str) -> str:
    """A word without its commonest endings: enough to match *refunds* with *refunded*."""
    for ending in ("ations", "ation", "ings", "ing", "ies", "ied", "ed", "es", "ly", "s", "e"):
        if word.endswith(ending) and len(word) - len(ending) >= 3:
            return word[: -len(ending)]
    return word


def plain_word(word: str) -> str:
    """Case-folded, with one form of each accent and apostrophe."""
    return unicodedata.normalize("NFC", word).replace("’", "'").casefold()


def figures_in(text: str) -> frozenset[str]:
    """The numbers in ``text``, whichever way their thousands are written, counted words too."""
    digits = {number_of(found) for found in _NUMBERS.findall(text)}
    return frozenset(digits | {counted(found) for found in COUNTED.findall(text)})


@lru_cache(maxsize=4096)
def counted(words: str) -> str:
    """The number of ``COUNTED``'s group as digits: *hundred and fifty* is 150."""
    whole, part = 0, 0
    for word in re.findall(r"[a-z]+", words.casefold()):
        value = _NUMBER_WORDS.get(word, 1 if word == "one" else 0)
        if value == 1000:
            whole, part = whole + max(part, 1) * value, 0
        elif value == 100:
            part = max(part, 1) * value
        else:
            part += value
    return str(whole + part)


def in_digits(text: str) -> str:
    """``text`` with its counted numbers in digits."""
    return COUNTED.sub(lambda found: counted(found[1]), text)


@lru_cache(maxsize=4096)
def number_of(text: str) -> str:
    """A figure as digits and a point, without separators of thousands and idle noughts."""
    plain = re.sub(r"[,.](?=\d{3}(?:\D|$))", "", text)
    plain = plain.replace(",", ".")
    if re.fullmatch(r"\d+\.\d+", plain):
        plain = plain.rstrip("0").rstrip(".")
    return plain.lstrip("0") or "0"
