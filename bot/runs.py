"""New runs and proposals: how a ticket's next pass begins."""

from __future__ import annotations

from datetime import datetime

from bot import buttons
from bot.domain import Notice, Proposal, Run, Ticket, new_id


def drafting(
    ticket: Ticket,
    now: datetime,
    *,
    not_before: datetime,
    feedback: tuple[str, ...] = (),
    notices: tuple[Notice, ...] = (),
) -> Proposal:
    """A proposal that is about to be drafted; its run and it share the random part of the id."""
    proposal = new_id("p")
    return Proposal(
        id=proposal,
        tenant=ticket.tenant,
        ticket=ticket.id,
        playbook=ticket.playbook,
        state="drafting",
        run=Run(
            id="r" + proposal.removeprefix("p"),
            generation=ticket.generation,
            not_before=not_before,
            feedback=feedback,
        ),
        secret=buttons.new_secret(),
        notices=notices,
        created_at=now,
    )
