"""Plots as inline SVG. Colours come from the page's style sheet by class; every text is escaped."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from markupsafe import Markup, escape

WIDTH: Final = 480
_ROW: Final = 24
_NAME: Final = 172
_WORDS: Final = 84
_LEFT, _RIGHT, _TOP, _BOTTOM = 44, 14, 12, 38
_HEIGHT: Final = 200
_LONGEST_NAME: Final = 24
_MOST_BINS: Final = 24


@dataclass(frozen=True)
class Bar:
    """One row: how much of ``of`` it is, and what stands behind it."""

    name: str
    value: float
    of: float
    words: str
    kind: str = "c0"


def bars(title: str, rows: Sequence[Bar]) -> Markup:
    """Horizontal bars, one a row."""
    room = WIDTH - _NAME - _WORDS
    drawn = []
    for at, row in enumerate(rows):
        y = at * _ROW
        share = 0.0 if row.of <= 0 else min(max(row.value / row.of, 0.0), 1.0)
        drawn.append(
            f'<text x="{_NAME - 8}" y="{y + 16}" text-anchor="end">{escape(_cut(row.name))}'
            f"<title>{escape(row.name)}</title></text>"
            f'<rect class="track" x="{_NAME}" y="{y + 5}" width="{room}" height="14" rx="3"/>'
            f'<rect class="{row.kind}" x="{_NAME}" y="{y + 5}" width="{room * share:.1f}" '
            f'height="14" rx="3"><title>{escape(f"{row.name}: {row.words}")}</title></rect>'
            f'<text x="{_NAME + room + 8}" y="{y + 16}">{escape(row.words)}</text>'
        )
    return _svg(title, max(len(rows), 1) * _ROW, drawn)


@dataclass(frozen=True)
class Band:
    """One bin of confidence: the range that it claims and what was measured in it."""

    name: str
    start: float
    end: float
    n: int
    accuracy: float | None


def calibration(title: str, bands: Sequence[Band]) -> Markup:
    """For each bin the range that it claims, as a box, and the accuracy measured, as a bar."""
    slot = (WIDTH - _LEFT - _RIGHT) / max(len(bands), 1)
    drawn = _grid([f"{part} %" for part in (0, 25, 50, 75, 100)])
    for at, band in enumerate(bands):
        middle, wide = _LEFT + slot * (at + 0.5), slot * 0.34
        top, bottom = _y(band.end), _y(band.start)
        drawn.append(
            f'<rect class="claim" x="{middle - slot * 0.3:.1f}" y="{top:.1f}" '
            f'width="{slot * 0.6:.1f}" height="{bottom - top:.1f}" rx="3">'
            f"<title>{escape(f'{band.name}: {band.start:.0%} to {band.end:.0%}')}</title></rect>"
        )
        words = f"{band.name}, {band.n}"
        if band.accuracy is not None:
            y = _y(band.accuracy)
            inside = band.start <= band.accuracy
            drawn.append(
                f'<rect class="{"c0" if inside else "bad"}" x="{middle - wide / 2:.1f}" '
                f'y="{y:.1f}" width="{wide:.1f}" height="{max(_y(0) - y, 1):.1f}" rx="3">'
                f"<title>{escape(f'{band.accuracy:.1%} of {band.n} right')}</title></rect>"
                f'<text class="on" x="{middle:.1f}" y="{min(y + 17, _y(0) - 4):.1f}" '
                f'text-anchor="middle">{band.accuracy:.0%}</text>'
            )
        drawn.append(
            f'<text x="{middle:.1f}" y="{_HEIGHT - 18}" text-anchor="middle">{escape(words)}'
            f" {'case' if band.n == 1 else 'cases'}</text>"
        )
    return _svg(title, _HEIGHT, drawn)


def histogram(title: str, values: Sequence[float], unit: str) -> Markup:
    """How many values fall into each of up to 24 equal steps from nought to the highest."""
    most = max(values, default=0.0)
    if most <= 0:
        return _svg(title, _ROW, ['<text x="0" y="16">nothing to draw: every value is 0</text>'])
    count = max(1, min(_MOST_BINS, math.ceil(math.sqrt(len(values)) * 2)))
    step = most / count
    counts = [0] * count
    for value in values:
        counts[min(int(value / step), count - 1)] += 1
    every = math.ceil(max(counts) / 4)
    highest = every * math.ceil(max(counts) / every)
    marks = range(0, highest + 1, every)
    drawn = _grid([str(mark) for mark in marks], [mark / highest for mark in marks])
    slot = (WIDTH - _LEFT - _RIGHT) / count
    for at, number in enumerate(counts):
        if not number:
            continue
        y = _y(number / highest)
        words = f"{amount(at * step, unit)} to {amount((at + 1) * step, unit)}: {number}"
        drawn.append(
            f'<rect class="c0" x="{_LEFT + slot * at + 1:.1f}" y="{y:.1f}" '
            f'width="{max(slot - 2, 1):.1f}" height="{max(_y(0) - y, 1):.1f}" rx="2">'
            f"<title>{escape(words)}</title></rect>"
        )
    for part in range(5):
        x = _LEFT + (WIDTH - _LEFT - _RIGHT) * part / 4
        anchor = "start" if part == 0 else "end" if part == 4 else "middle"
        drawn.append(
            f'<text x="{x:.1f}" y="{_HEIGHT - 18}" text-anchor="{anchor}">'
            f"{escape(amount(most * part / 4, unit))}</text>"
        )
    return _svg(title, _HEIGHT, drawn)


def amount(value: float, unit: str) -> str:
    """A figure in few characters: seconds or dollars."""
    if not value:
        return "$0" if unit == "$" else "0 s"
    if unit == "$":
        return f"${value:.2f}" if value >= 0.1 else f"${value:.4f}"
    if value < 1:
        return f"{value * 1000:.0f} ms" if value >= 0.01 else f"{value * 1000:.1f} ms"
    return f"{value:.1f} s"


def _grid(names: Sequence[str], parts: Sequence[float] | None = None) -> list[str]:
    """Horizontal rules with their values; ``parts`` are their heights, from 0 to 1."""
    heights = parts or [at / (len(names) - 1) for at in range(len(names))]
    drawn = []
    for name, part in zip(names, heights, strict=True):
        y = _y(part)
        drawn.append(
            f'<line class="{"rule" if part else "base"}" x1="{_LEFT}" x2="{WIDTH - _RIGHT}" '
            f'y1="{y:.1f}" y2="{y:.1f}"/>'
            f'<text x="{_LEFT - 6}" y="{y + 4:.1f}" text-anchor="end">{escape(name)}</text>'
        )
    return drawn


def _y(part: float) -> float:
    return _TOP + (_HEIGHT - _TOP - _BOTTOM) * (1 - part)


def _cut(name: str) -> str:
    return name if len(name) <= _LONGEST_NAME else name[: _LONGEST_NAME - 1] + "…"


def _svg(title: str, height: float, drawn: Sequence[str]) -> Markup:
    return Markup(  # noqa: S704 - every text in it is escaped above
        f'<svg class="plot" viewBox="0 0 {WIDTH} {height:g}" role="img" '
        f'aria-label="{escape(title)}">{"".join(drawn)}</svg>'
    )
