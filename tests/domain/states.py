"""Proposals in the states of the table, and what moves them."""

from __future__ import annotations

from datetime import timedelta

from bot.commands import (
    Approve,
    Claim,
    Denied,
    Edit,
    HandOff,
    Report,
)
from bot.domain import Content, Handoff, Proposal
from bot.lifecycle import transition
from tests.domain.make import (
    START,
    content,
    decision,
    moved,
    new,
    pending,
    reply_action,
)

SOON = START + timedelta(minutes=2)


HOUR = START + timedelta(hours=1)


TWO = (reply_action("first"), reply_action("second", tool="update_crm"))


def denied(result: object) -> str:
    assert isinstance(result, Denied), result
    return result.kind


def approved(actions: tuple = (reply_action(),)) -> Proposal:
    proposal = pending(actions)
    return moved(transition(proposal, Approve(decision(proposal))))


def executing(actions: tuple = (reply_action(),)) -> Proposal:
    return moved(transition(approved(actions), Claim(SOON, 0)))


def reported(outcome: object, actions: tuple = (reply_action(),)) -> Proposal:
    running = executing(actions)
    key = running.progress[0].keys[-1]
    return moved(transition(running, Report(SOON, 0, key, outcome)))  # type: ignore[arg-type]


def handed_off() -> Proposal:
    return moved(
        transition(
            new(),
            HandOff(
                at=START,
                handoff=Handoff(reason="no_source"),
                content=Content(labels=(), route="default"),
                playbook_version="v1",
                model="local",
            ),
        )
    )


def edit(proposal: Proposal, *, approve: bool = False, new_content: Content | None = None) -> Edit:
    return Edit(
        decision=decision(proposal, "edit"),
        content=new_content or content(reply_action("Better."), reply="Better."),
        marks=(),
        changes=(),
        approve=approve,
    )
