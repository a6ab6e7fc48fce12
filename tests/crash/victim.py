"""``deskhand serve``, which kills itself with -9 at a named point: before or after the n-th of its
steps of one kind. Run as ``CRASH_AT=<point>:<before|after>:<n> python -m tests.crash.victim``.

The points are wrapped around the real ports from here; the product has no hooks for this.
"""

from __future__ import annotations

import functools
import os
import signal
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from bot.models.local.model import LocalModel
from bot.ports import Commit
from bot.store.state import RedisStore
from handlers.slack_reply import SlackReply
from handlers.slack_surface import SlackSurface

Steps = Callable[[tuple[Any, ...]], str | None]
"""The point that a call is, from its arguments; None: not one that may crash."""


def _commit_kind(args: tuple[Any, ...]) -> str | None:
    change: Commit = args[1]
    kinds = {entry.kind for entry in change.entries}
    for kind in ("effect", "decision", "proposal", "handoff", "run", "delivery", "card"):
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


def _watch(method: str, args: tuple[Any, ...], *, done: bool) -> None:
    if method == "claim" and not done:
        open_claims.add(args[1].value.id)
    if method == "commit" and done:
        for entry in args[1].entries:
            if entry.kind == "effect":
                open_claims.discard(entry.proposal)


def _die() -> None:
    Path(os.environ["CRASH_NOTE"]).write_text(str(len(open_claims)))
    os.kill(os.getpid(), signal.SIGKILL)


def arm(order: str) -> None:
    """Wrap the ports so that the process dies at the ordered point."""
    wanted, when, number = order.split(":")
    left = int(number)

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
            if chosen and when == "before":
                _die()
            _watch(method, args, done=False)
            result = await original(*args, **kwargs)
            _watch(method, args, done=True)
            if chosen and when == "after":
                _die()
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
