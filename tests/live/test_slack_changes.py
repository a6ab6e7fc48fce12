"""Words that change, come late or go: what becomes of the ticket, its proposals and the record."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

import bot.intake
from bot.clock import SystemClock
from bot.journal import Entry
from bot.overview import Overview
from bot.ports import Commit
from bot.store.state import RedisStore
from tests.live.product import Live, live
from tests.live.steps import (
    QUESTION,
    becomes,
    card_that,
    cards,
    config,
    eventually,
    form,
    idle,
    journal,
    proposals,
    says,
    until,
    words,
)
from tests.standins.anthropic import Held
from tests.standins.wire import Hold


@pytest.fixture
async def desk(tmp_path: Path, redis_url: str) -> AsyncIterator[Live]:
    async with live(tmp_path, redis_url) as running:
        yield running


# --- what comes before its message is worked in ---------------------------------------------------


async def test_changes_and_replies_wait_for_the_message_that_they_belong_to(
    tmp_path: Path, redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As after a time without a worker: all of it lies there, and is older than any patience."""
    monkeypatch.setattr(bot.intake, "_OVERTAKEN", timedelta(0))
    slow, file = Hold(), config({"limits": {"runs_per_ticket": 20}})
    async with live(tmp_path, redis_url, config=file) as desk:
        desk.slack.faults.add("chat.getPermalink", slow)
        root = await says(desk, "Where do I find my invocie?")
        await slow.reached.wait()
        await desk.people.edit(root, "Where do I find my invoice?")
        reply = await says(desk, "Of Mai.", thread_ts=root.ts)
        await desk.people.edit(reply, "Of May.")
        gone = await says(desk, "And delete me.", thread_ts=root.ts)
        await desk.people.delete(gone)
        # By now each of them has been looked at.
        await says(desk, "Another one", user="U0CUSTOMER2")
        await card_that(desk, "pending", "Another one")
        slow.gate.set()
        await card_that(desk, "pending", "Where do I find my invoice? Of May.")
        await idle(desk)
        card = await card_that(desk, "pending", "Where do I find my invoice? Of May.")
        assert "delete me" not in words(card)
        assert len(cards(desk, state="pending")) == 2


async def test_a_change_that_overtakes_its_message_on_the_way_waits_a_moment(desk: Live) -> None:
    root = desk.people.write("Where do I find my invocie?")
    await desk.people.edit(root, "Where do I find my invoice?")
    sent = await desk.people.event(
        {"type": "message", **root.as_json(), "channel": root.channel, "channel_type": "channel"}
    )
    assert sent.ok
    await card_that(desk, "pending", "Where do I find my invoice?")


# --- deletions ------------------------------------------------------------------------------------


async def test_deleted_words_never_come_back(desk: Live) -> None:
    root = await says(desk, "My password was grapefruit.")
    card = await card_that(desk, "pending", "grapefruit")
    await says(desk, "Please delete that.", user="U0MANAGER", thread_ts=root.ts)
    await desk.people.delete(root)
    void = await becomes(desk, card, "superseded")
    assert "grapefruit" not in words(void)
    calls = len(desk.model.requests)
    await says(desk, QUESTION, thread_ts=root.ts)
    newer = await card_that(desk, "pending", QUESTION)
    assert "grapefruit" not in words(newer)
    assert len(desk.model.requests) > calls
    assert not any("grapefruit" in request.raw.decode() for request in desk.model.requests[calls:])


async def test_what_a_colleague_takes_back_leaves_the_context_too(desk: Live) -> None:
    root = desk.people.write(QUESTION, channel="C0SALES")
    aside = desk.people.write(
        "The password is hunter2.", user="U0MANAGER", channel="C0SALES", thread_ts=root.ts
    )
    await desk.people.mention("triage", channel="C0SALES", thread_ts=root.ts)
    card = await card_that(desk, "pending", QUESTION)
    await desk.people.delete(aside)
    await idle(desk)
    assert desk.slack.space.current(card).card_state == "pending"
    calls = len(desk.model.requests)
    await says(desk, "And in June?", channel="C0SALES", thread_ts=root.ts)
    await card_that(desk, "pending", "And in June?")
    assert not any("hunter2" in request.raw.decode() for request in desk.model.requests[calls:])


