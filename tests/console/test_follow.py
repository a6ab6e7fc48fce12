"""The follower: woken by what any process writes, through an outage, and never by polling."""

from __future__ import annotations

import asyncio
from pathlib import Path

from redis.asyncio import Redis

from bot.clock import SystemClock
from bot.journal import Entry
from bot.ports import StoreUnavailable
from bot.settings import TENANT
from bot.store.connect import open_redis
from bot.store.follow import Follower
from bot.store.state import RedisStore
from tests.fixtures_redis import STRICT, ServerProcess, short_folder
from tests.live.steps import eventually
from tests.patience import WAIT_SECONDS


def changed(ticket: str) -> Entry:
    return Entry(kind="decision", ticket=ticket)


async def opened(redis: Redis) -> RedisStore:
    store = RedisStore(redis, TENANT, SystemClock())
    await store.start()
    return store


async def recorded(store: RedisStore, entry: Entry) -> bool:
    """Whether it is written: a connection from before the outage has to be found dead first."""
    try:
        await store.record((entry,))
    except StoreUnavailable:
        return False
    return True


async def heard(ear: object, *wanted: str) -> None:
    """Listen until all of these were told."""
    missing = set(wanted)
    async with asyncio.timeout(WAIT_SECONDS):
        while missing:
            missing -= await ear.next(5) or set()  # type: ignore[attr-defined]  # a Listening


async def calls(redis: Redis, name: str) -> int:
    stats = await redis.info("commandstats")
    return int(stats.get(f"cmdstat_{name}", {}).get("calls", 0))


async def test_every_listener_hears_what_changes_and_of_no_mere_work(redis_url: str) -> None:
    redis, follower = open_redis(redis_url, decode_responses=False), Follower(redis_url, TENANT)
    store = await opened(redis)
    await store.record((changed("t_before"),))
    async with follower.listen() as one, follower.listen() as two:
        assert await one.next(0.2) == frozenset()
        await store.record((Entry(kind="model_call", ticket="t_work"), changed("t_a")))
        await store.record((Entry(kind="operator", data={"what": "pause"}),))
        for ear in (one, two):
            await heard(ear, "t_a", "operator")
        assert await one.next(0.2) == frozenset()
        assert follower.listeners == 2
    assert follower.listeners == 0
    await follower.close()
    async with follower.listen() as late:
        assert await late.next(5) is None
    await store.close()
    await redis.aclose()


async def test_a_quiet_follower_asks_nothing(redis_url: str) -> None:
    redis, follower = open_redis(redis_url, decode_responses=True), Follower(redis_url, TENANT)
    writer = open_redis(redis_url, decode_responses=False)
    store = await opened(writer)
    async with follower.listen() as ear:
        await store.record((changed("t_a"),))
        await heard(ear, "t_a")
        before = await calls(redis, "xread")
        assert await ear.next(1.0) == frozenset()
        assert await calls(redis, "xread") - before <= 1
    await follower.close()
    await store.close()
    await writer.aclose()
    await redis.aclose()


async def test_what_happens_in_an_outage_is_told_after_it(tmp_path: Path) -> None:
    with short_folder() as folder:
        server = ServerProcess(folder / "s", *STRICT).start()
        try:
            follower = Follower(server.url, TENANT)
            redis = open_redis(server.url, decode_responses=False)
            store = await opened(redis)
            async with follower.listen() as ear:
                await store.record((changed("t_a"),))
                await heard(ear, "t_a")
                server.stop()
                server.start()
                await eventually(lambda: recorded(store, changed("t_b")))
                await heard(ear, "t_b")
            await follower.close()
            await store.close()
            await redis.aclose()
        finally:
            server.stop()
