"""What happens anywhere is told at once, without a word of it, and for as long as one may hear."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from tests.console.rig import Browser, signed_in
from tests.live.product import Live, live
from tests.live.steps import QUESTION, becomes, card_that, eventually, says
from tests.patience import WAIT_SECONDS


class Stream:
    """The events of an open stream, as they come."""

    def __init__(self, answer: aiohttp.ClientResponse) -> None:
        self._answer = answer
        self.seen: list[tuple[str, str]] = []

    async def next(self) -> tuple[str, str]:
        """The next event: its name and data."""
        name = data = ""
        while True:
            line = (await self._answer.content.readline()).decode()
            if not line:
                raise EOFError
            line = line.rstrip("\n")
            if line.startswith("event: "):
                name = line[7:]
            elif line.startswith("data: "):
                data = line[6:]
            elif not line and name:
                self.seen.append((name, data))
                return name, data

    async def until(self, wanted: str) -> None:
        """Wait for an event whose data holds ``wanted``."""
        async with asyncio.timeout(WAIT_SECONDS):
            while wanted not in (await self.next())[1]:
                pass


@asynccontextmanager
async def events(window: Browser) -> AsyncIterator[Stream]:
    async with window.session.get(window.url + "/console/events") as answer:
        assert answer.status == 200
        assert answer.headers["Content-Type"].startswith("text/event-stream")
        assert answer.headers["Cache-Control"] == "no-store"
        first = await answer.content.readline()
        assert first.startswith(b"retry:")
        yield Stream(answer)


async def test_cards_and_decisions_elsewhere_are_told_without_their_words(desk: Live) -> None:
    async with signed_in(desk) as agent, events(agent) as stream:
        await says(desk, QUESTION)
        card = await card_that(desk, "pending")
        await stream.until(card.payload["proposal"])
        await eventually(lambda: _shown(agent, card.payload["proposal"]))
        await desk.people.click("U0AGENT2", card, "deskhand.approve")
        await stream.until(card.payload["proposal"])
        await becomes(desk, card, "succeeded")
        assert {name for name, _ in stream.seen} == {"change"}
        assert "invoice" not in str(stream.seen)


async def _shown(agent: Browser, proposal: str) -> bool:
    return proposal in (await agent.get("/console")).cards()


async def test_a_stream_ends_with_its_session_and_its_person(desk: Live) -> None:
    async with (
        signed_in(desk) as agent,
        signed_in(desk, "U0AGENT2") as other,
        events(agent) as one,
        events(other) as two,
    ):
        csrf = (await agent.get("/console")).csrf
        assert (await agent.post("/console/logout", {"csrf": csrf})).status == 303
        desk.slack.space.users["U0AGENT2"].deleted = True
        people = desk.product.desk.context.surfaces.directories["slack"]
        people._persons._seconds = -1.0  # type: ignore[attr-defined]  # as if 4 s had passed
        await says(desk, QUESTION)
        for stream in (one, two):
            async with asyncio.timeout(WAIT_SECONDS):
                while (await stream.next())[0] != "over":
                    pass


async def test_the_reader_goes_with_the_last_listener(desk: Live) -> None:
    names = lambda: {task.get_name() for task in asyncio.all_tasks()}  # noqa: E731 - asked twice
    async with signed_in(desk) as agent:
        async with events(agent), events(agent):
            assert "deskhand-follow" in names()
        await eventually(lambda: _without(names))


async def _without(names: Any) -> bool:
    return "deskhand-follow" not in names()


async def test_an_open_stream_does_not_hold_up_the_end(tmp_path: Path, redis_url: str) -> None:
    async with AsyncExitStack() as windows:
        async with live(tmp_path, redis_url) as desk:
            agent = await windows.enter_async_context(signed_in(desk))
            stream = await windows.enter_async_context(events(agent))
            begun = time.monotonic()
        assert time.monotonic() - begun < 20
        with pytest.raises(EOFError):
            await stream.next()
