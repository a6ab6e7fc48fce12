"""The reports as HTML: one file each, which loads nothing and runs nothing.

Whatever comes from tickets, models or files passes the templates' escaping, and the page's own
policy forbids scripts and requests besides.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from jinja2 import Environment, PackageLoader, StrictUndefined

from bot.evaluate import plots
from bot.evaluate.given import Given
from bot.evaluate.past import FIELDS, Replayed
from bot.evaluate.plots import Band, Bar
from bot.evaluate.results import BINS, Evaluation, Scored, set_name
from handlers.diff import Piece, word_diff

_MOST_LABELS = 40
_MOST_CLASSES = 16
_MOST_PAIRS = 40
_MOST_WRONG = 200
_TEXT = 240
_SURENESS = {"high": 0, "medium": 1, "low": 2, None: 3}


class Tile(NamedTuple):
    name: str
    value: str


@dataclass(frozen=True)
class About:
    """What stands at the top of an evaluation's page."""

    playbook: str
    file: str
    model: str
    prompt_version: str
    at: str


@dataclass(frozen=True)
class AboutReplay:
    """The same of a replay's. ``what``: what is other than it was."""

    what: str
    model: str
    prompt_versions: tuple[str, ...]
    at: str
    left_out: str = ""


def stamp(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M} UTC"


# --- an evaluation ----------------------------------------------------------------------------


def eval_page(evaluation: Evaluation, about: About) -> str:
    """``eval.html``."""
    figures, scored = evaluation.figures, evaluation.scored
    labels = _by_label(figures["label"]["confusion"])
    shown = sorted(labels, key=lambda bar: (bar.value / bar.of, -bar.of, bar.name))[:_MOST_LABELS]
    bands = [
        Band(each.confidence, row["from"], row["to"], row["n"], row["accuracy"])
        for each, row in zip(BINS, figures["calibration"], strict=True)
    ]
    reasons = Counter(one.given.reason for one in scored if one.given.outcome == "handoff")
    handoffs = [
        Bar(reason, count, len(scored), str(count), "wait")
        for reason, count in reasons.most_common()
    ]
    wrong = sorted(
        (one for one in scored if one.wrong),
        key=lambda one: (_SURENESS[one.given.confidence], one.case.line),
    )
    return _render(
        "eval.html",
        about=about,
        holds=_held(evaluation),
        figures=figures,
        tiles=_eval_tiles(evaluation),
        degraded=evaluation.degraded,
        labels=shown,
        more_labels=len(labels) - len(shown),
        label_plot=plots.bars("Labels right, by label", shown),
        calibration_plot=plots.calibration("Accuracy by stated confidence", bands),
        latency_plot=plots.histogram("Seconds a run", [one.seconds for one in scored], "s"),
        handoffs=handoffs,
        handoff_plot=plots.bars("Handoffs by reason", handoffs),
        cost_plot=plots.histogram(
            "Dollars a run", [float(one.given.cost_usd) for one in scored], "$"
        ),
        label_confusion=_square(figures["label"]["confusion"]),
        route_confusion=_square(figures["route"]["confusion"]),
        wrong=[_wrong(one) for one in wrong[:_MOST_WRONG]],
        more_wrong=max(0, len(wrong) - _MOST_WRONG),
        failed=evaluation.failed[:_MOST_WRONG],
        seconds=lambda value: plots.amount(value, "s"),
        dollars=lambda value: plots.amount(value, "$"),
    )


def _held(evaluation: Evaluation) -> list[str]:
    """Whose words the page may hold, for whoever erases them: tickets and their authors."""
    bodies = [one.case.body for one in evaluation.scored]
    bodies += [one.case.body for one in evaluation.failed]
    names = [body.id for body in bodies]
    for author in (body.author for body in bodies):
        names += filter(None, (author.id, author.email)) if author else ()
    return list(dict.fromkeys(names))


def _eval_tiles(evaluation: Evaluation) -> list[Tile]:
    figures = evaluation.figures
    citations = figures["citations"]
    cited = citations["supported"] + citations["struck"]
    ended = figures["cases"] - figures["errors"]
    p50 = figures["latency_s"]["p50"]
    return [
        Tile("labels right", share(figures["label"]["accuracy"])),
        Tile("routes right", share(figures["route"]["accuracy"])),
        Tile("articles cited that must be", share(figures["retrieval"]["recall"])),
        Tile("citations supported", share(citations["supported"] / cited if cited else None)),
        Tile("handed to a person", share(figures["handoffs"] / ended if ended else None)),
        Tile("a run, p50", "–" if p50 is None else plots.amount(p50, "s")),
        Tile("in all", plots.amount(figures["cost_usd"], "$")),
    ]


def share(part: float | None) -> str:
    """A share in percent; a dash where nothing was scored."""
    return "–" if part is None else f"{part:.1%}"


def _by_label(confusion: Mapping[str, Mapping[str, int]]) -> list[Bar]:
    found = []
    for name, row in confusion.items():
        right, of = row.get(name, 0), sum(row.values())
        kind = "bad" if right / of < 0.5 else "c0"
        found.append(Bar(name, right, of, f"{right / of:.0%} of {of}", kind))
    return found


