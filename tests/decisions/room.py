"""A desk without a surface: decisions and executions on a real store, with people and a remote.

The people and the remote are what Deskhand meets outside of itself, so they are played here; what
lies between a press and an effect is the product's own.
"""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from pydantic import BaseModel, ConfigDict

from bot import buttons
from bot.agent.draft_check import Source
from bot.commands import Outcome, Succeeded
from bot.context import Context
from bot.decide import Decide
from bot.domain import (
    Action,
    ActionProgress,
    Actor,
    Content,
    OnHit,
    Person,
    Proposal,
    SurfaceName,
    Ticket,
    Verb,
)
from bot.execute import Execute
from bot.forms import Decided, EditInput, NotDecided, Pressed, Submitted
from bot.playbook import ActionUse, Approvers, Playbook, Route
from bot.ports import Commit, LookUpFailed, Surfaces, Versioned
from bot.screen import Sieve, read_policy
from bot.screening import Screening
from bot.store.connect import open_redis
from bot.store.state import RedisStore
from tests.store.make import proposal, ticket
from tools.spec import ActionSpec, Grant, Sent

ADA, BO, CY = "U0ADA", "U0BO", "U0CY"


class Clock:
    """The machine's time, and as much later as a test has said."""

    def __init__(self) -> None:
        self.ahead = timedelta()

    def now(self) -> datetime:
        return datetime.now(UTC) + self.ahead

    def monotonic(self) -> float:
        return time.monotonic() + self.ahead.total_seconds()

    def step(self, **later: float) -> None:
        self.ahead += timedelta(**later)


@dataclass
class People:
    """A directory that knows members by their id; ``away``: it does not answer."""

    emails: dict[str, str] = field(default_factory=dict)
    standings: dict[str, Any] = field(default_factory=dict)
    groups: dict[str, tuple[str, ...]] = field(default_factory=dict)
    away: bool = False
    groups_away: bool = False

    async def person(self, actor: Actor) -> Person:
        if self.away:
            raise LookUpFailed
        standing = self.standings.get(actor.id, "member")
        return Person(
            actor=actor, name=actor.id, email=self.emails.get(actor.id), standing=standing
        )

    async def in_groups(self, actor: Actor, groups: Sequence[str]) -> bool:
        if self.groups_away:
            raise LookUpFailed
        return any(actor.id in self.groups.get(group, ()) for group in groups)


