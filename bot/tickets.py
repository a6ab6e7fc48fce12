"""A ticket is opened, grows, and begins anew: each as the one commit that does it.

Nothing is written here; ``bot.intake`` commits what these methods plan, and plans again when
somebody else was first.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from bot.commands import Denied, Revise, Supersede
from bot.context import Context
from bot.domain import (
    Actor,
    Ask,
    Author,
    Delivery,
    Message,
    Notice,
    Place,
    Proposal,
    Ticket,
    new_id,
)
from bot.journal import Entry, EntryKind
from bot.lifecycle import transition
from bot.playbook import Playbook
from bot.ports import Commit, LookUpFailed, SurfaceError, Versioned, Wake
from bot.runs import begun_entries, drafting, first_wakes, over_limit, transition_entry

log = logging.getLogger("deskhand.intake")

Why = Literal["newer_message", "edited_message", "deleted_message", "asked"]
"""Why a ticket begins anew: its author wrote again, changed or took back words, or a person asked
for it after its end."""

_WROTE_AGAIN: dict[Why, str] = {
    "newer_message": "The customer wrote again; all of it stands above.",
    "edited_message": "The customer changed a message; it stands above as it is now.",
    "deleted_message": "The customer took a message back; what is left stands above.",
    "asked": "A colleague asked for this again.",
}


@dataclass(frozen=True)
class Known:
    """A ticket that a delivery belongs to, with its present proposal."""

    ticket: Versioned[Ticket]
    proposal: Versioned[Proposal] | None

    @property
    def is_quiet(self) -> bool:
        """Whether its run has not begun, so that more words may still join it."""
        if self.proposal is None:
            return False
        proposal = self.proposal.value
        return proposal.state == "drafting" and proposal.run.starts == 0


class Tickets:
    """Plans of what becomes of tickets."""

    def __init__(self, context: Context) -> None:
        self._context = context

    async def open(
        self,
        delivery: Delivery,
        playbook: Playbook,
        author: Author,
        messages: tuple[Message, ...],
        thread: tuple[Message, ...] = (),
    ) -> Commit:
        """A new ticket of ``messages``, which have an author and words, and its first run."""
        now = self._context.clock.now()
        author = await self._named(author)
        ticket = Ticket(
            id=new_id("t"),
            tenant=self._context.tenant,
            playbook=playbook.name,
            origin=root(delivery),
            author=author,
            asker=delivery.asker,
            subject=delivery.subject,
            messages=tuple(one.model_copy(update={"author": author}) for one in messages),
            thread=thread,
            url=delivery.url or await self._link_to(root(delivery)),
            created_at=now,
            runs=1,
            lead=playbook.kind == "lead",
            trace_id=delivery.trace_id,
        )
        proposal = drafting(ticket, now, not_before=quiet_until(delivery, playbook))
        return Commit(
            tickets=(Versioned(ticket.model_copy(update={"proposal": proposal.id}), 0),),
            proposals=(Versioned(proposal, 0),),
            entries=(
                entry("delivery", delivery, ticket.id, delivery.kind),
                *begun_entries(ticket, proposal, "opened", to_card=self._context.shows_cards),
            ),
            wakes=first_wakes(proposal, now),
        )

    async def ask(self, delivery: Delivery, playbook: Playbook, ask: Ask) -> Commit:
        """What a person asked for by a mention, as a ticket of its own, and its run. It is never
        found by its conversation, which may be another ticket's."""
        now = self._context.clock.now()
        asker = await self._named(delivery.author)
        words = " ".join(filter(None, (ask.verb, ask.words)))
        message = as_message(delivery).model_copy(update={"author": asker, "text": words})
        # What is asked for is made of nobody's words: that its asker may not approve what comes of
        # it, where that is so, is ``asker_may_approve``'s to say.
        nobody = Author(surface=asker.surface, id="", name=asker.name, team=asker.team)
        ticket = Ticket(
            id=new_id("t"),
            tenant=self._context.tenant,
            playbook=playbook.name,
            origin=delivery.origin,
            author=nobody,
            asker=delivery.asker,
            messages=(message,),
            url=await self._link_to(delivery.origin),
            created_at=now,
            runs=1,
            ask=ask,
            trace_id=delivery.trace_id,
        )
        proposal = drafting(ticket, now, not_before=delivery.received_at)
        return Commit(
            tickets=(Versioned(ticket.model_copy(update={"proposal": proposal.id}), 0),),
            proposals=(Versioned(proposal, 0),),
            entries=(
                entry("delivery", delivery, ticket.id, delivery.kind),
                *begun_entries(ticket, proposal, "opened", to_card=self._context.shows_cards),
            ),
            wakes=first_wakes(proposal, now),
        )

    def change(
        self, delivery: Delivery, known: Known, changed: Ticket, playbook: Playbook, why: Why
    ) -> Commit:
        """Its author's words have changed: the run that has not begun takes them in, else another
        begins."""
        if known.proposal is not None and known.is_quiet:
            return self._take_in(delivery, known, known.proposal, changed, playbook)
        return self.again(delivery, known, changed, playbook, why)

    def grow(self, delivery: Delivery, known: Known, playbook: Playbook) -> Commit:
        """One more message of its author."""
        grown = _with_words(known.ticket.value, delivery)
        return self.change(delivery, known, grown, playbook, "newer_message")

    def _take_in(
        self,
        delivery: Delivery,
        known: Known,
        quiet: Versioned[Proposal],
        changed: Ticket,
        playbook: Playbook,
    ) -> Commit:
        """The quiet window begins anew."""
        # Deliveries may be worked in in another order than they came.
        until = max(quiet.value.run.not_before, quiet_until(delivery, playbook))
        run = quiet.value.run.model_copy(update={"not_before": until})
        later = quiet.value.model_copy(update={"run": run})
        return Commit(
            tickets=(Versioned(changed, known.ticket.version),),
            proposals=(Versioned(later, quiet.version),),
            entries=(entry("delivery", delivery, changed.id, delivery.kind),),
            wakes=(Wake("run", later.id, until),),
        )

    def again(
        self, delivery: Delivery, known: Known, changed: Ticket, playbook: Playbook, why: Why
    ) -> Commit:
        """What is not yet claimed is void, and a new run begins; or a person has it already."""
        limit = playbook.limits.runs_per_ticket
        standing = known.proposal
        if changed.runs >= limit and standing is not None and standing.value.state == "handoff":
            return self._tell_its_person(delivery, known, standing, changed, why)
        now = self._context.clock.now()
        generation = changed.generation + 1
        changed = changed.model_copy(update={"generation": generation, "runs": changed.runs + 1})
        fresh = drafting(changed, now, not_before=quiet_until(delivery, playbook))
        if changed.runs > limit:
            fresh = over_limit(fresh, now, playbook, f"This ticket has had {limit} runs.")
        gone = superseded(standing, fresh.id, now, why)
        if gone.proposals:
            fresh = fresh.model_copy(update={"predecessor": gone.proposals[0].value.id})
        changed = changed.model_copy(update={"proposal": fresh.id, "colleague_replied": False})
        return Commit(
            tickets=(Versioned(changed, known.ticket.version),),
            proposals=(*gone.proposals, Versioned(fresh, 0)),
            entries=(
                entry("delivery", delivery, changed.id, delivery.kind),
                *gone.entries,
                *begun_entries(changed, fresh, why, to_card=self._context.shows_cards),
            ),
            wakes=(*gone.wakes, *first_wakes(fresh, now)),
            cleared=gone.cleared,
        )

    def _tell_its_person(
        self,
        delivery: Delivery,
        known: Known,
        standing: Versioned[Proposal],
        changed: Ticket,
        why: Why,
    ) -> Commit:
        """There is no further run, and a person is asked already: their card is revised, for a
        hundred messages must not make a hundred cards. One line says so, whatever their number."""
        before = standing.value
        others = tuple(one for one in before.notices if one.kind != "wrote_again")
        moved = transition(
            before.model_copy(update={"notices": others}),
            Revise(self._context.clock.now(), Notice(kind="wrote_again", text=_WROTE_AGAIN[why])),
        )
        if isinstance(moved, Denied):
            raise AssertionError(f"a handoff cannot be revised: {moved.kind}")
        changed = changed.model_copy(update={"generation": changed.generation + 1})
        return Commit(
            tickets=(Versioned(changed, known.ticket.version),),
            proposals=(Versioned(moved.proposal, standing.version),),
            entries=(
                entry("delivery", delivery, changed.id, delivery.kind),
                transition_entry(before, moved.proposal, why),
            ),
            wakes=(Wake("card", before.id),),
        )

    async def _named(self, author: Author) -> Author:
        """The author with name and e-mail as the surface's directory knows them."""
        directory = self._context.surfaces.directories.get(author.surface)
        if directory is None or (author.name and author.email):
            return author
        try:
            person = await directory.person(
                Actor(surface=author.surface, team=author.team, id=author.id)
            )
        except LookUpFailed as failed:
            log.info("deskhand: %s has no name yet: %s", author.key, failed)
            return author
        return author.model_copy(
            update={"name": author.name or person.name, "email": author.email or person.email}
        )

    async def _link_to(self, message: Place) -> str | None:
        surface = self._context.surfaces.shown.get(message.surface)
        if surface is None:
            return None
        try:
            return await surface.link(message)
        except SurfaceError:
            return None  # the card then shows no link to the message


