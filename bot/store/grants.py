"""What the store's claim answers: the one place where a ``Grant`` is made."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from bot.domain import ActionProgress, Content, Decision, Proposal, Ticket
from bot.lifecycle import CLAIM_SECONDS, digest
from tools.spec import Grant


@dataclass(frozen=True)
class Claimable:
    """What an approved action's grant is made of, before it is claimed."""

    executing: Proposal
    index: int
    content: Content
    progress: ActionProgress
    decision: Decision
    seconds_left: float
    """How long a byte may leave from now: never past the deadline that is saved with the claim,
    from which others count when it becomes *unknown*."""

    def grant(self, ticket: Ticket, asked_at: float) -> Grant:
        """The grant, once the claim is saved. ``asked_at``: the monotonic time before it was."""
        executing = self.executing
        return Grant(
            tenant=executing.tenant,
            proposal=executing.id,
            revision=executing.revision,
            digest=self.decision.digest,
            index=self.index,
            attempt=self.progress.attempt,
            key=self.progress.keys[-1],
            earlier_keys=self.progress.keys[:-1],
            tool=self.content.actions[self.index].tool,
            ticket=executing.ticket,
            origin=ticket.origin,
            content=self.content,
            approved_by=self.decision,
            deadline=asked_at + self.seconds_left,
            playbook=executing.playbook,
            author=ticket.author,
            subject=ticket.subject,
            citations=executing.citations,
            by_hand=executing.handoff is not None,
        )


def claimable(approved: Proposal, executing: Proposal, index: int, now: datetime) -> Claimable:
    """What the claim was made of, checked once more.

    The pure lifecycle has made ``executing``, so that a mismatch here is a fault of the program and
    no outcome: ``ValueError``.
    """
    decision, content = executing.decision, executing.content
    progress = executing.progress[index]
    shown = digest(executing)
    if (
        decision is None
        or content is None
        or approved.state != "approved"
        or executing.state != "executing"
        or executing.id != approved.id
        or executing.revision != approved.revision
        or decision.digest != shown
        or digest(approved) != shown
        or not content.actions[index].included
        or progress.status != "executing"
        or not progress.keys
        or progress.deadline is None
    ):
        raise ValueError(f"{executing.id}: no approval of this revision stands behind the claim")
    left = min(float(CLAIM_SECONDS), (progress.deadline - now).total_seconds())
    return Claimable(executing, index, content, progress, decision, left)
