"""Intake stops before the store is full, so that receipts still pass."""

from __future__ import annotations

import asyncio
import logging

from redis.asyncio import Redis

from bot.ports import Clock, StoreUnavailable
from bot.store.connect import Memory, read_memory

log = logging.getLogger("deskhand.store")

FULL = 0.8
"""The share of the store's memory at which intake is refused."""
_FRESH_SECONDS = 1.0
_OLD_SECONDS = 5.0


class MemoryGuard:
    """Knows how full the store is, to the second while tickets come in, at no cost to them."""

    def __init__(self, redis: Redis, clock: Clock) -> None:
        self._redis = redis
        self._clock = clock
        self._memory = Memory(0, None)
        self._seen_at: float | None = None
        self._looking: asyncio.Task[None] | None = None

    async def check(self) -> None:
        """Raise ``StoreUnavailable`` when the store is too full to take in more.

        A figure of the last second is taken as it is; an older one too, while a new one is fetched;
        one that is older still, or none, is fetched first.
        """
        age = None if self._seen_at is None else self._clock.monotonic() - self._seen_at
        if age is None or age >= _OLD_SECONDS:
            await self._look()
        elif age >= _FRESH_SECONDS and (self._looking is None or self._looking.done()):
            self._looking = asyncio.create_task(self._look_quietly(), name="deskhand-memory")
        used, limit = self._memory.used_bytes, self._memory.limit_bytes
        if limit is not None and used >= FULL * limit:
            raise StoreUnavailable(
                f"the store is {used * 100 // limit} % full ({used >> 20} of {limit >> 20} MB):"
                " nothing new is taken in until there is room"
            )

    async def close(self) -> None:
        """Wait for a look that is under way."""
        if self._looking is not None:
            await asyncio.wait([self._looking])

    async def _look(self) -> None:
        self._memory = await read_memory(self._redis)
        self._seen_at = self._clock.monotonic()

    async def _look_quietly(self) -> None:
        try:
            await self._look()
        except StoreUnavailable as error:
            # The delivery on whose behalf we look has its own answer from the same store.
            log.debug("could not see how full the store is: %s", error)
