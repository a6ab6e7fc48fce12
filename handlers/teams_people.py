"""Who somebody in Teams is at this moment: the roster of where they spoke, and groups by Graph.

The roster is asked of the conversation from which the person speaks, so the one being answered is
noted for as long as it is; without one (a worker has none) where they were last seen.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Final, Literal, Protocol
from urllib.parse import quote

import aiohttp

from bot.domain import Actor, Person
from bot.ports import LookUpFailed, StoreUnavailable
from bot.ports.references import References
from handlers.inert import one_line
from handlers.recent import Monotonic, Recent
from handlers.teams_connector import (
    GRAPH_SCOPE,
    GRAPH_URL,
    Connector,
    TeamsFault,
    TeamsRefused,
    Thread,
    Tokens,
    call,
)
from handlers.teams_inert import Json

PERSON_SECONDS: Final = 4.0
"""An answer is used this long, counted from when it was asked for: under the 5 s allowed, so that
the decision it leads to still falls within them."""
GROUP_SECONDS: Final = 50.0
"""The same for membership in groups: under the 60 s allowed."""
LOOK_UP_SECONDS: Final = 1.4
"""A look-up that takes longer has failed: a decision is not saved later than 1.6 s."""
MEMBERS_SECONDS: Final = 5.0
"""For a page of a group's members: nobody waits for it."""
_MEMBERS_A_PAGE: Final = 999
_MOST_PAGES: Final = 20
_GROUPS_A_CALL: Final = 20
"""learn.microsoft.com/graph, *directoryObject: checkMemberGroups*."""


Standing = Literal["member", "guest", "external"]


@dataclass(frozen=True)
class Speaker:
    """Who speaks now, and where: of a verified activity."""

    oid: str
    id: str
    at: Thread


_SPEAKER: ContextVar[Speaker | None] = ContextVar("deskhand_teams_speaker", default=None)


def speaker_now() -> Speaker | None:
    """Who is being answered."""
    return _SPEAKER.get()


@contextmanager
def speaking(speaker: Speaker | None) -> Iterator[None]:
    """While this person is answered, it is here that they are looked up."""
    before = _SPEAKER.set(speaker)
    try:
        yield
    finally:
        _SPEAKER.reset(before)


class Tenancy:
    """Whose Deskhand this is. In emulator mode without a tenant the first one seen is it."""

    def __init__(self, tenant: str | None) -> None:
        self._tenant = tenant.lower() if tenant else None

    @property
    def known(self) -> str:
        return self._tenant or ""

    def admits(self, tenant: str) -> bool:
        if self._tenant is None and tenant:
            self._tenant = tenant
        return bool(tenant) and tenant == self._tenant


class Groups(Protocol):
    """Groups of the directory. Raises ``LookUpFailed``."""

    async def of(self, oid: str, groups: Sequence[str]) -> frozenset[str]:
        """Which of these hold a person."""
        ...

    async def members(self, group: str) -> frozenset[str]:
        """The people of a group and of those within it, by object id."""
        ...


class NoGroups:
    """Emulator mode: there is no directory to ask, so nobody is in any group."""

    async def of(self, oid: str, groups: Sequence[str]) -> frozenset[str]:
        return frozenset()

    async def members(self, group: str) -> frozenset[str]:
        return frozenset()


class GraphGroups:
    """Microsoft Graph's ``checkMemberGroups`` and ``transitiveMembers``, which know nested groups
    too. They need the application permission GroupMember.Read.All."""

    def __init__(
        self, session: aiohttp.ClientSession, tokens: Tokens, graph_url: str = GRAPH_URL
    ) -> None:
        self._session = session
        self._tokens = tokens
        self._url = graph_url

    async def of(self, oid: str, groups: Sequence[str]) -> frozenset[str]:
        url = f"{self._url}/v1.0/users/{quote(oid, safe='')}/checkMemberGroups"
        found: set[str] = set()
        try:
            async with asyncio.timeout(LOOK_UP_SECONDS):
                for start in range(0, len(groups), _GROUPS_A_CALL):
                    asked: Json = {"groupIds": list(groups[start : start + _GROUPS_A_CALL])}
                    body = await call(
                        self._session, self._tokens, GRAPH_SCOPE, "POST", url, asked,
                        LOOK_UP_SECONDS,
                    )  # fmt: skip
                    value = body.get("value")
                    if not isinstance(value, list):
                        raise LookUpFailed("Graph answered with something else than groups")
                    found |= {str(one).lower() for one in value}
        except (TeamsFault, TimeoutError) as fault:
            raise LookUpFailed(f"Graph did not say who is in which group: {fault}") from fault
        return frozenset(found)

    async def members(self, group: str) -> frozenset[str]:
        graph = f"{self._url}/v1.0/"
        asked = f"$select=id&$top={_MEMBERS_A_PAGE}"
        url = f"{graph}groups/{quote(group, safe='')}/transitiveMembers?{asked}"
        found: set[str] = set()
        try:
            for _ in range(_MOST_PAGES):
                body = await call(
                    self._session, self._tokens, GRAPH_SCOPE, "GET", url, None, MEMBERS_SECONDS
                )
                value, after = body.get("value"), body.get("@odata.nextLink")
                if not isinstance(value, list):
                    raise LookUpFailed("Graph answered with something else than members")
                found |= {oid for one in value if (oid := _user(one))}
                if after is None:
                    return frozenset(found)
                # The token goes nowhere else, whatever an answer says.
                if not isinstance(after, str) or not after.startswith(graph):
                    raise LookUpFailed("Graph goes on at an address that is not its own")
                url = after
        except TeamsRefused as refused:
            if refused.status == 404:
                return frozenset()  # deleted: nobody is in it
            raise LookUpFailed(f"Graph refused the members of {group}: {refused}") from refused
        except TeamsFault as fault:
            raise LookUpFailed(f"Graph did not say who is in {group}: {fault}") from fault
        raise LookUpFailed(f"{group} has more than {_MOST_PAGES} pages of members")


