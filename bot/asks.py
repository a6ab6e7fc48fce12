"""What becomes of asks: by a mention, in free words, or for a conversation to be triaged.

Whoever asks is answered: by a card or an answer, or in private by why there is none. Which
playbook answers is decided here, by its kind and its ``askers``; how, is its own affair.
"""

from __future__ import annotations

import logging
import secrets
from collections.abc import Iterable

from bot.ask_plans import Later, Plan, about, has_time, later, private, told
from bot.ask_routing import Chooser
from bot.audience import has_guests
from bot.authority import NotAllowed, listed, look_up
from bot.card import Words
from bot.context import Context
from bot.domain import Actor, Ask, AskVerb, Author, Delivery
from bot.lead_asks import lead_of_shortcut, refused_lead
from bot.mentions import KIND_OF, USAGE, VERB_OF, Asked, with_object
from bot.playbook import Approvers, Playbook
from bot.ports import AskedBack, Choice, Commit, LookUpFailed, Private, SurfaceError
from bot.projection import who_may
from bot.tickets import Known, Tickets, entry
from bot.triage_asks import TriageAsks

log = logging.getLogger("deskhand.intake")

_LABEL = 60
"""Characters of a playbook's name on a button."""


class Asks:
    """Plans of what becomes of asks. Nothing is saved here but what an asker may choose from."""

    def __init__(
        self,
        context: Context,
        tickets: Tickets,
        chooser: Chooser | None = None,
        asked_back: AskedBack | None = None,
    ) -> None:
        """``chooser``: tells what free words mean; without it their asker does."""
        self._context = context
        self._tickets = tickets
        self._triage = TriageAsks(context, tickets)
        self._chooser = chooser
        self._asked_back = asked_back

    async def plan(self, delivery: Delivery, known: Known | None) -> Plan | Later:
        """``known`` is the ticket of the conversation, if it is one already."""
        if delivery.asker is not None:
            person = await look_up(self._context, delivery.asker)
            if isinstance(person, NotAllowed):
                if person.kind == "look_up_failed" and has_time(self._context, delivery):
                    return later(self._context, delivery)
                return self._refused(delivery, self._meant(delivery), _STANDING[person.kind])
        try:
            return await self._of_a_member(delivery, known)
        except LookUpFailed as failed:
            log.info("deskhand: who may ask is not known now: %s", failed)
            if has_time(self._context, delivery):
                return later(self._context, delivery)
            return self._refused(delivery, self._meant(delivery), _STANDING["look_up_failed"])

    async def tell(self, delivery: Delivery, said: Private) -> None:
        """Say something to the asker alone. Nothing depends on its arrival."""
        asker = delivery.asker
        surface = self._context.surfaces.shown.get(asker.surface) if asker is not None else None
        if asker is None or surface is None:
            return
        try:
            await surface.whisper(delivery.origin, asker, said)
        except SurfaceError as failed:
            log.info("deskhand: %s could not be answered: %s", asker.key, failed)

    # --- which playbook -----------------------------------------------------------------------

    async def _of_a_member(self, delivery: Delivery, known: Known | None) -> Plan | Later:
        """Raises ``LookUpFailed``."""
        ask, asker = delivery.ask, delivery.asker
        if ask is None or asker is None:
            lead = await lead_of_shortcut(self._context, delivery)
            if isinstance(lead, Plan):
                return lead
            if lead is not None:
                delivery = delivery.model_copy(update={"playbook": lead.name})
            elif delivery.playbook is None:
                return Plan(answer=private(delivery, "No playbook here does anything with it."))
            return await self._triage.plan(delivery, known)
        if ask.verb is None:
            return await self._free(delivery, ask, asker, known)
        books = self._meant(delivery)
        if not books:
            words = f"{ask.verb} is not set up here: no playbook does that."
            return Plan(answer=private(delivery, words))
        for book in books:
            if await listed(self._context, asker, book.askers):
                return await self._begin(delivery, book, ask)
        return self._refused(delivery, books)

    def _meant(self, delivery: Delivery) -> tuple[Playbook, ...]:
        """The playbooks that an ask may be for, in the file's order; none for a triage."""
        ask, every = delivery.ask, self._context.playbooks
        if ask is None:
            return ()
        if ask.verb is None:
            return tuple(book for book in every.values() if book.kind != "triage")
        kind = KIND_OF[ask.verb]
        chosen = every.get(delivery.playbook or "")
        if chosen is not None and chosen.kind == kind:
            return (chosen,)  # its asker pressed this one's button
        return tuple(book for book in every.values() if book.kind == kind)

    async def _begin(self, delivery: Delivery, book: Playbook, ask: Ask) -> Plan:
        if book.kind == "lead":
            refused = refused_lead(delivery, book, ask)
            if refused is not None:
                return refused
        guests = await has_guests(self._context, delivery.origin)
        return Plan(
            await self._tickets.ask(delivery, book, ask.model_copy(update={"guests": guests}))
        )

    def _refused(self, delivery: Delivery, books: Iterable[Playbook], why: str = "") -> Plan:
        """In private: that they may not, and who may."""
        ask = delivery.ask
        what = ask.verb if ask is not None and ask.verb is not None else "this"
        words: Words = (f"You may not ask for {what} here. ", *((why + " ",) if why else ()))
        if ask is None:
            words = (*words, "Members of this workspace may.")
        else:
            words = (*words, "It may be asked for by ", *who_may(_together(books)), ".")
        return Plan(
            Commit(entries=(entry("delivery", delivery, None, "refused_ask"),)),
            told(delivery, words),
        )

    # --- free words ---------------------------------------------------------------------------

    async def _free(
        self, delivery: Delivery, ask: Ask, asker: Actor, known: Known | None
    ) -> Plan | Later:
        """What they mean, if that is clear; else their asker says it with a button."""
        books = self._meant(delivery)
        mine = [book for book in books if await listed(self._context, asker, book.askers)]
        if not mine:
            return self._refused(delivery, books)
        possible = {
            book.name: made
            for book in (*mine, *self._triaging(delivery))
            if (made := _as_ask_of(delivery, ask, book)) is not None
        }
        if not possible:
            usages = ("".join(USAGE[VERB_OF[book.kind]]) for book in mine)
            return Plan(answer=private(delivery, f"Usage: {'; or: '.join(usages)}."))
        chosen = None
        if self._chooser is not None:
            offered = {name: self._context.playbooks[name] for name in possible}
            chosen = await self._chooser.choose(delivery, ask.words, offered)
        if chosen is not None:
            return await self._of_a_member(possible[chosen], known)
        return await self._ask_back(delivery, possible)

    def _triaging(self, delivery: Delivery) -> tuple[Playbook, ...]:
        book = self._context.playbooks.get(delivery.playbook or "")
        return (book,) if book is not None and book.kind == "triage" else ()

    async def _ask_back(self, delivery: Delivery, possible: dict[str, Delivery]) -> Plan:
        choices = []
        if self._asked_back is not None:
            for name, meant in possible.items():
                token, book = secrets.token_urlsafe(24), self._context.playbooks[name]
                await self._asked_back.keep(token, meant)
                choices.append(Choice("ask", name[:_LABEL], token, book.about))
        verbs = ", ".join(
            dict.fromkeys(VERB_OF[self._context.playbooks[name].kind] for name in possible)
        )
        words = f"“{about(delivery)}”: what should I do? You can also begin with a verb: {verbs}."
        return Plan(
            Commit(entries=(entry("delivery", delivery, None, "asked_back"),)),
            Private((words,), choices=tuple(choices)),
        )