def superseded(
    proposal: Versioned[Proposal] | None, successor: str | None, now: datetime, why: str
) -> Commit:
    """The part of a commit that voids a proposal; empty where there is nothing to void."""
    if proposal is None:
        return Commit()
    moved = transition(proposal.value, Supersede(now, successor))
    if isinstance(moved, Denied):
        return Commit()
    ident = moved.proposal.id
    return Commit(
        proposals=(Versioned(moved.proposal, proposal.version),),
        entries=(transition_entry(proposal.value, moved.proposal, why),),
        wakes=(Wake("card", ident),),
        cleared=(Wake("run", ident), Wake("timer", ident)),
    )


# --- a delivery, as a ticket sees it ----------------------------------------------------------


def root(delivery: Delivery) -> Place:
    """The first message of its conversation: a ticket's origin."""
    origin = delivery.origin
    thread = origin.thread or origin.message
    if origin.surface == "teams" and delivery.kind == "message":
        # Not every client of Teams gives a thread the id of its first message's activity, and an
        # answer names the activity.
        return origin.model_copy(update={"thread": thread})
    return origin.model_copy(update={"thread": thread, "message": thread})


def message_id(delivery: Delivery) -> str:
    return delivery.origin.message or delivery.id


def as_message(delivery: Delivery) -> Message:
    return Message(
        id=message_id(delivery),
        author=delivery.author,
        text=delivery.text,
        at=delivery.received_at,
        files=delivery.files,
    )


