"""What people in the Slack stand-in do, as an app gets it over signed HTTP."""

from pathlib import Path
from typing import Any

import aiohttp
import pytest
from slack_sdk.web.async_client import AsyncWebClient

from tests.standins.bench import CARD, Bench, Json, error_of
from tests.standins.slack import CannotSubmit, View
from tests.standins.slack.remote import slack_process
from tests.standins.wire import DropReply, NotSeenError, read_log


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


async def test_people_insist_while_the_app_is_away(bench: Bench) -> None:
    bench.app.answers += [(503, None), (500, None), (503, None)]
    sent = await bench.people.insist(await bench.people.message("help"), every_s=0.001)
    assert sent.ok
    assert [headers.get("x-slack-retry-num") for headers, _ in bench.app.got] == [
        None, "1", "2", "3",
    ]  # fmt: skip
    away = bench.slack.driver("http://127.0.0.1:9")
    lost = await away.message("help")
    with pytest.raises(NotSeenError, match="was not accepted"):
        await away.insist(lost, every_s=0.001, timeout=0.01)


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
    alone = await people.message("wrong channel")
    assert alone.message is not None
    await people.delete(alone.message)
    events = [body["event"] for _headers, body in bench.app.got]
    assert [event.get("subtype") for event in events] == [
        "file_share", None, "message_changed", "message_changed", "bot_message",
        "channel_join", "channel_topic", None, "message_deleted",
    ]  # fmt: skip
    assert events[1]["thread_ts"] == parent.message.ts
    assert events[1]["parent_user_id"] == "U0CUSTOMER"
    assert events[2]["message"]["text"] == "help me"
    assert events[2]["previous_message"]["text"] == "help"
    assert events[3]["message"]["text"] == events[3]["previous_message"]["text"]
    assert events[8]["deleted_ts"] == alone.message.ts


async def test_typed_text_arrives_as_slack_holds_it(bench: Bench) -> None:
    await bench.people.message("a < b & c, see https://x.example/?a=1&b=2. mail me@x.example")
    event = bench.app.got[0][1]["event"]
    assert event["text"] == (
        "a &lt; b &amp; c, see <https://x.example/?a=1&amp;b=2>. mail "
        "<mailto:me@x.example|me@x.example>"
    )
    leaves = event["blocks"][0]["elements"][0]["elements"]
    assert leaves[0] == {"type": "text", "text": "a < b & c, see "}
    assert leaves[1] == {"type": "link", "url": "https://x.example/?a=1&b=2"}
    await bench.people.message("<!channel> <@U0AGENT>")
    assert bench.app.got[1][1]["event"]["text"] == "&lt;!channel&gt; &lt;@U0AGENT&gt;"


async def test_a_deleted_message_with_replies_leaves_a_tombstone(bench: Bench) -> None:
    parent = (await bench.people.message("help")).message
    assert parent is not None
    await bench.client.chat_postMessage(channel="C0SUPPORT", text="...", thread_ts=parent.ts)
    await bench.people.delete(parent)
    event = bench.app.got[-1][1]["event"]
    assert event["subtype"] == "message_changed"
    assert event["message"]["subtype"] == "tombstone"
    assert event["previous_message"]["text"] == "help"
    assert bench.slack.space.current(parent).deleted
    await bench.client.chat_postMessage(channel="C0SUPPORT", text="still", thread_ts=parent.ts)


async def test_the_apps_own_messages_come_back_while_echoing(bench: Bench) -> None:
    async with bench.people.echoing():
        card = await bench.card()
        await bench.client.chat_update(channel=card.channel, ts=card.ts, text="decided")
        await bench.slack.log.wait_for(
            lambda entry: entry.kind == "delivery" and len(bench.app.got) == 2
        )
    events = [body["event"] for _headers, body in bench.app.got]
    assert {event.get("subtype") for event in events} == {None, "message_changed"}
    assert all((event.get("message") or event)["bot_id"] == "B0DESKHAND" for event in events)


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


async def opened_view(bench: Bench) -> View:
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
        await remote.change_user("U0AGENT", is_restricted=True)
        guest = (await client.users_info(user="U0AGENT"))["user"]
        assert guest["is_restricted"]
        with pytest.raises(AssertionError, match="not shown"):
            await remote.click("U0AGENT", card, "deskhand.nothing")
    calls = [entry for entry in read_log(path) if entry.name == "chat.postMessage"]
    assert [entry.delivered for entry in calls] == [True, False]
