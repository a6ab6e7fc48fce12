"""The part of a passage to quote, always a verbatim slice of it, and Markdown as plain text."""

from __future__ import annotations

import re
from collections.abc import Sequence

from bot.models.local.concepts import concepts
from bot.models.local.words import stems
from bot.terms import STOP_WORDS

QUOTE_CHARACTERS = 420
"""A whole passage up to this long is quoted; of a longer one the sentences that fit best."""

_LINE = re.compile(r"[^\n]+")
_SENTENCE = re.compile(r"[^.!?…\n]+(?:[.!?…](?!\s|$)[^.!?…\n]*)*[.!?…]*")
_ABBREVIATED = re.compile(
    r"(?:\b(?:e\.g|i\.e|etc|approx|no|vs|mr|mrs|ms|dr|z\.B|ca)\.|^\d+\.)$", re.I
)
LIST_ITEM = re.compile(r"[ \t]*(?:[-*•+]|\d{1,2}[.)])[ \t]+")
LEANING = re.compile(
    r"(?:it|this|that|these|those|then|otherwise|if not|if so|they|he|she|also|but|and|or|so|after"
    r" that|there|such|both|in that case|er|sie|dies\w*|dann|sonst)\b",
    re.IGNORECASE,
)
_LINK = re.compile(r"!?\[([^\]]*)\]\(([^)\s]*)[^)]*\)")
_EMPHASIS = re.compile(r"(\*\*|__|`)(?=\S)(.+?)(?<=\S)\1")
_ITALIC = re.compile(r"(?<![\w*])\*(?=\S)([^*\n]+?)(?<=\S)\*(?![\w*])")
_HEADING = re.compile(r"^[ \t]*#{1,6}[ \t]+(.+?)[ \t]*#*[ \t]*$\n*", re.MULTILINE)
_HEADED = re.compile(r"\s*(?:#{1,6}(?:[ \t][^\n]*)?(?:\n\s*|\Z))+")
_QUOTED = re.compile(r"^[ \t]*>[ \t]?", re.MULTILINE)
_TABLE = re.compile(r"^[ \t]*\|(.*)\|[ \t]*$", re.MULTILINE)
_RULE = re.compile(r"^[ \t|:-]*-{3,}[ \t|:-]*\n?", re.MULTILINE)


def without_heading(passage: str) -> str:
    """``passage`` after the heading lines that it begins with: a slice, perhaps empty."""
    headed = _HEADED.match(passage)
    return passage[headed.end() :] if headed else passage


def heading_of(passage: str) -> str:
    """The heading that ``passage`` begins with, without its marks; empty: it has none."""
    headed = _HEADED.match(passage)
    lines = headed[0].strip().splitlines() if headed else []
    return plain(lines[-1].strip().strip("#").strip()) if lines else ""


def best_part(passage: str, question: str) -> str:
    """The part of ``passage`` to quote: all of a short one, else the sentences that fit best.

    Always a verbatim slice, and never its heading. A list is kept whole with the line that leads
    to it.
    """
    passage = without_heading(passage).strip()
    if len(passage) <= QUOTE_CHARACTERS:
        return passage
    spans = _units(passage)
    gains = _gains(passage, spans, question)
    if not spans or max(gains) == 0:
        return _slice(passage, spans[: 3 if spans else 0]) or passage[:QUOTE_CHARACTERS]
    first = last = gains.index(max(gains))
    # What leans on the sentence before it is not understood alone.
    while first > 0 and LEANING.match(passage[spans[first][0] :]):
        first -= 1
    while True:
        before = gains[first - 1] if first > 0 else -1.0
        after = gains[last + 1] if last + 1 < len(spans) else -1.0
        if max(before, after) <= 0:
            break
        grown = (first - 1, last) if before > after else (first, last + 1)
        if spans[grown[1]][1] - spans[grown[0]][0] > QUOTE_CHARACTERS:
            break
        first, last = grown
    return _slice(passage, spans[first : last + 1])


def _slice(passage: str, spans: Sequence[tuple[int, int]]) -> str:
    return passage[spans[0][0] : spans[-1][1]] if spans else ""


def _units(passage: str) -> list[tuple[int, int]]:
    """Sentences and whole lists of a passage, as slices."""
    units: list[tuple[int, int]] = []
    in_list = False
    for line in _LINE.finditer(passage):
        start, end = line.span()
        if LIST_ITEM.match(passage, start, end):
            leads = bool(units) and passage[units[-1][0] : units[-1][1]].rstrip().endswith(":")
            if (in_list or leads) and units:
                units[-1] = (units[-1][0], end)
            else:
                units.append((start, end))
            in_list = True
            continue
        in_list = False
        for found in _SENTENCE.finditer(passage, start, end):
            begin, stop = _strip(passage, *found.span())
            if begin == stop:
                continue
            previous = passage[units[-1][0] : units[-1][1]] if units else ""
            if units and units[-1][0] >= start and _ABBREVIATED.search(previous):
                units[-1] = (units[-1][0], stop)
            else:
                units.append((begin, stop))
    return units


def _strip(text: str, start: int, end: int) -> tuple[int, int]:
    while start < end and text[start].isspace():
        start += 1
    while end > start and text[end - 1].isspace():
        end -= 1
    return start, end


def _gains(passage: str, spans: Sequence[tuple[int, int]], question: str) -> list[float]:
    """How much of the question each unit says: its words, and half of that for like ones."""
    said = stems(question)
    asked = {stem for stem in said if stem not in STOP_WORDS and len(stem) > 2}
    meant = set(concepts(said))
    gains = []
    for start, end in spans:
        unit = stems(passage[start:end])
        direct = len(asked & set(unit))
        like = len(meant & set(concepts(unit)))
        gains.append((direct + 0.5 * like) / (len(unit) + 8) ** 0.5)
    return gains


def plain(markdown: str) -> str:
    """Markdown as text that is read in a message: links by their words, no marks of emphasis."""
    text = _LINK.sub(_link_words, markdown)
    text = _EMPHASIS.sub(r"\2", text)
    text = _ITALIC.sub(r"\1", text)
    text = _RULE.sub("", text)
    text = _TABLE.sub(lambda row: " – ".join(cell.strip() for cell in row[1].split("|")), text)
    text = _HEADING.sub(_heading_words, _QUOTED.sub("", text))
    return text.strip()


def _heading_words(found: re.Match[str]) -> str:
    heading = found[1]
    return f"{heading}\n" if heading.endswith((".", "?", "!", ":")) else f"{heading}:\n"


def _link_words(found: re.Match[str]) -> str:
    shown, target = found[1], found[2]
    outside = target.startswith(("https://", "http://")) and target != shown
    return f"{shown} ({target})" if outside and shown else shown or target
