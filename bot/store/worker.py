"""A worker: takes wakes up under leases, and keeps the house while it runs.

Any number of workers, in any number of processes, share the work. Housekeeping is each one's too:
every step of it is a compare-and-swap or takes its share, so that it does not matter who is first.
"""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import logging
import os
import secrets
import socket
import time
from collections import deque
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime, timedelta

from docket import Worker as DocketWorker

from bot.journal import Entry, sign_head
from bot.lifecycle import MOST_SKEW_SECONDS
from bot.ports import Clock, StoreUnavailable, Wake, WakeKind
from bot.store.hands import Handed, hand_over
from bot.store.queue import Queue
from bot.store.state import RedisStore
from bot.store.wakes import KINDS, LEASE_MS

log = logging.getLogger("deskhand.worker")

Handler = Callable[[str], Awaitable[datetime | None]]
"""Works on one id. A time in its answer means: look again then, unless something else wakes it
before; None: nothing more to do until the next wake.

It may be called for the same id again and again, by any process, but not twice at once as long as
this one keeps its lease; what it finds in the store decides. ``StoreUnavailable`` ends it quietly,
any other exception is logged; both times it is called again.
"""

JOBS_AT_ONCE = 64
"""In one process; most of them wait for a model or a surface."""
RUNS_AT_ONCE = 40
"""Of these, runs, which take long: a click finds a hand free."""
_MESSAGES_AT_ONCE = 64
"""From the queue, runs that wait for a hand not counted. Each takes a connection of pydocket's for
a moment, and redis-py gives a pool a hundred: with more than that, messages get lost."""
_RUNS_REMEMBERED = _FAILURES_REMEMBERED = 1_000

_LEASE = timedelta(milliseconds=LEASE_MS)
_RENEW_SECONDS = LEASE_MS / 1000 / 3
_TICK_SECONDS = 1.0
_POLL_SECONDS = 0.25
_RARELY_SECONDS = 60.0
_BETWEEN_SWEEPS_SECONDS = 0.02
_DUE_AT_ONCE = 100
_DRAIN_SECONDS = 5.5
_GIVE_BACK_SECONDS = 0.5
_CANCEL_SECONDS, _CANCELLATIONS = 0.25, 4
_RETRY = (timedelta(seconds=5), timedelta(minutes=5))
"""After an exception: the first pause and the longest; each is twice the one before."""


