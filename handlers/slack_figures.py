"""Figures as Slack shows them: lines, a chart with a table to stand for it, and what can be shared.

The words are ``handlers.figures``'; here they are escaped and laid out.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from bot.overview import Step
from handlers import slack_inert as inert
from handlers.figures import WINDOWS, groups, title
from handlers.slack_inert import Json, escape

SHARE_ACTION: Final = "deskhand.share_answer"
_SECTION: Final = 2_900
"""Characters of one section; Slack's limit is 3,000 (docs.slack.dev, section block)."""
_POINTS: Final = 20
"""Points of a chart's series; with the other limits in docs.slack.dev, data visualization block."""
_SERIES: Final = (("tickets", "tickets"), ("approved", "approved"), ("edited", "edited"),
                  ("rejected", "rejected"), ("handoffs", "handoff"))  # fmt: skip
_COLUMNS: Final = (("Now", "Came in", "Actions"), ("Decided",))
"""Groups side by side; the others, whose lines are longer, stand below."""


def status_text(figures: Mapping[str, Any], playbook: str | None = None) -> str:
    """All of it as lines."""
    lines = [f"*{escape(title(figures, playbook))}*"]
    for _, some in groups(figures):
        lines += map(escape, some)
    return "\n".join(lines)


def status_blocks(figures: Mapping[str, Any], playbook: str | None = None) -> list[Json]:
    """All of it as blocks: what a manager looks for first stands first, in two columns."""
    made = {name: "\n".join((f"*{name}*", *map(escape, lines))) for name, lines in groups(figures)}
    columns = ["\n\n".join(made.pop(name) for name in names) for names in _COLUMNS]
    return [
        {"type": "header", "text": inert.plain(title(figures, playbook), 150)},
        {"type": "section", "fields": [inert.mrkdwn(text) for text in columns]},
        *({"type": "section", "text": inert.mrkdwn(text)} for text in made.values()),
    ]


# --- the chart --------------------------------------------------------------------------------


def chart(window: str, steps: Sequence[Step]) -> Json:
    """What came in and what was decided over the window, as a ``data_visualization`` block."""
    points = _points(steps)
    return {
        "type": "data_visualization",
        "title": f"Tickets and decisions, {WINDOWS[window]}",
        "chart": {
            "type": "line",
            "series": [
                {
                    "name": word,
                    "data": [{"label": label, "value": sums[figure]} for label, sums in points],
                }
                for figure, word in _SERIES
            ],
            "axis_config": {
                "categories": [label for label, _ in points],
                "x_label": "UTC",
                "y_label": "How many",
            },
        },
    }


def table(window: str, steps: Sequence[Step]) -> str:
    """The same as text, for where the chart cannot be shown."""
    words = [word for _, word in _SERIES]
    rows = [("UTC", *words)]
    for label, sums in _points(steps):
        rows.append((label, *(str(sums[figure]) for figure, _ in _SERIES)))
    widths = [max(len(row[at]) for row in rows) for at in range(len(rows[0]))]
    lines = [
        "  ".join(cell.rjust(width) for cell, width in zip(row, widths, strict=True))
        for row in rows
    ]
    body = "\n".join(lines)
    return f"*Tickets and decisions, {WINDOWS[window]}*\n```\n{body}\n```"


def _points(steps: Sequence[Step]) -> list[tuple[str, dict[str, int]]]:
    """At most so many points as a chart takes: neighbours are summed."""
    size = -(-len(steps) // _POINTS)
    points = []
    for at in range(0, len(steps), size):
        some = steps[at : at + size]
        sums = {figure: sum(_number(step, figure) for step in some) for figure, _ in _SERIES}
        points.append((_label(some[0].start, steps), sums))
    return points


def _number(step: Step, figure: str) -> int:
    found = step.figures[figure]
    return int(found["total"] if isinstance(found, dict) else found)


def _label(start: datetime, steps: Sequence[Step]) -> str:
    hours = (steps[-1].end - steps[0].start).total_seconds() <= 25 * 3600
    return f"{start:%d %H:%M}" if hours else f"{start:%b %d}"


# --- answers ----------------------------------------------------------------------------------


def share_button(words: str) -> Json:
    """*Share to channel*: its value is what was asked, and is answered anew for everybody. Slack
    asks first, for guests may not ask for figures themselves."""
    return {
        "type": "actions",
        "elements": [
            {
                "type": "button",
                "action_id": SHARE_ACTION,
                "text": inert.plain("Share to channel", 75),
                "value": words[:1_900],
                "confirm": {
                    "title": inert.plain("Share to channel", 100),
                    "text": inert.plain(
                        "Everybody in this channel will see these figures, guests among them.", 300
                    ),
                    "confirm": inert.plain("Share", 30),
                    "deny": inert.plain("Cancel", 30),
                },
            }
        ],
    }


def sections(text: str) -> list[Json]:
    """Our own markup as sections, each within Slack's limit; a code block stays one in each."""
    made: list[str] = []
    room, fenced, lines = _SECTION, False, list[str]()
    for line in text.split("\n"):
        if len(line) + 9 > room and lines:
            made.append("\n".join((*lines, "```") if fenced else lines))
            lines, room = (["```"] if fenced else []), _SECTION
        lines.append(line[:_SECTION])
        room -= len(line) + 1
        if line.count("```") % 2:
            fenced = not fenced
    made.append("\n".join(lines))
    return [{"type": "section", "text": inert.mrkdwn(some)} for some in made if some.strip()]
