"""The Slack stand-in's Web API over real HTTP, seen with slack_sdk as the product sees it."""

import asyncio
import json
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from tests.standins.bench import CARD, Bench, error_of, running_bench
from tests.standins.wire import (
    DropBefore,
    DropReply,
    Hold,
    HttpFailure,
    RateLimited,
    Refusal,
    read_log,
)

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
    assert caught.value.response.headers["x-oauth-scopes"] == "chat:write"


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
