"""The customer's endpoint stand-in."""

import time
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import aiohttp
import pytest
from standardwebhooks.webhooks import Webhook

from tests.standins.process import standin_process
from tests.standins.sink import Redirect, SinkStandin, sink_standin
from tests.standins.wire import DropBefore, DropReply, HttpFailure, read_log

SECRET = "whsec_c2VjcmV0LXNlY3JldC1zZWNyZXQ="
BODY = '{"reply": "Grüße"}'


def headers(key: str, *, secret: str = SECRET, when: float | None = None) -> dict[str, str]:
    at = datetime.fromtimestamp(time.time() if when is None else when, UTC)
    return {
        "Content-Type": "application/json",
        "Idempotency-Key": key,
        "webhook-id": key,
        "webhook-timestamp": str(int(at.timestamp())),
        "webhook-signature": Webhook(secret).sign(key, at, BODY),
    }


@pytest.fixture
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as one:
        yield one


async def send(
    session: aiohttp.ClientSession, sink: SinkStandin, sent: dict[str, str]
) -> aiohttp.ClientResponse:
    async with session.post(
        sink.reply_url, data=BODY.encode(), headers=sent, allow_redirects=False
    ) as response:
        await response.read()
        return response


async def test_it_verifies_standard_webhooks_signatures(session: aiohttp.ClientSession) -> None:
    async with sink_standin(secret=SECRET) as sink:
        assert (await send(session, sink, headers("k1"))).status == 200
        forged = headers("k2", secret="whsec_b3RoZXI=")
        assert (await send(session, sink, forged)).status == 401
        assert (await send(session, sink, headers("k3", when=time.time() - 301))).status == 401
        assert (await send(session, sink, {})).status == 401
        assert [one.signature for one in sink.received] == ["good", "bad", "bad", "bad"]
        assert [one.key for one in sink.effects] == ["k1"]
        assert sink.received[0].json == {"reply": "Grüße"}


async def test_keys_are_honoured_only_where_it_says_so(session: aiohttp.ClientSession) -> None:
    async with sink_standin() as plain, sink_standin(idempotent=True) as idempotent:
        for sink in (plain, idempotent):
            for key in ("a", "a", "b"):
                assert (await send(session, sink, headers(key))).status == 200
        assert plain.effects_by_key() == {"a": 2, "b": 1}
        assert idempotent.effects_by_key() == {"a": 1, "b": 1}


async def test_scripted_statuses_have_no_effect(session: aiohttp.ClientSession) -> None:
    async with sink_standin() as sink:
        sink.statuses += [400, 409, 429, 500, Redirect("http://127.0.0.1:1/"), 204]
        got = [(await send(session, sink, headers(str(n)))).status for n in range(6)]
        assert got == [400, 409, 429, 500, 307, 204]
        assert [one.key for one in sink.effects] == ["5"]


async def test_a_lost_answer_has_its_effect_and_a_lost_request_none(
    session: aiohttp.ClientSession, tmp_path: Path
) -> None:
    path = tmp_path / "sink.jsonl"
    async with sink_standin(log_path=path) as sink:
        sink.faults.add("/replies", DropReply())
        sink.faults.add("/replies", DropBefore())
        sink.faults.add("/replies", HttpFailure(502))
        for key in ("a", "b"):
            with pytest.raises(aiohttp.ClientError):
                await send(session, sink, headers(key))
        assert (await send(session, sink, headers("c"))).status == 502
        assert (await send(session, sink, headers("d"))).status == 200
    entries = read_log(path)
    assert [entry.args["effect"] for entry in entries] == [True, False, False, True]
    assert [entry.delivered for entry in entries] == [False, False, True, True]


async def test_it_runs_on_its_own(session: aiohttp.ClientSession, tmp_path: Path) -> None:
    path = tmp_path / "sink.jsonl"
    async with (
        standin_process("tests.standins.sink", "--log", str(path)) as (url, _pid),
        session.post(f"{url}/replies", data=b"{}") as response,
    ):
        assert response.status == 200
    assert [entry.args["body"] for entry in read_log(path)] == ["{}"]
