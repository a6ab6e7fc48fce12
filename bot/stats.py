"""Figures, folded from the journal entry by entry.

Each entry adds to counters of its hour when it is sealed, so asking costs the same with a hundred
tickets and a hundred thousand. Times are kept as histograms with buckets a quarter of a doubling
apart: a percentile is right to within a fifth.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

from bot.budget import Spending
from bot.domain import Frozen, Proposal
from bot.journal import Entry

RUBBER_STAMP_MS = 5_000
"""A decision made faster than this was hardly read."""

_STEPS = 4
"""Histogram buckets a doubling."""


def fold(entry: Entry) -> Mapping[str, int]:
    """What one entry adds to the counters of its hour: ``<playbook>/<figure>`` to a number."""
    book = entry.playbook or "-"
    add: Counter[str] = Counter()
    data = entry.data
    match entry.kind:
        case "ticket" if data.get("what") == "opened":
            add["tickets"] += 1
        case "proposal":
            add["proposals"] += 1
            add["citations_struck"] += _int(data.get("citations_struck"))
            _time(add, "card", data.get("took_ms"))
        case "handoff":
            add["handoffs"] += 1
            add[f"handoff:{data.get('reason')}"] += 1
            _time(add, "card", data.get("took_ms"))
        case "decision":
            _decision(add, data)
        case "transition" if data.get("from") != data.get("to"):
            if data.get("to") in ("expired", "superseded"):
                add[str(data["to"])] += 1
            if data.get("to") == "unknown":
                add["action:unknown"] += 1
        case "effect":
            add[f"action:{data.get('outcome')}"] += 1
            if data.get("from") == "unknown":
                add["action:unknown"] -= 1
        case "model_call":
            add["calls"] += 1
            read, written = _int(data.get("cache_read")), _int(data.get("cache_write"))
            add["tokens_in"] += _int(data.get("tokens_in")) + read + written
            add["tokens_out"] += _int(data.get("tokens_out"))
            add["tokens_cached"] += read
            add["nano_usd"] += round(Decimal(str(data.get("cost_usd") or 0)) * 10**9)
        case _:
            pass
    return {f"{book}/{figure}": number for figure, number in add.items() if number}


def _decision(add: Counter[str], data: Mapping[str, Any]) -> None:
    verb, final = data.get("verb"), data.get("final")
    if verb == "reject":
        add["rejected"] += 1
        add[f"reject:{data.get('reason')}"] += 1
    elif verb in ("approve", "edit") and final:
        add["edited" if data.get("edited") else "approved"] += 1
        if data.get("kept_permille") is not None:
            add["kept"] += _int(data["kept_permille"])
            add["kept_of"] += 1
    elif verb in ("settle_done", "settle_retry"):
        add["action:unknown"] -= 1
        add["action:succeeded"] += verb == "settle_done"
    else:
        return
    if data.get("from") == "pending" and final:
        _time(add, "decision", data.get("waited_ms"))
        waited = data.get("waited_ms")
        if isinstance(waited, int) and waited < RUBBER_STAMP_MS:
            add["rubber_stamps"] += 1


def _time(add: Counter[str], name: str, ms: object) -> None:
    if isinstance(ms, int) and not isinstance(ms, bool):
        add[f"{name}_ms:{round(math.log2(max(ms, 1)) * _STEPS)}"] += 1


def _int(value: object) -> int:
    return value if isinstance(value, int) else 0


class Percentiles(Frozen):
    """Seconds; None where nothing was measured."""

    p50: float | None = None
    p95: float | None = None
    p99: float | None = None


class Waiting(Frozen):
    """What waits for a person at this moment."""

    total: int = 0
    oldest_s: float | None = None
    over_reminder: int = 0


def figures(
    window: str,
    counters: Mapping[str, int],
    waiting: Waiting,
    spending: Spending,
    paused: frozenset[str],
    durability: str,
    playbook: str | None = None,
) -> dict[str, Any]:
    """The figures of a window in the pinned shape of ``deskhand status --json``."""
    total: Counter[str] = Counter()
    for key, number in counters.items():
        book, _, figure = key.partition("/")
        if playbook is None or book == playbook:
            total[figure] += number

    def group(prefix: str) -> dict[str, int]:
        found = {key.removeprefix(prefix): total[key] for key in total if key.startswith(prefix)}
        return dict(sorted(found.items()))

    tickets, nano = total["tickets"], total["nano_usd"]
    usd = round(nano / 1e9, 6)
    return {
        "window": window,
        "tickets": tickets,
        "proposals": total["proposals"],
        "handoffs": {"total": total["handoffs"], "by_reason": group("handoff:")},
        "waiting": waiting.model_dump(),
        "approved": total["approved"],
        "edited": total["edited"],
        "rejected": {"total": total["rejected"], "by_reason": group("reject:")},
        "expired": total["expired"],
        "superseded": total["superseded"],
        "kept_share": round(total["kept"] / total["kept_of"] / 1000, 3)
        if total["kept_of"]
        else None,
        "time_to_card_s": _percentiles(group("card_ms:")).model_dump(),
        "time_to_decision_s": _percentiles(group("decision_ms:")).model_dump(),
        "actions": {
            "succeeded": total["action:succeeded"],
            "failed": total["action:failed"],
            "unknown": max(0, total["action:unknown"]),
        },
        "model": {
            "calls": total["calls"],
            "tokens_in": total["tokens_in"],
            "tokens_out": total["tokens_out"],
            "tokens_cached": total["tokens_cached"],
            "usd": usd,
            "usd_per_ticket": round(usd / tickets, 6) if tickets else None,
        },
        "budget": {
            "usd_per_day": _usd(spending.cap),
            "spent_today": _usd(spending.spent),
            "reserved": _usd(spending.reserved),
            "left_today": _usd(spending.left),
        },
        "citations_struck": total["citations_struck"],
        "rubber_stamps": total["rubber_stamps"],
        "paused": sorted(paused),
        "durability": durability,
    }


def waiting_now(proposals: list[Proposal], now: datetime) -> Waiting:
    """What waits among these: pending proposals and open handoffs."""
    open_ones = [one for one in proposals if one.state in ("pending", "handoff")]
    since = [one.proposed_at for one in open_ones if one.proposed_at is not None]
    return Waiting(
        total=len(open_ones),
        oldest_s=round((now - min(since)).total_seconds(), 1) if since else None,
        over_reminder=sum(one.reminded > 0 for one in open_ones),
    )


def _percentiles(buckets: Mapping[str, int]) -> Percentiles:
    counts = sorted((int(bucket), number) for bucket, number in buckets.items() if number > 0)
    total = sum(number for _, number in counts)
    if not total:
        return Percentiles()

    def at(share: float) -> float:
        seen, wanted = 0, share * total
        for bucket, number in counts:
            seen += number
            if seen >= wanted:
                return round(2 ** (bucket / _STEPS) / 1000, 3)
        return round(2 ** (counts[-1][0] / _STEPS) / 1000, 3)

    return Percentiles(p50=at(0.5), p95=at(0.95), p99=at(0.99))


def _usd(value: Any) -> float | None:
    return None if value is None else float(value)
