"""Labelled tickets through a playbook, scored by pydantic-evals.

Its ``Dataset`` runs the cases, so many at once, and times them; evaluators of ours score one case
each, its confusion matrix and a calibration of ours look at all. Importing it takes seconds (it
brings an agent framework along), so nothing but the command imports this module.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import numpy as np
from pydantic_evals import Case, Dataset
from pydantic_evals.evaluators import (
    ConfusionMatrixEvaluator,
    Evaluator,
    EvaluatorContext,
    EvaluatorOutput,
    ReportEvaluator,
    ReportEvaluatorContext,
)
from pydantic_evals.reporting import ConfusionMatrix, EvaluationReport, TableResult

from bot.evaluate.cases import LabelledTicket
from bot.evaluate.given import Given
from bot.evaluate.results import BINS, NO_LABELS, Evaluation, Failed, Scored, set_name
from bot.ports import StoreUnavailable

Context = EvaluatorContext[LabelledTicket, Given, None]
Report = EvaluationReport[LabelledTicket, Given, None]

# --- what one case is worth -------------------------------------------------------------------


@dataclass(repr=False)
class Labels(Evaluator[LabelledTicket, Given, None]):
    """Right when the sets are equal."""

    def evaluate(self, ctx: Context) -> EvaluatorOutput:
        wanted, got = ctx.inputs.labels, ctx.output.labels
        if wanted is None:
            return {}
        return {
            "label": wanted == frozenset(got),
            "label_expected": set_name(wanted),
            "label_got": set_name(got),
        }


@dataclass(repr=False)
class Route(Evaluator[LabelledTicket, Given, None]):
    """Right when it is the one."""

    def evaluate(self, ctx: Context) -> EvaluatorOutput:
        wanted, got = ctx.inputs.route, ctx.output.route
        if wanted is None:
            return {}
        return {
            "route": wanted == got,
            "route_expected": wanted,
            "route_got": got or NO_LABELS,
        }


@dataclass(repr=False)
class Recall(Evaluator[LabelledTicket, Given, None]):
    """The share of the articles that must be cited which a supported citation names."""

    def evaluate(self, ctx: Context) -> EvaluatorOutput:
        wanted = ctx.inputs.articles
        if not wanted:
            return {}
        return {"recall": len(wanted & frozenset(ctx.output.articles)) / len(wanted)}


@dataclass(repr=False)
class Citations(Evaluator[LabelledTicket, Given, None]):
    """How many quotes stand word for word in their article, and how many were struck."""

    def evaluate(self, ctx: Context) -> EvaluatorOutput:
        supported = sum(one.supported for one in ctx.output.citations)
        return {"supported": supported, "struck": len(ctx.output.citations) - supported}


# --- what all cases are worth -----------------------------------------------------------------


def _confusion(name: str) -> ConfusionMatrixEvaluator:
    return ConfusionMatrixEvaluator(
        predicted_from="labels",
        predicted_key=f"{name}_got",
        expected_from="labels",
        expected_key=f"{name}_expected",
        title=name,
    )


@dataclass(repr=False)
class Calibration(ReportEvaluator[LabelledTicket, Given, None]):
    """For each stated confidence: how many cases had it, and how many were right.

    Right is the label; where only a route is given, the route. A handoff that guessed nothing
    states no confidence and stands in no bin."""

    def evaluate(self, ctx: ReportEvaluatorContext[LabelledTicket, Given, None]) -> TableResult:
        rows: list[list[str | int | float | bool | None]] = []
        for each in BINS:
            right = [
                _right(case.assertions)
                for case in ctx.report.cases
                if case.output.confidence == each.confidence
            ]
            known = [one for one in right if one is not None]
            accuracy = sum(known) / len(known) if known else None
            rows.append([each.start, each.end, len(known), accuracy])
        return TableResult(title="calibration", columns=["from", "to", "n", "accuracy"], rows=rows)


def _right(assertions: Mapping[str, Any]) -> bool | None:
    scored = assertions.get("label") or assertions.get("route")
    return None if scored is None else bool(scored.value)


# --- the evaluation ---------------------------------------------------------------------------


async def evaluate(
    cases: Sequence[LabelledTicket],
    run: Callable[[LabelledTicket], Awaitable[Given]],
    at_once: int,
    done: Callable[[Given | None], None] = lambda _: None,
) -> Evaluation:
    """Run every case and score it. ``done`` is told of each as it ends (None: its run broke).

    Raises ``StoreUnavailable``: a store that is away says nothing about the playbook."""
    away: list[StoreUnavailable] = []

    async def task(case: LabelledTicket) -> Given:
        if away:
            raise away[0]
        try:
            given = await run(case)
        except StoreUnavailable as fault:
            away.append(fault)
            raise
        except Exception:
            # Not swallowed: the data set keeps it as this case's failure.
            done(None)
            raise
        done(given)
        return given

    by_name = {str(case.line): case for case in cases}
    dataset = Dataset[LabelledTicket, Given, None](
        name="labelled tickets",
        cases=[Case(name=name, inputs=case) for name, case in by_name.items()],
        evaluators=[Labels(), Route(), Recall(), Citations()],
        report_evaluators=[_confusion("label"), _confusion("route"), Calibration()],
    )
    report = await dataset.evaluate(
        task, name="deskhand eval", max_concurrency=at_once, progress=False
    )
    if away:
        raise away[0]
    _sound(report)
    scored = tuple(
        Scored(
            case.inputs,
            case.output,
            case.task_duration,
            _value(case.assertions, "label"),
            _value(case.assertions, "route"),
        )
        for case in report.cases
    )
    failed = tuple(Failed(each.inputs, each.error_message) for each in report.failures)
    return Evaluation(scored, failed, _figures(report, scored))


def _sound(report: Report) -> None:
    """An evaluator that breaks is a fault of ours, and figures without it would be wrong."""
    broken = [fault for case in report.cases for fault in case.evaluator_failures]
    for fault in (*broken, *report.report_evaluator_failures):
        raise RuntimeError(f"{fault.name}: {fault.error_message}")


def _value(assertions: Mapping[str, Any], name: str) -> bool | None:
    return bool(assertions[name].value) if name in assertions else None


def _figures(report: Report, scored: Sequence[Scored]) -> dict[str, Any]:
    confusion = {one.title: one for one in report.analyses if isinstance(one, ConfusionMatrix)}
    table = next(one for one in report.analyses if isinstance(one, TableResult))
    return {
        "cases": len(report.cases) + len(report.failures),
        "errors": len(report.failures),
        "label": {
            "accuracy": _share(one.label_right for one in scored),
            "confusion": _counts(confusion["label"]),
        },
        "route": {
            "accuracy": _share(one.route_right for one in scored),
            "confusion": _counts(confusion["route"]),
        },
        "retrieval": {"recall": _mean(report, "recall")},
        "citations": {"supported": _total(report, "supported"), "struck": _total(report, "struck")},
        "handoffs": sum(one.given.outcome == "handoff" for one in scored),
        "calibration": [dict(zip(table.columns, row, strict=True)) for row in table.rows],
        "cost_usd": float(sum((one.given.cost_usd for one in scored), Decimal(0))),
        "latency_s": percentiles([one.seconds for one in scored]),
    }


def _share(answers: Iterable[bool | None]) -> float | None:
    known = [one for one in answers if one is not None]
    return sum(known) / len(known) if known else None


def _counts(matrix: ConfusionMatrix) -> dict[str, dict[str, int]]:
    """Expected to got to how often, without the noughts."""
    names = matrix.class_labels
    rows = {
        expected: {got: n for got, n in zip(names, row, strict=True) if n}
        for expected, row in zip(names, matrix.matrix, strict=True)
    }
    return {expected: row for expected, row in rows.items() if row}


def _scores(report: Report, name: str) -> list[float]:
    return [float(case.scores[name].value) for case in report.cases if name in case.scores]


def _mean(report: Report, name: str) -> float | None:
    values = _scores(report, name)
    return sum(values) / len(values) if values else None


def _total(report: Report, name: str) -> int:
    return round(sum(_scores(report, name)))


def percentiles(seconds: Sequence[float]) -> dict[str, float | None]:
    """p50, p95 and p99; None where nothing was measured."""
    if not seconds:
        return {"p50": None, "p95": None, "p99": None}
    found = np.percentile(np.asarray(seconds), (50, 95, 99))
    return {f"p{at}": float(value) for at, value in zip((50, 95, 99), found, strict=True)}
