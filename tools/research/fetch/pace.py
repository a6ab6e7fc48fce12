"""One request a second to a host, from this process."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from bot.ports import Clock

INTERVAL_SECONDS = 1.0
LONGEST_DELAY_SECONDS = 10.0
"""A ``Crawl-delay`` is obeyed up to here."""

_KEPT = 1_000


class Pace:
    """Hands out turns; whoever comes while another waits gets the turn after."""

    def __init__(
        self,
        clock: Clock,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        interval: float = INTERVAL_SECONDS,
    ) -> None:
        self._clock = clock
        self._sleep = sleep
        self._interval = interval
        self._next: dict[str, float] = {}

    async def turn(self, host: str, delay: float = 0.0) -> None:
        """Return when ``host`` may be asked. ``delay``: seconds that it wants between requests."""
        now = self._clock.monotonic()
        at = max(now, self._next.get(host, now))
        # Taken before anything is awaited, so that two never get the same turn.
        self._next[host] = at + max(self._interval, min(delay, LONGEST_DELAY_SECONDS))
        if len(self._next) > _KEPT:
            self._next = {one: free for one, free in self._next.items() if free > now}
        if at > now:
            await self._sleep(at - now)
