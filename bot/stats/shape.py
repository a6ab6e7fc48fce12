"""Counts in the shape that people and programs read: ``deskhand status --json``'s."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import accumulate
from typing import Any

from bot.budget import Spending, Sum
from bot.domain import Frozen
from bot.stats.fold import STEPS

PINNED = (
    *("window", "tickets", "proposals", "handoffs", "waiting", "approved", "edited", "rejected"),
    *("expired", "superseded", "kept_share", "time_to_card_s", "time_to_decision_s", "actions"),
    *("model", "budget", "citations_struck", "rubber_stamps", "paused", "durability"),
)
"""The keys of ``deskhand status --json``, in its order: other programs rely on them."""


class Percentiles(Frozen):
    """Seconds, each within 4.5 %; None where nothing was measured."""

    p50: float | None = None
    p95: float | None = None
    p99: float | None = None


class Waiting(Frozen):
    """What waits for a person at this moment: pending proposals and open handoffs."""

    total: int = 0
    oldest_s: float | None = None
    over_reminder: int = 0


def counted(
    total: Mapping[str, int], *, tickets_by_run: bool = False, calls_by_run: bool = False
) -> dict[str, Any]:
    """The figures of a span of time: all of the pinned shape that is not about *now*.

    Tickets and model calls are counted by their own time or, where they can only be found so, by
    the end of the run that they belong to (see ``Wanted.by_run``).
    """

    def number(figure: str) -> int:
        return total.get(figure, 0)

    def group(prefix: str) -> dict[str, int]:
        found = {key.removeprefix(prefix): total[key] for key in total if key.startswith(prefix)}
        return {key: found[key] for key in sorted(found) if found[key]}

    rejected, closed = group("reject:"), group("close:")
    used = "run_" if calls_by_run else ""
    tickets = number("run_tickets" if tickets_by_run else "tickets")
    usd = round(number(f"{used}nano_usd") / 1e9, 6)
    kept_of = number("kept_of")
    return {
        "tickets": tickets,
        "proposals": number("proposals"),
        "handoffs": {"total": number("handoffs"), "by_reason": group("handoff:")},
        "approved": number("approved"),
        "edited": number("edited"),
        "rejected": {"total": number("rejected"), "by_reason": rejected},
        # How good the drafts are: without what people answered or closed in a draft's place.
        "drafts": {
            "approved": number("approved"),
            "edited": number("edited") - number("by_hand"),
            "rejected": number("rejected") - number("closed"),
            "by_reason": {
                reason: left
                for reason, count in rejected.items()
                if (left := count - closed.get(reason, 0)) > 0
            },
        },
        "closed": {"total": number("closed"), "by_reason": closed},
        "answered": number("answered"),
        "expired": number("expired"),
        "superseded": number("superseded"),
        "kept_share": round(number("kept") / kept_of / 1000, 3) if kept_of else None,
        "time_to_card_s": percentiles(group("card_ms:")).model_dump(),
        "time_to_decision_s": percentiles(group("decision_ms:")).model_dump(),
        "actions": {
            "succeeded": number("action:succeeded"),
            "failed": number("action:failed"),
            "unknown": number("action:unknown"),
        },
        "model": {
            "calls": number(f"{used}calls"),
            "tokens_in": number(f"{used}tokens_in"),
            "tokens_out": number(f"{used}tokens_out"),
            "tokens_cached": number(f"{used}tokens_cached"),
            "usd": usd,
            "usd_per_ticket": round(usd / tickets, 6) if tickets else None,
        },
        "citations_struck": number("citations_struck"),
        "rubber_stamps": number("rubber_stamps"),
    }


def budget(spending: Spending, waiting_for_money: int = 0) -> dict[str, Any]:
    """The day's money: the pinned four, then each playbook's, the day and what happens at a cap."""
    return {
        **_money(spending),
        "playbooks": {name: _money(money) for name, money in spending.playbooks.items()},
        "day": spending.day,
        "timezone": spending.timezone,
        "warn_at": spending.warn_at,
        "at_cap": spending.at_cap,
        "waiting_for_money": waiting_for_money,
    }


def _money(money: Sum) -> dict[str, float | None]:
    return {
        "usd_per_day": _usd(money.cap),
        "spent_today": _usd(money.spent),
        "reserved": _usd(money.reserved),
        "left_today": _usd(money.left),
    }


def percentiles(buckets: Mapping[str, int]) -> Percentiles:
    """By the nearest rank, from a histogram that any number of processes added to."""
    counts = sorted((int(bucket), number) for bucket, number in buckets.items() if number > 0)
    total = sum(number for _, number in counts)
    if not total:
        return Percentiles()

    def at(share: float) -> float:
        seen = accumulate(number for _, number in counts)
        rank = next(at for at, count in enumerate(seen) if count >= share * total)
        return round(2 ** (counts[rank][0] / STEPS) / 1000, 3)

    return Percentiles(p50=at(0.5), p95=at(0.95), p99=at(0.99))


def _usd(value: Any) -> float | None:
    return None if value is None else float(value)
