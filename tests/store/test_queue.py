"""Wakes: never lost, never twice at once, and taken up again from whoever died with them."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from bot.journal import Entry, read_head
from bot.ports import Commit, Conflict, StoreUnavailable, Versioned, Wake
from bot.store import wakes, worker
from bot.store.hands import Handed
from bot.store.queue import Queue
from bot.store.scripts import ACCEPT, COMMIT
from bot.store.state import RedisStore
from bot.store.wakes import KINDS
from bot.store.worker import RUNS_AT_ONCE, Worker
from tests.fixtures_redis import STRICT, ServerProcess, free_port, leaked_keys, wait_until
from tests.store.cutting import CuttingProxy
from tests.store.make import AT, Desk, WallClock, delivery, open_desk, ticket
from tests.store.working import Process, Seen, eventually, process

CARD = Wake("card", "p_1")
LASTING = ("dh:*:journal", "dh:*:chain", "dh:*:sealed", "dh:*:epoch", "dh:*:texts", "dh:*:e:*")
OF_THE_QUEUE = ("dh:*:q:stream", "dh:*:q:workers", "dh:*:q:task-workers:*")


@pytest.fixture
async def desk(redis_url: str) -> AsyncIterator[Desk]:
    async with open_desk(redis_url) as opened:
        yield opened


@pytest.fixture
def short_lease(monkeypatch: pytest.MonkeyPatch) -> None:
    """A lease of 0.6 s, and half a second until a wake is told again."""
    monkeypatch.setattr(wakes, "LEASE_MS", 600)
    monkeypatch.setattr(wakes, "HIDDEN_MS", 500)
    monkeypatch.setattr(worker, "_LEASE", timedelta(milliseconds=600))
    monkeypatch.setattr(worker, "_RENEW_SECONDS", 0.2)


# --- the due index ----------------------------------------------------------------------------


async def test_a_wake_is_hidden_after_it_was_told_and_comes_again(desk: Desk) -> None:
    await desk.store.commit(Commit(wakes=(CARD,)))
    assert desk.told == [CARD]
    assert await desk.store.due() == ()
    desk.clock.step(5.1)
    assert await desk.store.due() == (CARD,)
    assert await desk.store.due() == ()
    desk.clock.step(5.1)
    assert await desk.store.due() == (CARD,)


async def test_an_appointment_is_kept_and_moved_by_the_next(desk: Desk) -> None:
    at = AT + timedelta(minutes=30)
    await desk.store.commit(Commit(wakes=(Wake("timer", "p_1", at),)))
    assert desk.told == []
    await desk.store.commit(Commit(wakes=(Wake("timer", "p_1", at - timedelta(minutes=10)),)))
    found = await desk.store.look_due()
    assert found.wakes == ()
    assert found.next_ms == (at - timedelta(minutes=10)).timestamp() * 1000
    assert not await desk.store.begin(Wake("timer", "p_1"), "early")
    desk.clock.step(20 * 60)
    assert await desk.store.due() == (Wake("timer", "p_1"),)
    assert await desk.store.begin(Wake("timer", "p_1"), "in time")


async def test_an_appointment_in_the_past_is_a_wake_now(desk: Desk) -> None:
    await desk.store.commit(Commit(wakes=(Wake("timer", "p_1", AT - timedelta(hours=1)),)))
    assert [wake.id for wake in desk.told] == ["p_1"]


async def test_an_appointment_does_not_put_off_what_is_due(desk: Desk) -> None:
    """One commit says *now*, another, which knows nothing of it, says *later*."""
    await desk.store.commit(Commit(wakes=(CARD,)))
    await desk.store.commit(Commit(wakes=(Wake("card", "p_1", AT + timedelta(hours=1)),)))
    desk.clock.step(5.1)
    assert await desk.store.due() == (CARD,)


async def test_whoever_is_at_it_may_end_with_an_appointment(desk: Desk) -> None:
    await desk.store.commit(Commit(wakes=(CARD,)))
    assert await desk.store.begin(CARD, "me")
    await desk.store.commit(Commit(wakes=(Wake("card", "p_1", AT + timedelta(hours=1)),)))
    assert not await desk.store.finish(CARD, "me")
    desk.clock.step(3599)
    assert await desk.store.due() == ()
    desk.clock.step(2)
    assert await desk.store.due() == (CARD,)


async def test_one_at_a_time_and_nothing_that_is_not_due(desk: Desk) -> None:
    assert not await desk.store.begin(CARD, "nothing to do")
    await desk.store.commit(Commit(wakes=(CARD,)))
    answers = await asyncio.gather(*(desk.store.begin(CARD, str(n)) for n in range(20)))
    assert answers.count(True) == 1
    assert not await desk.store.finish(CARD, str(answers.index(True)))
    assert not await desk.store.begin(CARD, "done already")
    assert await desk.redis.exists(desk.store.keys.due, desk.store.keys.held) == 0


async def test_a_wake_while_its_job_runs_is_seen_at_the_end(desk: Desk) -> None:
    await desk.store.commit(Commit(wakes=(CARD,)))
    assert await desk.store.begin(CARD, "me")
    desk.clock.step(1)
    await desk.store.commit(Commit(wakes=(CARD,)))
    assert not await desk.store.begin(CARD, "another")
    assert await desk.store.renew([(CARD, "me")]) == frozenset()
    assert await desk.store.finish(CARD, "me")
    assert await desk.store.begin(CARD, "me-again")
    assert not await desk.store.finish(CARD, "me-again")
    assert await desk.redis.exists(desk.store.keys.due, desk.store.keys.held) == 0


async def test_a_lease_that_ended_is_anothers_and_the_first_lets_nothing_go(desk: Desk) -> None:
    await desk.store.commit(Commit(wakes=(CARD,)))
    assert await desk.store.begin(CARD, "dead")
    desk.clock.step(3)
    assert await desk.store.renew([(CARD, "dead")]) == frozenset()
    desk.clock.step(5.9)
    assert await desk.store.due() == ()
    desk.clock.step(0.2)
    assert await desk.store.due() == (CARD,)
    assert await desk.store.begin(CARD, "alive")
    assert await desk.store.renew([(CARD, "dead"), (Wake("run", "p_2"), "dead")]) == {
        CARD,
        Wake("run", "p_2"),
    }
    assert not await desk.store.finish(CARD, "dead", AT)
    assert not await desk.store.begin(CARD, "third")
    assert not await desk.store.finish(CARD, "alive")


async def test_look_again_later_unless_something_newer_was_said(desk: Desk) -> None:
    later = AT + timedelta(hours=1)
    await desk.store.commit(Commit(wakes=(CARD,)))
    await desk.store.begin(CARD, "me")
    assert not await desk.store.finish(CARD, "me", later)
    assert (await desk.store.look_due()).next_ms == later.timestamp() * 1000
    await desk.store.commit(Commit(wakes=(CARD,)))
    await desk.store.begin(CARD, "me")
    sooner = Wake("card", "p_1", AT + timedelta(minutes=1))
    await desk.store.commit(Commit(wakes=(sooner,)))
    assert not await desk.store.finish(CARD, "me", later)
    assert (await desk.store.look_due()).next_ms == (AT + timedelta(minutes=1)).timestamp() * 1000


async def test_what_is_cleared_is_gone_lease_and_all(desk: Desk) -> None:
    await desk.store.commit(Commit(wakes=(CARD,)))
    await desk.store.begin(CARD, "me")
    await desk.store.commit(Commit(cleared=(CARD,)))
    assert not await desk.store.finish(CARD, "me", AT)
    assert await desk.redis.exists(desk.store.keys.due, desk.store.keys.held) == 0


@dataclass
class TwoHands:
    """A worker that offers two hands and notes what it is told."""

    free: int = 2
    said: list[tuple[str, Wake]] = field(default_factory=list)

    def offer(self, wake: Wake) -> str | None:
        self.free -= 1
        return f"token-{wake.id}" if self.free >= 0 else None

    def begun(self, wake: Wake, token: str, handed: Handed | None) -> None:
        assert token == f"token-{wake.id}"
        self.said.append(("begun", wake))

    def withdrawn(self, wake: Wake) -> None:
        self.said.append(("withdrawn", wake))

    def lost(self, wake: Wake, token: str) -> None:
        self.said.append(("lost", wake))

    def cleared(self, wakes: Sequence[Wake]) -> None:
        self.said += [("cleared", wake) for wake in wakes]


async def test_a_worker_in_the_same_process_has_the_lease_with_the_commit(desk: Desk) -> None:
    desk.store.hands = hands = TwoHands()
    others, later = Wake("card", "p_2"), Wake("timer", "p_1", AT + timedelta(hours=1))
    run = Wake("run", "p_1")
    await desk.store.commit(Commit(wakes=(CARD, later, run, others), cleared=(run,)))
    assert hands.said == [("cleared", run), ("begun", CARD), ("begun", run)]
    assert desk.told == [others]
    for wake in (CARD, run):
        assert not await desk.store.begin(wake, "another")
        assert not await desk.store.finish(wake, f"token-{wake.id}")
    desk.clock.step(7)
    assert await desk.store.due() == (others,)


async def test_a_hand_offered_to_a_job_that_runs_is_not_needed(desk: Desk) -> None:
    await desk.store.commit(Commit(wakes=(CARD,)))
    await desk.store.begin(CARD, "other")
    desk.told.clear()
    desk.store.hands = hands = TwoHands()
    desk.clock.step(1)
    await desk.store.commit(Commit(wakes=(CARD,)))
    assert hands.said == [("withdrawn", CARD)]
    assert desk.told == []
    assert await desk.store.finish(CARD, "other")


async def test_a_hand_offered_to_what_is_not_saved_is_free_again(desk: Desk) -> None:
    opened = ticket()
    await desk.keep(opened)
    desk.store.hands = hands = TwoHands()
    change = Commit(tickets=(Versioned(opened, 0),), wakes=(CARD,))
    assert await desk.store.commit(change) == Conflict()
    assert hands.said == [("withdrawn", CARD)]
    assert await desk.store.due() == ()


async def test_a_delivery_is_taken_up_with_its_saving_and_a_duplicate_is_not(desk: Desk) -> None:
    deliver = Wake("deliver", "Ev1")
    desk.store.hands = hands = TwoHands()
    await desk.store.accept(delivery("Ev1"))
    await desk.store.accept(delivery("Ev1"))
    assert hands.said == [("begun", deliver), ("withdrawn", deliver)]
    assert desk.told == []
    assert not await desk.store.begin(deliver, "another")
    assert not await desk.store.finish(deliver, "token-Ev1")
    assert await desk.redis.exists(desk.store.keys.due, desk.store.keys.held) == 0


async def test_of_what_nobody_knows_the_lease_may_stand(redis_url: str, short_path: Path) -> None:
    server = Path(redis_url.removeprefix("unix://"))
    async with CuttingProxy(server, short_path / "p") as proxy, open_desk(proxy.url) as desk:
        desk.store.hands = hands = TwoHands()
        proxy.swallow(COMMIT.sha)
        with pytest.raises(StoreUnavailable):
            await desk.store.commit(Commit(wakes=(CARD,)))
        proxy.swallow(ACCEPT.sha)
        with pytest.raises(StoreUnavailable):
            await desk.store.accept(delivery("Ev1"))
        assert hands.said == [("lost", CARD), ("lost", Wake("deliver", "Ev1"))]
        desk.clock.step(7)
        assert set(await desk.store.due()) == {CARD, Wake("deliver", "Ev1")}


async def test_due_wakes_come_oldest_first_and_each_to_one_asker(desk: Desk) -> None:
    for number in range(30):
        at = AT + timedelta(seconds=1 + number)
        await desk.store.commit(Commit(wakes=(Wake("timer", f"p_{number}", at),)))
    desk.clock.step(60)
    told = await asyncio.gather(*(desk.store.due(7) for _ in range(5)))
    assert [wake.id for wakes_ in told for wake in wakes_] == [f"p_{n}" for n in range(30)]


async def test_a_kind_of_a_newer_version_is_left_to_it(
    desk: Desk, caplog: pytest.LogCaptureFixture
) -> None:
    await desk.redis.zadd(desk.store.keys.due, {"dance:p_1": 1, "card:p_1": 2})
    assert await desk.store.due() == (CARD,)
    assert "unknown kind 'dance'" in caplog.text
    assert await desk.redis.zscore(desk.store.keys.due, "dance:p_1") is not None


# --- workers ----------------------------------------------------------------------------------


async def test_a_wake_reaches_its_handler_in_the_same_process(redis_url: str) -> None:
    async with process(redis_url) as here:
        for kind in sorted(KINDS):
            await here.wake(kind, "p_1")
        await here.seen.count(len(KINDS))
        assert sorted(here.seen.calls) == [(kind, "p_1") for kind in sorted(KINDS)]
        assert not await here.redis.exists("dh:{acme}:q:runs:card:p_1")


async def test_a_wake_reaches_the_worker_of_another_process(redis_url: str) -> None:
    async with (
        process(redis_url, works=False) as web,
        process(redis_url) as works,
    ):
        await web.wake("card", "p_1")
        await works.seen.count(1, timeout_s=4)  # by the queue, not by the due index
        await web.wake("card", "p_2")
        await web.wake("execute", "p_2")
        await works.seen.count(3)
        assert sorted(works.seen.calls) == [("card", "p_1"), ("card", "p_2"), ("execute", "p_2")]
        assert web.seen.calls == []


async def _exists(here: Process, key: str) -> bool:
    return bool(await here.redis.exists(key))


async def test_nothing_but_a_kind_and_an_id_is_in_the_queue(redis_url: str) -> None:
    async with process(redis_url, works=False) as web:
        await web.wake("card", "p_1")
        stream = web.store.keys.queue + ":stream"
        await eventually(lambda: _exists(web, stream))
        ((_, message),) = await web.redis.xrange(stream)
        assert message[b"function"] == b"wake"
        assert b"card:p_1" in message[b"args"]
        assert len(message[b"args"]) < 64


async def test_deliveries_gather_until_something_comes_that_a_person_waits_for(
    redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bot.store.queue._DELIVERIES_GATHER_SECONDS", 30.0)
    async with process(redis_url, works=False) as web:
        stream = web.store.keys.queue + ":stream"
        web.queue.wake_soon((Wake("deliver", "first"),))
        await eventually(lambda: _exists(web, stream))
        web.queue.wake_soon((Wake("deliver", "second"),))
        web.queue.wake_soon((Wake("deliver", "third"),))
        assert await web.redis.xlen(stream) == 1
        web.queue.wake_soon((Wake("execute", "p_1"),))

        async def two() -> bool:
            return bool(await web.redis.xlen(stream) == 2)

        await eventually(two)
        _, (_, message) = await web.redis.xrange(stream)
        for member in (b"deliver:second", b"deliver:third", b"execute:p_1"):
            assert member in message[b"args"]


async def test_many_wakes_at_once_each_arrive(redis_url: str) -> None:
    names = [f"p_{n}" for n in range(300)]
    async with process(redis_url, works=False) as web, process(redis_url) as works:
        change = Commit(wakes=tuple(Wake("card", name) for name in names))
        await web.store.commit(change)
        await works.seen.count(300)
        assert sorted(works.seen.calls) == sorted(("card", name) for name in names)


@pytest.mark.parametrize("takes", [True, False], ids=["directly", "by the queue"])
async def test_a_wake_during_its_job_runs_it_again_and_never_beside_itself(
    redis_url: str, takes: bool
) -> None:
    seen, running, beside = Seen(), 0, 0
    go_on = asyncio.Event()

    async def job(wake_id: str) -> None:
        nonlocal running, beside
        running += 1
        beside = max(beside, running)
        await seen.note("run", wake_id)
        await go_on.wait()
        running -= 1

    async with process(redis_url, {"run": job}, takes=takes) as here:
        await here.wake("run", "p_1")
        await seen.count(1)
        for _ in range(5):
            await here.wake("run", "p_1")
        go_on.set()
        await seen.count(2)
        await here.idle()
        assert beside == 1
        assert len(seen.calls) <= 7
        assert await here.redis.zcard(here.store.keys.due) == 0


async def test_of_two_processes_one_works_a_wake_that_both_get(redis_url: str) -> None:
    seen, go_on = Seen(), asyncio.Event()

    async def job(wake_id: str) -> None:
        await seen.note("run", wake_id)
        await go_on.wait()

    async with (
        process(redis_url, {"run": job}) as one,
        process(redis_url, {"run": job}) as two,
    ):
        await one.wake("run", "p_1")
        await seen.count(1)
        two.queue.wake_again((Wake("run", "p_1"),))
        await two.idle()
        assert len(seen.calls) == 1
        go_on.set()


async def test_a_handler_says_when_to_look_again(redis_url: str) -> None:
    seen = Seen()

    async def job(wake_id: str) -> datetime | None:
        await seen.note("card", wake_id)
        again = WallClock().now() + timedelta(seconds=0.4)
        return again if len(seen.calls) == 1 else None

    async with process(redis_url, {"card": job}) as here:
        await here.wake("card", "p_1")
        await seen.count(2)
        assert 0.4 <= seen.at[1] - seen.at[0] < 2.5
        await here.idle()
        assert await here.redis.zcard(here.store.keys.due) == 0


async def test_an_appointment_is_kept_to_the_tenth_of_a_second_or_so(redis_url: str) -> None:
    async with process(redis_url) as here:
        due_at = time.monotonic() + 1.5
        await here.wake("timer", "p_1", WallClock().now() + timedelta(seconds=1.5))
        await here.seen.count(1)
        assert 0 <= here.seen.at[0] - due_at < 1.2


async def test_a_handler_that_commits_its_own_end_needs_no_other(redis_url: str) -> None:
    store: list[RedisStore] = []

    async def job(wake_id: str) -> None:
        await store[0].commit(Commit(cleared=(Wake("execute", wake_id),)))
        await seen.note("execute", wake_id)

    seen = Seen()
    async with process(redis_url, {"execute": job}) as here:
        store.append(here.store)
        await here.wake("execute", "p_1")
        await seen.count(1)
        await here.idle()
        assert await here.redis.exists(here.store.keys.due, here.store.keys.held) == 0


async def test_a_fault_is_logged_and_tried_again_ever_more_rarely(
    redis_url: str, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worker, "_RETRY", (timedelta(seconds=0.2), timedelta(seconds=0.4)))
    seen = Seen()

    async def job(wake_id: str) -> None:
        await seen.note("card", wake_id)
        if len(seen.calls) < 4:
            raise LookupError("a fault of the handler")

    async with process(redis_url, {"card": job}) as here:
        await here.wake("card", "p_1")
        await here.wake("timer", "p_1")
        await here.seen.count(1)  # other work goes on
        await seen.count(4)
        await here.idle()
        assert await here.redis.zcard(here.store.keys.due) == 0
    told = [record for record in caplog.records if record.name == "deskhand.worker"]
    assert [record.getMessage().split(";")[0] for record in told] == [
        f"card p_1 failed ({n})" for n in (1, 2, 3)
    ]
    assert all(record.exc_info is not None for record in told)


async def test_an_unavailable_store_ends_a_job_quietly_and_it_comes_again(
    redis_url: str, caplog: pytest.LogCaptureFixture, short_lease: None
) -> None:
    seen = Seen()

    async def job(wake_id: str) -> None:
        await seen.note("run", wake_id)
        if len(seen.calls) < 3:
            raise StoreUnavailable("away for the moment")

    async with process(redis_url, {"run": job}) as here:
        await here.wake("run", "p_1")
        await seen.count(3)
        await here.idle()
    assert not [record for record in caplog.records if record.levelno >= logging.ERROR]


async def test_a_message_that_got_lost_is_told_again(redis_url: str, short_lease: None) -> None:
    async with process(redis_url, works=False) as web:
        await web.wake("card", "p_1")
        stream = web.store.keys.queue + ":stream"
        await eventually(lambda: _exists(web, stream))
        await web.redis.delete(stream)
        async with process(redis_url) as works:
            await works.seen.count(1)


async def test_a_queue_that_is_behind_does_not_fill_with_copies(redis_url: str) -> None:
    async with process(redis_url, works=False) as web:
        for _ in range(50):
            web.queue.wake_again((CARD, Wake("run", "p_2")))
            await asyncio.sleep(0)
        stream = web.store.keys.queue + ":stream"
        await eventually(lambda: web.queue._sending is None)
        assert await web.redis.xlen(stream) <= 4  # two keys a minute


async def test_a_long_job_keeps_its_lease(redis_url: str, short_lease: None) -> None:
    seen = Seen()

    async def job(wake_id: str) -> None:
        await seen.note("run", wake_id)
        await asyncio.sleep(2.0)  # the work itself: three leases long

    async with process(redis_url, {"run": job}) as one, process(redis_url, {"run": job}) as two:
        await one.wake("run", "p_1")
        await seen.count(1)
        await one.idle()
        await two.idle()
        assert len(seen.calls) == 1
        assert await one.redis.exists(one.store.keys.due, one.store.keys.held) == 0


async def test_runs_leave_hands_free_for_clicks(redis_url: str) -> None:
    go_on, seen = asyncio.Event(), Seen()

    async def slow(wake_id: str) -> None:
        await seen.note("run", wake_id)
        await go_on.wait()

    async with process(redis_url, {"run": slow}) as here:
        assert here.worker is not None
        for number in range(RUNS_AT_ONCE):
            await here.wake("run", f"p_{number}")
        await seen.count(RUNS_AT_ONCE)
        assert not here.worker.take(Wake("run", "p_more"))
        async with process(redis_url, works=False) as web:
            change = Commit(wakes=tuple(Wake("run", f"p_late{n}") for n in range(300)))
            await web.store.commit(change)
            await web.wake("execute", "p_1")
            await here.seen.count(1, timeout_s=4)
        await eventually(lambda: len(here.worker._runs_later) > 200)  # type: ignore[union-attr]
        go_on.set()
        await seen.count(RUNS_AT_ONCE + 300)
        await here.idle()
        assert len(seen.calls) == RUNS_AT_ONCE + 300
    assert here.worker.take(CARD) is False
    await here.worker.work(CARD)
    assert here.worker.jobs == 0


def test_every_kind_needs_its_handler(desk: Desk, redis_url: str) -> None:
    with pytest.raises(ValueError, match="no handler for card"):
        Worker(
            Queue(redis_url, "acme"),
            desk.store,
            {kind: Seen().handler(kind) for kind in KINDS - {"card"}},
            WallClock(),
        )


# --- ends and deaths --------------------------------------------------------------------------


async def test_stopping_waits_for_what_is_begun(redis_url: str) -> None:
    seen, done = Seen(), []

    async def job(wake_id: str) -> None:
        await seen.note("card", wake_id)
        await asyncio.sleep(0.3)  # the work itself
        done.append(wake_id)

    async with process(redis_url, {"card": job}) as here:
        await here.wake("card", "p_1")
        await seen.count(1)
    assert done == ["p_1"]


@pytest.mark.parametrize("takes", [True, False], ids=["directly", "by the queue"])
async def test_what_does_not_end_in_time_is_given_to_another_at_once(
    redis_url: str,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    takes: bool,
) -> None:
    monkeypatch.setattr(worker, "_DRAIN_SECONDS", 0.2)
    seen = Seen()

    async def hangs(wake_id: str) -> None:
        await seen.note("run", wake_id)
        await asyncio.Event().wait()

    async with process(redis_url) as other:
        async with process(redis_url, {"run": hangs}, takes=takes) as here:
            await asyncio.sleep(0)
            await here.wake("run", "p_1")
            if not seen.calls:
                await asyncio.wait(
                    (
                        asyncio.ensure_future(seen.count(1)),
                        asyncio.ensure_future(other.seen.count(1)),
                    ),
                    return_when=asyncio.FIRST_COMPLETED,
                )
            begun = time.monotonic()
        assert time.monotonic() - begun < 2
        await other.seen.count(1, timeout_s=3)
        assert other.seen.calls == [("run", "p_1")]
    if seen.calls:
        assert "1 jobs were not done in time" in caplog.text


def _hanging_worker(url: str, folder: Path) -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, "-m", "tests.store.working", url, str(folder)])


@pytest.mark.crash
async def test_the_work_of_a_killed_process_is_taken_up_within_ten_seconds(
    redis_url: str, short_path: Path
) -> None:
    child = _hanging_worker(redis_url, short_path)
    try:
        async with process(redis_url, works=False) as web:
            await web.wake("run", "p_1")
            await asyncio.to_thread(wait_until, short_path.joinpath("p_1").exists)
        child.send_signal(signal.SIGKILL)
        child.wait()
        killed = time.monotonic()
        async with process(redis_url) as other:
            await other.seen.count(1, timeout_s=10)
            assert other.seen.at[0] - killed < 10
            assert other.seen.calls == [("run", "p_1")]
            await other.idle()
            assert await other.redis.exists(other.store.keys.due, other.store.keys.held) == 0
    finally:
        child.kill()
        child.wait()


async def test_an_outage_is_two_lines_in_the_log_and_work_goes_on_after(
    short_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    server = ServerProcess(short_path / "s", *STRICT).start()
    try:
        async with process(server.url, works=False) as web, process(server.url) as works:
            await web.wake("card", "p_1")
            await works.seen.count(1)
            server.stop(signal.SIGKILL)
            web.queue.wake_soon((CARD,))
            works.queue.wake_soon((CARD,))
            await eventually(lambda: caplog.text.count("the store is away") == 2)
            server.start()
            await eventually(lambda: "the store is back" in caplog.text)
            await works.wake("card", "p_2")
            await works.seen.count(2)
            await web.wake("card", "p_3")
            await works.seen.count(3)
        told = [r.getMessage() for r in caplog.records if r.levelno >= logging.WARNING]
        assert len(told) <= 4, told  # two lines for each of two processes
        assert not [r for r in caplog.records if r.exc_info is not None]
    finally:
        server.stop(signal.SIGKILL)


async def test_a_worker_started_before_its_server_begins_when_it_comes(short_path: Path) -> None:
    server = ServerProcess(short_path / "s", *STRICT).start()
    try:
        async with process(server.url, works=False) as web:
            await web.wake("card", "p_1")
            server.stop()
            late = Worker(
                web.queue, web.store, {k: web.seen.handler(k) for k in KINDS}, WallClock()
            )
            running = asyncio.create_task(late.run())
            await eventually(lambda: web.queue.outage._since is not None)
            server.start()
            await web.seen.count(1)
            await late.stop()
            await running
    finally:
        server.stop(signal.SIGKILL)


async def test_what_was_taken_up_but_not_begun_is_given_back(redis_url: str) -> None:
    """The worker stops in the moment between the commit and the job."""
    async with process(redis_url) as here:
        assert here.worker is not None
        await here.wake("timer", "p_0")
        await here.seen.count(1)
        here.worker._stopping.set()
        here.store.hands = _Stopping(here.worker)
        await here.store.commit(Commit(wakes=(CARD,)))
        await here.idle()
        here.store.hands = None
        assert here.seen.calls == [("timer", "p_0")]
        assert [wake for wake in await here.store.due() if wake == CARD] == [CARD]


class _Stopping:
    """Offers a hand though it stops, as a worker does that stops a moment later."""

    def __init__(self, worker_: Worker) -> None:
        self._worker = worker_
        self.begun, self.withdrawn = worker_.begun, worker_.withdrawn
        self.lost, self.cleared = worker_.lost, worker_.cleared

    def offer(self, wake: Wake) -> str | None:
        self._worker._kept += 1
        return "token"


async def test_a_fault_of_ours_is_logged(redis_url: str, caplog: pytest.LogCaptureFixture) -> None:
    async with process(redis_url, takes=False) as here:
        await here.redis.set(here.store.keys.held, "not a hash")
        here.queue.wake_soon((CARD,))
        await here.redis.zadd(here.store.keys.due, {"card:p_1": 1})
        await eventually(lambda: "card p_1 could not be worked" in caplog.text)
        await here.redis.delete(here.store.keys.held)


async def test_a_lease_that_was_lost_is_noticed(
    redis_url: str, caplog: pytest.LogCaptureFixture, short_lease: None
) -> None:
    caplog.set_level(logging.INFO, "deskhand.worker")
    go_on, seen = asyncio.Event(), Seen()

    async def job(wake_id: str) -> None:
        await seen.note("run", wake_id)
        await go_on.wait()

    async with process(redis_url, {"run": job}) as here:
        await here.wake("run", "p_1")
        await seen.count(1)
        await here.redis.hset(here.store.keys.held, "run:p_1", "9999999999999.25 another")
        await eventually(lambda: "run p_1 is no longer ours alone" in caplog.text)
        go_on.set()
        await here.idle()
        assert await here.redis.zcard(here.store.keys.due) == 1
        await here.redis.delete(here.store.keys.held, here.store.keys.due)


async def test_leases_outlast_an_outage(short_path: Path) -> None:
    server = ServerProcess(short_path / "s", *STRICT).start()
    go_on, seen = asyncio.Event(), Seen()

    async def job(wake_id: str) -> None:
        await seen.note("run", wake_id)
        await go_on.wait()

    try:
        async with process(server.url, {"run": job}) as here:
            await here.wake("run", "p_1")
            await seen.count(1)
            server.stop(signal.SIGKILL)
            await eventually(lambda: here.queue.outage._since is not None)
            await asyncio.sleep(worker._RENEW_SECONDS)  # one renewal fails
            server.start()
            await eventually(lambda: here.queue.outage._since is None)
            go_on.set()
            await here.idle()
            assert await here.redis.exists(here.store.keys.due, here.store.keys.held) == 0
            assert len(seen.calls) == 1
    finally:
        server.stop(signal.SIGKILL)


async def test_a_worker_tells_of_all_that_is_due_at_once(redis_url: str, desk: Desk) -> None:
    desk.clock.at = WallClock().now() - timedelta(hours=1)
    names = [f"p_{n}" for n in range(250)]
    await desk.store.commit(Commit(wakes=tuple(Wake("timer", name) for name in names)))
    async with process(redis_url) as here:
        await here.seen.count(250)
        assert sorted(wake_id for _, wake_id in here.seen.calls) == sorted(names)


async def test_a_task_that_would_not_end_is_said(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worker, "_CANCEL_SECONDS", 0.01)
    stop = asyncio.Event()

    async def stubborn() -> None:
        while not stop.is_set():
            with contextlib.suppress(asyncio.CancelledError):
                await stop.wait()

    task = asyncio.create_task(stubborn(), name="mule")
    await asyncio.sleep(0)
    await worker._end(task)
    assert "mule would not end" in caplog.text
    stop.set()
    await task


async def test_the_memory_of_faults_is_bounded(
    redis_url: str, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worker, "_FAILURES_REMEMBERED", 2)

    async def fails(wake_id: str) -> None:
        raise LookupError(wake_id)

    async with process(redis_url, {"card": fails}) as here:
        assert here.worker is not None
        for number in range(6):
            await here.wake("card", f"p_{number}")
        await here.idle()
        assert len(here.worker._failures) <= 3


# --- housekeeping -----------------------------------------------------------------------------


async def until_sealed(here: Process, entries: int) -> None:
    async def sealed() -> bool:
        return (await here.store.record_book.head()).entries >= entries

    await eventually(sealed)


async def test_workers_seal_the_journal_and_sign_its_head_once_an_hour(
    redis_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "deskhand.worker")
    async with (
        process(redis_url, secret="not a real secret") as one,
        process(redis_url, secret="not a real secret"),
    ):
        await one.store.record((Entry(kind="card"), Entry(kind="card")))
        await until_sealed(one, 3)
        lines = await one.store.record_book.since(WallClock().now() - timedelta(minutes=1))
        (head,) = [line.entry for line in lines if line.entry.kind == "head"]
    signed = str(head.data["head"])
    assert read_head("not a real secret", signed) is not None
    assert caplog.text.count("the journal's head") == 1
    assert signed in caplog.text


async def test_a_worker_without_a_secret_signs_nothing(redis_url: str) -> None:
    async with process(redis_url) as here:
        await here.store.record((Entry(kind="card"),))
        await until_sealed(here, 1)
        assert not [key async for key in here.redis.scan_iter("*signed*")]


async def test_a_fork_of_the_history_is_said(
    short_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    flags = (*STRICT, "--repl-diskless-sync-delay", "0")
    one = ServerProcess(short_path / "1", *flags, port=free_port()).start()
    two = ServerProcess(short_path / "2", *flags, port=free_port()).start()
    try:
        with two.client() as second, one.client() as first:
            second.replicaof("127.0.0.1", str(one.port))
            first.incr("written")
            wait_until(lambda: first.wait(1, 50) == 1)
            async with open_desk(one.url):
                first.incr("written")
                wait_until(lambda: first.wait(1, 50) == 1)
            one.stop(signal.SIGKILL)
            second.replicaof("NO", "ONE")
        async with process(two.url):
            await eventually(lambda: "forked" in caplog.text)
    finally:
        for server in (one, two):
            server.stop(signal.SIGKILL)


async def test_abandoned_money_is_said(
    redis_url: str, desk: Desk, caplog: pytest.LogCaptureFixture
) -> None:
    desk.clock.at = WallClock().now() - timedelta(hours=1)
    await desk.store.reserve("r_1", "support", Decimal(1), Decimal(1))
    async with process(redis_url):
        await eventually(lambda: "1 reservations of money were abandoned" in caplog.text)


async def test_a_fault_in_the_house_is_said_and_does_not_end_it(
    redis_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    async with process(redis_url) as here:
        await here.redis.set(here.store.keys.journal, "not a stream")
        await eventually(lambda: "housekeeping failed" in caplog.text)
        await here.redis.delete(here.store.keys.journal)
        await here.wake("timer", "p_1", WallClock().now() + timedelta(seconds=0.2))
        await here.seen.count(1)


async def test_what_is_done_leaves_no_keys_behind(redis_url: str) -> None:
    async with process(redis_url, works=False) as web, process(redis_url) as works:
        for number in range(20):
            await web.wake("card", f"p_{number}")
            await works.wake("run", f"p_{number}")
        await works.seen.count(40)
        await works.idle()

        async def nothing_leaked() -> bool:
            return await leaked_keys(works.redis, (*LASTING, *OF_THE_QUEUE)) == []

        await eventually(nothing_leaked)
