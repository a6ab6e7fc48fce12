"""The signed POST to a webhook's ``reply_url``: its exact form, and what each answer means."""

from __future__ import annotations

import base64
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta

import pytest
from standardwebhooks import Webhook

from bot.commands import Outcome, Refused, Succeeded, Uncertain
from bot.domain import Place
from tests.actions.grants import KEY, TestClock, grant, place, ticket
from tests.patience import BUSY_SECONDS
from tests.standins.sink import Redirect, SinkStandin, sink_standin
from tests.standins.wire import DropBefore, DropReply, Fault, Hang
from tools.actions.reply_url import Endpoint, ReplyUrl, reply_session
from tools.actions.send_reply import SendReply, SendReplyArgs

SECRET = "whsec_" + base64.b64encode(b"a shared secret of 24 by").decode()
HERE = place("webhook")


@asynccontextmanager
async def running(
    secret: str = SECRET, retention: timedelta | None = None
) -> AsyncIterator[tuple[SinkStandin, ReplyUrl]]:
    async with sink_standin(secret=secret) as sink, reply_session() as session:
        endpoint = Endpoint(sink.reply_url, secret, retention)
        yield sink, ReplyUrl({"helpdesk": endpoint}, session, TestClock())


@pytest.fixture
async def pair() -> AsyncIterator[tuple[SinkStandin, ReplyUrl]]:
    async with running() as both:
        yield both


Pair = tuple[SinkStandin, ReplyUrl]


async def test_body_and_headers_are_the_interfaces(pair: Pair) -> None:
    sink, outlet = pair
    outcome = await outlet.send(grant(HERE, "Grüße <Dana>"), "Grüße <Dana>")
    assert outcome == Succeeded("127.0.0.1 answered 200")
    (received,) = sink.received
    assert received.json == {
        "ticket": "HD-4711",
        "reply": "Grüße <Dana>",
        "labels": ["billing", "bug"],
        "priority": "high",
        "route": "billing",
        "proposal": "p_k3v5q2xw7m4bz6ha",
        "revision": 2,
        "approved_by": {"surface": "slack", "id": "U0AGENT", "name": "Alex Agent"},
    }
    headers = received.headers
    assert headers["content-type"] == "application/json"
    assert headers["idempotency-key"] == headers["webhook-id"] == KEY
    assert received.signature == "good"
    Webhook(SECRET).verify(received.body, headers)


@pytest.mark.parametrize("secret", [SECRET, "raw bytes, ünïcode", "not/base64=="])
async def test_secrets_with_and_without_the_prefix(secret: str) -> None:
    async with running(secret) as (sink, outlet):
        assert isinstance(await outlet.send(grant(HERE), "Hello"), Succeeded)
        assert sink.received[0].signature == "good"


async def test_what_was_no_request_is_told_with_a_null_reply(pair: Pair) -> None:
    sink, outlet = pair
    tool = SendReply({"webhook": outlet})
    outcome = await tool.apply(SendReplyArgs(text=None), grant(HERE, None))
    assert isinstance(outcome, Succeeded)
    assert json.loads(sink.received[0].body)["reply"] is None


@pytest.mark.parametrize(
    ("status", "meant"),
    [(200, Succeeded), (201, Succeeded), (202, Succeeded), (204, Succeeded),
     (400, Refused), (401, Refused), (403, Refused), (404, Refused), (410, Refused),
     (413, Refused), (422, Refused),
     (408, Uncertain), (409, Uncertain), (425, Uncertain), (429, Uncertain),
     (304, Uncertain), (500, Uncertain), (502, Uncertain), (503, Uncertain), (504, Uncertain)],
)  # fmt: skip
async def test_what_an_answer_means(pair: Pair, status: int, meant: type[Outcome]) -> None:
    sink, outlet = pair
    sink.statuses.append(status)
    assert isinstance(await outlet.send(grant(HERE), "Hello"), meant)
    assert len(sink.received) == 1


async def test_redirects_are_not_followed(pair: Pair) -> None:
    sink, outlet = pair
    for status in (301, 302, 303, 307, 308):
        sink.statuses.append(Redirect(f"{sink.url}/elsewhere", status))
        assert isinstance(await outlet.send(grant(HERE), "Hello"), Uncertain)
    assert {received.path for received in sink.received} == {"/replies"}
    assert len(sink.received) == 5


@pytest.mark.parametrize("fault", [DropReply(), DropBefore()], ids=str)
async def test_a_lost_answer_is_unknown_and_never_sent_again(pair: Pair, fault: Fault) -> None:
    sink, outlet = pair
    sink.faults.add("*", fault)
    assert isinstance(await outlet.send(grant(HERE), "Hello"), Uncertain)
    assert len(sink.received) == 1
    assert await outlet.look_up(grant(HERE)) is None


@pytest.mark.parametrize("after_effect", [True, False])
async def test_a_hanging_side_is_given_up_at_the_deadline(pair: Pair, after_effect: bool) -> None:
    sink, outlet = pair
    sink.faults.add("*", Hang(after_effect=after_effect))
    given = grant(HERE, seconds=1)
    assert isinstance(await outlet.send(given, "Hello"), Uncertain)
    assert TestClock().monotonic() < given.deadline + BUSY_SECONDS


async def test_a_refused_connection_is_a_refusal(unused_tcp_port: int) -> None:
    url = f"http://127.0.0.1:{unused_tcp_port}/replies"
    async with reply_session() as session:
        outlet = ReplyUrl({"helpdesk": Endpoint(url, SECRET)}, session, TestClock())
        assert isinstance(await outlet.send(grant(HERE), "Hello"), Refused)


async def test_after_the_deadline_no_byte_leaves(pair: Pair) -> None:
    sink, outlet = pair
    assert isinstance(await outlet.send(grant(HERE, seconds=-0.001), "Hello"), Refused)
    assert len(sink.received) == 0


async def test_the_environments_proxy_is_not_used(
    pair: Pair, monkeypatch: pytest.MonkeyPatch, unused_tcp_port: int
) -> None:
    _sink, outlet = pair
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, f"http://127.0.0.1:{unused_tcp_port}")
    assert isinstance(await outlet.send(grant(HERE), "Hello"), Succeeded)


async def test_every_reply_has_its_own_connection(pair: Pair) -> None:
    sink, outlet = pair
    for _ in range(3):
        await outlet.send(grant(HERE), "Hello")
    assert {received.headers.get("connection") for received in sink.received} <= {None, "close"}


async def test_retention_is_how_long_a_key_may_be_sent_again() -> None:
    async with running(retention=timedelta(hours=24)) as (_sink, outlet):
        assert outlet.resend_seconds(HERE) == 86_400
    async with running() as (_sink, outlet):
        assert outlet.resend_seconds(HERE) == 0


async def test_a_webhook_without_reply_url(pair: Pair) -> None:
    sink, outlet = pair
    other = Place(surface="webhook", place="other", thread="1")
    assert isinstance(await outlet.send(grant(other), "Hello"), Refused)
    assert outlet.target(ticket(other)) == "nowhere: the webhook other has no reply_url"
    assert outlet.resend_seconds(other) == 0
    assert outlet.target(ticket(HERE)) == f"{sink.reply_url} (ticket HD-4711)"


async def test_a_secret_that_cannot_sign_is_found_at_the_start() -> None:
    async with reply_session() as session:
        with pytest.raises(ValueError, match=r".*"):
            ReplyUrl({"helpdesk": Endpoint("http://127.0.0.1/", "whsec_ä")}, session, TestClock())
