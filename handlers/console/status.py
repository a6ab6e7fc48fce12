"""The figures of a window, over time and by playbook, route, model and prompt version."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, get_args
from urllib.parse import urlencode

from markupsafe import Markup
from starlette.requests import Request
from starlette.responses import Response

from bot.overview import Board, Dimension, Overview, Share, Step, Window, window_of
from handlers.console import plots
from handlers.console.asking import Visitor
from handlers.console.pages import page
from handlers.console.parts import ConsoleParts

_WORDS: Final[Mapping[Dimension, str]] = {
    "playbook": "Playbook",
    "route": "Route",
    "model": "Model",
    "prompt_version": "Prompt version",
}
_LONGEST: Final = 120


@dataclass(frozen=True)
class Wanted:
    """What the page is about."""

    window: Window = "24h"
    playbook: str | None = None
    route: str | None = None
    model: str | None = None
    prompt_version: str | None = None

    @property
    def of(self) -> dict[str, str]:
        """Every filter that is set."""
        given = {name: getattr(self, name) for name in _WORDS}
        return {name: value for name, value in given.items() if value is not None}

    @property
    def address(self) -> str:
        query = {"window": self.window, **self.of}
        return f"/console/status?{urlencode(query)}"

    def but(self, **changed: Any) -> str:
        """The address of the same page with something else."""
        return replace(self, **changed).address


@dataclass(frozen=True)
class Plot:
    """A plot, its legend, and its numbers as a table."""

    title: str
    drawn: Markup
    legend: tuple[str, ...]
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


@dataclass(frozen=True)
class Part:
    """One line of a breakdown."""

    name: str
    address: str
    tickets: int
    approved: int
    edited: int
    rejected: int
    handoffs: int
    waiting: int
    kept: float | None
    usd: float
    bar: Markup


async def status(parts: ConsoleParts, request: Request, visitor: Visitor) -> Response:
    """``/console/status``: counts, which every full member may see."""
    query = request.query_params
    given = {name: (query.get(name) or "")[:_LONGEST] or None for name in _WORDS}
    wanted = Wanted(window_of(query.get("window", "")) or "24h", **given)
    overview: Overview = parts.overview
    board = await overview.board(wanted.window, **wanted.of)
    figures, steps = board.figures, board.steps
    shares = []
    for by, found in board.shares.items():
        if by not in wanted.of and (len(found) > 1 or (found and by != "playbook")):
            shares.append((_WORDS[by], _parts(wanted, by, found)))
    return page(
        request,
        "status.html",
        visitor,
        wanted=wanted,
        windows=get_args(Window),
        unknown=_unknown(parts, query.get("window", "")[:_LONGEST], wanted, board),
        filters=[
            (_WORDS[_dimension(name)], value, wanted.but(**{name: None}))
            for name, value in wanted.of.items()
        ],
        playbooks=sorted(parts.context.playbooks),
        f=figures,
        was=figures["previous"],
        plots=_plots(wanted.window, steps),
        shares=shares,
        good=_good(figures),
        reasons=[
            ("Why a person was needed", figures["handoffs"]["by_reason"]),
            ("Why drafts were rejected", figures["drafts"]["by_reason"]),
            ("Why handoffs were closed", figures["closed"]["by_reason"]),
        ],
        share=plots.share,
    )


def _unknown(parts: ConsoleParts, window: str, wanted: Wanted, board: Board) -> list[str]:
    """What was asked for and is none, or has nothing to count here: nought is no answer to it."""
    said = []
    if window and window_of(window) is None:
        said.append(f"There is no window “{window}”: these are the last {wanted.window}.")
    books = parts.context.playbooks
    known: dict[str, set[str]] = {
        "playbook": set(books),
        "route": {route for book in books.values() for route in book.routes},
    }
    for name, value in wanted.of.items():
        if value not in known.get(name, ()) and not board.shares[_dimension(name)]:
            what = _WORDS[_dimension(name)].lower()
            said.append(f"Nothing is known of a {what} “{value}” in this window.")
    return said


def _dimension(name: str) -> Dimension:
    return next(known for known in get_args(Dimension) if known == name)


def _good(figures: Mapping[str, Any]) -> float | None:
    """The share of decided drafts that were approved as they were; None: nothing was decided."""
    drafts = figures["drafts"]
    decided = drafts["approved"] + drafts["edited"] + drafts["rejected"]
    return drafts["approved"] / decided if decided else None


def _parts(wanted: Wanted, by: Dimension, found: Sequence[Share]) -> list[Part]:
    most = max((one.figures["tickets"] for one in found), default=0)
    shown = []
    for one in found:
        counted = one.figures
        shown.append(
            Part(
                name=one.name,
                address=wanted.but(**{by: one.name}),
                tickets=counted["tickets"],
                approved=counted["approved"],
                edited=counted["edited"],
                rejected=counted["rejected"]["total"],
                handoffs=counted["handoffs"]["total"],
                waiting=one.waiting.total,
                kept=counted["kept_share"],
                usd=counted["model"]["usd"],
                bar=plots.share(counted["tickets"], most),
            )
        )
    return shown


def _plots(window: Window, steps: Sequence[Step]) -> list[Plot]:
    names = [f"{one.start:%H:%M}" if window == "24h" else f"{one.start:%d %b}" for one in steps]

    def series(**read: Callable[[dict[str, Any]], float | None]) -> list[plots.Line]:
        return [
            plots.Line(name.replace("_", " "), tuple(take(one.figures) for one in steps))
            for name, take in read.items()
        ]

    per = "hour (UTC)" if window == "24h" else "day (UTC)"
    drawn = (
        (
            f"What became of drafts, by {per}",
            plots.bars,
            series(
                approved=lambda f: f["drafts"]["approved"],
                edited=lambda f: f["drafts"]["edited"],
                handed_to_a_person=lambda f: f["handoffs"]["total"],
                rejected=lambda f: f["drafts"]["rejected"],
                expired=lambda f: f["expired"],
            ),
            "",
        ),
        (f"Tickets in, by {per}", plots.bars, series(tickets=lambda f: f["tickets"]), ""),
        (
            "From a ticket to its card",
            plots.lines,
            series(
                median=lambda f: f["time_to_card_s"]["p50"],
                p95=lambda f: f["time_to_card_s"]["p95"],
                p99=lambda f: f["time_to_card_s"]["p99"],
            ),
            "s",
        ),
        (
            "From a card to its decision",
            plots.lines,
            series(
                median=lambda f: f["time_to_decision_s"]["p50"],
                p95=lambda f: f["time_to_decision_s"]["p95"],
            ),
            "s",
        ),
        (
            "How much of the draft was kept",
            plots.lines,
            series(kept=lambda f: None if f["kept_share"] is None else f["kept_share"] * 100),
            "%",
        ),
        (f"Cost, by {per}", plots.bars, series(dollars=lambda f: f["model"]["usd"]), "$"),
    )
    return [_plot(title, draw, names, found, unit) for title, draw, found, unit in drawn]


def _plot(
    title: str,
    draw: Callable[[str, Sequence[str], Sequence[plots.Line], str], Markup],
    names: Sequence[str],
    found: Sequence[plots.Line],
    unit: str,
) -> Plot:
    rows = tuple(
        (names[at], *(_cell(line.values[at], unit) for line in found))
        for at in range(len(names))
        if any(line.values[at] for line in found)
    )
    return Plot(
        title=title,
        drawn=draw(title, names, found, unit),
        legend=tuple(line.name for line in found) if len(found) > 1 else (),
        columns=tuple(line.name for line in found),
        rows=rows,
    )


def _cell(value: float | None, unit: str) -> str:
    if value is None:
        return "–"
    match unit:
        case "$":
            return f"${value:.4f}"
        case "s":
            return f"{value:.1f} s"
        case "%":
            return f"{value:.0f} %"
        case _:
            return f"{value:,.0f}"
