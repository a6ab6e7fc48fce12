"""What Slack sends and what becomes of it, over real HTTP and into a real store."""

from __future__ import annotations

import io
import json
import logging
import os
import time
from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import urlencode

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.domain import Actor, Place, Ticket
from bot.ports import Commit, Versioned
from tests.handlers.rig import Rig, WallClock, running_rig
from tests.standins.slack import SlackStandin
from tests.standins.slack.events import event_callback
from tests.standins.slack.transport import sign
from tests.standins.wire import HttpFailure

pytestmark = pytest.mark.filterwarnings("error")


async def a_ticket(rig: Rig, channel: str, thread: str) -> None:
    """Let ``thread`` be a ticket's."""
    delivery_author = {"surface": "slack", "id": "U0CUSTOMER", "team": "T0TEAM"}
    ticket = Ticket(
        id="t_aaaaaaaaaaaaaaaa",
        tenant="test",
        playbook="support",
        origin=Place(surface="slack", place=channel, thread=thread),
        author=delivery_author,
        messages=(),
        created_at=WallClock().now(),
    )
    assert await rig.store.commit(Commit(tickets=(Versioned(ticket, 0),))) == "committed"


# --- what is a ticket -------------------------------------------------------------------------


async def test_a_message_is_durable_before_it_is_answered(rig: Rig) -> None:
    sent = await rig.people.message(
        "I was charged <https://a.example|twice> &amp; more", markup=True
    )
    assert sent.status == 200
    saved = await rig.only()
    assert saved.id == f"slack:T0TEAM:{sent.event_id}"
    assert saved.kind == "message"
    assert saved.playbook == "support"
    assert sent.message is not None
    assert saved.origin == Place(
        surface="slack", place="C0SUPPORT", thread=sent.message.ts, message=sent.message.ts
    )
    assert saved.author.key == "slack:T0TEAM:U0CUSTOMER"
    assert saved.text == "I was charged twice (https://a.example) & more"
    assert len(saved.trace_id) == 32


async def test_the_same_event_again_is_one_delivery(rig: Rig) -> None:
    sent = await rig.people.message("twice")
    again = await rig.people.redeliver(sent)
    assert again.status == 200
    assert len(await rig.inbox()) == 1


async def test_a_mention_that_is_no_ask_is_the_same_ticket_as_its_message(rig: Rig) -> None:
    mention, message = await rig.people.mention("my hub is offline", user="U0CUSTOMER")
    assert (mention.status, message.status) == (200, 200)
    saved = await rig.only()
    assert (saved.kind, saved.text) == ("message", "my hub is offline")


async def test_files_are_named(rig: Rig) -> None:
    await rig.people.message("see here", files=[{"id": "F1", "name": "invoice.pdf"}])
    saved = await rig.only()
    assert saved.files == ("invoice.pdf",)


async def test_an_external_persons_message_in_a_listened_channel_is_a_ticket(rig: Rig) -> None:
    await rig.people.message("hello", user="U0STRANGER", channel="C0SHARED")
    assert (await rig.only()).author.key == "slack:T0OTHER:U0STRANGER"


async def test_what_is_no_ticket(rig: Rig) -> None:
    answers = [
        await rig.people.bot_message("beep"),
        await rig.people.notice("channel_join"),
        await rig.people.notice("channel_topic"),
        await rig.people.message("elsewhere", channel="C0SALES"),
        await rig.people.home_opened("U0AGENT"),
    ]
    root = rig.people.write("nobody's ticket", channel="C0SALES")
    answers.append(await rig.people.message("reply", channel="C0SALES", thread_ts=root.ts))
    assert [answer.status for answer in answers] == [200] * len(answers)
    assert await rig.inbox() == []


async def test_events_of_another_team_are_acknowledged_and_ignored(rig: Rig) -> None:
    message = rig.people.write("not for you")
    body = event_callback(rig.slack.space, {"type": "message", **message.as_json()})
    body |= {"team_id": "T0ELSE", "context_team_id": "T0ELSE", "authorizations": []}
    body["event"]["channel"] = "C0SUPPORT"
    sent = await rig.raw.post(json.dumps(body).encode())
    assert sent.status == 200
    assert await rig.inbox() == []


