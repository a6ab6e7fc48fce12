"""The main job on Slack, end to end: over HTTP and over Socket Mode."""

from __future__ import annotations

import asyncio
import copy
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from tests.live.product import CONFIG, Live, live
from tests.standins.anthropic import choosing
from tests.standins.slack import Message
from tests.standins.wire import DropBefore, DropReply, Refusal


@pytest.fixture(params=["http", "socket"])
async def desk(
    request: pytest.FixtureRequest, tmp_path: Path, redis_url: str
) -> AsyncIterator[Live]:
    async with live(tmp_path, redis_url, door=request.param) as running:
        yield running


@pytest.fixture
async def over_http(tmp_path: Path, redis_url: str) -> AsyncIterator[Live]:
    async with live(tmp_path, redis_url) as running:
        yield running


async def pending(desk: Live, text: str = "Where do I find my invoice?", **how: Any) -> Message:
    sent = await desk.people.message(text, **how)
    assert sent.ok, sent
    return await desk.slack.space.posted.wait_for(lambda m: m.card_state == "pending")


async def becomes(desk: Live, card: Message, state: str, timeout: float = 30) -> Message:
    """The card once it shows ``state``."""

    def now() -> Message | None:
        current = desk.slack.space.current(card)
        return current if current.card_state == state else None

    return await desk.slack.signal.until(now, timeout=timeout, what=lambda: f"{state}: {now()}")


def replies(desk: Live) -> list[Message]:
    return [m for m in desk.slack.space.posted if m.event_type == "deskhand_reply"]


async def told(desk: Live, user: str, words: str) -> str:
    """What this person was told in private, once it contains ``words``."""
    seen = await desk.slack.space.ephemerals.wait_for(
        lambda e: e.user == user and words in (e.text + e.block_text)
    )
    return seen.text + seen.block_text


async def test_approve_answers_in_the_customers_thread_once(desk: Live) -> None:
    card = await pending(desk)
    assert card.channel == "C0BILLING"
    assert card.action_ids == ["deskhand.approve", "deskhand.edit", "deskhand.reject"]
    assert "pending" in card.text
    assert (await desk.people.click("U0AGENT", card, "deskhand.approve")).ok
    done = await becomes(desk, card, "succeeded")
    assert not done.action_ids
    assert "U0AGENT" in str(done.blocks)
    (reply,) = replies(desk)
    assert reply.channel == "C0SUPPORT"
    ticket = next(m for m in desk.slack.space.posted if m.user == "U0CUSTOMER")
    assert reply.thread_ts == ticket.ts
    assert set(reply.payload) == {"proposal", "revision", "key"}


async def test_an_edit_makes_a_revision_and_approves_it_in_the_same_step(desk: Live) -> None:
    card = await pending(desk)
    await desk.people.click("U0AGENT", card, "deskhand.edit")
    view = await desk.slack.space.view_changes.wait_for(lambda v: v.callback_id == "deskhand.edit")
    saved = await desk.people.submit(view, {"reply": "By hand: see Settings."})
    assert saved.ok
    assert not saved.refusals
    assert not saved.faults
    done = await becomes(desk, card, "succeeded")
    assert done.payload["revision"] == 2
    (reply,) = replies(desk)
    assert "By hand: see Settings." in reply.text + reply.block_text


async def test_an_edit_without_approval_waits_and_voids_the_old_buttons(desk: Live) -> None:
    card = await pending(desk)
    await desk.people.click("U0AGENT", card, "deskhand.edit")
    view = await desk.slack.space.view_changes.wait_for(lambda v: v.callback_id == "deskhand.edit")
    await desk.people.submit(view, {"reply": "Another text.", "approve_now": []})
    edited = await desk.slack.space.updated.wait_for(
        lambda m: m.ts == card.ts and m.payload.get("revision") == 2
    )
    assert edited.card_state == "pending"
    assert "Another text." in edited.block_text
    await desk.people.click("U0AGENT", card, "deskhand.approve")  # the old snapshot
    await told(desk, "U0AGENT", "changed")
    assert not replies(desk)
    await desk.people.click("U0AGENT", edited, "deskhand.approve")
    await becomes(desk, card, "succeeded")
    assert len(replies(desk)) == 1


