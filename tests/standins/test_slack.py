"""The Slack stand-in over real HTTP, seen with slack_sdk as the product sees it."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import aiohttp
import pytest
from aiohttp import web
from slack_sdk.errors import SlackApiError
from slack_sdk.signature import SignatureVerifier
from slack_sdk.web.async_client import AsyncWebClient

from tests.standins.slack import (
    CannotSubmit,
    Driver,
    Message,
    SlackStandin,
    slack_standin,
)
from tests.standins.slack.remote import slack_process
from tests.standins.wire import (
    DropBefore,
    DropReply,
    Hold,
    HttpFailure,
    NotSeenError,
    RateLimited,
    Refusal,
    read_log,
    serving,
)

Json = dict[str, Any]
BUTTON: Json = {
    "type": "button",
    "action_id": "deskhand.approve",
    "value": "token",
    "text": {"type": "plain_text", "text": "Approve"},
}
CARD: list[Json] = [{"type": "actions", "block_id": "decide", "elements": [BUTTON]}]


@dataclass
class App:
    """A little app: verifies what it gets and answers what the test says."""

    verifier: SignatureVerifier
    got: list[tuple[dict[str, str], Json]] = field(default_factory=list)
    answers: list[tuple[int, Json | None]] = field(default_factory=list)

    async def serve(self, request: web.Request) -> web.Response:
        raw = await request.read()
        headers = {name.lower(): value for name, value in request.headers.items()}
        if not self.verifier.is_valid_request(raw, headers):
            return web.Response(status=401)
        if request.content_type == "application/json":
            body = json.loads(raw)
        else:
            form = {name: values[0] for name, values in parse_qs(raw.decode()).items()}
            body = json.loads(form["payload"]) if "payload" in form else form
        self.got.append((headers, body))
        status, answer = self.answers.pop(0) if self.answers else (200, None)
        return web.Response(status=status) if answer is None else web.json_response(answer)


@dataclass
class Bench:
    slack: SlackStandin
    client: AsyncWebClient
    app: App
    people: Driver
    app_url: str

    async def card(self, channel: str = "C0BILLING", state: str = "pending") -> Message:
        payload = {"proposal": "p1", "revision": 1, "state": state}
        answer = await self.client.chat_postMessage(
            channel=channel,
            text=f"Card: {state}",
            blocks=CARD,
            metadata={"event_type": "deskhand_card", "event_payload": payload},
        )
        return self.slack.space.message(channel, str(answer["ts"]))


@asynccontextmanager
async def running_bench(log_path: Path | None = None) -> AsyncIterator[Bench]:
    async with slack_standin(log_path=log_path) as slack:
        app = App(SignatureVerifier(slack.signing_secret))
        server = web.Application()
        server.add_routes([web.post("/slack/events", app.serve)])
        async with serving(server) as port, aiohttp.ClientSession() as session:
            client = AsyncWebClient(
                slack.bot_token, base_url=slack.api_url, session=session, retry_handlers=[]
            )
            url = f"http://127.0.0.1:{port}"
            yield Bench(slack, client, app, slack.driver(url), url)


@pytest.fixture
async def bench() -> AsyncIterator[Bench]:
    async with running_bench() as one:
        yield one


async def error_of(call: Any) -> str:
    with pytest.raises(SlackApiError) as caught:
        await call
    return str(caught.value.response["error"])


# ---- the Web API ---------------------------------------------------------------------


async def test_it_answers_slacks_documented_errors(bench: Bench) -> None:
    client = bench.client
    card = await bench.card()
    theirs = bench.people.write("not yours")
    bench.slack.space.channels["C0SALES"].is_archived = True

    async def error(method: str, **args: Any) -> str:
        return await error_of(client.api_call(method, json=args))

    post, update = "chat.postMessage", "chat.update"
    billing = {"channel": "C0BILLING"}
    assert await error(post, channel="C0NOWHERE", text="x") == "channel_not_found"
    assert await error(post, channel="C0SECRET", text="x") == "channel_not_found"
    assert await error(post, channel="C0ELSEWHERE", text="x") == "not_in_channel"
    assert await error(post, channel="C0SALES", text="x") == "is_archived"
    assert await error(post, **billing) == "no_text"
    assert await error(post, **billing, text="x" * 40_001) == "msg_too_long"
    assert await error(post, **billing, text="x", thread_ts="1.1") == "cannot_reply_to_message"
    assert await error(update, **billing, ts="1.1", text="x") == "message_not_found"
    assert await error(update, channel="C0SUPPORT", ts=theirs.ts, text="x") == "cant_update_message"
    assert await error(update, **billing, ts=card.ts, text="x" * 4_001) == "msg_too_long"
    assert await error("chat.delete", channel="C0SUPPORT", ts=theirs.ts) == "cant_delete_message"
    gone = {"channel": "C0SUPPORT", "user": "U0GONE", "text": "x"}
    assert await error("chat.postEphemeral", **gone) == "user_not_in_channel"
    assert await error("users.info", user="U0NONE") == "user_not_found"
    assert await error("users.lookupByEmail", email="no@one.example") == "users_not_found"
    assert await error("usergroups.users.list", usergroup="S0NONE") == "no_such_subteam"
    assert await error("conversations.replies", **billing, ts="1.1") == "thread_not_found"
    assert await error("chat.postTelegram") == "unknown_method"


async def test_it_checks_tokens(bench: Bench) -> None:
    url = bench.slack.api_url
    assert await error_of(AsyncWebClient("xoxb-wrong", base_url=url).auth_test()) == "invalid_auth"
    assert await error_of(AsyncWebClient(base_url=url).auth_test()) == "not_authed"
    app_client = AsyncWebClient(bench.slack.app_token, base_url=url)
    assert await error_of(app_client.auth_test()) == "not_allowed_token_type"
    assert (await bench.client.auth_test())["user_id"] == "U0DESKHAND"
    logged = bench.slack.log[-1]
    assert "token" not in logged.args


async def test_a_missing_scope_is_named(bench: Bench) -> None:
    bench.slack.web_api.granted_scopes = frozenset({"chat:write"})
    await bench.client.chat_postMessage(channel="C0BILLING", text="x")
    with pytest.raises(SlackApiError) as caught:
        await bench.client.reactions_add(channel="C0BILLING", timestamp="1.1", name="eyes")
    assert caught.value.response["error"] == "missing_scope"
    assert caught.value.response["needed"] == "reactions:write"


async def test_invalid_blocks_come_with_slacks_words(bench: Bench) -> None:
    with pytest.raises(SlackApiError) as caught:
        await bench.client.api_call(
            "chat.postMessage",
            json={"channel": "C0BILLING", "text": "x", "blocks": [{"type": "section"}]},
        )
    answer = caught.value.response
    assert answer["error"] == "invalid_blocks"
    assert "[json-pointer:/blocks/0]" in answer["response_metadata"]["messages"][0]
    assert bench.slack.space.posted[:] == []


async def test_forms_and_json_are_both_understood(bench: Bench) -> None:
    fields = {"channel": "C0BILLING", "text": "x", "blocks": json.dumps(CARD)}
    metadata = {"event_type": "deskhand_card", "event_payload": {"state": "pending"}}
    await bench.client.api_call(
        "chat.postMessage", data={**fields, "metadata": json.dumps(metadata)}
    )
    message = bench.slack.space.posted[-1]
    assert message.card_state == "pending"
    assert message.action_ids == ["deskhand.approve"]
    history = await bench.client.conversations_history(channel="C0BILLING")
    assert "metadata" not in history["messages"][0]
    history = await bench.client.conversations_history(
        channel="C0BILLING", include_all_metadata=True
    )
    assert history["messages"][0]["metadata"] == metadata


async def test_update_keeps_or_drops_blocks_and_metadata_as_documented(bench: Bench) -> None:
    card = await bench.card()
    where = {"channel": card.channel, "ts": card.ts}
    await bench.client.api_call("chat.update", json={**where, "blocks": CARD, "text": "b"})
    held = bench.slack.space.current(card)
    assert (held.text, held.card_state, held.action_ids) == ("b", "pending", ["deskhand.approve"])
    await bench.client.api_call("chat.update", json={**where, "text": "only text"})
    held = bench.slack.space.current(card)
    assert (held.blocks, held.card_state, held.revision) == ([], "pending", 2)
    await bench.client.api_call("chat.update", json={**where, "text": "t", "metadata": {}})
    assert bench.slack.space.current(card).metadata is None


async def test_reactions(bench: Bench) -> None:
    ticket = bench.people.write("help")
    where = {"channel": ticket.channel, "timestamp": ticket.ts}
    await bench.client.reactions_add(**where, name="eyes")
    assert await error_of(bench.client.reactions_add(**where, name="eyes")) == "already_reacted"
    assert await error_of(bench.client.reactions_add(**where, name="👀")) == "invalid_name"
    assert bench.slack.space.current(ticket).reactions == {"eyes": ("U0DESKHAND",)}
    await bench.client.reactions_remove(**where, name="eyes")
    assert await error_of(bench.client.reactions_remove(**where, name="eyes")) == "no_reaction"


async def test_threads_and_pages(bench: Bench) -> None:
    parent = bench.people.write("help")
    for number in range(5):
        await bench.client.chat_postMessage(
            channel=parent.channel, text=str(number), thread_ts=parent.ts
        )
    first = await bench.client.conversations_replies(channel="C0SUPPORT", ts=parent.ts, limit=4)
    assert [one["text"] for one in first["messages"]] == ["help", "0", "1", "2"]
    assert first["messages"][0]["reply_count"] == 5
    rest = await bench.client.conversations_replies(
        channel="C0SUPPORT",
        ts=parent.ts,
        limit=4,
        cursor=first["response_metadata"]["next_cursor"],
    )
    assert [one["text"] for one in rest["messages"]] == ["3", "4"]
    history = await bench.client.conversations_history(channel="C0SUPPORT")
    assert [one["text"] for one in history["messages"]] == ["help"]


async def test_direct_messages_open_by_user_id(bench: Bench) -> None:
    opened = await bench.client.conversations_open(users="U0MANAGER")
    posted = await bench.client.chat_postMessage(channel="U0MANAGER", text="in private")
    assert posted["channel"] == opened["channel"]["id"]
    assert await error_of(bench.client.conversations_open(users="U0GONE")) == "user_disabled"


async def test_the_rate_limit_is_one_post_a_second_and_channel(bench: Bench) -> None:
    bench.slack.web_api.enforce_rate_limits = True
    await bench.client.chat_postMessage(channel="C0BILLING", text="1")
    await bench.client.chat_postMessage(channel="C0TRIAGE", text="1")
    with pytest.raises(SlackApiError) as caught:
        await bench.client.chat_postMessage(channel="C0BILLING", text="2")
    assert caught.value.response["error"] == "ratelimited"
    assert caught.value.response.headers["Retry-After"] == "1"
    bench.slack.clock.advance(1.1)
    await bench.client.chat_postMessage(channel="C0BILLING", text="2")
    assert [m.text for m in bench.slack.space.find(lambda m: m.channel == "C0BILLING")] == [
        "1",
        "2",
    ]


# ---- faults and the log --------------------------------------------------------------


async def test_a_dropped_reply_leaves_the_message(bench: Bench) -> None:
    bench.slack.faults.add("chat.postMessage", DropReply())
    with pytest.raises(aiohttp.ClientError):
        await bench.client.chat_postMessage(channel="C0BILLING", text="lost")
    assert [m.text for m in bench.slack.space.posted] == ["lost"]
    entry = bench.slack.log.calls("chat.postMessage")[0]
    assert (entry.delivered, entry.fault, entry.answer["ok"]) == (False, "DropReply", True)
    await bench.client.chat_postMessage(channel="C0BILLING", text="next")
    assert bench.slack.log.calls("chat.postMessage")[1].delivered is True


async def test_dropped_before_leaves_nothing(bench: Bench) -> None:
    bench.slack.faults.add("chat.postMessage", DropBefore(), when=lambda args: args["text"] == "b")
    await bench.client.chat_postMessage(channel="C0BILLING", text="a")
    with pytest.raises(aiohttp.ClientError):
        await bench.client.chat_postMessage(channel="C0BILLING", text="b")
    assert [m.text for m in bench.slack.space.posted] == ["a"]


async def test_scripted_failures(bench: Bench) -> None:
    faults = bench.slack.faults
    faults.add("users.info", Refusal("internal_error"))
    faults.add("users.info", RateLimited(7))
    faults.add("users.info", HttpFailure(503, "busy", "text/plain"), skip=1)
    assert await error_of(bench.client.users_info(user="U0AGENT")) == "internal_error"
    with pytest.raises(SlackApiError) as caught:
        await bench.client.users_info(user="U0AGENT")
    assert caught.value.response.headers["Retry-After"] == "7"
    assert (await bench.client.users_info(user="U0AGENT"))["ok"]
    with pytest.raises(SlackApiError):
        await bench.client.users_info(user="U0AGENT")
    assert [entry.status for entry in bench.slack.log.calls("users.info")] == [200, 429, 200, 503]


async def test_a_held_call_waits_for_the_test_with_its_effect_done(bench: Bench) -> None:
    import asyncio

    hold = Hold(after_effect=True)
    bench.slack.faults.add("chat.postMessage", hold)
    posting = asyncio.create_task(bench.client.chat_postMessage(channel="C0BILLING", text="x"))
    await hold.reached.wait()
    assert len(bench.slack.space.posted) == 1
    assert not posting.done()
    hold.gate.set()
    assert (await posting)["ok"]


async def test_the_log_file_tells_all_after_the_fact(tmp_path: Path) -> None:
    path = tmp_path / "slack.jsonl"
    async with running_bench(path) as bench:
        bench.slack.faults.add("chat.postMessage", DropReply(), skip=1)
        await bench.client.chat_postMessage(channel="C0BILLING", text="1")
        with pytest.raises(aiohttp.ClientError):
            await bench.client.chat_postMessage(channel="C0BILLING", text="2")
        await bench.people.message("help")
    entries = read_log(path)
    assert [entry.n for entry in entries] == [1, 2, 3]
    assert [entry.delivered for entry in entries] == [True, False, None]
    assert [entry.kind for entry in entries] == ["call", "call", "delivery"]
    with path.open("a") as file:
        file.write('{"n": 4, "at"')
    assert len(read_log(path)) == 3
    async with running_bench(path) as bench:
        await bench.client.chat_postMessage(channel="C0BILLING", text="3")


# ---- people --------------------------------------------------------------------------


async def test_events_are_signed_and_carry_slacks_shape(bench: Bench) -> None:
    sent = await bench.people.message("I was charged twice")
    assert sent.ok
    headers, body = bench.app.got[0]
    event = body["event"]
    assert body["type"] == "event_callback"
    assert body["event_id"].startswith("Ev")
    assert (event["type"], event["user"], event["channel_type"]) == (
        "message",
        "U0CUSTOMER",
        "channel",
    )
    assert event["ts"] == sent.message.ts if sent.message else False
    assert "subtype" not in event
    assert "x-slack-retry-num" not in headers


async def test_a_redelivered_event_is_the_same_event(bench: Bench) -> None:
    bench.app.answers.append((500, None))
    sent = await bench.people.message("help")
    assert (sent.status, sent.ok) == (500, False)
    again = await bench.people.redeliver(sent, retry=2, reason="http_error")
    assert again.ok
    (_, first), (headers, second) = bench.app.got
    assert first == second
    assert headers["x-slack-retry-num"] == "2"
    assert headers["x-slack-retry-reason"] == "http_error"


async def test_every_kind_of_message_event(bench: Bench) -> None:
    people = bench.people
    parent = await people.message("help", files=[{"id": "F1", "name": "bill.pdf"}])
    assert parent.message is not None
    await people.message("more", thread_ts=parent.message.ts)
    await people.edit(parent.message, "help me")
    await people.unfurl(parent.message)
    await people.bot_message("beep")
    await people.notice("channel_join")
    await people.notice("channel_topic")
    await people.delete(parent.message)
    events = [body["event"] for _headers, body in bench.app.got]
    assert [event.get("subtype") for event in events] == [
        "file_share", None, "message_changed", "message_changed", "bot_message",
        "channel_join", "channel_topic", "message_deleted",
    ]  # fmt: skip
    assert events[1]["thread_ts"] == parent.message.ts
    assert events[1]["parent_user_id"] == "U0CUSTOMER"
    assert events[2]["message"]["text"] == "help me"
    assert events[2]["previous_message"]["text"] == "help"
    assert events[3]["message"]["text"] == events[3]["previous_message"]["text"]
    assert events[7]["deleted_ts"] == parent.message.ts


async def test_a_mention_comes_as_two_events(bench: Bench) -> None:
    await bench.people.mention("triage")
    (_, mention), (_, message) = bench.app.got
    assert (mention["event"]["type"], message["event"]["type"]) == ("app_mention", "message")
    assert mention["event"]["ts"] == message["event"]["ts"]
    assert mention["event_id"] != message["event_id"]


async def test_a_click_has_the_shape_of_block_actions(bench: Bench) -> None:
    card = await bench.card()
    sent = await bench.people.click("U0AGENT", card, "deskhand.approve")
    body = bench.app.got[0][1]
    assert body["type"] == "block_actions"
    assert body["container"] == {
        "type": "message",
        "message_ts": card.ts,
        "channel_id": "C0BILLING",
        "is_ephemeral": False,
    }
    assert body["user"]["id"] == "U0AGENT"
    assert body["actions"][0] | {"action_ts": ""} == {
        "action_id": "deskhand.approve",
        "block_id": "decide",
        "type": "button",
        "text": {"type": "plain_text", "text": "Approve"},
        "value": "token",
        "action_ts": "",
    }
    assert "metadata" not in body["message"]
    assert body["trigger_id"] == sent.trigger_id
    with pytest.raises(LookupError):
        await bench.people.click("U0AGENT", card, "deskhand.nothing")


async def test_an_old_snapshot_is_a_stale_click(bench: Bench) -> None:
    card = await bench.card()
    await bench.client.chat_update(channel=card.channel, ts=card.ts, text="decided", blocks=[])
    assert bench.slack.space.current(card).action_ids == []
    assert (await bench.people.click("U0AGENT", card, "deskhand.approve")).ok


VIEW: Json = {
    "type": "modal",
    "callback_id": "deskhand.edit",
    "title": {"type": "plain_text", "text": "Edit"},
    "submit": {"type": "plain_text", "text": "Save"},
    "blocks": [
        {
            "type": "input",
            "block_id": "reply",
            "label": {"type": "plain_text", "text": "Reply"},
            "element": {
                "type": "plain_text_input",
                "action_id": "value",
                "initial_value": "Hello",
                "max_length": 20,
            },
        },
        {
            "type": "input",
            "block_id": "route",
            "label": {"type": "plain_text", "text": "Route"},
            "element": {
                "type": "static_select",
                "action_id": "value",
                "options": [
                    {"text": {"type": "plain_text", "text": "Billing"}, "value": "billing"},
                    {"text": {"type": "plain_text", "text": "Default"}, "value": "default"},
                ],
                "initial_option": {
                    "text": {"type": "plain_text", "text": "Billing"},
                    "value": "billing",
                },
            },
        },
        {
            "type": "input",
            "block_id": "approve_now",
            "optional": True,
            "label": {"type": "plain_text", "text": "Then"},
            "element": {
                "type": "checkboxes",
                "action_id": "value",
                "options": [
                    {"text": {"type": "plain_text", "text": "Approve"}, "value": "approve_now"}
                ],
            },
        },
    ],
}


async def opened_view(bench: Bench) -> Any:
    card = await bench.card()
    click = await bench.people.click("U0AGENT", card, "deskhand.approve")
    await bench.client.views_open(trigger_id=click.trigger_id, view=VIEW)
    return await bench.slack.space.view_changes.wait_for(lambda view: view.is_open)


async def test_a_trigger_works_once_and_for_three_seconds(bench: Bench) -> None:
    card = await bench.card()
    open_view = bench.client.views_open
    used = (await bench.people.click("U0AGENT", card, "deskhand.approve")).trigger_id
    late = (await bench.people.click("U0AGENT", card, "deskhand.approve")).trigger_id
    await open_view(trigger_id=used, view=VIEW)
    assert await error_of(open_view(trigger_id=used, view=VIEW)) == "exchanged_trigger_id"
    assert await error_of(open_view(trigger_id="1.2.3", view=VIEW)) == "invalid_trigger_id"
    bench.slack.clock.advance(3.1)
    assert await error_of(open_view(trigger_id=late, view=VIEW)) == "expired_trigger_id"


async def test_a_submission_is_filled_from_the_views_initial_values(bench: Bench) -> None:
    view = await opened_view(bench)
    await bench.people.submit(view, {"route": "default", "approve_now": ["approve_now"]})
    body = bench.app.got[-1][1]
    values = body["view"]["state"]["values"]
    assert body["view"]["callback_id"] == "deskhand.edit"
    assert values["reply"]["value"] == {"type": "plain_text_input", "value": "Hello"}
    assert values["route"]["value"]["selected_option"]["value"] == "default"
    ticked = values["approve_now"]["value"]["selected_options"]
    assert [option["value"] for option in ticked] == ["approve_now"]
    assert not bench.slack.space.views[view.id].is_open


async def test_slacks_client_refuses_what_cannot_be_submitted(bench: Bench) -> None:
    view = await opened_view(bench)
    before = len(bench.app.got)
    for inputs in ({"reply": ""}, {"reply": "x" * 21}, {"route": "sales"}, {"nothing": "x"}):
        with pytest.raises(CannotSubmit):
            await bench.people.submit(view, inputs)
    assert len(bench.app.got) == before


async def test_the_answer_to_a_submission_is_followed(bench: Bench) -> None:
    view = await opened_view(bench)
    errors = {"response_action": "errors", "errors": {"reply": "Too curt"}}
    bench.app.answers.append((200, errors))
    sent = await bench.people.submit(view)
    assert sent.refusals == {"reply": "Too curt"}
    assert bench.slack.space.views[view.id].is_open
    bench.app.answers.append((200, {"response_action": "errors", "errors": {"typo": "x"}}))
    assert (await bench.people.submit(view)).faults[0] == "invalid_errors"
    bench.app.answers.append((200, {"response_action": "update", "view": {"type": "modal"}}))
    assert (await bench.people.submit(view)).faults[0] == "invalid_arguments"


async def test_a_views_hash_guards_it(bench: Bench) -> None:
    view = await opened_view(bench)
    await bench.client.views_update(view_id=view.id, hash=view.hash, view=VIEW)
    stale = bench.client.views_update(view_id=view.id, hash=view.hash, view=VIEW)
    assert await error_of(stale) == "hash_conflict"


async def test_a_response_url_takes_five_posts_in_thirty_minutes(bench: Bench) -> None:
    card = await bench.card()
    click = await bench.people.click("U0AGENT", card, "deskhand.approve")
    assert click.response_url.startswith(bench.slack.url)

    async def respond(url: str, **body: Any) -> Json:
        async with aiohttp.ClientSession() as session, session.post(url, json=body) as answer:
            return dict(await answer.json())

    for number in range(5):
        answer = await respond(click.response_url, text=str(number), replace_original=False)
        assert answer == {"ok": True}
    assert (await respond(click.response_url, text="6"))["error"] == "used_url"
    shown = bench.slack.space.ephemerals[0]
    assert (shown.user, shown.channel, shown.replace_original) == ("U0AGENT", "C0BILLING", False)
    other = await bench.people.click("U0AGENT", card, "deskhand.approve")
    bench.slack.clock.advance(1801)
    assert (await respond(other.response_url, text="late"))["error"] == "expired_url"


async def test_a_commands_answer_is_shown_to_the_person_only(bench: Bench) -> None:
    bench.app.answers.append((200, {"text": "waiting 3", "response_type": "ephemeral"}))
    await bench.people.command("status 24h")
    assert bench.app.got[0][1]["command"] == "/agent"
    assert bench.app.got[0][1]["text"] == "status 24h"
    shown = await bench.slack.space.ephemerals.next()
    assert (shown.user, shown.text, shown.via) == ("U0AGENT", "waiting 3", "command")
    bench.app.answers.append((200, {"text": "x", "blocks": [{"type": "section"}]}))
    assert (await bench.people.command("status")).faults[0] == "invalid_blocks"


async def test_shortcut_and_url_verification(bench: Bench) -> None:
    message = bench.people.write("help")
    await bench.people.shortcut("U0AGENT", message)
    body = bench.app.got[0][1]
    assert (body["type"], body["callback_id"]) == ("message_action", "deskhand.triage")
    assert body["message"]["text"] == "help"
    bench.app.answers.append((200, {"challenge": "c"}))
    assert (await bench.people.url_verification("c")).body == {"challenge": "c"}


async def test_forged_and_raw_requests(bench: Bench) -> None:
    raw = bench.slack.http_transport(bench.app_url)
    assert (await raw.post(b"{}")).status == 200
    assert (await raw.post(b"{}", signature="bad")).status == 401
    assert (await raw.post(b"{}", signature="absent")).status == 401
    assert (await raw.post(b"{}", age_s=301)).status == 401
    assert (await raw.post(b"{}", secret="other")).status == 401


async def test_an_unreachable_or_silent_app_is_told_apart(bench: Bench) -> None:
    gone = bench.slack.driver("http://127.0.0.1:9")
    sent = await gone.message("anyone?")
    assert (sent.status, sent.sent.error) == (0, "connection")


async def test_waiting_in_vain_says_what_was_seen(bench: Bench) -> None:
    await bench.card()
    with pytest.raises(NotSeenError, match=r"posted \(1 so far"):
        await bench.slack.space.posted.wait_for(lambda m: m.card_state == "no", timeout=0.01)


async def test_a_stand_in_of_its_own_process_is_driven_from_here(
    bench: Bench, tmp_path: Path
) -> None:
    path = tmp_path / "remote.jsonl"
    async with slack_process(log=path, product_url=bench.app_url) as remote:
        environment = remote.environment
        client = AsyncWebClient(
            environment["SLACK_BOT_TOKEN"],
            base_url=environment["SLACK_API_URL"],
            retry_handlers=[],
        )
        await client.chat_postMessage(channel="C0BILLING", text="card", blocks=CARD)
        card = await remote.wait_posted(lambda m: m.channel == "C0BILLING")
        sent = await remote.click("U0AGENT", card, "deskhand.approve")
        assert sent.ok
        await client.views_open(trigger_id=sent.trigger_id, view=VIEW)
        view = await remote.wait_view()
        assert (await remote.submit(view, {"reply": "Hi"})).ok
        await remote.fault("chat.postMessage", DropReply())
        with pytest.raises(aiohttp.ClientError):
            await client.chat_postMessage(channel="C0BILLING", text="lost")
        assert [m.text for m in await remote.messages("C0BILLING")] == ["card", "lost"]
        with pytest.raises(AssertionError, match="not shown"):
            await remote.click("U0AGENT", card, "deskhand.nothing")
    calls = [entry for entry in read_log(path) if entry.name == "chat.postMessage"]
    assert [entry.delivered for entry in calls] == [True, False]
