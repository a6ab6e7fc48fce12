"""A delivery becomes a ticket, or is worked into one: bursts, follow-ups, edits, deletions, asks.

The delivery is durable before anything here runs; each case below is one compare-and-swap that
also marks the delivery done, so it may be started as often as it likes and counts once.
"""

from __future__ import annotations

import logging
from dataclasses import replace
from datetime import datetime, timedelta

from bot.ask_plans import Later, Plan
from bot.ask_routing import Chooser
from bot.asks import Asks
from bot.authority import listed
from bot.commands import Denied, Revise
from bot.context import Context
from bot.domain import Actor, Delivery, Message, Notice, Ticket
from bot.lifecycle import transition
from bot.playbook import Playbook
from bot.ports import AskedBack, Commit, Conflict, LookUpFailed, Newest, Versioned, Wake
from bot.runs import transition_entry
from bot.tickets import (
    Known,
    Tickets,
    as_message,
    comes_in_bursts,
    entry,
    message_id,
    root,
    superseded,
)
from bot.triage_asks import has_words

log = logging.getLogger("deskhand.intake")

_TRIES = 50
"""Compare-and-swap attempts for one delivery before it is left to a later wake."""
_OVERTAKEN = timedelta(seconds=2)
"""For so long a change of, or a reply to, a message that has not come may have overtaken it."""
_LOOK = (timedelta(milliseconds=100), timedelta(seconds=1))
"""The shortest and the longest time between two looks whether it has."""


class Intake:
    """Works deliveries into tickets."""

    def __init__(
        self,
        context: Context,
        chooser: Chooser | None = None,
        asked_back: AskedBack | None = None,
    ) -> None:
        self._context = context
        self._tickets = Tickets(context)
        self._asks = Asks(context, self._tickets, chooser, asked_back)

    async def receive(self, delivery_id: str) -> datetime | None:
        """Work one delivery in; the answer is when to try again, if it must be. Done already, or
        not there: nothing happens."""
        for _ in range(_TRIES):
            delivery = await self._context.store.delivery(delivery_id)
            if delivery is None:
                return None
            known = await self._known(delivery)
            if _misses_its_message(delivery, known):
                again_at = await self._waits_for_it(delivery)
                if again_at is not None:
                    return again_at
                known = await self._known(delivery)  # it may have been worked in just now
            plan = await self._plan(delivery, known)
            if isinstance(plan, Later):
                return plan.at
            if plan.answer is not None and plan.only_says:
                await self._asks.tell(delivery, plan.answer)
            done = replace(
                plan.commit,
                cleared=(*plan.commit.cleared, Wake("deliver", delivery_id)),
                deliveries_done=(delivery_id,),
            )
            if not isinstance(await self._context.store.commit(done), Conflict):
                for ticket in plan.commit.tickets:
                    self._context.spans.delivered(delivery, ticket.value)
                if plan.answer is not None and not plan.only_says:
                    await self._asks.tell(delivery, plan.answer)
                return None
        log.warning("deskhand: delivery %s keeps losing races; it will be tried again", delivery_id)
        return self._context.clock.now() + _OVERTAKEN

    async def _waits_for_it(self, delivery: Delivery) -> datetime | None:
        """When to look again for the message that this one belongs to; None: it is worked in by
        now, or will not come.

        Two events of one conversation may be worked in at the same time and the later one first,
        after a while without a worker many of them. What is durable is waited for however long it
        takes; what is not there may have been overtaken on its way to us.
        """
        now = self._context.clock.now()
        age = now - delivery.received_at
        arrival = await self._context.store.arrived(delivery.follows)
        if arrival == "waiting" or (arrival == "unseen" and age < _OVERTAKEN):
            return now + min(max(age, _LOOK[0]), _LOOK[1])
        return None

    async def _plan(self, delivery: Delivery, known: Known | None) -> Plan | Later:
        match delivery.kind:
            case "message":
                return Plan(await self._message(delivery, known))
            case "ask":
                return await self._asks.plan(delivery, known)
            case "edit":
                return Plan() if known is None else Plan(self._edit(delivery, known))
            case "delete":
                return Plan() if known is None else Plan(self._delete(delivery, known))

    async def _known(self, delivery: Delivery) -> Known | None:
        conversations = [delivery.origin]
        if delivery.origin.message is not None:
            thread = {"thread": delivery.origin.message}
            conversations.append(delivery.origin.model_copy(update=thread))
        ticket_id = await self._context.store.ticket_at(*conversations)
        return None if ticket_id is None else await self._load(ticket_id)

    async def _load(self, ticket_id: str) -> Known | None:
        ticket = await self._context.store.ticket(ticket_id)
        if ticket is None:
            return None
        current = ticket.value.proposal
        proposal = await self._context.store.proposal(current) if current else None
        return Known(ticket, proposal)

    # --- words --------------------------------------------------------------------------------

    async def _message(self, delivery: Delivery, known: Known | None) -> Commit:
        if not has_words(delivery) or not delivery.author.id:
            log.info("deskhand: %s says nothing, or is nobody's", delivery.id)
            return Commit()
        if known is not None:
            return await self._follow_up(delivery, known)
        if delivery.playbook is None or _is_reply(delivery):
            return Commit()  # in a thread that is nobody's ticket
        return await self._top_level(delivery, self._context.playbook(delivery.playbook))

    async def _top_level(self, delivery: Delivery, playbook: Playbook) -> Commit:
        """A new message in its channel: part of its author's burst, or a ticket of its own."""
        chat = _is_in_a_chat(delivery)
        if not (comes_in_bursts(delivery) and (playbook.quiet or chat)):
            return await self._open(delivery, playbook)
        author = delivery.author.key
        earlier = await self._context.store.open_ticket_by(playbook.name, delivery.origin, author)
        known = await self._load(earlier) if earlier else None
        if known is not None and (
            _takes_more(known, delivery.received_at) or (chat and _is_under_way(known))
        ):
            grown = self._tickets.grow(delivery, known, playbook)
            return replace(grown, joined=((root(delivery), known.ticket.value.id),))
        opened = await self._open(delivery, playbook)
        return replace(opened, newest=Newest(playbook.name, delivery.origin, author, earlier))

    async def _open(self, delivery: Delivery, playbook: Playbook) -> Commit:
        message = as_message(delivery)
        return await self._tickets.open(
            delivery, playbook, delivery.author, (message,), delivery.thread
        )

    async def _follow_up(self, delivery: Delivery, known: Known) -> Commit:
        """Words in a ticket's own conversation: its author's, or somebody else's."""
        ticket = known.ticket.value
        if any(message.id == message_id(delivery) for message in ticket.messages):
            return Commit()
        own = delivery.author.key == ticket.author.key or delivery.origin.surface == "webhook"
        if not own:
            return await self._colleague(delivery, known)
        return self._tickets.grow(delivery, known, self._context.playbook(ticket.playbook))

    async def _colleague(self, delivery: Delivery, known: Known) -> Commit:
        """Somebody else answered in the thread: the card says so, once a person a proposal."""
        ticket, proposal = known.ticket.value, known.proposal
        heard = entry("ticket", delivery, ticket.id, "colleague_replied")
        who = Actor(
            surface=delivery.author.surface, team=delivery.author.team, id=delivery.author.id
        )
        if proposal is None or any(_is_reply_of(one, who) for one in proposal.value.notices):
            return Commit(entries=(heard,))
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
            return Commit(entries=(heard,))
        replied = ticket.model_copy(update={"colleague_replied": True})
        return Commit(
            tickets=(Versioned(replied, known.ticket.version),),
            proposals=(Versioned(moved.proposal, proposal.version),),
            entries=(heard, transition_entry(proposal.value, moved.proposal, notice.kind)),
            wakes=(Wake("card", moved.proposal.id),),
        )

    # --- changes of words ---------------------------------------------------------------------

    def _edit(self, delivery: Delivery, known: Known) -> Commit:
        ticket, edited = known.ticket.value, message_id(delivery)

        def now(message: Message) -> Message:
            changed = message.id == edited
            return message.model_copy(update={"text": delivery.text}) if changed else message

        messages = tuple(now(message) for message in ticket.messages)
        thread = tuple(now(message) for message in ticket.thread)
        changed = ticket.model_copy(update={"messages": messages, "thread": thread})
        if messages == ticket.messages:
            return _context_changed(known, changed)
        playbook = self._context.playbook(ticket.playbook)
        return self._tickets.change(delivery, known, changed, playbook, "edited_message")

    def _delete(self, delivery: Delivery, known: Known) -> Commit:
        """What is deleted leaves the ticket, so that no later run and no card shows it again."""
        ticket, gone = known.ticket.value, message_id(delivery)
        left = tuple(message for message in ticket.messages if message.id != gone)
        thread = tuple(message for message in ticket.thread if message.id != gone)
        changed = ticket.model_copy(update={"messages": left, "thread": thread})
        if left == ticket.messages:
            return _context_changed(known, changed)
        if left:
            playbook = self._context.playbook(ticket.playbook)
            return self._tickets.change(delivery, known, changed, playbook, "deleted_message")
        void = superseded(known.proposal, None, self._context.clock.now(), "deleted_message")
        return replace(
            void,
            tickets=(Versioned(changed, known.ticket.version),),
            entries=(entry("ticket", delivery, ticket.id, "deleted"), *void.entries),
        )