# --- colleagues -----------------------------------------------------------------------------------


async def test_who_moved_it_to_another_route_is_noticed_when_they_answer_by_hand(
    desk: Live,
) -> None:
    root = await says(desk, QUESTION)
    card = await card_that(desk, "pending", QUESTION)
    view = await form(desk, "U0AGENT", card, "edit")
    await desk.people.submit(view, {"route": "refunds"})
    moved = await until(
        desk,
        lambda: next((c for c in cards(desk, state="pending") if c.channel == "C0SALES"), None),
    )
    assert "moved this to the route refunds" in words(moved)
    await says(desk, "It is under Billing.", user="U0AGENT", thread_ts=root.ts)
    await until(desk, lambda: "has replied" in words(desk.slack.space.current(moved)))


async def test_a_colleague_who_answers_as_the_run_begins_does_not_keep_it_from_beginning(
    desk: Live, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The notice changes the proposal under the beginning, and wakes its card alone."""
    commit, root = RedisStore.commit, None

    async def overtaken(self: RedisStore, change: Commit) -> Any:
        nonlocal root
        if change.start is not None and root is not None:
            thread, root = root, None
            await says(desk, "Let me see.", user="U0AGENT", thread_ts=thread.ts)
            await idle(desk, "deliver")
        return await commit(self, change)

    monkeypatch.setattr(RedisStore, "commit", overtaken)
    await desk.people.command("pause support", user="U0MANAGER")
    root = await says(desk, QUESTION)
    await idle(desk, "deliver")
    await desk.people.command("resume support", user="U0MANAGER")
    card = await card_that(desk, "pending", QUESTION, timeout=30)
    assert "Answered by hand?" in words(card)


async def test_words_that_come_while_the_reply_is_on_its_way_are_what_the_message_shows(
    desk: Live,
) -> None:
    """The receipt of the first answer must not say *answered* of a question that is open."""
    root = await says(desk, QUESTION)
    card = await card_that(desk, "pending")
    await idle(desk, "card", "run", "deliver")
    hold = Hold()
    desk.slack.faults.add(
        "chat.postMessage", hold, when=lambda args: "deskhand_reply" in str(args.get("metadata"))
    )
    await desk.people.click("U0AGENT", card, "deskhand.approve")
    await hold.reached.wait()
    await says(desk, "And the refund?", thread_ts=root.ts)
    store, first = desk.product.store, card.payload["proposal"]
    ticket, _ = await store.resolve(first)
    assert ticket is not None

    async def has_another() -> bool:
        known = await store.ticket(ticket)
        return known is not None and known.value.proposal != first

    await eventually(has_another)
    hold.gate.set()
    await becomes(desk, card, "succeeded")
    await card_that(desk, "pending", but=card)
    await idle(desk, "card", "run", "deliver", "execute")
    shown = {name for name, who in desk.slack.space.current(root).reactions.items() if who}
    assert shown == {"hourglass_flowing_sand"}


# --- the record -----------------------------------------------------------------------------------


async def test_each_proposal_that_is_superseded_or_revised_is_on_record(desk: Live) -> None:
    root = await says(desk, QUESTION)
    card = await card_that(desk, "pending", QUESTION)
    await says(desk, "Let me see.", user="U0MANAGER", thread_ts=root.ts)
    await until(desk, lambda: "has replied" in words(desk.slack.space.current(card)))
    await says(desk, "Of May.", thread_ts=root.ts)
    newer = await card_that(desk, "pending", "Of May.")
    await idle(desk)
    first, second = card.payload["proposal"], newer.payload["proposal"]
    moved = [one for one in await journal(desk, newer) if one.kind == "transition"]
    assert [(one.proposal, one.data["from"], one.data["to"]) for one in moved] == [
        (first, "pending", "pending"),
        (first, "pending", "superseded"),
    ]
    assert [one.data["revision"] for one in moved] == [2, 2]
    assert moved[1].data["successor"] == second
    await says(desk, "Delete me", user="U0CUSTOMER2")
    gone = await card_that(desk, "pending", "Delete me")
    await desk.people.delete(desk.slack.space.find(lambda m: m.text == "Delete me")[0])
    await becomes(desk, gone, "superseded")
    figures = await Overview(desk.product.store, SystemClock(), "strict").figures()
    assert figures["superseded"] == 2


async def test_each_handoff_at_a_limit_is_on_record(tmp_path: Path, redis_url: str) -> None:
    file = config({"limits": {"runs_per_ticket": 1}})
    async with live(tmp_path, redis_url, config=file) as desk:
        root = await says(desk, QUESTION)
        await card_that(desk, "pending", QUESTION)
        await says(desk, "Of May.", thread_ts=root.ts)
        stopped = await card_that(desk, "handoff", "Of May.")
        await says(desk, "Of June.", thread_ts=root.ts)
        await card_that(desk, "handoff", "Of June.")
        entries = await journal(desk, stopped)
        ended = [one for one in entries if one.kind == "handoff"]
        assert [one.proposal for one in ended] == [stopped.payload["proposal"]]
        assert ended[0].data["reason"] == "steps"
        revised = entries[-1]
        assert revised.kind in ("transition", "card")
        assert ("handoff", "handoff", 2) in [
            (one.data["from"], one.data["to"], one.data["revision"])
            for one in entries
            if one.kind == "transition" and one.proposal == stopped.payload["proposal"]
        ]
        await says(desk, "Another one", user="U0CUSTOMER2")
        other = await card_that(desk, "pending", "Another one")
        view = await form(desk, "U0AGENT", other, "reject")
        await desk.people.submit(view, {"reason": "other", "draft_again": ["draft_again"]})
        again = await card_that(desk, "handoff", "Another one")
        ended = [one for one in await journal(desk, again) if one.kind == "handoff"]
        assert [one.proposal for one in ended] == [again.payload["proposal"]]


async def test_what_a_void_run_has_cost_is_its_proposals(tmp_path: Path, redis_url: str) -> None:
    held = Held()
    async with live(tmp_path, redis_url, script=[held]) as desk:
        root = await says(desk, QUESTION)
        await desk.model.requests.wait_count(1)
        await desk.people.edit(root, "Where do I find my last invoice?")
        card = await card_that(desk, "pending", "my last invoice?")
        held.hold.gate.set()

        async def cancelled_run() -> Entry | None:
            runs = [one for one in await journal(desk, card) if one.kind == "run"]
            return next((one for one in runs if one.data["what"] == "cancelled"), None)

        void = await eventually(cancelled_run)
        entries = await journal(desk, card)
        assert void.proposal is not None
        cancelled = await desk.product.store.proposal(void.proposal)
        assert cancelled is not None
        assert cancelled.value.state == "superseded"
        calls = [one for one in entries if one.kind == "model_call" and one.run == void.run]
        spent = sum(Decimal(str(one.data["cost_usd"])) for one in calls)
        assert cancelled.value.cost_usd == spent > 0
        assert Decimal(str(void.data["usd"])) == spent


# --- limits ---------------------------------------------------------------------------------------


async def test_a_run_that_keeps_losing_to_more_words_is_counted_once(
    tmp_path: Path, redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Words that come just before the beginning put the run off, each time."""
    commit, more = RedisStore.commit, iter(["Of May.", "Of 2026.", "Please!"])
    file = config({"quiet": "1s", "limits": {"runs_per_author_hour": 2}})
    async with live(tmp_path, redis_url, config=file) as desk:
        root = None

        async def overtaken(self: RedisStore, change: Commit) -> Any:
            if change.start is not None and (words := next(more, None)) is not None:
                assert root is not None
                await says(desk, words, thread_ts=root.ts)
                await idle(desk, "deliver")
            return await commit(self, change)

        monkeypatch.setattr(RedisStore, "commit", overtaken)
        root = await says(desk, QUESTION)
        await card_that(desk, "pending", "Of May. Of 2026. Please!", timeout=30)
        assert len(proposals(desk)) == 1