async def test_reject_asks_why_and_may_draft_again(desk: Live) -> None:
    card = await pending(desk)
    await desk.people.click("U0AGENT", card, "deskhand.reject")
    view = await desk.slack.space.view_changes.wait_for(
        lambda v: v.callback_id == "deskhand.reject"
    )
    await desk.people.submit(
        view, {"reason": "wrong_tone", "words": "Too stiff.", "draft_again": ["draft_again"]}
    )
    rejected = await becomes(desk, card, "rejected")
    assert not rejected.action_ids
    again = await desk.slack.space.posted.wait_for(
        lambda m: m.card_state == "pending" and m.payload["proposal"] != card.payload["proposal"]
    )
    assert again.channel == "C0BILLING"
    assert any("Too stiff." in request.raw.decode() for request in desk.model.requests)
    assert not replies(desk)


async def test_fifty_clicks_at_once_have_one_winner(over_http: Live) -> None:
    desk = over_http
    card = await pending(desk)
    clicks = [
        desk.people.click("U0AGENT" if n % 2 else "U0AGENT2", card, "deskhand.approve")
        for n in range(50)
    ]
    answers = await asyncio.gather(*clicks)
    assert all(answer.status == 200 for answer in answers)
    await becomes(desk, card, "succeeded")
    assert len(replies(desk)) == 1
    await desk.slack.space.ephemerals.wait_count(49)
    losers = [e.text + e.block_text for e in desk.slack.space.ephemerals]
    assert all("<@U0AGENT" in words for words in losers)


async def test_approve_against_edit_has_one_winner(over_http: Live) -> None:
    desk = over_http
    card = await pending(desk)
    await desk.people.click("U0AGENT2", card, "deskhand.edit")
    view = await desk.slack.space.view_changes.wait_for(lambda v: v.callback_id == "deskhand.edit")
    await asyncio.gather(
        desk.people.click("U0AGENT", card, "deskhand.approve"),
        desk.people.submit(view, {"reply": "The edited words."}),
    )
    await becomes(desk, card, "succeeded")
    assert len(replies(desk)) == 1


@pytest.mark.parametrize(
    ("who", "words"),
    [
        ("U0MANAGER", "may not"),
        ("U0GUEST", "Guests"),
        ("U0STRANGER", "other organisations"),
        ("U0CUSTOMER", "wrote this ticket"),
        ("U0GONE", "deactivated"),
        ("U0BOT", "Bots"),
    ],
)
async def test_who_may_not_is_told_why_and_nothing_happens(
    over_http: Live, who: str, words: str
) -> None:
    desk = over_http
    card = await pending(desk)
    for action in ("deskhand.approve", "deskhand.edit", "deskhand.reject"):
        assert (await desk.people.click(who, card, action)).status == 200
    await told(desk, who, words)
    await desk.slack.space.ephemerals.wait_count(3)
    assert desk.slack.space.current(card).card_state == "pending"
    assert not desk.slack.space.view_changes
    assert not replies(desk)


async def test_a_failed_look_up_refuses(over_http: Live) -> None:
    desk = over_http
    card = await pending(desk)
    desk.slack.faults.add("users.info", Refusal("internal_error"), times=10)
    await desk.people.click("U0AGENT", card, "deskhand.approve")
    await told(desk, "U0AGENT", "look you up")
    assert not replies(desk)