class Text(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    text: str | None = None


Answer = Outcome | Exception | Callable[[Grant], Any]


class Remote:
    """An action tool, and the customer's side that remembers what reached it."""

    def __init__(self, name: str = "send_reply") -> None:
        self.spec = ActionSpec(name, "Sends words.", Text)
        self.where = "https://helpdesk.example/replies"
        self.honours = 0.0
        """Seconds for which a key is remembered."""
        self.answers: list[Answer] = []
        """What happens instead of the usual, once each: an outcome is told without an effect."""
        self.arrived: list[tuple[str, str | None]] = []
        """Key and text of everything that had an effect."""
        self.can_be_asked = False
        self.looked_up: list[Sent] = []
        self.grants: list[Grant] = []

    def target(self, ticket: Ticket) -> str:
        return self.where

    def resend_seconds(self, ticket: Ticket) -> float:
        return self.honours

    async def apply(self, args: Any, grant: Grant) -> Outcome:
        self.grants.append(grant)
        if self.answers:
            answer = self.answers.pop(0)
            if isinstance(answer, Exception):
                raise answer
            if callable(answer):
                outcome: Outcome = await answer(grant)
                return outcome
            return answer
        return self.takes(grant, args.text)

    def takes(self, grant: Grant, text: str | None) -> Outcome:
        """The effect itself; a key that is remembered has no second one."""
        known = self.honours > 0 and any(key == grant.key for key, _ in self.arrived)
        if not known:
            self.arrived.append((grant.key, text))
        return Succeeded("received")

    async def look_up(self, sent: Sent) -> Succeeded | None:
        self.looked_up.append(sent)
        if not self.can_be_asked:
            return None
        keys = (sent.key, *sent.earlier_keys)
        return Succeeded("found") if any(key in keys for key, _ in self.arrived) else None


def approvers(*names: str) -> Approvers:
    return Approvers(slack_users=names)


def playbook(**update: Any) -> Playbook:
    """Ada and Bo decide by default, Cy decides refunds."""
    return Playbook(
        **{
            "name": "support",
            "labels": {"billing": "Invoices", "bug": "Something broke"},
            "routes": {
                "default": Route(approvers=approvers(ADA, BO)),
                "billing": Route(approvers=approvers(ADA, BO)),
                "refunds": Route(approvers=approvers(CY)),
            },
            **update,
        }
    )


@dataclass
class Room:
    """One process: its store, its people, its remotes and what decides and executes."""

    store: RedisStore
    context: Context
    clock: Clock
    people: People
    remotes: dict[str, Remote]
    decide: Decide
    execute: Execute

    @property
    def remote(self) -> Remote:
        return self.remotes["send_reply"]

    def under(self, book: Playbook) -> Room:
        """The same process after the operator has changed the file."""
        context = replace(self.context, playbooks={book.name: book})
        return replace(
            self, context=context, decide=Decide(context), execute=Execute(context, self.remotes)
        )

    def screened(
        self, on_hit: OnHit = "reason", source: Source | None = None, *, word: str = "Falcon"
    ) -> Room:
        """The same process with a screen; ``source`` is the only article there is, ``word`` what
        the customer's policy forbids."""

        async def find(article: str) -> Source | None:
            return source if source is not None and source.article == article else None

        policy = read_policy(f"rules: [{{id: word, rule: none, words: [{word}]}}]", "p.yaml")
        screening = Screening(Sieve(policy=policy), on_hit, find)
        context = replace(self.context, screening=screening)
        return replace(
            self, context=context, decide=Decide(context), execute=Execute(context, self.remotes)
        )

    async def card(self, *actions: Action, of: Ticket | None = None, **update: Any) -> Proposal:
        """A pending proposal with its ticket in the store; one reply if nothing else is said."""
        opened = of or ticket()
        planned = actions or (self.reply(),)
        content = Content(
            labels=("billing",),
            priority="normal",
            route="billing",
            reply="Under Billing.",
            actions=planned,
        )
        now = self.clock.now()
        fresh = proposal(
            opened,
            **{
                "content": content,
                "secret": buttons.new_secret(),
                "progress": tuple(ActionProgress() for _ in planned),
                "created_at": now,
                "proposed_at": now,
                "expires_at": now + timedelta(days=1),
                **update,
            },
        )
        known = opened.model_copy(update={"proposal": fresh.id})
        change = Commit(tickets=(Versioned(known, 0),), proposals=(Versioned(fresh, 0),))
        assert await self.store.commit(change) == "committed"
        return fresh

    def reply(self, text: str | None = "Under Billing.", tool: str = "send_reply") -> Action:
        return Action(tool=tool, args={"text": text}, target=self.remotes[tool].where)

    async def now(self, proposal: Proposal) -> Proposal:
        """The proposal as it is stored now."""
        found = await self.store.proposal(proposal.id)
        assert found is not None
        return found.value

    async def press(self, proposal: Proposal, verb: Verb, who: str = ADA, **of: Any) -> Pressed:
        """``proposal`` is the card that they look at, however old."""
        return await self.decide.press(token(proposal, verb), verb, actor(who, **of))

    async def edit(self, proposal: Proposal, given: EditInput, who: str = ADA) -> Submitted:
        return await self.decide.submit_edit(token(proposal, "edit"), actor(who), given)

    async def approved(self, *actions: Action, who: str = ADA, **update: Any) -> Proposal:
        card = await self.card(*actions, **update)
        return decided(await self.press(card, "approve", who))

    async def run(self, proposal: Proposal) -> datetime | None:
        """What a worker does for the proposal's wake; the answer is when to look again."""
        return await self.execute.run(proposal.id)


def token(proposal: Proposal, verb: Verb) -> str:
    return buttons.mint(proposal.id, proposal.secret, proposal.revision, verb, proposal.claimed_at)


def actor(who: str, surface: SurfaceName = "slack") -> Actor:
    return Actor(surface=surface, team="T1", id=who)


def decided(outcome: object) -> Proposal:
    assert isinstance(outcome, Decided), outcome
    return outcome.proposal


def refused(outcome: object) -> str:
    """The kind of a refusal."""
    assert isinstance(outcome, NotDecided), outcome
    return outcome.kind


def said(outcome: object) -> str:
    """What the person is told, whatever it comes to."""
    assert isinstance(outcome, Decided | NotDecided), outcome
    return "".join(part if isinstance(part, str) else part.name for part in outcome.words)


@asynccontextmanager
async def open_room(
    url: str,
    book: Playbook | None = None,
    *,
    remotes: Sequence[Remote] = (),
    more_people: Mapping[SurfaceName, People] | None = None,
) -> AsyncIterator[Room]:
    redis = open_redis(url, decode_responses=False)
    clock, people = Clock(), People()
    store = RedisStore(redis, "acme", clock)
    tools = {remote.spec.name: remote for remote in (remotes or (Remote(),))}
    context = Context(
        tenant="acme",
        store=store,
        clock=clock,
        surfaces=Surfaces(directories={"slack": people, **(more_people or {})}),
        playbooks={"support": book or playbook()},
        managers=approvers("U0MANAGER"),
        specs={name: remote.spec for name, remote in tools.items()},
        target=lambda tool, of: tools[tool].target(of) if tool in tools else "nowhere",
        resend_seconds=lambda tool, of: tools[tool].resend_seconds(of) if tool in tools else 0.0,
        tells_no_request=lambda _: False,
    )
    try:
        await store.start()
        yield Room(store, context, clock, people, tools, Decide(context), Execute(context, tools))
    finally:
        await store.close()
        await redis.aclose()


def two_tools(**uses: Any) -> tuple[ActionUse, ...]:
    """``send_reply`` and ``update_crm`` allowed; ``uses`` are the second's own rules."""
    return (ActionUse(tool="send_reply"), ActionUse(tool="update_crm", **uses))
