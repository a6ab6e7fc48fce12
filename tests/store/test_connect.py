"""Connecting: nothing sent twice, times kept, secrets kept, unfit servers refused."""

from __future__ import annotations

import asyncio
import signal
import time
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

import pytest
from redis.asyncio import Redis
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import RedisError
from redis.exceptions import TimeoutError as RedisTimeoutError

from bot.ports import StoreUnavailable
from bot.store.connect import (
    Memory,
    check_server,
    describe,
    open_redis,
    read_memory,
    redact_url,
    unavailable,
)
from bot.store.errors import StoreRefused
from tests.fixtures_redis import STRICT, ServerProcess, free_port, leaked_keys

Serve = Callable[..., ServerProcess]


@pytest.fixture
def serve(short_path: Path) -> Iterator[Serve]:
    """Start servers with flags of one's own; ended after the test."""
    started: list[ServerProcess] = []

    def start(*flags: str, port: int = 0) -> ServerProcess:
        server = ServerProcess(short_path / f"server{len(started)}", *flags, port=port)
        started.append(server)
        return server.start()

    yield start
    for server in started:
        server.stop(signal.SIGKILL)


async def refusal(url: str) -> str:
    client = open_redis(url)
    try:
        with pytest.raises(StoreRefused) as refused:
            await check_server(client)
    finally:
        await client.aclose()
    assert "\n" not in str(refused.value)
    return str(refused.value)


async def unavailability(url: str) -> str:
    client = open_redis(url)
    try:
        async with asyncio.timeout(2):
            with pytest.raises(StoreUnavailable) as gone:
                await check_server(client)
    finally:
        await client.aclose()
    assert "\n" not in str(gone.value)
    return str(gone.value)


# --- URLs -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("redis://localhost:6379/0", "redis://localhost:6379/0"),
        ("redis://user:s3cret@db.example:6380/2", "redis://***@db.example:6380/2"),
        ("REDISS://:s3cret@db.example", "rediss://***@db.example"),
        ("redis://:s3cret@[::1]:6379/0", "redis://***@[::1]:6379/0"),
        ("redis://db.example/0?password=s3cret", "redis://db.example/0"),
        ("unix:///run/valkey.sock?db=1&password=s3cret", "unix:///run/valkey.sock"),
        ("redis://:p@s3cret@db.example", "redis://***@db.example"),
        ("redis://:s3/cret@db.example", "redis://***"),
        ("redis://db.example?password=a@s3cret", "redis://***"),
        ("s3cret", "(not a URL)"),
    ],
)
def test_a_url_is_shown_without_its_secrets(url: str, shown: str) -> None:
    assert redact_url(url) == shown


@pytest.mark.parametrize(
    "url",
    [
        "http://localhost",
        "",
        "redis://:s3/cret@db.example",
        "redis://db.example:s3cret",
        "redis://db.example/0?nonsense=s3cret",
        "redis://db.example?socket_timeout=s3cret",
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


async def _with_listener(
    path: Path,
    serve_one: Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]],
    then: Callable[[Redis], Awaitable[None]],
) -> None:
    """Run ``then`` with a client of a listener on ``path`` that is no Redis."""
    listener = await asyncio.start_unix_server(serve_one, path)
    client = open_redis(f"unix://{path}")
    try:
        await then(client)
    finally:
        await client.aclose()
        listener.close()
        await listener.wait_closed()


async def test_a_command_whose_reply_was_lost_is_not_sent_again(short_path: Path) -> None:
    received: list[bytes] = []

    async def take_and_hang_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        received.append(await reader.readuntil(b"$1\r\n1\r\n"))
        writer.close()

    async def call(client: Redis) -> None:
        with pytest.raises(RedisConnectionError):
            await client.incr("n")

    await _with_listener(short_path / "s", take_and_hang_up, call)
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
        async with asyncio.timeout(5):
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

    async def call(client: Redis) -> None:
        with pytest.raises(RedisConnectionError, match="writing"):
            await client.set("k", "x" * 20_000_000)

    await _with_listener(short_path / "s", hang_up, call)


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
            assert time.monotonic() - began < 1.5
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


# --- what kind of server ----------------------------------------------------------------------


