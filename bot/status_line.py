"""What a run is doing, as one line on the customer's side that costs few calls.

The reaction comes at once. Of the words that only name a stage those are shown that stand for a
moment: a run that is done before anybody could read them says nothing in between. What a tool is
doing is shown at once, for it is over soon.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Collection
from contextlib import suppress

from bot.ports import Case, Clock, StoreUnavailable
from bot.publish import Publish

log = logging.getLogger("deskhand.triage")

_STANDS_SECONDS = 1.0

_late: set[asyncio.Task[None]] = set()
"""Calls that were under way when their run ended; the loop itself would not keep them."""


class StatusLine:
    """Of one run, which never waits for it. ``case``: as the run began. ``at_once``: words that
    need not stand."""

    def __init__(
        self, publish: Publish, clock: Clock, case: Case, at_once: Collection[str] = ()
    ) -> None:
        self._publish = publish
        self._clock = clock
        self.case: Case | None = case
        """As it was left by the last words; None while that is not known."""
        self._proposal = case.proposal.value.id
        self._at_once = at_once
        self._visible = publish.follows(case.ticket.value)
        self._words = ""
        self._news = asyncio.Event()
        self._closed = False
        self._showing: asyncio.Task[None] | None = None

    async def say(self, words: str) -> None:
        """Show these words soon; only the newest ones count."""
        if words == self._words or not self._visible:
            return
        self._words = words
        self._news.set()
        if self._showing is None:
            self._showing = asyncio.create_task(self._show(), name="deskhand-status-line")

    async def close(self, seconds: float) -> None:
        """The run is over: nothing more is said. What is on its way gets so many seconds before
        the run's end is shown; after them it arrives when it will, and the end is shown after it.
        0: it is ended, for so is the process."""
        self._closed = True
        self._news.set()
        if self._showing is None:
            return
        _, late = await asyncio.wait([self._showing], timeout=seconds)
        for task in late:
            if seconds:
                _late.add(task)
                task.add_done_callback(_late.discard)
            else:
                task.cancel()

    async def _show(self) -> None:
        shown: str | None = None
        while not self._closed:
            words = "" if shown is None else self._words
            self._news.clear()
            if words == shown:
                await self._news.wait()
            elif words and words not in self._at_once and await self._news_within(_STANDS_SECONDS):
                continue
            elif (rest := await self._tell(words)) is None:
                shown = words
            else:
                await self._news_within(rest)

    async def _tell(self, words: str) -> float | None:
        """Show these words, with none the reaction alone; how many seconds to rest if it failed."""
        try:
            known, self.case = self.case, None
            again_at, self.case = await self._publish.progress(self._proposal, words, known)
        except StoreUnavailable as away:
            log.info("deskhand: no status line for %s: %s", self._proposal, away)
            return _STANDS_SECONDS
        return None if again_at is None else (again_at - self._clock.now()).total_seconds()

    async def _news_within(self, seconds: float) -> bool:
        with suppress(TimeoutError):
            async with asyncio.timeout(max(seconds, 0.0)):
                await self._news.wait()
        return self._news.is_set()
