"""The sweep: what ``retention:`` says, once an hour by one worker of all, a small batch at a time.

One step does as much as does not hold up the worker's other housekeeping. A sweep that is broken
off loses nothing: what it has not come to is found by the next one.
"""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime

from bot.config import Retention
from bot.ports import Clock
from bot.settings import Settings
from bot.store.belongings import Belongings
from bot.store.erasing import Counts, Eraser
from bot.store.keys import Keys
from bot.store.reports import Reports, reports_folder
from bot.store.rewriting import rewriting
from bot.store.segments import AT_ONCE, Archive, Segments, segments_folder
from bot.store.state import RedisStore
from bot.store.wire import Wire

log = logging.getLogger("deskhand.retention")

TICKETS_AT_ONCE = 20
_SWEPT_SECONDS = 7_200


class Sweep:
    """Of one worker. ``embedded``: the server's file is ours to have written anew."""

    def __init__(
        self,
        wire: Wire,
        keys: Keys,
        clock: Clock,
        retention: Retention,
        archive: Archive,
        reports: Reports,
        *,
        embedded: bool,
    ) -> None:
        self._wire = wire
        self._keys = keys
        self._clock = clock
        self._retention = retention
        self._archive = archive
        self._embedded = embedded
        self._reports = reports
        self._eraser = Eraser(wire, keys, clock, reports)
        self._belongings = Belongings(wire, keys)
        self._hour = ""
        self._under_way: AsyncIterator[None] | None = None

    async def step(self) -> bool:
        """Do a little; whether there is more to do at once. Raises ``StoreUnavailable``."""
        if self._under_way is None:
            hour = self._clock.now().strftime("%Y-%m-%dT%H")
            if hour == self._hour:
                return False
            swept = self._keys.swept(hour)
            first = await self._wire.command("SET", swept, "", "NX", "EX", _SWEPT_SECONDS)
            self._hour = hour
            if first is None:
                return False
            self._under_way = self._sweep(self._clock.now())
        try:
            await anext(self._under_way)
        except StopAsyncIteration:
            self._under_way = None
        except BaseException:
            self._under_way = None  # a broken generator is at its end; the next hour has another
            raise
        return self._under_way is not None

    async def _sweep(self, now: datetime) -> AsyncIterator[None]:
        """A step between each two yields."""
        if self._retention.texts is not None:
            async for _ in self._belongings.index_pages():
                yield
            before = now - self._retention.texts
            total, more = Counts(reports=await self._reports.remove_older(before)), True
            while more:
                some, more = await self._eraser.older_than(before, TICKETS_AT_ONCE)
                total += some
                yield
            await self._eraser.record_swept(total)
            if total.left:
                log.info("%d old tickets keep their texts until they are settled", total.left)
            if total.tickets and self._embedded:
                # It must not hold up the worker's other housekeeping, so it is only looked at.
                async for _ in rewriting(self._wire):
                    yield
        if self._retention.journal is not None:
            # Whole days: a file a day rather than one an hour.
            day = (now - self._retention.journal).astimezone(UTC)
            midnight = day.replace(hour=0, minute=0, second=0, microsecond=0)
            while await self._archive.step(midnight) == AT_ONCE:
                yield


def sweep_of(
    settings: Settings, retention: Retention, store: RedisStore, clock: Clock, secret: str
) -> Callable[[], Awaitable[bool]] | None:
    """What ``retention:`` asks of the worker of this process; None: it asks nothing."""
    if retention.texts is None and retention.journal is None:
        return None
    wire, keys = store.wire, store.keys
    archive = Archive(wire, keys, Segments(segments_folder(settings.data), secret))
    reports = Reports(reports_folder(settings.data))
    return Sweep(wire, keys, clock, retention, archive, reports, embedded=settings.embedded).step
