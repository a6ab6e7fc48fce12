"""The epoch on real servers: a restart is no fork, a promotion is."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from redis.asyncio import Redis

from bot.store.connect import open_redis
from bot.store.epoch import EPOCH_GUARD_LUA, EPOCH_KEY, Epoch, accept_epoch, observe_epoch
from tests.fixtures_redis import STRICT, ServerProcess, free_port, wait_until

SNAPSHOTS = ("--save", "3600 1", "--appendonly", "no")


class Pair:
    """Two servers of which the second can follow the first."""

    def __init__(self, folder: Path, *flags: str) -> None:
        # A replica that has to copy everything is served at once, not after 5 s.
        flags = (*flags, "--repl-diskless-sync-delay", "0")
        self.one = ServerProcess(folder / "one", *flags, port=free_port())
        self.two = ServerProcess(folder / "two", *flags, port=free_port())

    def follow(self) -> None:
        """The second copies the first and has everything."""
        copy(self.one, self.two)

    def promote(self) -> None:
        with self.two.client() as replica:
            replica.replicaof("NO", "ONE")


def copy(primary: ServerProcess, replica: ServerProcess) -> None:
    """``replica`` follows ``primary`` and has everything that is written there now."""
    with primary.client() as source, replica.client() as target:
        target.replicaof("127.0.0.1", str(primary.port))
        wait_until(lambda: target.info("replication")["master_link_status"] == "up")
        source.incr("written")
        wait_until(lambda: target.get("written") == source.get("written"))


@pytest.fixture(params=["aof", "rdb"])
def pair(short_path: Path, request: pytest.FixtureRequest) -> Iterator[Pair]:
    made = Pair(short_path, *(STRICT if request.param == "aof" else SNAPSHOTS))
    made.one.start()
    yield made
    made.one.stop(signal.SIGKILL)
    made.two.stop(signal.SIGKILL)


async def observed(server: ServerProcess) -> Epoch:
    client = open_redis(server.url)
    try:
        return await observe_epoch(client)
    finally:
        await client.aclose()


async def stands(redis: Redis) -> bool:
    script = f"{EPOCH_GUARD_LUA} return epoch_stands(KEYS[1]) and 1 or 0"
    return bool(await redis.eval(script, 1, EPOCH_KEY))


async def server_stands(server: ServerProcess) -> bool:
    client = open_redis(server.url)
    try:
        return await stands(client)
    finally:
        await client.aclose()


async def test_the_first_look_makes_an_epoch_that_stays(redis_client: Redis) -> None:
    assert not await stands(redis_client)
    first = await observe_epoch(redis_client)
    assert first.history == "first"
    assert first.accepted
    again = await observe_epoch(redis_client)
    assert again == Epoch(first.id, "same", True)
    assert await stands(redis_client)


async def test_nothing_is_written_where_nothing_changed(redis_client: Redis) -> None:
    await observe_epoch(redis_client)
    before = (await redis_client.info("persistence"))["rdb_changes_since_last_save"]
    for _ in range(5):
        await observe_epoch(redis_client)
    assert (await redis_client.info("persistence"))["rdb_changes_since_last_save"] == before


async def test_a_restart_of_a_lone_server_is_no_fork(pair: Pair) -> None:
    first = await observed(pair.one)
    for _ in range(2):
        pair.one.stop()
        pair.one.start()
        # Until somebody has looked, nobody acts: it might have been a failover.
        assert not await server_stands(pair.one)
        assert await observed(pair.one) == Epoch(first.id, "restarted", True)
        assert await server_stands(pair.one)


async def test_the_first_replica_is_no_fork(pair: Pair) -> None:
    first = await observed(pair.one)
    pair.two.start()
    pair.follow()
    assert await observed(pair.one) == Epoch(first.id, "same", True)
    assert await server_stands(pair.one)


async def test_a_promoted_replica_is_a_fork_until_a_person_accepts_it(pair: Pair) -> None:
    first = await observed(pair.one)
    pair.two.start()
    pair.follow()
    await observed(pair.one)
    pair.follow()
    pair.one.stop(signal.SIGKILL)
    pair.promote()
    assert not await server_stands(pair.two)
    forked = await observed(pair.two)
    assert forked.history == "forked"
    assert forked.id != first.id
    assert not forked.accepted
    # Looking again changes nothing: it stands still until a person has resumed.
    assert await observed(pair.two) == Epoch(forked.id, "same", False)
    assert not await server_stands(pair.two)
    client = open_redis(pair.two.url)
    assert not await accept_epoch(client, first.id)
    assert await accept_epoch(client, forked.id)
    await client.aclose()
    assert await observed(pair.two) == Epoch(forked.id, "same", True)
    assert await server_stands(pair.two)


async def test_a_promotion_is_seen_though_nobody_had_seen_the_replica(pair: Pair) -> None:
    first = await observed(pair.one)
    pair.two.start()
    pair.follow()
    pair.one.stop(signal.SIGKILL)
    pair.promote()
    forked = await observed(pair.two)
    assert forked.history == "forked"
    assert forked.id != first.id


async def test_a_promoted_replica_that_was_restarted_is_a_fork_too(pair: Pair) -> None:
    first = await observed(pair.one)
    pair.two.start()
    pair.follow()
    await observed(pair.one)
    pair.follow()
    pair.one.stop(signal.SIGKILL)
    pair.promote()
    pair.two.stop()
    pair.two.start()
    forked = await observed(pair.two)
    assert forked.history == "forked"
    assert forked.id != first.id


async def test_an_old_primary_that_takes_over_again_is_a_fork(pair: Pair) -> None:
    await observed(pair.one)
    pair.two.start()
    pair.follow()
    await observed(pair.one)
    pair.follow()
    pair.promote()
    second = await observed(pair.two)
    # One process all along: its run id says nothing.
    copy(pair.two, pair.one)
    with pair.one.client() as old:
        old.replicaof("NO", "ONE")
    third = await observed(pair.one)
    assert third.history == "forked"
    assert third.id != second.id


async def test_a_server_whose_replicas_are_long_gone_is_lone_again(short_path: Path) -> None:
    pair = Pair(short_path, *STRICT, "--repl-backlog-ttl", "1")
    try:
        pair.one.start()
        first = await observed(pair.one)
        pair.two.start()
        pair.follow()
        await observed(pair.one)
        pair.two.stop()
        with pair.one.client() as client:
            wait_until(lambda: not client.info("replication")["repl_backlog_active"])
        assert await observed(pair.one) == Epoch(first.id, "same", True)
        pair.one.stop()
        pair.one.start()
        assert await observed(pair.one) == Epoch(first.id, "restarted", True)
    finally:
        pair.one.stop(signal.SIGKILL)
        pair.two.stop(signal.SIGKILL)


async def test_lost_data_are_a_new_epoch(redis_client: Redis) -> None:
    first = await observe_epoch(redis_client)
    await redis_client.flushall()
    assert not await stands(redis_client)
    again = await observe_epoch(redis_client)
    assert again.history == "first"
    assert again.id != first.id
    assert not await accept_epoch(redis_client, first.id)
