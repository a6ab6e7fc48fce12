"""A ticket from another system, end to end: signed in, decided in Slack, answered at its URL."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import aiohttp
import pytest

import bot.execute
import bot.lifecycle.effects
import bot.triage
from tests.fixtures_redis import free_port
from tests.live.product import SECRET, Live, live
from tests.live.steps import (
    QUESTION,
    Helpdesk,
    becomes,
    card_that,
    cards,
    config,
    form,
    ticket,
    told,
    words,
)
from tests.standins.anthropic import Held, choosing
from tests.standins.sink import Redirect, SinkStandin, sink_standin
from tests.standins.slack import Message
from tests.standins.wire import DropBefore, DropReply, Hang

EACH_ITS_AUTHOR = {"limits": {"runs_per_author_hour": 1000}}


@dataclass
class Helped:
    """The product with the helpdesk that sends it tickets and takes its replies."""

    desk: Live
    sink: SinkStandin
    helpdesk: Helpdesk

    async def pending(self, ident: str, body: str = QUESTION, **more: Any) -> Message:
        assert await self.helpdesk.send(ticket(ident, body, **more)) == 200
        return await card_that(self.desk, "pending", body)

    async def approved(self, card: Message, state: str) -> Message:
        assert (await self.desk.people.click("U0AGENT", card, "deskhand.approve")).ok
        return await becomes(self.desk, card, state)


@asynccontextmanager
async def helped(
    folder: Path,
    redis_url: str,
    *,
    idempotent: bool = False,
    reply_url: str | None = None,
    retention: str = "24h",
    support: dict[str, Any] | None = None,
    script: list[Any] | None = None,
) -> AsyncIterator[Helped]:
    async with sink_standin(secret=SECRET, idempotent=idempotent) as sink:
        webhook: dict[str, Any] = {
            "kind": "generic",
            "secret_env": "HELPDESK_SECRET",
            "reply_url": reply_url or sink.reply_url,
        }
        if idempotent:
            webhook |= {"idempotent": True, "retention": retention}
        file = config(support or EACH_ITS_AUTHOR, webhooks={"helpdesk": webhook})
        async with (
            live(folder, redis_url, config=file, script=script) as desk,
            aiohttp.ClientSession() as session,
        ):
            yield Helped(desk, sink, Helpdesk(desk.product.url, session))


@pytest.fixture
async def both(tmp_path: Path, redis_url: str) -> AsyncIterator[Helped]:
    async with helped(tmp_path, redis_url) as running:
        yield running


@pytest.fixture
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """A claim's life in tenths of a second instead of 8 s and the 10 s after it."""
    monkeypatch.setattr(bot.lifecycle.effects, "CLAIM_SECONDS", 0.8)
    monkeypatch.setattr(bot.lifecycle.effects, "UNKNOWN_AFTER_SECONDS", 0.2)
    monkeypatch.setattr(bot.execute, "UNKNOWN_AFTER_SECONDS", 0.2)


async def insist(both: Helped, card: Message, verb: str) -> None:
    """Press until the first attempt can no longer be on its way."""
    async with asyncio.timeout(30):
        while both.desk.slack.space.current(card).card_state == "unknown":
            await both.desk.people.click("U0AGENT", card, verb)
            await asyncio.sleep(0.05)


# --- the reply ------------------------------------------------------------------------------------


async def test_the_approved_reply_is_one_signed_post_of_the_interfaces_form(both: Helped) -> None:
    card = await both.pending("ticket-1", url="https://helpdesk.example/t/1")
    assert card.channel == "C0BILLING"
    assert "Ada Byron" in words(card)
    assert "https://helpdesk.example/t/1" in json.dumps(card.blocks)
    assert both.sink.reply_url in words(card), "where it goes is on the card"
    assert not both.sink.received
    done = await both.approved(card, "succeeded")
    (got,) = both.sink.received
    assert got.signature == "good"
    assert got.headers["content-type"] == "application/json"
    assert got.key == got.headers["webhook-id"]
    assert len(got.key or "") == 64
    body = got.json
    assert set(body) == {
        "ticket", "reply", "labels", "priority", "route", "proposal", "revision", "approved_by",
    }  # fmt: skip
    assert body["ticket"] == "ticket-1"
    assert body["reply"] in words(card)
    assert (body["labels"], body["route"]) == (["billing"], "billing")
    assert (body["proposal"], body["revision"]) == (card.payload["proposal"], 1)
    name = both.desk.slack.space.users["U0AGENT"].real_name
    assert body["approved_by"] == {"surface": "slack", "id": "U0AGENT", "name": name}
    assert "answered 200" in words(done)
    assert not done.action_ids


