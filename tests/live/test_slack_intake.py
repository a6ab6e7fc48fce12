"""What becomes a ticket in Slack, what belongs to one, and what is none; end to end."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest

import bot.execute
import bot.publish
import bot.runs
import bot.triage
from tests.live.product import Live, live
from tests.live.steps import (
    QUESTION,
    becomes,
    card_that,
    cards,
    config,
    form,
    idle,
    proposals,
    replies,
    says,
    told,
    until,
    words,
)
from tests.standins.anthropic import Held, choosing


@pytest.fixture
async def desk(tmp_path: Path, redis_url: str) -> AsyncIterator[Live]:
    async with live(tmp_path, redis_url) as running:
        yield running


@pytest.fixture
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """A drafting card after a quarter of a second instead of 15 s; no long look at a pause."""
    soon = timedelta(seconds=0.25)
    for module in (bot.publish, bot.runs):
        monkeypatch.setattr(module, "DRAFTING_AFTER", soon)
    for other in (bot.execute, bot.triage):
        monkeypatch.setattr(other, "_PAUSED_RETRY", soon)


# --- bursts, files, mentions ----------------------------------------------------------------------


async def test_a_burst_is_one_ticket_and_each_of_its_messages_belongs_to_it(
    tmp_path: Path, redis_url: str
) -> None:
    async with live(tmp_path, redis_url, config=config({"quiet": "1s"})) as desk:
        await says(desk, "Hello,")
        await idle(desk, "deliver")
        second = await says(desk, "where do I find my invoice")
        await idle(desk, "deliver")
        await says(desk, "An unrelated ticket", user="U0CUSTOMER2")
        third = await says(desk, "of May?")
        assert not desk.model.requests, "the window delays the run"
        card = await card_that(desk, "pending", "Hello, where do I find my invoice of May?")
        other = await card_that(desk, "pending", "An unrelated ticket")
        assert proposals(desk) == {card.payload["proposal"], other.payload["proposal"]}
        # Any message of the burst may be edited, answered to and deleted.
        await desk.people.edit(second, "where do I find my receipt")
        card = await card_that(desk, "pending", "Hello, where do I find my receipt of May?")
        await says(desk, "It is urgent.", thread_ts=second.ts)
        card = await card_that(desk, "pending", "It is urgent.")
        await desk.people.delete(third)
        card = await card_that(desk, "pending", "receipt It is urgent.")
        assert len(cards(desk, state="superseded")) == 3
        await desk.people.click("U0AGENT", card, "deskhand.approve")
        await becomes(desk, card, "succeeded")
        assert len(replies(desk)) == 1


async def test_a_burst_that_comes_all_at_once_is_one_ticket_in_its_order(
    tmp_path: Path, redis_url: str
) -> None:
    """As after an outage: Slack delivers again what it could not, within milliseconds."""
    async with live(tmp_path, redis_url, config=config({"quiet": "1s"})) as desk:
        said = [f"part {number}" for number in range(6)]
        for text in said:
            await says(desk, text)
        await card_that(desk, "pending", " ".join(said))
        await idle(desk)
        assert len(proposals(desk)) == 1


async def test_within_the_window_an_edit_is_taken_in_and_a_deletion_leaves_nothing(
    tmp_path: Path, redis_url: str
) -> None:
    async with live(tmp_path, redis_url, config=config({"quiet": "1s"})) as desk:
        changed = await says(desk, "Where do I find my invocie?")
        gone = await says(desk, "Never mind me", user="U0CUSTOMER2")
        await desk.people.edit(changed, "Where do I find my invoice?")
        await desk.people.delete(gone)
        card = await card_that(desk, "pending", "my invoice?")
        assert "invocie" not in words(card)
        await idle(desk)
        assert cards(desk) == [desk.slack.space.current(card)]
        assert not any("Never mind me" in request.raw.decode() for request in desk.model.requests)


async def test_files_are_named_to_the_model_and_on_the_card(desk: Live) -> None:
    await says(desk, "See this.", files=[{"id": "F1", "name": "receipt <!here>.pdf"}])
    card = await card_that(desk, "pending", "See this.")
    assert "receipt <!here>.pdf" in words(card)
    assert "<!here>" not in card.text
    assert any("receipt" in request.texts[-1] for request in desk.model.requests)
    await says(desk, "", files=[{"id": "F2", "name": "screenshot.png"}], user="U0CUSTOMER2")
    await card_that(desk, "pending", "screenshot.png")


async def test_a_mention_and_its_message_are_one_ticket(desk: Live) -> None:
    for sent in await desk.people.mention(QUESTION, user="U0CUSTOMER"):
        assert sent.ok
    card = await card_that(desk, "pending", QUESTION)
    assert "@U0DESKHAND" not in words(card)
    await idle(desk)
    assert proposals(desk) == {card.payload["proposal"]}


async def test_triage_in_a_thread_takes_the_thread(desk: Live) -> None:
    root = await says(desk, "My invoice is wrong.", channel="C0SALES")
    await says(desk, "Which one?", user="U0MANAGER", channel="C0SALES", thread_ts=root.ts)
    await says(desk, "That of May.", channel="C0SALES", thread_ts=root.ts)
    await idle(desk)
    assert not proposals(desk)
    asking = partial(desk.people.mention, user="U0AGENT2", channel="C0SALES", thread_ts=root.ts)
    await asking("triage")
    card = await card_that(desk, "pending", "My invoice is wrong. That of May.")
    assert "Carla Customer" in words(card)
    assert any("Which one?" in request.texts[-1] for request in desk.model.requests)
    await asking("triage")  # it waits already
    await desk.people.click("U0AGENT2", card, "deskhand.approve")
    await told(desk, "U0AGENT2", "You asked for this")
    # From now on the thread is followed.
    await says(desk, "And June.", channel="C0SALES", thread_ts=root.ts)
    newer = await card_that(desk, "pending", "And June.")
    await desk.people.click("U0AGENT", newer, "deskhand.approve")
    await becomes(desk, newer, "succeeded")
    (reply,) = replies(desk)
    assert (reply.channel, reply.thread_ts) == ("C0SALES", root.ts)
    assert len(proposals(desk)) == 2


async def test_the_shortcut_takes_one_message(desk: Live) -> None:
    message = desk.people.write("My invoice is wrong.", channel="C0SALES")
    assert (await desk.people.shortcut("U0AGENT", message)).ok
    card = await card_that(desk, "pending", "My invoice is wrong.")
    await desk.people.click("U0AGENT", card, "deskhand.approve")
    await told(desk, "U0AGENT", "You asked for this")
    await desk.people.click("U0AGENT2", card, "deskhand.approve")
    await becomes(desk, card, "succeeded")
    (reply,) = replies(desk)
    assert (reply.channel, reply.thread_ts) == ("C0SALES", message.ts)
    # What Deskhand itself wrote is nobody's ticket.
    await desk.people.shortcut("U0AGENT", desk.slack.space.current(card))
    await told(desk, "U0AGENT", "")
    await idle(desk)
    assert len(proposals(desk)) == 1


async def test_what_is_no_ticket_starts_nothing(desk: Live) -> None:
    async with desk.people.echoing():
        assert (await desk.people.bot_message("I am a bot")).ok
        kinds: tuple[Any, ...] = (
            "channel_join",
            "channel_leave",
            "channel_topic",
            "channel_purpose",
        )
        for kind in kinds:
            assert (await desk.people.notice(kind)).ok
        elsewhere = await says(desk, "Not listened to", channel="C0SALES")
        await says(desk, "Nor is this", channel="C0SALES", thread_ts=elsewhere.ts)
        root = desk.people.write("Before Deskhand came", channel="C0SUPPORT")
        await says(desk, "A reply there", channel="C0SUPPORT", thread_ts=root.ts)
        await desk.people.edit(root, "Before Deskhand came, edited")
        await desk.people.delete(root)
        await says(desk, QUESTION)
        card = await card_that(desk, "pending", QUESTION)
        await desk.people.click("U0AGENT", card, "deskhand.approve")
        await becomes(desk, card, "succeeded")
        await idle(desk)
    assert proposals(desk) == {card.payload["proposal"]}
    assert all(QUESTION in request.raw.decode() for request in desk.model.requests)
    assert len(replies(desk)) == 1


# --- while it is being drafted, and after the end -------------------------------------------------


async def test_an_edit_while_drafting_begins_anew_and_a_deletion_ends_it(
    tmp_path: Path, redis_url: str
) -> None:
    first, second, third = Held(), Held(), Held()
    async with live(tmp_path, redis_url, script=[first, second, third]) as desk:
        message = await says(desk, "Where do I find my invocie?")
        await desk.model.requests.wait_count(1)
        await desk.people.edit(message, "Where do I find my invoice?")
        await desk.model.requests.wait_count(2)
        await says(desk, "Of May.", thread_ts=message.ts)
        await desk.model.requests.wait_count(3)
        third.hold.gate.set()
        card = await card_that(desk, "pending", "Where do I find my invoice? Of May.")
        first.hold.gate.set()
        second.hold.gate.set()
        await idle(desk)
        assert proposals(desk) == {card.payload["proposal"]}, "the void runs have shown nothing"
        last = Held()
        desk.model.script.append(last)
        gone = await says(desk, "Delete me", user="U0CUSTOMER2")
        await desk.model.requests.wait_for(lambda request: "Delete me" in request.texts[-1])
        await desk.people.delete(gone)
        last.hold.gate.set()
        await idle(desk)
        assert proposals(desk) == {card.payload["proposal"]}


async def test_words_after_the_end_start_a_new_run(desk: Live) -> None:
    message = await says(desk, QUESTION)
    card = await card_that(desk, "pending")
    await desk.people.click("U0AGENT", card, "deskhand.approve")
    await becomes(desk, card, "succeeded")
    await says(desk, "That did not help.", thread_ts=message.ts)
    again = await card_that(desk, "pending", "That did not help.")
    assert desk.slack.space.current(card).card_state == "succeeded"
    view = await form(desk, "U0AGENT", again, "reject")
    await desk.people.submit(view, {"reason": "other"})
    await becomes(desk, again, "rejected")
    await desk.people.edit(message, "Where do I find my last invoice?")
    third = await card_that(desk, "pending", "my last invoice?")
    await desk.people.click("U0AGENT", third, "deskhand.approve")
    await becomes(desk, third, "succeeded")
    assert [reply.thread_ts for reply in replies(desk)] == [message.ts, message.ts]


async def test_the_customers_message_shows_how_far_it_is(desk: Live) -> None:
    held = Held()
    desk.model.script.append(held)
    message = await says(desk, QUESTION)

    def reactions() -> set[str]:
        shown = desk.slack.space.current(message).reactions
        return {name for name, users in shown.items() if users}

    def lines() -> list[str]:
        thread = desk.slack.space.thread("C0SUPPORT", message.ts)[1:]
        return [one.text for one in thread if one.event_type == "deskhand_status"]

    await until(desk, lambda: reactions() == {"eyes"} and lines() == ["Reading the ticket"])
    held.hold.gate.set()
    card = await card_that(desk, "pending")
    await until(desk, lambda: reactions() == {"hourglass_flowing_sand"})
    await desk.people.click("U0AGENT", card, "deskhand.approve")
    await becomes(desk, card, "succeeded")
    await until(desk, lambda: reactions() == {"white_check_mark"} and lines() == ["Answered"])
    seen = [m.text for m in desk.slack.space.updated if m.event_type == "deskhand_status"]
    assert "Searching the knowledge base" in seen
    other = await says(desk, "Another one", user="U0CUSTOMER2")
    card = await card_that(desk, "pending", "Another one")
    view = await form(desk, "U0AGENT", card, "reject")
    await desk.people.submit(view, {"reason": "duplicate"})
    await until(desk, lambda: "x" in desk.slack.space.current(other).reactions)


# --- limits and people ----------------------------------------------------------------------------


async def test_a_ticket_has_so_many_runs_and_then_a_person(tmp_path: Path, redis_url: str) -> None:
    file = config({"limits": {"runs_per_ticket": 2}})
    async with live(tmp_path, redis_url, config=file) as desk:
        message = await says(desk, QUESTION)
        await card_that(desk, "pending")
        await says(desk, "One.", thread_ts=message.ts)
        await card_that(desk, "pending", "One.")
        calls = len(desk.model.requests)
        await says(desk, "Two.", thread_ts=message.ts)
        stopped = await card_that(desk, "handoff", "Two.")
        assert "has had 2 runs" in words(stopped)
        # From now on it is that card which follows, however often the customer writes.
        for number in range(20):
            last = await says(desk, f"Message {number:02d}.", thread_ts=message.ts)
        revised = await card_that(desk, "handoff", "Message 19.")
        assert revised.ts == stopped.ts
        assert words(revised).count("The customer wrote again") == 1
        await desk.people.click("U0AGENT", stopped, "deskhand.reject")
        await told(desk, "U0AGENT", "changed since")
        await desk.people.delete(last)
        await until(desk, lambda: "Message 19." not in words(desk.slack.space.current(stopped)))
        await idle(desk)
        assert len(proposals(desk)) == 3
        assert len(desk.model.requests) == calls


async def test_a_flood_by_one_author_stays_within_its_limits_and_loses_nothing(
    desk: Live,
) -> None:
    sent = await asyncio.gather(*(desk.people.message(f"Flood {n:02d}.") for n in range(40)))
    await asyncio.gather(*map(desk.people.insist, sent))
    await until(desk, lambda: len(cards(desk, state="pending")) == 20)
    await until(desk, lambda: len(cards(desk, state="handoff")) == 20)
    shown = {
        f"Flood {n:02d}." for n in range(40) for c in cards(desk) if f"Flood {n:02d}." in words(c)
    }
    assert len(shown) == 40
    runs = {request.messages[0]["content"][0]["text"] for request in desk.model.requests}
    assert len(runs) == 20
    limited = cards(desk, state="handoff")[0]
    assert "has had 20 runs within an hour" in words(limited)
    assert "deskhand.edit" in limited.action_ids
    # Others are not held up.
    await says(desk, "And what about me?", user="U0CUSTOMER2")
    await card_that(desk, "pending", "And what about me?")


async def test_guests_and_externals_are_answered_and_never_decide(
    tmp_path: Path, redis_url: str
) -> None:
    everybody = {"slack_users": ["U0AGENT", "U0GUEST", "U0STRANGER"]}
    file = config(
        {
            "listen": [{"slack": "C0SUPPORT"}, {"slack": "C0SHARED"}],
            "routes": {"default": {"card": {"slack": "C0TRIAGE"}, "approvers": everybody}},
        }
    )
    async with live(tmp_path, redis_url, config=file) as desk:
        desk.model.fill = choosing(route="default", labels=["billing"])
        desk.slack.space.channels["C0SHARED"].members.add("U0STRANGER")
        await says(desk, "A guest asks", user="U0GUEST")
        await says(desk, "A stranger asks", user="U0STRANGER", channel="C0SHARED")
        of_guest = await card_that(desk, "pending", "A guest asks")
        of_stranger = await card_that(desk, "pending", "A stranger asks")
        await desk.people.click("U0GUEST", of_stranger, "deskhand.approve")
        await told(desk, "U0GUEST", "Guests may not decide")
        await desk.people.click("U0STRANGER", of_guest, "deskhand.approve")
        await told(desk, "U0STRANGER", "other organisations")
        for card in (of_guest, of_stranger):
            await desk.people.click("U0AGENT", card, "deskhand.approve")
            await becomes(desk, card, "succeeded")
        assert {reply.channel for reply in replies(desk)} == {"C0SUPPORT", "C0SHARED"}


# --- the slow tail, and handoffs ------------------------------------------------------------------


@pytest.mark.usefixtures("hurried")
async def test_a_slow_draft_shows_a_card_that_becomes_the_draft(
    tmp_path: Path, redis_url: str
) -> None:
    held = Held()
    async with live(tmp_path, redis_url, script=[held]) as desk:
        await says(desk, QUESTION)
        drafting = await card_that(desk, "drafting", QUESTION)
        assert drafting.action_ids == ["deskhand.take"]
        assert drafting.channel == "C0TRIAGE", "no route is known yet"
        assert "drafting" in drafting.text
        await desk.people.click("U0MANAGER", drafting, "deskhand.take")
        await told(desk, "U0MANAGER", "may not")
        held.hold.gate.set()
        pending = await card_that(desk, "pending", QUESTION)
        assert pending.channel == "C0BILLING"
        await until(desk, lambda: not desk.slack.space.current(drafting).action_ids)
        await desk.people.click("U0AGENT", drafting, "deskhand.take")
        await told(desk, "U0AGENT", "")
        assert desk.slack.space.current(pending).card_state == "pending"


@pytest.mark.usefixtures("hurried")
async def test_a_draft_that_is_taken_over_is_answered_by_hand(
    tmp_path: Path, redis_url: str
) -> None:
    held = Held()
    async with live(tmp_path, redis_url, script=[held]) as desk:
        message = await says(desk, QUESTION)
        drafting = await card_that(desk, "drafting")
        await desk.people.click("U0AGENT", drafting, "deskhand.take")
        taken = await becomes(desk, drafting, "handoff")
        assert taken.action_ids == ["deskhand.edit", "deskhand.reject"]
        assert "Taken by" in words(taken)
        held.hold.gate.set()
        await idle(desk)
        assert desk.slack.space.current(taken).card_state == "handoff", "the late draft is void"
        view = await form(desk, "U0AGENT", taken, "edit")
        saved = await desk.people.submit(view, {"reply": "By hand: see it.", "labels": ["bug"]})
        assert not saved.refusals
        pending = await becomes(desk, taken, "pending")
        assert not replies(desk), "approve_now starts unticked on a handoff"
        await desk.people.click("U0AGENT", pending, "deskhand.approve")
        await becomes(desk, pending, "succeeded")
        (reply,) = replies(desk)
        assert "By hand: see it." in reply.text
        assert reply.thread_ts == message.ts


async def test_what_nothing_answers_is_handed_over_written_to_or_closed(desk: Live) -> None:
    desk.model.fill = choosing(outcome="cannot_answer", route="billing", labels=["billing"])
    await says(desk, QUESTION)
    card = await card_that(desk, "handoff", QUESTION)
    assert card.channel == "C0BILLING"
    assert card.action_ids == ["deskhand.take", "deskhand.edit", "deskhand.reject"]
    assert "handoff" in card.text
    assert "Invoices" in words(card), "what was found"
    assert "U0AGENT" in str(card.blocks), "who could take it"
    await desk.people.click("U0AGENT2", card, "deskhand.take")
    taken = await until(
        desk, lambda: c if "Taken by" in words(c := desk.slack.space.current(card)) else None
    )
    assert "deskhand.take" not in taken.action_ids
    view = await form(desk, "U0AGENT2", taken, "edit")
    saved = await desk.people.submit(view, {"reply": "", "approve_now": ["approve_now"]})
    assert "Write a reply" in saved.refusals["reply"]
    await desk.people.submit(view, {"reply": "Ours to answer.", "approve_now": ["approve_now"]})
    await becomes(desk, card, "succeeded")
    assert len(replies(desk)) == 1
    await says(desk, "Another one", user="U0CUSTOMER2")
    other = await card_that(desk, "handoff", "Another one")
    view = await form(desk, "U0AGENT", other, "reject")
    await desk.people.submit(view, {"reason": "not_a_request"})
    closed = await becomes(desk, other, "rejected")
    assert not closed.action_ids
    assert len(replies(desk)) == 1


async def test_a_colleague_who_answers_while_it_is_drafted_is_named_on_the_card(
    tmp_path: Path, redis_url: str
) -> None:
    held = Held()
    async with live(tmp_path, redis_url, script=[held]) as desk:
        message = await says(desk, QUESTION)
        await desk.model.requests.wait_count(1)
        await says(desk, "Let me see.", user="U0AGENT", thread_ts=message.ts)
        await idle(desk, "deliver")
        held.hold.gate.set()
        card = await card_that(desk, "pending")
        assert "Answered by hand?" in words(card)
        assert "U0AGENT" in str(card.blocks)


@pytest.mark.usefixtures("hurried")
async def test_while_paused_there_is_no_drafting_card(desk: Live) -> None:
    await desk.people.command("pause support", user="U0MANAGER")
    await says(desk, QUESTION)
    await idle(desk, "deliver", "card")
    await desk.people.command("resume support", user="U0MANAGER")
    card = await card_that(desk, "pending", timeout=30)
    first = next(m for m in desk.slack.space.posted if m.card_state)
    assert (first.ts, first.card_state) == (card.ts, "pending")


@pytest.mark.usefixtures("hurried")
async def test_after_a_pause_a_slow_draft_shows_its_card_all_the_same(
    tmp_path: Path, redis_url: str
) -> None:
    held = Held()
    async with live(tmp_path, redis_url, script=[held]) as desk:
        await desk.people.command("pause", user="U0MANAGER")
        await says(desk, QUESTION)
        await idle(desk, "deliver", "card")
        await desk.people.command("resume", user="U0MANAGER")
        drafting = await card_that(desk, "drafting", QUESTION)
        assert drafting.action_ids == ["deskhand.take"]
        held.hold.gate.set()
        await card_that(desk, "pending", QUESTION)
