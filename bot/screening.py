"""The screen in front of every card: what a draft holds, before anybody may approve it.

It is asked when a run's draft is saved and again at each edit, of everything that would go out: the
reply and the arguments of every included action. Sources are the articles that the draft cites with
quotes that stand in them.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, replace
from functools import cached_property
from typing import NamedTuple

from bot.agent.draft_check import Source, ticket_words
from bot.card import arg_text
from bot.domain import Citation, Content, Hit, Lead, OnHit, Ticket, repeats_reply
from bot.screen import Known, Sieve, look


@dataclass(frozen=True)
class Screening:
    """What one desk looks for, and what a hit asks of who approves."""

    sieve: Sieve
    on_hit: OnHit
    source: Callable[[str], Awaitable[Source | None]]
    """The article of an id as it stands now."""

    @cached_property
    def version(self) -> str:
        """Of what is looked for, and of what a hit asks for: a card screened under another one is
        screened again before it is approved."""
        given = (self.sieve.allowed_domains, self.sieve.own_contacts, self.sieve.policy.rules)
        return hashlib.sha256(repr((*given, self.on_hit)).encode("utf-8", "replace")).hexdigest()[
            :12
        ]

    async def of(
        self,
        content: Content,
        ticket: Ticket,
        citations: Iterable[Citation],
        lead: Lead | None = None,
    ) -> tuple[Hit, ...]:
        """Every hit in what ``content`` would send, reply first. A ``lead``'s quotes are sources
        too, and its own domain leads nowhere else."""
        texts = tuple(_texts(content))
        if not texts:
            return ()
        cited = dict.fromkeys(one.article for one in citations if one.supported)
        found = [await self.source(article) for article in cited]
        known = Known(
            said=(ticket_words(ticket), *(one.email for one in ticket.people if one.email)),
            sources=(
                *(source.text for source in found if source is not None),
                *(one.quote for one in (lead.fields if lead is not None else ())),
            ),
        )
        sieve = self.sieve
        if lead is not None:
            theirs = lead.key.rpartition("@")[2]
            sieve = replace(sieve, allowed_domains=(*sieve.allowed_domains, theirs))
        hits: list[Hit] = []
        for field, text in texts:
            hits += _some_of_each(look(text, sieve, known, field=field))
        return tuple(hits)


MOST_OF_A_NAME = 20
"""Hits of one name in one text that are kept: more say nothing more to who decides."""


def _some_of_each(hits: Iterable[Hit]) -> Iterable[Hit]:
    seen: Counter[str] = Counter()
    for hit in hits:
        seen[hit.name] += 1
        if seen[hit.name] <= MOST_OF_A_NAME:
            yield hit


class Screened(NamedTuple):
    """What a card must say of the screen. Without one: nothing."""

    hits: tuple[Hit, ...] = ()
    on_hit: OnHit = "reason"
    sieve: str = ""
    """``Screening.version``."""


async def screened(
    screening: Screening | None,
    content: Content,
    ticket: Ticket,
    citations: Iterable[Citation],
    lead: Lead | None = None,
) -> Screened:
    """``Screening.of`` where there may be no screen."""
    if screening is None:
        return Screened()
    hits = await screening.of(content, ticket, citations, lead)
    return Screened(hits, screening.on_hit, screening.version)


def _texts(content: Content) -> Iterable[tuple[str, str]]:
    """Field and text as the card shows them; ``send_reply`` sends the reply's own words."""
    if content.reply:
        yield "reply", content.reply
    for index, action in enumerate(content.actions):
        if not action.included:
            continue
        for name, value in action.args.items():
            if not repeats_reply(action.tool, name) and value is not None:
                yield f"action.{index}.{name}", arg_text(value)