async def test_an_edited_reply_is_what_is_posted(both: Helped) -> None:
    card = await both.pending("ticket-1")
    view = await form(both.desk, "U0AGENT", card, "edit")
    await both.desk.people.submit(
        view, {"reply": "By hand: “Settings” → Billing.", "labels": ["bug"]}
    )
    await becomes(both.desk, card, "succeeded")
    (got,) = both.sink.received
    assert got.json["reply"] == "By hand: “Settings” → Billing."
    assert (got.json["labels"], got.json["revision"]) == (["bug"], 2)


async def test_what_was_no_request_is_told_with_a_null_reply(both: Helped) -> None:
    both.desk.model.fill = choosing(
        outcome="not_a_request", reply=None, route="default", labels=["bug"]
    )
    card = await both.pending("ticket-1", "Thank you, all is well now!")
    assert card.channel == "C0TRIAGE"
    await both.approved(card, "succeeded")
    (got,) = both.sink.received
    assert got.json["reply"] is None
    assert got.json["labels"] == ["bug"]


@pytest.mark.usefixtures("hurried")
async def test_what_each_answer_means(both: Helped) -> None:
    meant: list[tuple[Any, str]] = [
        *((status, "succeeded") for status in (200, 201, 202, 204)),
        *((status, "failed") for status in (400, 401, 403, 404, 410, 422)),
        *((status, "unknown") for status in (408, 409, 425, 429, 500, 502, 503, 301, 302)),
        (Redirect(both.sink.reply_url), "unknown"),
        (DropReply(), "unknown"),
        (DropBefore(), "unknown"),
        (Hang(after_effect=True), "unknown"),
    ]
    for number, (how, state) in enumerate(meant):
        if isinstance(how, int | Redirect):
            both.sink.statuses.append(how)
        else:
            both.sink.faults.add("/replies", how)
        card = await both.pending(f"ticket-{number}", f"Question number {number}, please?")
        ended = await both.approved(card, state)
        buttons = {
            "succeeded": [],
            "failed": ["deskhand.retry", "deskhand.edit", "deskhand.reject"],
            "unknown": ["deskhand.settle_done", "deskhand.settle_retry"],
        }[state]
        assert (how, ended.action_ids) == (how, buttons)
    assert len(both.sink.received) == len(meant), "one dispatch each; redirects are not followed"
    assert set(both.sink.effects_by_key().values()) == {1}


@pytest.mark.usefixtures("hurried")
@pytest.mark.parametrize("settle", ["deskhand.settle_done", "deskhand.settle_retry"])
async def test_an_unknown_is_not_sent_again_but_by_a_person(both: Helped, settle: str) -> None:
    both.sink.faults.add("/replies", DropReply())
    card = await both.pending("ticket-1")
    unknown = await both.approved(card, "unknown")
    await both.desk.people.click("U0MANAGER", unknown, settle)
    await told(both.desk, "U0MANAGER", "may not")
    if settle == "deskhand.settle_retry":
        await both.desk.people.click("U0AGENT", unknown, settle)
        await told(both.desk, "U0AGENT", "may still be on its way")
    assert len(both.sink.received) == 1
    await insist(both, unknown, settle)
    done = await becomes(both.desk, card, "succeeded")
    if settle == "deskhand.settle_done":
        assert len(both.sink.received) == 1
        assert "says that it arrived" in words(done)
    else:
        # The other side honours no key, so this is another attempt and has a key of its own.
        first, second = both.sink.received
        assert first.key != second.key
        assert first.json == second.json


