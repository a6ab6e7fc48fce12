"""Teams' door: what comes in by it, and what it makes of that."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from bot.domain import Place
from bot.ports import StoreUnavailable
from bot.store.references import RedisReferences
from handlers.teams_surface import message_link
from tests.live.product import CONFIG, live
from tests.live.steps import Helpdesk, idle, ticket
from tests.live.teams_product import (
    QUESTION,
    TeamsLive,
    eventually,
    teams_config,
    teams_live,
    tickets,
)
from tests.patience import WAIT_SECONDS
from tests.standins.teams.connector import teams_standin
from tests.standins.teams.world import (
    BILLING,
    ELSEWHERE,
    GROUP,
    OTHER_TENANT,
    SUPPORT,
    TENANT,
    TRIAGE,
    executes,
)


@pytest.fixture
async def desk(tmp_path: Path, redis_url: str) -> AsyncIterator[TeamsLive]:
    async with teams_live(tmp_path, redis_url) as running:
        yield running


def broken(**changes: Any) -> Any:
    def make(activity: dict[str, Any]) -> bytes:
        for path, value in changes.items():
            at, *steps = activity, *path.split("__")
            for step in steps[:-1]:
                at = at[step]
            if value is None:
                at.pop(steps[-1])
            else:
                at[steps[-1]] = value
        return json.dumps(activity).encode()

    return make


BROKEN: list[Any] = [
    broken(type=None),
    broken(id=None),
    broken(conversation__id=None),
    broken(conversation=None),
    broken(type=5),
    broken(id=["x"]),
    broken(conversation="x"),
    broken(serviceUrl=5),
    broken(text={"a": 1}),
    broken(entities="x"),
    broken(entities=[5]),
    broken(attachments={"a": 1}),
    broken(channelData="x"),
    broken(channelData__channel=[1]),
    broken(**{"from": "bob"}),
    lambda activity: b"[]",
    lambda activity: b"{",
    lambda activity: b"\xff\xfe",
    lambda activity: b'{"type": "message", "type": "invoke"}',
    lambda activity: b"[" * 100_000,
    lambda activity: json.dumps(activity).replace(QUESTION, "\\ud800").encode(),
]


async def test_a_broken_activity_is_400(desk: TeamsLive) -> None:
    for make in BROKEN:
        raw = make(desk.people.activity("customer", text=QUESTION))
        assert (await desk.people.send(raw)).status == 400, raw[:500]
        assert (await desk.people.send(raw, token=None)).status == 401, raw[:500]
    assert await tickets(desk) == 0
    await desk.pending()


async def test_sizes(desk: TeamsLive) -> None:
    large = desk.people.activity("customer", text="x" * 300_000)
    assert (await desk.people.send(large)).status == 413
    assert (await desk.people.send(large, token=None)).status == 401
    assert (await desk.people.message("Where is my invoice? " + "ü" * 20_000)).status == 200
    card = await desk.until(lambda: next(iter(desk.teams.world.cards()), None), timeout=20)
    _, proposal = await desk.product.store.resolve(card.about["proposal"])
    case = await desk.product.store.case(proposal or "")
    assert case is not None
    assert len(case.ticket.value.body.encode()) <= 28 * 1024


async def test_unknown_types_are_200_and_unknown_invokes_501(desk: TeamsLive) -> None:
    for kind in ("typing", "messageReaction", "event", "endOfConversation", "somethingNew"):
        sent = await desk.people.send(desk.people.activity("customer", type=kind))
        assert (sent.status, sent.body) == (200, "")
    unknown = await desk.people.send(desk.people.activity("agent", type="invoke", name="new/one"))
    assert (unknown.status, unknown.code) == (200, 501)
    feedback = await desk.people.send(
        desk.people.activity("agent", type="invoke", name="message/submitAction", value={})
    )
    assert (feedback.status, feedback.body) == (200, {})


async def test_bots_and_nobody_make_no_ticket(desk: TeamsLive) -> None:
    bot = desk.people.activity("customer", text=QUESTION)
    bot["from"]["id"] = "28:another"
    anonymous = desk.people.activity("customer", text=QUESTION)
    del anonymous["from"]["aadObjectId"]
    nobody = desk.people.activity(None, text=QUESTION)
    for activity in (bot, anonymous, nobody):
        assert (await desk.people.send(activity)).status == 200
    assert await tickets(desk) == 0


async def test_a_retried_activity_counts_once(desk: TeamsLive) -> None:
    activity = desk.people.activity("customer", text=QUESTION)
    answers = await asyncio.gather(*(desk.people.send(activity) for _ in range(10)))
    assert {answer.status for answer in answers} <= {200, 503}
    await desk.insist(desk.people.send(activity))  # a busy machine may have refused them all
    await desk.card()
    await idle(desk)  # type: ignore[arg-type]  # looks at the product alone
    assert len(desk.teams.world.cards()) == 1


async def test_mentions_html_copies_and_other_channels(desk: TeamsLive) -> None:
    await desk.people.message(QUESTION, conversation=ELSEWHERE)
    assert await tickets(desk) == 0
    await desk.people.mention(
        QUESTION,
        "customer",
        attachments=[{"contentType": "text/html", "content": "<p>x</p>"}],
    )
    card = await desk.card()
    assert "Deskhand" not in card.activity["attachments"][0]["content"]["body"][-1].get("text", "")
    store = desk.product.store
    _, proposal = await store.resolve(card.about["proposal"])
    case = await store.case(proposal or "")
    assert case is not None
    assert case.ticket.value.body == QUESTION
    assert case.ticket.value.messages[0].files == ()
    assert case.ticket.value.author.email == "dana@customer.example"


async def test_a_mention_where_nobody_listens_is_told_what_can_be_asked_for(
    desk: TeamsLive,
) -> None:
    await desk.people.mention("stauts", "agent", ELSEWHERE)
    await desk.said("What you can ask", ELSEWHERE)
    # Also where an activity's id is not its message's, as in the Playground.
    await desk.people.mention("what can you do?", "guest", ELSEWHERE, root="root-9")
    refused = await desk.said("may not use this", ELSEWHERE)
    assert "status" not in refused.words
    assert await tickets(desk) == 0


async def test_a_mention_in_a_tickets_thread_is_its_authors_next_word_and_no_question_to_us(
    desk: TeamsLive,
) -> None:
    customer = desk.teams.world.people["customer"]
    acted = desk.people.activity(
        "agent", ELSEWHERE, type="invoke", name="composeExtension/submitAction", root="1612345",
        value={
            "commandId": "deskhand.triage",
            "messagePayload": {
                "id": "1612345",
                "body": {"contentType": "text", "content": QUESTION},
                "from": {"user": {"id": customer.oid, "displayName": customer.name}},
            },
        },
    )  # fmt: skip
    assert (await desk.people.send(acted)).body == {}
    card = await desk.card()
    await desk.people.mention("For March.", "customer", ELSEWHERE, root="1612345")
    await desk.becomes(card, "superseded")
    assert not [m for m in desk.teams.world.posted if m.conversation == ELSEWHERE]


async def test_a_thread_whose_root_has_another_id_is_one_ticket(desk: TeamsLive) -> None:
    """As in Microsoft's Playground, whose activity ids are not its message ids."""
    first = await desk.people.message(QUESTION, root="root-1")
    card = await desk.card()
    await desk.people.message("Any news?", "nobody", root="root-1")
    await desk.people.message("For March.", root="root-1")
    await desk.becomes(card, "superseded")
    again = await desk.card("pending")
    await desk.people.decide("agent", again, "deskhand.approve")
    await desk.becomes(again, "succeeded")
    (reply,) = desk.teams.world.replies()
    assert (reply.thread, reply.reply_to) == ("root-1", first.activity["id"])


