"""Activities that are not as they should be, by the hundred: none is a fault of ours."""

from __future__ import annotations

import asyncio
import copy
import random
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.live.teams_product import QUESTION, TeamsLive, teams_live
from tests.standins.teams.world import ELSEWHERE, GROUP, SUPPORT, TENANT, executes


@pytest.fixture
async def desk(tmp_path: Path, redis_url: str) -> AsyncIterator[TeamsLive]:
    async with teams_live(tmp_path, redis_url) as running:
        yield running


VALUES: list[Any] = [
    None, True, 0, -1, 1e300, "", "x", [], {}, [None], [{}], {"id": 5}, {"id": ["x"]}, [[[[]]]],
]  # fmt: skip
WORDS: list[Any] = [
    "", " ", "<at>", "</at>", "28:x", "..", ";messageid=", "agent status", "é" * 3000,
    "{{DATE(1)}}", "\x00", "\u202e", "\n", "💥", "%2e%2e", "19:x@thread.tacv2;messageid=1",
    5, None, ["x"],
]  # fmt: skip


def paths(value: Any, *before: Any) -> Iterator[tuple[Any, ...]]:
    """The way to every value in an activity but those that its sender is known by."""
    inner = value.items() if isinstance(value, dict) else enumerate(value)
    for step, one in inner:
        at = (*before, step)
        if at[0] not in ("type", "serviceUrl") and "tenant" not in at and "tenantId" not in at:
            yield at
            if isinstance(one, dict | list):
                yield from paths(one, *at)


def changed(chance: random.Random, whole: list[dict[str, Any]]) -> dict[str, Any]:
    """One of these activities with a few values that are not as they should be."""
    made = copy.deepcopy(chance.choice(whole))
    for _ in range(chance.randint(1, 3)):
        *way, last = chance.choice(list(paths(made)))
        at: Any = made
        for step in way:
            at = at[step]
        at[last] = chance.choice(WORDS if isinstance(at[last], str) else VALUES)
    return made


async def test_no_activity_whatever_is_5xx(desk: TeamsLive) -> None:
    card = await desk.pending()
    view = (await desk.people.opened("agent", card)).card
    people = desk.people
    named: list[tuple[str, Any]] = [
        ("message/submitAction", {"actionName": "feedback", "actionValue": {"reaction": "like"}}),
        ("composeExtension/submitAction", {
            "commandId": "deskhand.triage",
            "messagePayload": {"id": "1", "body": {"contentType": "html", "content": "<p>x</p>"},
                               "from": {"user": {"id": "0a", "displayName": "Dana"}}},
        }),
    ]  # fmt: skip
    whole = [
        people.activity("customer", SUPPORT, text=QUESTION, attachments=[{"contentType": "a/b"}]),
        people.activity("customer", GROUP, text=QUESTION, replyToId="1"),
        people.activity("customer", type="messageUpdate", text="x", channelData={
            "tenant": {"id": TENANT}, "channel": {"id": SUPPORT}, "eventType": "editMessage"}),
        people.activity("agent", ELSEWHERE, type="installationUpdate", action="add"),
        people.activity("agent", type="conversationUpdate", membersRemoved=[{"id": "29:x"}]),
        *(people.activity("agent", type="invoke", name=name, replyToId="1", value=value)
          for name, value in named),
        *(people.pressed("nobody", card, one["verb"], one["data"]["token"], reply="x", labels="a",
                         include="0", reason="other", approve_now="true")
          for one in executes(view)),
    ]  # fmt: skip
    chance = random.Random(4)
    for _ in range(120):
        activity = changed(chance, whole)
        answer = await people.send(activity)
        async with asyncio.timeout(30):
            while answer.status == 503:  # a busy machine: a fault would be one again
                answer = await people.send(activity)
        assert answer.status in (200, 400, 403), (answer, activity)
    now = desk.teams.world.current(card.id)
    assert now is not None
    assert now.state == "pending"
