"""A trace as a tree: runs hold their calls, a proposal holds what became of it."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

from rich.text import Text
from rich.tree import Tree

from bot.cli.record import cost_of
from bot.terminal_text import inert, inert_line

if TYPE_CHECKING:
    from datetime import datetime

    from bot.cli.record import Trace
    from bot.store.entries import Line

_STYLES = {
    "model_call": "cyan",
    "tool_call": "blue",
    "proposal": "bold green",
    "handoff": "bold yellow",
    "decision": "bold",
    "claim": "magenta",
    "effect": "bold magenta",
}
_CALLS = ("model_call", "tool_call")


def tree_of(trace: Trace) -> Tree:
    """The tree; every text in it is made inert."""
    head = Text(trace.ticket, style="bold")
    if trace.entries:
        begun, ended = trace.entries[0].at, trace.entries[-1].at
        head.append(f"  {begun:%Y-%m-%d %H:%M:%S} UTC", style="not bold dim")
        head.append(f"  over {_seconds(begun, ended)}", style="not bold dim")
    head.append(f"  ${trace.cost_usd:.6f}", style="not bold")
    tree = Tree(head, guide_style="dim")
    begun_runs: dict[str, Tree] = {}
    last = trace.entries[0].at if trace.entries else None
    for line in trace.entries:
        run = line.entry.run
        parent = tree
        if run is not None:
            if run not in begun_runs:
                begun_runs[run] = tree.add(Text(f"run {run}", style="bold"))
            parent = begun_runs[run]
        node = parent.add(_label(line, last))
        last = line.at
        for name, text in trace.texts.get(line.id, {}).items():
            node.add(Text(f"{name}: ", style="dim").append(inert(text).strip()))
    for run, branch in begun_runs.items():
        branch.label = _run_label(run, trace)
    return tree


def _run_label(run: str, trace: Trace) -> Text:
    calls = [one for one in trace.entries if one.entry.run == run and one.entry.kind in _CALLS]
    models = [one for one in calls if one.entry.kind == "model_call"]
    cost = sum(cost_of(one) for one in models)
    into, out = (sum(_number(one, key) for one in models) for key in ("tokens_in", "tokens_out"))
    cached = sum(_number(one, "cache_read") for one in models)
    label = Text(f"run {run}", style="bold")
    return label.append(
        f"  {len(models)} model calls, {len(calls) - len(models)} tool calls, "
        f"tokens {into + cached} in ({cached} cached) {out} out, ${cost:.6f}",
        style="not bold dim",
    )


def _label(line: Line, before: datetime | None) -> Text:
    entry = line.entry
    label = Text(f"{line.at:%H:%M:%S.%f}"[:-3], style="dim")
    if before is not None:
        label.append(f" +{_seconds(before, line.at)}".rjust(10), style="dim")
    label.append(f"  {entry.kind.replace('_', ' ')}", style=_STYLES.get(entry.kind, ""))
    label.append(f"  {_words(line)}", style="not bold")
    if entry.actor:
        label.append(f"  by {inert_line(entry.actor)}", style="dim")
    return label


def _words(line: Line) -> str:
    data = line.entry.data
    match line.entry.kind:
        case "model_call":
            failed = f", {data['failed']}" if data.get("failed") else ""
            return (
                f"{_text(data, 'model')}  {_text(data, 'latency_ms')} ms, "
                f"tokens {_number(line, 'tokens_in') + _number(line, 'cache_read')} in "
                f"({_number(line, 'cache_read')} cached) {_number(line, 'tokens_out')} out, "
                f"${cost_of(line):.6f}, {_text(data, 'stop')}{failed}, "
                f"prompt {_text(data, 'prompt')} {_text(data, 'prompt_version')}"
            )
        case "tool_call":
            failed = ", failed" if data.get("failed") else ""
            found = _number(line, "passages") + _number(line, "similar")
            return f"{_text(data, 'tool')}  {_text(data, 'latency_ms')} ms, {found} found{failed}"
        case _:
            return _rest(data)


_QUIET = frozenset({"digest", "key", "trace", "playbook_version", "message", "received_at"})
"""Values that a person compares and does not read; `--json` has them."""


def _rest(data: dict[str, Any]) -> str:
    shown = {
        name: value
        for name, value in data.items()
        if name not in _QUIET and value not in (None, [])
    }
    if "from" in shown and "to" in shown:
        shown = {"state": f"{shown.pop('from')} -> {shown.pop('to')}", **shown}
    return ", ".join(f"{name} {inert_line(_plain(name, value))}" for name, value in shown.items())


def _plain(name: str, value: Any) -> str:
    if name == "usd":
        return f"${Decimal(str(value)):.6f}"
    return " ".join(map(str, value)) if isinstance(value, list) else str(value)


def _text(data: dict[str, Any], name: str) -> str:
    value = data.get(name)
    return "-" if value is None else inert_line(str(value))


def _number(line: Line, name: str) -> int:
    value = line.entry.data.get(name)
    return value if isinstance(value, int) else 0


def _seconds(begun: datetime, ended: datetime) -> str:
    seconds = (ended - begun).total_seconds()
    return f"{seconds:.3f}s" if seconds < 100 else f"{seconds:.0f}s"
