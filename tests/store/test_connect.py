"""Connecting: nothing sent twice, nothing sent late, times kept, secrets kept."""

from __future__ import annotations

import asyncio
import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from redis.asyncio import Redis
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import RedisError
from redis.exceptions import TimeoutError as RedisTimeoutError

from bot.ports import StoreUnavailable
from bot.store.connect import (
    check_server,
    describe,
    open_redis,
    read_memory,
)
from bot.store.errors import StoreRefused
from tests.fixtures_redis import STRICT, ServerProcess, free_port, leaked_keys, listening

Serve = Callable[..., ServerProcess]


# --- URLs -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "url",
    [
        "http://localhost",
        "",
        "redis://:s3/cret@db.example",
        "redis://db.example:s3cret",
        "redis://db.example/0?nonsense=s3cret",
        "redis://db.example?socket_timeout=s3cret",
        "redis://db.example?timeout=3",
        "redis://[::1",
        "unix://?password=s3cret",
    ],
)
def test_a_url_that_cannot_be_used_is_refused_without_quoting_it(url: str) -> None:
    with pytest.raises(StoreRefused, match="REDIS_URL") as refused:
        open_redis(url)
    assert "s3cret" not in str(refused.value)
    assert "cret@" not in str(refused.value)
    assert refused.value.__cause__ is None


@pytest.mark.parametrize(
    ("url", "where"),
    [
        ("unix:///run/a%20b.sock", "unix:///run/a b.sock"),
        ("redis://:s3cret@db.example:1234/5", "redis://db.example:1234/5"),
        ("rediss://db.example", "rediss://db.example:6379/0"),
    ],
)
async def test_a_client_says_where_it_connects_to(url: str, where: str) -> None:
    client = open_redis(url)
    assert describe(client) == where
    await client.aclose()


# --- calls ------------------------------------------------------------------------------------


async def test_text_by_default_and_bytes_on_demand(redis_url: str) -> None:
    text, raw = open_redis(redis_url), open_redis(redis_url, decode_responses=False)
    await text.set("k", "ü")
    assert await text.get("k") == "ü"
    assert await raw.get("k") == "ü".encode()
    await text.aclose()
    await raw.aclose()


async def test_more_calls_than_connections_wait_for_one(redis_url: str) -> None:
    client = open_redis(redis_url, pool_size=4, pool_wait_s=10, read_timeout_s=10)
    await asyncio.gather(*(client.incr("n") for _ in range(200)))
    assert await client.get("n") == "200"
    assert (await client.info("clients"))["connected_clients"] <= 5
    await client.aclose()


async def test_a_command_whose_reply_was_lost_is_not_sent_again(short_path: Path) -> None:
    received: list[bytes] = []

    async def take_and_hang_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        received.append(await reader.readuntil(b"$1\r\n1\r\n"))
        writer.close()

    async with listening(short_path / "s", take_and_hang_up) as client:
        with pytest.raises(RedisConnectionError):
            await client.incr("n")
    assert len(received) == 1
    assert received[0].startswith(b"*3\r\n$6\r\nINCRBY")


@pytest.mark.parametrize("turns", range(12))
async def test_a_cancelled_call_is_cancelled_at_whatever_moment(redis_url: str, turns: int) -> None:
    client = open_redis(redis_url)
    await client.ping()
    never = asyncio.Event()

    async def call() -> None:
        await client.incr("n")
        await never.wait()

    task = asyncio.create_task(call())
    for _ in range(turns):
        await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        async with asyncio.timeout(30):
            await task
    # What was cut off half-way is not read as the answer to the next call.
    assert await client.echo("hello") == "hello"
    await client.aclose()


async def test_a_connection_sends_what_is_packed_already(redis_url: str) -> None:
    pool = open_redis(redis_url).connection_pool
    connection = pool.connection_class(**pool.connection_kwargs)
    for packed in ("PING\r\n", b"PING\r\n", [b"PI", b"NG\r\n"]):
        await connection.send_packed_command(packed)  # the first of them connects
        assert await connection.read_response() == "PONG"
    await connection.disconnect()


