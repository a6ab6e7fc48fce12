"""The whole product over real HTTP between a Teams stand-in (and Slack's) and a model stand-in."""

from __future__ import annotations

import asyncio
import copy
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import aiohttp

from bot.app import Running, running
from bot.config_file import load
from bot.settings import from_environment, named_secrets
from bot.teams import Microsoft
from handlers.teams_hosts import service_address
from tests.live.product import CONFIG, SECRET, write_config
from tests.live.steps import idle
from tests.standins.anthropic import AnthropicStandin, Brain, anthropic_standin, choosing
from tests.standins.slack import SlackStandin, slack_standin
from tests.standins.teams.connector import TeamsStandin, teams_standin
from tests.standins.teams.driver import Sent, TeamsDriver
from tests.standins.teams.world import (
    BILLING,
    GROUP,
    OTHER_TENANT,
    REFUNDS,
    SUPPORT,
    TRIAGE,
    Shown,
    oid,
)

T = TypeVar("T")

QUESTION = "Where do I find my invoice?"


def teams_config(**support: Any) -> dict[str, Any]:
    """The usual desk, in Teams."""
    made = copy.deepcopy(CONFIG)
    made["managers"] = {"teams_users": [oid(5)]}
    book = made["playbooks"]["support"]
    book["listen"] = [{"teams": SUPPORT}, {"teams": GROUP}, {"webhook": "helpdesk"}]
    book["routes"] = {
        "billing": {
            "card": {"teams": BILLING},
            "approvers": {"teams_users": [oid(3).upper()], "teams_groups": [oid(100)]},
        },
        "refunds": {"card": {"teams": REFUNDS}, "approvers": {"teams_users": [oid(4)]}},
        "default": {"card": {"teams": TRIAGE}, "approvers": {"teams_users": [oid(3)]}},
    }
    made["playbooks"]["support"] = {**book, **support}
    return made


@dataclass
class TeamsLive:
    """Everything that plays along in one test."""

    teams: TeamsStandin
    slack: SlackStandin | None
    model: AnthropicStandin
    product: Running
    people: TeamsDriver
    session: aiohttp.ClientSession

    async def until(self, look: Callable[[], T | None], timeout: float = 30) -> T:
        return await self.teams.signal.until(look, timeout=timeout, what=lambda: repr(look()))

    async def card(self, state: str = "pending", timeout: float = 30) -> Shown:
        """The first card that shows ``state``."""
        world = self.teams.world
        return await self.until(lambda: next(iter(world.cards(state)), None), timeout)

    async def becomes(self, card: Shown, state: str, timeout: float = 30) -> Shown:
        """The card once it shows ``state``."""

        def look() -> Shown | None:
            now = self.teams.world.current(card.id)
            return now if now is not None and now.state == state else None

        return await self.teams.signal.until(
            look, timeout=timeout, what=lambda: f"{state}: {self.teams.world.current(card.id)}"
        )

    async def pending(self, text: str = QUESTION, **how: Any) -> Shown:
        await self.insist(self.people.message(text, **how))
        return await self.card()

    async def insist(self, sending: Awaitable[Sent]) -> Sent:
        """Send it until it is taken: on a busy machine it may be refused once, and Teams sends
        again too."""
        sent = await sending
        async with asyncio.timeout(30):
            while sent.status == 503:
                sent = await self.people.send(sent.activity)
        assert sent.status == 200, sent
        return sent

    async def said(self, words: str, conversation: str | None = None, timeout: float = 30) -> Shown:
        """What the bot said that is no card of a proposal."""
        return await self.teams.world.posted.wait_for(
            lambda m: not m.about and words in m.words and conversation in (None, m.conversation),
            timeout=timeout,
        )


@asynccontextmanager
async def teams_live(
    folder: Path,
    redis_url: str,
    *,
    config: Mapping[str, Any] | None = None,
    emulator: bool = False,
    slack: bool = False,
    environment: Mapping[str, str] | None = None,
    teams: TeamsStandin | None = None,
    brain: Brain | None = None,
) -> AsyncIterator[TeamsLive]:
    """Start the stand-ins and the product in this process, on loopback."""
    path = write_config(folder, config or teams_config())
    async with AsyncExitStack() as stack:
        there = teams or await stack.enter_async_context(teams_standin(emulator=emulator))
        in_slack = await stack.enter_async_context(slack_standin()) if slack else None
        model = await stack.enter_async_context(
            anthropic_standin(
                [],
                brain=brain,
                fill=choosing(route="billing", labels=["billing"]),
                research_steps=1,
            )
        )
        session = await stack.enter_async_context(aiohttp.ClientSession())
        variables = {
            **({} if emulator else there.environment),
            **(in_slack.environment if in_slack is not None else {}),
            **model.environment,
            "REDIS_URL": redis_url,
            "DESKHAND_SECRET": "a-secret-of-thirty-two-characters",
            "DESKHAND_DATA": str(folder / "data"),
            "DESKHAND_CONFIG": str(path),
            "HELPDESK_SECRET": SECRET,
            **(environment or {}),
        }
        settings = from_environment(variables)
        file = load(path, environment=variables)
        microsoft = Microsoft(
            keys_url=there.issuer.keys_url,
            login_url=f"{there.url}/login",
            graph_url=f"{there.url}/graph",
            allowed=lambda url: (
                service_address(url, emulator=True)
                if url.startswith(there.url)
                else service_address(url)
            ),
        )
        product = await stack.enter_async_context(
            running(
                settings,
                file,
                named_secrets(file.config, variables),
                host="127.0.0.1",
                port=0,
                teams_emulator=emulator,
                microsoft=microsoft,
            )
        )
        if slack:
            await _until_ready(product.url, session)
        people = TeamsDriver(there, product.url, session)
        if not emulator:
            await _until_it_knows_the_keys(people)
        yield TeamsLive(there, in_slack, model, product, people, session)
        assert not there.strays


async def _until_ready(url: str, session: aiohttp.ClientSession) -> None:
    async with asyncio.timeout(30):
        while True:
            async with session.get(f"{url}/readyz") as answer:
                if answer.status == 200:
                    return
            await asyncio.sleep(0.01)


async def _until_it_knows_the_keys(people: TeamsDriver) -> None:
    """Teams sends again after a 503; these tests do not. On a busy machine the first request may
    come before the issuer's keys are there, so one of another organisation's comes before it."""
    foreign = people.activity("external", text="not for you")
    foreign["channelData"]["tenant"]["id"] = OTHER_TENANT
    async with asyncio.timeout(30):
        while True:
            if (await people.send(foreign)).status != 503:
                return
            await asyncio.sleep(0.1)


async def eventually(look: Callable[[], Awaitable[T | None]], timeout: float = 30) -> T:
    """What ``look`` finds in the store, as soon as it finds something."""
    give_up = time.monotonic() + timeout
    while not (found := await look()):
        assert time.monotonic() < give_up, f"not within {timeout} s"
        await asyncio.sleep(0.02)
    return found


async def tickets(desk: TeamsLive) -> int:
    """How many tickets there are, once everything that came in is worked in."""
    await idle(desk, "deliver")  # type: ignore[arg-type]  # looks at the product alone
    store = desk.product.store
    return int(await store.wire.command("ZCARD", store.keys.age))


def allowed_words(sent: Sent) -> str:
    """What a press was told beside its card."""
    assert sent.body["type"] == "application/vnd.microsoft.activity.message", sent.body
    return sent.words