class Worker:
    """One worker of one process.

    ``run`` works until ``stop``; ``handlers`` has one for every kind of wake. With a ``secret`` the
    journal's head is signed and logged once an hour, by one worker of all. ``sweep``: a small step
    of what is done rarely and takes long; whether there is more of it to do at once.
    """

    def __init__(
        self,
        queue: Queue,
        store: RedisStore,
        handlers: Mapping[WakeKind, Handler],
        clock: Clock,
        *,
        secret: str | None = None,
        sweep: Callable[[], Awaitable[bool]] | None = None,
    ) -> None:
        missing = KINDS - handlers.keys()
        if missing:
            raise ValueError(f"no handler for {', '.join(sorted(missing))}")
        self._queue = queue
        self._store = store
        self._handlers = dict(handlers)
        self._clock = clock
        self._secret = secret
        self._sweep = sweep
        self._outage = queue.outage
        self._jobs: dict[asyncio.Task[None], WakeKind] = {}
        self._kept = 0
        """Hands kept for what is just being saved."""
        self._held: dict[Wake, str] = {}
        self._giving_back: set[asyncio.Task[bool]] = set()
        self._failures: dict[Wake, int] = {}
        self._hands = asyncio.Semaphore(JOBS_AT_ONCE)
        self._runs_later: deque[Wake] = deque(maxlen=_RUNS_REMEMBERED)
        """Runs that came when no hand was free; others may have them meanwhile."""
        self._dropped: deque[tuple[Wake, str]] = deque(maxlen=_RUNS_REMEMBERED)
        """Jobs that the store's absence ended, each with the token of its lease."""
        self._stopping = asyncio.Event()
        self._stopped = asyncio.Event()
        self._stopped.set()
        self._signed_hour = self._counted_hour = ""

    @property
    def jobs(self) -> int:
        """How many jobs are being worked on now."""
        return len(self._jobs)

    async def run(self) -> None:
        """Work until ``stop``, through any outage of the store."""
        self._stopping.clear()
        self._stopped.clear()
        self._queue.serve(self)
        self._store.hands = self
        drained = asyncio.Event()
        carrier = asyncio.create_task(self._run_docket(), name="deskhand-queue")
        house = asyncio.create_task(self._keep_house(), name="deskhand-house")
        leases = asyncio.create_task(self._keep_leases(drained), name="deskhand-leases")
        try:
            await self._stopping.wait()
        finally:
            self._stopping.set()
            self._queue.serve(None)
            self._store.hands = None
            await _end(carrier, house)
            await self._drain()
            drained.set()
            await _end(leases)
            self._stopped.set()

    async def stop(self) -> None:
        """Take nothing more up, finish what is begun or give it back; within 10 s."""
        self._stopping.set()
        await self._stopped.wait()

    async def _drain(self) -> None:
        """Let the jobs end by themselves, then end them."""
        if self._jobs:
            await asyncio.wait(tuple(self._jobs), timeout=_DRAIN_SECONDS)
        late = tuple(self._jobs)
        if late:
            log.warning("%d jobs were not done in time; others take them up", len(late))
            for job in late:
                job.cancel()
            await asyncio.wait(late, timeout=_GIVE_BACK_SECONDS)

    # --- jobs ---------------------------------------------------------------------------------

    def take(self, wake: Wake) -> bool:
        """Take ``wake`` up in the background, if a hand is free."""
        if self._busy_for(wake):
            return False
        self._start(wake)
        return True

    async def work(self, wake: Wake) -> None:
        """Work ``wake``, which came through the queue, to its end.

        A run that finds no hand is put by, and its message let go: runs that wait must not stand
        in the way of a click. The due index tells others of it again.
        """
        if self._stopping.is_set():
            return
        if self._no_hand_for(wake):
            self._runs_later.append(wake)
            return
        # The queue's reader ends before the jobs do, which are given time to end.
        await asyncio.shield(self._start(wake))

    def offer(self, wake: Wake) -> str | None:
        """``Hands.offer``"""
        if self._busy_for(wake):
            return None
        self._kept += 1
        return secrets.token_hex(8)

    def begun(self, wake: Wake, token: str, handed: Handed | None) -> None:
        """``Hands.begun``"""
        self._kept -= 1
        self._start(wake, token, handed)

    def withdrawn(self, wake: Wake) -> None:
        """``Hands.withdrawn``"""
        self._kept -= 1

    def lost(self, wake: Wake, token: str) -> None:
        """``Hands.lost``"""
        self._kept -= 1
        self._dropped.append((_plain(wake), token))

    def cleared(self, wakes: Sequence[Wake]) -> None:
        """``Hands.cleared``"""
        for wake in wakes:
            self._held.pop(_plain(wake), None)

    def _busy_for(self, wake: Wake) -> bool:
        return (
            self._stopping.is_set()
            or len(self._jobs) + self._kept >= JOBS_AT_ONCE
            or self._no_hand_for(wake)
        )

    def _no_hand_for(self, wake: Wake) -> bool:
        return wake.kind == "run" and self._runs() >= RUNS_AT_ONCE

    def _runs(self) -> int:
        return sum(kind == "run" for kind in self._jobs.values())

    def _start(
        self, wake: Wake, token: str | None = None, handed: Handed | None = None
    ) -> asyncio.Task[None]:
        """``token``: of the lease under which the job is taken up already."""
        wake = _plain(wake)
        if token is not None:
            self._held[wake] = token
        # In a context of its own: a job does not belong to the request or the span that woke it.
        context = contextvars.Context()
        context.run(hand_over, handed)
        job = asyncio.create_task(
            self._work(wake, token), name=f"deskhand-{wake.kind}", context=context
        )
        self._jobs[job] = wake.kind
        job.add_done_callback(self._ended)
        return job

    def _ended(self, job: asyncio.Task[None]) -> None:
        kind = self._jobs.pop(job)
        if kind == "run" and self._runs_later and not self._stopping.is_set():
            self._start(self._runs_later.popleft())

    async def _work(self, wake: Wake, token: str | None) -> None:
        """Do a wake's job, when a hand is free, as often as it is woken meanwhile."""
        async with self._hands:
            try:
                while not self._stopping.is_set() and await self._work_once(wake, token):
                    token = None
                    hand_over(None)  # there is more to do because it is not as it was
                if token is not None and self._held.get(wake) == token:
                    # Taken up when it was saved, and not begun: we are stopping.
                    del self._held[wake]
                    await self._give_back(wake, token)
            except StoreUnavailable as error:
                # The due index tells of the wake again: when the lease ends, or when we let it go.
                self._outage.noticed(error)
            except Exception:
                # A fault of ours and not of a handler; nobody else would say it.
                log.exception("%s %s could not be worked", wake.kind, wake.id)

    async def _work_once(self, wake: Wake, token: str | None) -> bool:
        """Whether there is more to do at once. Raises ``StoreUnavailable``."""
        taken, token = token is not None, token or secrets.token_hex(8)
        try:
            if not taken and not await self._store.begin(wake, token):
                return False
            return await self._work_under(token, wake)
        except StoreUnavailable:
            self._dropped.append((wake, token))
            raise

    async def _work_under(self, token: str, wake: Wake) -> bool:
        self._held[wake] = token
        try:
            again_at = await self._handle(wake, token)
            ours = self._held.get(wake) == token
        finally:
            if self._held.get(wake) == token:
                del self._held[wake]
        # A commit may have cleared the wake, and its lease with it.
        more = (ours or again_at is not None) and await self._store.finish(wake, token, again_at)
        self._outage.over()
        return more

    async def _handle(self, wake: Wake, token: str) -> datetime | None:
        try:
            again_at = await self._handlers[wake.kind](wake.id)
        except StoreUnavailable:
            raise
        except asyncio.CancelledError:
            await self._give_back(wake, token)
            raise
        except Exception:
            # A fault in a handler: it must not end the worker, and must not be silent. The wake
            # stays and is tried again, ever more rarely.
            if len(self._failures) > _FAILURES_REMEMBERED:
                self._failures.clear()
            failures = self._failures[wake] = self._failures.get(wake, 0) + 1
            pause = min(_RETRY[0] * (1 << min(failures - 1, 6)), _RETRY[1])
            log.exception(
                "%s %s failed (%d); again in %d s", wake.kind, wake.id, failures, pause.seconds
            )
            return self._clock.now() + pause
        self._failures.pop(wake, None)
        return again_at

    async def _give_back(self, wake: Wake, token: str) -> None:
        """Cancelled: let another take it up now rather than when the lease ends."""
        back = asyncio.create_task(self._store.finish(wake, token, self._clock.now()))
        # A second cancellation leaves it to itself: somebody must hold it then.
        self._giving_back.add(back)
        back.add_done_callback(self._giving_back.discard)
        with contextlib.suppress(StoreUnavailable):
            await asyncio.shield(back)

    # --- in the background --------------------------------------------------------------------

    async def _run_docket(self) -> None:
        while not self._stopping.is_set():
            try:
                async with DocketWorker(
                    self._queue.docket,
                    name=f"{socket.gethostname()}#{os.getpid()}#{secrets.token_hex(3)}",
                    concurrency=_MESSAGES_AT_ONCE,
                    redelivery_timeout=_LEASE,
                    reconnection_delay=timedelta(seconds=_TICK_SECONDS),
                    # How long one blocking read waits; a message ends it at once. And how long it
                    # pauses when all its slots are busy.
                    minimum_check_interval=timedelta(seconds=_POLL_SECONDS),
                    # For its own appointments, of which we make none: ours are in the due index.
                    scheduling_resolution=timedelta(seconds=_RARELY_SECONDS),
                    schedule_automatic_tasks=False,
                ) as worker:
                    await worker.run_forever()
            except Exception:
                # Redis trouble it sits out by itself; this is something else, and work must go on.
                log.exception("the queue's reader failed; it starts again")
                await _set_within(self._stopping, _TICK_SECONDS)

    async def _keep_leases(self, drained: asyncio.Event) -> None:
        while not await _set_within(drained, _RENEW_SECONDS):
            if not self._held:
                continue
            try:
                lost = await self._store.renew(tuple(self._held.items()))
            except StoreUnavailable as error:
                self._outage.noticed(error)
                continue
            for wake in lost & self._held.keys():
                # Compare-and-swap decides between us and whoever has it now.
                log.info("%s %s is no longer ours alone", wake.kind, wake.id)

    async def _keep_house(self) -> None:
        rarely, pause = -_RARELY_SECONDS, 0.0
        while not await _set_within(self._stopping, pause):
            pause = _TICK_SECONDS
            try:
                await self._take_up_dropped()
                pause = await self._tell_due()
                await self._store.pay_owed()
                await self._store.record_book.seal()
                if self._sweep is not None and await self._sweep():
                    pause = min(pause, _BETWEEN_SWEEPS_SECONDS)
                if time.monotonic() - rarely >= _RARELY_SECONDS:
                    rarely = time.monotonic()
                    await self._keep_house_rarely()
                self._outage.over()
            except StoreUnavailable as error:
                self._outage.noticed(error)
            except Exception:
                # As with a handler: the next round may do better, and silence would be worse.
                log.exception("housekeeping failed; again in a second")

    async def _take_up_dropped(self) -> None:
        """The store is back: what its absence ended here need not wait until its lease ends."""
        while self._dropped:
            wake, token = self._dropped[0]
            more = await self._store.finish(wake, token, self._clock.now())
            self._dropped.popleft()
            if more:
                self.take(wake)

    async def _tell_due(self) -> float:
        """Tell of what is due; the answer is how many seconds to the next look."""
        while True:
            due = await self._store.look_due(_DUE_AT_ONCE)
            self._queue.wake_again(due.wakes)
            if len(due.wakes) < _DUE_AT_ONCE:
                break
        if due.next_ms is None:
            return _TICK_SECONDS
        ahead = due.next_ms / 1000 - self._clock.now().timestamp()
        return min(max(ahead, 0.0), _TICK_SECONDS)

    async def _keep_house_rarely(self) -> None:
        epoch = await self._store.observe_epoch()
        if not epoch.accepted:
            log.error(
                "the store's history has forked (a failover): nothing is dispatched until a manager"
                " says `/agent resume`, or somebody here runs `deskhand doctor --resume`"
            )
        skew = await self._store.wire.clock_skew_seconds(self._clock.now())
        if abs(skew) > MOST_SKEW_SECONDS:
            log.error(
                "this machine's clock and the store's are %.0f s apart: set both by NTP, for the"
                " clock says when an action is unknown and may be sent again",
                abs(skew),
            )
        await self._count_waiting()
        given_up = await self._store.give_up_abandoned()
        if given_up:
            log.warning("%d reservations of money were abandoned and count as spent", given_up)
        await self._sign_head()

    async def _count_waiting(self) -> None:
        """At the start and each hour: replicas may be of more than one release."""
        hour = self._clock.now().strftime("%Y-%m-%dT%H")
        if hour != self._counted_hour:
            if anew := await self._store.count_waiting():
                log.info("%d proposals stood wrong in what waits, and are counted anew", anew)
            self._counted_hour = hour

    async def _sign_head(self) -> None:
        hour = self._clock.now().strftime("%Y-%m-%dT%H")
        if self._secret is None or hour == self._signed_hour:
            return
        if await self._store.record_book.first_to_sign(hour):
            head = await self._store.record_book.head()
            signed = sign_head(self._secret, head.entries, head.link)
            log.info("the journal's head: %s", signed)
            await self._store.record((Entry(kind="head", data={"head": signed}),))
        self._signed_hour = hour


def _plain(wake: Wake) -> Wake:
    """Without its time: as a key."""
    return Wake(wake.kind, wake.id)


async def _set_within(event: asyncio.Event, seconds: float) -> bool:
    """Wait so long for ``event`` at most; whether it is set.

    Our loops end by an event and not by a cancellation alone: on Python 3.11 redis-py can swallow
    one that comes just when a reply does (CPython issue 86296).
    """
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await event.wait()
    return event.is_set()


async def _end(*tasks: asyncio.Task[None]) -> None:
    """Cancel tasks until they have ended, for the same reason more than once."""
    for _ in range(_CANCELLATIONS):
        for task in tasks:
            task.cancel()
        _, alive = await asyncio.wait(tasks, timeout=_CANCEL_SECONDS)
        if not alive:
            return
    log.error("%s would not end", ", ".join(task.get_name() for task in tasks if not task.done()))
