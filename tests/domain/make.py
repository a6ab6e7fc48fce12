"""Proposals and decisions for tests of the pure rooms."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from bot import buttons
from bot.commands import Moved, Propose
from bot.domain import (
    Action,
    Actor,
    Author,
    Content,
    Decision,
    Hit,
    Message,
    OnHit,
    Place,
    Proposal,
    Ticket,
    Verb,
)
from bot.lifecycle import digest, transition
from bot.runs import drafting

START = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)


def person(name: str = "U0AGENT") -> Actor:
    return Actor(surface="slack", team="T0TEAM", id=name)


def ticket() -> Ticket:
    author = Author(surface="slack", team="T0TEAM", id="U0CUSTOMER", name="Dana")
    return Ticket(
        id="t_aaaaaaaaaaaaaaaa",
        tenant="main",
        playbook="support",
        origin=Place(surface="slack", place="C0SUPPORT", thread="1.0", message="1.0"),
        author=author,
        messages=(Message(id="1.0", author=author, text="Where is my invoice?", at=START),),
        created_at=START,
    )


def reply_action(text: str = "Under Billing.", tool: str = "send_reply") -> Action:
    return Action(tool=tool, args={"text": text}, target="the thread in #support")


def content(
    *actions: Action, reply: str | None = "Under Billing.", route: str = "default"
) -> Content:
    return Content(
        labels=("billing",), priority="normal", route=route, reply=reply, actions=actions
    )


def new() -> Proposal:
    return drafting(ticket(), START, not_before=START)


def pending(
    actions: tuple[Action, ...] = (reply_action(),),
    approvals_needed: int = 1,
    hits: tuple[Hit, ...] = (),
    on_hit: OnHit = "reason",
) -> Proposal:
    moved = transition(
        new(),
        Propose(
            at=START,
            content=content(*actions),
            playbook_version="v1",
            confidence="high",
            why="It is like ten others.",
            citations=(),
            marks=(),
            model="local",
            approvals_needed=approvals_needed,
            remind_at=START + timedelta(minutes=30),
            expires_at=START + timedelta(hours=24),
            hits=hits,
            on_hit=on_hit,
        ),
    )
    assert isinstance(moved, Moved)
    return moved.proposal


def decision(
    proposal: Proposal,
    verb: Verb = "approve",
    *,
    by: Actor | None = None,
    at: datetime = START + timedelta(minutes=1),
    revision: int | None = None,
) -> Decision:
    return Decision(
        verb=verb,
        actor=by or person(),
        name="Ada",
        revision=proposal.revision if revision is None else revision,
        digest=digest(proposal),
        at=at,
    )


def moved(result: object) -> Proposal:
    """The proposal of a ``Moved``; a ``Denied`` fails the test with its kind."""
    assert isinstance(result, Moved), result
    return result.proposal


def token(proposal: Proposal, verb: Verb) -> str:
    return buttons.mint(proposal.id, proposal.secret, proposal.revision, verb, proposal.claimed_at)
