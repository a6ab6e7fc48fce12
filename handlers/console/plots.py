"""Plots as inline SVG: presentation attributes and classes only, so that the strict policy holds.

Colours come from the page's stylesheet by class. Each plot is an image with a name; its numbers
stand in a table beside it for those who do not see it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from markupsafe import Markup, escape

WIDTH: Final = 560
HEIGHT: Final = 190
_LEFT, _RIGHT, _TOP, _BOTTOM = 58, 18, 10, 24
_GRID: Final = 4


@dataclass(frozen=True)
class Line:
    """One series: its name and a value for each step; None where nothing was measured."""

    name: str
    values: tuple[float | None, ...]


def bars(title: str, steps: Sequence[str], series: Sequence[Line], unit: str = "") -> Markup:
    """Stacked bars, the first series at the bottom."""
    tops = [sum(line.values[at] or 0 for line in series) for at in range(len(steps))]
    most = _ceiling(max(tops, default=0))
    slot = (WIDTH - _LEFT - _RIGHT) / max(len(steps), 1)
    wide = max(slot * 0.68, 1.5)
    drawn = []
    for at in range(len(steps)):
        base = 0.0
        for number, line in enumerate(series):
            value = line.values[at] or 0
            if value <= 0:
                continue
            y0, y1 = _y(base, most), _y(base + value, most)
            x = _LEFT + slot * at + (slot - wide) / 2
            words = f"{steps[at]}: {line.name} {_short(value, unit)}"
            drawn.append(
                f'<rect class="c{number % 5}" x="{x:.1f}" y="{y1:.1f}" width="{wide:.1f}" '
                f'height="{max(y0 - y1, 0.8):.1f}"><title>{escape(words)}</title></rect>'
            )
            base += value
    return _plot(title, steps, most, unit, slot, drawn)


def lines(title: str, steps: Sequence[str], series: Sequence[Line], unit: str = "") -> Markup:
    """Lines with a point at each measured step; a gap where nothing was."""
    known = [value for line in series for value in line.values if value is not None]
    most = _ceiling(max(known, default=0))
    slot = (WIDTH - _LEFT - _RIGHT) / max(len(steps), 1)
    drawn = []
    for number, line in enumerate(series):
        path, pen = [], "M"
        for at, value in enumerate(line.values):
            if value is None:
                pen = "M"
                continue
            x, y = _LEFT + slot * (at + 0.5), _y(value, most)
            path.append(f"{pen}{x:.1f} {y:.1f}")
            pen = "L"
            words = f"{steps[at]}: {line.name} {_short(value, unit)}"
            drawn.append(
                f'<circle class="c{number % 5}" cx="{x:.1f}" cy="{y:.1f}" r="2.6">'
                f"<title>{escape(words)}</title></circle>"
            )
        if path:
            drawn.insert(0, f'<path class="l{number % 3}" d="{" ".join(path)}"/>')
    return _plot(title, steps, most, unit, slot, drawn)


def share(part: float, whole: float, number: int = 0) -> Markup:
    """A bar that is ``part`` of its track."""
    width = 0.0 if whole <= 0 else min(max(part / whole, 0.0), 1.0) * 100
    return Markup(  # noqa: S704 - numbers of ours only
        '<svg viewBox="0 0 100 10" preserveAspectRatio="none" aria-hidden="true" class="plot">'
        '<rect class="track" width="100" height="10"/>'
        f'<rect class="c{number % 5}" width="{width:.2f}" height="10"/></svg>'
    )


def _plot(
    title: str, steps: Sequence[str], most: float, unit: str, slot: float, drawn: Sequence[str]
) -> Markup:
    rules = []
    for at in range(_GRID + 1):
        value = most * at / _GRID
        y = _y(value, most)
        kind = "base" if at == 0 else "rule"
        rules.append(
            f'<line class="{kind}" x1="{_LEFT}" x2="{WIDTH - _RIGHT}" y1="{y:.1f}" y2="{y:.1f}"/>'
            f'<text x="{_LEFT - 6}" y="{y + 4:.1f}" text-anchor="end">'
            f"{escape(_short(value, unit))}</text>"
        )
    every = max(1, math.ceil(len(steps) / 8))
    for at in range(0, len(steps), every):
        x = _LEFT + slot * (at + 0.5)
        rules.append(
            f'<text x="{x:.1f}" y="{HEIGHT - 7}" text-anchor="middle">{escape(steps[at])}</text>'
        )
    body = "".join([*rules, *drawn])
    return Markup(  # noqa: S704 - every text in it is escaped above
        f'<svg class="plot" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" '
        f'aria-label="{escape(title)}">{body}</svg>'
    )


def _y(value: float, most: float) -> float:
    room = HEIGHT - _TOP - _BOTTOM
    return _TOP + room * (1 - (value / most if most else 0))


def _ceiling(value: float) -> float:
    """A round number not below ``value`` that four rules divide well."""
    if value <= 0:
        return 4.0
    size = 10.0 ** math.floor(math.log10(value))
    for factor in (1, 1.2, 1.6, 2, 2.4, 3.2, 4, 6, 8, 10):
        if factor * size >= value:
            most = factor * size
            # Counts need whole steps.
            return max(most, 4.0) if value >= 1 else most
    return 10 * size


def _short(value: float, unit: str) -> str:
    if unit == "$":
        return f"${value:.2f}" if value >= 0.1 or value == 0 else f"${value:.4f}"
    if unit == "%":
        return f"{value:.0f} %"
    if unit == "s" and 0 < value < 1:
        return f"{value * 1000:.0f} ms"
    if unit == "s" and value >= 120:
        return f"{value / 60:.0f} min" if value < 7200 else f"{value / 3600:.0f} h"
    number = f"{value:,.0f}" if value >= 10 or value == int(value) else f"{value:.1f}"
    return f"{number} {unit}".strip()
