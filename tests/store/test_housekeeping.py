"""What a worker does besides: seals and signs the journal, watches money and history."""

from __future__ import annotations

import logging
import signal
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from bot.journal import Entry, read_head
from tests.fixtures_redis import STRICT, ServerProcess, free_port, leaked_keys, wait_until
from tests.store.make import Desk, WallClock, open_desk
from tests.store.working import Process, eventually, process

LASTING = (
    "dh:*:journal",
    "dh:*:chain",
    "dh:*:sealed",
    "dh:*:epoch",
    "dh:*:texts",
    "dh:*:e:*",
    "dh:*:people",
)
OF_THE_QUEUE = ("dh:*:q:stream", "dh:*:q:workers", "dh:*:q:task-workers:*")


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
    desk.clock.at = WallClock().now() - timedelta(hours=3)
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
