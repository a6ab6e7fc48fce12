"""The private server that is the store when ``REDIS_URL`` is unset. No second store: real Valkey.

Any number of processes may use one data folder at once, and any of them may die at any point. What
each lock in the folder means:

- ``server.lock`` is held by the server itself, from before it runs until it is dead. Who can take
  it knows that no server runs here, whatever sockets and pid files lie around.
- ``users.lock`` is held, shared, by every process that uses the server. Who can take it alone is
  the last one and ends the server.
- ``turn.lock`` is held by the one who is starting or ending the server, so that nobody becomes a
  user of a server that the last user is about to end.

All three are freed by the kernel when their holder dies. After a kill -9 of its only user the
server lives on; the next start takes it over, and then ends it in its turn.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import subprocess
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Literal, Self

from redis.exceptions import RedisError

from bot.store.binary import ServerBinary, explain_end, find_binary, launch
from bot.store.connect import open_redis
from bot.store.errors import EmbeddedServerError
from bot.store.folder import StoreFolder, socket_url
from bot.store.locks import FileLock

log = logging.getLogger("deskhand.store")

_POLL_S = 0.003
_LONGEST_PAUSE_S = 1.0

Answer = Literal["absent", "silent", "loading", "ready"]
"""
absent: nobody listens on the socket. silent: somebody does and said nothing within a second.
loading: the server reads its files, and answers nothing else until it has. ready: it serves.
"""


class EmbeddedServer:
    """One process's use of the embedded server of one data folder.

    ``async with EmbeddedServer(data_dir) as server: open_redis(server.url)``. Close every client
    before the block ends: the last user takes the server down. Not to be carried over a ``fork``:
    the child would count as a user for as long as it lives.
    """

    def __init__(
        self,
        data_dir: Path,
        *,
        start_timeout_s: float = 10.0,
        stop_timeout_s: float = 3.0,
        revive: bool = True,
        find: Callable[[], ServerBinary] = find_binary,
    ) -> None:
        """``start_timeout_s``: how long a server may say nothing; one that says it is loading its
        files may take longer. ``stop_timeout_s``: how long the last user waits for its end.
        ``revive``: start the server again when it dies in use."""
        self._folder = StoreFolder(data_dir)
        self._start_timeout_s = start_timeout_s
        self._stop_timeout_s = stop_timeout_s
        self._revive = revive
        self._find = find
        self._users: FileLock | None = None
        self._guard: asyncio.Task[None] | None = None
        self._socket = ""
        self._binary: ServerBinary | None = None
        self._child: subprocess.Popen[bytes] | None = None
        self._log_from = 0
        self._written = 0

    @property
    def url(self) -> str:
        """The ``unix://`` URL of the started server; the same for as long as it is in use."""
        if self._users is None:
            raise EmbeddedServerError("the embedded store is not started")
        return socket_url(self._socket)

    @property
    def log_path(self) -> Path:
        """The server's own log."""
        return self._folder.log

    async def start(self) -> str:
        """Start the server, or attach to the one that runs, and return its URL.

        Raises ``EmbeddedServerError``, one line with the remedy; then nothing is held.
        """
        if self._users is None:
            try:
                await self._ensure_serving()
            except BaseException:
                self._abandon()
                raise
            if self._revive:
                self._guard = asyncio.create_task(self._stand_guard(), name="deskhand-store-guard")
        return self.url

    async def stop(self) -> None:
        """End this use; the last user ends the server, with everything on disk."""
        if self._users is None:
            return
        if self._guard is not None:
            self._guard.cancel()
            # Not awaited itself: its cancellation must not be mistaken for ours.
            await asyncio.wait([self._guard])
            self._guard = None
        self._users.close()
        self._users = None
        turn = self._folder.lock("turn")
        last = self._folder.lock("users")
        try:
            # No turn within the time: somebody is starting up and is a user from now on.
            if await _until(turn.try_exclusive, self._stop_timeout_s) and last.try_exclusive():
                await self._shut_down()
        finally:
            last.close()
            turn.close()
            self._let_go()

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.stop()

    # --- starting -----------------------------------------------------------------------------

    async def _ensure_serving(self) -> None:
        self._folder.prepare()
        self._socket = self._folder.client_path()
        self._log_from = _size(self._folder.log)
        turn = self._folder.lock("turn")
        try:
            if not await _until(turn.try_exclusive, self._start_timeout_s):
                raise EmbeddedServerError(
                    f"another process has been starting the store in {self._folder.path} for"
                    f" {self._start_timeout_s:g} s: see {self._folder.log}"
                )
            if self._users is None:
                users = self._folder.lock("users")
                # Only ever taken alone within a turn, and this turn is ours: it cannot fail.
                users.try_shared()
                self._users = users
            answer = await self._first_answer()
        finally:
            turn.close()
        # Reading a large file takes its time; others need not wait for their turn meanwhile.
        if answer == "loading":
            await self._loaded()
        await self._verify_own()
        dropped = self._written - self._folder.written_bytes() if self._child else 0
        if dropped > 0:
            # Some hundred bytes are a write that a crash cut short. Much more is a damaged file.
            log.warning(
                "the store dropped %d bytes at the end of its file, which were not whole; after"
                " a crash that is normal, and many are not: see %s",
                dropped,
                self._folder.log,
            )

    async def _first_answer(self) -> Answer:
        deadline = _now() + self._start_timeout_s
        self._child = None
        while True:
            if self._child is None:
                held = self._folder.lock("server")
                try:
                    if held.try_exclusive():
                        # Nobody serves here, so a socket file that lies there is dead; the new
                        # server replaces it.
                        self._binary = await asyncio.to_thread(self._find)
                        self._log_from = _size(self._folder.log)
                        self._written = self._folder.written_bytes()
                        self._child = launch(self._binary, self._folder, held)
                finally:
                    held.close()
            answer = await _ask(self._socket)
            if answer in ("ready", "loading"):
                return answer
            self._raise_if_child_ended()
            if _now() > deadline:
                raise self._no_answer()
            await asyncio.sleep(_POLL_S)

    async def _loaded(self) -> None:
        began, told = _now(), False
        silent_since: float | None = None
        while True:
            if not told and _now() - began > 0.5:
                log.info("the store is still reading its files in %s", self._folder.path)
                told = True
            match await _ask(self._socket):
                case "ready":
                    return
                case "loading":
                    silent_since = None
                case "absent" | "silent":
                    silent_since = silent_since or _now()
                    if _now() - silent_since > self._start_timeout_s or not self._server_lives():
                        raise self._ended()
            self._raise_if_child_ended()
            await asyncio.sleep(_POLL_S)

    def _server_lives(self) -> bool:
        held = self._folder.lock("server")
        try:
            return not held.try_exclusive()
        finally:
            held.close()

    async def _verify_own(self) -> None:
        """Whoever answers must keep its files here, not only its socket."""
        client = open_redis(socket_url(self._socket), read_timeout_s=self._start_timeout_s)
        try:
            where = (await client.config_get("dir"))["dir"] or ""
        except RedisError as error:
            raise EmbeddedServerError(
                f"the store in {self._folder.path} answered and then failed ({error}): see"
                f" {self._folder.log}"
            ) from error
        finally:
            await client.aclose()
        if self._folder.is_elsewhere(where):
            raise EmbeddedServerError(
                f"the server on {self._folder.socket} keeps its files in {where}: stop it, or set"
                " DESKHAND_DATA to another folder"
            )

    def _raise_if_child_ended(self) -> None:
        if self._child is not None and self._child.returncode is not None:
            raise self._ended()

    def _ended(self) -> EmbeddedServerError:
        why = explain_end(self._folder, self._binary, self._log_from)
        return EmbeddedServerError(f"the store in {self._folder.path} did not start: {why}")

    def _no_answer(self) -> EmbeddedServerError:
        if self._child is not None:
            # It never answered, so it acknowledged nothing; left alone it would hold the folder.
            self._child.kill()
            return EmbeddedServerError(
                f"the store in {self._folder.path} did not answer within"
                f" {self._start_timeout_s:g} s:"
                f" {explain_end(self._folder, self._binary, self._log_from)}"
            )
        pid = self._folder.pid()
        remedy = f"end it with `kill {pid}`" if pid is not None else "end that valkey-server"
        return EmbeddedServerError(
            f"a server holds {self._folder.path} and does not answer on its socket: {remedy} and"
            " start again"
        )

    # --- in use and after ---------------------------------------------------------------------

    async def _stand_guard(self) -> None:
        """Start the server again whenever it dies: an idle connection feels its end at once.

        Every user does so; the turns see to it that one starts it and the others attach.
        """
        pause_s = 0.0
        while True:
            began = _now()
            with contextlib.suppress(OSError):
                await _until_closed(self._socket)
            why = explain_end(self._folder, self._binary, self._log_from)
            # A server that dies each time it is used must not be started in a tight loop.
            lived = _now() - began > _LONGEST_PAUSE_S
            pause_s = 0.0 if lived else min(max(0.02, pause_s * 2), _LONGEST_PAUSE_S)
            try:
                await self._ensure_serving()
                log.warning("the store's server was gone and serves again; before: %s", why)
            except (EmbeddedServerError, OSError) as error:
                log.error("the store's server is gone: %s", error)
            await asyncio.sleep(pause_s)

    async def _shut_down(self) -> None:
        if not self._server_lives():
            return
        client = open_redis(socket_url(self._socket))
        try:
            await client.shutdown()
        except RedisError as error:
            # A server that has much to write may take longer than the answer may: seen below.
            log.debug("shutdown: %s", error)
        finally:
            await client.aclose()
        if not await _until(lambda: not self._server_lives(), self._stop_timeout_s):
            log.warning(
                "the store's server in %s did not end within %g s and is left running: see %s",
                self._folder.path,
                self._stop_timeout_s,
                self._folder.log,
            )

    def _abandon(self) -> None:
        """After a start that failed or was cancelled: leave no server that nobody uses.

        Without waiting, as a cancelled task must not; a signal is enough, since a server ends in
        order on SIGTERM. One that somebody else started is left for the next start to take over.
        """
        self._let_go()
        if self._child is None or self._child.returncode is not None:
            return
        turn, last = self._folder.lock("turn"), self._folder.lock("users")
        try:
            if turn.try_exclusive() and last.try_exclusive():
                self._child.terminate()
        finally:
            last.close()
            turn.close()

    def _let_go(self) -> None:
        if self._users is not None:
            self._users.close()
            self._users = None
        self._folder.close()


async def _ask(socket_path: str) -> Answer:
    """One PING on a connection of its own."""
    try:
        reader, writer = await asyncio.open_unix_connection(socket_path)
    except OSError:
        return "absent"
    try:
        writer.write(b"PING\r\n")
        async with asyncio.timeout(1.0):
            line = await reader.readline()
    except TimeoutError:
        return "silent"
    except OSError:
        return "absent"
    finally:
        writer.close()
    if line.startswith(b"+PONG"):
        return "ready"
    if line.startswith(b"-LOADING"):
        return "loading"
    return "silent" if line else "absent"


async def _until_closed(socket_path: str) -> None:
    reader, writer = await asyncio.open_unix_connection(socket_path)
    try:
        await reader.read()
    finally:
        writer.close()


async def _until(condition: Callable[[], bool], timeout_s: float) -> bool:
    deadline = _now() + timeout_s
    while not condition():
        if _now() > deadline:
            return False
        await asyncio.sleep(_POLL_S)
    return True


def _now() -> float:
    return asyncio.get_running_loop().time()


def _size(path: Path) -> int:
    return os.stat(path).st_size if path.exists() else 0