async def test_what_is_said_under_a_card_is_no_ticket(tmp_path: Path, redis_url: str) -> None:
    """Also where the cards stand in the channel of the tickets, and though Teams does not say of a
    reply that it is one."""
    config = teams_config(listen=[{"teams": SUPPORT}, {"teams": BILLING}])
    async with teams_live(tmp_path, redis_url, config=config) as desk:
        card = await desk.pending()
        assert card.conversation == BILLING
        await desk.people.message("I shall look at it.", "agent", BILLING, root=card.id)
        await desk.people.message("Thanks!", "nobody", BILLING, root=card.id)
        await idle(desk)  # type: ignore[arg-type]  # looks at the product alone
        assert desk.teams.world.cards() == [card]
        await desk.people.decide("agent", card, "deskhand.approve")
        await desk.becomes(card, "succeeded")


async def test_a_post_that_comes_after_its_own_reply_is_read_with_it(desk: TeamsLive) -> None:
    """A post that was answered 503 is sent again, and its author may have written on meanwhile."""
    post = desk.people.activity("customer", text=QUESTION)
    root = post["id"]
    await desk.people.message("It is about March.", root=root)
    card = await desk.card()
    for _ in range(3):
        assert (await desk.people.send(post)).status == 200
    await desk.becomes(card, "superseded")
    whole = await desk.card("pending")
    assert QUESTION in whole.words
    assert "March" in whole.words
    assert len(desk.teams.world.cards()) == 2
    await desk.people.decide("agent", whole, "deskhand.approve")
    await desk.becomes(whole, "succeeded")