# --- follow-ups -------------------------------------------------------------------------------


async def test_a_reply_in_a_thread_says_whose_thread(rig: Rig) -> None:
    first = await rig.people.message("first")
    assert first.message is not None
    reply = await rig.people.message("and more", thread_ts=first.message.ts)
    assert reply.message is not None
    saved = {delivery.text: delivery for delivery in await rig.inbox()}["and more"]
    assert saved.kind == "message"
    assert (saved.origin.thread, saved.origin.message) == (first.message.ts, reply.message.ts)


async def test_an_edit_counts_only_if_the_words_changed(rig: Rig) -> None:
    first = await rig.people.message("frist")
    assert first.message is not None
    await rig.people.unfurl(first.message)
    assert len(await rig.inbox()) == 1
    await rig.people.edit(first.message, "first")
    edits = [delivery for delivery in await rig.inbox() if delivery.kind == "edit"]
    assert [(edit.text, edit.origin.message) for edit in edits] == [("first", first.message.ts)]


async def test_a_deletion_names_the_message(rig: Rig) -> None:
    first = await rig.people.message("oops")
    assert first.message is not None
    await rig.people.delete(first.message)
    (gone,) = [delivery for delivery in await rig.inbox() if delivery.kind == "delete"]
    assert (gone.origin.thread, gone.origin.message) == (first.message.ts, first.message.ts)


async def test_a_thread_elsewhere_is_followed_where_it_is_a_tickets(rig: Rig) -> None:
    root = rig.people.write("root", channel="C0SALES")
    await a_ticket(rig, "C0SALES", root.ts)
    await rig.people.message("a follow-up", channel="C0SALES", thread_ts=root.ts)
    saved = await rig.only()
    assert (saved.text, saved.playbook) == ("a follow-up", None)
    await rig.people.edit(root, "root, changed")
    assert {delivery.kind for delivery in await rig.inbox()} == {"message", "edit"}


# --- asks -------------------------------------------------------------------------------------


async def test_triage_in_a_thread_is_one_ask_for_the_thread(rig: Rig) -> None:
    root = rig.people.write("my hub is offline", channel="C0SALES")
    mention, message = await rig.people.mention("Triage", channel="C0SALES", thread_ts=root.ts)
    assert (mention.status, message.status) == (200, 200)
    asked = await rig.only()
    assert asked.kind == "ask"
    assert asked.playbook == "support"
    assert mention.message is not None
    assert (asked.origin.thread, asked.origin.message) == (root.ts, mention.message.ts)
    assert asked.asker == Actor(surface="slack", team="T0TEAM", id="U0AGENT")


async def test_a_verb_in_a_listened_channel_is_an_ask_and_never_a_ticket(rig: Rig) -> None:
    for words in ("help", "enrich acme.example", "triage", "research why?"):
        for sent in await rig.people.mention(words):
            assert sent.status == 200
    await rig.slack.space.ephemerals.wait_count(4)
    said = [ephemeral.text for ephemeral in rig.slack.space.ephemerals]
    assert any("I triage tickets" in text for text in said)
    assert any("`enrich` is not set up" in text for text in said)
    assert any("Usage: `triage`" in text for text in said)
    assert {ephemeral.user for ephemeral in rig.slack.space.ephemerals} == {"U0AGENT"}
    assert await rig.inbox() == []


async def test_a_strangers_ask_is_known_for_one(rig: Rig) -> None:
    root = rig.people.write("root", channel="C0SHARED")
    await rig.people.mention("triage", user="U0STRANGER", channel="C0SHARED", thread_ts=root.ts)
    asked = await rig.only()  # and is refused when it is worked in: who may, the directory says
    assert asked.asker == Actor(surface="slack", team="T0OTHER", id="U0STRANGER")
    assert asked.origin.thread == root.ts


async def test_free_words_elsewhere_get_private_help(rig: Rig) -> None:
    await rig.people.mention("what is the weather?", channel="C0SALES")
    told = await rig.slack.space.ephemerals.next()
    assert "I triage tickets" in told.text
    assert await rig.inbox() == []