_STANDING = {
    "guest": "Guests may not ask me for anything.",
    "external": "People of other organisations may not ask me for anything.",
    "bot": "Bots may not ask me for anything.",
    "deleted": "This account has been deactivated.",
    "unknown_surface": "I do not know people there.",
    "look_up_failed": "I could not look you up. Please ask again in a while.",
}
"""Why somebody may not ask, by what the directory said of them."""


def _as_ask_of(delivery: Delivery, ask: Ask, book: Playbook) -> Delivery | None:
    """Free words as an ask of this playbook; None: it needs what is not there."""
    verb: AskVerb = VERB_OF[book.kind]
    origin = delivery.origin
    # A bot reads no thread in Teams, so that there is none that could be meant.
    in_thread = origin.surface != "teams" and origin.thread not in (None, origin.message)
    made = with_object(verb, ask.words, in_thread=in_thread)
    if not isinstance(made, Asked):
        return None
    changed = {
        # Whichever button is pressed, and however often, it is one ask.
        "id": f"{delivery.id}:chosen",
        "aliases": (),
        "playbook": book.name,
        "ask": ask.model_copy(update={"verb": verb, "words": made.words, "count": made.count}),
    }
    if verb == "triage":
        # Whose words are triaged, the thread says.
        nobody = Author(surface=origin.surface, team=delivery.author.team, id="")
        changed |= {"ask": None, "author": nobody}
    return delivery.model_copy(update=changed)


def _together(books: Iterable[Playbook]) -> Approvers:
    """Everybody who may ask one of these."""
    given = [book.askers for book in books]

    def every(name: str) -> tuple[str, ...]:
        return tuple(dict.fromkeys(one for askers in given for one in getattr(askers, name)))

    return Approvers(**{name: every(name) for name in Approvers.model_fields})