def _user(member: object) -> str:
    """The object id of a person; empty for a device, an app or a group, whose people are listed
    by themselves."""
    if not isinstance(member, dict) or member.get("@odata.type") != "#microsoft.graph.user":
        return ""
    return str(member.get("id") or "").lower()


class TeamsPeople:
    """``bot.ports.Directory`` for Teams. Whatever it cannot find out, it does not vouch for."""

    def __init__(
        self,
        connector: Connector,
        references: References,
        tenancy: Tenancy,
        groups: Groups,
        clock: Monotonic,
    ) -> None:
        self._connector = connector
        self._references = references
        self._tenancy = tenancy
        self._groups_of = groups
        self._persons: Recent[Person] = Recent(PERSON_SECONDS, clock)
        self._groups: Recent[frozenset[str]] = Recent(GROUP_SECONDS, clock)

    async def person(self, actor: Actor) -> Person:
        """No answer older than 5 s. Raises ``LookUpFailed``."""
        speaker = _SPEAKER.get()
        if speaker is None or speaker.oid != actor.id:
            speaker = await self._last_seen(actor)
        seen = speaker
        key = f"{actor.key}\n{seen.at.id}\n{seen.id}"
        return await self._persons.get(key, lambda: self._look_up(actor, seen))

    async def in_groups(self, actor: Actor, groups: Sequence[str]) -> bool:
        """Whether they are in any of ``groups``, no answer older than 60 s. Raises
        ``LookUpFailed``."""
        wanted = tuple(dict.fromkeys(group.lower() for group in groups))
        key = "\n".join((actor.id, *wanted))
        found = await self._groups.get(key, lambda: self._groups_of.of(actor.id, wanted))
        return not found.isdisjoint(wanted)

    async def members(self, groups: Collection[str]) -> frozenset[str]:
        """The people of these groups now, by object id. Raises ``LookUpFailed``."""
        found = [await self._groups_of.members(group) for group in dict.fromkeys(groups)]
        return frozenset().union(*found)

    async def _last_seen(self, actor: Actor) -> Speaker:
        try:
            member = await self._references.member(actor.id)
        except StoreUnavailable as away:
            raise LookUpFailed(str(away)) from away
        if member is None:
            raise LookUpFailed(f"{actor.id} has never spoken to the bot")
        return Speaker(member.oid, member.id, Thread(member.service_url, member.conversation))

    async def _look_up(self, actor: Actor, speaker: Speaker) -> Person:
        try:
            async with asyncio.timeout(LOOK_UP_SECONDS):
                found = await self._connector.member(speaker.at, speaker.id, LOOK_UP_SECONDS)
        except (TeamsFault, TimeoutError) as fault:
            raise LookUpFailed(f"Teams did not say who {actor.id} is: {fault}") from fault
        oid = found.get("aadObjectId") or found.get("objectId")
        if not isinstance(oid, str) or oid.lower() != actor.id or found.get("id") != speaker.id:
            raise LookUpFailed(f"Teams answered about {actor.id} with something else")
        name = found.get("name")
        mail = found.get("email") or found.get("userPrincipalName")
        return Person(
            actor=actor,
            name=(one_line(name) if isinstance(name, str) else "") or actor.id,
            email=mail if isinstance(mail, str) and "@" in mail else None,
            standing=self._standing(actor, found),
        )

    def _standing(self, actor: Actor, found: Json) -> Standing:
        ours = self._tenancy.known
        return standing(found, ours) if actor.team in ("", ours) else "external"


def standing(found: Json, ours: str) -> Standing:
    """What somebody in a roster is to the organisation ``ours``. Fails closed: whose tenant or role
    Teams does not name is not one of ours."""
    tenant = found.get("tenantId")
    if not isinstance(tenant, str) or not ours or tenant.lower() != ours:
        return "external"
    role, principal = found.get("userRole"), found.get("userPrincipalName")
    if not isinstance(role, str) or role.lower() in ("guest", "anonymous", ""):
        return "guest"
    if isinstance(principal, str) and "#EXT#" in principal.upper():
        return "guest"
    return "member"