async def test_the_shortcut_asks_for_that_message(rig: Rig) -> None:
    message = rig.people.write("I want a refund", channel="C0SALES", user="U0CUSTOMER")
    sent = await rig.people.shortcut("U0AGENT", message)
    assert sent.status == 200
    asked = await rig.only()
    assert (asked.kind, asked.text, asked.playbook) == ("ask", "I want a refund", "support")
    assert asked.author.id == "U0CUSTOMER"
    assert asked.asker is not None
    assert asked.asker.id == "U0AGENT"
    again = await rig.people.redeliver(sent)
    assert again.status == 200
    assert len(await rig.inbox()) == 1


async def test_without_a_triage_playbook_an_ask_is_told_so(
    slack: SlackStandin, redis_url: str
) -> None:
    async with running_rig(slack, redis_url, triage_playbook=None) as rig:
        message = rig.people.write("help me", channel="C0SALES")
        await rig.people.shortcut("U0AGENT", message)
        told = await slack.space.ephemerals.next()
        assert "not set up" in told.text


# --- the door ---------------------------------------------------------------------------------


async def test_the_challenge_is_answered(rig: Rig) -> None:
    sent = await rig.people.url_verification("c1")
    assert (sent.status, sent.body) == (200, {"challenge": "c1"})


@pytest.mark.parametrize(
    "forged",
    [
        {"signature": "bad"},
        {"signature": "absent"},
        {"signature": ""},
        {"signature": "v0=" + "é" * 64},
        {"signature": "v0=" + "0" * 64},
        {"age_s": 300},
        {"age_s": -301},
        {"timestamp": "abc"},
        {"timestamp": ""},
        {"timestamp": "-5"},
        {"timestamp": "1e9"},
        {"timestamp": "١٧٠٠٠٠٠٠٠٠"},
        {"timestamp": "9" * 400},
        {"secret": "another secret"},
    ],
)
async def test_a_forged_or_old_request_is_401(rig: Rig, forged: dict[str, object]) -> None:
    message = rig.people.write("forged")
    body = event_callback(rig.slack.space, {"type": "message", **message.as_json()})
    sent = await rig.raw.post(json.dumps(body).encode(), **forged)  # type: ignore[arg-type]
    assert sent.status == 401
    # A forged body need not be read at all: the signature comes first.
    nested = await rig.raw.post(b"[" * 100_000, **forged)  # type: ignore[arg-type]
    assert nested.status == 401
    assert await rig.inbox() == []


NESTED = b'{"event": ' + b"[" * 64 + b"]" * 64 + b"}"
FORM = {"Content-Type": "application/x-www-form-urlencoded"}


@pytest.mark.parametrize(
    ("body", "headers"),
    [
        (b"", None),
        (b"not json", None),
        (b"[]", None),
        (b'"text"', None),
        (b"null", None),
        (b"\xff\xfe{", None),
        ('{"a": 1}'.encode("utf-16"), None),
        (b"\xef\xbb\xbf{}", None),
        (b'{"a": 1, "a": 2}', None),
        (b'{"event": {"type": "x", "type": "y"}}', None),
        (b'{"a": NaN}', None),
        (b'{"a": -Infinity}', None),
        (b'{"a": "\\ud800"}', None),
        (b'{"\\udfff": 1}', None),
        (NESTED, None),
        (b"[" * 500_000, None),
        (b'{"a":' * 100_000, None),
        (b'{"a": ' + b"9" * 5000 + b"}", None),
        (b'{"a": 1} {"b": 2}', None),
        (b'{"type": "event_callback"}', None),
        (b'{"type": "event_callback", "event_id": "E", "event": "text"}', None),
        (b'{"type": "event_callback", "event": {}}', None),
        (b"payload=%FF", FORM),
        (b"payload={}&payload={}", FORM),
        (b"payload=" + b"[" * 1000, FORM),
        (b"something=else", FORM),
        (b"\xff=1", FORM),
        (b"&".join(b"a%d=1" % n for n in range(1000)), FORM),
    ],
)
async def test_a_signed_but_malformed_body_is_400(
    rig: Rig, body: bytes, headers: dict[str, str] | None
) -> None:
    sent = await rig.raw.post(body, headers=headers)
    assert sent.status == 400


