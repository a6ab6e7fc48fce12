"""The embedded server with real processes: shared, killed, revived, ended by the last user."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import stat
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from redis.exceptions import RedisError

from bot.store.binary import ServerBinary, find_binary
from bot.store.connect import check_server, open_redis
from bot.store.embedded import EmbeddedServer, _ask
from bot.store.errors import EmbeddedServerError
from bot.store.folder import StoreFolder
from tests.fixtures_redis import embedded_server_lives, end_embedded_server
from tests.patience import WAIT_SECONDS
from tests.store.users import crowd, user_process


@pytest.fixture
def data_dir(short_path: Path) -> Iterator[Path]:
    """A data folder; a server that a failed or killed user left there is ended."""
    path = short_path / "data"
    yield path
    end_embedded_server(path)


async def until(condition: Callable[[], bool], timeout_s: float = WAIT_SECONDS) -> None:
    async with asyncio.timeout(timeout_s):
        while not condition():  # noqa: ASYNC110 - what is waited for happens in other processes
            await asyncio.sleep(0.002)


async def server_pid(url: str) -> int:
    client = open_redis(url, read_timeout_s=10)
    try:
        return int((await client.info("server"))["process_id"])
    finally:
        await client.aclose()


async def test_it_serves_on_a_private_socket_only_and_keeps_everything(data_dir: Path) -> None:
    async with EmbeddedServer(data_dir) as server:
        client = open_redis(server.url)
        await client.set("k", "v")
        facts = await check_server(client)
        settings = await client.config_get(
            "port", "appendonly", "appendfsync", "maxmemory-policy", "save", "dir"
        )
        await client.aclose()
        socket = data_dir / "store" / "valkey.sock"
        assert stat.S_IMODE(socket.stat().st_mode) == 0o700
        assert stat.S_IMODE((data_dir / "store").stat().st_mode) == 0o700
        assert server.url == f"unix://{socket}"
        assert server.log_path.read_text()
    assert settings == {
        "port": "0",
        "appendonly": "yes",
        "appendfsync": "always",
        "maxmemory-policy": "noeviction",
        "save": "",
        "dir": str(data_dir / "store"),
    }
    assert facts.durability == "strict"
    assert not embedded_server_lives(data_dir)
    for file in (data_dir / "store" / "appendonlydir").iterdir():
        assert not stat.S_IMODE(file.stat().st_mode) & 0o077
    async with EmbeddedServer(data_dir) as server:
        client = open_redis(server.url)
        assert await client.get("k") == "v"
        await client.aclose()


async def test_a_second_user_attaches_and_the_last_one_ends_it(data_dir: Path) -> None:
    first, second = EmbeddedServer(data_dir), EmbeddedServer(data_dir)
    await first.start()
    await second.start()
    assert await first.start() == second.url
    pid = await server_pid(second.url)
    assert await server_pid(first.url) == pid
    await first.stop()
    assert await server_pid(second.url) == pid
    with pytest.raises(EmbeddedServerError, match="not started"):
        _ = first.url
    await second.stop()
    await second.stop()
    assert not embedded_server_lives(data_dir)


async def test_a_server_left_by_a_killed_parent_is_taken_over(data_dir: Path) -> None:
    with user_process(data_dir) as (process, pid):
        process.kill()
        process.wait()
    assert embedded_server_lives(data_dir)
    async with EmbeddedServer(data_dir) as server:
        assert await server_pid(server.url) == pid
        client = open_redis(server.url)
        assert await client.get("written-by-user") == "yes"
        await client.aclose()
    assert not embedded_server_lives(data_dir)


async def test_another_process_uses_it_too_and_the_starter_may_leave_first(data_dir: Path) -> None:
    with user_process(data_dir) as (process, pid):
        async with EmbeddedServer(data_dir) as server:
            assert await server_pid(server.url) == pid
            process.communicate("\n")
            assert process.returncode == 0
            assert await server_pid(server.url) == pid
        assert not embedded_server_lives(data_dir)


async def test_ctrl_c_in_the_terminal_is_not_meant_for_the_server(data_dir: Path) -> None:
    with user_process(data_dir) as (process, pid):
        assert os.getsid(pid) == pid
        assert os.getpgid(pid) != os.getpgid(process.pid)


async def test_twenty_at_once_share_one_server(data_dir: Path) -> None:
    pids = await asyncio.to_thread(crowd, data_dir, 20)
    assert len(pids) == 20
    assert len(set(pids)) == 1
    assert not embedded_server_lives(data_dir)


async def test_no_acknowledged_write_is_lost_by_kill_9_of_the_server(data_dir: Path) -> None:
    acknowledged: set[str] = set()
    async with EmbeddedServer(data_dir) as server:
        client = open_redis(server.url)
        for round_number in range(5):
            enough = asyncio.Event()

            async def write(writer: int, base: str, enough: asyncio.Event) -> None:
                number = 0
                while True:
                    key = f"{base}:{writer}:{number}"
                    try:
                        await client.set(key, "x" * 100)
                    except RedisError:
                        return
                    acknowledged.add(key)
                    number += 1
                    if number == 40:
                        enough.set()

            pid = await server_pid(server.url)
            writers = [
                asyncio.create_task(write(n, f"round{round_number}", enough)) for n in range(8)
            ]
            await enough.wait()
            os.kill(pid, signal.SIGKILL)
            await asyncio.gather(*writers)
            # The guard starts it again by itself.
            async with asyncio.timeout(10):
                while True:
                    try:
                        await client.ping()
                        break
                    except RedisError:
                        await asyncio.sleep(0.002)
            assert await server_pid(server.url) != pid
            there = await client.mget(sorted(acknowledged))
            assert len(acknowledged) > 40 * (round_number + 1)
            assert all(value is not None for value in there)
        await client.aclose()
    assert not embedded_server_lives(data_dir)


async def test_a_socket_without_a_server_behind_it_is_in_nobodys_way(data_dir: Path) -> None:
    server = EmbeddedServer(data_dir, revive=False)
    await server.start()
    os.kill(await server_pid(server.url), signal.SIGKILL)
    await until(lambda: not embedded_server_lives(data_dir))
    assert (data_dir / "store" / "valkey.sock").exists()
    await server.stop()
    async with EmbeddedServer(data_dir) as again:
        assert await server_pid(again.url)
    assert not (data_dir / "store" / "valkey.sock").exists()


async def test_a_server_that_cannot_come_back_is_tried_again_until_it_can(
    data_dir: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with EmbeddedServer(data_dir) as server:
        files = data_dir / "store" / "appendonlydir"
        manifest = files / "appendonly.aof.manifest"
        good = manifest.read_bytes()
        manifest.write_bytes(b"not a manifest\n")
        os.kill(await server_pid(server.url), signal.SIGKILL)
        await until(lambda: "server is gone" in caplog.text)
        assert "are damaged" in caplog.text
        manifest.write_bytes(good)
        await until(lambda: "serves again" in caplog.text)
        assert await server_pid(server.url)


async def test_a_deep_folder_is_reached_through_a_private_link(
    short_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    runtime = short_path / "run"
    runtime.mkdir()
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(runtime))
    deep = short_path / ("deep and Ünïcode %20 #?" * 4) / ("x" * 100)
    async with EmbeddedServer(deep) as server:
        assert server.url.startswith(f"unix://{runtime}/deskhand-{os.geteuid()}/")
        assert stat.S_IMODE((runtime / f"deskhand-{os.geteuid()}").stat().st_mode) == 0o700
        assert (deep / "store" / "valkey.sock").exists()
        # Another process finds the same server, whatever its own temp folder is.
        monkeypatch.delenv("XDG_RUNTIME_DIR")
        monkeypatch.setenv("TMPDIR", str(runtime))
        with user_process(deep) as (process, pid):
            assert pid == await server_pid(server.url)
            process.communicate("\n")
    assert not embedded_server_lives(deep)


async def test_a_short_path_with_odd_characters_needs_no_link(short_path: Path) -> None:
    async with EmbeddedServer(short_path / "ä #%?") as server:
        assert await server_pid(server.url)
        assert "deskhand-" not in server.url


async def test_a_write_cut_off_by_a_crash_is_dropped_and_said(
    data_dir: Path, caplog: pytest.LogCaptureFixture
) -> None:
    part = await _with_keys(data_dir, 10)
    part.write_bytes(part.read_bytes()[:-7])
    async with EmbeddedServer(data_dir) as server:
        client = open_redis(server.url)
        assert await client.dbsize() == 9
        await client.aclose()
    assert "dropped" in caplog.text


async def test_a_damaged_file_is_named_with_a_remedy_that_works(data_dir: Path) -> None:
    part = await _with_keys(data_dir, 100)
    whole = part.read_bytes()
    middle = whole.index(b"*3", len(whole) // 2)
    part.write_bytes(whole[:middle] + b"??" + whole[middle + 2 :])
    with pytest.raises(EmbeddedServerError, match="are damaged") as refused:
        await EmbeddedServer(data_dir).start()
    said = str(refused.value)
    assert "\n" not in said
    assert not embedded_server_lives(data_dir)
    remedy = said.partition("written after: ")[2]
    await asyncio.to_thread(
        subprocess.run, ["/bin/sh", "-c", remedy], input=b"y\n", check=True, capture_output=True
    )
    async with EmbeddedServer(data_dir) as server:
        client = open_redis(server.url)
        assert 0 < await client.dbsize() < 100
        await client.aclose()


async def test_a_missing_part_of_the_file_is_named(data_dir: Path) -> None:
    (await _with_keys(data_dir, 3)).unlink()
    with pytest.raises(EmbeddedServerError, match="put a backup of that folder in its place") as e:
        await EmbeddedServer(data_dir).start()
    assert "bash" not in str(e.value)


async def test_it_waits_for_a_server_that_reads_a_large_file(
    data_dir: Path, caplog: pytest.LogCaptureFixture
) -> None:
    await _with_keys(data_dir, 4000)
    # The server's own switch for tests: so many microseconds for each key that it reads. It
    # answers in between, once in 1024 keys.
    slow = _program(data_dir / "slow", f'exec {find_binary().path} "$@" --key-load-delay 400\n')
    caplog.set_level(logging.INFO)
    first = EmbeddedServer(data_dir, start_timeout_s=1.0, find=lambda: slow)
    second = EmbeddedServer(data_dir, start_timeout_s=1.0, find=lambda: slow)
    await asyncio.gather(first.start(), second.start())
    client = open_redis(second.url)
    assert await client.dbsize() == 4000
    await client.aclose()
    assert "still reading its files" in caplog.text
    await first.stop()
    await second.stop()
    assert not embedded_server_lives(data_dir)


async def test_a_server_that_dies_while_it_reads_is_explained_to_all(data_dir: Path) -> None:
    part = await _with_keys(data_dir, 3000)
    whole = part.read_bytes()
    late = whole.index(b"*3", len(whole) * 9 // 10)
    part.write_bytes(whole[:late] + b"??" + whole[late + 2 :])
    slow = _program(data_dir / "slow", f'exec {find_binary().path} "$@" --key-load-delay 200\n')
    users = [EmbeddedServer(data_dir, find=lambda: slow) for _ in range(2)]
    ends = await asyncio.gather(*(user.start() for user in users), return_exceptions=True)
    assert all(isinstance(end, EmbeddedServerError) for end in ends)
    assert all("are damaged" in str(end) for end in ends)
    assert not embedded_server_lives(data_dir)


async def test_a_server_that_answers_and_then_refuses_is_said(data_dir: Path) -> None:
    odd = _program(data_dir / "odd", f'exec {find_binary().path} "$@" --rename-command CONFIG ""\n')
    users = [EmbeddedServer(data_dir, find=lambda: odd) for _ in range(2)]
    ends = await asyncio.gather(*(user.start() for user in users), return_exceptions=True)
    assert all("answered and then failed" in str(end) for end in ends)


async def test_a_server_that_hangs_is_left_behind_by_its_last_user(
    data_dir: Path, caplog: pytest.LogCaptureFixture
) -> None:
    server = EmbeddedServer(data_dir, stop_timeout_s=0.1)
    await server.start()
    pid = await server_pid(server.url)
    os.kill(pid, signal.SIGSTOP)
    try:
        await server.stop()
        assert "is left running" in caplog.text
    finally:
        os.kill(pid, signal.SIGCONT)
    # It had the order to end in its mail.
    await until(lambda: not embedded_server_lives(data_dir))


async def test_the_last_user_has_nothing_to_end_when_the_server_is_gone(data_dir: Path) -> None:
    server = EmbeddedServer(data_dir, revive=False)
    await server.start()
    os.kill(await server_pid(server.url), signal.SIGKILL)
    await until(lambda: not embedded_server_lives(data_dir))
    await server.stop()


async def test_a_user_that_cannot_get_its_turn_leaves_the_server_to_the_others(
    data_dir: Path,
) -> None:
    server = EmbeddedServer(data_dir, stop_timeout_s=0.05)
    await server.start()
    turn = StoreFolder(data_dir).lock("turn")
    assert turn.try_exclusive()
    await server.stop()
    assert embedded_server_lives(data_dir)
    turn.close()


async def test_a_server_that_hangs_up_on_a_ping_is_not_there(short_path: Path) -> None:
    async def hang_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.transport.abort()

    # Unread words make the end of a connection a reset, where it otherwise would be an end.
    path = str(short_path / "s")
    listener = await asyncio.start_unix_server(hang_up, path)
    assert [await _ask(path) for _ in range(5)] == ["absent"] * 5
    listener.close()
    await listener.wait_closed()


async def test_a_server_that_hangs_is_named_with_its_process(data_dir: Path) -> None:
    server = EmbeddedServer(data_dir, revive=False)
    await server.start()
    pid = await server_pid(server.url)
    os.kill(pid, signal.SIGSTOP)
    try:
        with pytest.raises(EmbeddedServerError, match=f"`kill {pid}`"):
            await EmbeddedServer(data_dir, start_timeout_s=0.2).start()
    finally:
        os.kill(pid, signal.SIGCONT)
    # The one that failed has left; ours is still counted and the last one ends it.
    assert await server_pid(server.url) == pid
    await server.stop()
    assert not embedded_server_lives(data_dir)


async def test_a_live_server_whose_socket_was_removed_is_not_started_twice(data_dir: Path) -> None:
    async with EmbeddedServer(data_dir, revive=False) as server:
        pid = await server_pid(server.url)
        (data_dir / "store" / "valkey.sock").unlink()
        with pytest.raises(EmbeddedServerError, match=f"`kill {pid}`"):
            await EmbeddedServer(data_dir, start_timeout_s=0.1).start()
        os.kill(pid, signal.SIGTERM)
        await until(lambda: not embedded_server_lives(data_dir))


async def test_a_program_that_never_answers_is_given_up_and_ended(data_dir: Path) -> None:
    mute = _program(data_dir / "mute", "echo hello from the program; exec sleep 60\n")
    with pytest.raises(EmbeddedServerError, match=r"within 0\.3 s: its last words: hello"):
        await EmbeddedServer(data_dir, start_timeout_s=0.3, find=lambda: mute).start()
    await until(lambda: not embedded_server_lives(data_dir))


async def test_a_cancelled_start_leaves_no_server(data_dir: Path) -> None:
    mute = _program(data_dir / "mute", "echo up; exec sleep 60\n")
    server = EmbeddedServer(data_dir, find=lambda: mute)
    starting = asyncio.create_task(server.start())
    await until(
        lambda: (data_dir / "store" / "valkey.log").exists() and embedded_server_lives(data_dir)
    )
    starting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await starting
    await until(lambda: not embedded_server_lives(data_dir))


async def test_a_start_that_takes_another_process_too_long_is_named(data_dir: Path) -> None:
    folder = StoreFolder(data_dir)
    folder.prepare()
    turn = folder.lock("turn")
    assert turn.try_exclusive()
    with pytest.raises(EmbeddedServerError, match="another process has been starting"):
        await EmbeddedServer(data_dir, start_timeout_s=0.05).start()
    turn.close()


async def test_a_stranger_on_our_socket_is_not_our_store(data_dir: Path, short_path: Path) -> None:
    async with EmbeddedServer(data_dir, revive=False) as server:
        other = short_path / "other"
        async with EmbeddedServer(other) as stranger:
            client = open_redis(stranger.url)
            # Only its own folder's lock tells which server it is; here the socket lies.
            os.replace(other / "store" / "valkey.sock", data_dir / "store" / "valkey.sock")
            with pytest.raises(EmbeddedServerError, match="keeps its files in"):
                await EmbeddedServer(data_dir).start()
            os.replace(data_dir / "store" / "valkey.sock", other / "store" / "valkey.sock")
            await client.aclose()
        os.kill(StoreFolder(data_dir).pid() or 0, signal.SIGTERM)
        await until(lambda: not embedded_server_lives(data_dir))
        assert server.url


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="reads Linux's /proc")
async def test_the_server_gets_neither_our_files_nor_our_secrets(
    data_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SLACK_BOT_TOKEN", "a-planted-token")
    read_end, write_end = os.pipe()
    os.set_inheritable(read_end, True)
    try:
        async with EmbeddedServer(data_dir) as server:
            process = Path("/proc") / str(await server_pid(server.url))
            ours = os.readlink(f"/proc/self/fd/{read_end}")
            theirs = [os.readlink(fd) for fd in (process / "fd").iterdir()]
            assert ours not in theirs
            assert str(data_dir / "store" / "server.lock") in theirs
            assert b"a-planted-token" not in (process / "environ").read_bytes()
    finally:
        os.close(read_end)
        os.close(write_end)


async def test_the_log_does_not_grow_for_ever(data_dir: Path) -> None:
    (data_dir / "store").mkdir(parents=True)
    log = data_dir / "store" / "valkey.log"
    log.write_bytes(b"old words\n" * 200_000)
    async with EmbeddedServer(data_dir):
        assert log.stat().st_size < 100_000
    assert log.with_name("valkey.log.1").stat().st_size == 2_000_000


async def _with_keys(data_dir: Path, count: int) -> Path:
    """A store with ``count`` keys, stopped; its append-only file."""
    async with EmbeddedServer(data_dir) as server:
        client = open_redis(server.url, read_timeout_s=10)
        for start in range(0, count, 500):
            async with client.pipeline(transaction=False) as pipe:
                for number in range(start, min(count, start + 500)):
                    pipe.set(f"key{number}", "a value")
                await pipe.execute()
        await client.aclose()
    return next((data_dir / "store" / "appendonlydir").glob("*.incr.aof"))


def _program(path: Path, body: str) -> ServerBinary:
    path.parent.mkdir(exist_ok=True)
    path.write_text(f"#!/bin/sh\n{body}")
    path.chmod(0o755)
    return ServerBinary(path, "a test")
