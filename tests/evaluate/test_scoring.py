"""What the figures count: sets, guesses of handoffs, runs that break."""

from __future__ import annotations

import json
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import pytest

from bot.domain import Citation
from bot.evaluate.cases import LabelledTicket
from bot.evaluate.given import Given
from bot.evaluate.pages import About, eval_page
from bot.evaluate.results import Evaluation
from bot.evaluate.scoring import evaluate
from bot.ports import StoreUnavailable
from bot.ticket_body import read_body

KEYS = {
    *("cases", "errors", "label", "route", "retrieval", "citations", "handoffs"),
    *("calibration", "cost_usd", "latency_s"),
}
ABOUT = About("support", "file.jsonl", "a model", "v1", "now")


def case(
    line: int,
    labels: Sequence[str] | None = None,
    route: str | None = None,
    articles: Sequence[str] | None = None,
    body: str = "Help",
) -> LabelledTicket:
    return LabelledTicket(
        line,
        read_body({"id": str(line), "body": body}),
        None if labels is None else frozenset(labels),
        route,
        None if articles is None else frozenset(articles),
    )


def given(*labels: str, **update: Any) -> Given:
    fields: dict[str, Any] = {
        "outcome": "proposal",
        "labels": labels,
        "priority": None,
        "route": "default",
        "reply": "Hello",
        "citations": (),
        "actions": (),
        "confidence": "high",
        "model": "m",
        "prompt_version": "v1",
        "cost_usd": Decimal("0.01"),
        "reason": "because",
    }
    return Given(**{**fields, **update})


def cited(article: str, supported: bool = True) -> Citation:
    return Citation(article=article, title=article, quote="q", supported=supported)


async def scored(*pairs: tuple[LabelledTicket, Given | Exception]) -> Evaluation:
    answers = {one.line: answer for one, answer in pairs}

    async def run(one: LabelledTicket) -> Given:
        answer = answers[one.line]
        if isinstance(answer, Exception):
            raise answer
        return answer

    return await evaluate([one for one, _ in pairs], run, 2)


async def test_a_label_is_right_when_the_sets_are_equal() -> None:
    found = await scored(
        (case(1, ["a", "b"], "default"), given("b", "a")),
        (case(2, ["a", "b"], "other"), given("a", confidence="low")),
        (case(3, ["a"]), given("a", "b", confidence="medium")),
        (case(4, []), given(confidence="low")),
        (case(5), given("a", confidence="high")),
        (case(6, None, "default"), given("a", confidence="high")),
    )
    figures = found.figures
    assert set(figures) == KEYS
    assert (figures["cases"], figures["errors"], figures["handoffs"]) == (6, 0, 0)
    assert figures["label"] == {
        "accuracy": 0.5,
        "confusion": {"(none)": {"(none)": 1}, "a": {"a, b": 1}, "a, b": {"a": 1, "a, b": 1}},
    }
    assert figures["route"]["accuracy"] == pytest.approx(2 / 3)
    assert figures["route"]["confusion"] == {"default": {"default": 2}, "other": {"default": 1}}
    assert figures["calibration"] == [
        {"from": 0.0, "to": 0.7, "n": 2, "accuracy": 0.5},
        {"from": 0.7, "to": 0.95, "n": 1, "accuracy": 0.0},
        {"from": 0.95, "to": 1.0, "n": 2, "accuracy": 1.0},
    ]
    assert figures["cost_usd"] == 0.06
    assert 0 < figures["latency_s"]["p50"] <= figures["latency_s"]["p99"] < 5
    json.dumps(figures)


async def test_articles_that_must_be_cited_and_quotes_that_stand() -> None:
    handoff = given("a", outcome="handoff", confidence=None, reply=None, reason="no_source")
    found = await scored(
        (case(1, articles=["x", "y"]), given(citations=(cited("x"), cited("y", supported=False)))),
        (case(2, articles=["x"]), given(citations=(cited("x"), cited("z")))),
        (case(3, articles=["x"]), handoff),
        (case(4, articles=[]), given(citations=(cited("x"),))),
        (case(5, ["a"]), handoff),
    )
    assert found.figures["retrieval"]["recall"] == pytest.approx(0.5)
    assert found.figures["citations"] == {"supported": 4, "struck": 1}
    assert found.figures["handoffs"] == 2
    assert found.figures["label"]["accuracy"] == 1.0
    assert sum(row["n"] for row in found.figures["calibration"]) == 0


async def test_a_run_that_breaks_is_counted_apart() -> None:
    found = await scored((case(1, ["a"]), given("a")), (case(2, ["a"]), ValueError("it broke")))
    assert (found.figures["cases"], found.figures["errors"]) == (2, 1)
    assert found.figures["label"] == {"accuracy": 1.0, "confusion": {"a": {"a": 1}}}
    assert [(one.case.line, "it broke" in one.why) for one in found.failed] == [(2, True)]
    assert "it broke" in eval_page(found, ABOUT)


async def test_nothing_scored_is_no_accuracy() -> None:
    found = await scored((case(1), ValueError("it broke")))
    assert found.figures["label"] == {"accuracy": None, "confusion": {}}
    assert found.figures["latency_s"] == {"p50": None, "p95": None, "p99": None}
    assert "No labels were given." in eval_page(found, ABOUT)


async def test_a_store_that_is_away_is_no_figure() -> None:
    with pytest.raises(StoreUnavailable):
        await scored((case(1), StoreUnavailable("away")), (case(2), given("a")))


async def test_words_of_strangers_are_inert_on_the_page() -> None:
    evil = "<script>alert(1)</script><img src=x onerror=alert(2)>"
    found = await scored(
        (case(1, [evil], evil, body=evil), given(evil + "2", route=evil + "3")),
        (case(2, ["a"], body=evil), given("b", outcome="handoff", reason=evil)),
        (case(3, body=evil), ValueError(evil)),
    )
    page = eval_page(found, About(evil, evil, evil, evil, "now"))
    assert "<script" not in page
    assert "<img" not in page
    assert page.count("&lt;script&gt;") > 5
    assert "default-src 'none'" in page


async def test_many_labels_become_pairs() -> None:
    pairs = [(case(n, [f"label {n}"]), given(f"label {(n + 1) % 30}")) for n in range(30)]
    page = eval_page(await scored(*pairs), ABOUT)
    assert "30 names are too many for a square" in page
    assert "<td>label 29</td><td>label 0</td>" in page
