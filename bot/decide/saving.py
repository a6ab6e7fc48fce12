"""A decision is saved by one compare-and-swap, with its journal entry and wakes.

A lost race reads again and finds who decided. A lost answer is looked up: the person hears that it
is saved, that it is not, or that nobody can tell, and only what is so.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from bot.commands import Command, Denied
from bot.context import Context
from bot.decide.asked import Asked, authorise, read
from bot.decide.record import entry_of
from bot.decide.words import cannot_tell, denied, not_saved, thanks
from bot.domain import Actor, Decision, Person, Proposal, SurfaceName, Ticket, Verb
from bot.forms import Decided, FieldErrors, NotDecided
from bot.journal import Entry
from bot.lifecycle import transition
from bot.masking import example_of
from bot.ports import (
    Commit,
    Conflict,
    Lesson,
    LookUpFailed,
    StoreUnavailable,
    Versioned,
    Wake,
)
from bot.ports.spans import Deciding

log = logging.getLogger("deskhand.decide")

DECIDE_SECONDS = 1.6
"""No decision is saved later than this after the press. Slack and the person wait 3 s at most, and
an answer of the store that is lost has to be asked for once more within them."""
_ANSWER_SECONDS = 0.15
"""How much later than that the store's answer may come."""
_LOOK_SECONDS = 0.6
"""For looking up what a lost answer would have said."""
_ACTS_WITHIN = timedelta(milliseconds=400)
"""For so long after an approval its card waits to say what came of it."""


@dataclass(frozen=True)
class Step:
    """What a decision does: a command, and further commits beside it."""

    command: Command
    commit: Commit = field(default_factory=Commit)


Plan = Callable[[Asked, Person, datetime], Awaitable[Step | FieldErrors | NotDecided]]
"""Makes the step, of the card as it is now, by this person, at this time; or says why there is
none."""


