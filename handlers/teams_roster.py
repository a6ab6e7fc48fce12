"""Who reads a conversation in Teams: its roster, which comes in pages.

Facts: learn.microsoft.com, *Get Teams specific context for your bot*. In a list a person's object
id is called ``objectId``, in a look-up of one ``aadObjectId``.
"""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass
from typing import Final

from bot.domain import Actor
from handlers.inert import one_line
from handlers.recent import Monotonic, Recent
from handlers.teams_connector import Connector, TeamsFault, TeamsLost, Thread
from handlers.teams_inert import Json
from handlers.teams_people import Tenancy, speaker_now, standing

log = logging.getLogger("deskhand.teams")

ROSTER_SECONDS: Final = 3.0
"""All pages have come by then, or nobody knows who reads there."""
KEPT_SECONDS: Final = 60.0
"""A roster is used this long. Whoever comes later reads what was said before all the same."""
_MOST_PAGES: Final = 20
_MOST_NAMES: Final = 20_000


@dataclass(frozen=True)
class Listed:
    """One of those who read a conversation."""

    oid: str
    """Their object id, in small letters; empty for somebody of no directory."""
    id: str
    """The roster's own."""
    name: str
    is_ours: bool
    """A full member of our organisation. Whoever cannot be told to be one is none."""


class Rosters:
    """The rosters of conversations, as of a minute ago at most."""

    def __init__(self, connector: Connector, tenancy: Tenancy, clock: Monotonic) -> None:
        self._connector = connector
        self._tenancy = tenancy
        self._read: Recent[tuple[Listed, ...]] = Recent(KEPT_SECONDS, clock, most=200)
        self._names: dict[str, str] = {}
        self._tried: Recent[tuple[Listed, ...]] = Recent(KEPT_SECONDS, clock, most=200)

    async def heard_of(self, actor: Actor) -> str | None:
        """What somebody is called in a roster that was read, or in that of the conversation in
        which somebody is being answered now."""
        oid, speaker = actor.id.lower(), speaker_now()
        if oid not in self._names and speaker is not None:
            await self.known(speaker.at)
        return self._names.get(oid)

    async def of(self, at: Thread) -> tuple[Listed, ...]:
        """Everybody in a channel or a group chat, bots apart. Raises ``TeamsFault``."""
        return await self._read.get(_key(at), lambda: self._pages(at))

    async def known(self, at: Thread) -> tuple[Listed, ...]:
        """The same where something pleasant hangs on it and nothing else: nobody, for a minute,
        where Teams does not say."""

        async def read() -> tuple[Listed, ...]:
            try:
                return await self.of(at)
            except TeamsFault as fault:
                log.info("deskhand: who is in %s is not known: %s", at.conversation, fault)
                return ()

        return await self._tried.get(_key(at), read)

    async def _pages(self, at: Thread) -> tuple[Listed, ...]:
        found: list[Listed] = []
        after: str | None = None
        try:
            async with asyncio.timeout(ROSTER_SECONDS):
                for _ in range(_MOST_PAGES):
                    page = await self._connector.members(at, after, ROSTER_SECONDS)
                    members, token = page.get("members"), page.get("continuationToken")
                    if not isinstance(members, list):
                        raise TeamsLost("an answer without members")
                    found += [one for member in members if (one := self._listed(member))]
                    if not token:
                        self._learn(found)
                        return tuple(found)
                    after = str(token)
        except TimeoutError as late:
            raise TeamsLost(f"no roster within {ROSTER_SECONDS:g} s") from late
        raise TeamsLost(f"a roster of more than {_MOST_PAGES} pages")

    def _learn(self, found: list[Listed]) -> None:
        if len(self._names) >= _MOST_NAMES:
            self._names.clear()
        self._names |= {one.oid: one.name for one in found if one.oid and one.name}

    def _listed(self, member: object) -> Listed | None:
        """None: a bot."""
        found: Json = member if isinstance(member, dict) else {}
        oid, ident, name = found.get("objectId"), found.get("id"), found.get("name")
        oid = oid or found.get("aadObjectId")
        if isinstance(ident, str) and ident.startswith("28:"):
            return None
        return Listed(
            oid=oid.lower() if isinstance(oid, str) else "",
            id=ident if isinstance(ident, str) else "",
            name=one_line(name)[:200] if isinstance(name, str) else "",
            is_ours=standing(found, self._tenancy.known) == "member",
        )


def _key(at: Thread) -> str:
    return f"{at.service_url}\n{at.conversation}"
