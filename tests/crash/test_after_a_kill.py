"""What a dead process leaves open: an effect that nobody can vouch for, a ticket that is deadly."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from tests.crash.loop import ready
from tests.fixtures_redis import free_port, short_folder
from tests.live.product import SECRET, write_config
from tests.live.steps import Helpdesk, config, ticket
from tests.standins.sink import SinkStandin, sink_standin
from tests.standins.slack import Message, SlackStandin, slack_standin

pytestmark = pytest.mark.crash


@dataclass
class Scene:
    """The stand-ins, which live on, and the folder in which the product is started anew."""

    slack: SlackStandin
    sink: SinkStandin
    folder: Path
    port: int

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @asynccontextmanager
    async def serving(self, order: str | None = None) -> AsyncIterator[asyncio.subprocess.Process]:
        """The product in a process of its own, ready, which dies where ``order`` says."""
        environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(self.folder),
            **self.slack.environment,
            "DESKHAND_CONFIG": str(self.folder / "deskhand.yaml"),
            "DESKHAND_DATA": str(self.folder / "data"),
            "HELPDESK_SECRET": SECRET,
            "CRASH_PORT": str(self.port),
            "CRASH_NOTE": str(self.folder / "note"),
            **({"CRASH_AT": order} if order else {}),
        }
        with (self.folder / "victim.log").open("ab") as log:
            process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "tests.crash.hurried",
                env=environment, stdout=log, stderr=log, cwd=Path(__file__).parents[2],
            )  # fmt: skip
            try:
                await ready(process, self.port)
                yield process
            finally:
                if process.returncode is None:
                    process.terminate()
                    await asyncio.wait_for(process.wait(), 15)

    async def card(self, state: str, timeout: float = 30) -> Message:
        """The newest copy of the only card, once it shows ``state``."""

        def now() -> Message | None:
            return next((c for c in self.slack.space.cards() if c.card_state == state), None)

        return await self.slack.signal.until(now, timeout=timeout, what=self.log)

    def log(self) -> str:
        return (self.folder / "victim.log").read_text()[-3000:]


@asynccontextmanager
async def scene(**webhook: Any) -> AsyncIterator[Scene]:
    with short_folder() as folder:
        async with slack_standin() as slack, sink_standin(secret=SECRET, idempotent=True) as sink:
            helpdesk = {"kind": "generic", "secret_env": "HELPDESK_SECRET", **webhook}
            helpdesk["reply_url"] = sink.reply_url
            write_config(folder, config(webhooks={"helpdesk": helpdesk}))
            yield Scene(slack, sink, folder, free_port())


async def approve_and_die(at: Scene, order: str) -> None:
    """A webhook's ticket is approved, and the process dies on the way to its effect."""
    async with at.serving(order) as process, aiohttp.ClientSession() as session:
        assert await Helpdesk(at.url, session).send(ticket("ticket-1")) == 200
        card = await at.card("pending")
        await at.slack.driver(at.url).click("U0AGENT", card, "deskhand.approve")
        assert await asyncio.wait_for(process.wait(), 15) == -9, at.log()


@pytest.mark.parametrize(("order", "sent"), [("claim:after:1", 1), ("reply_url:after:1", 2)])
async def test_a_side_that_honours_keys_is_sent_the_same_key_again(order: str, sent: int) -> None:
    async with scene(idempotent=True, retention="24h") as at:
        await approve_and_die(at, order)
        async with at.serving():
            await at.card("succeeded")
        assert len(at.sink.received) == sent
        assert list(at.sink.effects_by_key().values()) == [1]


async def test_any_other_side_is_never_sent_anything_again() -> None:
    async with scene() as at:
        await approve_and_die(at, "reply_url:after:1")
        async with at.serving():
            unknown = await at.card("unknown")
            assert unknown.action_ids == ["deskhand.settle_done", "deskhand.settle_retry"]
            assert len(at.sink.received) == 1
            await at.slack.driver(at.url).click("U0AGENT", unknown, "deskhand.settle_done")
            await at.card("succeeded")
        assert len(at.sink.received) == 1


async def test_a_ticket_that_kills_its_worker_three_times_is_handed_over() -> None:
    async with scene() as at:
        for start in range(3):
            async with at.serving("model:before:1") as process:
                if start == 0:
                    people = at.slack.driver(at.url)
                    sent = await people.message("Where do I find my invoice?")
                    assert sent.ok
                assert await asyncio.wait_for(process.wait(), 15) == -9, at.log()
        async with at.serving("model:before:1") as process:
            card = await at.card("handoff")
            assert process.returncode is None, "the fourth start does not begin it again"
        assert "The run failed three times. (fault)" in " ".join(card.block_text.split())
        assert "deskhand.take" in card.action_ids
