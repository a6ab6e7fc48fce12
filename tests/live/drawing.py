"""Those who draw cards, on a real store and a Slack stand-in; time moves when told to."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from bot.context import Context
from bot.domain import Board, Copy, Place, Proposal, Ticket
from bot.playbook import Approvers, CardTarget, Playbook, Route
from bot.ports import Case, Clock, Commit, Surfaces, Versioned
from bot.publish import Publish
from handlers.slack_client import SlackIdentity, slack_client, slack_session
from handlers.slack_people import SlackPeople
from handlers.slack_surface import SlackSurface
from tests.standins.slack import Message, SlackStandin, slack_standin
from tests.store.make import Desk as StoreDesk
from tests.store.make import SteppedClock, WallClock, open_desk, proposal, ticket

PLAYBOOK = Playbook(
    name="support",
    labels={"billing": "Invoices, charges, refunds"},
    routes={
        "billing": Route(card=CardTarget(slack="C0BILLING")),
        "default": Route(card=CardTarget(slack="C0TRIAGE")),
    },
)


@dataclass
class Drawing:
    """A ticket, its proposal and those who draw its card."""

    slack: SlackStandin
    kept: StoreDesk
    context: Context
    message: Message
    proposal: Proposal
    version: int = 0
    publish: Publish = field(init=False)

    def __post_init__(self) -> None:
        self.publish = self.worker()

    @property
    def clock(self) -> SteppedClock:
        return self.kept.clock

    def worker(self, clock: Clock | None = None) -> Publish:
        """One more process that draws the same cards."""
        return Publish(replace(self.context, clock=clock) if clock else self.context)

    async def case(self) -> Case:
        """The proposal, its ticket and its board as they are stored."""
        found = await self.kept.store.case(self.proposal.id)
        assert found is not None
        return found

    async def becomes(self, **update: Any) -> None:
        """The proposal is changed, and nobody has drawn that yet."""
        self.proposal = self.proposal.model_copy(update=update)
        saved = Commit(proposals=(Versioned(self.proposal, self.version),))
        assert await self.kept.store.commit(saved) == "committed"
        self.version += 1

    async def show(self) -> datetime | None:
        return await self.publish.show(self.proposal.id)

    async def board(self) -> Board:
        return (await self.kept.store.board(self.proposal.id)).value

    async def put(self, *added: Copy) -> None:
        """Copies as another process or an earlier day left them."""
        board = await self.kept.store.board(self.proposal.id)
        value = board.value.model_copy(update={"copies": (*board.value.copies, *added)})
        saved = Commit(boards=(Versioned(value, board.version),))
        assert await self.kept.store.commit(saved) == "committed"

    def cards(self, channel: str) -> list[Message]:
        """The cards of this proposal that stand there now, oldest first."""
        return self.slack.space.cards(proposal=self.proposal.id, channel=channel)

    def card(self, channel: str) -> Message:
        (card,) = self.cards(channel)
        return card

    def reactions(self) -> set[str]:
        shown = self.slack.space.current(self.message).reactions
        return {name for name, users in shown.items() if users}

    def lines(self) -> list[str]:
        thread = self.slack.space.thread("C0SUPPORT", self.message.ts)[1:]
        return [one.text for one in thread if one.event_type == "deskhand_status"]

    def calls(self, method: str) -> int:
        return len(self.slack.log.calls(method))


def in_channel(channel: str) -> Callable[[Mapping[str, Any]], bool]:
    return lambda args: args.get("channel") == channel


def is_card(args: Mapping[str, Any]) -> bool:
    return "deskhand_card" in str(args.get("metadata"))


@asynccontextmanager
async def drawing(redis_url: str) -> AsyncIterator[Drawing]:
    async with slack_standin() as slack, open_desk(redis_url) as kept, slack_session() as session:
        client = slack_client(slack.bot_token, slack.api_url, session)
        identity = SlackIdentity(client)
        surface = SlackSurface(client, identity, SlackPeople(client, identity, WallClock()))
        context = Context(
            tenant="acme",
            store=kept.store,
            clock=kept.clock,
            surfaces=Surfaces({"slack": surface}),
            playbooks={"support": PLAYBOOK},
            managers=Approvers(slack_users=("U0MANAGER",)),
            specs={},
            target=lambda _tool, _ticket: "the thread",
            resend_seconds=lambda _tool, _ticket: 0.0,
            tells_no_request=lambda _ticket: False,
        )
        message = slack.space.post(
            Message(channel="C0SUPPORT", ts=slack.space.new_ts(), user="U0CUSTOMER", text="Help")
        )
        asked, pending = await opened(kept, message)
        made = Drawing(slack, kept, context, message, pending, version=1)
        assert asked.proposal == pending.id
        yield made


async def opened(
    kept: StoreDesk, message: Message, of: Ticket | None = None, **update: Any
) -> tuple[Ticket, Proposal]:
    """A ticket with a pending proposal, in the store."""
    at = Place(surface="slack", place="C0SUPPORT", thread=message.ts, message=message.ts)
    asked, version = (of, 1) if of else (ticket(origin=at, runs=1), 0)
    pending = proposal(asked, **update)
    asked = asked.model_copy(update={"proposal": pending.id})
    await kept.keep(asked, version=version)
    await kept.keep(pending)
    return asked, pending
