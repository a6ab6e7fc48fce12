"""A real server for tests. ``pytest_plugins = ["tests.fixtures_redis"]`` gives the fixtures."""

from __future__ import annotations

import asyncio
import contextlib
import fnmatch
import os
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator
from pathlib import Path

import pytest
from redis import Redis as SyncRedis
from redis.asyncio import Redis

from bot.store.binary import find_binary
from bot.store.connect import open_redis
from bot.store.folder import StoreFolder

STRICT = ("--save", "", "--appendonly", "yes", "--appendfsync", "always")
"""Flags of a server whose acknowledged writes survive anything but its disk."""

PATIENT = "socket_timeout=30&socket_connect_timeout=30"
"""The query of a URL whose client does not lose patience."""

Talk = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


class ServerProcess:
    """The embedded server's program under a test's own flags and nobody else's supervision.

    On a unix socket in ``folder`` (keep it short), or with ``port`` on loopback TCP as well.
    """

    def __init__(self, folder: Path, *flags: str, port: int = 0) -> None:
        self.folder = folder
        self.port = port
        self._command = [
            os.fspath(find_binary().path),
            *("--bind", "127.0.0.1", "--port", str(port)),
            *("--unixsocket", "s", "--unixsocketperm", "700"),
            *("--logfile", "log", "--maxmemory-policy", "noeviction"),
            *flags,
        ]
        self._child: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"unix://{self.folder / 's'}"

    @property
    def tcp_url(self) -> str:
        return f"redis://127.0.0.1:{self.port}/0"

    @property
    def pid(self) -> int:
        assert self._child is not None
        return self._child.pid

    def start(self) -> ServerProcess:
        self.folder.mkdir(parents=True, exist_ok=True)
        self._child = subprocess.Popen(self._command, cwd=self.folder, start_new_session=True)
        wait_until(self._answers)
        return self

    def _answers(self) -> bool:
        assert self._child is not None
        assert self._child.poll() is None, (self.folder / "log").read_text()
        # A server that asks for a login is up as well.
        return self._ping().startswith((b"+PONG", b"-NOAUTH"))

    def _ping(self) -> bytes:
        with socket.socket(socket.AF_UNIX) as wire, contextlib.suppress(OSError):
            wire.connect(str(self.folder / "s"))
            wire.sendall(b"PING\r\n")
            return wire.recv(64)
        return b""

    def client(self) -> SyncRedis:
        """A plain, blocking client, for a look from outside."""
        return SyncRedis(
            unix_socket_path=str(self.folder / "s"), decode_responses=True, socket_timeout=5
        )

    def freeze(self) -> None:
        """It stays connected and answers nothing more, as a machine that hangs."""
        os.kill(self.pid, signal.SIGSTOP)

    def thaw(self) -> None:
        os.kill(self.pid, signal.SIGCONT)

    def stop(self, number: signal.Signals = signal.SIGTERM) -> None:
        """End it, in order or with ``SIGKILL``, and wait until it has."""
        if self._child is not None:
            self._child.send_signal(signal.SIGCONT)
            self._child.send_signal(number)
            self._child.wait()
            self._child = None


def wait_until(condition: Callable[[], bool], timeout_s: float = 30) -> None:
    """Return as soon as ``condition`` holds, for what happens in other processes."""
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.002)


def free_port() -> int:
    """A loopback port that is free now, below those that a system gives to whoever connects: it
    stays free for a server that is started, killed and started again on it."""
    while True:
        number = 15_000 + secrets.randbelow(17_000)
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", number))
            return number


@contextlib.asynccontextmanager
async def listening(path: Path, talk: Talk) -> AsyncIterator[Redis]:
    """A client of a listener on ``path`` that is no Redis: ``talk`` serves each connection."""
    listener = await asyncio.start_unix_server(talk, path)
    client = open_redis(f"unix://{path}")
    try:
        yield client
    finally:
        await client.aclose()
        listener.close()
        await listener.wait_closed()


async def leaked_keys(redis: Redis, lasting: Iterable[str] = ()) -> list[str]:
    """Keys that will stay for ever: without an expiry, and matching no ``lasting`` pattern.

    Patterns are of ``fnmatch``. Records are meant to last; a lock, lease or counter is not.
    """
    patterns = tuple(lasting)
    leaked = []
    async for key in redis.scan_iter(count=1000):
        name = key if isinstance(key, str) else key.decode("utf-8", "backslashreplace")
        if await redis.ttl(key) == -1 and not any(fnmatch.fnmatchcase(name, p) for p in patterns):
            leaked.append(name)
    return sorted(leaked)


def embedded_server_lives(data_dir: Path) -> bool:
    """Whether an embedded server lives in ``data_dir``: it holds its lock until it is dead."""
    folder = StoreFolder(data_dir)
    if not folder.path.exists():
        return False
    lock = folder.lock("server")
    try:
        return not lock.try_exclusive()
    finally:
        lock.close()


def end_embedded_server(data_dir: Path) -> None:
    """Kill the server that a killed process left in ``data_dir``; it would outlive the test."""
    pid = StoreFolder(data_dir).pid()
    if pid is not None and embedded_server_lives(data_dir):
        os.kill(pid, signal.SIGKILL)


@contextlib.contextmanager
def short_folder() -> Iterator[Path]:
    """A temporary folder whose path leaves room for a socket's name, which pytest's may not."""
    path = Path(tempfile.mkdtemp(prefix="dh-"))
    try:
        yield path.resolve()
    finally:
        shutil.rmtree(path, ignore_errors=True)


@pytest.fixture
def short_path() -> Iterator[Path]:
    """``short_folder`` for one test."""
    with short_folder() as path:
        yield path


@pytest.fixture(scope="session")
def redis_server() -> Iterator[ServerProcess]:
    """One server for the whole run. It never waits for the disk: tests of that use their own."""
    with short_folder() as folder:
        server = ServerProcess(
            folder, "--save", "", "--appendonly", "yes", "--appendfsync", "no"
        ).start()
        try:
            yield server
        finally:
            server.stop(signal.SIGKILL)


@pytest.fixture
def redis_url(redis_server: ServerProcess) -> str:
    """The server's URL, all its databases empty. Scripts and settings of other tests remain.

    Nobody stops this server, so on a busy machine it is waited for: an answer that is a second late
    would be *the store is away* in a test of something else.
    """
    with redis_server.client() as client:
        client.flushall()
    return f"{redis_server.url}?{PATIENT}"


@pytest.fixture
async def redis_client(redis_url: str) -> AsyncIterator[Redis]:
    """A client of the empty server, opened as Deskhand opens it."""
    client = open_redis(redis_url)
    try:
        yield client
    finally:
        await client.aclose()


@pytest.fixture
def serve(short_path: Path) -> Iterator[Callable[..., ServerProcess]]:
    """Start servers with flags of one's own; ended after the test."""
    started: list[ServerProcess] = []

    def start(*flags: str, port: int = 0) -> ServerProcess:
        server = ServerProcess(short_path / f"server{len(started)}", *flags, port=port)
        started.append(server)
        return server.start()

    yield start
    for server in started:
        server.stop(signal.SIGKILL)
