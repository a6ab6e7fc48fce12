"""``/metrics`` for Prometheus: counters of this process, gauges of the store.

Names and labels are documented in docs/telemetry.md and stable. No label holds a person, a ticket
or free text. Counters are each process's own, as Prometheus expects; sum over replicas.
"""

from __future__ import annotations

from collections.abc import Sequence

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    disable_created_metrics,
)

from bot.journal import Entry
from bot.overview import FiguresStore
from bot.ports import Clock
from bot.stats.fold import OPEN

_SECONDS = (0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 900, 3600, 14400, 86400)


class Meter:
    """Counts what this process writes to the journal. One registry a process."""

    def __init__(self, clock: Clock) -> None:
        # The library's switch is the process's: without it each counter has a twin, ``_created``.
        disable_created_metrics()  # type: ignore[no-untyped-call]  # the library's own gap
        self.registry = CollectorRegistry()
        self._clock = clock
        self._store: FiguresStore | None = None
        made = self.registry
        self._tickets = Counter("deskhand_tickets", "Tickets opened", ["playbook"], registry=made)
        self._proposals = Counter(
            "deskhand_proposals", "Runs that ended in a proposal", ["playbook"], registry=made
        )
        self._handoffs = Counter(
            "deskhand_handoffs",
            "Runs that ended in a handoff",
            ["playbook", "reason"],
            registry=made,
        )
        self._decisions = Counter(
            "deskhand_decisions", "Decisions by people", ["playbook", "verb"], registry=made
        )
        self._actions = Counter(
            "deskhand_actions", "What became of actions", ["action", "outcome"], registry=made
        )
        self._calls = Counter(
            "deskhand_model_calls", "Model calls", ["model", "outcome"], registry=made
        )
        self._tokens = Counter(
            "deskhand_model_tokens", "Model tokens", ["model", "kind"], registry=made
        )
        self._cost = Counter(
            "deskhand_model_cost_usd", "Model cost in US dollars", ["model"], registry=made
        )
        self._waiting = Gauge(
            "deskhand_waiting", "Cards that wait for a person", ["playbook"], registry=made
        )
        self._oldest = Gauge(
            "deskhand_oldest_waiting_seconds", "Age of the oldest waiting card", registry=made
        )
        self._over = Gauge(
            "deskhand_waiting_over_reminder",
            "Waiting cards that were or should have been reminded of",
            registry=made,
        )
        self._spent = Gauge(
            "deskhand_budget_spent_usd", "Dollars spent today, all replicas", registry=made
        )
        self._cap = Gauge("deskhand_budget_cap_usd", "The day's cap in dollars", registry=made)
        self._to_card = Histogram(
            "deskhand_time_to_card_seconds",
            "From the ticket to the first card that shows its draft or handoff",
            buckets=_SECONDS,
            registry=made,
        )
        self._to_decision = Histogram(
            "deskhand_time_to_decision_seconds",
            "From the card to the decision",
            buckets=_SECONDS,
            registry=made,
        )

    def watch(self, store: FiguresStore) -> None:
        """Read the gauges from this store."""
        self._store = store

    def count(self, entries: Sequence[Entry]) -> None:
        """What these entries, once saved, add."""
        for entry in entries:
            self._count(entry)

    def _count(self, entry: Entry) -> None:
        book, data = entry.playbook or "-", entry.data
        match entry.kind:
            case "ticket" if data.get("what") == "opened":
                self._tickets.labels(book).inc()
            case "proposal":
                self._proposals.labels(book).inc()
                _observe(self._to_card, data.get("took_ms"))
            case "handoff":
                self._handoffs.labels(book, str(data.get("reason"))).inc()
                _observe(self._to_card, data.get("took_ms"))
            case "decision":
                self._decisions.labels(book, str(data.get("verb"))).inc()
                if data.get("verb") == "take" and data.get("from") == "drafting":
                    # Nobody waited for the draft: its run ended in a handoff, by the clock.
                    self._handoffs.labels(book, "time").inc()
                # A draft's end, or a handoff's that was answered or closed by hand.
                if data.get("from") in OPEN and data.get("final"):
                    _observe(self._to_decision, data.get("waited_ms"))
            case "card":
                _observe(self._to_card, data.get("took_ms"))
            case "effect":
                self._actions.labels(str(data.get("action")), str(data.get("outcome"))).inc()
            case "transition" if data.get("to") == "unknown" and data.get("from") == "executing":
                # Whoever dispatched it never said what became of it.
                self._actions.labels(str(data.get("action")), "unknown").inc()
            case "model_call":
                self._call(entry)
            case _:
                pass

    def _call(self, entry: Entry) -> None:
        data = entry.data
        model = str(data.get("model"))
        self._calls.labels(model, str(data.get("failed") or data.get("stop"))).inc()
        for kind, name in (
            ("input", "tokens_in"),
            ("output", "tokens_out"),
            ("cache_read", "cache_read"),
            ("cache_write", "cache_write"),
        ):
            tokens = data.get(name)
            if isinstance(tokens, int):
                self._tokens.labels(model, kind).inc(tokens)
        self._cost.labels(model).inc(float(str(data.get("cost_usd") or 0)))

    async def refresh(self) -> None:
        """Read the store's gauges anew. Raises ``StoreUnavailable``."""
        if self._store is None:
            return
        now = self._clock.now()
        oldest = 0.0
        waiting: dict[str, int] = {}
        over = 0
        for one in await self._store.open_now():
            waiting[one.cell.playbook] = waiting.get(one.cell.playbook, 0) + one.total
            oldest = max(oldest, (now - one.oldest).total_seconds())
            over += one.over_reminder
        spending = await self._store.spending()
        self._spent.set(float(spending.spent))
        if spending.cap is not None:
            self._cap.set(float(spending.cap))
        self._over.set(over)
        self._waiting.clear()
        for playbook, number in waiting.items():
            self._waiting.labels(playbook).set(number)
        self._oldest.set(oldest)


def _observe(histogram: Histogram, ms: object) -> None:
    if isinstance(ms, int):
        histogram.observe(ms / 1000)
