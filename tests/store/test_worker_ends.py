"""Workers that stop, die or lose their store: what they had begun is taken up again."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import signal
import subprocess
import sys
import time
from datetime import timedelta
from pathlib import Path

import pytest

from bot.ports import Commit, Wake
from bot.store import worker
from bot.store.wakes import KINDS
from bot.store.worker import Worker
from tests.fixtures_redis import STRICT, ServerProcess, wait_until
from tests.store.make import Desk, WallClock
from tests.store.working import Seen, eventually, process

CARD = Wake("card", "p_1")


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
        assert time.monotonic() - begun < 8
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
