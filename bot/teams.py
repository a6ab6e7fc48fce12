"""Everything that speaks to Teams, opened: for `serve`, and with other addresses for its tests."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass
from functools import partial
from types import MappingProxyType

from bot.assembly import Desk
from bot.clock import SystemClock
from bot.config_file import ConfigFile
from bot.domain import SurfaceName
from bot.ports import Directory
from bot.settings import Settings
from bot.store.references import RedisReferences
from bot.store.state import RedisStore
from handlers.agent_command import AgentCommand
from handlers.names import Names
from handlers.teams import TeamsInbound
from handlers.teams_commands import TeamsCommands
from handlers.teams_connector import (
    GRAPH_URL,
    LOGIN_URL,
    ClientCredentials,
    Connector,
    NoTokens,
    Tokens,
    teams_session,
)
from handlers.teams_hosts import service_address
from handlers.teams_people import GraphGroups, Groups, NoGroups, TeamsPeople, Tenancy
from handlers.teams_references import Rooms
from handlers.teams_reply import ANSWER, TeamsReply
from handlers.teams_roster import Rosters
from handlers.teams_surface import TeamsSurface
from handlers.teams_token import KEYS_URL, SigningKeys, TokenCheck, keys_from
from tools.signature import Signatures


@dataclass(frozen=True)
class Microsoft:
    """Where Microsoft is. Tests name others; the environment and the file cannot."""

    keys_url: str = KEYS_URL
    login_url: str = LOGIN_URL
    graph_url: str = GRAPH_URL
    allowed: Callable[[str], str | None] = service_address


@dataclass(frozen=True)
class TeamsSide:
    """Everything that speaks to Teams."""

    surface: TeamsSurface
    people: TeamsPeople
    reply: TeamsReply
    answer: TeamsReply
    """Posts answers that are shared."""
    names: Names
    rooms: Rooms
    tenancy: Tenancy
    connector: Connector
    check: TokenCheck | None
    """None in emulator mode alone."""
    allowed: Callable[[str], str | None]

    def inbound(
        self, desk: Desk, store: RedisStore, file: ConfigFile, command: AgentCommand
    ) -> TeamsInbound:
        """The door."""
        books = file.config.playbooks
        listens = {
            listen.teams: name
            for name, book in books.items()
            for listen in book.listen
            if listen.teams is not None
        }
        return TeamsInbound(
            store=store,
            decisions=desk.decide,
            ask_buttons=desk.ask_buttons,
            names=self.names,
            clock=SystemClock(),
            check=self.check,
            tenancy=self.tenancy,
            rooms=self.rooms,
            allowed=self.allowed,
            connector=self.connector,
            surface=self.surface,
            commands=TeamsCommands(command),
            listens=listens,
            kinds=desk.kinds,
            triage_playbook=next(
                (name for name, book in books.items() if book.kind == "triage"), None
            ),
        )


async def open_teams(
    stack: AsyncExitStack,
    settings: Settings,
    store: RedisStore,
    signatures: Signatures,
    microsoft: Microsoft | None = None,
    *,
    emulator: bool = False,
    others: Mapping[SurfaceName, Directory] = MappingProxyType({}),
) -> TeamsSide | None:
    """Clients for Teams; None without credentials, but in emulator mode. Nothing is sent yet.
    ``others``: who people are elsewhere, for their names on cards here."""
    microsoft = microsoft or Microsoft()
    app_id, password = settings.microsoft_app_id, settings.microsoft_app_password
    tenant = settings.microsoft_app_tenant_id
    clock = SystemClock()
    if not emulator and (app_id is None or password is None or tenant is None):
        return None
    session = await stack.enter_async_context(teams_session())
    fresh = await stack.enter_async_context(teams_session(kept_alive=False))
    check: TokenCheck | None = None
    tokens: Tokens = NoTokens()
    groups: Groups = NoGroups()
    allowed = partial(service_address, emulator=True) if emulator else microsoft.allowed
    if not emulator and app_id is not None and password is not None and tenant is not None:
        keys = SigningKeys(keys_from(session, microsoft.keys_url), clock)
        check = TokenCheck(app_id, keys, clock)
        tokens = ClientCredentials(
            session,
            clock,
            tenant=tenant,
            app_id=app_id,
            password=password.get_secret_value(),
            login_url=microsoft.login_url,
        )
        groups = GraphGroups(session, tokens, microsoft.graph_url)
    rooms = Rooms(RedisReferences(store.wire, store.keys), clock)
    tenancy = Tenancy(tenant)
    connector, replies = (Connector(one, tokens, allowed) for one in (session, fresh))
    rosters = Rosters(connector, tenancy, clock)
    people = TeamsPeople(connector, rooms.references, tenancy, groups, clock)
    names = Names({**others, "teams": people}, clock, rosters.heard_of)
    return TeamsSide(
        surface=TeamsSurface(connector, rooms, rosters, names, tenancy, clock, links=not emulator),
        people=people,
        reply=TeamsReply(replies, rooms, tenancy, clock, signatures, links=not emulator),
        answer=TeamsReply(
            replies, rooms, tenancy, clock, signatures, links=not emulator, form=ANSWER
        ),
        names=names,
        rooms=rooms,
        tenancy=tenancy,
        connector=connector,
        check=check,
        allowed=allowed,
    )
