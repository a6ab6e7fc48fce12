"""A delivery becomes a ticket, or is worked into one: bursts, follow-ups, edits, deletions.

The delivery is durable before anything here runs; each case below is one compare-and-swap that
also marks the delivery done, so it may be started as often as it likes and counts once.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from bot.authority import NotAllowed, listed, look_up
from bot.commands import Denied, HandOff, Revise, Supersede
from bot.context import Context
from bot.domain import (
    Actor,
    Author,
    Content,
    Delivery,
    Handoff,
    Message,
    Notice,
    Place,
    Proposal,
    Ticket,
    new_id,
)
from bot.journal import Entry
from bot.lifecycle import transition
from bot.playbook import Playbook, after
from bot.ports import Commit, Conflict, LookUpFailed, Newest, SurfaceError, Versioned, Wake
from bot.publish import DRAFTING_AFTER
from bot.runs import drafting

log = logging.getLogger("deskhand.intake")

_TRIES = 50
"""Compare-and-swap attempts for one delivery before it is left to a later wake."""
_OVERTAKEN = timedelta(seconds=2)
"""For so long a change of, or a reply to, a message that nobody knows may have overtaken it."""
_FIRST_LOOK = timedelta(milliseconds=100)


@dataclass(frozen=True)
class _Known:
    """A ticket that a delivery belongs to, with its present proposal."""

    ticket: Versioned[Ticket]
    proposal: Versioned[Proposal] | None


class Intake:
    """Works deliveries into tickets."""

    def __init__(self, context: Context) -> None:
        self._context = context

    async def receive(self, delivery_id: str) -> datetime | None:
        """Work one delivery in; the answer is when to try again, if it must be. Done already, or
        not there: nothing happens."""
        for _ in range(_TRIES):
            delivery = await self._context.store.delivery(delivery_id)
            if delivery is None:
                return None
            known = await self._known(delivery)
            age = self._context.clock.now() - delivery.received_at
            if known is None and _follows(delivery) and age < _OVERTAKEN:
                return delivery.received_at + max(2 * age, _FIRST_LOOK)
            change = await self._plan(delivery, known)
            done = replace(
                change,
                cleared=(*change.cleared, Wake("deliver", delivery_id)),
                deliveries_done=(delivery_id,),
            )
            if not isinstance(await self._context.store.commit(done), Conflict):
                return None
        log.warning("deskhand: delivery %s keeps losing races; it will be tried again", delivery_id)
        return self._context.clock.now() + _OVERTAKEN

    async def _plan(self, delivery: Delivery, known: _Known | None) -> Commit:
        match delivery.kind:
            case "message":
                if known is not None:
                    return await self._follow_up(delivery, known)
                if delivery.playbook is None or _is_reply(delivery):
                    return Commit()  # in a thread that is nobody's ticket
                return await self._message(delivery)
            case "ask":
                return await self._ask(delivery, known)
            case "edit":
                return Commit() if known is None else await self._edit(delivery, known)
            case "delete":
                return Commit() if known is None else await self._delete(delivery, known)

    async def _known(self, delivery: Delivery) -> _Known | None:
        ticket_id = await self._context.store.ticket_at(delivery.origin)
        if ticket_id is None and delivery.origin.message is not None:
            at = delivery.origin.model_copy(update={"thread": delivery.origin.message})
            ticket_id = await self._context.store.ticket_at(at)
        return None if ticket_id is None else await self._load(ticket_id)

    async def _load(self, ticket_id: str) -> _Known | None:
        ticket = await self._context.store.ticket(ticket_id)
        if ticket is None:
            return None
        current = ticket.value.proposal
        proposal = await self._context.store.proposal(current) if current else None
        return _Known(ticket, proposal)

    async def _message(self, delivery: Delivery) -> Commit:
        """A new top-level message: part of its author's burst, or a ticket of its own."""
        playbook = self._context.playbook(delivery.playbook or "")
        author = delivery.author.key
        if not (_comes_in_bursts(delivery) and playbook.quiet):
            return await self._open(delivery, playbook, await self._named(delivery.author), ())
        earlier = await self._context.store.open_ticket_by(playbook.name, delivery.origin, author)
        known = await self._load(earlier) if earlier else None
        if known is not None and _takes_more(known, delivery.received_at):
            grown = self._grow(delivery, known, playbook)
            return replace(grown, joined=((_root(delivery), known.ticket.value.id),))
        opened = await self._open(delivery, playbook, await self._named(delivery.author), ())
        return replace(opened, newest=Newest(playbook.name, delivery.origin, author, earlier))

    async def _follow_up(self, delivery: Delivery, known: _Known) -> Commit:
        """Words in a ticket's own conversation: its author's, or somebody else's."""
        ticket = known.ticket.value
        if any(message.id == _message_id(delivery) for message in ticket.messages):
            return Commit()
        same = delivery.author.key == ticket.author.key or delivery.origin.surface == "webhook"
        if not same:
            return await self._colleague(delivery, known)
        playbook = self._context.playbook(ticket.playbook)
        if known.proposal is not None and _is_quiet(known.proposal.value):
            return self._grow(delivery, known, playbook)
        grown = _with_words(ticket, delivery)
        return await self._again(delivery, known, grown, playbook, "newer_message")

    async def _edit(self, delivery: Delivery, known: _Known) -> Commit:
        ticket = known.ticket.value
        wanted = _message_id(delivery)
        before = next((message for message in ticket.messages if message.id == wanted), None)
        if before is None or before.text == delivery.text:
            return Commit()
        edited = before.model_copy(update={"text": delivery.text})
        messages = tuple(edited if message is before else message for message in ticket.messages)
        grown = ticket.model_copy(update={"messages": messages})
        playbook = self._context.playbook(ticket.playbook)
        if known.proposal is not None and _is_quiet(known.proposal.value):
            return self._replace(delivery, known, grown, playbook)
        return await self._again(delivery, known, grown, playbook, "edited_message")

    async def _delete(self, delivery: Delivery, known: _Known) -> Commit:
        ticket = known.ticket.value
        wanted = _message_id(delivery)
        left = tuple(message for message in ticket.messages if message.id != wanted)
        if len(left) == len(ticket.messages):
            return Commit()
        playbook = self._context.playbook(ticket.playbook)
        if left:
            grown = ticket.model_copy(update={"messages": left})
            if known.proposal is not None and _is_quiet(known.proposal.value):
                return self._replace(delivery, known, grown, playbook)
            return await self._again(delivery, known, grown, playbook, "deleted_message")
        superseded = self._supersede(known.proposal, None, delivery.received_at)
        return Commit(
            proposals=superseded,
            entries=(_entry("ticket", delivery, ticket.id, "deleted"),),
            wakes=tuple(Wake("card", proposal.value.id) for proposal in superseded),
            cleared=_cleared(superseded),
        )

    async def _ask(self, delivery: Delivery, known: _Known | None) -> Commit:
        """A person asks for a thread or a message to be triaged."""
        if delivery.asker is not None:
            asker = await look_up(self._context, delivery.asker)
            if isinstance(asker, NotAllowed):
                return await self._refuse(delivery, asker)
        if known is not None:
            waiting = known.proposal is not None and known.proposal.value.state in (
                "drafting",
                "pending",
                "handoff",
                "approved",
                "executing",
            )
            if waiting:
                return Commit(entries=(_entry("ticket", delivery, known.ticket.value.id, "asked"),))
            playbook = self._context.playbook(known.ticket.value.playbook)
            return await self._again(delivery, known, known.ticket.value, playbook, "asked")
        playbook = self._context.playbook(delivery.playbook or "")
        if delivery.text:
            # A shortcut on one message: its words are answered, whoever began the thread.
            return await self._open(delivery, playbook, await self._named(delivery.author), ())
        surface = self._context.surfaces.shown.get(delivery.origin.surface)
        said: tuple[Message, ...] = delivery.thread
        if surface is not None and not said:
            try:
                said = await surface.conversation(delivery.origin)
            except SurfaceError as failed:
                log.warning("deskhand: %s could not be read: %s", delivery.origin.key, failed)
        if said:
            author = await self._named(said[0].author)
            own = tuple(message for message in said if message.author.key == said[0].author.key)
            others = tuple(message for message in said if message.author.key != said[0].author.key)
            return await self._open(delivery, playbook, author, others, own)
        return await self._open(delivery, playbook, await self._named(delivery.author), ())

    async def _refuse(self, delivery: Delivery, why: NotAllowed) -> Commit:
        """Guests and strangers may not ask; they are told so in private, and nothing is run."""
        assert delivery.asker is not None
        surface = self._context.surfaces.shown.get(delivery.origin.surface)
        words = "".join(word if isinstance(word, str) else word.name for word in why.words)
        if surface is not None:
            try:
                await surface.tell(delivery.asker, f"You may not ask for this here. {words}")
            except SurfaceError as failed:
                log.info("deskhand: %s was refused and not told: %s", delivery.asker.key, failed)
        return Commit()

    async def _colleague(self, delivery: Delivery, known: _Known) -> Commit:
        """Somebody else answered in the thread: the card says so, once a person a proposal."""
        ticket, proposal = known.ticket.value, known.proposal
        entry = _entry("ticket", delivery, ticket.id, "colleague_replied")
        who = Actor(
            surface=delivery.author.surface, team=delivery.author.team, id=delivery.author.id
        )
        if proposal is None or any(notice.actor == who for notice in proposal.value.notices):
            return Commit(entries=(entry,))
        route = proposal.value.content.route if proposal.value.content else "default"
        playbook = self._context.playbook(ticket.playbook)
        try:
            approver = await listed(self._context, who, playbook.route(route).approvers)
        except LookUpFailed:
            approver = False  # the notice only gets the plainer words
        notice = Notice(
            kind="answered_by_hand" if approver else "colleague_replied",
            text="has replied in the thread. Answered by hand? Then close this card with Reject."
            if approver
            else "has replied in the thread.",
            actor=who,
        )
        moved = transition(proposal.value, Revise(delivery.received_at, notice))
        if isinstance(moved, Denied):
            return Commit(entries=(entry,))
        return Commit(
            tickets=(
                Versioned(
                    ticket.model_copy(update={"colleague_replied": True}), known.ticket.version
                ),
            ),
            proposals=(Versioned(moved.proposal, proposal.version),),
            entries=(entry,),
            wakes=(Wake("card", moved.proposal.id),),
        )

    async def _open(
        self,
        delivery: Delivery,
        playbook: Playbook,
        author: Author,
        thread: tuple[Message, ...],
        messages: tuple[Message, ...] | None = None,
    ) -> Commit:
        now = self._context.clock.now()
        ticket = Ticket(
            id=new_id("t"),
            tenant=self._context.tenant,
            playbook=playbook.name,
            origin=_root(delivery),
            author=author,
            asker=delivery.asker,
            subject=delivery.subject,
            messages=messages or (_as_message(delivery, author),),
            thread=thread or delivery.thread,
            url=delivery.url or await self._link(delivery),
            created_at=now,
            runs=1,
            trace_id=delivery.trace_id,
        )
        proposal = drafting(ticket, now, not_before=_quiet_until(delivery, playbook))
        return Commit(
            tickets=(Versioned(ticket.model_copy(update={"proposal": proposal.id}), 0),),
            proposals=(Versioned(proposal, 0),),
            entries=(
                _entry("delivery", delivery, ticket.id, delivery.kind),
                _run_entry(ticket, proposal, "opened"),
            ),
            wakes=first_wakes(proposal, now),
        )

    def _grow(self, delivery: Delivery, known: _Known, playbook: Playbook) -> Commit:
        """One more message of a burst: the quiet window begins anew."""
        grown = _with_words(known.ticket.value, delivery)
        return self._replace(delivery, known, grown, playbook)

    def _replace(
        self, delivery: Delivery, known: _Known, grown: Ticket, playbook: Playbook
    ) -> Commit:
        assert known.proposal is not None
        proposal = known.proposal.value
        # Deliveries may be worked in in another order than they came.
        quiet = max(proposal.run.not_before, _quiet_until(delivery, playbook))
        run = proposal.run.model_copy(update={"not_before": quiet})
        later = proposal.model_copy(update={"run": run})
        return Commit(
            tickets=(Versioned(grown, known.ticket.version),),
            proposals=(Versioned(later, known.proposal.version),),
            entries=(_entry("delivery", delivery, grown.id, delivery.kind),),
            wakes=(Wake("run", proposal.id, run.not_before),),
        )

    async def _again(
        self, delivery: Delivery, known: _Known, grown: Ticket, playbook: Playbook, why: str
    ) -> Commit:
        """A newer customer message: what is not yet claimed is void, and a new run begins."""
        now = self._context.clock.now()
        generation = grown.generation + 1
        grown = grown.model_copy(update={"generation": generation, "runs": grown.runs + 1})
        fresh = drafting(grown, now, not_before=_quiet_until(delivery, playbook))
        if grown.runs > playbook.limits.runs_per_ticket:
            fresh = over_limit(
                fresh, now, playbook, f"This ticket has had {playbook.limits.runs_per_ticket} runs."
            )
        superseded = self._supersede(known.proposal, fresh.id, now)
        if superseded:
            fresh = fresh.model_copy(update={"predecessor": superseded[0].value.id})
        grown = grown.model_copy(update={"proposal": fresh.id, "colleague_replied": False})
        return Commit(
            tickets=(Versioned(grown, known.ticket.version),),
            proposals=(*superseded, Versioned(fresh, 0)),
            entries=(
                _entry("delivery", delivery, grown.id, delivery.kind),
                _run_entry(grown, fresh, why),
            ),
            wakes=(
                *(Wake("card", proposal.value.id) for proposal in superseded),
                *first_wakes(fresh, now),
            ),
            cleared=_cleared(superseded),
        )

    def _supersede(
        self, proposal: Versioned[Proposal] | None, successor: str | None, now: datetime
    ) -> tuple[Versioned[Proposal], ...]:
        if proposal is None:
            return ()
        moved = transition(proposal.value, Supersede(now, successor))
        if isinstance(moved, Denied):
            return ()
        return (Versioned(moved.proposal, proposal.version),)

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

    async def _link(self, delivery: Delivery) -> str | None:
        surface = self._context.surfaces.shown.get(delivery.origin.surface)
        if surface is None:
            return None
        try:
            return await surface.link(_root(delivery))
        except SurfaceError:
            return None  # the card then shows no link to the message


