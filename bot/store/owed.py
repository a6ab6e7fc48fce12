"""What the store was told while it was away: kept here, and told again when it answers.

A model call has been made whether or not its line could be written, and the figures count lines.
So what cannot be written, or whose answer was lost, is remembered in this process and sent again
with the next of its kind, by the worker's housekeeping, and last when the store is closed. The
server writes what has the same id once, so sending again is safe. A process that is killed forgets
what it owes; the money that it had reserved then counts as spent.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from decimal import Decimal

from bot.budget import Reservation
from bot.domain import new_id
from bot.journal import Entry
from bot.ports import Clock, StoreUnavailable

log = logging.getLogger("deskhand.store")

REMEMBERED_SECONDS = 3600
"""How long the server knows what it has written already."""
_KEPT_SECONDS = REMEMBERED_SECONDS - 300
"""Older than this nothing is sent again: it might be written twice."""
_KEPT = 1_000
"""No more than so many: a process must not fill up while the store is away."""


@dataclass(frozen=True)
class Owed:
    """A reservation's real cost and its lines, or lines alone. ``id``: written once under it."""

    id: str
    reservation: Reservation | None
    usd: Decimal
    entries: tuple[Entry, ...]
    since: float
    """On the monotonic clock."""


class Owing:
    """Sends, and remembers what it could not. ``send`` raises ``StoreUnavailable``."""

    def __init__(self, send: Callable[[Owed], Awaitable[None]], clock: Clock) -> None:
        self._send = send
        self._clock = clock
        self._owed: deque[Owed] = deque()

    def __len__(self) -> int:
        return len(self._owed)

    async def pay(
        self, reservation: Reservation | None, usd: Decimal, entries: tuple[Entry, ...] = ()
    ) -> None:
        """Send this now. Raises ``StoreUnavailable``, and then it is remembered."""
        owed = self._made(reservation, usd, entries)
        try:
            await self._send(owed)
        except (StoreUnavailable, asyncio.CancelledError):
            self._keep(owed)
            raise

    def owe(self, reservation: Reservation, usd: Decimal) -> None:
        """Remember this without a try of its own."""
        self._keep(self._made(reservation, usd, ()))

    async def pay_all(self) -> None:
        """Send what is remembered, the oldest first. Raises ``StoreUnavailable``."""
        while self._owed:
            owed = self._owed.popleft()
            if self._clock.monotonic() - owed.since > _KEPT_SECONDS:
                log.warning("%d lines of the journal were never written", len(owed.entries))
                continue
            try:
                await self._send(owed)
            except (StoreUnavailable, asyncio.CancelledError):
                self._owed.appendleft(owed)
                raise

    def _made(
        self, reservation: Reservation | None, usd: Decimal, entries: tuple[Entry, ...]
    ) -> Owed:
        ident = reservation.id if reservation else new_id("m")
        return Owed(ident, reservation, usd, entries, self._clock.monotonic())

    def _keep(self, owed: Owed) -> None:
        self._owed.append(owed)
        if len(self._owed) > _KEPT:
            lost = self._owed.popleft()
            log.warning("%d lines of the journal are given up", len(lost.entries))
