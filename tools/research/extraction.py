"""Files are read in a child process, so that none can hang, crash or fill Deskhand itself.

``Extraction`` starts the child with its first file and ends it when it is closed. The child has no
secret in its environment; a file has ``SECONDS`` and ``MEMORY_BYTES``. One that breaks the child
is *not read*, and the next file gets a new child.
"""

from __future__ import annotations

import contextlib
import json
import os
import resource
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from tools.research.readers import Article, Found, NotRead, read_path

SECONDS = 30
MEMORY_BYTES = 2 * 1024**3
"""Address space; enforced on Linux."""

_DYING_SECONDS = 5
_ROOT = Path(__file__).parents[2]


class Extraction:
    """A child that reads files one after another. Close it, or use it as a context manager."""

    def __init__(self, seconds: int = SECONDS) -> None:
        self._seconds = seconds
        self._child: subprocess.Popen[bytes] | None = None

    def read(self, found: Found) -> tuple[list[Article], list[NotRead]]:
        """The articles of one file, and what could not be read of it. Never raises for a file."""
        articles: list[Article] = []
        bad: list[NotRead] = []
        child = self._child or self._start()
        try:
            assert child.stdin is not None
            assert child.stdout is not None
            request = json.dumps([str(found.path), found.name, self._seconds])
            child.stdin.write(request.encode() + b"\n")
            child.stdin.flush()
            while line := child.stdout.readline():
                if not line.endswith(b"\n"):
                    break  # it died while it wrote
                match json.loads(line):
                    case ["article", ident, title, text, url, pages]:
                        articles.append(Article(ident, title, text, url, tuple(pages)))
                    case ["bad", path, why]:
                        bad.append(NotRead(path, why))
                    case _:
                        return articles, bad
        except BrokenPipeError:
            pass  # it died between two files: said below
        # Half a file is none of it.
        return [], [NotRead(str(found.path), self._cause_of_death())]

    def close(self) -> None:
        child, self._child = self._child, None
        if child is not None:
            child.kill()
            child.communicate()

    def __enter__(self) -> Extraction:
        return self

    def __exit__(self, *_fault: object) -> None:
        self.close()

    def _start(self) -> subprocess.Popen[bytes]:
        kept = {name: value for name in ("PATH", "LANG", "TZ") if (value := os.environ.get(name))}
        self._child = subprocess.Popen(
            [sys.executable, "-m", "tools.research.extraction"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            cwd=_ROOT,
            env={**kept, "PYTHONPATH": str(_ROOT)},
            # A terminal's Ctrl-C is the parent's to answer; the child ends with its input.
            start_new_session=True,
        )
        return self._child

    def _cause_of_death(self) -> str:
        child = self._child
        assert child is not None
        # Its pipe is closed before it has quite ended; how it ended is what is asked for.
        with contextlib.suppress(subprocess.TimeoutExpired):
            child.wait(_DYING_SECONDS)
        self.close()
        if child.returncode == -signal.SIGALRM:
            return f"reading it took longer than {self._seconds} s"
        return f"its reader broke on it ({_ended(child.returncode)})"


def _ended(code: int) -> str:
    try:
        return signal.Signals(-code).name
    except ValueError:
        return f"exit code {code}"


def _answers(path: Path, name: str) -> Iterator[list[object]]:
    try:
        articles, bad = read_path(Found(path, name))
    except MemoryError:
        yield ["bad", str(path), f"reading it takes more than {MEMORY_BYTES // 1024**3} GB"]
        return
    except Exception as fault:
        # A library on a broken file raises whatever it stumbles over; the file is named with it.
        yield ["bad", str(path), f"its reader broke on it ({type(fault).__name__})"]
        return
    for article in articles:
        yield ["article", article.id, article.title, article.text, article.url, article.pages]
    for each in bad:
        yield ["bad", each.path, each.why]


def serve(requests: BinaryIO, answers: BinaryIO) -> None:
    """The child's life: a request a line, until its parent has no more."""
    for line in requests:
        path, name, seconds = json.loads(line)
        # The signal's default ends the process wherever it is, in a library's C code too, and
        # also when the parent is gone.
        signal.alarm(seconds)
        for answer in _answers(Path(path), name):
            answers.write(json.dumps(answer).encode() + b"\n")
        answers.write(b'["end"]\n')
        answers.flush()
        signal.alarm(0)


def _main() -> None:
    # What a library prints must not be taken for an answer.
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    if sys.platform == "linux":
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    serve(sys.stdin.buffer, answers)


if __name__ == "__main__":
    _main()