async def test_a_large_value_goes_and_comes_back_whole(redis_url: str) -> None:
    client = open_redis(redis_url, read_timeout_s=10)
    large = "x" * 20_000_000
    await client.set("k", large)
    assert await client.get("k") == large
    await client.aclose()


async def test_a_server_that_takes_no_more_is_given_up_in_time(serve: Serve) -> None:
    server = serve()
    client = open_redis(server.url)
    await client.ping()
    server.freeze()
    try:
        with pytest.raises(RedisTimeoutError, match="writing"):
            await client.set("k", "x" * 20_000_000)
    finally:
        server.thaw()
        await client.aclose()


async def test_a_connection_that_breaks_while_it_sends_is_an_error(short_path: Path) -> None:
    async def hang_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readexactly(100)
        writer.transport.abort()

    async with listening(short_path / "s", hang_up) as client:
        with pytest.raises(RedisConnectionError, match="writing"):
            await client.set("k", "x" * 20_000_000)


async def test_a_cancelled_send_closes_its_connection(serve: Serve) -> None:
    server = serve()
    client = open_redis(server.url, read_timeout_s=30)
    await client.ping()
    server.freeze()

    async def send() -> None:
        await client.set("k", "x" * 20_000_000)

    task = asyncio.create_task(send())
    try:
        for _ in range(5):  # far enough to be under way: the server takes no more
            await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    finally:
        server.thaw()
    assert await client.get("k") is None
    await client.aclose()


async def test_a_server_that_hangs_is_given_up_in_time(serve: Serve) -> None:
    server = serve()
    client = open_redis(server.url)
    await client.ping()
    server.freeze()
    try:
        for _ in range(2):  # on a connection that stood, and on a new one
            began = time.monotonic()
            with pytest.raises(RedisTimeoutError):
                await client.incr("n")
            assert time.monotonic() - began < 8
        with pytest.raises(StoreUnavailable, match="no answer in time"):
            await check_server(client)
    finally:
        server.thaw()
        await client.aclose()


async def test_it_connects_again_when_the_server_is_back(serve: Serve) -> None:
    server = serve(*STRICT)
    client = open_redis(server.url)
    await client.set("k", "v")
    server.stop(signal.SIGKILL)
    with pytest.raises(RedisError):
        await client.get("k")
    with pytest.raises(StoreUnavailable):
        await read_memory(client)
    server.start()
    assert await client.get("k") == "v"
    await client.aclose()


async def test_an_idle_connection_over_tcp_is_tried_before_it_is_used(serve: Serve) -> None:
    server = serve(port=free_port())
    client = open_redis(f"{server.tcp_url}?health_check_interval=1")
    over_tcp, over_unix = open_redis(server.tcp_url), open_redis(server.url)
    assert over_tcp.connection_pool.connection_kwargs["health_check_interval"] == 15
    assert "health_check_interval" not in over_unix.connection_pool.connection_kwargs
    assert await client.ping()
    assert await over_tcp.ping()
    await over_tcp.aclose()
    await over_unix.aclose()
    await client.aclose()


# --- the fixtures themselves ------------------------------------------------------------------


async def test_keys_that_would_stay_for_ever_are_found(redis_client: Redis) -> None:
    await redis_client.set("lease", "x", ex=60)
    await redis_client.set("deskhand:{t}:ticket:1", "x")
    assert await leaked_keys(redis_client, ["deskhand:*:ticket:*"]) == []
    assert await leaked_keys(redis_client) == ["deskhand:{t}:ticket:1"]


async def test_keys_that_are_no_text_are_found_too(redis_url: str) -> None:
    raw = open_redis(redis_url, decode_responses=False)
    await raw.set(b"odd\xff", "x")
    assert await leaked_keys(raw, ["even*"]) == ["odd\\xff"]
    await raw.aclose()
