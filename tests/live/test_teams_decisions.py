"""Decisions in Teams: what they have beyond those of every surface (``tests/live/contract``)."""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator
from itertools import pairwise
from pathlib import Path

import pytest

from bot.store.references import RedisReferences
from tests.live.teams_product import TeamsLive, allowed_words, teams_config, teams_live
from tests.standins.anthropic import choosing
from tests.standins.teams.world import GROUP, SUPPORT, executes, inputs
from tests.standins.wire import HttpFailure


@pytest.fixture
async def desk(tmp_path: Path, redis_url: str) -> AsyncIterator[TeamsLive]:
    async with teams_live(tmp_path, redis_url) as running:
        yield running


async def test_a_group_is_asked_for_at_graph_and_its_failure_hides_the_buttons(
    desk: TeamsLive,
) -> None:
    card = await desk.pending()
    rule = desk.teams.faults.add("groups", HttpFailure(503), times=None)
    assert (await desk.people.opened("agent2", card)).verbs == ["deskhand.refresh"]
    rule.times = 0
    assert "deskhand.approve" in (await desk.people.opened("agent2", card)).verbs
    await desk.people.decide("agent2", card, "deskhand.approve")
    await desk.becomes(card, "succeeded")
    assert len(desk.teams.log.calls("groups")) == 2


async def test_what_a_reply_becomes_is_told_by_the_answers_status(desk: TeamsLive) -> None:
    """One request each, whatever is answered: there is no way to look for it."""
    ends = dict.fromkeys((412, 500, 502, 504), "unknown")
    ends |= dict.fromkeys((400, 401, 403, 404, 413), "failed")
    for number, (status, state) in enumerate(ends.items(), start=1):
        card = await desk.pending(f"Where is my invoice {number}?")
        desk.teams.faults.add("post", HttpFailure(status), when=lambda args: "textFormat" in args)
        await desk.people.decide("agent", card, "deskhand.approve")
        await desk.becomes(card, state, timeout=30)
        assert len([c for c in desk.teams.log.calls("post") if "textFormat" in c.args]) == number
    assert not desk.teams.world.replies()


async def test_a_group_chats_message_is_a_ticket_and_its_authors_next_one_is_newer(
    desk: TeamsLive,
) -> None:
    asked = await desk.people.message("Where is my invoice?", conversation=GROUP)
    card = await desk.card()
    await desk.people.message("Also the one of March.", conversation=GROUP)
    await desk.becomes(card, "superseded")
    again = await desk.card("pending")
    assert "invoice" in again.words
    assert "March" in again.words
    await desk.people.decide("agent", again, "deskhand.approve")
    await desk.becomes(again, "succeeded")
    (reply,) = desk.teams.world.replies()
    assert (reply.conversation, reply.thread) == (GROUP, None)
    assert reply.reply_to == asked.activity["id"]


async def test_what_the_screen_found_goes_out_with_a_reason_alone(
    tmp_path: Path, redis_url: str
) -> None:
    pan = "4111 1111 1111 1111"
    config = {**teams_config(), "screen": {"on_hit": "reason"}}
    async with teams_live(tmp_path, redis_url, config=config) as desk:
        desk.model.fill = choosing(
            route="billing", labels=["billing"], reply=f"Your card {pan} was charged."
        )
        card = await desk.pending()
        view = (await desk.people.opened("agent", card)).card
        asked = await desk.people.submit("agent", card, view, "deskhand.approve")
        assert "Not approved yet" in asked.words
        (why,) = inputs(asked.card)
        assert (why["type"], why["id"]) == ("Input.Text", "reason")
        # The other buttons are one press away, and a rejection's reason is called so too.
        assert "deskhand.refresh" in asked.verbs
        assert {"reason", "words", "reply"} <= {one["id"] for one in inputs(view)}
        press = next(o["data"]["token"] for o in executes(asked.card))
        short = await desk.people.press("agent", card, "deskhand.approve", press, reason=" ok ")
        assert "Write 3 to 500 characters" in allowed_words(short)
        foreign = await desk.people.press("nobody", card, "deskhand.approve", press, reason="Why?")
        assert "may not decide" in allowed_words(foreign)
        (now,) = desk.teams.world.cards()
        assert now.state == "pending"
        reason = "It is our own test card."
        sent = await desk.people.press("agent", card, "deskhand.approve", press, reason=reason)
        assert sent.card["fallbackText"].startswith(("approved", "executing", "succeeded"))
        assert reason in (await desk.becomes(card, "succeeded")).words
        assert len(desk.teams.world.replies()) == 1


