"""Groups of the directory by Graph: who is in one, and that nothing is guessed."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from aiohttp import web

from bot.ports import LookUpFailed
from handlers.teams_connector import NoTokens, teams_session
from handlers.teams_people import GraphGroups
from tests.standins.teams.world import oid
from tests.standins.wire import serving

GROUP = oid(100)
PATH = "/v1.0/groups/{group}/transitiveMembers"


class Graph:
    """A Graph that answers with the next of ``answers``; an int is a status."""

    def __init__(self) -> None:
        self.answers: list[object] = []
        self.asked: list[str] = []
        self.url = ""

    async def answer(self, request: web.Request) -> web.Response:
        self.asked.append(request.path_qs)
        given = self.answers.pop(0)
        return web.Response(status=given) if isinstance(given, int) else web.json_response(given)

    def page(self, *people: object, after: str | None = None) -> dict[str, object]:
        more = {} if after is None else {"@odata.nextLink": after}
        return {"value": list(people), **more}


def user(number: int, kind: str = "user") -> dict[str, str]:
    return {"@odata.type": f"#microsoft.graph.{kind}", "id": oid(number).upper()}


@pytest.fixture
async def graph() -> AsyncIterator[Graph]:
    made = Graph()
    app = web.Application()
    app.router.add_get(PATH, made.answer)
    async with serving(app) as port:
        made.url = f"http://127.0.0.1:{port}"
        yield made


async def members(graph: Graph, *answers: object) -> frozenset[str]:
    graph.answers = list(answers)
    async with teams_session() as session:
        return await GraphGroups(session, NoTokens(), graph.url).members(GROUP)


async def test_the_people_of_a_group_come_in_pages(graph: Graph) -> None:
    after = f"{graph.url}/v1.0/groups/{GROUP}/transitiveMembers?$skiptoken=2"
    first = graph.page(user(3), user(4, "device"), "what is that", after=after)
    assert await members(graph, first, graph.page(user(5))) == {oid(3), oid(5)}
    assert len(graph.asked) == 2
    assert "$skiptoken=2" in graph.asked[1]


async def test_a_group_that_is_gone_has_nobody(graph: Graph) -> None:
    assert await members(graph, 404) == frozenset()


async def test_what_graph_does_not_say_is_not_guessed(graph: Graph) -> None:
    for wrong in (403, 503, {}, {"value": "everybody"}):
        with pytest.raises(LookUpFailed):
            await members(graph, wrong)
    endless = f"{graph.url}/v1.0/groups/{GROUP}/transitiveMembers?$skiptoken=1"
    with pytest.raises(LookUpFailed, match="more than"):
        await members(graph, *[graph.page(user(3), after=endless)] * 30)


async def test_the_token_goes_to_graph_alone(graph: Graph) -> None:
    for elsewhere in ("https://evil.example/v1.0/groups/x", f"{graph.url}.evil.example/v1.0/", 5):
        with pytest.raises(LookUpFailed, match="not its own"):
            await members(graph, graph.page(user(3), after=elsewhere))  # type: ignore[arg-type]  # hostile
    assert len(graph.asked) == 3
