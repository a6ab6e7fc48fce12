"""A person asks for a thread or a message to be triaged.

Whoever asks is answered: by a card, or in private by why there is none. Words and an author there
must be, for nothing is drafted from an empty ticket.
"""

from __future__ import annotations

import logging
from typing import assert_never

from bot.ask_plans import Later, Plan, has_time, later, private
from bot.context import Context
from bot.domain import FINAL_STATES, Actor, Delivery, Message, Proposal, Ticket
from bot.ports import Commit, NotRead, SurfaceError, Versioned
from bot.tickets import Known, Tickets, as_message, entry

log = logging.getLogger("deskhand.intake")


class TriageAsks:
    """Plans of what becomes of asks for triage, by people who may ask."""

    def __init__(self, context: Context, tickets: Tickets) -> None:
        self._context = context
        self._tickets = tickets

    async def plan(self, delivery: Delivery, known: Known | None) -> Plan | Later:
        """``known`` is the ticket of the conversation, if it is one already."""
        if known is not None:
            return await self._once_more(delivery, known)
        return await self._first(delivery)

    # --- a conversation that is a ticket already ----------------------------------------------

    async def _once_more(self, delivery: Delivery, known: Known) -> Plan:
        before = known.ticket.value
        ticket = _asked_by(before, delivery.asker)
        proposal = known.proposal.value if known.proposal is not None else None
        if proposal is None or proposal.state in FINAL_STATES:
            if not ticket.messages:
                return _says(
                    delivery, "Its author has deleted it; there is nothing left to answer."
                )
            playbook = self._context.playbook(ticket.playbook)
            return Plan(self._tickets.again(delivery, known, ticket, playbook, "asked"))
        asked = (Versioned(ticket, known.ticket.version),) if ticket != before else ()
        return Plan(
            Commit(tickets=asked, entries=(entry("ticket", delivery, ticket.id, "asked"),)),
            private(delivery, await self._where(proposal, ticket)),
        )

    async def _where(self, proposal: Proposal, ticket: Ticket) -> str:
        """Where the ticket stands, with a link to its card if there is one."""
        words = f"This is a ticket already; {_standing(proposal)}."
        link = await self._card_link(proposal.id)
        if link is not None:
            words += f" Its card: {link}"
        may = self._context.playbook(ticket.playbook).asker_may_approve
        if proposal.state in ("drafting", "handoff", "pending") and not may:
            words += "\nSince you asked for it too, somebody else must approve the reply."
        return words

    async def _card_link(self, proposal: str) -> str | None:
        board = await self._context.store.board(proposal)
        for copy in sorted(board.value.copies, key=lambda one: not one.main):
            surface = self._context.surfaces.shown.get(copy.place.surface)
            if copy.status != "posted" or surface is None:
                continue
            try:
                link = await surface.link(copy.place)
            except SurfaceError:
                continue  # the words alone say that there is a card
            if link is not None:
                return link
        return None

    # --- one that is none yet -----------------------------------------------------------------

    async def _first(self, delivery: Delivery) -> Plan | Later:
        playbook = self._context.playbook(delivery.playbook or "")
        if has_words(delivery):
            # A shortcut on one message: its words are answered, whoever began the thread.
            if not delivery.author.id:
                return _says(delivery, "Nobody can be told to have written that message.")
            message = as_message(delivery)
            opened = await self._tickets.open(delivery, playbook, message.author, (message,))
            return Plan(opened)
        said = await self._conversation(delivery)
        if isinstance(said, Plan | Later):
            return said
        if not said:
            return _says(delivery, "A person has written nothing here that could be answered.")
        author = said[0].author
        own = tuple(message for message in said if message.author.key == author.key)
        others = tuple(message for message in said if message.author.key != author.key)
        return Plan(await self._tickets.open(delivery, playbook, author, own, others))

    async def _conversation(self, delivery: Delivery) -> tuple[Message, ...] | Plan | Later:
        """What persons have written there, but the ask itself."""
        said = delivery.thread
        surface = self._context.surfaces.shown.get(delivery.origin.surface)
        if surface is not None and not said:
            try:
                said = await surface.conversation(delivery.origin)
            except NotRead as failed:
                log.warning("deskhand: %s could not be read: %s", delivery.origin.key, failed)
                if not failed.final and has_time(self._context, delivery):
                    return later(self._context, delivery, failed.retry_after_seconds)
                return _says(delivery, _not_read(failed))
        place = delivery.origin
        ask = place.message if place.message != place.thread else None
        return tuple(
            one
            for one in said
            if one.id != ask and one.author.id and (one.text.strip() or one.files)
        )


def _says(delivery: Delivery, words: str) -> Plan:
    return Plan(answer=private(delivery, words))


def has_words(delivery: Delivery) -> bool:
    """Whether a delivery says anything: a text or the name of a file."""
    return bool(delivery.text.strip() or delivery.files)


def _asked_by(ticket: Ticket, asker: Actor | None) -> Ticket:
    """The ticket with this asker on record, who may not approve what they asked for."""
    if asker is None or asker in ticket.askers:
        return ticket
    if ticket.asker is None:
        return ticket.model_copy(update={"asker": asker})
    return ticket.model_copy(update={"also_asked": (*ticket.also_asked, asker)})


def _not_read(failed: NotRead) -> str:
    if failed.final:
        return (
            f"Deskhand cannot read this conversation ({failed}). "
            "Invite it to the channel, then ask again."
        )
    return f"Deskhand could not read this conversation ({failed}). Please ask again in a while."


def _standing(proposal: Proposal) -> str:
    match proposal.state:
        case "drafting":
            return "a draft is being made"
        case "pending":
            return "a draft waits for a decision"
        case "handoff":
            return "a person is asked to answer it"
        case "approved" | "executing":
            return "a reply is approved and on its way"
        case "failed" | "unknown":
            return "a person must say what became of its reply"
        case "rejected" | "expired" | "superseded" | "succeeded" | "answered":
            return "it has come to an end"
        case _:
            assert_never(proposal.state)
