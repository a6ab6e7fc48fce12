"""The queue: carries wakes to whoever has a hand free, at once where that is this process.

pydocket on the same Redis, with nothing in its messages but kinds and ids. It only carries: the
due index (``bot.store.wakes``) is what is true. A wake is taken up under a lease in that index, so
a message too many finds nothing to do, one that got lost is sent again five seconds later, and the
job of a process that died is taken up by another when its lease ends.

A process that has a worker and a hand free does not send its own wakes round by the server: the
worker takes them up directly, under the same lease. Others send theirs at once, and what comes in
the next moment together: a message costs more than what it carries.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import secrets
import time
from collections.abc import Sequence
from contextlib import AsyncExitStack
from datetime import timedelta
from types import TracebackType
from typing import Protocol, Self

from docket import Docket
from redis.exceptions import RedisError

from bot.ports import Wake
from bot.store.keys import Keys
from bot.store.wakes import member, read_members

log = logging.getLogger("deskhand.queue")

MESSAGE = "wake"
"""The one task's name in the queue."""

_SEND_SECONDS = 2.0
_GATHER_SECONDS = 0.01
"""After a message, how long wakes gather for the next."""
_DELIVERIES_GATHER_SECONDS = 0.04
"""How much longer, while only new deliveries come: nobody waits for those to the moment, and a
message costs intake as much as the rest of an event's way."""
_TOGETHER = 16
"""Wakes in one message: few enough that several workers share a burst."""
_BATCH = 500
_SAME_KEY_SECONDS = 60
_HEARTBEAT = timedelta(seconds=15)


class Taker(Protocol):
    """The worker's side of the queue."""

    def take(self, wake: Wake) -> bool:
        """Take the wake up now, in the background. False: no hand is free."""
        ...

    async def work(self, wake: Wake) -> None:
        """Work a wake that came through the queue, to its end."""
        ...


class Outage:
    """One line in the log when the store goes away and one when it is back, whoever notices."""

    def __init__(self, logger: logging.Logger) -> None:
        self._log = logger
        self._since: float | None = None

    def noticed(self, error: BaseException) -> None:
        if self._since is None:
            self._since = time.monotonic()
            self._log.warning("work waits, the store is away: %s", error)

    def over(self) -> None:
        if self._since is not None:
            self._log.warning(
                "the store is back after %.1f s; work goes on", time.monotonic() - self._since
            )
            self._since = None


class Queue:
    """One process's end of the tenant's queue, for telling and, with a worker, for taking.

    ``url`` is the store's; ``async with`` opens and closes it.
    """

    def __init__(self, url: str, tenant: str) -> None:
        self.outage = Outage(log)
        self.docket = Docket(
            name=Keys(tenant).queue,
            url=url,
            heartbeat_interval=_HEARTBEAT,
            # A message that is done leaves nothing behind.
            execution_ttl=timedelta(0),
        )
        # Not its own examples, each of which would cost every heartbeat.
        self.docket.tasks.clear()
        self.docket.register(self._arrived, names=[MESSAGE])
        self._taker: Taker | None = None
        self._open = AsyncExitStack()
        self._opened = False
        self._outgoing: list[Wake] = []
        self._outgoing_again: list[Wake] = []
        self._sending: asyncio.Task[None] | None = None
        self._urgent = asyncio.Event()

    async def __aenter__(self) -> Self:
        quieten()
        await self._open.enter_async_context(self.docket)
        self._opened = True
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._opened = False
        self._urgent.set()
        if self._sending is not None:
            await asyncio.wait([self._sending])
        await self._open.aclose()

    def serve(self, taker: Taker | None) -> None:
        """From now on this process takes wakes up itself, through ``taker``; None: no longer."""
        self._taker = taker

    def wake_soon(self, wakes: Sequence[Wake]) -> None:
        """Somebody look at these, now. Returns at once and raises nothing.

        They stand in the due index already: what gets lost here is told again from there.
        """
        outgoing = self._not_taken(wakes)
        self._outgoing += outgoing
        if _is_urgent(outgoing):
            self._urgent.set()
        self._send_soon()

    def wake_again(self, wakes: Sequence[Wake]) -> None:
        """The same for wakes that may have been told before.

        For a minute each goes under one key, so that a queue that is behind does not fill with
        copies; after it under another, so that a key which the queue wrongly believes busy blocks
        nothing for ever.
        """
        self._outgoing_again += self._not_taken(wakes)
        self._send_soon()

    def _not_taken(self, wakes: Sequence[Wake]) -> list[Wake]:
        if self._taker is None:
            return list(wakes)
        return [wake for wake in wakes if not self._taker.take(wake)]

    def _send_soon(self) -> None:
        if (self._outgoing or self._outgoing_again) and self._opened and self._sending is None:
            self._sending = asyncio.create_task(self._send(), name="deskhand-queue-send")

    async def _send(self) -> None:
        """Send what has gathered, and what gathers meanwhile, until nothing is left."""
        try:
            while messages := self._next_messages():
                try:
                    async with asyncio.timeout(_SEND_SECONDS):
                        await self._send_messages(messages)
                except (RedisError, TimeoutError) as error:
                    # Nothing is lost: the due index tells of them again.
                    self.outage.noticed(error)
                if self._opened:
                    await self._gather()
        finally:
            self._sending = None

    async def _gather(self) -> None:
        await asyncio.sleep(_GATHER_SECONDS)
        self._urgent.clear()
        if not _is_urgent(self._outgoing):
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_DELIVERIES_GATHER_SECONDS):
                    await self._urgent.wait()

    def _next_messages(self) -> list[tuple[str, list[str]]]:
        """Up to a batch of messages, each with its key."""
        batch, self._outgoing = self._outgoing[:_BATCH], self._outgoing[_BATCH:]
        again, self._outgoing_again = self._outgoing_again[:_BATCH], self._outgoing_again[_BATCH:]
        members = [member(wake) for wake in batch]
        together = [members[at : at + _TOGETHER] for at in range(0, len(members), _TOGETHER)]
        minute = int(time.time() // _SAME_KEY_SECONDS)
        return [
            *((f"{some[0]}:{secrets.token_hex(4)}", some) for some in together),
            *((f"{member(wake)}:{minute}", [member(wake)]) for wake in again),
        ]

    async def _send_messages(self, messages: Sequence[tuple[str, list[str]]]) -> None:
        if len(messages) == 1:
            ((key, members),) = messages
            await self.docket.add(MESSAGE, key=key)(members)
            return
        await self.docket.add_many(
            self.docket.call(MESSAGE, key=key)(members) for key, members in messages
        )

    async def _arrived(self, members: list[str]) -> None:
        if self._taker is not None:
            await asyncio.gather(*(self._taker.work(wake) for wake in read_members(members)))


def _is_urgent(wakes: Sequence[Wake]) -> bool:
    return any(wake.kind != "deliver" for wake in wakes)


def quieten() -> None:
    """Silence pydocket's own log: two lines a job, and in an outage a traceback a second.

    What goes wrong in a job is logged where it is caught, in ``bot.store.worker``; so is an outage,
    once; and an error that ends pydocket's loop comes out of it.
    """
    logging.getLogger("docket").setLevel(logging.CRITICAL)
