"""The part of a passage to quote, and in words what of a question it holds. Pure functions.

A quote is a slice of its passage of at most ``QUOTE_CHARACTERS``: the run of sentences that says
most of the question, and of those that say as much the longest.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from bot.terms import terms, words
from tools.research.ranking import K1, Query

QUOTE_CHARACTERS = 400

SEVERAL_SHARE = 0.05
ALONE_SHARE = 0.5
"""A passage answers a question if it holds two of its words and this part of its weight, or this
much of its weight by one word alone. Found by measurement, see ``docs/research.md``."""

_NAMED_WORDS = 8
_LINE = re.compile(r"[^\n]+")
_HEADING = re.compile(r"[ \t]{0,3}#{1,6}[ \t]")
_MARKER = re.compile(r"[ \t]*(?:(?:[-*+>]|\d{1,3}[.)])[ \t]+)*")
_CELL = re.compile(r"[^|\n]+")
_SENTENCE = re.compile(r"[^.!?…。！？\n]*(?:[.!?…]+(?!\s|$)[^.!?…。！？\n]*)*[.!?…。！？]*")
_WORD = re.compile(r"[^\W_]+")
_RULE = "-|:=_* \t"
"""What a line is drawn of: nothing to quote."""


@dataclass(frozen=True)
class Held:
    """Which words of a question stand somewhere, as the question writes them, weightiest first."""

    words: tuple[str, ...]
    missing: tuple[str, ...]
    share: float
    """Of the question's weight, from 0 to 1."""

    @property
    def answers(self) -> bool:
        several = len(self.words) >= 2 and self.share >= SEVERAL_SHARE
        return several or self.share >= ALONE_SHARE


def held(question: str, query: Query, text: str) -> Held:
    """What of ``question`` stands in ``text``. ``query`` is the question, weighed."""
    there = set(terms(text))
    written: dict[str, str] = {}
    for word in _WORD.findall(question):
        for term in words(word):
            written.setdefault(term, word)
    # A word that stands nowhere in the collection has no weight there and is the rarest of all.
    ordered = sorted(written, key=lambda term: -query.weights.get(term, float("inf")))
    weight = sum(weight for term, weight in query.weights.items() if term in there)
    return Held(
        tuple(written[term] for term in ordered if term in there),
        tuple(written[term] for term in ordered if term not in there),
        weight * (K1 + 1) / query.ideal if query.ideal else 0.0,
    )


def why(quote: Held, passage: Held) -> str:
    """In words: what of the question the quote holds, and its passage and title besides."""
    beside = tuple(word for word in passage.words if word not in quote.words)
    count = len(quote.words) + len(quote.missing)
    of = f"all {count} words" if not quote.missing else f"{len(quote.words)} of {count} words"
    said = f"holds {of} of the question"
    if quote.words:
        said += f": {_some(quote.words)}"
    if beside:
        said += f"; its title or the text around it: {_some(beside)}"
    if passage.missing:
        said += f"; not: {_some(passage.missing)}"
    return said


def _some(named: tuple[str, ...]) -> str:
    more = len(named) - _NAMED_WORDS
    return ", ".join(named[:_NAMED_WORDS]) + (f" and {more} more" if more > 0 else "")


def quote_of(passage: str, query: Query, *, marked: bool) -> str:
    """The part of ``passage`` to quote. ``marked``: the marks of lists and tables in it are
    Deskhand's own and stand nowhere in the file, so that a quote may not cross one."""
    units = list(_units(passage))
    best, found = (-1.0, 0), ""
    for first, (begin, _) in enumerate(units):
        seen: set[str] = set()
        for place, (start, end) in enumerate(units[first:], start=first):
            if end - begin > QUOTE_CHARACTERS:
                break
            if place > first and marked and passage[units[place - 1][1] : start].strip():
                break
            # Neighbours make pairs within one sentence; those across two are not missed.
            seen.update(terms(passage[start:end]))
            gain = sum(query.weights.get(term, 0.0) for term in seen)
            if (round(gain, 9), end - begin) > best:
                best, found = (round(gain, 9), end - begin), passage[begin:end]
    return found or passage.strip()[:QUOTE_CHARACTERS].rstrip()


def _units(passage: str) -> Iterator[tuple[int, int]]:
    """Sentences, list items and cells, without their marks; headings are left out."""
    for line in _LINE.finditer(passage):
        if _HEADING.match(line[0]):
            continue
        marks = _MARKER.match(passage, line.start(), line.end())
        begin = marks.end() if marks else line.start()
        cells = [(begin, line.end())]
        if passage.startswith("|", begin):
            cells = [cell.span() for cell in _CELL.finditer(passage, begin, line.end())]
        for cell in cells:
            for sentence in _SENTENCE.finditer(passage, *cell):
                yield from _short(passage, *sentence.span())


def _short(passage: str, begin: int, end: int) -> Iterator[tuple[int, int]]:
    """A sentence without the blanks around it, in pieces that can be quoted."""
    while begin < end:
        while begin < end and passage[begin].isspace():
            begin += 1
        stop = end
        if end - begin > QUOTE_CHARACTERS:
            space = passage.rfind(" ", begin, begin + QUOTE_CHARACTERS)
            stop = space if space > begin else begin + QUOTE_CHARACTERS
        rest = stop
        while stop > begin and passage[stop - 1].isspace():
            stop -= 1
        if begin < stop and passage[begin:stop].strip(_RULE):
            yield begin, stop
        begin = rest