def over_limit(proposal: Proposal, now: datetime, playbook: Playbook, words: str) -> Proposal:
    """A ticket whose limit of runs is reached goes to a person without another run."""
    command = HandOff(
        at=now,
        handoff=Handoff(reason="steps", missing=(words,)),
        content=Content(labels=(), route="default"),
        playbook_version="",
        model="",
        remind_at=after(now, playbook.remind_after, playbook.hours),
    )
    moved = transition(proposal, command)
    if isinstance(moved, Denied):
        raise AssertionError(f"a new proposal cannot be handed off: {moved.kind}")
    return moved.proposal


def _is_quiet(proposal: Proposal) -> bool:
    """Whether its run has not begun, so that more words may still join it."""
    return proposal.state == "drafting" and proposal.run.starts == 0


def _takes_more(known: _Known, at: datetime) -> bool:
    """Whether a message that came at ``at`` is of the same burst: within the quiet window from the
    last one. A run that waits longer (paused, or behind others) gathers nothing more."""
    proposal = known.proposal.value if known.proposal is not None else None
    return proposal is not None and _is_quiet(proposal) and at < proposal.run.not_before


def _quiet_until(delivery: Delivery, playbook: Playbook) -> datetime:
    """When its run may begin."""
    return delivery.received_at + (playbook.quiet if _comes_in_bursts(delivery) else timedelta())


