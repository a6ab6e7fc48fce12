"""The connection that short commands share, against a real server: order, silence, loss, ends."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from redis.asyncio import Redis
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import NoScriptError, ResponseError
from redis.exceptions import TimeoutError as RedisTimeoutError

from bot.store.connect import open_redis
from bot.store.shared_connection import SharedConnection
from tests.fixtures_redis import STRICT, ServerProcess, free_port, listening, short_folder
from tests.patience import WAIT_SECONDS


@pytest.fixture
def server() -> Iterator[ServerProcess]:
    with short_folder() as folder:
        started = ServerProcess(folder, *STRICT, port=free_port()).start()
        try:
            yield started
        finally:
            started.stop()


@asynccontextmanager
async def client(url: str) -> AsyncIterator[tuple[SharedConnection, Redis]]:
    redis = open_redis(url, decode_responses=False)
    try:
        yield SharedConnection(redis), redis
    finally:
        await redis.aclose()


async def test_everybody_gets_their_own_answer(redis_url: str) -> None:
    async with client(redis_url) as (shared, redis):
        before = int((await redis.info("clients"))["connected_clients"])
        await asyncio.gather(*(shared.call(("SET", f"k{n}", n)) for n in range(500)))
        found = await asyncio.gather(*(shared.call(("GET", f"k{n}")) for n in range(500)))
        assert found == [str(n).encode() for n in range(500)]
        # One connection for all of them, besides the one that asks.
        after = int((await redis.info("clients"))["connected_clients"])
        assert after - before <= 1


async def test_values_of_every_kind_and_size(redis_url: str) -> None:
    large = os.urandom(3_000_000)
    async with client(redis_url) as (shared, _):
        await shared.call(("SET", "large", large))
        script = "return {1, 'two', {3, {}}, false, redis.call('GET', KEYS[1])}"
        assert await shared.call(("EVAL", script, 1, "large")) == [1, b"two", [3, []], None, large]
        assert await shared.call(("MGET", "large", "none", "large")) == [large, None, large]
        assert await shared.call(("SET", "ü", "ö")) == b"OK"
        assert await shared.call(("GET", "ü")) == "ö".encode()


async def test_an_error_is_its_own_callers_alone(redis_url: str) -> None:
    async with client(redis_url) as (shared, _):
        results = await asyncio.gather(
            shared.call(("SET", "a", "1")),
            shared.call(("LPUSH", "a", "1")),
            shared.call(("EVALSHA", "0" * 40, 0)),
            shared.call(("GET", "a")),
            return_exceptions=True,
        )
        assert isinstance(results[1], ResponseError)
        assert isinstance(results[2], NoScriptError)
        assert (results[0], results[3]) == (b"OK", b"1")


async def test_what_cannot_be_written_harms_nobody_else(redis_url: str) -> None:
    async with client(redis_url) as (shared, _):
        good, bad, after = await asyncio.gather(
            shared.call(("SET", "a", "1")),
            shared.call(("SET", "b", "half a character: \ud800")),
            shared.call(("GET", "a")),
            return_exceptions=True,
        )
        assert isinstance(bad, UnicodeEncodeError)
        assert (good, after) == (b"OK", b"1")


async def test_a_cancelled_caller_leaves_the_others_their_answers(redis_url: str) -> None:
    async with client(redis_url) as (shared, _):
        await shared.call(("SET", "n", "7"))
        first = asyncio.create_task(shared.call(("EVAL", "return 'first'", 0)))
        other = asyncio.create_task(shared.call(("GET", "n")))
        await asyncio.sleep(0)
        first.cancel()
        with pytest.raises(asyncio.CancelledError):
            await first
        assert await other == b"7"
        assert await shared.call(("GET", "n")) == b"7"


async def test_a_server_that_hangs_fails_all_in_time_and_is_found_again(
    server: ServerProcess,
) -> None:
    async with client(server.url) as (shared, _):
        await shared.call(("SET", "a", "1"))
        server.freeze()
        began = time.monotonic()
        results = await asyncio.gather(
            *(shared.call(("GET", "a")) for _ in range(20)), return_exceptions=True
        )
        assert all(isinstance(one, RedisTimeoutError) for one in results)
        assert time.monotonic() - began < 8
        # Each raises its own, so that nobody's traceback grows into another's.
        assert len({id(one) for one in results}) == 20
        server.thaw()
        assert await shared.call(("GET", "a")) == b"1"


async def test_a_loop_that_was_held_up_blames_no_server(server: ServerProcess) -> None:
    async with client(server.url) as (shared, _):
        await shared.call(("SET", "a", "1"))
        before_it_left = asyncio.create_task(shared.call(("GET", "a")))
        await asyncio.sleep(0)
        time.sleep(1.0)  # noqa: ASYNC251 - the hold-up itself
        assert await before_it_left == b"1"
        under_way = asyncio.create_task(shared.call(("GET", "a")))
        for _ in range(3):
            await asyncio.sleep(0)
        time.sleep(1.0)  # noqa: ASYNC251 - the hold-up itself
        assert await under_way == b"1"


async def test_a_server_that_dies_fails_what_is_under_way_and_the_next_connects(
    server: ServerProcess,
) -> None:
    async with client(server.url) as (shared, _):
        await shared.call(("SET", "a", "1"))
        server.freeze()
        waiting = asyncio.create_task(shared.call(("GET", "a")))
        await asyncio.sleep(0)
        server.stop()
        with pytest.raises(RedisConnectionError):
            await waiting
        with pytest.raises(RedisConnectionError):
            await shared.call(("GET", "a"))
        server.start()
        assert await shared.call(("GET", "a")) == b"1"


async def test_a_failed_command_is_not_carried_out_later(server: ServerProcess) -> None:
    async with client(server.url) as (shared, _):
        await shared.call(("SET", "a", "1"))
        server.freeze()
        # More than the socket holds: what has not left when the time is over never does.
        filler = [shared.call(("SET", f"f{n}", b"x" * 1_000_000)) for n in range(8)]
        late = shared.call(("SET", "late", "1"))
        results = await asyncio.gather(*filler, late, return_exceptions=True)
        assert all(isinstance(one, RedisTimeoutError) for one in results)
        server.thaw()
        assert await shared.call(("GET", "late")) is None


async def test_an_idle_connection_is_tried_before_anything_is_sent(
    server: ServerProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bot.store.shared_connection._IDLE_SECONDS", -1.0)
    async with client(server.tcp_url) as (shared, _):
        await shared.call(("SET", "a", "1"))
        with server.client() as other:
            other.client_kill_filter(_type="normal", skipme=True)
        # Our loop has not heard of the end: without the trial this command would be the one lost.
        assert await shared.call(("GET", "a")) == b"1"


async def test_closing_the_client_ends_what_is_under_way(server: ServerProcess) -> None:
    redis = open_redis(server.url, decode_responses=False)
    shared = SharedConnection(redis)
    await shared.call(("SET", "a", "1"))
    server.freeze()
    waiting = asyncio.create_task(shared.call(("GET", "a")))
    await asyncio.sleep(0)
    async with asyncio.timeout(WAIT_SECONDS):
        await redis.aclose()
    with pytest.raises(RedisConnectionError):
        await waiting
    server.thaw()


async def test_answers_in_pieces_are_put_together(short_path: Path) -> None:
    """A slow wire brings a value, an array and a null in single bytes."""

    async def talk(requests: asyncio.StreamReader, answers: asyncio.StreamWriter) -> None:
        while await requests.read(1 << 16):
            for byte in b"*3\r\n$3\r\nabc\r\n*-1\r\n:7\r\n":
                answers.write(bytes((byte,)))
                await answers.drain()
                await asyncio.sleep(0)
        answers.close()

    async with listening(short_path / "s", talk) as redis:
        assert await SharedConnection(redis).call(("GET", "a")) == [b"abc", None, 7]


@pytest.mark.parametrize("nonsense", [b"?what\r\n", b"$many\r\n"])
async def test_what_is_no_answer_of_redis_ends_the_connection(
    short_path: Path, nonsense: bytes
) -> None:
    """Whoever talks like that is no store, and what it meant by it is not guessed."""

    async def talk(requests: asyncio.StreamReader, answers: asyncio.StreamWriter) -> None:
        await requests.read(1 << 16)
        answers.write(nonsense)
        await requests.read(1)
        answers.close()

    async with listening(short_path / "s", talk) as redis:
        with pytest.raises(RedisConnectionError):
            await SharedConnection(redis).call(("GET", "a"))


async def test_an_answer_too_many_is_given_to_nobody(short_path: Path) -> None:
    """It could be taken for the next command's: that one goes down a new connection."""
    connections = 0

    async def talk(requests: asyncio.StreamReader, answers: asyncio.StreamWriter) -> None:
        nonlocal connections
        connections += 1
        mine = connections
        await requests.read(1 << 16)
        answers.write(b":%d\r\n:99\r\n" % mine)
        await requests.read(1)
        answers.close()

    async with listening(short_path / "s", talk) as redis:
        shared = SharedConnection(redis)
        assert [await shared.call(("GET", "a")) for _ in range(2)] == [1, 2]
