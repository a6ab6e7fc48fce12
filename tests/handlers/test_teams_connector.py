"""Calls to the connector: tokens, what each failure means, and that nothing goes anywhere else."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import cast

import aiohttp
import pytest
from aiohttp import web

from bot.domain import Actor
from bot.ports.references import References
from handlers.teams_connector import (
    BOT_SCOPE,
    ClientCredentials,
    Connector,
    TeamsFault,
    TeamsLimited,
    TeamsLost,
    TeamsNotReached,
    TeamsRefused,
    Thread,
    teams_session,
)
from handlers.teams_hosts import service_address
from handlers.teams_people import GraphGroups, TeamsPeople, Tenancy
from tests.handlers.rig import WallClock
from tests.standins.teams.connector import PASSWORD, TeamsStandin, teams_standin
from tests.standins.teams.issuer import APP_ID
from tests.standins.teams.world import BILLING, TENANT, oid
from tests.standins.wire import (
    DropBefore,
    DropReply,
    Fault,
    Hang,
    HttpFailure,
    RateLimited,
    serving,
)

HELLO = {"type": "message", "text": "Hello", "textFormat": "plain"}


@dataclass
class Rig:
    teams: TeamsStandin
    connector: Connector
    tokens: ClientCredentials
    session: aiohttp.ClientSession

    @property
    def there(self) -> Thread:
        return Thread(self.teams.service_url, BILLING)

    async def post(self, seconds: float = 3) -> str:
        return await self.connector.post(self.there, dict(HELLO), seconds=seconds)


@pytest.fixture
async def rig() -> AsyncIterator[Rig]:
    async with teams_standin() as teams, teams_session() as session:
        tokens = ClientCredentials(
            session,
            WallClock(),
            tenant=TENANT,
            app_id=APP_ID,
            password=PASSWORD,
            login_url=f"{teams.url}/login",
        )

        def allowed(url: str) -> str | None:
            return service_address(url, emulator=True)

        yield Rig(teams, Connector(session, tokens, allowed), tokens, session)


async def test_one_token_serves_all_calls(rig: Rig) -> None:
    assert len(set(await asyncio.gather(*(rig.post() for _ in range(20))))) == 20
    assert len(rig.teams.log.calls("token")) == 1
    # One that is refused is asked for anew with the next call.
    rig.teams.faults.add("post", HttpFailure(401))
    with pytest.raises(TeamsRefused):
        await rig.post()
    await rig.post()
    assert len(rig.teams.log.calls("token")) == 2


@pytest.mark.parametrize("fault", [HttpFailure(500), HttpFailure(400), DropReply(), Hang()])
async def test_without_a_token_nothing_is_sent(rig: Rig, fault: Fault) -> None:
    rig.teams.faults.add("token", fault, times=None)
    with pytest.raises(TeamsNotReached):
        await rig.post(1)
    assert not rig.teams.log.calls("post")


async def test_a_wrong_secret_is_told_without_it(rig: Rig) -> None:
    wrong = ClientCredentials(
        rig.session,
        WallClock(),
        tenant=TENANT,
        app_id=APP_ID,
        password="not-this-one",
        login_url=f"{rig.teams.url}/login",
    )
    with pytest.raises(TeamsNotReached, match="invalid_client") as told:
        await wrong.get(BOT_SCOPE)
    assert "not-this-one" not in str(told.value)


MEANS: list[tuple[Fault, type[TeamsFault]]] = [
    (RateLimited(7), TeamsLimited),
    *((HttpFailure(status), TeamsRefused) for status in (302, 400, 401, 403, 404, 409, 413)),
    *((HttpFailure(status), TeamsLost) for status in (408, 412, 500, 502, 503, 504)),
    (DropReply(), TeamsLost),
    (DropBefore(), TeamsLost),
    (Hang(), TeamsLost),
    (HttpFailure(200, "<html>"), TeamsLost),
]


@pytest.mark.parametrize(("fault", "means"), MEANS, ids=str)
async def test_what_a_failure_means(rig: Rig, fault: Fault, means: type[TeamsFault]) -> None:
    rig.teams.faults.add("post", fault)
    with pytest.raises(TeamsFault) as told:
        await rig.post(1)
    assert type(told.value) is means
    assert len(rig.teams.log.calls("post")) == 1
    if isinstance(told.value, TeamsLimited):
        assert told.value.retry_after_seconds == 7


@pytest.mark.parametrize(
    ("told", "waited"),
    [("0", 0.25), ("-5", 0.25), ("2.5", 2.5), ("1e9", 3600), ("nan", 1), ("inf", 1),
     ("Wed, 21 Oct 2026 07:28:00 GMT", 1), (None, 1)],
)  # fmt: skip
async def test_whatever_it_says_of_waiting_is_a_time_that_can_be_waited(
    rig: Rig, told: str | None, waited: float
) -> None:
    headers = {} if told is None else {"Retry-After": told}

    async def limited(request: web.Request) -> web.Response:
        return web.Response(status=429, headers=headers)

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", limited)
    async with serving(app) as port:
        with pytest.raises(TeamsLimited) as fault:
            await rig.connector.post(Thread(f"http://127.0.0.1:{port}", BILLING), dict(HELLO))
    assert fault.value.retry_after_seconds == waited


async def test_a_group_counts_only_where_it_was_asked_for(rig: Rig) -> None:
    graph = GraphGroups(rig.session, rig.tokens, f"{rig.teams.url}/graph")
    references = cast("References", None)  # groups are asked of Graph alone
    people = TeamsPeople(rig.connector, references, Tenancy(TENANT), graph, WallClock())
    bo = rig.teams.world.people["agent2"]
    there, other = Actor(surface="teams", team=TENANT, id=bo.oid), oid(101)
    assert await people.in_groups(there, [oid(100).upper()])
    assert not await people.in_groups(there, [other])
    answer = json.dumps({"value": [oid(100)]})
    rig.teams.faults.add("groups", HttpFailure(200, answer, "application/json"))
    assert not await people.in_groups(there, [oid(102)])


async def test_who_is_not_there_was_not_reached(rig: Rig) -> None:
    with pytest.raises(TeamsNotReached):
        await rig.connector.post(Thread("http://127.0.0.1:1/", BILLING), dict(HELLO))


async def test_a_stranger_gets_neither_request_nor_token(rig: Rig) -> None:
    strict = Connector(rig.session, rig.tokens)
    for url in (rig.teams.service_url, "https://smba.trafficmanager.net.evil.example/"):
        with pytest.raises(TeamsNotReached):
            await strict.post(Thread(url, BILLING), dict(HELLO))
    assert not rig.teams.log


async def test_a_redirect_is_not_followed(rig: Rig) -> None:
    followed: list[str] = []

    async def away(request: web.Request) -> web.Response:
        if request.path == "/stolen":
            followed.append(str(request.headers))
            return web.json_response({"id": "1"})
        return web.Response(status=307, headers={"Location": "/stolen"})

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", away)
    async with serving(app) as port:
        with pytest.raises(TeamsRefused):
            await rig.connector.post(Thread(f"http://127.0.0.1:{port}", BILLING), dict(HELLO))
    assert not followed


@pytest.mark.parametrize("ident", ["../../x", "a/b", "..", ".", "a?b=c", "a#b", "%2e%2e", "a;b"])
async def test_no_id_leaves_its_place_in_the_path(rig: Rig, ident: str) -> None:
    with pytest.raises(TeamsRefused) as told:
        await rig.connector.update(rig.there, ident, dict(HELLO))
    assert told.value.status == 404
    (call,) = rig.teams.log.calls("update")
    assert call.args["path"].count("/") == 6


async def test_a_proxy_of_the_environment_is_not_used(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    assert await rig.post()
