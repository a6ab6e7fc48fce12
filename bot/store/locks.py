"""Locks on files that the kernel frees when their last holder dies, however it dies."""

from __future__ import annotations

import errno
import os
import sys
from pathlib import Path

from bot.store.errors import EmbeddedServerError

if sys.platform != "win32":
    import fcntl


class FileLock:
    """One ``flock(2)`` on one open file.

    The lock belongs to the open file, not to the process: two objects on one path contend even
    within a process, and a child that inherited the descriptor goes on holding the lock. So
    ``close`` only closes, and never unlocks: an unlock would take the lock from such a child too.
    """

    def __init__(self, path: Path, *, folder: bool = False) -> None:
        """``folder``: lock an existing folder itself, not a file that is made when missing."""
        self._path = path
        flags = os.O_RDONLY | os.O_DIRECTORY if folder else os.O_RDWR | os.O_CREAT
        self._fd: int | None = os.open(path, flags | os.O_CLOEXEC, 0o600)

    def fileno(self) -> int:
        """The open descriptor. Raises ``ValueError`` once closed."""
        if self._fd is None:
            raise ValueError("the lock is closed")
        return self._fd

    def try_exclusive(self) -> bool:
        """Take it alone, or answer False at once. A lock held shared before is lost on False."""
        return self._try(fcntl.LOCK_EX)

    def try_shared(self) -> bool:
        """Take it beside other sharers, or answer False at once."""
        return self._try(fcntl.LOCK_SH)

    def close(self) -> None:
        """Close the file; the lock is free unless a child inherited it. May be called twice."""
        if self._fd is not None:
            os.close(self._fd)
            self._fd = None

    def _try(self, kind: int) -> bool:
        try:
            fcntl.flock(self.fileno(), kind | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        except OSError as error:
            if error.errno in (errno.ENOLCK, errno.ENOTSUP, errno.EOPNOTSUPP):
                raise EmbeddedServerError(
                    f"the file system of {self._path.parent} has no locks: set DESKHAND_DATA to a"
                    " folder on a local disk"
                ) from error
            raise
        return True