async def test_a_reply_under_nobodys_ticket_is_none(desk: TeamsLive) -> None:
    await desk.people.message(QUESTION, root="1600000000000", replyToId="1600000000000")
    assert await tickets(desk) == 0


async def test_a_message_action_makes_a_ticket_of_that_message(desk: TeamsLive) -> None:
    customer = desk.teams.world.people["customer"]
    value = {
        "commandId": "deskhand.triage",
        "messagePayload": {
            "id": "1612345",
            "body": {"contentType": "html", "content": "<p>Where is my <b>invoice</b>?</p>"},
            "from": {"user": {"id": customer.oid, "displayName": customer.name}},
        },
    }
    acted = desk.people.activity(
        "agent",
        ELSEWHERE,
        type="invoke",
        name="composeExtension/submitAction",
        root="1612345",
        value=value,
    )
    for _ in range(2):
        sent = await desk.people.send(acted)
        assert (sent.status, sent.body) == (200, {})
    card = await desk.card()
    assert "Dana Customer" in card.words
    answer = await desk.people.opened("agent", card)
    assert answer.verbs == ["deskhand.refresh"]  # who asked may not approve
    await desk.people.decide("agent2", card, "deskhand.approve")
    await desk.becomes(card, "succeeded")
    (reply,) = desk.teams.world.replies()
    assert (reply.conversation, reply.thread) == (ELSEWHERE, "1612345")
    assert len(desk.teams.world.cards()) == 1


async def test_commands(desk: TeamsLive) -> None:
    await desk.pending()
    asked = await desk.people.mention("agent status")
    status = await desk.said("waiting", SUPPORT)
    for _ in range(2):  # delivered again, it is not answered again
        assert (await desk.people.send(asked.activity)).status == 200
    for word in ("waiting", "oldest", "approved", "edited", "rejected", "handoff", "unknown"):
        assert word in status.activity["summary"].lower(), word
    assert "cost" in status.activity["summary"].lower()
    assert status.card["type"] == "AdaptiveCard"
    await desk.people.personal("/status", "manager")
    chat = desk.teams.world.chat_with(desk.teams.world.people["manager"])
    await desk.said("waiting", chat)
    await desk.people.mention("agent status", "guest", GROUP)
    refused = await desk.said("may not use this", GROUP)
    assert "waiting" not in refused.words
    (card,) = desk.teams.world.cards()
    await desk.people.mention(f"agent trace {card.about['proposal']}", "manager")
    await desk.said("search_kb", chat)
    link = message_link(Place(surface="teams", place=card.conversation, thread=card.id,
                              message=card.id), TENANT)  # fmt: skip
    await desk.people.mention(f"agent show {link}", "manager")
    await desk.said("Draft:", chat)
    statuses = [m for m in desk.teams.world.posted if m.reply_to == asked.activity["id"]]
    assert len(statuses) == 1
    assert await tickets(desk) == 1


async def test_feedback_on_a_reply_stands_beside_its_decision(desk: TeamsLive) -> None:
    card = await desk.pending()
    await desk.people.decide("agent", card, "deskhand.approve")
    await desk.becomes(card, "succeeded")
    (reply,) = desk.teams.world.replies()
    assert reply.activity["channelData"]["feedbackLoop"] == {"type": "default"}
    value = {
        "actionName": "feedback",
        "actionValue": {"reaction": "like", "feedback": '{"feedbackText": "Thanks"}'},
    }
    for given in ({"actionName": "feedback"}, "text", None, value):
        thumb = desk.people.activity(
            "customer",
            type="invoke",
            name="message/submitAction",
            replyToId=reply.id,
            root=reply.thread,
            value=given,
        )
        for _ in range(3):  # it counts once, however often it is delivered
            sent = await desk.people.send(thumb)
            assert (sent.status, sent.body) == (200, {})
    store = desk.product.store
    ticket, _ = await store.resolve(card.about["proposal"])

    async def kept() -> list[Any]:
        lines = [line.entry for line in await store.record_book.of_case(ticket or "")]
        return [one for one in lines if one.data.get("what") == "feedback"]

    (entry,) = await eventually(kept)
    assert entry.data["reaction"] == "like"


async def test_a_listened_personal_chat_is_a_ticket(tmp_path: Path, redis_url: str) -> None:
    config = teams_config(listen=[{"teams": "personal"}, {"webhook": "helpdesk"}])
    async with teams_live(tmp_path, redis_url, config=config) as desk:
        sent = await desk.people.personal(QUESTION, "customer")
        card = await desk.card()
        await desk.people.decide("agent", card, "deskhand.approve")
        await desk.becomes(card, "succeeded")
        (reply,) = desk.teams.world.replies()
        assert reply.conversation == sent.activity["conversation"]["id"]