@pytest.mark.usefixtures("hurried")
async def test_an_idempotent_side_gets_the_same_key_again(tmp_path: Path, redis_url: str) -> None:
    async with helped(tmp_path, redis_url, idempotent=True) as both:
        both.sink.faults.add("/replies", DropReply())
        card = await both.pending("ticket-1")
        unknown = await both.approved(card, "unknown")
        await insist(both, unknown, "deskhand.settle_retry")
        await becomes(both.desk, card, "succeeded")
        first, second = both.sink.received
        assert first.key == second.key
        assert first.body == second.body
        assert both.sink.effects_by_key() == {first.key: 1}


@pytest.mark.usefixtures("hurried")
async def test_after_its_retention_the_key_is_another(tmp_path: Path, redis_url: str) -> None:
    async with helped(tmp_path, redis_url, idempotent=True, retention="1s") as both:
        both.sink.faults.add("/replies", DropBefore())
        card = await both.pending("ticket-1")
        unknown = await both.approved(card, "unknown")
        await insist(both, unknown, "deskhand.settle_retry")
        await becomes(both.desk, card, "succeeded")
        first, second = both.sink.received
        assert first.key != second.key


async def test_a_refused_connection_failed_and_may_be_retried(
    tmp_path: Path, redis_url: str
) -> None:
    port = free_port()
    url = f"http://127.0.0.1:{port}/replies"
    async with helped(tmp_path, redis_url, reply_url=url) as both:
        card = await both.pending("ticket-1")
        failed = await both.approved(card, "failed")
        assert "cannot be reached" in words(failed)
        await both.desk.people.click("U0CUSTOMER2", failed, "deskhand.retry")
        await told(both.desk, "U0CUSTOMER2", "may not")
        async with sink_standin(secret=SECRET, port=port) as sink:
            await both.desk.people.click("U0AGENT", failed, "deskhand.retry")
            await becomes(both.desk, card, "succeeded")
            assert len(sink.received) == 1


async def test_what_failed_may_be_edited_or_rejected(both: Helped) -> None:
    both.sink.statuses += [422, 422]
    card = await both.pending("ticket-1")
    failed = await both.approved(card, "failed")
    view = await form(both.desk, "U0AGENT", failed, "edit")
    await both.desk.people.submit(view, {"reply": "Shorter."})
    failed = await both.desk.slack.space.updated.wait_for(
        lambda m: m.card_state == "failed" and m.payload["revision"] == 2
    )
    assert [got.json["reply"] for got in both.sink.received][1] == "Shorter."
    view = await form(both.desk, "U0AGENT", failed, "reject")
    await both.desk.people.submit(view, {"reason": "other"})
    await becomes(both.desk, card, "rejected")
    assert len(both.sink.received) == 2


# --- more than one message of a ticket ------------------------------------------------------------


async def test_the_same_id_again_is_a_newer_message_and_the_same_webhook_id_none(
    both: Helped,
) -> None:
    first = ticket("ticket-1", "Where is my invoice of May?")
    assert await both.helpdesk.send(first, webhook_id="msg_a") == 200
    card = await card_that(both.desk, "pending", "of May")
    assert await both.helpdesk.send(first, webhook_id="msg_a") == 200
    other = ticket("ticket-2", "Something else")
    assert await both.helpdesk.send(other, webhook_id="msg_a") == 200
    newer = ticket("ticket-1", "I mean the one of June!")
    assert await both.helpdesk.send(newer, webhook_id="msg_b") == 200
    await becomes(both.desk, card, "superseded")
    successor = await card_that(both.desk, "pending", "of June")
    assert "of May" in words(successor), "both messages are the ticket"
    await both.desk.people.click("U0AGENT", card, "deskhand.approve")
    await told(both.desk, "U0AGENT", "superseded")
    await both.approved(successor, "succeeded")
    assert len(both.sink.received) == 1
    assert len(cards(both.desk)) == 2
    # After the end it begins anew.
    assert await both.helpdesk.send(ticket("ticket-1", "Thanks. And July?")) == 200
    third = await card_that(both.desk, "pending", "And July?")
    assert both.desk.slack.space.current(successor).card_state == "succeeded"
    await both.approved(third, "succeeded")
    assert len(both.sink.received) == 2


