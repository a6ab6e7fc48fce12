"""A person at a real terminal: a process on a pseudo-terminal, read until it says something."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import select
import signal
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent
PROMPT = r"\[a\]pprove \[e\]dit \[r\]eject \[s\]kip \[q\]uit > "
_SEQUENCE = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
_PATIENCE_SECONDS = 60.0
_TAKE_THE_TERMINAL = (
    "import fcntl, os, sys, termios; fcntl.ioctl(0, termios.TIOCSCTTY, 0);"
    "os.execv(sys.executable, [sys.executable, '-m', 'bot', *sys.argv[1:]])"
)
"""Makes the terminal the process's own, so that Ctrl-C typed there interrupts it."""


class Terminal:
    """`deskhand` on a terminal of 100 columns. Kills the process if it has not ended by itself."""

    def __init__(self, arguments: Sequence[str], environ: Mapping[str, str]) -> None:
        self._ours, theirs = pty.openpty()
        size = struct.pack("HHHH", 60, 100, 0, 0)
        fcntl.ioctl(self._ours, termios.TIOCSWINSZ, size)
        self._process = subprocess.Popen(
            [sys.executable, "-c", _TAKE_THE_TERMINAL, *arguments],
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            env={"TERM": "xterm-256color", **environ},
            cwd=ROOT,
            start_new_session=True,
        )
        os.close(theirs)
        self._rest = ""

    def __enter__(self) -> Terminal:
        return self

    def __exit__(self, *_: object) -> None:
        if self._process.poll() is None:
            # Killed outright it would leave its server behind, for a demo that never comes.
            self._process.terminate()
            try:
                self._process.wait(_PATIENCE_SECONDS)
            except subprocess.TimeoutExpired:
                self.kill()
        os.close(self._ours)

    def type(self, text: str) -> None:
        os.write(self._ours, text.encode())

    def until(self, pattern: str) -> str:
        """What is shown next, without colours, up to and with ``pattern``."""
        seen, end = b"", time.monotonic() + _PATIENCE_SECONDS
        text = self._rest
        while (found := re.search(pattern, text)) is None:
            readable = select.select([self._ours], [], [], 1.0)[0]
            chunk = self._read() if readable else b""
            if (readable and not chunk) or time.monotonic() > end:
                raise AssertionError(f"{pattern!r} was not shown; this was: {text}")
            seen += chunk
            text = self._rest + _SEQUENCE.sub("", seen.decode("utf-8", "replace"))
        self._rest = text[found.end() :]
        return text[: found.end()]

    def ended(self) -> int:
        """Read to the end; the exit code."""
        while self._read():
            pass
        return self._process.wait()

    def kill(self) -> None:
        """Kill -9, as a crash would."""
        self._process.send_signal(signal.SIGKILL)
        self._process.wait()

    def _read(self) -> bytes:
        try:
            return os.read(self._ours, 65536)
        except OSError:
            return b""  # EIO: the other side has closed the terminal
