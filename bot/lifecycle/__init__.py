"""The life of a proposal as one pure function: state and command in, new state or refusal out.

It decides nothing about *who*: authority is checked in ``bot.decide`` before a command is made. It
decides everything about *whether*: no command reaches ``executing`` but ``Claim``, and ``Claim``
demands an approval of the digest of exactly this revision.

``drafting``: a run and its end. ``waiting``: notices, reminders, expiry, newer words.
``decisions``: what people decide. ``effects``: from an approval to a receipt, or to not knowing.
``canonical``: digest and idempotency key. ``progress``: what they all step through.
"""

from __future__ import annotations

from typing import assert_never

from bot.commands import (
    Approve,
    Begin,
    Claim,
    Command,
    Denied,
    Edit,
    Expire,
    GiveAnswer,
    HandOff,
    Lapse,
    Moved,
    Overdue,
    Propose,
    Reject,
    Remind,
    Renew,
    Report,
    Resend,
    Retry,
    Revise,
    SettleDone,
    SettleRetry,
    Supersede,
    Take,
)
from bot.domain import Proposal
from bot.lifecycle import decisions, drafting, effects, waiting
from bot.lifecycle.canonical import canonical_json, digest, idempotency_key
from bot.lifecycle.drafting import MAX_STARTS
from bot.lifecycle.effects import (
    APPROVAL_TTL,
    CLAIM_SECONDS,
    MOST_SKEW_SECONDS,
    UNKNOWN_AFTER_SECONDS,
    approved_at,
)
from bot.lifecycle.progress import next_action

__all__ = [
    "APPROVAL_TTL",
    "CLAIM_SECONDS",
    "MAX_STARTS",
    "MOST_SKEW_SECONDS",
    "UNKNOWN_AFTER_SECONDS",
    "approved_at",
    "canonical_json",
    "digest",
    "idempotency_key",
    "next_action",
    "transition",
]


def transition(proposal: Proposal, command: Command) -> Moved | Denied:
    """Apply ``command``. Pure: no clock, no I/O; the same arguments give the same answer."""
    if proposal.erased:
        return Denied("wrong_state")  # what it was about is gone
    match command:
        case Begin():
            return drafting.begin(proposal, command)
        case Propose() | HandOff():
            return drafting.end_run(proposal, command)
        case GiveAnswer():
            return drafting.answer(proposal, command)
        case Take():
            return decisions.take(proposal, command)
        case Edit():
            return decisions.edit(proposal, command)
        case Renew():
            return decisions.renew(proposal, command)
        case Approve():
            return decisions.approve(proposal, command)
        case Reject():
            return decisions.reject(proposal, command)
        case Revise():
            return waiting.revise(proposal, command)
        case Remind():
            return waiting.remind(proposal, command)
        case Expire():
            return waiting.expire(proposal, command)
        case Supersede():
            return waiting.supersede(proposal, command)
        case Lapse():
            return effects.lapse(proposal, command)
        case Claim():
            return effects.claim(proposal, command)
        case Report():
            return effects.report(proposal, command)
        case Overdue():
            return effects.overdue(proposal, command)
        case Resend():
            return effects.resend(proposal, command)
        case Retry() | SettleRetry():
            return decisions.send_again(proposal, command)
        case SettleDone():
            return decisions.settle_done(proposal, command)
        case _:
            assert_never(command)
