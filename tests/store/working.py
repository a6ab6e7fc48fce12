"""A worker at work, for the queue's tests; as a program, one that can be killed."""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from redis.asyncio import Redis

from bot.ports import Commit, Wake, WakeKind
from bot.store.connect import open_redis
from bot.store.queue import Queue
from bot.store.state import RedisStore
from bot.store.wakes import KINDS
from bot.store.worker import Handler, Worker
from tests.patience import WAIT_SECONDS
from tests.store.make import WallClock


async def eventually(
    holds: Callable[[], bool | Awaitable[bool]], timeout_s: float = WAIT_SECONDS
) -> None:
    """Return as soon as ``holds``, for what happens in a server or another process."""
    async with asyncio.timeout(timeout_s):
        while True:
            found = holds()
            if found if isinstance(found, bool) else await found:
                return
            await asyncio.sleep(0.005)


@dataclass
class Seen:
    """Handlers that note what they are called for."""

    calls: list[tuple[str, str]] = field(default_factory=list)
    at: list[float] = field(default_factory=list)
    changed: asyncio.Condition = field(default_factory=asyncio.Condition)

    def handler(self, kind: str) -> Handler:
        async def note(wake_id: str) -> datetime | None:
            await self.note(kind, wake_id)
            return None

        return note

    async def note(self, kind: str, wake_id: str) -> None:
        async with self.changed:
            self.calls.append((kind, wake_id))
            self.at.append(time.monotonic())
            self.changed.notify_all()

    async def until(self, condition: Callable[[], bool], timeout_s: float = WAIT_SECONDS) -> None:
        async with asyncio.timeout(timeout_s), self.changed:
            await self.changed.wait_for(condition)

    async def count(self, number: int, timeout_s: float = WAIT_SECONDS) -> None:
        await self.until(lambda: len(self.calls) >= number, timeout_s)


@dataclass
class Process:
    """One process's end of everything."""

    queue: Queue
    store: RedisStore
    redis: Any
    worker: Worker | None
    seen: Seen

    async def wake(self, kind: WakeKind, wake_id: str, at: datetime | None = None) -> None:
        await self.store.commit(Commit(wakes=(Wake(kind, wake_id, at),)))

    async def idle(self) -> None:
        """Until no job runs."""
        await eventually(lambda: self.worker is None or not self.worker.jobs)


@asynccontextmanager
async def process(
    url: str,
    handlers: Mapping[WakeKind, Handler] | None = None,
    *,
    works: bool = True,
    takes: bool = True,
    tenant: str = "acme",
    **options: Any,
) -> AsyncIterator[Process]:
    """``works``: it has a worker. ``takes``: the worker takes its own process's wakes directly."""
    redis: Redis = open_redis(url, decode_responses=False)
    queue, clock, seen = Queue(url, tenant), WallClock(), Seen()
    store = RedisStore(redis, tenant, clock, queue.wake_soon)
    async with AsyncExitStack() as opened:
        opened.push_async_callback(redis.aclose)
        opened.push_async_callback(store.close)
        await store.start()
        await opened.enter_async_context(queue)
        every: dict[WakeKind, Handler] = {kind: seen.handler(kind) for kind in KINDS}
        worker = Worker(queue, store, {**every, **(handlers or {})}, clock, **options)
        running = asyncio.create_task(worker.run()) if works else None
        if works and not takes:
            await asyncio.sleep(0)
            queue.serve(_Reader(worker))
            store.hands = None
        try:
            yield Process(queue, store, redis, worker if works else None, seen)
        finally:
            await worker.stop()
            if running is not None:
                await running


class _Reader:
    """A worker to which only the queue brings work."""

    def __init__(self, worker: Worker) -> None:
        self._worker = worker

    def take(self, wake: Wake) -> bool:
        return False

    async def work(self, wake: Wake) -> None:
        await self._worker.work(wake)


async def hang(url: str, folder: Path) -> None:
    """Take up every run and never finish it, having said so in ``folder``."""

    async def never(wake_id: str) -> None:
        folder.joinpath(wake_id).touch()
        await asyncio.Event().wait()

    async with process(url, {"run": never}):
        await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(hang(sys.argv[1], Path(sys.argv[2])))
