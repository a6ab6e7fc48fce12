"""An article is cut into passages: pieces short enough to read on a card, whole in their sense.

A passage never crosses a heading. Its text is a slice of the article, so that it stands there
verbatim; the first of a section begins with the section's heading, which often says what it is
about. The article's own title is left out.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

PASSAGE_CHARACTERS = 700
"""About this long; a paragraph or list that is longer is cut at a line's or sentence's end."""

SECTION_CHARACTERS = 4_000
"""A longer article is ranked by sections of this size, so that a clause of a long contract is not
lost among all that the rest of it says."""

_BREAK = re.compile(r"\n[ \t]*\n")
_SENTENCE_END = re.compile(r"(?<=[.!?…。！？])[\"'”’)]*\s+|\n+|(?<=[。！？])")


@dataclass(frozen=True)
class Piece:
    """A slice ``text[start:end]`` of an article, and the heading that it stands under."""

    start: int
    end: int
    heading: str


def sections(
    text: str, pages: Sequence[int] = (), size: int = SECTION_CHARACTERS
) -> list[list[Piece]]:
    """The passages of an article by sections. ``pages``: where each of its pages begins; no
    passage crosses from one to the next."""
    found: list[list[Piece]] = []
    begun = 0
    for piece in _by_page(text, pages) if pages else cut(text):
        if not found or piece.end - begun > size:
            found.append([])
            begun = piece.start
        found[-1].append(piece)
    return found


def _by_page(text: str, pages: Sequence[int]) -> Iterator[Piece]:
    for begin, end in itertools.pairwise([*pages, len(text)]):
        for piece in cut(text[begin:end]):
            yield Piece(begin + piece.start, begin + piece.end, piece.heading)


def cut(text: str, size: int = PASSAGE_CHARACTERS) -> list[Piece]:
    """The passages of an article in their order."""
    pieces: list[Piece] = []
    heading = ""
    lead: int | None = None
    growing = False
    for start, end in _blocks(text):
        first_line = text[start:end].split("\n", 1)[0]
        if (found := _heading(first_line)) is not None:
            is_title = not pieces and not heading and _is_first_level(first_line)
            heading, growing = found, False
            lead = None if is_title else start
            start, end = _strip(text, start + len(first_line), end)
        for begin, stop in _split_long(text, start, end, size):
            if growing and stop - pieces[-1].start <= size:
                pieces[-1] = Piece(pieces[-1].start, stop, heading)
            else:
                begins = begin if lead is None or begin - lead > size else lead
                pieces.append(Piece(begins, stop, heading))
            growing, lead = True, None
    return pieces


def _heading(line: str) -> str | None:
    """The words of a heading's line; None: it is none. By hand, for a pattern that allows blanks
    at three places takes minutes over a long line of them."""
    marked = line.lstrip(" ")
    words = marked.lstrip("#")
    level = len(marked) - len(words)
    if len(line) - len(marked) > 3 or not 1 <= level <= 6 or words[:1] not in (" ", "\t"):
        return None
    return words.strip().rstrip("#").rstrip()


def _is_first_level(line: str) -> bool:
    return line.lstrip().startswith("# ")


def _blocks(text: str) -> Iterator[tuple[int, int]]:
    """Paragraphs, lists and headings: what blank lines and headings' own lines part."""
    begin = 0
    for match in [*_BREAK.finditer(text), None]:
        stop = match.start() if match else len(text)
        yield from _at_headings(text, begin, stop)
        begin = match.end() if match else stop


def _at_headings(text: str, begin: int, stop: int) -> Iterator[tuple[int, int]]:
    """A block, cut before each line that is a heading."""
    start = begin
    line = begin
    while line < stop:
        following = text.find("\n", line, stop)
        following = stop if following < 0 else following + 1
        if line > start and _heading(text[line:following].rstrip("\n")) is not None:
            yield from _nonempty(text, start, line)
            start = line
        line = following
    yield from _nonempty(text, start, stop)


def _nonempty(text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    start, end = _strip(text, start, end)
    if start < end:
        yield start, end


def _strip(text: str, start: int, end: int) -> tuple[int, int]:
    while start < end and text[start].isspace():
        start += 1
    while end > start and text[end - 1].isspace():
        end -= 1
    return start, end


def _split_long(text: str, start: int, end: int, size: int) -> Iterator[tuple[int, int]]:
    while end - start > size:
        ends = list(_SENTENCE_END.finditer(text, start, start + size))
        stop = next((found.start() for found in reversed(ends) if found.start() > start), 0)
        if not stop:
            # No sentence ends in reach: at a space, or in the middle of what has none.
            space = text.rfind(" ", start + 1, start + size)
            stop = space if space > 0 else start + size
        yield _strip(text, start, stop)
        start, end = _strip(text, stop, end)
    if start < end:
        yield start, end
