"""A whole desk for measuring: the product, a Slack and a model, each a process of its own, and the
people who write and click."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.product import Serving, serving
from tests.standins.anthropic.server import API_KEY
from tests.standins.process import standin_process
from tests.standins.slack.model import Message
from tests.standins.slack.remote import RemoteDelivery, RemoteSlack, slack_process

WAIT_SECONDS = 20.0


@dataclass
class Follower:
    """One feed of the Slack stand-in, read once and in order."""

    slack: RemoteSlack
    feed: str
    position: int = 0

    async def until(self, predicate: Callable[[Message], bool]) -> Message:
        """The next item for which it holds; those before it are passed over."""
        deadline = time.monotonic() + WAIT_SECONDS
        while (left := deadline - time.monotonic()) > 0:
            items = await self.slack.order("feed", name=self.feed, since=self.position, wait=left)
            for raw in items:
                self.position += 1
                message = Message(**raw)
                if predicate(message):
                    return message
        raise TimeoutError(f"not within {WAIT_SECONDS} s in {self.feed}")


@dataclass
class Desk:
    """Everything that plays along."""

    slack: RemoteSlack
    product: Serving
    model_url: str
    slack_log: Path
    model_log: Path
    posted: Follower = field(init=False)
    updated: Follower = field(init=False)

    def __post_init__(self) -> None:
        self.posted = Follower(self.slack, "posted")
        self.updated = Follower(self.slack, "updated")

    async def ask(self, text: str) -> tuple[str, Message]:
        """A customer writes; their message's ts, and its card once it is pending."""
        sent = await self.slack.message(text)
        if not sent.ok or sent.message is None:
            raise RuntimeError(f"not taken: {sent.status} {sent.error}")
        return sent.message.ts, await self.posted.until(lambda m: m.card_state == "pending")

    async def approve(self, card: Message) -> RemoteDelivery:
        """An agent presses *Approve*; the answer to the press."""
        return await self.slack.click("U0AGENT", card, "deskhand.approve")

    async def settled(self, card: Message) -> None:
        """The reply is out, and the card and the customer's side say so."""
        seen: set[str] = set()

        def both(message: Message) -> bool:
            if message.ts == card.ts and message.card_state == "succeeded":
                seen.add("card")
            if message.text == "Answered":
                seen.add("line")
            return len(seen) == 2

        await self.updated.until(both)

    async def catch_up(self) -> None:
        """What was posted and updated until now is no news."""
        for feed in (self.posted, self.updated):
            feed.position += len(
                await self.slack.order("feed", name=feed.feed, since=feed.position)
            )

    async def quiet(self, seconds: float = 0.02) -> None:
        """Nothing has come to Slack for so long."""
        last = -1
        while (size := self.slack_log.stat().st_size) != last:
            last = size
            await asyncio.sleep(seconds)


@asynccontextmanager
async def desk(folder: Path, **playbook: object) -> AsyncIterator[Desk]:
    """A desk in ``folder``, whose path is short."""
    slack_log, model_log = folder / "slack.jsonl", folder / "model.jsonl"
    async with (
        standin_process("benchmarks.model_stub", "--log", str(model_log)) as (model_url, _),
        slack_process(log=slack_log) as slack,
    ):
        variables = {
            **slack.environment,
            "ANTHROPIC_API_KEY": API_KEY,
            "ANTHROPIC_BASE_URL": model_url,
        }
        async with serving(folder, variables) as product:
            await slack.product(product.url)
            yield Desk(slack, product, model_url, slack_log, model_log)
