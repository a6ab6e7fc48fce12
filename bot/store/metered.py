"""The store, with a count of what this process writes to the journal: for its own metrics."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Literal

from bot.domain import Proposal
from bot.journal import Entry
from bot.ports import Commit, Conflict, NotClaimed, NotStarted, TooLate, Versioned
from bot.store.state import RedisStore
from tools.spec import Grant

Count = Callable[[Sequence[Entry]], None]


def uncounted(_entries: Sequence[Entry]) -> None:
    """For a process without metrics."""


class MeteredStore(RedisStore):
    """Counts entries once they are saved; a lost race counts nothing."""

    def __init__(self, count: Count, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._count = count

    async def commit(
        self, change: Commit
    ) -> Literal["committed"] | Conflict | TooLate | NotStarted:
        done = await super().commit(change)
        if done == "committed":
            self._count(change.entries)
        return done

    async def claim(
        self, approved: Versioned[Proposal], executing: Proposal, index: int, entry: Entry
    ) -> Grant | NotClaimed:
        claimed = await super().claim(approved, executing, index, entry)
        if isinstance(claimed, Grant):
            self._count((entry,))
        return claimed

    def written(self, entries: Sequence[Entry]) -> None:
        self._count(entries)
