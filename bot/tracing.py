"""What happened to a ticket, in words: for the shell's tree and for ``/agent trace``.

Figures and names of states only, never personal text: those lie beside the entries, and who may
see them is each surface's to say. Every word from elsewhere is made inert for a line.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any, Protocol
from urllib.parse import parse_qs, unquote

from bot.domain import Place
from bot.journal import Entry
from bot.terminal_text import inert_line

_PERMALINK = re.compile(r"https://[^/\s]+/archives/([A-Z0-9]+)/p(\d{10})(\d{6})(?:\?(\S*))?\Z")
_IN_TEAMS = re.compile(
    r"https://teams\.(?:microsoft\.com|cloud\.microsoft)/l/message/([^/?#\s]+)/(\d+)(?:\?(\S*))?\Z"
)
"""learn.microsoft.com, *Deep links to a chat or channel message*."""
_THREAD = re.compile(r"(?:^|&)thread_ts=(\d+\.\d+)")
_QUIET = frozenset(
    {
        *("digest", "key", "trace", "playbook_version", "prompt_version", "message"),
        *("received_at", "first_run", "calls", "tokens_in", "tokens_out", "tokens_cached"),
        "run_usd",
    }
)
"""Values that a person compares and does not read, or that the run's sum says; `--json` has
them."""
_OF_THE_RUN = frozenset({"route", "model"})
"""Said where a run ends, and not again on each line about its proposal."""
_CALLS = ("model_call", "tool_call")


class TraceLine(Protocol):
    """A journal entry read back."""

    @property
    def id(self) -> str: ...

    @property
    def entry(self) -> Entry: ...

    @property
    def at(self) -> datetime: ...


def message_of(permalink: str) -> Place | None:
    """The conversation that a message's permalink lies in; None for any other text, and for a
    message of a chat in Teams, where there are no threads to tell one from another."""
    link = _PERMALINK.match(permalink)
    if link is None:
        return _in_teams(permalink)
    channel, seconds, micros, query = link.groups()
    thread = _THREAD.search(query or "")
    at = thread[1] if thread else f"{seconds}.{micros}"
    return Place(surface="slack", place=channel, thread=at)


def _in_teams(permalink: str) -> Place | None:
    link = _IN_TEAMS.match(permalink)
    channel = unquote(link[1]) if link is not None else ""
    if link is None or not channel.endswith(("@thread.tacv2", "@thread.skype")):
        return None
    parent = parse_qs(link[3] or "").get("parentMessageId", [""])[0]
    return Place(surface="teams", place=channel, thread=parent or link[2])


def cost_of(line: TraceLine) -> Decimal:
    """What a model call cost, in US dollars; 0 for everything else."""
    cost = line.entry.data.get("cost_usd")
    return Decimal(cost) if line.entry.kind == "model_call" and isinstance(cost, str) else Decimal()


def total_cost(lines: Sequence[TraceLine]) -> Decimal:
    """What all of it cost, in US dollars."""
    return sum((cost_of(line) for line in lines), Decimal(0))


def kind_of(line: TraceLine) -> str:
    """What kind of thing happened, as ``model call``."""
    return line.entry.kind.replace("_", " ")


def words_of(line: TraceLine) -> str:
    """What happened, on one line."""
    data = line.entry.data
    match line.entry.kind:
        case "model_call":
            failed = f", {data['failed']}" if data.get("failed") else ""
            return (
                f"{_text(data, 'model')}  {_text(data, 'latency_ms')} ms, "
                f"tokens {_tokens_in(line)} in "
                f"({_number(line, 'cache_read')} cached) {_number(line, 'tokens_out')} out, "
                f"${cost_of(line):.6f}, {_text(data, 'stop')}{failed}, "
                f"prompt {_text(data, 'prompt')} {_text(data, 'prompt_version')}"
            )
        case "tool_call":
            failed = ", failed" if data.get("failed") else ""
            found = _number(line, "passages") + _number(line, "similar")
            return f"{_text(data, 'tool')}  {_text(data, 'latency_ms')} ms, {found} found{failed}"
        case "proposal" | "handoff":
            return _rest(data)
        case "unreadable":
            kind = data.get("written_as")
            written = f", as {inert_line(str(kind))}" if kind else ""
            return f"written by another version of Deskhand{written}"
        case _:
            return _rest({name: data[name] for name in data if name not in _OF_THE_RUN})


def sum_of(run: str, lines: Sequence[TraceLine]) -> str:
    """A run's calls, tokens and cost, on one line."""
    calls = [line for line in lines if line.entry.run == run and line.entry.kind in _CALLS]
    models = [line for line in calls if line.entry.kind == "model_call"]
    into, out = sum(map(_tokens_in, models)), sum(_number(line, "tokens_out") for line in models)
    cached = sum(_number(line, "cache_read") for line in models)
    return (
        f"{len(models)} model calls, {len(calls) - len(models)} tool calls, "
        f"tokens {into} in ({cached} cached) {out} out, ${total_cost(models):.6f}"
    )


def _tokens_in(line: TraceLine) -> int:
    """Every token that went in, whether read from the cache, written to it or neither."""
    return sum(_number(line, name) for name in ("tokens_in", "cache_read", "cache_write"))


def seconds_between(begun: datetime, ended: datetime) -> str:
    """A span, to the millisecond while that says anything."""
    seconds = (ended - begun).total_seconds()
    return f"{seconds:.3f}s" if seconds < 100 else f"{seconds:.0f}s"


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


def _number(line: TraceLine, name: str) -> int:
    value = line.entry.data.get(name)
    return value if isinstance(value, int) else 0
