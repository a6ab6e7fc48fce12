"""What an edit changed, word by word."""

from __future__ import annotations

import re
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Literal

_TOKEN = re.compile(r"\s+|[^\s]+")
_COMPARED = 400
"""Words on each side that are compared one by one; beyond, comparing takes too long."""
_AROUND = 24
"""Tokens of unchanged text (words and the spaces between them) kept beside a change."""


@dataclass(frozen=True)
class Piece:
    """A run of text that stayed, went or came."""

    kind: Literal["same", "removed", "added"]
    text: str


def word_diff(before: str, after: str) -> tuple[Piece, ...]:
    """The way from ``before`` to ``after``; long unchanged runs are shortened to ``…``."""
    old, new = _TOKEN.findall(before), _TOKEN.findall(after)
    start = 0
    while start < min(len(old), len(new)) and old[start] == new[start]:
        start += 1
    end = 0
    while end < min(len(old), len(new)) - start and old[-1 - end] == new[-1 - end]:
        end += 1
    old_middle, new_middle = old[start : len(old) - end], new[start : len(new) - end]
    pieces = [
        *_piece("same", _shortened(old[:start], first=True)),
        *_compared(old_middle, new_middle),
        *_piece("same", _shortened(old[len(old) - end :], last=True)),
    ]
    return tuple(pieces)


def _compared(old: list[str], new: list[str]) -> list[Piece]:
    if max(len(old), len(new)) > _COMPARED or not old or not new:
        return _replaced(old, new)
    matcher = SequenceMatcher(None, old, new, autojunk=False)
    if matcher.ratio() < 0.4:
        # Too little in common: word by word would be a patchwork that nobody can read.
        return _replaced(old, new)
    pieces: list[Piece] = []
    for kind, first, last, begin, stop in matcher.get_opcodes():
        if kind == "equal":
            pieces += _piece("same", _shortened(old[first:last]))
        else:
            pieces += _replaced(old[first:last], new[begin:stop])
    return pieces


def _replaced(old: list[str], new: list[str]) -> list[Piece]:
    removed, added = _piece("removed", old), _piece("added", new)
    gap = [Piece("same", " ")] if removed and added and not "".join(new)[:1].isspace() else []
    return [*removed, *gap, *added]


def _piece(kind: Literal["same", "removed", "added"], tokens: list[str]) -> list[Piece]:
    joined = "".join(tokens)
    return [Piece(kind, joined)] if joined else []


def _shortened(tokens: list[str], *, first: bool = False, last: bool = False) -> list[str]:
    if first:
        return tokens if len(tokens) <= _AROUND else ["… ", *tokens[-_AROUND:]]
    if last:
        return tokens if len(tokens) <= _AROUND else [*tokens[:_AROUND], " …"]
    if len(tokens) <= 2 * _AROUND:
        return tokens
    return [*tokens[:_AROUND], " … ", *tokens[-_AROUND:]]
