"""Figures as an Adaptive Card: lines in groups, and how they went over time.

Teams draws charts (learn.microsoft.com, *Charts in Adaptive Cards*), but they are none of the
schema's 1.5 elements, so a chart is sent only to a client that says it is Teams' own; everybody
else gets the table that is its ``fallback``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

from handlers.figures import groups, title
from handlers.inert import one_line
from handlers.teams_card import fitted, plain_card
from handlers.teams_inert import Json, bold, line, runs

_DRAWS: Final = frozenset({"Windows", "Mac", "Web"})
"""Platforms of ``clientInfo`` whose clients draw charts."""
_COLORS: Final = ("good", "categoricalBlue", "attention", "warning")
_FIRST: Final = re.compile(r"[^,(]*[^,( ]")
"""A line's own figure, before what it is compared with."""
_ROWS: Final = 24
_LINES: Final = 60


def draws_charts(activity: Mapping[str, Any]) -> bool:
    """Whether the client that sent this activity is one of Teams' that draws charts: its
    ``clientInfo`` entity names the platform."""
    entities = activity.get("entities")
    return any(
        isinstance(entity, dict)
        and entity.get("type") == "clientInfo"
        and entity.get("platform") in _DRAWS
        for entity in (entities if isinstance(entities, list) else ())
    )


def figures_activity(
    figures: Mapping[str, Any],
    chart: Mapping[str, Any] | None = None,
    playbook: str | None = None,
    *,
    charts: bool = False,
) -> Json:
    """``agent status``: ``figures`` as ``Overview.figures`` gives them, ``chart`` as
    ``slack_figures.chart`` makes it. ``charts``: the asker's client draws them."""
    heading = title(figures, playbook)
    body = [line(bold(one_line(heading), size="Large"))]
    said: list[str] = []
    for name, lines in groups(figures):
        items = [line(bold(name)), *(_figure(one) for one in lines)]
        body.append({"type": "Container", "items": items, "spacing": "Medium"})
        said += lines
    return plain_card(body + _charted(chart, charts=charts), heading, said)


def lines_activity(
    heading: str,
    lines: Sequence[str],
    chart: Mapping[str, Any] | None = None,
    *,
    charts: bool = False,
) -> Json:
    """Any other answer: lines as they are, ``word: figure`` with the first figure in bold. Literal
    whatever stands in them."""

    def drawn(words: Sequence[str]) -> Json:
        body = [line(bold(one_line(heading)[:150] or "–", size="Large"))]
        body += [_figure(one) for one in words]
        return plain_card(body + _charted(chart, charts=charts), heading, words)

    return fitted(lines, _LINES, drawn)


def _figure(words: str) -> Json:
    name, colon, rest = words.partition(": ")
    if not colon or len(name) > 40:
        return line(runs(words, linked=True), spacing="Small")
    first = _FIRST.match(rest)
    figure = first.group() if first else ""
    return line(
        runs(f"{name}: ", isSubtle=True), bold(figure), runs(rest[len(figure) :]), spacing="Small"
    )


# --- the chart --------------------------------------------------------------------------------


def _charted(chart: Mapping[str, Any] | None, *, charts: bool) -> list[Json]:
    if chart is None:
        return []
    items = [line(bold(one_line(str(chart["title"])))), _table(chart["chart"])]
    stands = {"type": "Container", "items": items, "spacing": "Large", "separator": True}
    # Of nothing a client draws an axis of thousandths.
    some = any(one["value"] for series in chart["chart"]["series"][1:] for one in series["data"])
    if not charts or not some:
        return [stands]
    return [{**_bars(chart), "spacing": "Large", "fallback": stands}]


def _bars(chart: Mapping[str, Any]) -> Json:
    """What became of the tickets, stacked: the first series is their number, the sum of the rest
    in time."""
    axes = chart["chart"]["axis_config"]
    names, unit = _short(axes["categories"])
    return {
        "type": "Chart.VerticalBar.Grouped",
        "title": chart["title"],
        "stacked": True,
        "xAxisTitle": f"{unit}, {axes['x_label']}",
        "yAxisTitle": axes["y_label"],
        "data": [
            {
                "legend": series["name"],
                "color": color,
                "values": [
                    {"x": name, "y": one["value"]}
                    for name, one in zip(names, series["data"], strict=True)
                ],
            }
            for series, color in zip(chart["chart"]["series"][1:], _COLORS, strict=False)
        ],
    }


def _short(labels: Sequence[str]) -> tuple[list[str], str]:
    """Labels as short as bars are wide, for clients cut them to three characters, and their unit:
    ``22 14:00`` is 14, ``Nov 22`` is 22. Bars of one label would be one bar, so where a day or
    month comes round again the earlier one keeps its own."""
    unit = "Hour" if all(":" in label for label in labels) else "Day"
    short = [label.split()[-1].partition(":")[0] for label in labels]
    later = (short[at + 1 :] for at in range(len(short)))
    pairs = zip(labels, short, later, strict=True)
    return [label if name in rest else name for label, name, rest in pairs], unit


def _table(chart: Mapping[str, Any]) -> Json:
    """The newest rows; a row without a figure is left out."""
    series = chart["series"]
    rows = [
        [label, *(one["data"][at]["value"] for one in series)]
        for at, label in enumerate(chart["axis_config"]["categories"])
    ]
    kept = [row for row in rows if any(row[1:])][-_ROWS:]
    names = [chart["axis_config"]["x_label"], *(one["name"] for one in series)]
    cells = [[_cell(name, head=True) for name in names]]
    cells += [[_cell(str(one)) for one in row] for row in kept]
    if not kept:
        return line(runs("Nothing in this time.", italic=True))
    return {
        "type": "Table",
        "columns": [{"width": 2 if at == 0 else 1} for at in range(len(names))],
        "showGridLines": False,
        "rows": [{"type": "TableRow", "cells": row} for row in cells],
    }


def _cell(words: str, *, head: bool = False) -> Json:
    text = bold(words, size="Small") if head else runs(words, size="Small")
    return {"type": "TableCell", "items": [line(text)]}
