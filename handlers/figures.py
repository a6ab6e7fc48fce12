"""Figures in words, the same on every surface: plain lines, with nothing of anybody's markup.

Every line is ``word: figure``, the first figure after the word being the total, so that a person
and a program read the same. Nothing here holds a customer's words.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

WINDOWS: Final = {"24h": "the last 24 hours", "7d": "the last 7 days", "30d": "the last 30 days"}


def title(figures: Mapping[str, Any], playbook: str | None = None) -> str:
    """What the figures are of."""
    of = f", playbook {playbook}" if playbook else ""
    return f"Deskhand, {WINDOWS[figures['window']]}{of}"


def groups(figures: Mapping[str, Any]) -> list[tuple[str, list[str]]]:
    """The figures' lines, by what they are about. After a count, that of the window before."""
    waiting, actions, model = figures["waiting"], figures["actions"], figures["model"]
    before, money = figures["previous"], figures["budget"]

    def count(name: str, word: str = "", more: str = "") -> str:
        now, then, why = figures[name], before[name], ""
        if isinstance(now, dict):
            now, then, why = now["total"], then["total"], reasons(now)
        return f"{word or name}: {now}{more}, {then} before{why}"

    kept, kept_before = figures["kept_share"], before["kept_share"]
    share = "-" if kept is None else f"{kept:.0%}"
    waits = [
        f"waiting: {waiting['total']}, {waiting['over_reminder']} over the reminder",
        f"oldest: {age(waiting['oldest_s'])}",
    ]
    if money["waiting_for_money"]:
        waits.append(waiting_for_money(money["waiting_for_money"]))
    stuck = [
        f"{name}: {actions[name]}, {before['actions'][name]} before"
        for name in ("succeeded", "failed", "unknown")
    ]
    cost = [
        f"cost: {usd(model['usd'], 4)}, {usd(before['model']['usd'], 4)} before",
        f"cost a ticket: {_each(model)}, {_each(before['model'])} before",
        f"model calls: {model['calls']}, {model['tokens_in']:,} tokens in"
        f" ({model['tokens_cached']:,} from the cache), {model['tokens_out']:,} out",
        f"budget today: {usd(money['spent_today'])} of {usd(money['usd_per_day'])} spent,"
        f" {usd(money['left_today'])} left",
    ]
    came_in = [count("tickets"), count("proposals"), count("handoffs", "handoff")]
    if figures["answered"] or before["answered"]:
        came_in.append(count("answered", more=" asks"))
    state = []
    if figures["paused"]:
        state.append(f"paused: {', '.join(map(paused_name, figures['paused']))}")
    if figures["durability"] == "relaxed":
        state.append("durability: relaxed")
    return [
        ("Now", waits + state),
        ("Came in", came_in),
        (
            "Decided",
            [
                count("approved", more=" as drafted"),
                count("edited"),
                count("rejected"),
                count("expired"),
                count("superseded"),
                f"kept of the drafts: {share}"
                + ("" if kept_before is None else f", {kept_before:.0%} before"),
                count("rubber_stamps", "decided in under 5 s"),
                count("citations_struck", "citations struck"),
            ],
        ),
        ("Actions", stuck),
        (
            "Time",
            [
                f"time to card: {percentiles(figures['time_to_card_s'])}",
                f"time to decision: {percentiles(figures['time_to_decision_s'])}",
            ],
        ),
        ("Cost", cost),
    ]


def budget_lines(budget: Mapping[str, Any]) -> list[str]:
    """The day's money: the numbers of ``deskhand status --json``."""
    at_cap = {
        "local": "the local model drafts, and cards say so",
        "wait": "runs wait until the next day or a raised cap",
    }[budget["at_cap"]]
    lines = [
        f"spent today: {usd(budget['spent_today'], 4)} ({budget['day']}, {budget['timezone']})",
        f"reserved: {usd(budget['reserved'], 4)}",
        f"left today: {usd(budget['left_today'])} of {usd(budget['usd_per_day'])}",
    ]
    for name, money in budget["playbooks"].items():
        if money["usd_per_day"] is None:
            lines.append(f"playbook {name}: {usd(money['spent_today'], 4)} spent")
        else:
            lines.append(
                f"playbook {name}: {usd(money['spent_today'], 4)} spent,"
                f" {usd(money['reserved'], 4)} reserved,"
                f" {usd(money['left_today'])} left of {usd(money['usd_per_day'])}"
            )
    lines.append(f"the managers are told at: {budget['warn_at']:.0%} of a cap")
    lines.append(f"at the cap: {at_cap}")
    if budget["waiting_for_money"]:
        lines.append(waiting_for_money(budget["waiting_for_money"]))
    return lines


def waiting_for_money(number: int) -> str:
    """That runs wait, as a sentence."""
    return f"{plural(number, 'ticket')} {'waits' if number == 1 else 'wait'} for money"


def plural(number: int, word: str) -> str:
    """``1 ticket``, ``2 tickets``."""
    return f"{number} {word}{'' if number == 1 else 's'}"


def paused_name(name: str) -> str:
    return "everything" if name == "*" else name


def reasons(group: Mapping[str, Any]) -> str:
    """`` (wrong_facts 2, other 1)``; empty where there are none."""
    named = ", ".join(f"{name} {number}" for name, number in group["by_reason"].items())
    return f" ({named})" if named else ""


def percentiles(found: Mapping[str, Any]) -> str:
    """The three of them, in words of time."""
    if found["p50"] is None:
        return "-"
    return ", ".join(f"{age(found[name], 1)} ({name})" for name in ("p50", "p95", "p99"))


def age(seconds: float | None, digits: int = 0) -> str:
    """A span in its largest two units; below a minute with so many digits."""
    if seconds is None:
        return "0"
    if seconds < 60:
        return f"{seconds:.{digits}f}s"
    left, parts = int(seconds), list[str]()
    for unit, size in (("d", 86400), ("h", 3600), ("m", 60), ("s", 1)):
        number, left = divmod(left, size)
        if number or parts:
            parts.append(f"{number}{unit}")
    return " ".join(part for part in parts[:2] if not part.startswith("0"))


def _each(model: Mapping[str, Any]) -> str:
    each = model["usd_per_ticket"]
    return "-" if each is None else usd(each, 4)


def usd(amount: float | None, digits: int = 2) -> str:
    """Dollars; ``no limit`` where there is no such sum."""
    return "no limit" if amount is None else f"${amount:.{digits}f}"
