"""Tickets that went through the whole product and were decided, for what looks back at them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
from redis.asyncio import Redis

from bot.store.connect import open_redis
from tests.live.product import CONFIG, SECRET, Live, live
from tests.live.steps import Helpdesk, becomes, card_that, config, idle, ticket
from tests.standins.anthropic import Reply, Request, json_reply, tool_reply
from tests.standins.sink import sink_standin
from tests.standins.slack import Message

QUOTE = "A refund reaches the card it was paid with within five working days."


def answer(**update: Any) -> dict[str, Any]:
    """A whole answer of a model, its citation in the article of the live config."""
    return {
        "outcome": "reply",
        "labels": ["billing"],
        "priority": "normal",
        "route": "billing",
        "citations": [{"article": "invoices.md", "quote": QUOTE}],
        "reply": f"Hello Ada,\n\n{QUOTE}",
        "actions": [],
        "confidence": "high",
        "reason": "The article says so.",
        "missing": [],
        **update,
    }


def answering(final: Callable[[Request], Mapping[str, Any]]) -> Callable[[Request], Reply]:
    """A brain that searches once, then answers what ``final`` says."""

    def brain(request: Request) -> Reply:
        if request.output_schema is None:
            return tool_reply(("search_kb", {"query": "refund to the card"}))
        return json_reply(dict(final(request)))

    return brain


@dataclass
class Past:
    """The running product with a helpdesk that sends it tickets."""

    desk: Live
    helpdesk: Helpdesk
    folder: Path
    redis_url: str

    async def pending(self, ident: str, body: str) -> Message:
        assert await self.helpdesk.send(ticket(ident, body)) == 200
        return await card_that(self.desk, "pending", body)

    async def approve(self, card: Message) -> None:
        assert (await self.desk.people.click("U0AGENT", card, "deskhand.approve")).ok
        await becomes(self.desk, card, "succeeded")

    async def still(self) -> None:
        """Wait until nothing is on its way any more."""
        await idle(self.desk)

    @property
    def environment(self) -> dict[str, str]:
        """What a command beside the product needs to find its store and the model."""
        return {
            **self.desk.model.environment,
            "REDIS_URL": self.redis_url,
            "DESKHAND_CONFIG": str(self.folder / "deskhand.yaml"),
        }


@asynccontextmanager
async def past(
    folder: Path, redis_url: str, brain: Callable[[Request], Reply]
) -> AsyncIterator[Past]:
    async with sink_standin(secret=SECRET) as sink:
        webhook = {"kind": "generic", "secret_env": "HELPDESK_SECRET", "reply_url": sink.reply_url}
        file = config(
            {"limits": {"runs_per_author_hour": 1000}},
            webhooks={"helpdesk": webhook},
            budget={"usd_per_day": 5},
        )
        assert file.keys() >= CONFIG.keys()
        async with (
            live(folder, redis_url, config=file, brain=brain) as desk,
            aiohttp.ClientSession() as session,
        ):
            yield Past(desk, Helpdesk(desk.product.url, session), folder, redis_url)


async def everything(redis_url: str) -> dict[bytes, object]:
    """Every key's value: two looks are equal if and only if nothing changed."""
    redis: Redis = open_redis(redis_url, decode_responses=False)

    async def value(key: bytes) -> object:
        # A large hash is serialised in the order of its table, and a reader may move that.
        if await redis.type(key) == b"hash":
            return await redis.hgetall(key)
        return await redis.dump(key)

    try:
        return {key: await value(key) async for key in redis.scan_iter(count=1000)}
    finally:
        await redis.aclose()
