"""Workers: every wake reaches its handler, one at a time, for as long as it takes."""

from __future__ import annotations

import asyncio
import logging
import time
from datetime import datetime, timedelta

import pytest

from bot.ports import Commit, StoreUnavailable, Wake
from bot.store import worker
from bot.store.queue import Queue
from bot.store.state import RedisStore
from bot.store.wakes import KINDS
from bot.store.worker import RUNS_AT_ONCE, Worker
from tests.patience import BUSY_SECONDS
from tests.store.make import Desk, WallClock
from tests.store.working import Process, Seen, eventually, process

CARD = Wake("card", "p_1")


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
        assert 0.4 <= seen.at[1] - seen.at[0] < 0.4 + BUSY_SECONDS
        await here.idle()
        assert await here.redis.zcard(here.store.keys.due) == 0


async def test_an_appointment_is_kept_to_the_tenth_of_a_second_or_so(redis_url: str) -> None:
    async with process(redis_url) as here:
        due_at = time.monotonic() + 1.5
        await here.wake("timer", "p_1", WallClock().now() + timedelta(seconds=1.5))
        await here.seen.count(1)
        assert 0 <= here.seen.at[0] - due_at < BUSY_SECONDS


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