def _square(confusion: Mapping[str, Mapping[str, int]]) -> dict[str, Any]:
    """The table as it is drawn: a square where it fits, else the pairs that are confused most."""
    names = sorted({*confusion, *(got for row in confusion.values() for got in row)})
    rows = []
    for expected in sorted(confusion):
        row = confusion[expected]
        of = sum(row.values())
        cells = [
            {"n": row.get(got, 0), "part": f"{row.get(got, 0) / of:.2f}", "hit": got == expected}
            for got in names
        ]
        rows.append({"name": expected, "cells": cells})
    pairs: list[dict[str, Any]] = [
        {"expected": expected, "got": got, "n": n, "of": sum(row.values())}
        for expected, row in confusion.items()
        for got, n in row.items()
        if got != expected
    ]
    pairs.sort(key=lambda pair: (-pair["n"], pair["expected"], pair["got"]))
    whole = len(names) <= _MOST_CLASSES
    return {"columns": names, "rows": rows, "whole": whole, "pairs": pairs[:_MOST_PAIRS]}


def _wrong(one: Scored) -> dict[str, Any]:
    case, given = one.case, one.given
    expected, got = [], []
    if one.label_right is False:
        expected.append(set_name(case.labels or ()))
        got.append(set_name(given.labels))
    if one.route_right is False:
        expected.append(f"route {case.route}")
        got.append(f"route {given.route or '–'}")
    return {
        "line": case.line,
        "text": shortened(f"{case.body.subject or ''} {case.body.body}"),
        "expected": "; ".join(expected),
        "got": "; ".join(got),
        "confidence": given.confidence or "–",
        "outcome": given.outcome if given.outcome == "proposal" else f"handoff: {given.reason}",
    }


def shortened(text: str) -> str:
    flat = " ".join(text.split())
    return flat if len(flat) <= _TEXT else flat[: _TEXT - 1] + "…"


# --- a replay ---------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Row:
    id: str
    text: str
    before: Given
    after: Given
    differs: tuple[str, ...]
    old: list[Piece] | None
    new: list[Piece] | None


def replay_page(runs: Sequence[Replayed], about: AboutReplay) -> str:
    """``replay.html``."""
    rows = [_row(one) for one in runs]
    counted = Counter(name for one in runs for name in one.differs)
    changed = [
        Bar(name, counted[name], len(runs), f"{counted[name]} of {len(runs)}", "wait")
        for name in FIELDS
        if counted[name]
    ]
    differing = [row for row in rows if row.differs]
    before = sum(float(one.before.cost_usd) for one in runs)
    after = sum(float(one.after.cost_usd) for one in runs)
    return _render(
        "replay.html",
        about=about,
        holds=[name for one in runs for name in (one.past.ticket.id, one.past.run.id)],
        runs=rows,
        differing=differing,
        same=[row for row in rows if not row.differs],
        changed=changed,
        differs_plot=plots.bars("Runs that differ, by part of the answer", changed),
        tiles=[
            Tile("runs", str(len(runs))),
            Tile("differ", str(len(differing))),
            Tile("other labels", str(counted["labels"])),
            Tile("other route", str(counted["route"])),
            Tile("handoffs, before and after", _handoffs(runs)),
            Tile("cost before", plots.amount(before, "$")),
            Tile("cost after", plots.amount(after, "$")),
        ],
        facts=_facts,
    )


def _handoffs(runs: Sequence[Replayed]) -> str:
    before, after = (
        sum(given.outcome == "handoff" for given in side)
        for side in ([one.before for one in runs], [one.after for one in runs])
    )
    return f"{before} → {after}"


def _row(one: Replayed) -> _Row:
    before, after = one.before.reply, one.after.reply
    old: list[Piece] | None = [Piece("same", before)] if before else None
    new: list[Piece] | None = [Piece("same", after)] if after else None
    if before and after and before != after:
        pieces = word_diff(before, after)
        old = [piece for piece in pieces if piece.kind != "added"]
        new = [piece for piece in pieces if piece.kind != "removed"]
    ticket = one.past.ticket
    text = shortened(f"{ticket.subject} {ticket.body}")
    return _Row(one.past.run.id, text, one.before, one.after, one.differs, old, new)


def _facts(given: Given) -> dict[str, str]:
    return {
        "outcome": given.outcome,
        "labels": set_name(given.labels),
        "priority": given.priority or "–",
        "route": given.route or "–",
        "confidence": given.confidence or "–",
        "citations": ", ".join(sorted(given.articles)) or "–",
        "actions": ", ".join(one.tool for one in given.actions) or "–",
        "reason": shortened(given.reason) or "–",
        "model": given.model or "–",
        "cost": plots.amount(float(given.cost_usd), "$"),
    }


def _render(template: str, **values: Any) -> str:
    environment = Environment(
        loader=PackageLoader("bot.evaluate"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template(template).render(**values)
