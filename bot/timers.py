"""Reminders and expiry, in the playbook's hours. Handoffs are reminded of and never expire."""

from __future__ import annotations

from datetime import datetime, timedelta

from bot.commands import Command, Denied, Expire, Remind
from bot.context import Context
from bot.domain import Proposal
from bot.journal import Entry, about
from bot.lifecycle import transition
from bot.playbook import Playbook, after
from bot.ports import Commit, Conflict, Versioned, Wake
from bot.publish import Publish

_LONGEST = timedelta(hours=24)
"""Between two reminders of one handoff."""


class Timers:
    """What happens when nobody does anything."""

    def __init__(self, context: Context, publish: Publish) -> None:
        self._context = context
        self._publish = publish

    async def run(self, proposal_id: str) -> datetime | None:
        """A reminder or the expiry may be due; the answer is when the next one is."""
        while True:
            case = await self._context.store.case(proposal_id)
            if case is None:
                return None
            proposal, _, board = case
            now = self._context.clock.now()
            command = self._due(proposal.value, now)
            if command is None:
                return _next_moment(proposal.value)
            moved = transition(proposal.value, command)
            if isinstance(moved, Denied):
                return None
            fresh = moved.proposal
            if isinstance(await self._save(proposal, fresh, command), Conflict):
                continue
            if isinstance(command, Remind):
                # After the save: a crash here loses one reminder, the other order sends many.
                await self._publish.remind(
                    fresh, board.value, self._context.playbook(fresh.playbook)
                )
            return _next_moment(fresh)

    def _due(self, proposal: Proposal, now: datetime) -> Command | None:
        if proposal.state == "pending" and proposal.expires_at and proposal.expires_at <= now:
            return Expire(now)
        if proposal.remind_at and proposal.remind_at <= now:
            return Remind(now, self._next(proposal, now))
        return None

    def _next(self, proposal: Proposal, now: datetime) -> datetime | None:
        if proposal.state != "handoff":
            return None  # one reminder, then expiry
        playbook: Playbook = self._context.playbook(proposal.playbook)
        span = min(playbook.remind_after * 2 ** min(proposal.reminded + 1, 10), _LONGEST)
        return after(now, span, playbook.hours)

    async def _save(self, before: Versioned[Proposal], fresh: Proposal, command: Command) -> object:
        entry = Entry(
            kind="transition",
            ticket=fresh.ticket,
            run=fresh.run.id,
            proposal=fresh.id,
            playbook=fresh.playbook,
            data={
                "from": before.value.state,
                "to": fresh.state,
                "what": "reminded" if isinstance(command, Remind) else "expired",
                "revision": fresh.revision,
                **about(fresh),
            },
        )
        wakes = (Wake("card", fresh.id),) if fresh.state != before.value.state else ()
        return await self._context.store.commit(
            Commit(
                proposals=(Versioned(fresh, before.version),),
                entries=(entry,),
                wakes=wakes,
            )
        )


def _next_moment(proposal: Proposal) -> datetime | None:
    """When the next reminder or the expiry is due; None: never."""
    if proposal.state not in ("pending", "handoff"):
        return None
    moments = [moment for moment in (proposal.remind_at, proposal.expires_at) if moment is not None]
    return min(moments, default=None)
