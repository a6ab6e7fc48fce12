"""What kind of server it is: the unfit are refused, what is relaxed or hidden is said."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable
from pathlib import Path

import pytest
from redis.asyncio import Redis
from redis.exceptions import RedisError

from bot.ports import StoreUnavailable
from bot.store.connect import (
    Memory,
    check_server,
    open_redis,
    read_memory,
    unavailable,
)
from bot.store.errors import StoreRefused
from tests.fixtures_redis import STRICT, ServerProcess, free_port, listening
from tests.patience import WAIT_SECONDS

Serve = Callable[..., ServerProcess]


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
        async with asyncio.timeout(WAIT_SECONDS):
            with pytest.raises(StoreUnavailable) as gone:
                await check_server(client)
    finally:
        await client.aclose()
    assert "\n" not in str(gone.value)
    return str(gone.value)


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

    async with listening(short_path / "s", redis_6) as client:
        with pytest.raises(StoreRefused, match=r"is Redis 6\.2\.14: Deskhand needs .* 7\.0"):
            await check_server(client)


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

    async with listening(short_path / "s", reticent) as client:
        facts = await check_server(client)
        assert len(facts.unchecked) == 3
        assert any("maxmemory-policy must be noeviction" in words for words in facts.unchecked)
        assert "whether it failed over" in facts.unchecked
        assert facts.durability == "relaxed"
        assert await read_memory(client) == Memory(0, None)


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