async def test_a_customers_conversation_without_the_bot_is_known_from_the_refused_reply(
    desk: TeamsLive,
) -> None:
    card = await desk.pending()
    desk.teams.world.removed_from.add(SUPPORT)
    await desk.people.decide("agent", card, "deskhand.approve")
    await desk.becomes(card, "failed")
    store = desk.product.store
    kept = await RedisReferences(store.wire, store.keys).conversations()
    assert [one.id for one in kept if one.gone] == [SUPPORT]


async def test_broken_presses_are_bad_requests(desk: TeamsLive) -> None:
    card = await desk.pending()
    view = (await desk.people.opened("agent", card)).card
    approve = next(o["data"]["token"] for o in executes(view) if o["verb"] == "deskhand.approve")
    # As from somebody who has only read the proposal's id, on a reply.
    proposal = card.activity["channelData"]["deskhand"]["proposal"]
    forged = base64.urlsafe_b64encode(f"refresh\n1\n\n{proposal}".encode()).decode().rstrip("=")
    broken: list[tuple[str, object]] = [
        ("deskhand.approve", {"token": "garbage"}),
        ("deskhand.nothing", {"token": "garbage"}),
        ("deskhand.refresh", {"token": "garbage"}),
        ("deskhand.approve", {}),
        ("deskhand.approve", "text"),
        ("deskhand.approve", {"token": 5}),
        ("deskhand.edit", {"token": "x", "reply": ["a"]}),
        ("deskhand.take", {"token": approve}),  # of another button
        ("deskhand.refresh", {"token": forged}),
    ]
    for verb, data in broken:
        press = desk.people.pressed("agent", card, verb, "x")
        press["value"]["action"]["data"] = data
        answer = await desk.people.send(press)
        assert (answer.status, answer.code) == (200, 400), (verb, data)
        assert answer.body["value"]["code"] == "BadRequest"
    (now,) = desk.teams.world.cards()
    assert now.state == "pending"


async def test_a_press_is_answered_with_the_card_as_it_has_become(desk: TeamsLive) -> None:
    card = await desk.pending()
    assert [one["verb"] for one in executes(card.card)] == ["deskhand.refresh"]
    saved = await desk.people.decide(
        "agent", card, "deskhand.edit", reply="Another text.", approve_now="false"
    )
    assert saved.card["fallbackText"].startswith("pending")
    assert "Another text." in saved.words
    token = next(
        o["data"]["token"] for o in executes(saved.card) if o["verb"] == "deskhand.approve"
    )
    press = desk.people.pressed("agent", card, "deskhand.approve", token)
    for _ in range(2):  # the second is the same one, delivered again
        answer = await desk.people.send(press)
        assert answer.code == 200
        assert answer.card["fallbackText"].startswith(("approved", "executing", "succeeded"))
        assert not answer.verbs
    await desk.becomes(card, "succeeded", timeout=30)
    assert len(desk.teams.world.replies()) == 1


async def test_a_copy_is_updated_no_more_than_once_a_second_and_the_last_state_stays(
    desk: TeamsLive,
) -> None:
    card = await desk.pending()
    for words in ("One.", "Two.", "Three."):
        await desk.people.decide("agent", card, "deskhand.edit", reply=words, approve_now="false")
    await desk.people.decide("agent", card, "deskhand.approve")
    done = await desk.becomes(card, "succeeded")
    assert "Three." in done.words
    at = [entry.at for entry in desk.teams.log.calls("update")]
    assert all(later - earlier > 0.9 for earlier, later in pairwise(at))


async def test_whoever_cannot_read_it_all_on_the_card_gets_it_in_private(desk: TeamsLive) -> None:
    await desk.people.message("Where is my invoice? " + "I looked everywhere. " * 800)
    card = await desk.until(lambda: next(iter(desk.teams.world.cards()), None), timeout=30)
    view = (await desk.people.opened("agent", card)).card
    token = next(o["data"]["token"] for o in executes(view) if o["verb"] == "deskhand.show")
    assert "your chat" in allowed_words(
        await desk.people.press("agent", card, "deskhand.show", token)
    )
    chat = desk.teams.world.chat_with(desk.teams.world.people["agent"])
    await desk.said("I looked everywhere", chat)
    await desk.people.press("nobody", card, "deskhand.show", token)
    theirs = desk.teams.world.chat_with(desk.teams.world.people["nobody"])
    refused = await desk.said("approvers and managers", theirs)
    assert "I looked" not in refused.words