@pytest.mark.parametrize(
    "event",
    [
        {},
        {"type": "message"},
        {"type": "message", "channel": 5},
        {"type": "message", "channel": "C0SUPPORT", "user": ["U"], "ts": "1.0"},
        {"type": "message", "channel": "C0SUPPORT", "user": "U1", "ts": {}},
        {"type": "message", "channel": "C0SUPPORT", "subtype": ["x"], "user": "U1", "ts": "1"},
        {"type": "message", "channel": "C0SUPPORT", "subtype": "message_changed"},
        {"type": "message", "channel": "C0SUPPORT", "subtype": "message_changed", "message": 1},
        {"type": "message", "channel": "C0SUPPORT", "subtype": "message_deleted"},
        {"type": "app_mention", "channel": "C0SUPPORT", "user": "U1"},
        {"type": ["message"], "channel": "C0SUPPORT"},
        {"type": "message", "channel": "C0SUPPORT", "bot_id": "B1", "ts": "1.0"},
    ],
)
async def test_an_event_that_makes_no_sense_is_acknowledged_and_ignored(
    rig: Rig, event: dict[str, object]
) -> None:
    body = event_callback(rig.slack.space, event)
    sent = await rig.raw.post(json.dumps(body).encode())
    assert sent.status == 200
    assert await rig.inbox() == []


@pytest.mark.parametrize(
    "fields",
    [
        {"text": 5, "files": "x", "blocks": {"a": 1}, "attachments": [1, {"is_share": True}]},
        {"text": "\x00", "files": [1, {"name": 5}]},
        {"text": "<@>", "blocks": [{"type": "rich_text", "elements": [None, {"type": 5}]}]},
        {"thread_ts": 5, "text": "<!|>< <@U1|> <#C|> <!subteam^S1|@x> <mailto:|>"},
        {"text": None, "blocks": [{"type": "section", "text": {"type": "mrkdwn"}}]},
    ],
)
async def test_odd_fields_count_as_absent(rig: Rig, fields: dict[str, object]) -> None:
    event = {"type": "message", "channel": "C0SUPPORT", "user": "U0CUSTOMER", "ts": "5.0"}
    body = event_callback(rig.slack.space, event | fields)
    sent = await rig.raw.post(json.dumps(body).encode())
    assert sent.status == 200
    assert (await rig.only()).author.id == "U0CUSTOMER"


@pytest.mark.parametrize(
    "payload",
    [
        {},
        {"type": "block_actions"},
        {"type": "block_actions", "user": "U1"},
        {"type": "block_actions", "user": {"id": "U1"}, "actions": "x"},
        {"type": "block_actions", "user": {"id": "U1"}, "actions": [1, {}, {"action_id": 5}]},
        {"type": "view_submission", "user": {"id": "U1"}},
        {"type": "view_submission", "user": {"id": "U1"}, "view": {"callback_id": "x"}},
        {"type": "message_action", "user": {"id": "U1"}, "callback_id": "deskhand.triage"},
        {"type": "view_closed", "user": {"id": "U1"}},
        {"type": "no_such_type", "user": {"id": "U1"}},
    ],
)
async def test_an_interaction_that_makes_no_sense_is_acknowledged(
    rig: Rig, payload: dict[str, object]
) -> None:
    sent = await rig.raw.post(urlencode({"payload": json.dumps(payload)}).encode(), headers=FORM)
    assert sent.status == 200
    assert rig.decisions.asked == []


async def test_64_levels_are_taken_and_65_are_not(rig: Rig) -> None:
    inner = b"[" * 63 + b"]" * 63
    taken = await rig.raw.post(b'{"type": "x", "deep": ' + inner + b"}")
    assert taken.status == 200
    refused = await rig.raw.post(b'{"type": "x", "deep": [' + inner + b"]}")
    assert refused.status == 400
    brackets = b'{"type": "x", "flat": "' + b"[" * 1000 + b'\\"{"}'
    assert (await rig.raw.post(brackets)).status == 200