async def test_an_edited_route_needs_somebody_of_the_new_route(over_http: Live) -> None:
    desk = over_http
    desk.model.fill = choosing(route="default", labels=["billing"])
    card = await pending(desk)
    assert card.channel == "C0TRIAGE"
    await desk.people.click("U0AGENT", card, "deskhand.edit")
    view = await desk.slack.space.view_changes.wait_for(lambda v: v.callback_id == "deskhand.edit")
    await desk.people.submit(view, {"route": "refunds"})
    waiting = await desk.slack.space.posted.wait_for(
        lambda m: m.channel == "C0SALES" and m.card_state == "pending"
    )
    await desk.slack.signal.until(lambda: not desk.slack.space.current(card).action_ids)
    await desk.people.click("U0AGENT", waiting, "deskhand.approve")
    await told(desk, "U0AGENT", "may not")
    assert not replies(desk)
    await desk.people.click("U0AGENT2", waiting, "deskhand.approve")
    await becomes(desk, waiting, "succeeded")
    assert len(replies(desk)) == 1


async def test_a_redelivered_event_or_click_counts_once(over_http: Live) -> None:
    desk = over_http
    sent = await desk.people.message("Where do I find my invoice?")
    for retry in (1, 2):
        assert (await desk.people.redeliver(sent, retry=retry)).ok
    card = await desk.slack.space.posted.wait_for(lambda m: m.card_state == "pending")
    click = await desk.people.click("U0AGENT", card, "deskhand.approve")
    await becomes(desk, card, "succeeded")
    await desk.people.redeliver(click)
    await told(desk, "U0AGENT", "already")
    assert len(replies(desk)) == 1
    assert len([m for m in desk.slack.space.posted if m.event_type == "deskhand_card"]) == 1


async def test_a_newer_customer_message_supersedes_and_links_to_its_successor(
    over_http: Live,
) -> None:
    desk = over_http
    card = await pending(desk)
    ticket = next(m for m in desk.slack.space.posted if m.user == "U0CUSTOMER")
    await desk.people.message("I also need last year's.", thread_ts=ticket.ts)
    successor = await desk.slack.space.posted.wait_for(
        lambda m: m.card_state == "pending" and m.payload["proposal"] != card.payload["proposal"]
    )
    await becomes(desk, card, "superseded")
    linked = await desk.slack.signal.until(
        lambda: f"p{successor.ts.replace('.', '')}" in str(desk.slack.space.current(card).blocks)
    )
    assert linked
    assert not desk.slack.space.current(card).action_ids
    await desk.people.click("U0AGENT", card, "deskhand.approve")
    await told(desk, "U0AGENT", "superseded")
    assert not replies(desk)


async def test_an_edited_message_is_a_newer_one_and_an_unfurl_is_not(over_http: Live) -> None:
    desk = over_http
    card = await pending(desk)
    ticket = next(m for m in desk.slack.space.posted if m.user == "U0CUSTOMER")
    await desk.people.unfurl(ticket)
    await desk.people.edit(ticket, "Where do I find my invoice of May?")
    successor = await desk.slack.space.posted.wait_for(
        lambda m: m.card_state == "pending" and m.payload["proposal"] != card.payload["proposal"]
    )
    assert "of May" in successor.block_text
    await becomes(desk, card, "superseded")
    cards = {m.payload["proposal"] for m in desk.slack.space.posted if m.card_state}
    assert len(cards) == 2


async def test_a_deleted_message_supersedes_without_a_successor(over_http: Live) -> None:
    desk = over_http
    card = await pending(desk)
    ticket = next(m for m in desk.slack.space.posted if m.user == "U0CUSTOMER")
    await desk.people.delete(ticket)
    await becomes(desk, card, "superseded")


