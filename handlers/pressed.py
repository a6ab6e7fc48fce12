"""What presses have in common on every surface: names, words for what was not saved, and what
follows an answer."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine, Mapping
from typing import Any, Final

from bot.card import Words
from bot.domain import Verb

log = logging.getLogger("deskhand.handlers")

VERBS: Final[Mapping[str, Verb]] = {
    "deskhand.approve": "approve",
    "deskhand.edit": "edit",
    "deskhand.reject": "reject",
    "deskhand.take": "take",
    "deskhand.retry": "retry",
    "deskhand.settle_done": "settle_done",
    "deskhand.settle_retry": "settle_retry",
}

NOT_SAVED: Final[Words] = ("That took too long and was not saved. Please press again.",)
STORE_AWAY: Final[Words] = (
    "Deskhand cannot save anything just now: this was not saved. Please press again in a moment.",
)


class Later:
    """Work that follows an answer; held until it is done, for asyncio itself holds no task."""

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[Any]] = set()

    def start(self, work: Coroutine[Any, Any, Any]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (fault := task.exception()) is not None:
            log.error("deskhand: a task behind an answer failed", exc_info=fault)

    async def close(self, seconds: float) -> None:
        """Let what runs end, for ``seconds`` at most."""
        if not self._tasks:
            return
        _, left = await asyncio.wait(set(self._tasks), timeout=seconds)
        for task in left:
            task.cancel()
        await asyncio.gather(*left, return_exceptions=True)