def _follows(delivery: Delivery) -> bool:
    """Whether it makes sense only beside an earlier message. Two events of one conversation may be
    worked in at the same time, and the later one first."""
    return delivery.kind in ("edit", "delete") or (
        delivery.kind == "message" and _is_reply(delivery)
    )


def _comes_in_bursts(delivery: Delivery) -> bool:
    """People in chats send one thought in several messages; a form or a mail comes whole."""
    return delivery.kind == "message" and delivery.origin.surface in ("slack", "teams")


def _is_reply(delivery: Delivery) -> bool:
    origin = delivery.origin
    return origin.surface == "slack" and origin.thread not in (None, origin.message)


def _root(delivery: Delivery) -> Place:
    origin = delivery.origin
    thread = origin.thread or origin.message
    return origin.model_copy(update={"thread": thread, "message": thread})


def _message_id(delivery: Delivery) -> str:
    return delivery.origin.message or delivery.id


def _with_words(ticket: Ticket, delivery: Delivery) -> Ticket:
    """The ticket with one more message of its author."""
    messages = (*ticket.messages, _as_message(delivery, ticket.author))
    if delivery.origin.surface == "slack":
        # Their ids are their times; they may come, and be worked in, in another order.
        messages = tuple(sorted(messages, key=lambda message: message.id))
    return ticket.model_copy(update={"messages": messages})


