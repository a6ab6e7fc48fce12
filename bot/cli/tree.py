"""A trace as a tree: runs hold their calls, a proposal holds what became of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.text import Text
from rich.tree import Tree

from bot.terminal_text import inert, inert_line
from bot.tracing import kind_of, seconds_between, sum_of, words_of

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


def tree_of(trace: Trace) -> Tree:
    """The tree; every text in it is made inert."""
    head = Text(trace.ticket, style="bold")
    if trace.entries:
        begun, ended = trace.entries[0].at, trace.entries[-1].at
        head.append(f"  {begun:%Y-%m-%d %H:%M:%S} UTC", style="not bold dim")
        head.append(f"  over {seconds_between(begun, ended)}", style="not bold dim")
    head.append(f"  ${trace.cost_usd:.6f}", style="not bold")
    tree = Tree(head, guide_style="dim")
    if trace.archived_until is not None:
        until = f"{trace.archived_until:%Y-%m-%d %H:%M:%S} UTC"
        tree.add(Text(f"its entries up to {until} are archived in signed files", style="dim"))
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
    label = Text(f"run {run}", style="bold")
    return label.append(f"  {sum_of(run, trace.entries)}", style="not bold dim")


def _label(line: Line, before: datetime | None) -> Text:
    entry = line.entry
    label = Text(f"{line.at:%H:%M:%S.%f}"[:-3], style="dim")
    if before is not None:
        label.append(f" +{seconds_between(before, line.at)}".rjust(10), style="dim")
    label.append(f"  {kind_of(line)}", style=_STYLES.get(entry.kind, ""))
    label.append(f"  {words_of(line)}", style="not bold")
    if entry.actor:
        label.append(f"  by {inert_line(entry.actor)}", style="dim")
    return label
