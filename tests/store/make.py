"""What the store's tests are made of: a clock, documents, a store on the test's server."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from bot.commands import Approve, Moved
from bot.commands import Claim as ClaimCommand
from bot.domain import (
    Action,
    ActionProgress,
    Actor,
    Author,
    Citation,
    Content,
    Decision,
    Delivery,
    Message,
    Place,
    Proposal,
    Run,
    Ticket,
    new_id,
)
from bot.journal import Entry
from bot.lifecycle import digest, transition
from bot.ports import Commit, Versioned, Wake
from bot.store.connect import open_redis
from bot.store.state import RedisStore

AT = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
AUTHOR = Author(surface="slack", id="U1", name="Ada", email="ada@customer.example", team="T1")
APPROVER = Actor(surface="slack", team="T1", id="U2")


@dataclass
class SteppedClock:
    """Time that moves when told to."""

    at: datetime = AT
    seconds: float = 1000.0

    def now(self) -> datetime:
        return self.at

    def monotonic(self) -> float:
        return self.seconds

    def step(self, seconds: float) -> None:
        self.at += timedelta(seconds=seconds)
        self.seconds += seconds


class WallClock:
    def now(self) -> datetime:
        return datetime.now(UTC)

    def monotonic(self) -> float:
        return time.monotonic()


@dataclass
class Desk:
    """A store with what it told the queue."""

    store: RedisStore
    redis: Any
    """A ``Redis``; its answers are typed as everything they might be, which helps no test."""
    clock: SteppedClock
    told: list[Wake] = field(default_factory=list)

    async def keep(self, *documents: Ticket | Proposal, version: int = 0, **rest: Any) -> None:
        """Commit these documents, which must be at ``version``."""
        change = Commit(
            tickets=tuple(Versioned(one, version) for one in documents if isinstance(one, Ticket)),
            proposals=tuple(
                Versioned(one, version) for one in documents if isinstance(one, Proposal)
            ),
            **rest,
        )
        assert await self.store.commit(change) == "committed"

    async def everything(self) -> dict[bytes, bytes | None]:
        """Every key's serialised value: two looks are equal if and only if nothing changed."""
        return {key: await self.redis.dump(key) async for key in self.redis.scan_iter()}


@asynccontextmanager
async def open_desk(url: str, tenant: str = "acme", **options: Any) -> AsyncIterator[Desk]:
    redis = open_redis(url, decode_responses=False)
    told: list[Wake] = []
    clock = options.pop("clock", SteppedClock())
    store = RedisStore(redis, tenant, clock, told.extend, **options)
    try:
        await store.start()
        yield Desk(store, redis, clock, told)
    finally:
        await store.close()
        await redis.aclose()


def origin(thread: str = "17.0001") -> Place:
    return Place(surface="slack", place="C1", thread=thread, message=thread)


def delivery(delivery_id: str = "Ev1", *aliases: str, **update: Any) -> Delivery:
    fields: dict[str, Any] = {
        "id": delivery_id,
        "aliases": aliases,
        "kind": "message",
        "playbook": "support",
        "origin": origin(),
        "author": AUTHOR,
        "text": "My card was charged twice, please help.",
        "received_at": AT,
    }
    return Delivery(**{**fields, **update})


def ticket(**update: Any) -> Ticket:
    fields: dict[str, Any] = {
        "id": new_id("t"),
        "tenant": "acme",
        "playbook": "support",
        "origin": origin(new_id("17")),
        "author": AUTHOR,
        "messages": (Message(id="17.1", author=AUTHOR, text="Where is my card? " * 20, at=AT),),
        "created_at": AT,
    }
    return Ticket(**{**fields, **update})


def proposal(of: Ticket, **update: Any) -> Proposal:
    """A pending proposal with one action."""
    proposal_id = new_id("p")
    fields: dict[str, Any] = {
        "id": proposal_id,
        "tenant": of.tenant,
        "ticket": of.id,
        "playbook": of.playbook,
        "playbook_version": "v1",
        "state": "pending",
        "revision": 1,
        "run": Run(id=f"r{proposal_id[1:]}", generation=1, starts=1, not_before=AT),
        "secret": "0f" * 16,
        "content": Content(
            labels=("billing",),
            priority="normal",
            route="billing",
            reply="We have refunded the second charge.",
            actions=(
                Action(tool="send_reply", args={"text": "We have refunded it."}, target="#support"),
            ),
        ),
        "progress": (ActionProgress(),),
        "citations": (Citation(article="a", title="A", quote="refunded", supported=True),),
        "created_at": AT,
        "proposed_at": AT,
        "expires_at": AT + timedelta(hours=24),
    }
    return Proposal(**{**fields, **update})


def approved(pending: Proposal, at: datetime = AT) -> Proposal:
    decision = Decision(
        verb="approve",
        actor=APPROVER,
        name="Bo",
        revision=pending.revision,
        digest=digest(pending),
        at=at,
    )
    return moved(transition(pending, Approve(decision)))


def executing(ready: Proposal, at: datetime = AT) -> Proposal:
    return moved(transition(ready, ClaimCommand(at=at, index=0)))


def moved(outcome: object) -> Proposal:
    assert isinstance(outcome, Moved), outcome
    return outcome.proposal


def claim_entry(of: Proposal) -> Entry:
    return Entry(kind="claim", ticket=of.ticket, proposal=of.id, data={"index": 0})


async def approved_case(desk: Desk) -> Versioned[Proposal]:
    """A stored ticket with an approved proposal, which is at version 1."""
    opened = ticket()
    ready = approved(proposal(opened), desk.clock.now())
    await desk.keep(opened.model_copy(update={"proposal": ready.id}), ready)
    return Versioned(ready, 1)


def ids(wakes: Sequence[Wake]) -> list[str]:
    return [f"{wake.kind}:{wake.id}" for wake in wakes]