class Saving:
    """Carries a plan through: read, authorise, plan, save; again where somebody was faster."""

    def __init__(self, context: Context, place: SurfaceName | None = None) -> None:
        self._context = context
        self._place = place

    async def decide(
        self, token: str, verb: Verb, actor: Actor, plan: Plan
    ) -> Decided | NotDecided | FieldErrors:
        with self._context.spans.decision(verb) as deciding:
            return deciding.ended(await self._decide(token, verb, actor, plan, deciding))

    async def _decide(
        self, token: str, verb: Verb, actor: Actor, plan: Plan, deciding: Deciding
    ) -> Decided | NotDecided | FieldErrors:
        clock, store = self._context.clock, self._context.store
        last = clock.monotonic() + DECIDE_SECONDS
        while True:
            asked = await read(self._context, token, verb, deciding)
            if isinstance(asked, NotDecided):
                return asked
            deciding.begin()
            person = await authorise(self._context, asked, actor)
            if isinstance(person, NotDecided):
                return person
            try:
                planned = await plan(asked, person, clock.now())
            except LookUpFailed:
                return NotDecided(
                    "look_up_failed", ("Deskhand could not look you up just now. Press again.",)
                )
            if isinstance(planned, FieldErrors | NotDecided):
                return planned
            before = asked.proposal.value
            moved = transition(before, planned.command)
            if isinstance(moved, Denied):
                return denied(moved.kind, before)
            left = last - clock.monotonic()
            if left <= 0:
                return await self._not_saved(token, verb)
            place = self._place or actor.surface
            shown_ms = asked.board.value.shown_ms
            entry = entry_of(verb, before, moved.proposal, actor, planned.command, place, shown_ms)
            change = self._commit(asked, moved.proposal, planned.commit, entry, left)
            try:
                async with asyncio.timeout(left + _ANSWER_SECONDS):
                    saved = await store.commit(change)
            except (StoreUnavailable, TimeoutError) as lost:
                log.warning(
                    "deskhand: the answer to a decision on %s was lost: %s", before.id, lost
                )
                return await self._was_it_saved(token, verb, asked.proposal, moved.proposal, last)
            if isinstance(saved, Conflict):
                continue  # somebody was first: read who, and tell
            if saved != "committed":
                return await self._not_saved(token, verb)
            return Decided(moved.proposal, thanks(moved.proposal))

    async def _not_saved(self, token: str, verb: Verb) -> NotDecided:
        """Not saved; if that is so because somebody else was first, who."""
        asked = await read(self._context, token, verb)
        return asked if isinstance(asked, NotDecided) else not_saved()

    async def _was_it_saved(
        self,
        token: str,
        verb: Verb,
        before: Versioned[Proposal],
        wanted: Proposal,
        last: float,
    ) -> Decided | NotDecided:
        """The store's answer was lost. It may have saved the decision all the same: look."""
        clock, store = self._context.clock, self._context.store
        try:
            async with asyncio.timeout(_LOOK_SECONDS):
                found = await store.proposal(before.value.id)
            left = last - clock.monotonic()
            if found is not None and found.version == before.version and left > 0:
                # What was sent may still be under way. The server refuses it from then on.
                await asyncio.sleep(left + _ANSWER_SECONDS)
                async with asyncio.timeout(_LOOK_SECONDS):
                    found = await store.proposal(before.value.id)
            if found is None:
                return cannot_tell()
            if found.version == before.version:
                return not_saved()
            if _holds(found, before, wanted):
                return Decided(found.value, thanks(found.value))
            if found.version == before.version + 1:
                return await self._not_saved(token, verb)
        except (StoreUnavailable, TimeoutError):
            pass  # nobody can be asked
        # Or several have changed it since, and the last of them is all that can be seen.
        return cannot_tell()

    def _commit(
        self, asked: Asked, moved: Proposal, beside: Commit, entry: Entry, seconds: float
    ) -> Commit:
        wakes = list(beside.wakes)
        cleared: list[Wake] = []
        if moved.state == "approved":
            wakes.append(Wake("execute", moved.id))
            # Most effects take less: then the card says at once what came of it.
            wakes.append(Wake("card", moved.id, self._context.clock.now() + _ACTS_WITHIN))
        else:
            wakes.append(Wake("card", moved.id))
        due = [moment for moment in (moved.remind_at, moved.expires_at) if moment is not None]
        if due:
            wakes.append(Wake("timer", moved.id, min(due)))
        else:
            cleared.append(Wake("timer", moved.id))
        tickets = beside.tickets
        if asked.outlives_newer_words and moved.state != "rejected":
            # The customer's newer words do not supersede it. Its ticket must have no newer proposal
            # up to this very moment, so its version is compared too.
            tickets = (*tickets, asked.ticket)
        return Commit(
            tickets=tickets,
            proposals=(Versioned(moved, asked.proposal.version), *beside.proposals),
            entries=(entry, *beside.entries),
            wakes=tuple(wakes),
            cleared=tuple(cleared),
            lesson=self._lesson(moved, asked.ticket.value),
            read=asked.case,
            within_seconds=seconds,
        )

    def _lesson(self, moved: Proposal, ticket: Ticket) -> Lesson | None:
        """What later drafts may learn from this decision."""
        if moved.state not in ("approved", "succeeded") or moved.content is None:
            return None
        if moved.lead is not None or ticket.ask is not None:
            return None  # what is found for one who asks says nothing of a customer's request
        approvers = [approval.name for approval in moved.approvals]
        try:
            example = example_of(ticket, moved.content, self._context.vocabulary, approvers)
        except Exception:
            # Whatever is wrong with the masking of a text, it must not keep anybody from deciding.
            log.exception("deskhand: nothing is learnt from %s", moved.id)
            return None
        return Lesson(moved.playbook, ticket.id, example)


def _holds(found: Versioned[Proposal], before: Versioned[Proposal], wanted: Proposal) -> bool:
    """Whether ``found`` is what was to be saved, or has come of it."""
    if found.version == before.version + 1:
        return found.value == wanted
    ours = set(_decisions(wanted)) - set(_decisions(before.value))
    return bool(ours) and ours <= set(_decisions(found.value))


def _decisions(proposal: Proposal) -> tuple[Decision, ...]:
    """Every decision that is to be seen on it."""
    single = (proposal.decision, proposal.owner)
    return (*(one for one in single if one is not None), *proposal.approvals)