def _context_changed(known: Known, changed: Ticket) -> Commit:
    """What others said, and later changed or took back, is only kept up to date: nobody asked for
    an answer to it."""
    if changed == known.ticket.value:
        return Commit()
    return Commit(tickets=(Versioned(changed, known.ticket.version),))


def _takes_more(known: Known, at: datetime) -> bool:
    """Whether a message that came at ``at`` is of the same burst: within the quiet window from the
    last one. A run that waits longer (paused, or behind others) gathers nothing more."""
    return (
        known.proposal is not None and known.is_quiet and at < known.proposal.value.run.not_before
    )


def _misses_its_message(delivery: Delivery, known: Known | None) -> bool:
    """Whether it makes sense only beside an earlier message, which is not (yet) in a ticket."""
    if delivery.kind in ("edit", "delete"):
        if known is None:
            return True
        ticket = known.ticket.value
        wanted = message_id(delivery)
        return all(message.id != wanted for message in (*ticket.messages, *ticket.thread))
    return known is None and delivery.kind == "message" and _is_reply(delivery)


def _is_reply(delivery: Delivery) -> bool:
    origin = delivery.origin
    if origin.surface == "teams":
        return bool(delivery.follows)
    return origin.surface == "slack" and origin.thread not in (None, origin.message)


def _is_in_a_chat(delivery: Delivery) -> bool:
    """Whether there are no threads where it was said, as in a group chat in Teams."""
    return delivery.origin.surface == "teams" and delivery.origin.thread is None


def _is_under_way(known: Known) -> bool:
    """Whether its author, who writes on where there are no threads, means this ticket still."""
    return known.proposal is not None and known.proposal.value.state in ("drafting", "pending")


def _is_reply_of(notice: Notice, who: Actor) -> bool:
    return notice.actor == who and notice.kind in ("colleague_replied", "answered_by_hand")