async def test_a_newer_message_stops_a_run_and_voids_an_approval_that_waits(
    tmp_path: Path, redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bot.execute, "_PAUSED_RETRY", timedelta(seconds=0.2))
    monkeypatch.setattr(bot.triage, "_PAUSED_RETRY", timedelta(seconds=0.2))
    held = Held()
    async with helped(tmp_path, redis_url, script=[held]) as both:
        assert await both.helpdesk.send(ticket("ticket-1", "Where is my invoice of May?")) == 200
        await both.desk.model.requests.wait_count(1)
        assert await both.helpdesk.send(ticket("ticket-1", "I mean the one of June!")) == 200
        card = await card_that(both.desk, "pending", "of June")
        held.hold.gate.set()
        await both.desk.people.command("pause", user="U0MANAGER")
        await both.approved(card, "approved")
        assert await both.helpdesk.send(ticket("ticket-1", "No, July!")) == 200
        await becomes(both.desk, card, "superseded")
        await both.desk.people.command("resume", user="U0MANAGER")
        last = await card_that(both.desk, "pending", "No, July!")
        await both.approved(last, "succeeded")
        assert [got.json["proposal"] for got in both.sink.received] == [last.payload["proposal"]]
        assert len(cards(both.desk)) == 2, "the stopped run has shown nothing"


# --- bad input ------------------------------------------------------------------------------------


async def test_what_is_refused_and_in_which_order(both: Helped) -> None:
    send = both.helpdesk.send
    good, big = ticket("ticket-1"), b'{"id": "1", "body": "' + b"a" * 1024 * 1024 + b'"}'
    assert await send(big, name="nobody", signature="v1,bm8=") == 404
    assert await send(big, signature="v1,bm8=") == 413
    assert await send(big) == 413
    for wrong in ("v1,bm8=", "", "v1,%%%", "garbage", "v2,bm8= v1,"):
        assert await send(good, signature=wrong) == 401
    assert await send(good, secret="whsec_" + "b3RoZXItb3RoZXItb3RoZXItb3RoZXI=") == 401
    assert await send(good, age_s=301) == 401
    assert await send(good, age_s=-301) == 401
    assert await send(b"{", signature="v1,bm8=") == 401
    nested = b'{"id": "1", "body": "b", "thread": ' + b"[" * 5000 + b"]" * 5000 + b"}"
    for bad in (
        b"", b"{", b"[]", b'"text"', b"null", b"\xff\xfe{}", b'{"id": "1", "id": "2", "body": "b"}',
        nested, b'{"id": "1"}', b'{"body": "b"}', b'{"id": "", "body": "b"}',
        b'{"id": "1", "body": "  "}', b'{"id": true, "body": "b"}', b'{"id": "1", "body": NaN}',
        b'{"id": "1", "body": "\\ud800"}', b'{"id": "1", "body": "b", "author": 7}',
    ):  # fmt: skip
        assert (bad[:60], await send(bad)) == (bad[:60], 400)
    assert await send(good) == 200
    card = await card_that(both.desk, "pending")
    assert cards(both.desk) == [card], "nothing else has become a ticket"
    assert all(QUESTION in request.raw.decode() for request in both.desk.model.requests)


async def test_a_ticket_of_nobody_and_one_without_a_place_to_answer(
    tmp_path: Path, redis_url: str
) -> None:
    async with live(tmp_path, redis_url) as desk, aiohttp.ClientSession() as session:
        bare: dict[str, Any] = {
            "id": "1",
            "body": "Where is it?",
            "author": None,
            "thread": None,
            "else": {},
        }
        assert await Helpdesk(desk.product.url, session).send(bare) == 200
        card = await card_that(desk, "pending", "Where is it?")
        assert "send_reply → nowhere" in words(card)
        await desk.people.click("U0AGENT", card, "deskhand.approve")
        failed = await becomes(desk, card, "failed")
        assert "cannot be answered" in words(failed)