async def test_a_durable_server_is_strict(serve: Serve) -> None:
    server = serve(*STRICT, "--maxmemory", "64mb")
    client = open_redis(server.url)
    facts = await check_server(client)
    memory = await read_memory(client)
    await client.aclose()
    assert facts.version.startswith("Valkey ")
    assert (facts.durability, facts.why) == ("strict", None)
    assert facts.maxmemory == 64 * 1024 * 1024
    assert 0 < facts.used_memory < facts.maxmemory
    assert facts.replicas == 0
    assert facts.epoch.history == "first"
    assert facts.unchecked == ()
    assert memory.limit_bytes == facts.maxmemory
    assert memory.used_bytes > 0


async def test_answers_in_bytes_are_understood_as_well(serve: Serve) -> None:
    client = open_redis(serve(*STRICT).url, decode_responses=False)
    facts = await check_server(client)
    await client.aclose()
    assert facts.durability == "strict"
    assert facts.epoch.accepted


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        (("--appendonly", "yes", "--appendfsync", "everysec"), "appendfsync is everysec"),
        (("--appendonly", "yes", "--appendfsync", "no"), "appendfsync is no,"),
        (("--appendonly", "no"), "no append-only file"),
    ],
)
async def test_less_durability_is_relaxed_and_says_why(
    serve: Serve, flags: tuple[str, ...], words: str
) -> None:
    client = open_redis(serve(*flags).url)
    facts = await check_server(client)
    await client.aclose()
    assert facts.durability == "relaxed"
    assert words in (facts.why or "")


async def test_without_a_limit_the_machine_is_the_limit(redis_client: Redis) -> None:
    memory = await read_memory(redis_client)
    assert (await check_server(redis_client)).maxmemory == 0
    assert memory.limit_bytes is not None
    assert memory.limit_bytes > memory.used_bytes


@pytest.mark.parametrize("policy", ["allkeys-lru", "volatile-ttl", "allkeys-random"])
async def test_a_server_that_evicts_is_refused(serve: Serve, policy: str) -> None:
    said = await refusal(serve("--maxmemory-policy", policy, "--maxmemory", "64mb").url)
    assert f"maxmemory-policy {policy}" in said
    assert "set `maxmemory-policy noeviction`" in said


async def test_a_server_that_may_evict_later_is_refused_too(serve: Serve) -> None:
    assert "may evict" in await refusal(serve("--maxmemory-policy", "allkeys-lfu").url)


async def test_a_replica_is_refused(serve: Serve) -> None:
    server = serve("--replicaof", f"127.0.0.1 {free_port()}")
    assert "point REDIS_URL at its primary" in await refusal(server.url)


