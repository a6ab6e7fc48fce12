"""Leads that a person asks for: whom they name, and whether anybody may be looked up for it.

What is refused is refused in private, before anything is fetched and before any model is asked.
"""

from __future__ import annotations

from bot.agent.wanted import Unwanted, wanted, wanted_in_text
from bot.ask_plans import Plan, told
from bot.authority import listed
from bot.card import Words
from bot.context import Context
from bot.domain import Ask, Delivery
from bot.playbook import Playbook
from bot.ports import Commit
from bot.projection import who_may
from bot.tickets import entry


def refused_lead(delivery: Delivery, playbook: Playbook, ask: Ask | None) -> Plan | None:
    """Why what is asked for is not looked up; None: it is. Without an ``ask`` it is a message that
    somebody has pointed at."""
    barred = playbook.do_not_enrich
    found = wanted_in_text(delivery.text, barred) if ask is None else wanted(ask.words, barred)
    return _no(delivery, (found.words,)) if isinstance(found, Unwanted) else None


async def lead_of_shortcut(context: Context, delivery: Delivery) -> Playbook | Plan | None:
    """The lead playbook that a press of the shortcut on a message is for: the one that listens
    there, else, where none does, the first whose askers hold who pressed. A plan: why not; None: it
    is no lead. Raises ``LookUpFailed``."""
    asker, origin = delivery.asker, delivery.origin
    if asker is None or not (delivery.text.strip() or delivery.files):
        return None
    here = next(
        (
            book
            for book in context.playbooks.values()
            for listen in book.listen
            if (listen.place.surface, listen.place.place) == (origin.surface, origin.place)
        ),
        None,
    )
    if here is not None and here.kind != "lead":
        return None
    leads = [book for book in context.playbooks.values() if book.kind == "lead"]
    for book in [here] if here is not None else leads:
        if await listed(context, asker, book.askers):
            return refused_lead(delivery, book, None) or book
    if here is None:
        return None
    words = ("You may not ask for leads here. It may be asked for by ", *who_may(here.askers), ".")
    return _no(delivery, words)


def _no(delivery: Delivery, words: Words) -> Plan:
    said = entry("delivery", delivery, None, "refused_ask")
    return Plan(Commit(entries=(said,)), told(delivery, words))
