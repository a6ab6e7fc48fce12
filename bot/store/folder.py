"""Where the embedded server lives: one private folder, and a path to its socket that is short.

The address of a unix socket holds 107 bytes (103 on macOS; ``sun_path`` in unix(7)). The server
itself binds a relative name inside its own folder, so that the depth of the folder never matters to
it; only a client needs a short path, and a link to the folder is one. Any process can make that
link again at any time, which a socket that really lived in the temp folder would not allow.
"""

from __future__ import annotations

import hashlib
import os
import stat
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from urllib.parse import quote

from bot.store.errors import EmbeddedServerError
from bot.store.locks import FileLock

SOCKET_PATH_BYTES = 103 if sys.platform == "darwin" else 107
SOCKET_NAME = "valkey.sock"
LOG_NAME = "valkey.log"
PID_NAME = "valkey.pid"
LAST_RESORT = "/tmp"  # noqa: S108 - in a folder of our own: see _make_link
_LOG_KEPT_BYTES = 1024 * 1024


class StoreFolder:
    """``DESKHAND_DATA/store``: the server's files, its locks and the way to its socket."""

    def __init__(self, data_dir: Path) -> None:
        self._data = Path(os.path.abspath(data_dir))
        self.path = self._data / "store"
        self._link_guard: FileLock | None = None

    @property
    def socket(self) -> Path:
        return self.path / SOCKET_NAME

    @property
    def log(self) -> Path:
        return self.path / LOG_NAME

    def pid(self) -> int | None:
        """The id of the server's process as it wrote it down; None when there is no such note."""
        try:
            return int((self.path / PID_NAME).read_text())
        except (OSError, ValueError):
            return None

    def written_bytes(self) -> int:
        """The size of what was written since the last rewrite of the append-only file."""
        return sum(part.stat().st_size for part in self.path.glob("appendonlydir/*.incr.aof"))

    def is_elsewhere(self, where: str) -> bool:
        """Whether ``where`` is certainly not this folder.

        In another container the same folder may have another name, which says nothing here.
        """
        return os.path.exists(where) and not os.path.samefile(where, self.path)

    def lock(self, name: str) -> FileLock:
        """A lock of this folder, not yet taken."""
        try:
            return FileLock(self.path / f"{name}.lock")
        except OSError as error:
            raise self._unusable(error) from error

    def prepare(self) -> None:
        """Make the folder, private to this user. Raises ``EmbeddedServerError``."""
        if sys.platform == "win32":
            raise EmbeddedServerError(
                "the embedded store needs Linux or macOS: set REDIS_URL to a Redis or Valkey server"
            )
        try:
            self._data.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._refuse_if_open_to_all()
            self.path.mkdir(mode=0o700, exist_ok=True)
            self._refuse_if_anothers()
            self.path.chmod(0o700)
            # Resolved now: the working folder of the process may change, this one must not.
            self.path = self.path.resolve()
            self._keep_log_small()
        except OSError as error:
            raise self._unusable(error) from error
        # Root may write anywhere but on a read-only file system; ``access`` knows of both.
        effective = os.access in os.supports_effective_ids
        if not os.access(self.path, os.R_OK | os.W_OK | os.X_OK, effective_ids=effective):
            raise EmbeddedServerError(
                f"the data folder {self._data} is not writable: give this user the right to write"
                " there, or set DESKHAND_DATA to another folder"
            )

    def client_path(self, environ: Mapping[str, str] | None = None) -> str:
        """A path to the socket that fits into its address: its own, or one through a short link.

        The link stands in a folder private to the user, in ``XDG_RUNTIME_DIR`` or the temp folder.
        """
        own = os.fspath(self.socket)
        if _fits(own):
            return own
        tried = []
        for base in _short_bases(os.environ if environ is None else environ):
            shelf = base / f"deskhand-{os.geteuid()}"
            short = shelf / hashlib.sha256(os.fsencode(self.path)).hexdigest()[:16] / SOCKET_NAME
            if not _fits(os.fspath(short)):
                tried.append(f"{base} is too deep")
                continue
            try:
                self._make_link(shelf, short.parent)
            except OSError as error:
                tried.append(f"{shelf}: {error.strerror or error}")
                continue
            return os.fspath(short)
        raise EmbeddedServerError(
            f"the path of the data folder {self._data} is too long for a unix socket, and no short"
            f" link to it could be made ({'; '.join(tried)}): set DESKHAND_DATA to a shorter path"
        )

    def close(self) -> None:
        """Let go of the link's folder."""
        if self._link_guard is not None:
            self._link_guard.close()
            self._link_guard = None

    def _make_link(self, shelf: Path, link: Path) -> None:
        # The temp folder is everybody's: a shelf that another user put there first must not
        # decide where our socket is. ``lstat``, so that a link to elsewhere is no folder.
        shelf.mkdir(mode=0o700, exist_ok=True)
        found = shelf.lstat()
        private = stat.S_ISDIR(found.st_mode) and not stat.S_IMODE(found.st_mode) & 0o077
        if not private or found.st_uid != os.geteuid():
            raise PermissionError(0, "it is not a folder private to this user")
        if self._link_guard is None:
            # Temp folders are swept of what is old, and our link would be after some days; but
            # systemd-tmpfiles spares a folder on which somebody holds a lock (tmpfiles.d(5)).
            self._link_guard = FileLock(shelf, folder=True)
            self._link_guard.try_shared()
        if link.is_symlink() and link.readlink() == self.path:
            return
        # Made aside and renamed: others may be making the same link at this moment.
        aside = link.with_name(f"{link.name}.{os.getpid()}.{id(self):x}")
        aside.unlink(missing_ok=True)
        aside.symlink_to(self.path)
        aside.replace(link)

    def _refuse_if_open_to_all(self) -> None:
        if self._data.stat().st_mode & stat.S_IWOTH:
            raise EmbeddedServerError(
                f"every user may write in the data folder {self._data}: run"
                f" `chmod o-w {self._data}`, or set DESKHAND_DATA to a private folder"
            )

    def _refuse_if_anothers(self) -> None:
        owner = self.path.stat().st_uid
        if owner != os.geteuid():
            # Even root: files that root made here would lock the owner out of their own store.
            raise EmbeddedServerError(
                f"{self.path} belongs to the user with id {owner}: run as that user, or set"
                " DESKHAND_DATA to another folder"
            )

    def _keep_log_small(self) -> None:
        if self.log.exists() and self.log.stat().st_size > _LOG_KEPT_BYTES:
            self.log.replace(self.log.with_suffix(".log.1"))

    def _unusable(self, error: OSError) -> EmbeddedServerError:
        return EmbeddedServerError(
            f"the data folder {self._data} cannot be used ({error.strerror or error}): set"
            " DESKHAND_DATA to a folder that this user may write in"
        )


def socket_url(path: str) -> str:
    """A ``unix://`` URL as redis-py reads it: it unquotes the path."""
    return f"unix://{quote(path)}"


def _fits(path: str) -> bool:
    try:
        # A name that is not UTF-8 would not survive the way through a URL.
        return len(path.encode()) <= SOCKET_PATH_BYTES
    except UnicodeEncodeError:
        return False


def _short_bases(environ: Mapping[str, str]) -> Sequence[Path]:
    named = [environ.get("XDG_RUNTIME_DIR"), tempfile.gettempdir(), LAST_RESORT]
    return [Path(name) for name in dict.fromkeys(named) if name and os.path.isdir(name)]
