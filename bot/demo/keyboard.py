"""Lines from a terminal without a thread, and the person's own editor."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path


class Keyboard:
    """Lines typed at a terminal. The terminal itself does the line editing."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._typed = b""
        self._ended = False

    async def line(self, prompt: str) -> str | None:
        """What is typed after ``prompt``, without its end; None when there is no more.

        Cancelling leaves the terminal as it was: a thread that blocks in ``input`` could not be
        ended, and the process would wait for one more Enter."""
        sys.stdout.write(prompt)
        sys.stdout.flush()
        loop = asyncio.get_running_loop()
        while b"\n" not in self._typed and not self._ended:
            readable: asyncio.Future[None] = loop.create_future()

            def wake(readable: asyncio.Future[None] = readable) -> None:
                if not readable.done():
                    readable.set_result(None)

            loop.add_reader(self._descriptor, wake)
            try:
                await readable
            finally:
                loop.remove_reader(self._descriptor)
            self._read()
        text, newline, rest = self._typed.partition(b"\n")
        self._typed = rest
        if self._ended and not newline and not text:
            return None
        return text.decode("utf-8", "replace").rstrip("\r")

    def _read(self) -> None:
        try:
            chunk = os.read(self._descriptor, 65536)
        except OSError:
            # EIO: the terminal is gone (its window was closed); no more lines will come.
            chunk = b""
        self._typed += chunk
        self._ended = not chunk


class EditorFailed(Exception):
    """The editor could not be started, or said that nothing is to be saved."""


async def edit_in(editor: Sequence[str], text: str) -> str:
    """``text`` after the person has edited it. Raises ``EditorFailed``."""
    # Its own folder, readable by its owner alone: the file holds a customer's data.
    with tempfile.TemporaryDirectory(prefix="deskhand-") as folder:
        path = Path(folder) / "reply.txt"
        path.write_text(text, encoding="utf-8")
        with _interrupts_are_the_editors():
            try:
                process = await asyncio.create_subprocess_exec(*editor, str(path))
            except OSError as failed:
                raise EditorFailed(f"{editor[0]} cannot be started: {failed.strerror}") from failed
            code = await process.wait()
        if code != 0:
            raise EditorFailed(f"{editor[0]} ended with {code}")
        try:
            return path.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as unreadable:
            raise EditorFailed(f"what {editor[0]} left cannot be read") from unreadable


@contextlib.contextmanager
def _interrupts_are_the_editors() -> Iterator[None]:
    """Ctrl-C goes to everybody at the terminal; while the editor is open it is not ours.

    A handler and not SIG_IGN: what is ignored stays ignored in the editor, too."""
    ours = signal.signal(signal.SIGINT, lambda *_: None)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, ours)
