"""Figures of a desk with some days behind it, as ``/agent`` and the Home tab draw them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from bot.budget import Spending, Sum
from bot.overview import Step, Waits
from bot.stats.shape import Waiting, budget, counted
from handlers.agent_answer import CommandAnswer
from handlers.slack_command import drawn
from handlers.slack_figures import chart, sections, status_blocks, table
from handlers.slack_home import home_blocks

NOW = datetime(2026, 11, 22, 14, 45, tzinfo=UTC)
SPENDING = Spending(
    spent=Decimal("7.4213"),
    reserved=Decimal("0.0310"),
    cap=Decimal(20),
    day="2026-11-22",
    playbooks={"support": Sum(Decimal("6.9"), Decimal(0), Decimal(10))},
    timezone="Europe/Berlin",
)


def _counters(scale: float) -> dict[str, int]:
    counters = {
        **{"tickets": 143, "proposals": 128, "handoffs": 15, "handoff:no_source": 9},
        **{"handoff:refusal": 4, "handoff:time": 2, "approved": 84, "edited": 22, "rejected": 11},
        **{"reject:wrong_facts": 7, "reject:wrong_tone": 4, "expired": 2, "superseded": 5},
        **{"kept": 97_300, "kept_of": 106, "action:succeeded": 103, "action:failed": 2},
        **{"action:unknown": 1, "calls": 291, "tokens_in": 812_400, "tokens_out": 61_200},
        **{"tokens_cached": 540_100, "nano_usd": 7_421_300_000, "citations_struck": 6},
        **{"rubber_stamps": 3, "card_ms:100": 120, "card_ms:118": 12, "card_ms:131": 3},
        **{"decision_ms:150": 80, "decision_ms:180": 30, "decision_ms:196": 7},
    }
    return {name: round(number * scale) for name, number in counters.items()}


def figures(window: str, scale: float = 1.0) -> dict[str, Any]:
    """What ``Overview.figures`` gives."""
    return {
        "window": window,
        **counted(_counters(scale)),
        "waiting": Waiting(total=9, oldest_s=8_040.0, over_reminder=1).model_dump(),
        "budget": budget(SPENDING, 1 if window == "24h" else 0),
        "paused": [],
        "durability": "strict",
        "previous": counted(_counters(scale * 0.87)),
    }


def _steps() -> list[Step]:
    start = NOW.replace(minute=0) - timedelta(hours=24)
    return [
        Step(
            start + timedelta(hours=hour),
            start + timedelta(hours=hour + 1),
            counted(_counters((hour % 7 + 1) / 90)),
        )
        for hour in range(24)
    ]


CHART = chart("24h", _steps())
BUDGET = budget(SPENDING, 1)


def _waits(state: Any, minutes: int, subject: str, reason: str = "", owner: str = "") -> Waits:
    return Waits(
        proposal="p_3kq2vnxw5mza7drt",
        ticket="t_7h2bqkzmw4ylc3fe",
        playbook="support",
        route="billing",
        state=state,
        since=NOW - timedelta(minutes=minutes),
        age_s=minutes * 60.0,
        reason=reason,
        owner=owner,
        subject=subject,
    )


def drawings() -> dict[str, list[dict[str, Any]]]:
    """Blocks by the picture's name."""
    answer = CommandAnswer("", tuple(status_blocks(figures("24h"))), share="status 24h")
    link = "https://acme.slack.com/archives/C0BILLING/p1763822700000100"
    mine = [
        (_waits("pending", 134, "I was charged TWICE for my Verdant Plus plan this month"), link),
        (_waits("handoff", 41, "Can I pay by bank transfer from Iceland?", "no_source"), link),
        (_waits("unknown", 12, "Where is my refund?", owner="Ana Agent"), None),
    ]
    home = home_blocks(
        [(waits, where, True) for waits, where in mine],
        [figures("24h"), figures("7d", 6.2)],
        whole=True,
    )
    return {
        "agent_status": drawn(answer, button=True),
        "agent_status_table": sections(table("24h", _steps())),
        "home": home,
        "home_empty": home_blocks([], [figures("24h")], whole=True),
    }