async def test_a_removed_bot_is_known_and_its_cards_come_back_with_it(desk: TeamsLive) -> None:
    def install(action: str, conversation: str) -> dict[str, Any]:
        return desk.people.activity(
            "agent", conversation, type="installationUpdate", action=action, root="1"
        )

    assert (await desk.people.send(install("add", TRIAGE))).status == 200
    assert (await desk.people.send(install("remove", TRIAGE))).status == 200
    await desk.people.personal("help", "manager")
    desk.teams.world.removed_from.add(BILLING)
    await desk.people.message(QUESTION)
    card = await desk.card()
    assert card.conversation == desk.teams.world.chat_with(desk.teams.world.people["manager"])
    kept = await RedisReferences(desk.product.store.wire, desk.product.store.keys).conversations()
    assert TRIAGE in {one.id for one in kept if one.gone}
    desk.teams.world.removed_from.clear()
    assert (await desk.people.send(install("add", BILLING))).status == 200
    back = await desk.teams.world.posted.wait_for(
        lambda m: m.conversation == BILLING and m.state == "pending", timeout=WAIT_SECONDS
    )
    await desk.people.decide("agent", back, "deskhand.approve")
    await desk.becomes(card, "succeeded")


async def test_a_webhook_ticket_after_a_restart_is_posted_with_no_new_activity(
    tmp_path: Path, redis_url: str
) -> None:
    async with teams_live(tmp_path, redis_url) as desk:
        assert (await desk.people.mention("agent help")).status == 200
        world = desk.teams
        await desk.said("status")
    assert world
    async with teams_standin() as later, teams_live(tmp_path, redis_url, teams=later) as desk:
        # The connector has another port now, as after a move: the stored address is changed.
        store = desk.product.store
        fields = await store.wire.command("HGETALL", store.keys.references)
        for name, value in fields.items():
            moved = value.replace(world.url.encode(), later.url.encode())
            await store.wire.command("HSET", store.keys.references, name, moved)
        async with aiohttp.ClientSession() as session:
            helpdesk = Helpdesk(desk.product.url, session)
            assert await helpdesk.send(ticket("T-1")) == 200
        card = await desk.card()
        assert card.conversation == "19:billing@thread.tacv2"


async def test_the_emulator_sends_and_asks_for_no_token(tmp_path: Path, redis_url: str) -> None:
    async with teams_live(tmp_path, redis_url, emulator=True) as desk:
        desk.people.headers["Authorization"] = "Bearer whatever"
        card = await desk.pending()
        await desk.people.decide("agent", card, "deskhand.approve")
        await desk.becomes(card, "succeeded")
        assert not desk.teams.log.calls("token")
        assert not desk.teams.log.calls("groups")
        assert (await desk.people.opened("agent2", card)).verbs == []
        for url in ("https://smba.trafficmanager.net/emea/", "http://192.0.2.1/"):
            activity = desk.people.activity("customer", text=QUESTION, serviceUrl=url)
            assert (await desk.people.send(activity)).status == 403
        foreign = desk.people.activity("customer", text=QUESTION)
        foreign["channelData"]["tenant"]["id"] = OTHER_TENANT
        assert (await desk.people.send(foreign)).status == 403


async def test_without_credentials_there_is_no_door(tmp_path: Path, redis_url: str) -> None:
    async with (
        live(tmp_path, redis_url, config=CONFIG) as desk,
        aiohttp.ClientSession() as session,
        session.post(f"{desk.product.url}/api/messages", json={"type": "message"}) as answer,
    ):
        assert answer.status == 404


async def test_a_slow_store_is_told_in_time_and_the_press_never_wins(
    desk: TeamsLive,
) -> None:
    card = await desk.pending()
    view = (await desk.people.opened("agent", card)).card
    assert any(one["verb"] == "deskhand.approve" for one in executes(view))
    wire = desk.product.store.wire
    await wire.command("CLIENT", "PAUSE", 4500, "ALL")
    answer = await desk.people.submit("agent", card, view, "deskhand.approve")
    assert answer.seconds < 5
    assert answer.status == 200
    assert "saved" in answer.words

    async def state() -> str | None:
        try:
            case = await desk.product.store.proposal(card.about["proposal"])
        except StoreUnavailable:
            return None
        return case.value.state if case else None

    assert await eventually(state, 15) == "pending"
    assert not desk.teams.world.replies()
