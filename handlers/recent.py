"""Answers that may be a little old: asked for once, used by all who ask meanwhile."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

Answer = TypeVar("Answer")


class Monotonic(Protocol):
    """The part of the clock that measures spans, in seconds."""

    def monotonic(self) -> float: ...


@dataclass
class _Asked(Generic[Answer]):
    at: float
    answer: asyncio.Task[Answer]


class Recent(Generic[Answer]):
    """Answers no older than ``seconds``; one question is on the way at a time for each key.

    Age counts from the question, for the answer may be as old as that. A failure is passed to
    everyone who waited for it and then forgotten.
    """

    def __init__(self, seconds: float, clock: Monotonic, most: int = 2000) -> None:
        self._seconds = seconds
        self._clock = clock
        self._most = most
        self._asked: dict[str, _Asked[Answer]] = {}

    @property
    def held(self) -> int:
        """How many answers are kept."""
        return len(self._asked)

    async def get(self, key: str, ask: Callable[[], Awaitable[Answer]]) -> Answer:
        now = self._clock.monotonic()
        held = self._asked.get(key)
        if held is None or now - held.at > self._seconds:
            self._forget(now)

            async def answer() -> Answer:
                return await ask()

            held = _Asked(now, asyncio.get_running_loop().create_task(answer()))
            # Should every waiter have gone by then, a failure is nobody's and no warning's.
            held.answer.add_done_callback(lambda task: task.cancelled() or task.exception())
            self._asked[key] = held
        try:
            # Shielded: one click that is given up must not take the answer from the others.
            return await asyncio.shield(held.answer)
        finally:
            failed = held.answer.done() and (
                held.answer.cancelled() or held.answer.exception() is not None
            )
            if failed and self._asked.get(key) is held:
                del self._asked[key]

    def _forget(self, now: float) -> None:
        if len(self._asked) < self._most:
            return
        old = [key for key, held in self._asked.items() if now - held.at > self._seconds]
        for key in old or list(self._asked)[: self._most // 2]:
            del self._asked[key]
