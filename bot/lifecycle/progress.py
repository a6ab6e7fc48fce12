"""How far a proposal's actions have come, and the steps that every change is made of."""

from __future__ import annotations

from datetime import datetime

from bot.commands import Moved
from bot.domain import (
    REASON_LEAST,
    REASON_LIMIT,
    ActionProgress,
    Content,
    Decision,
    Hit,
    OnHit,
    Proposal,
    State,
)


def next_action(proposal: Proposal) -> int | None:
    """The index of the first included action that has not succeeded; None when all have."""
    if proposal.content is None:
        return None
    for index, action in enumerate(proposal.content.actions):
        if action.included and proposal.progress[index].status != "succeeded":
            return index
    return None


def approvals_with(hits: tuple[Hit, ...], on_hit: OnHit, needed: int) -> int:
    """How many people must approve, by what the screen has found besides."""
    return max(needed, 2) if hits and on_hit == "second" else needed


def says_why(proposal: Proposal, approval: Decision) -> bool:
    """Whether an approval gives the reason that hits ask for; where none is asked for, it does."""
    if not proposal.asks_why:
        return True
    return REASON_LEAST <= len((approval.words or "").strip()) <= REASON_LIMIT


def enough_approvals(proposal: Proposal, decision: Decision) -> bool:
    """Whether as many people stand behind this revision as it needs, ``decision`` being the latest
    and known to be of its digest.

    A retry, and a word on what is unknown, is an approval by one person. It carries on what was
    approved under the same revision; where a new revision has voided that, it is the only one.
    What the screen has found stands behind an approval with a reason alone.
    """
    standing = [
        approval
        for approval in proposal.approvals
        if (approval.revision, approval.digest) == (proposal.revision, decision.digest)
    ]
    if not all(says_why(proposal, approval) for approval in standing or (decision,)):
        return False
    given = len(standing)
    match decision.verb:
        case "approve":
            return given >= proposal.approvals_needed
        case "retry" | "settle_done" | "settle_retry":
            return max(given, 1) >= proposal.approvals_needed
        case _:
            return False


def moved(proposal: Proposal, **update: object) -> Moved:
    """The proposal with these fields changed."""
    return Moved(proposal.model_copy(update=update))


def fresh(content: Content) -> tuple[ActionProgress, ...]:
    """The progress of actions of which none has begun."""
    return tuple(ActionProgress() for _ in content.actions)


def replaced(
    progress: tuple[ActionProgress, ...], index: int, value: ActionProgress
) -> tuple[ActionProgress, ...]:
    """``progress`` with one action's changed."""
    return (*progress[:index], value, *progress[index + 1 :])


def after_progress(
    proposal: Proposal, progress: tuple[ActionProgress, ...], at: datetime
) -> Proposal:
    """The proposal's state is that of its worst action; what still waits keeps it approved."""
    actions = proposal.content.actions if proposal.content else ()
    included = [done for done, act in zip(progress, actions, strict=True) if act.included]
    statuses = {done.status for done in included}
    state: State
    if "unknown" in statuses:
        state = "unknown"
    elif "failed" in statuses:
        state = "failed"
    elif "waiting" in statuses:
        state = "approved"
    else:
        state = "succeeded"
    ended = at if state == "succeeded" else None
    update = {"state": state, "progress": progress, "ended_at": ended}
    return proposal.model_copy(update=update)
