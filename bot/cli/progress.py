"""How far a long command is, on stderr: a bar on a terminal, a line at each tenth elsewhere."""

from __future__ import annotations

import sys
from typing import Any

from bot.cli import output


class Progress:
    """``total`` pieces of work; ``done`` is called once for each."""

    def __init__(self, what: str, total: int) -> None:
        self._what = what
        self._total = total
        self._done = 0
        self._live: Any = None
        self._task: Any = None

    def __enter__(self) -> Progress:
        if sys.stderr.isatty():
            from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
            from rich.progress import Progress as Bar

            self._live = Bar(
                TextColumn("{task.description}"),
                BarColumn(),
                MofNCompleteColumn(),
                TimeRemainingColumn(),
                console=output.console(stderr=True),
                transient=True,
                # Our stdout is the result, not part of the picture.
                redirect_stdout=False,
            )
            self._live.start()
            self._task = self._live.add_task(self._what, total=self._total)
        return self

    def done(self) -> None:
        before, self._done = self._done, self._done + 1
        if self._live is not None:
            self._live.advance(self._task)
        elif before * 10 // self._total != self._done * 10 // self._total:
            output.complain(f"{self._what}: {self._done} of {self._total}")

    def __exit__(self, *_: object) -> None:
        if self._live is not None:
            self._live.stop()
