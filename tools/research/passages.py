"""An article is cut into passages: pieces short enough to read on a card, whole in their sense.

A passage never crosses a heading. Its text is a slice of the article, so that it stands there
verbatim; the first of a section begins with the section's heading, which often says what it is
about. The article's own title is left out.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

PASSAGE_CHARACTERS = 700
"""About this long; a paragraph or list that is longer is cut at a line's or sentence's end."""

_HEADING = re.compile(r"^ {0,3}#{1,6}[ \t]+(.*?)[ \t]*#*[ \t]*$")
_BREAK = re.compile(r"\n[ \t]*\n")
_SENTENCE_END = re.compile(r"(?<=[.!?…。！？])[\"'”’)]*\s+|\n+|(?<=[。！？])")


@dataclass(frozen=True)
class Piece:
    """A slice ``text[start:end]`` of an article, and the heading that it stands under."""

    start: int
    end: int
    heading: str


def cut(text: str, size: int = PASSAGE_CHARACTERS) -> list[Piece]:
    """The passages of an article in their order."""
    pieces: list[Piece] = []
    heading = ""
    lead: int | None = None
    growing = False
    for start, end in _blocks(text):
        first_line = text[start:end].split("\n", 1)[0]
        if found := _HEADING.match(first_line):
            is_title = not pieces and not heading and _is_first_level(first_line)
            heading, growing = found[1], False
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
        if line > start and _HEADING.match(text[line:following].rstrip("\n")):
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
