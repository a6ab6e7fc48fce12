"""JSON lines through a pool of workers: as many at once as is sensible, answers in order.

Memory is bounded by the window, not by the input: a line is read when there is room to work on it,
and an answer leaves as soon as every earlier one has.
"""

from __future__ import annotations

import asyncio
import sys
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Generic, TypeVar

from bot.faults import OperatorError

LONGEST_BYTES = 1024 * 1024
"""A line's length, as a webhook's body."""

Answer = TypeVar("Answer")


@dataclass(frozen=True)
class Line:
    """One line of the input, without its end. ``number`` counts from 1."""

    number: int
    text: bytes
    too_long: bool = False


@contextmanager
def opened(file: str) -> Iterator[BinaryIO]:
    """The lines of a file, or of stdin where it is ``-``. Raises ``OperatorError``."""
    if file == "-":
        yield sys.stdin.buffer
        return
    with ExitStack() as until_read:
        try:
            source = until_read.enter_context(Path(file).open("rb"))
        except OSError as unreadable:
            raise OperatorError(
                f"{file}: cannot be read ({unreadable.strerror}); name a file of JSON lines, or - "
                "for stdin"
            ) from unreadable
        yield source


class Pump(Generic[Answer]):
    """Works on lines, ``at_once`` of them at a time, and gives the answers in their order."""

    def __init__(
        self, source: BinaryIO, work: Callable[[Line], Awaitable[Answer]], at_once: int
    ) -> None:
        self._source = source
        self._work = work
        self._room = threading.Semaphore(at_once)
        self._over = False
        self._begun: asyncio.Queue[asyncio.Task[Answer] | OSError | None] = asyncio.Queue()
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
                answer = await task
                self._tasks.discard(task)
                self._room.release()
                yield answer
        finally:
            self._over = True
            self._room.release()
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)

    def _read(self, loop: asyncio.AbstractEventLoop) -> None:
        try:
            try:
                for line in self._lines():
                    self._room.acquire()
                    if self._over:
                        return
                    loop.call_soon_threadsafe(self._begin, line)
                loop.call_soon_threadsafe(self._begun.put_nowait, None)
            except OSError as failed:
                loop.call_soon_threadsafe(self._begun.put_nowait, failed)
        except RuntimeError:
            # The loop is closed: nobody waits for more lines.
            return

    def _lines(self) -> Iterator[Line]:
        number = 0
        while raw := self._source.readline(LONGEST_BYTES + 2):
            number += 1
            rest = raw
            while rest and not rest.endswith(b"\n"):
                # The end of the input, or a line so long that its rest is read and dropped.
                rest = self._source.readline(LONGEST_BYTES)
            text = raw.rstrip(b"\r\n")
            too_long = len(text) > LONGEST_BYTES
            yield Line(number, b"" if too_long else text, too_long)

    def _begin(self, line: Line) -> None:
        async def work() -> Answer:
            return await self._work(line)

        task = asyncio.get_running_loop().create_task(work())
        self._tasks.add(task)
        self._begun.put_nowait(task)