async def test_a_body_over_one_mebibyte_is_413(rig: Rig) -> None:
    async def post(body: bytes, secret: str = rig.slack.signing_secret) -> int:
        when = str(int(time.time()))
        headers = {
            "Content-Type": "application/json",
            "X-Slack-Request-Timestamp": when,
            "X-Slack-Signature": sign(secret, when, body),
        }
        url = rig.url + "/slack/events"
        async with rig.http.post(url, data=io.BytesIO(body), headers=headers) as answer:
            return answer.status

    fits = b'{"type": "x", "a": "' + b"y" * (1024 * 1024 - 22) + b'"}'
    assert len(fits) == 1024 * 1024
    assert await post(fits) == 200
    assert await post(fits + b" ") == 413
    # The size comes before the signature.
    assert await post(fits + b" ", secret="another") == 413

    async def chunks() -> AsyncIterator[bytes]:
        for _ in range(20):
            yield b"x" * 65536

    async with rig.http.post(rig.url + "/slack/events", data=chunks()) as answer:
        assert answer.status == 413


async def test_other_methods_and_paths(rig: Rig) -> None:
    for method, path, status in (
        ("GET", "/slack/events", 405),
        ("POST", "/slack", 404),
        ("POST", "/slack/", 404),
        ("POST", "/slack/events/", 404),
        ("POST", "/slack/install", 404),
        ("GET", "/", 404),
    ):
        async with rig.http.request(
            method, rig.url + path, data=b"x", allow_redirects=False
        ) as answer:
            assert (path, answer.status) == (path, status)


async def test_without_a_signing_secret_there_is_no_door(
    slack: SlackStandin, redis_url: str
) -> None:
    async with running_rig(slack, redis_url, over_http=False) as rig:
        assert (await rig.raw.post(b"{}")).status == 404


async def test_before_auth_test_has_succeeded_nothing_is_acknowledged(
    slack: SlackStandin, redis_url: str
) -> None:
    slack.faults.add("auth.test", HttpFailure(500), times=2)
    async with running_rig(slack, redis_url, identified=False) as rig:
        early = await rig.people.message("early")
        assert early.status == 503
        assert (await rig.people.url_verification()).status == 200
        rig.inbound.start()
        await slack.signal.until(lambda: len(slack.log.calls("auth.test")) >= 3 or None)
        late = await rig.people.redeliver(early)
        assert late.status in (200, 503)


async def test_the_consoles_slack_variables_change_nothing(
    slack: SlackStandin,
    redis_url: str,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Bolt builds an install flow of its own from these two, which we do not have."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("SLACK_CLIENT_ID", "1.2")
    monkeypatch.setenv("SLACK_CLIENT_SECRET", "s")
    level = logging.getLogger("deskhand").level
    async with running_rig(slack, redis_url) as rig:
        assert (await rig.people.message("hello")).status == 200
        assert (await rig.only()).text == "hello"
    assert os.listdir(tmp_path) == []
    assert [record for record in caplog.records if record.levelname == "WARNING"] == []
    assert logging.getLogger("deskhand").level == level


NAMES = st.sampled_from(
    ["type", "event", "user", "team", "id", "team_id", "actions", "action_id", "value", "view"]
) | st.sampled_from(
    ["state", "values", "callback_id", "private_metadata", "message", "channel", "container"]
)
VALUES = st.sampled_from(
    ["block_actions", "view_submission", "message_action", "deskhand.edit", "deskhand.triage"]
) | st.sampled_from(["deskhand.approve", "deskhand.show", "deskhand.reject", "U1", "C1", "5.0"])


async def test_no_signed_payload_whatever_is_5xx(rig: Rig) -> None:
    @settings(max_examples=300, deadline=None, database=None)
    @given(
        st.dictionaries(
            NAMES | st.sampled_from(["command", "text", "user_id", "trigger_id", "response_url"]),
            st.recursive(
                st.none() | st.integers() | VALUES | st.text(max_size=5),
                lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner),
                max_leaves=12,
            ),
        )
    )
    def collect(payload: dict[str, object]) -> None:
        payloads.append(payload)

    payloads: list[dict[str, object]] = []
    collect()
    users: dict[str, object] = {"user": {"id": "U0AGENT", "team_id": "T0TEAM"}}
    for payload in payloads:
        for kind in ({}, users, {"type": "block_actions", **users}, {"type": "view_submission"}):
            status, _ = await rig.inbound.handle({**payload, **kind})
            assert (payload, status < 500) == (payload, True)