async def test_an_old_server_is_refused(short_path: Path) -> None:
    """A listener that says what Redis 6.2 says; such a server cannot be had any more."""

    async def redis_6(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        info = b"redis_version:6.2.14\r\nrole:master\r\nmaxmemory_policy:noeviction\r\n"
        while line := await reader.readline():
            if line == b"INFO\r\n":
                writer.write(b"$%d\r\n%s\r\n" % (len(info), info))
            elif line == b"CONFIG\r\n":
                writer.write(b"-ERR unknown command\r\n")
        writer.close()

    async def check(client: Redis) -> None:
        with pytest.raises(StoreRefused, match=r"is Redis 6\.2\.14: Deskhand needs .* 7\.0"):
            await check_server(client)

    await _with_listener(short_path / "s", redis_6, check)


async def test_a_wrong_password_is_refused_and_not_shown(serve: Serve) -> None:
    server = serve("--requirepass", "right", port=free_port())
    for login in ("", ":s3cret@", "who:s3cret@"):
        said = await refusal(f"redis://{login}127.0.0.1:{server.port}/0")
        assert "refuses the login" in said
        assert f"redis://127.0.0.1:{server.port}/0" in said
        assert "s3cret" not in said
    client = open_redis(f"redis://:right@127.0.0.1:{server.port}/0")
    assert (await check_server(client)).durability == "relaxed"
    await client.aclose()


@pytest.mark.parametrize("how", ["renamed", "forbidden"])
async def test_a_service_without_config_is_asked_otherwise(serve: Serve, how: str) -> None:
    if how == "renamed":
        url = serve(*STRICT, "--rename-command", "CONFIG", "").url
    else:
        server = serve(*STRICT)
        with server.client() as admin:
            admin.execute_command("ACL", "SETUSER", "svc", "on", ">pw", "~*", "+@all", "-config")
        url = f"unix://svc@{server.folder / 's'}?password=pw"
    client = open_redis(url)
    facts = await check_server(client)
    await client.aclose()
    assert facts.durability == "relaxed"
    assert "does not let us see appendfsync" in (facts.why or "")
    assert facts.unchecked == ("how it writes to disk (appendfsync)",)


async def test_a_service_without_config_that_evicts_is_refused_all_the_same(serve: Serve) -> None:
    server = serve("--maxmemory-policy", "allkeys-lru", "--rename-command", "CONFIG", "")
    assert "may evict keys" in await refusal(server.url)


async def test_what_a_service_hides_is_named(short_path: Path) -> None:
    """A listener that hides what some managed services hide."""

    async def reticent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        info = b"redis_version:7.2.0\r\nrole:master\r\n"
        while line := await reader.readline():
            if line == b"INFO\r\n":
                writer.write(b"$%d\r\n%s\r\n" % (len(info), info))
            elif line == b"CONFIG\r\n":
                writer.write(b"-ERR unknown command\r\n")
            elif line == b"EVAL\r\n":
                writer.write(b"*3\r\n$2\r\nab\r\n$6\r\nhidden\r\n$1\r\n1\r\n")
        writer.close()

    async def check(client: Redis) -> None:
        facts = await check_server(client)
        assert len(facts.unchecked) == 3
        assert any("maxmemory-policy must be noeviction" in words for words in facts.unchecked)
        assert "whether it failed over" in facts.unchecked
        assert facts.durability == "relaxed"
        assert await read_memory(client) == Memory(0, None)

    await _with_listener(short_path / "s", reticent, check)


async def test_a_user_that_may_too_little_is_refused(serve: Serve) -> None:
    server = serve()
    with server.client() as admin:
        admin.execute_command("ACL", "SETUSER", "svc", "on", ">pw", "~*", "+@all", "-info")
    said = await refusal(f"unix://svc@{server.folder / 's'}?password=pw")
    assert "may not do what Deskhand needs" in said
    assert "+info" in said


# --- not there --------------------------------------------------------------------------------


async def test_nobody_there_is_one_line_without_the_password(short_path: Path) -> None:
    port = free_port()
    said = await unavailability(f"redis://user:s3cret@127.0.0.1:{port}/0")
    assert f"redis://127.0.0.1:{port}/0 is not available" in said
    assert "s3cret" not in said
    assert "correct REDIS_URL" in said
    assert str(short_path) in await unavailability(f"unix://{short_path}/none.sock")


async def test_tls_to_a_server_that_has_none_is_unavailable(serve: Serve) -> None:
    server = serve(port=free_port())
    said = await unavailability(f"rediss://127.0.0.1:{server.port}/0")
    assert f"rediss://127.0.0.1:{server.port}/0 is not available" in said


async def test_a_server_that_is_still_loading_is_unavailable(serve: Serve) -> None:
    server = serve(*STRICT)
    with server.client() as client, client.pipeline(transaction=False) as pipe:
        for number in range(3000):
            pipe.set(f"k{number}", "v")
        pipe.execute()
    server.stop()
    slow = ServerProcess(server.folder, *STRICT, "--key-load-delay", "300")
    client = open_redis(slow.url, read_timeout_s=5)
    loading = asyncio.create_task(asyncio.to_thread(slow.start))
    said: list[str] = []
    try:
        async with asyncio.timeout(10):
            while not any("still reading its files" in line for line in said):
                try:
                    await check_server(client)
                except StoreUnavailable as error:
                    said.append(str(error))
                # A socket that is not there yet is refused without the loop having turned.
                await asyncio.sleep(0.002)
    finally:
        await loading
        await client.aclose()
        slow.stop(signal.SIGKILL)


async def test_other_errors_of_the_server_keep_their_words(redis_client: Redis) -> None:
    said = str(unavailable(redis_client, RedisError("MISCONF it cannot\nwrite.")))
    assert said.endswith("is not available: MISCONF it cannot write")
    assert str(unavailable(redis_client, RedisError())).endswith("RedisError")


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
