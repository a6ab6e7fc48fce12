"""From an approval to its effect: claimed, reported, overdue, sent again, or lapsed.

Times here are the claim's: no byte leaves after its deadline, and nothing is sent a second time
before a process that stalled with an earlier claim is past doing so.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import assert_never

from bot.commands import (
    Claim,
    Denied,
    Lapse,
    Moved,
    Overdue,
    Refused,
    Report,
    Resend,
    Succeeded,
    Uncertain,
)
from bot.domain import ActionProgress, Notice, Proposal
from bot.lifecycle.canonical import digest, idempotency_key
from bot.lifecycle.progress import (
    after_progress,
    enough_approvals,
    moved,
    next_action,
    replaced,
)

CLAIM_SECONDS = 8
"""No byte leaves later than this after a claim."""
UNKNOWN_AFTER_SECONDS = 10
"""A claim without an outcome becomes unknown this long after its deadline: a stalled process must
not be able to overtake the person who sends again."""
MOST_SKEW_SECONDS = 4
"""That margin covers machines whose clocks are each this far from the store's, in either direction:
who calls a claim overdue, and who made it, look at different ones."""
APPROVAL_TTL = timedelta(minutes=15)
"""An approval that nobody could act on for so long must be given again."""


def approved_at(proposal: Proposal) -> datetime | None:
    """When the present approval was given; None when there is none."""
    if proposal.state != "approved" or proposal.decision is None:
        return None
    return proposal.decision.at


def claim(proposal: Proposal, command: Claim) -> Moved | Denied:
    decision = proposal.decision
    if proposal.state != "approved" or decision is None:
        return Denied("wrong_state")
    if command.at >= decision.at + APPROVAL_TTL or _key_is_forgotten(proposal, command.at):
        return Denied("lapsed")
    if decision.revision != proposal.revision:
        return Denied("stale")
    if decision.digest != digest(proposal):
        return Denied("digest")
    if not enough_approvals(proposal, decision):
        return Denied("not_approved")
    if command.index != next_action(proposal):
        return Denied("not_next")
    done = proposal.progress[command.index]
    keys, attempt = done.keys, done.attempt
    resent = bool(keys) and _is_honoured(done, command.at)
    key = keys[-1] if resent else idempotency_key(proposal, command.index, attempt)
    if key in keys and not resent:
        # It was to be sent again under the same key, and the remote has forgotten that meanwhile.
        attempt += 1
        key = idempotency_key(proposal, command.index, attempt)
    claimed = done.model_copy(
        update={
            "status": "executing",
            "attempt": attempt,
            "keys": keys if resent else (*keys, key),
            "claimed_at": command.at,
            "first_sent_at": done.first_sent_at if resent else command.at,
            "keep_until": done.keep_until if resent else None,
            "deadline": command.at + timedelta(seconds=CLAIM_SECONDS),
            "receipt": None,
            "error": None,
        }
    )
    progress = replaced(proposal.progress, command.index, claimed)
    return moved(proposal, state="executing", progress=progress)


def report(proposal: Proposal, command: Report) -> Moved | Denied:
    # An answer may come after the claim was declared unknown, and after a person has said that it
    # did not arrive: it is still knowledge.
    if proposal.state not in ("executing", "unknown", "approved", "failed", "pending"):
        return Denied("wrong_state")
    if command.index >= len(proposal.progress):
        return Denied("not_next")
    done = proposal.progress[command.index]
    if done.status == "succeeded" or command.key not in done.keys:
        return Denied("wrong_attempt")
    # Any attempt that did arrive settles the action, be it looked up before another one or told
    # late. That it did *not* arrive only the newest claim may say, for a second one under the same
    # key may be on its way while a stalled process wakes up and finds its own time over.
    newest = command.key == done.keys[-1] and command.claimed_at in (None, done.claimed_at)
    under_way = done.status in ("executing", "unknown")
    if not isinstance(command.outcome, Succeeded) and not (under_way and newest):
        return Denied("wrong_attempt")
    match command.outcome:
        case Succeeded(receipt):
            update = {
                "status": "succeeded",
                "receipt": receipt,
                "error": None,
                "unsettled": False,
            }
        case Refused(error) if done.resends:
            # This sending was refused; the one before it, under the same key, may have arrived.
            update = {"status": "unknown", "error": error, "unsettled": True}
        case Refused(error):
            update = {"status": "failed", "error": error, "unsettled": False}
        case Uncertain(error):
            update = {"status": "unknown", "error": error, "unsettled": True}
        case _:
            assert_never(command.outcome)
    progress = replaced(proposal.progress, command.index, done.model_copy(update=update))
    after = after_progress(proposal, progress, command.at)
    if proposal.state != "pending":
        return Moved(after)
    # It is being asked for once more. What has been done is asked for no longer.
    if after.state == "succeeded" and _is_included(proposal, command.index):
        return moved(after, remind_at=None, expires_at=None)
    return moved(
        after, state="pending", ended_at=None, revision=proposal.revision + 1, approvals=()
    )


def overdue(proposal: Proposal, command: Overdue) -> Moved | Denied:
    index = _claimed(proposal)
    if index is None:
        return Denied("wrong_state")
    done = proposal.progress[index]
    if not stalled_process_is_past(done, command.at):
        return Denied("too_early")
    lost = done.model_copy(
        update={
            "status": "unknown",
            "error": "no answer came before the deadline",
            "unsettled": True,
        }
    )
    return Moved(after_progress(proposal, replaced(proposal.progress, index, lost), command.at))


def resend(proposal: Proposal, command: Resend) -> Moved | Denied:
    index = _claimed(proposal)
    if index is None or proposal.decision is None:
        return Denied("wrong_state")
    if command.at >= proposal.decision.at + APPROVAL_TTL:
        return Denied("lapsed")
    done = proposal.progress[index]
    if not stalled_process_is_past(done, command.at):
        return Denied("too_early")
    waiting = done.model_copy(
        update={
            "status": "waiting",
            "unsettled": True,
            "resends": True,
            "keep_until": command.keep_until,
        }
    )
    if not _is_honoured(waiting, command.at):
        return Denied("lapsed")
    return moved(proposal, state="approved", progress=replaced(proposal.progress, index, waiting))


def lapse(proposal: Proposal, command: Lapse) -> Moved | Denied:
    since = approved_at(proposal)
    if since is None:
        return Denied("wrong_state")
    if command.at < since + APPROVAL_TTL and not _key_is_forgotten(proposal, command.at):
        return Denied("too_early")
    notice = Notice(
        kind="approval_lapsed",
        text="The approval was not acted on within 15 minutes. Please decide again.",
    )
    index = next_action(proposal)
    if index is not None and proposal.progress[index].unsettled:
        # It was to be sent again and was not: whether the first sending arrived is still open.
        waiting = proposal.progress[index].model_copy(
            update={"status": "unknown", "resends": False}
        )
        return moved(
            proposal,
            state="unknown",
            revision=proposal.revision + 1,
            approvals=(),
            progress=replaced(proposal.progress, index, waiting),
            notices=(*proposal.notices, notice),
        )
    return moved(
        proposal,
        state="pending",
        revision=proposal.revision + 1,
        approvals=(),
        remind_at=command.remind_at,
        expires_at=command.expires_at,
        notices=(*proposal.notices, notice),
    )


def stalled_process_is_past(done: ActionProgress, at: datetime) -> bool:
    """Whether a process that stalled after its claim can no longer overtake a person at ``at``."""
    margin = timedelta(seconds=UNKNOWN_AFTER_SECONDS)
    return done.deadline is None or at >= done.deadline + margin


def _claimed(proposal: Proposal) -> int | None:
    """The action that is under way: one at a time, and it is the next."""
    return next_action(proposal) if proposal.state == "executing" else None


def _is_included(proposal: Proposal, index: int) -> bool:
    return proposal.content is not None and proposal.content.actions[index].included


def _is_honoured(done: ActionProgress, at: datetime) -> bool:
    """Whether the remote still knows the newest key when the last byte of a claim made now may
    leave: later, the same key would be a second effect."""
    if done.keep_until is None:
        return False
    return at + timedelta(seconds=CLAIM_SECONDS) <= done.keep_until


def _key_is_forgotten(proposal: Proposal, at: datetime) -> bool:
    """Whether this is to be sent again on nobody's word but the remote's that it knows the key,
    and it does not any more. A key of its own would need a person."""
    index = next_action(proposal)
    if index is None:
        return False
    done = proposal.progress[index]
    return done.resends and not _is_honoured(done, at)
