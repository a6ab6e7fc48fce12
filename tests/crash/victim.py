"""``deskhand serve``, to which something happens at a named point: before or after the n-th of its
steps of one kind. Run as ``CRASH_AT=<point>:<what>:<n> python -m tests.crash.victim``, where
``what`` is one of

- ``before``, ``after``: it kills itself with -9;
- ``freeze``: the store hangs for some seconds from before that step on, connected and silent;
- ``fell``: the store is killed with -9 before that step;
- ``ahead``, ``back``: the wall clock jumps by half a minute before that step.

The point ``clock`` is ``n`` milliseconds after the first event was accepted: there it dies. The
points are wrapped around the real ports from here; the product has no hooks for this.
"""

from __future__ import annotations

import functools
import os
import signal
import sys
import threading
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from bot.clock import SystemClock
from bot.models.local.model import LocalModel
from bot.ports import Commit
from bot.store.folder import StoreFolder
from bot.store.state import RedisStore
from handlers.slack_reply import SlackReply
from handlers.slack_surface import SlackSurface

FROZEN_SECONDS = 3.0
JUMP = timedelta(seconds=30)

Steps = Callable[[tuple[Any, ...]], str | None]
"""The point that a call is, from its arguments; None: not one that may crash."""


def _commit_kind(args: tuple[Any, ...]) -> str | None:
    change: Commit = args[1]
    kinds = {entry.kind for entry in change.entries}
    kept = ("effect", "decision", "proposal", "handoff", "answer", "run", "delivery", "card")
    for kind in kept:
        if kind in kinds:
            return f"commit_{kind}"
    return "commit_board" if change.boards else None


POINTS: dict[str, tuple[type, str, Steps]] = {
    "accept": (RedisStore, "accept", lambda _: "accept"),
    "commit": (RedisStore, "commit", _commit_kind),
    "claim": (RedisStore, "claim", lambda _: "claim"),
    "model": (LocalModel, "answer", lambda _: "model"),
    "post": (SlackSurface, "post", lambda _: "post"),
    "update": (SlackSurface, "update", lambda _: "update"),
    "progress": (SlackSurface, "progress", lambda _: "progress"),
    "send": (SlackReply, "send", lambda _: "send"),
}

NAMED = (
    "accept",
    "commit_delivery",
    "commit_run",
    "model",
    "commit_proposal",
    "post",
    "commit_card",
    "commit_board",
    "commit_decision",
    "claim",
    "send",
    "commit_effect",
    "update",
    "progress",
)
"""Every point, in the order of a ticket's way."""

open_claims: set[str] = set()
"""Proposals between the first byte of their claim and the saving of its outcome: only these may be
unknown after a kill."""


disturbed: set[str] = set()
"""Of a process that lives on, those that were open while something was the matter."""
_calm_at = 0.0


def _watch(method: str, args: tuple[Any, ...], *, done: bool) -> None:
    if method == "claim" and not done:
        open_claims.add(args[1].value.id)
        if time.monotonic() < _calm_at:
            _note()
    if method == "commit" and done:
        for entry in args[1].entries:
            if entry.kind == "effect":
                open_claims.discard(entry.proposal)


def _note() -> None:
    disturbed.update(open_claims)
    Path(os.environ["CRASH_NOTE"]).write_text(str(len(disturbed)))


def _die() -> None:
    _note()
    os.kill(os.getpid(), signal.SIGKILL)


def _die_in(seconds: float) -> None:
    """From another thread, so that no step of the loop is spared."""
    dying = threading.Timer(seconds, _die)
    dying.daemon = True
    dying.start()


def _store() -> int:
    """The embedded server's process; something is the matter with it for a while."""
    global _calm_at
    _calm_at = time.monotonic() + FROZEN_SECONDS + 1
    _note()
    pid = StoreFolder(Path(os.environ["DESKHAND_DATA"])).pid()
    assert pid is not None
    return pid


def _freeze() -> None:
    pid = _store()
    os.kill(pid, signal.SIGSTOP)
    threading.Timer(FROZEN_SECONDS, os.kill, (pid, signal.SIGCONT)).start()


def _jump(by: timedelta) -> None:
    """The wall clock is set, as by an operator; what measures spans is not."""
    global _calm_at
    _calm_at = float("inf")
    setattr(SystemClock, "now", lambda _: datetime.now(UTC) + by)  # noqa: B010 - a method of a class
    _note()


HAPPENS: dict[str, Callable[[], None]] = {
    "before": _die,
    "after": _die,
    "freeze": _freeze,
    "fell": lambda: os.kill(_store(), signal.SIGKILL),
    "ahead": lambda: _jump(JUMP),
    "back": lambda: _jump(-JUMP),
}


def arm(order: str) -> None:
    """Wrap the ports so that at the ordered point happens what was ordered."""
    wanted, when, number = order.split(":")
    left = int(number)
    happens = HAPPENS.get(when, _die)
    if wanted == "clock":
        wanted, left, happens = "accept", 1, functools.partial(_die_in, int(number) / 1000)

    def wrap(
        method: str, original: Callable[..., Awaitable[Any]], name: Steps
    ) -> Callable[..., Awaitable[Any]]:
        @functools.wraps(original)
        async def wrapped(*args: Any, **kwargs: Any) -> Any:
            nonlocal left
            chosen = False
            if name(args) == wanted:
                left -= 1
                chosen = left == 0
            if chosen and when != "after":
                happens()
            _watch(method, args, done=False)
            result = await original(*args, **kwargs)
            _watch(method, args, done=True)
            if chosen and when == "after":
                happens()
            return result

        return wrapped

    for owner, method, name in POINTS.values():
        setattr(owner, method, wrap(method, getattr(owner, method), name))


def main() -> None:
    order = os.environ.get("CRASH_AT")
    if order:
        arm(order)
    from bot.cli import main as deskhand

    sys.argv[1:] = ["serve", "--port", os.environ["CRASH_PORT"]]
    deskhand()


if __name__ == "__main__":
    main()
