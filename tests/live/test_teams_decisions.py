"""The main job on Teams, end to end: the decisions, and what each is told."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import AsyncIterator
from itertools import pairwise
from pathlib import Path

import pytest

from tests.live.teams_product import TeamsLive, allowed_words, teams_config, teams_live
from tests.standins.teams.world import BILLING, GROUP, SUPPORT, TRIAGE, executes
from tests.standins.wire import DropReply, HttpFailure, RateLimited


@pytest.fixture
async def desk(tmp_path: Path, redis_url: str) -> AsyncIterator[TeamsLive]:
    async with teams_live(tmp_path, redis_url) as running:
        yield running


async def test_approve_answers_in_the_customers_thread_once(desk: TeamsLive) -> None:
    card = await desk.pending()
    assert card.conversation == BILLING
    assert card.thread == card.id
    assert [one["verb"] for one in executes(card.card)] == ["deskhand.refresh"]
    assert card.activity["summary"].startswith("pending")
    assert card.card["fallbackText"].startswith("pending")
    answer = await desk.people.decide("agent", card, "deskhand.approve")
    assert answer.code == 200
    assert answer.card["fallbackText"].startswith(("approved", "executing", "succeeded"))
    done = await desk.becomes(card, "succeeded")
    assert not list(executes(done.card))
    assert "Alex Agent" in done.words
    (reply,) = desk.teams.world.replies()
    ticket = next(m for m in desk.teams.log.calls("post") if "textFormat" in m.args)
    assert reply.conversation == SUPPORT
    assert reply.thread == reply.reply_to
    assert reply.activity["textFormat"] == "plain"
    assert set(reply.about) == {"kind", "proposal", "revision", "key"}
    assert ticket.args["replyToId"] == reply.reply_to


async def test_an_edit_makes_a_revision_and_approves_it_in_the_same_step(desk: TeamsLive) -> None:
    card = await desk.pending()
    saved = await desk.people.decide("agent", card, "deskhand.edit", reply="By hand: see Settings.")
    assert saved.code == 200
    done = await desk.becomes(card, "succeeded")
    assert done.about["revision"] == 2
    (reply,) = desk.teams.world.replies()
    assert reply.activity["text"].startswith("By hand: see Settings.")


async def test_an_edit_without_approval_waits_and_voids_the_old_buttons(desk: TeamsLive) -> None:
    card = await desk.pending()
    old = (await desk.people.opened("agent", card)).card
    saved = await desk.people.decide(
        "agent", card, "deskhand.edit", reply="Another text.", approve_now="false"
    )
    assert saved.card["fallbackText"].startswith("pending")
    assert "deskhand.approve" in saved.verbs
    stale = await desk.people.submit("agent", card, old, "deskhand.approve")
    assert stale.code == 200
    assert "changed since" in stale.words
    assert not desk.teams.world.replies()
    await desk.people.submit("agent", card, saved.card, "deskhand.approve")
    await desk.becomes(card, "succeeded")
    assert len(desk.teams.world.replies()) == 1


async def test_reject_asks_why_and_may_draft_again(desk: TeamsLive) -> None:
    card = await desk.pending()
    refused = await desk.people.decide("agent", card, "deskhand.reject")
    assert "reason" in allowed_words(refused).lower()
    await desk.people.decide(
        "agent",
        card,
        "deskhand.reject",
        reason="wrong_tone",
        words="Too stiff.",
        draft_again="true",
    )
    await desk.becomes(card, "rejected")
    again = await desk.card("pending")
    assert again.about["proposal"] != card.about["proposal"]
    assert any("Too stiff." in request.raw.decode() for request in desk.model.requests)


async def test_fifty_presses_at_once_have_one_winner(desk: TeamsLive) -> None:
    card = await desk.pending()
    views = {who: (await desk.people.opened(who, card)).card for who in ("agent", "agent2")}
    presses = [
        desk.people.submit(who, card, views[who], "deskhand.approve")
        for who in ["agent", "agent2"] * 25
    ]
    answers = await asyncio.gather(*presses)
    assert all(answer.status == 200 and answer.code == 200 for answer in answers)
    assert all(answer.seconds < 5 for answer in answers)
    await desk.becomes(card, "succeeded")
    assert len(desk.teams.world.replies()) == 1
    losers = [answer for answer in answers if "has already approved this" in answer.words]
    assert len(losers) == 49
    assert all("Agent" in loser.words for loser in losers)


@pytest.mark.parametrize(
    ("who", "words"),
    [
        ("nobody", "may not decide"),
        ("manager", "may not decide"),
        ("customer", "You wrote this ticket"),
        ("guest", "Guests"),
        ("invited", "Guests"),
        ("roleless", "Guests"),
        ("external", "other organisations"),
    ],
)
async def test_who_may_not_is_told_so_and_sees_no_button(
    desk: TeamsLive, who: str, words: str
) -> None:
    card = await desk.pending()
    view = await desk.people.opened("agent", card)
    theirs = await desk.people.opened(who, card)
    assert theirs.verbs == ["deskhand.refresh"]
    answer = await desk.people.submit(who, card, view.card, "deskhand.approve")
    assert words in allowed_words(answer)
    assert not desk.teams.world.replies()
    (now,) = desk.teams.world.cards()
    assert now.state == "pending"


async def test_a_group_decides_by_graph_and_its_failure_refuses(desk: TeamsLive) -> None:
    card = await desk.pending()
    rule = desk.teams.faults.add("groups", HttpFailure(503), times=None)
    assert (await desk.people.opened("agent2", card)).verbs == ["deskhand.refresh"]
    rule.times = 0
    assert "deskhand.approve" in (await desk.people.opened("agent2", card)).verbs
    await desk.people.decide("agent2", card, "deskhand.approve")
    await desk.becomes(card, "succeeded")
    assert len(desk.teams.log.calls("groups")) == 2


@pytest.mark.parametrize("fault", [HttpFailure(404), HttpFailure(500), DropReply()])
async def test_whoever_cannot_be_looked_up_does_not_decide(desk: TeamsLive, fault: object) -> None:
    card = await desk.pending()
    view = (await desk.people.opened("agent2", card)).card
    desk.teams.faults.add("member", fault, times=None)  # type: ignore[arg-type]  # of the union
    answer = await desk.people.submit("agent", card, view, "deskhand.approve")
    assert "look you up" in allowed_words(answer)
    assert not desk.teams.world.replies()


async def test_a_press_delivered_again_decides_nothing_twice(desk: TeamsLive) -> None:
    card = await desk.pending()
    view = (await desk.people.opened("agent", card)).card
    token = next(o["data"]["token"] for o in executes(view) if o["verb"] == "deskhand.approve")
    press = desk.people.pressed("agent", card, "deskhand.approve", token)
    first, second = await desk.people.send(press), await desk.people.send(press)
    assert (first.code, second.code) == (200, 200)
    assert second.card
    await desk.becomes(card, "succeeded")
    assert len(desk.teams.world.replies()) == 1


async def test_newer_words_supersede_and_the_old_card_says_so(desk: TeamsLive) -> None:
    asked = await desk.people.message("Where is my invoice?")
    card = await desk.card()
    root = asked.activity["id"]
    view = (await desk.people.opened("agent", card)).card
    await desk.people.message("For March, please.", root=root, replyToId=root)
    await desk.becomes(card, "superseded")
    late = await desk.people.submit("agent", card, view, "deskhand.approve")
    assert "superseded" in late.words
    again = await desk.card("pending")
    assert "For March" in again.words
    assert not desk.teams.world.replies()


@pytest.mark.parametrize("status", [412, 500, 502, 504])
async def test_a_lost_reply_is_unknown_and_a_person_settles_it(
    desk: TeamsLive, status: int
) -> None:
    card = await desk.pending()
    desk.teams.faults.add("post", HttpFailure(status))
    await desk.people.decide("agent", card, "deskhand.approve")
    unknown = await desk.becomes(card, "unknown")
    assert len([c for c in desk.teams.log.calls("post") if "textFormat" in c.args]) == 1
    await desk.people.decide("agent", unknown, "deskhand.settle_done")
    await desk.becomes(card, "succeeded")
    assert not desk.teams.world.replies()


async def test_a_dropped_answer_is_unknown_and_sent_again_only_by_a_person(
    desk: TeamsLive,
) -> None:
    card = await desk.pending()
    desk.teams.faults.add("post", DropReply())
    await desk.people.decide("agent", card, "deskhand.approve")
    await desk.becomes(card, "unknown")
    assert len(desk.teams.world.replies()) == 1


@pytest.mark.parametrize("status", [400, 401, 403, 404, 413])
async def test_a_refused_reply_has_failed_and_may_be_retried(desk: TeamsLive, status: int) -> None:
    card = await desk.pending()
    desk.teams.faults.add("post", HttpFailure(status))
    await desk.people.decide("agent", card, "deskhand.approve")
    failed = await desk.becomes(card, "failed")
    assert not desk.teams.world.replies()
    await desk.people.decide("agent", failed, "deskhand.retry")
    await desk.becomes(card, "succeeded")
    assert len(desk.teams.world.replies()) == 1


async def test_a_limited_reply_waits_and_is_sent_within_its_claim(desk: TeamsLive) -> None:
    card = await desk.pending()
    desk.teams.faults.add("post", RateLimited(1))
    await desk.people.decide("agent", card, "deskhand.approve")
    await desk.becomes(card, "succeeded")
    assert len(desk.teams.world.replies()) == 1


async def test_a_card_that_is_gone_is_posted_anew(desk: TeamsLive) -> None:
    card = await desk.pending()
    desk.teams.world.deleted.add(card.id)
    saved = await desk.people.decide(
        "agent", card, "deskhand.edit", reply="Other words.", approve_now="false"
    )
    assert saved.code == 200
    anew = await desk.teams.world.posted.wait_for(
        lambda m: m.state == "pending" and m.id != card.id
    )
    assert anew.conversation == BILLING
    assert "Other words." in anew.words


async def test_a_channel_that_refuses_leaves_the_card_to_the_default_route(desk: TeamsLive) -> None:
    desk.teams.world.removed_from.add(BILLING)
    card = await desk.pending()
    assert card.conversation == TRIAGE
    assert "could not be posted" in card.words


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


@pytest.mark.parametrize(
    ("verb", "data"),
    [
        ("deskhand.approve", {"token": "garbage"}),
        ("deskhand.nothing", {"token": "garbage"}),
        ("deskhand.refresh", {"token": "garbage"}),
        ("deskhand.approve", {}),
        ("deskhand.approve", "text"),
        ("deskhand.approve", {"token": 5}),
        ("deskhand.edit", {"token": "x", "reply": ["a"]}),
    ],
)
async def test_broken_presses_are_bad_requests(desk: TeamsLive, verb: str, data: object) -> None:
    card = await desk.pending()
    press = desk.people.pressed("agent", card, verb, "x")
    press["value"]["action"]["data"] = data
    answer = await desk.people.send(press)
    assert answer.status == 200
    assert answer.code == 400
    assert answer.body["value"]["code"] == "BadRequest"


async def test_a_token_of_another_button_is_refused(desk: TeamsLive) -> None:
    card = await desk.pending()
    # As from somebody who has only read the proposal's id, on a reply.
    proposal = card.activity["channelData"]["deskhand"]["proposal"]
    forged = base64.urlsafe_b64encode(f"refresh\n1\n\n{proposal}".encode()).decode()
    answer = await desk.people.press("agent", card, "deskhand.refresh", forged.rstrip("="))
    assert answer.code == 400
    view = (await desk.people.opened("agent", card)).card
    approve = next(o["data"]["token"] for o in executes(view) if o["verb"] == "deskhand.approve")
    assert (await desk.people.press("agent", card, "deskhand.take", approve)).code == 400


async def test_a_second_approval_is_asked_of_a_second_person(
    tmp_path: Path, redis_url: str
) -> None:
    config = teams_config(approvals=2)
    async with teams_live(tmp_path, redis_url, config=config) as desk:
        card = await desk.pending()
        first = await desk.people.decide("agent", card, "deskhand.approve")
        assert first.card["fallbackText"].startswith("pending")
        again = await desk.people.submit("agent", card, first.card, "deskhand.approve")
        assert "second person" in allowed_words(again)
        await desk.people.decide("agent2", card, "deskhand.approve")
        await desk.becomes(card, "succeeded")


async def test_a_handoff_is_taken_and_answered_by_hand(tmp_path: Path, redis_url: str) -> None:
    config = teams_config(limits={"steps": 1, "usd": 0, "seconds": 60})
    async with teams_live(tmp_path, redis_url, config=config) as desk:
        await desk.people.message("Where do I find my invoice?")
        card = await desk.card("handoff", timeout=30)
        view = await desk.people.opened("agent", card)
        assert "deskhand.approve" not in view.verbs
        assert {"deskhand.take", "deskhand.edit", "deskhand.reject"} <= set(view.verbs)
        taken = await desk.people.submit("agent", card, view.card, "deskhand.take")
        assert taken.code == 200
        saved = await desk.people.decide("agent", card, "deskhand.edit", reply="By hand.")
        assert saved.card["fallbackText"].startswith("pending")
        await desk.people.submit("agent", card, saved.card, "deskhand.approve")
        await desk.becomes(card, "succeeded")
        (reply,) = desk.teams.world.replies()
        assert "entities" not in reply.activity  # nothing of it is a model's


async def test_nobody_decides_in_time(tmp_path: Path, redis_url: str) -> None:
    config = teams_config(remind_after="1s", expire_after="3s")
    async with teams_live(tmp_path, redis_url, config=config) as desk:
        card = await desk.pending()
        view = (await desk.people.opened("agent", card)).card
        reminder = await desk.said("Still waiting", BILLING)
        assert reminder.reply_to == card.id
        await desk.becomes(card, "expired")
        late = await desk.people.submit("agent", card, view, "deskhand.approve")
        assert late.code == 200
        assert "expired" in late.words
        assert not desk.teams.world.replies()


async def test_a_lost_card_is_posted_once_more_and_both_lead_to_one_decision(
    desk: TeamsLive,
) -> None:
    desk.teams.faults.add("post", DropReply())
    await desk.people.message("Where do I find my invoice?")
    await desk.until(lambda: len(desk.teams.world.cards("pending")) == 2 or None, timeout=25)
    lost, second = desk.teams.world.cards("pending")
    view = (await desk.people.opened("agent", lost)).card
    assert (await desk.people.decide("agent", second, "deskhand.approve")).code == 200
    await desk.becomes(second, "succeeded")
    late = await desk.people.submit("agent2", lost, view, "deskhand.approve")
    assert "has already approved this" in late.words
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
    card = await desk.until(lambda: next(iter(desk.teams.world.cards()), None), timeout=20)
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
