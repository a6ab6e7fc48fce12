"""What an ask is about: the thread it stands in, the message it links to, a pull request."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from bot.answering import Declined
from bot.domain import SurfaceName, Ticket
from bot.mentions import PULL_BY_HAND
from bot.ports.conversations import Conversation, NotShown, PullRequests, Threads

_IN_LINK = r"[^\s<>\"'()\[\]|]"
_LINK = re.compile(rf"https?://{_IN_LINK}+|{PULL_BY_HAND}{_IN_LINK}*", re.IGNORECASE)

NO_THREAD = "Ask in a thread: what was said there is what I read."
NO_THREADS_IN = {
    "teams": "In Teams I cannot read a conversation: Teams shows a bot only what is said to it.",
}
GONE = "The playbook that did this is gone from the config file."
NOTHING_SAID = "Nothing is written there besides your question."


@dataclass(frozen=True)
class Source:
    """A conversation that the asker may read."""

    conversation: Conversation
    elsewhere: bool = False
    """It is of another channel than the ask: its answer is the asker's alone."""


@dataclass(frozen=True)
class Sources:
    """``threads`` by the service where people ask."""

    threads: Mapping[SurfaceName, Threads] = field(default_factory=dict)
    pulls: PullRequests | None = None

    async def thread(self, ticket: Ticket) -> Source | Declined:
        """The thread in which was asked."""
        place, message = ticket.origin, ticket.ask.message if ticket.ask else None
        threads = self.threads.get(place.surface)
        if threads is None:
            return Declined(NO_THREADS_IN.get(place.surface, NO_THREAD))
        if ticket.asker is None or place.thread is None:
            return Declined(NO_THREAD)
        return _source(await threads.read(ticket.asker, place, without=message), elsewhere=False)

    async def linked(self, ticket: Ticket, link: str) -> Source | Declined | None:
        """What a link leads to; None: it is none that leads to a conversation."""
        threads = self.threads.get(ticket.origin.surface)
        place = await threads.locate(link) if threads is not None else None
        if isinstance(place, NotShown):
            return Declined(place.words)
        if place is not None and threads is not None and ticket.asker is not None:
            message = ticket.ask.message if ticket.ask else None
            found = await threads.read(ticket.asker, place, without=message)
            return _source(found, elsewhere=place.place != ticket.origin.place)
        if self.pulls is not None and self.pulls.recognises(link):
            return _source(await self.pulls.read(link), elsewhere=False)
        return None


def link_in(words: str) -> str | None:
    """The first address in an ask's words, without what only ends its sentence."""
    found = _LINK.search(words)
    if found is None:
        return None
    link = found[0].rstrip(".,;:!?")
    return link if "://" in link else f"https://{link}"


def _source(found: Conversation | NotShown, *, elsewhere: bool) -> Source | Declined:
    if isinstance(found, NotShown):
        return Declined(found.words)
    return Source(found, elsewhere) if found.said else Declined(NOTHING_SAID)