async def test_a_colleagues_reply_is_noticed_once_and_an_approvers_asks_to_close(
    over_http: Live,
) -> None:
    desk = over_http
    card = await pending(desk)
    ticket = next(m for m in desk.slack.space.posted if m.user == "U0CUSTOMER")
    await desk.people.message("Let me see.", user="U0MANAGER", thread_ts=ticket.ts)
    noticed = await desk.slack.space.updated.wait_for(
        lambda m: m.ts == card.ts and "replied in the thread" in m.block_text
    )
    assert noticed.payload["revision"] == 2
    await desk.people.message("It is under Billing.", user="U0AGENT", thread_ts=ticket.ts)
    asked = await desk.slack.space.updated.wait_for(
        lambda m: m.ts == card.ts and "Answered by hand?" in m.block_text
    )
    assert asked.payload["revision"] == 3
    await desk.people.click("U0AGENT", card, "deskhand.approve")
    await told(desk, "U0AGENT", "changed")
    assert not replies(desk)


async def test_an_undecided_card_is_reminded_of_and_expires(tmp_path: Path, redis_url: str) -> None:
    config = copy.deepcopy(CONFIG)
    config["playbooks"]["support"] |= {"remind_after": "1s", "expire_after": "2s"}
    async with live(tmp_path, redis_url, config=config) as desk:
        card = await pending(desk)
        await desk.slack.space.posted.wait_for(
            lambda m: m.thread_ts == card.ts and "U0AGENT" in str(m.blocks) + m.text, timeout=8
        )
        expired = await becomes(desk, card, "expired")
        assert not expired.action_ids
        await desk.people.click("U0AGENT", card, "deskhand.approve")
        await told(desk, "U0AGENT", "expired")
        queue = await desk.people.command("queue", user="U0MANAGER")
        assert card.payload["proposal"] in str(queue.body)
        assert not replies(desk)


async def test_a_refused_reply_may_be_retried(over_http: Live) -> None:
    desk = over_http
    card = await pending(desk)
    desk.slack.faults.add(
        "chat.postMessage",
        Refusal("channel_not_found"),
        when=lambda args: "deskhand_reply" in str(args.get("metadata")),
    )
    await desk.people.click("U0AGENT", card, "deskhand.approve")
    failed = await becomes(desk, card, "failed")
    assert "deskhand.retry" in failed.action_ids
    assert "deskhand.approve" not in failed.action_ids
    await desk.people.click("U0AGENT", failed, "deskhand.retry")
    await becomes(desk, card, "succeeded")
    assert len(replies(desk)) == 1


async def test_a_lost_answer_is_looked_up_before_anything_is_said(over_http: Live) -> None:
    desk = over_http
    card = await pending(desk)
    desk.slack.faults.add(
        "chat.postMessage",
        DropReply(),
        when=lambda args: "deskhand_reply" in str(args.get("metadata")),
    )
    await desk.people.click("U0AGENT", card, "deskhand.approve")
    await becomes(desk, card, "succeeded")
    assert len(replies(desk)) == 1


@pytest.mark.parametrize("settle", ["deskhand.settle_done", "deskhand.settle_retry"])
async def test_an_unknown_effect_is_settled_by_a_person(over_http: Live, settle: str) -> None:
    desk = over_http
    card = await pending(desk)
    desk.slack.faults.add(
        "chat.postMessage",
        DropBefore(),
        when=lambda args: "deskhand_reply" in str(args.get("metadata")),
    )
    await desk.people.click("U0AGENT", card, "deskhand.approve")
    unknown = await becomes(desk, card, "unknown")
    assert set(unknown.action_ids) == {"deskhand.settle_done", "deskhand.settle_retry"}
    await desk.people.click("U0MANAGER", unknown, settle)
    await told(desk, "U0MANAGER", "may not")
    await desk.people.click("U0AGENT", unknown, settle)
    if settle == "deskhand.settle_done":
        await becomes(desk, card, "succeeded")
        assert not replies(desk)
        return
    # Not before a stalled process could no longer overtake the person.
    await told(desk, "U0AGENT", "may still be on its way")
    assert not replies(desk)


