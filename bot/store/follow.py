"""Who wants to know when something happens: woken by the journal, in whichever process it happens.

Every change of state appends to the journal (invariant 14), so a blocking read of its stream is a
signal that costs nothing until there is one. One reader serves all listeners of a process, on a
connection of its own, and only while somebody listens.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from redis.asyncio import Redis
from redis.exceptions import RedisError

from bot.store.connect import open_redis
from bot.store.entries import read_entry
from bot.store.keys import Keys

log = logging.getLogger("deskhand.store")

_BLOCK_MS = 25_000
_READ_SECONDS = 30.0
_GATHER_SECONDS = 0.1
"""What happens within this is told at once: a burst is one piece of news."""
_PAUSE_SECONDS = 1.0
_BEGIN_SECONDS = 1.0
_AT_ONCE = 500
_NO_NEWS = tuple(
    f'{{"kind":"{kind}"'.encode()
    for kind in ("model_call", "tool_call", "delivery", "run", "card", "head")
)
"""How entries begin that tell of work and of no change that anybody waits for; most are such."""
_CANCELLATIONS, _CANCEL_SECONDS = 4, 0.25


class Listening:
    """One listener's ear. What happens between two calls of ``next`` is kept for the second."""

    def __init__(self) -> None:
        self._heard: set[str] = set()
        self._news = asyncio.Event()
        self._over = False

    async def next(self, seconds: float | None = None) -> frozenset[str] | None:
        """Ids of the tickets and proposals that have changed, as soon as they do; an empty set
        after ``seconds`` without news, and where something may have been missed while the store
        was away. None: there will be no more."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._news.wait()
        if self._over:
            return None
        self._news.clear()
        heard, self._heard = frozenset(self._heard), set()
        return heard

    def tell(self, names: set[str]) -> None:
        self._heard |= names
        self._news.set()

    def end(self) -> None:
        self._over = True
        self._news.set()


class Follower:
    """Reads one tenant's journal as it grows. ``url`` is the store's."""

    def __init__(self, url: str, tenant: str) -> None:
        self._url = url
        self._key = Keys(tenant).journal
        self._listeners: set[Listening] = set()
        self._reader: asyncio.Task[None] | None = None
        self._reads = asyncio.Event()
        """The reader knows where it begins: what is written from now on is heard."""
        self._closed = False

    @property
    def listeners(self) -> int:
        return len(self._listeners)

    @asynccontextmanager
    async def listen(self) -> AsyncIterator[Listening]:
        """Hear of everything that happens from now on."""
        ear = Listening()
        if self._closed:
            ear.end()
        self._listeners.add(ear)
        if self._reader is None and not self._closed:
            self._reads.clear()
            self._reader = asyncio.create_task(self._read(), name="deskhand-follow")
        try:
            if not self._closed:
                # A store that is away has no news; its reader finds its place when it is back.
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(_BEGIN_SECONDS):
                        await self._reads.wait()
            yield ear
        finally:
            self._listeners.discard(ear)
            if not self._listeners:
                await self._stop()

    async def close(self) -> None:
        """Tell every listener that there is no more, and let the connection go."""
        self._closed = True
        for ear in self._listeners:
            ear.end()
        await self._stop()

    async def _stop(self) -> None:
        reader, self._reader = self._reader, None
        if reader is None:
            return
        # Before Python 3.12 redis-py can swallow a cancellation that comes just when a reply does
        # (CPython issue 86296).
        for _ in range(_CANCELLATIONS):
            reader.cancel()
            await asyncio.wait((reader,), timeout=_CANCEL_SECONDS)
            if reader.done():
                return
        log.error("the journal's reader would not end")

    async def _read(self) -> None:
        redis = open_redis(
            self._url, decode_responses=False, pool_size=2, read_timeout_s=_READ_SECONDS
        )
        last: bytes | None = None
        try:
            while True:
                try:
                    if last is None:
                        last = await self._last(redis)
                        self._reads.set()
                        for ear in self._listeners:
                            # Who did not wait until now may have missed something: look again.
                            ear.tell(set())
                    last, names = await self._news_after(redis, last)
                except RedisError as error:
                    # Nothing is lost: the next read goes on where this one stood.
                    log.debug("the journal cannot be followed just now: %s", error)
                    await asyncio.sleep(_PAUSE_SECONDS)
                    continue
                if names:
                    for ear in self._listeners:
                        ear.tell(names)
                    await asyncio.sleep(_GATHER_SECONDS)
        finally:
            await redis.aclose()

    async def _last(self, redis: Redis) -> bytes:
        # redis-py leaves this method untyped, here and below.
        newest = await redis.execute_command("XREVRANGE", self._key, "+", "-", "COUNT", 1)  # type: ignore[no-untyped-call]
        return bytes(newest[0][0]) if newest else b"0-0"

    async def _news_after(self, redis: Redis, last: bytes) -> tuple[bytes, set[str]]:
        answer = await redis.execute_command(  # type: ignore[no-untyped-call]
            "XREAD", "COUNT", _AT_ONCE, "BLOCK", _BLOCK_MS, "STREAMS", self._key, last
        )
        names: set[str] = set()
        for _, entries in answer or ():
            for entry_id, fields in entries:
                last = bytes(entry_id)
                if fields[b"e"].startswith(_NO_NEWS):
                    continue
                entry = read_entry(fields[b"e"])
                names |= {name for name in (entry.ticket, entry.proposal) if name}
                if entry.kind == "operator":
                    names.add("operator")
        return last, names
