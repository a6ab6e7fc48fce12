"""JSON lines through a pool of workers: as many at once as is sensible, answers in order.

Memory is bounded by the window, not by the input: a line is read when there is room to work on it,
and an answer leaves as soon as every earlier one has.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from typing import BinaryIO, Generic, TypeVar

LONGEST_BYTES = 1024 * 1024
"""A line's length, as a webhook's body."""

Answer = TypeVar("Answer")


@dataclass(frozen=True)
class Line:
    """One line of the input, without its end. ``number`` counts from 1."""

    number: int
    text: bytes
    too_long: bool = False


class Pump(Generic[Answer]):
    """Works on lines, ``at_once`` of them at a time, and gives the answers in their order."""

    def __init__(
        self, source: BinaryIO, work: Callable[[Line], Awaitable[Answer]], at_once: int
    ) -> None:
        self._source = source
        self._work = work
        # The queue is what bounds the work: a task begins when there is room for it.
        self._begun: asyncio.Queue[asyncio.Task[Answer] | OSError | None] = asyncio.Queue(at_once)
        self._tasks: set[asyncio.Task[Answer]] = set()

    async def answers(self) -> AsyncIterator[Answer]:
        """Every answer, in the order of the lines. Raises ``OSError`` if reading fails."""
        loop = asyncio.get_running_loop()
        # A daemon: a thread that waits for a pipe's next line cannot be ended, and an executor's
        # thread would keep the process from ending until somebody writes one.
        reader = threading.Thread(target=self._read, args=(loop,), daemon=True, name="lines")
        reader.start()
        try:
            while (task := await self._begun.get()) is not None:
                if isinstance(task, OSError):
                    raise task
                yield await task
                self._tasks.discard(task)
        finally:
            for task in self._tasks:
                task.cancel()

    def _read(self, loop: asyncio.AbstractEventLoop) -> None:
        number = 0
        try:
            while raw := self._source.readline(LONGEST_BYTES + 2):
                number += 1
                rest = raw
                while rest and not rest.endswith(b"\n"):
                    # The end of the input, or a line so long that its rest is read and dropped.
                    rest = self._source.readline(LONGEST_BYTES)
                text = raw.rstrip(b"\r\n")
                too_long = len(text) > LONGEST_BYTES
                line = Line(number, b"" if too_long else text, too_long)
                asyncio.run_coroutine_threadsafe(self._begin(line), loop).result()
            asyncio.run_coroutine_threadsafe(self._begun.put(None), loop).result()
        except OSError as failed:
            asyncio.run_coroutine_threadsafe(self._begun.put(failed), loop).result()
        except (RuntimeError, asyncio.CancelledError):
            # The loop has ended: nobody waits for more lines.
            return

    async def _begin(self, line: Line) -> None:
        async def work() -> Answer:
            return await self._work(line)

        task = asyncio.get_running_loop().create_task(work())
        self._tasks.add(task)
        await self._begun.put(task)