def _as_message(delivery: Delivery, author: Author) -> Message:
    return Message(
        id=_message_id(delivery),
        author=author,
        text=delivery.text,
        at=delivery.received_at,
        files=delivery.files,
    )


def first_wakes(proposal: Proposal, now: datetime) -> tuple[Wake, ...]:
    """What a new proposal is first woken for: its run and its drafting card, or its card."""
    if proposal.state != "drafting":
        return (Wake("card", proposal.id), Wake("timer", proposal.id, proposal.remind_at))
    start = proposal.run.not_before
    return (
        Wake("run", proposal.id, start if start > now else None),
        Wake("card", proposal.id, now + DRAFTING_AFTER),
    )


def _cleared(superseded: tuple[Versioned[Proposal], ...]) -> tuple[Wake, ...]:
    return tuple(
        wake
        for proposal in superseded
        for wake in (Wake("run", proposal.value.id), Wake("timer", proposal.value.id))
    )


def _entry(kind: str, delivery: Delivery, ticket: str, what: str) -> Entry:
    return Entry.model_validate(
        {
            "kind": kind,
            "ticket": ticket,
            "actor": delivery.author.key,
            "data": {
                "delivery": delivery.id,
                "what": what,
                "surface": delivery.origin.surface,
                "trace": delivery.trace_id,
                "received_at": delivery.received_at.isoformat(),
            },
        }
    )


def _run_entry(ticket: Ticket, proposal: Proposal, why: str) -> Entry:
    return Entry(
        kind="ticket",
        ticket=ticket.id,
        run=proposal.run.id,
        proposal=proposal.id,
        playbook=ticket.playbook,
        data={"what": why, "generation": ticket.generation, "state": proposal.state},
    )
