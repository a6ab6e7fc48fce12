"""What happens to a proposal while a person is waited for: notices, reminders, time, new words."""

from __future__ import annotations

from bot.commands import Denied, Expire, Moved, Remind, Revise, Supersede
from bot.domain import Notice, Proposal
from bot.lifecycle.progress import moved, next_action, replaced


def revise(proposal: Proposal, command: Revise) -> Moved | Denied:
    notices = (*proposal.notices, command.notice)
    if proposal.state == "drafting":
        # Nothing is shown yet, so there is no revision to void: the draft comes with the notice.
        return moved(proposal, notices=notices)
    if proposal.state not in ("pending", "handoff"):
        return Denied("wrong_state")
    return moved(proposal, revision=proposal.revision + 1, approvals=(), notices=notices)


def remind(proposal: Proposal, command: Remind) -> Moved | Denied:
    if proposal.state not in ("pending", "handoff"):
        return Denied("wrong_state")
    return moved(proposal, reminded=proposal.reminded + 1, remind_at=command.next_at)


def expire(proposal: Proposal, command: Expire) -> Moved | Denied:
    if proposal.state != "pending":
        return Denied("wrong_state")
    if proposal.expires_at is None or command.at < proposal.expires_at:
        return Denied("too_early")
    return moved(proposal, state="expired", ended_at=command.at, remind_at=None)


def supersede(proposal: Proposal, command: Supersede) -> Moved | Denied:
    if proposal.state not in ("drafting", "handoff", "pending", "approved"):
        return Denied("wrong_state")
    if any(done.unsettled for done in proposal.progress):
        return _not_sent_again(proposal)
    notices = proposal.notices + ((command.notice,) if command.notice else ())
    return moved(
        proposal,
        state="superseded",
        successor=command.successor,
        ended_at=command.at,
        remind_at=None,
        expires_at=None,
        notices=notices,
    )


def _not_sent_again(proposal: Proposal) -> Moved | Denied:
    """An effect may be out there, and *superseded* says that there is none. A person wanted it sent
    again, which is no answer to the newer words; the remote that honours the key may finish what
    was sent before them."""
    index = next_action(proposal)
    if proposal.state != "approved" or index is None or proposal.progress[index].resends:
        return Denied("wrong_state")
    waiting = proposal.progress[index].model_copy(update={"status": "unknown"})
    words = "The ticket has changed before this was sent again, so it was not."
    return moved(
        proposal,
        state="unknown",
        revision=proposal.revision + 1,
        approvals=(),
        progress=replaced(proposal.progress, index, waiting),
        notices=(*proposal.notices, Notice(kind="settled", text=words)),
    )
