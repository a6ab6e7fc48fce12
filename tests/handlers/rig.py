"""A Deskhand's inbound side on a real port: real store, real HTTP, a Slack stand-in.

What stands behind it, ``Decisions``, is scripted here: what a decision comes to is tested with the
use-cases; here it matters what Slack sends to it and what it is told of the outcome.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import aiohttp
from prometheus_client import CollectorRegistry
from redis.asyncio import Redis

from bot.card import CardView
from bot.domain import Actor, Delivery, Verb
from bot.forms import (
    ApproveInput,
    EditInput,
    FieldErrors,
    NotDecided,
    Pressed,
    RejectInput,
    Submitted,
)
from bot.store.codec import unpack
from bot.store.connect import open_redis
from bot.store.state import RedisStore
from handlers.agent_answer import Answering
from handlers.slack import SlackInbound
from handlers.slack_client import SlackIdentity, slack_client, slack_session
from handlers.web import listening_socket, serve, store_check, web_app
from handlers.webhooks import WebhookIntake, Webhooks
from tests.standins.slack import SlackStandin
from tests.standins.slack.driver import Driver
from tests.standins.slack.transport import HttpTransport

LISTENS = {"C0SUPPORT": "support", "C0SHARED": "support"}
HOOK_SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"


class WallClock:
    """The machine's own time."""

    def now(self) -> datetime:
        return datetime.now(UTC)

    def monotonic(self) -> float:
        return time.monotonic()


Scripted = Pressed | Submitted | CardView
Answer = Scripted | Callable[[], Awaitable[Scripted]]


@dataclass
class ScriptedDecisions:
    """Answers each call with the next of ``answers`` and remembers what it was asked."""

    answers: list[Answer] = field(default_factory=list)
    asked: list[tuple[Any, ...]] = field(default_factory=list)

    async def press(self, token: str, verb: Verb, actor: Actor) -> Any:
        return await self._next("press", token, verb, actor)

    async def submit_edit(self, token: str, actor: Actor, given: EditInput) -> Any:
        return await self._next("submit_edit", token, actor, given)

    async def submit_approve(self, token: str, actor: Actor, given: ApproveInput) -> Any:
        return await self._next("submit_approve", token, actor, given)

    async def submit_reject(
        self, token: str, actor: Actor, given: RejectInput | FieldErrors
    ) -> Any:
        return await self._next("submit_reject", token, actor, given)

    async def show(self, proposal_id: str, actor: Actor) -> Any:
        return await self._next("show", proposal_id, actor)

    async def _next(self, *asked: Any) -> Any:
        self.asked.append(asked)
        if not self.answers:
            return NotDecided("unknown_token", ("Deskhand does not know this button.",))
        answer = self.answers.pop(0)
        return await answer() if callable(answer) else answer


@dataclass
class Rig:
    """One running web process and its neighbours."""

    url: str
    slack: SlackStandin
    people: Driver
    inbound: SlackInbound
    store: RedisStore
    redis: Redis
    decisions: ScriptedDecisions
    http: aiohttp.ClientSession
    stop: asyncio.Event
    registry: CollectorRegistry

    @property
    def raw(self) -> HttpTransport:
        return self.slack.http_transport(self.url)

    async def inbox(self) -> list[Delivery]:
        """Every delivery that is saved and not worked into a ticket, oldest first."""
        packed = await self.redis.hvals(self.store.keys.inbox)
        saved = [unpack(Delivery, one) for one in packed]
        return sorted(saved, key=lambda delivery: delivery.received_at)

    async def only(self) -> Delivery:
        """The one delivery there is."""
        (delivery,) = await self.inbox()
        return delivery


@asynccontextmanager
async def running_rig(
    slack: SlackStandin,
    redis_url: str,
    *,
    listens: Mapping[str, str] = LISTENS,
    triage_playbook: str | None = "support",
    agent_command: Answering | None = None,
    over_http: bool = True,
    identified: bool = True,
) -> AsyncIterator[Rig]:
    """A web process on a free port, ended in order."""
    clock = WallClock()
    redis = open_redis(redis_url, decode_responses=False)
    store = RedisStore(redis, "test", clock)
    await store.start()
    decisions = ScriptedDecisions()
    registry = CollectorRegistry()
    stop = asyncio.Event()
    async with slack_session() as session, aiohttp.ClientSession() as http:
        client = slack_client(slack.bot_token, slack.api_url, session)
        identity = SlackIdentity(client)
        if identified:
            await identity.us()
        inbound = SlackInbound(
            store=store,
            decisions=decisions,
            clock=clock,
            client=client,
            session=session,
            identity=identity,
            api_url=slack.api_url,
            listens=listens,
            triage_playbook=triage_playbook,
            signing_secret=slack.signing_secret if over_http else None,
            agent_command=agent_command,
        )
        intake = WebhookIntake.of("helpdesk", "support", HOOK_SECRET)
        raw = WebhookIntake.of("rawdesk", "support", "a secret without a prefix")
        app = web_app(
            [store_check(store), inbound.not_ready],
            registry,
            slack=inbound,
            webhooks=Webhooks(store, clock, {"helpdesk": intake, "rawdesk": raw}),
        )
        at = listening_socket("127.0.0.1", 0)
        url = f"http://127.0.0.1:{at.getsockname()[1]}"
        serving = asyncio.create_task(serve(app, at, stop))
        try:
            yield Rig(
                url=url,
                slack=slack,
                people=slack.driver(url),
                inbound=inbound,
                store=store,
                redis=redis,
                decisions=decisions,
                http=http,
                stop=stop,
                registry=registry,
            )
        finally:
            stop.set()
            await serving
            await inbound.close()
            await store.close()
            await redis.aclose()