def comes_in_bursts(delivery: Delivery) -> bool:
    """People in chats send one thought in several messages; a form or a mail comes whole."""
    return delivery.kind == "message" and delivery.origin.surface in ("slack", "teams")


def quiet_until(delivery: Delivery, playbook: Playbook) -> datetime:
    """When its run may begin."""
    return delivery.received_at + (playbook.quiet if comes_in_bursts(delivery) else timedelta())


def _with_words(ticket: Ticket, delivery: Delivery) -> Ticket:
    """The ticket with one more message of its author."""
    added = as_message(delivery).model_copy(update={"author": ticket.author})
    messages = (*ticket.messages, added)
    if delivery.origin.surface == "slack":
        # Their ids are their times; they may come, and be worked in, in another order.
        messages = tuple(sorted(messages, key=lambda message: message.id))
    return ticket.model_copy(update={"messages": messages})


def entry(kind: EntryKind, delivery: Delivery, ticket: str | None, what: str) -> Entry:
    """What a delivery was to a ticket. Its actor is the colleague who asked; who wrote is a text,
    for the chain keeps for good what stands in it."""
    asker = delivery.asker
    return Entry(
        kind=kind,
        ticket=ticket,
        actor=asker.key if asker else None,
        texts={} if asker else {"author": delivery.author.key},
        data={
            "delivery": delivery.id,
            "what": what,
            "surface": delivery.origin.surface,
            "trace": delivery.trace_id,
            "received_at": delivery.received_at.isoformat(),
        },
    )
