"""``/metrics``: the names and labels of the interface, what they count, and who relies on them."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from prometheus_client import generate_latest
from prometheus_client.parser import text_string_to_metric_families

from bot.clock import SystemClock
from bot.journal import Entry, EntryKind
from bot.metrics import Meter
from tests.live.product import live
from tests.live.steps import becomes, card_that, config, says
from tests.live.test_webhook import EACH_ITS_AUTHOR

DOCS = Path(__file__).parents[2] / "docs"
DASHBOARD = DOCS / "grafana-dashboard.json"

PINNED: dict[str, set[str]] = {
    "deskhand_tickets_total": {"playbook"},
    "deskhand_proposals_total": {"playbook"},
    "deskhand_handoffs_total": {"playbook", "reason"},
    "deskhand_decisions_total": {"playbook", "verb"},
    "deskhand_actions_total": {"action", "outcome"},
    "deskhand_model_calls_total": {"model", "outcome"},
    "deskhand_model_tokens_total": {"model", "kind"},
    "deskhand_model_cost_usd_total": {"model"},
    "deskhand_waiting": {"playbook"},
    "deskhand_oldest_waiting_seconds": set(),
    "deskhand_time_to_card_seconds": set(),
    "deskhand_time_to_decision_seconds": set(),
}
BESIDE: dict[str, set[str]] = {
    "deskhand_waiting_over_reminder": set(),
    "deskhand_budget_spent_usd": set(),
    "deskhand_budget_cap_usd": set(),
}
ALL = PINNED | BESIDE
_HISTOGRAMS = ("_bucket", "_sum", "_count")


def entry(kind: EntryKind, **data: Any) -> Entry:
    return Entry(kind=kind, ticket="t_1", proposal="p_1", playbook="support", data=data)


ENTRIES = (
    entry("ticket", what="opened"),
    entry("ticket", what="newer_message"),
    entry("proposal", saved_ms=700),
    entry("card", what="posted", state="pending", took_ms=1_500),
    entry("card", what="updated", state="rejected"),
    entry("handoff", reason="money", took_ms=2_500),
    entry("decision", verb="approve", **{"from": "pending"}, final=True, waited_ms=7_000),
    entry("decision", verb="reject", **{"from": "handoff"}, final=True, waited_ms=1_000),
    entry("decision", verb="take", **{"from": "handoff"}, final=False, waited_ms=9_000),
    entry("effect", action="send_reply", outcome="succeeded"),
    entry("transition", action="send_reply", **{"from": "executing", "to": "unknown"}),
    entry("transition", **{"from": "pending", "to": "expired"}),
    entry(
        "model_call", model="claude-haiku-5-5", stop="end_turn", failed=None, cost_usd="0.25",
        tokens_in=10, tokens_out=20, cache_read=30, cache_write=40,
    ),
    entry("model_call", model="claude-haiku-5-5", stop=None, failed="overloaded", cost_usd="0"),
)  # fmt: skip


def exposed(text: str) -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
    """Every sample of ours: its name and labels, and its value."""
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def counted() -> Meter:
    meter = Meter(SystemClock())
    meter.count(ENTRIES)
    meter._waiting.labels("support").set(1)  # what a store would say
    return meter


def base(name: str) -> str:
    """The metric that a sample is of."""
    for end in _HISTOGRAMS:
        if name.removesuffix(end) in ALL:
            return name.removesuffix(end)
    return name


def test_names_and_labels_are_those_of_the_interface() -> None:
    samples = exposed(generate_latest(counted().registry).decode())
    found: dict[str, set[str]] = {}
    for name, labels in samples:
        found.setdefault(base(name), set()).update(key for key, _ in labels if key != "le")
    assert found == ALL


def test_what_is_counted() -> None:
    samples = exposed(generate_latest(counted().registry).decode())

    def value(name: str, **labels: str) -> float:
        return samples[name, frozenset(labels.items())]

    model = {"model": "claude-haiku-5-5"}
    assert value("deskhand_tickets_total", playbook="support") == 1
    assert value("deskhand_proposals_total", playbook="support") == 1
    assert value("deskhand_handoffs_total", playbook="support", reason="money") == 1
    assert value("deskhand_decisions_total", playbook="support", verb="approve") == 1
    assert value("deskhand_decisions_total", playbook="support", verb="take") == 1
    assert value("deskhand_actions_total", action="send_reply", outcome="succeeded") == 1
    assert value("deskhand_actions_total", action="send_reply", outcome="unknown") == 1
    assert value("deskhand_model_calls_total", **model, outcome="end_turn") == 1
    assert value("deskhand_model_calls_total", **model, outcome="overloaded") == 1
    kinds = {"input": 10, "output": 20, "cache_read": 30, "cache_write": 40}
    for kind, tokens in kinds.items():
        assert value("deskhand_model_tokens_total", **model, kind=kind) == tokens
    assert value("deskhand_model_cost_usd_total", **model) == 0.25
    assert value("deskhand_time_to_card_seconds_count") == 2
    assert value("deskhand_time_to_card_seconds_sum") == 4
    # As in the figures: the decision that ended a draft or a handoff, and no other.
    assert value("deskhand_time_to_decision_seconds_count") == 2
    assert value("deskhand_time_to_decision_seconds_sum") == 8


def test_the_docs_table_has_each_of_them_with_its_labels() -> None:
    rows = re.findall(
        r"^\| `(deskhand_\w+)(?:\{([\w,]+)\})?` \|", (DOCS / "telemetry.md").read_text(), re.M
    )
    assert {name: set(filter(None, labels.split(","))) for name, labels in rows} == ALL


def queries(panel: dict[str, Any]) -> list[str]:
    inner = [one for nested in panel.get("panels", []) for one in queries(nested)]
    return [target["expr"] for target in panel.get("targets", [])] + inner


def test_the_dashboard_asks_only_for_what_is_there() -> None:
    board = json.loads(DASHBOARD.read_text())
    asked = [one for panel in board["panels"] for one in queries(panel)]
    assert len(asked) > 15
    used = set()
    for query in asked:
        assert query.count("(") == query.count(")"), query
        names = re.findall(r"\bdeskhand_\w+", query)
        assert names, query
        used |= {base(name) for name in names}
        for name in names:
            assert base(name) in ALL, query
            histogram = base(name).startswith("deskhand_time_to_")
            assert name.endswith("_bucket") == histogram, query
        known = set().union(*(ALL[base(name)] for name in names)) | {"le"}
        groups = re.findall(r"\bby \(([^)]*)\)", query)
        assert {label.strip() for group in groups for label in group.split(",")} <= known, query
        for name, selector in re.findall(r"(deskhand_\w+)\{([^}]*)\}", query):
            assert set(re.findall(r"(\w+)\s*=", selector)) <= ALL[base(name)], query
    assert used == set(ALL), "every metric has its place on it"
    ids = [panel["id"] for panel in board["panels"]]
    assert len(ids) == len(set(ids))
    for variable in board["templating"]["list"]:
        (name, label) = re.findall(r"label_values\((\w+), (\w+)\)", variable["definition"])[0]
        assert label in ALL[name]
    inputs = {f"${{{one['name']}}}" for one in board["__inputs"]}
    uids = set(re.findall(r'"uid": "(\$\{\w+\})"', DASHBOARD.read_text()))
    assert uids == inputs


@pytest.mark.parametrize("scrapes", [2])
async def test_a_ticket_in_the_running_product(
    tmp_path: Path, redis_url: str, scrapes: int
) -> None:
    async with (
        live(tmp_path, redis_url, config=config(EACH_ITS_AUTHOR)) as desk,
        aiohttp.ClientSession() as session,
    ):

        async def scrape() -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
            async with session.get(f"{desk.product.url}/metrics") as answer:
                assert answer.status == 200
                return exposed(await answer.text())

        await says(desk, "Where is my invoice of the zebra?")
        card = await card_that(desk, "pending", "zebra")
        book = frozenset({("playbook", "support")})
        waiting = await scrape()
        assert waiting["deskhand_waiting", book] == 1
        assert waiting["deskhand_oldest_waiting_seconds", frozenset()] > 0
        assert (await desk.people.click("U0AGENT", card, "deskhand.approve")).ok
        await becomes(desk, card, "succeeded")
        for _ in range(scrapes):
            now = await scrape()
            assert ("deskhand_waiting", book) not in now
            assert now["deskhand_oldest_waiting_seconds", frozenset()] == 0
            assert now["deskhand_tickets_total", book] == 1
            assert now["deskhand_proposals_total", book] == 1
            assert now["deskhand_decisions_total", book | {("verb", "approve")}] == 1
            done = frozenset({("action", "send_reply"), ("outcome", "succeeded")})
            assert now["deskhand_actions_total", done] == 1
            calls = [at for (name, _), at in now.items() if name == "deskhand_model_calls_total"]
            assert sum(calls) == len(desk.model.requests)
            texts = " ".join(value for _, labels in now for _, value in labels)
            assert not [one for one in ("zebra", "U0", card.payload["proposal"]) if one in texts]