async def test_a_card_that_its_channel_refuses_goes_to_the_default_route(over_http: Live) -> None:
    desk = over_http
    desk.slack.faults.add(
        "chat.postMessage",
        Refusal("not_in_channel"),
        times=20,
        when=lambda args: args.get("channel") == "C0BILLING",
    )
    card = await pending(desk)
    assert card.channel == "C0TRIAGE"


async def test_a_card_that_nobody_takes_reaches_the_managers_in_private(over_http: Live) -> None:
    desk = over_http
    desk.slack.faults.add(
        "chat.postMessage",
        Refusal("not_in_channel"),
        times=50,
        when=lambda args: args.get("channel") in ("C0BILLING", "C0TRIAGE"),
    )
    sent = await desk.people.message("Where do I find my invoice?")
    assert sent.ok
    private = await desk.slack.space.posted.wait_for(
        lambda m: m.user == "U0DESKHAND" and m.channel.startswith("D"), timeout=8
    )
    assert "could not be posted" in private.text + private.block_text
    queue = await desk.people.command("queue", user="U0MANAGER")
    assert "pending" in str(queue.body)


async def test_a_card_whose_post_lost_its_answer_is_found_and_not_posted_twice(
    over_http: Live,
) -> None:
    desk = over_http
    desk.slack.faults.add(
        "chat.postMessage",
        DropReply(),
        when=lambda args: "deskhand_card" in str(args.get("metadata")),
    )
    card = await pending(desk)
    await desk.people.click("U0AGENT", card, "deskhand.approve")
    await becomes(desk, card, "succeeded", timeout=30)
    assert len([m for m in desk.slack.space.posted if m.event_type == "deskhand_card"]) == 1


async def test_a_deleted_card_is_posted_anew(over_http: Live) -> None:
    desk = over_http
    card = await pending(desk)
    desk.slack.space.delete(card)
    ticket = next(m for m in desk.slack.space.posted if m.user == "U0CUSTOMER")
    await desk.people.message("Looking.", user="U0MANAGER", thread_ts=ticket.ts)
    anew = await desk.slack.space.posted.wait_for(
        lambda m: m.card_state == "pending" and m.ts != card.ts
    )
    await desk.people.click("U0AGENT", anew, "deskhand.approve")
    await becomes(desk, anew, "succeeded")


async def test_while_paused_tickets_wait_and_nothing_runs_or_acts(over_http: Live) -> None:
    desk = over_http
    card = await pending(desk)
    paused = await desk.people.command("pause", user="U0MANAGER")
    assert "paused" in str(paused.body)
    refused = await desk.people.command("pause", user="U0AGENT")
    assert "may not" in str(refused.body)
    await desk.people.click("U0AGENT", card, "deskhand.approve")
    await becomes(desk, card, "approved")
    calls = len(desk.model.requests)
    assert (await desk.people.message("And another question?")).ok
    assert not replies(desk)
    assert len(desk.model.requests) == calls
    await desk.people.command("resume", user="U0MANAGER")
    await becomes(desk, card, "succeeded", timeout=30)
    assert len(replies(desk)) == 1


async def test_the_app_answers_in_a_persons_own_conversation(over_http: Live) -> None:
    desk = over_http
    await pending(desk)
    home = desk.slack.space.direct_channel("U0AGENT")
    assert (await desk.people.message("status", user="U0AGENT", channel=home.id)).ok
    answer = await desk.slack.space.posted.wait_for(
        lambda m: m.channel == home.id and m.user == "U0DESKHAND"
    )
    for word in (
        "waiting",
        "oldest",
        "approved",
        "edited",
        "rejected",
        "handoff",
        "unknown",
        "cost",
    ):
        assert word in answer.text
    guest = desk.slack.space.direct_channel("U0GUEST")
    await desk.people.message("status", user="U0GUEST", channel=guest.id)
    refused = await desk.slack.space.posted.wait_for(
        lambda m: m.channel == guest.id and m.user == "U0DESKHAND"
    )
    assert "may not" in refused.text
    assert not any(char.isdigit() for char in refused.text)
