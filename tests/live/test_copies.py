"""Copies of a card on a real store and a Slack stand-in: each follows its proposal by itself."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest

from bot import copies
from bot import publish as publishing
from bot.domain import Copy, Place
from bot.ports import Wake
from tests.live.drawing import Drawing, drawing, in_channel, is_card, opened
from tests.standins.wire import (
    DropBefore,
    DropReply,
    Fault,
    Hold,
    HttpFailure,
    RateLimited,
    Refusal,
)
from tests.store.make import SteppedClock

LOST = copies.LOST_AFTER.total_seconds()


@pytest.fixture
async def desk(redis_url: str) -> AsyncIterator[Drawing]:
    async with drawing(redis_url) as made:
        yield made


async def two_copies(desk: Drawing) -> None:
    """A card in the default route's channel, as from drafting, and one in its own route's."""
    content = desk.proposal.content
    assert content is not None
    await desk.becomes(content=content.model_copy(update={"route": "default"}))
    await desk.show()
    await desk.becomes(content=content)
    await desk.show()
    assert desk.card("C0BILLING").action_ids
    assert not desk.card("C0TRIAGE").action_ids


# --- redraws that fail ------------------------------------------------------------------------


@pytest.mark.parametrize(
    "fault", [HttpFailure(500), DropBefore(), RateLimited(30), Refusal("request_timeout")], ids=repr
)
async def test_a_copy_that_cannot_be_redrawn_now_is_later_and_holds_up_no_other(
    desk: Drawing, fault: Fault
) -> None:
    await two_copies(desk)
    desk.slack.faults.add("chat.update", fault, when=in_channel("C0BILLING"), times=2)
    await desk.becomes(state="rejected")
    again_at = await desk.show()
    assert desk.card("C0TRIAGE").card_state == "rejected"
    assert desk.card("C0BILLING").card_state == "pending"
    assert desk.reactions() == {"x"}
    tried = desk.calls("chat.update")
    assert await desk.show() == again_at
    assert desk.calls("chat.update") == tried, "it rests"
    for _ in range(2):
        assert again_at is not None
        if isinstance(fault, RateLimited):
            assert again_at - desk.clock.now() == timedelta(seconds=30)
        desk.clock.step((again_at - desk.clock.now()).total_seconds())
        again_at = await desk.show()
    assert again_at is None
    assert desk.card("C0BILLING").card_state == "rejected"


async def test_a_copy_that_is_refused_for_good_is_left_alone(desk: Drawing) -> None:
    await two_copies(desk)
    refusing = desk.slack.faults.add(
        "chat.update", Refusal("is_archived"), when=in_channel("C0BILLING"), times=None
    )
    await desk.becomes(state="approved")
    assert await desk.show() is None
    await desk.becomes(state="succeeded")
    assert await desk.show() is None
    assert desk.card("C0TRIAGE").card_state == "succeeded"
    assert desk.card("C0BILLING").card_state == "pending"
    assert refusing.used == 1
    posted = [m for m in desk.slack.space.posted if m.card_state]
    assert len(posted) == 2, "nobody is waited for, so no other card is posted"


async def test_a_passing_refusal_that_does_not_pass_is_final_in_the_end(
    desk: Drawing, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(copies, "TRIES", 3)
    await two_copies(desk)
    failing = desk.slack.faults.add(
        "chat.update", HttpFailure(500), when=in_channel("C0BILLING"), times=None
    )
    await desk.becomes(state="rejected")
    while (again_at := await desk.show()) is not None:
        desk.clock.step((again_at - desk.clock.now()).total_seconds())
    assert failing.used == 3


async def test_a_waiting_card_that_cannot_be_kept_up_to_date_goes_to_the_default_route(
    desk: Drawing,
) -> None:
    await desk.show()
    desk.slack.faults.add(
        "chat.update", Refusal("is_archived"), when=in_channel("C0BILLING"), times=None
    )
    await desk.becomes(revision=2)
    assert await desk.show() is None
    assert len(desk.cards("C0BILLING")) == 1
    moved = desk.card("C0TRIAGE")
    assert moved.action_ids == ["deskhand.approve", "deskhand.edit", "deskhand.reject"]
    assert moved.payload["revision"] == 2
    assert "could not be kept up to date in C0BILLING" in moved.block_text
    await desk.becomes(state="rejected")
    assert await desk.show() is None
    assert desk.card("C0TRIAGE").card_state == "rejected"


# --- posts whose end nobody knows -----------------------------------------------------------------


async def test_a_lost_post_that_may_not_be_looked_for_goes_to_the_default_route(
    desk: Drawing,
) -> None:
    billing = in_channel("C0BILLING")
    desk.slack.faults.add("chat.postMessage", DropBefore(), when=billing)
    desk.slack.faults.add(
        "conversations.history", Refusal("missing_scope"), when=billing, times=None
    )
    lost_at = await desk.show()
    assert lost_at == desk.clock.now() + copies.LOST_AFTER
    assert not desk.slack.space.cards()
    desk.clock.step(LOST)
    assert await desk.show() is None
    assert desk.card("C0TRIAGE").card_state == "pending"
    assert "could not be posted in C0BILLING" in desk.card("C0TRIAGE").block_text


async def test_a_lost_answer_is_looked_up_at_once(desk: Drawing) -> None:
    desk.slack.faults.add("chat.postMessage", DropReply(), when=is_card)
    assert await desk.show() is None
    assert desk.card("C0BILLING").card_state == "pending"
    assert [copy.status for copy in (await desk.board()).copies] == ["posted"]


async def test_a_lost_post_is_posted_again_when_it_is_not_found(desk: Drawing) -> None:
    desk.slack.faults.add("chat.postMessage", DropBefore(), when=is_card)
    await desk.show()
    desk.clock.step(LOST - 0.1)
    await desk.show()
    assert not desk.cards("C0BILLING")
    desk.clock.step(0.1)
    late = await desk.show()
    assert desk.card("C0BILLING").action_ids
    assert late is not None
    desk.clock.step(60)
    assert await desk.show() is None
    assert [copy.status for copy in (await desk.board()).copies] == ["posted"]


async def test_a_look_up_that_fails_holds_up_nothing(desk: Drawing) -> None:
    await two_copies(desk)
    (lost,) = [copy for copy in (await desk.board()).copies if copy.room == "C0BILLING"]
    desk.slack.space.delete(desk.card("C0BILLING"))
    await desk.becomes(revision=2)
    desk.slack.faults.add("chat.postMessage", DropReply(), when=is_card)
    failing = desk.slack.faults.add(
        "conversations.history", HttpFailure(500), when=in_channel("C0BILLING"), times=2
    )
    await desk.show()
    assert failing.used == 1
    await desk.becomes(state="superseded", successor="p_later")
    await desk.becomes(state="rejected", successor=None)
    desk.clock.step(LOST)
    again_at = await desk.show()
    assert failing.used == 2
    assert desk.card("C0TRIAGE").card_state == "rejected"
    assert desk.reactions() == {"x"}
    assert desk.card("C0BILLING").action_ids, "lost, and not found yet"
    assert again_at is not None
    desk.clock.step((again_at - desk.clock.now()).total_seconds())
    assert await desk.show() is None
    assert desk.card("C0BILLING").card_state == "rejected"
    assert desk.card("C0BILLING").ts != lost.place.message


@pytest.mark.parametrize("fault", [None, DropReply()], ids=["posted", "found"])
async def test_the_superseded_card_links_to_its_successor_whatever_became_of_other_copies(
    desk: Drawing, fault: Fault | None
) -> None:
    await desk.show()
    gone = Place(surface="slack", place="C0TRIAGE")
    await desk.put(Copy(place=gone, room="C0TRIAGE", status="posting", since=desk.clock.now()))
    desk.slack.faults.add(
        "conversations.history", Refusal("missing_scope"), when=in_channel("C0TRIAGE"), times=None
    )
    asked = await desk.kept.store.ticket(desk.proposal.ticket)
    assert asked is not None
    _, later = await opened(desk.kept, desk.message, asked.value, predecessor=desk.proposal.id)
    await desk.becomes(state="superseded", successor=later.id)
    desk.clock.step(LOST)
    assert await desk.show() is None
    if fault is not None:
        desk.slack.faults.add("chat.postMessage", fault, when=is_card)
    desk.kept.told.clear()
    await desk.publish.show(later.id)
    assert Wake("card", desk.proposal.id) in desk.kept.told
    await desk.show()
    (successor,) = desk.slack.space.cards(proposal=later.id)
    assert f"p{successor.ts.replace('.', '')}" in str(desk.card("C0BILLING").blocks)


async def test_copies_on_a_surface_that_is_no_longer_in_use_hold_up_nothing(desk: Drawing) -> None:
    for status, message in (("posting", None), ("posted", "1")):
        place = Place(surface="teams", place=f"19:{status}", message=message)
        past = desk.clock.now() - timedelta(hours=1)
        await desk.put(Copy(place=place, room=place.place, status=status, since=past))
    await desk.show()
    await desk.becomes(state="rejected")
    assert await desk.show() is None
    assert desk.card("C0BILLING").card_state == "rejected"
    assert len((await desk.board()).copies) == 3


# --- posters that stall ---------------------------------------------------------------------------


async def test_of_a_stalled_poster_and_its_successor_only_one_card_has_buttons(
    desk: Drawing,
) -> None:
    hold = Hold()
    desk.slack.faults.add("chat.postMessage", hold, when=is_card)
    stalled = asyncio.create_task(desk.show())
    await hold.reached.wait()
    desk.clock.step(LOST)
    await desk.worker().show(desk.proposal.id)
    assert len(desk.cards("C0BILLING")) == 1
    hold.gate.set()
    await stalled
    both = desk.cards("C0BILLING")
    assert len(both) == 2
    assert [bool(card.action_ids) for card in both] == [True, False]
    await desk.becomes(state="rejected")
    await desk.show()
    assert [card.card_state for card in desk.cards("C0BILLING")] == ["rejected", "rejected"]


async def test_a_card_that_slack_takes_long_to_post_loses_its_buttons(
    desk: Drawing, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(publishing, "POST_SECONDS", 0.1)
    hold = Hold()
    desk.slack.faults.add("chat.postMessage", hold, when=is_card)
    await desk.show()
    monkeypatch.undo()
    desk.clock.step(LOST)
    late_at = await desk.show()
    assert desk.card("C0BILLING").action_ids
    hold.gate.set()
    await desk.slack.space.posted.wait_count(len(desk.slack.space.posted) + 1)
    assert late_at is not None
    desk.clock.step((late_at - desk.clock.now()).total_seconds())
    assert await desk.show() is None
    assert [bool(card.action_ids) for card in desk.cards("C0BILLING")] == [True, False]


class Stalling(SteppedClock):
    """Between any two looks at it more time has passed than a poster may take."""

    def monotonic(self) -> float:
        self.seconds += copies.START_SECONDS + 0.1
        return self.seconds


async def test_a_poster_that_stalls_after_its_announcement_posts_nothing(desk: Drawing) -> None:
    assert await desk.worker(Stalling()).show(desk.proposal.id) is not None
    assert not desk.slack.space.cards()
    assert await desk.show() is None
    assert desk.card("C0BILLING").action_ids


async def test_a_change_of_the_board_while_a_card_is_posted_is_no_loss(desk: Drawing) -> None:
    hold = Hold(after_effect=True)
    desk.slack.faults.add("chat.postMessage", hold, when=is_card)
    posting = asyncio.create_task(desk.show())
    await hold.reached.wait()
    await desk.worker().progress(desk.proposal.id, "Writing a draft")
    assert (await desk.board()).reaction == "unsure"
    hold.gate.set()
    assert await posting is None
    (copy,) = (await desk.board()).copies
    assert (copy.status, copy.version) == ("posted", desk.version)
    await desk.becomes(state="rejected")
    await desk.show()
    assert desk.card("C0BILLING").card_state == "rejected"


async def test_many_workers_at_once_post_one_card(desk: Drawing) -> None:
    await asyncio.gather(*(desk.worker().show(desk.proposal.id) for _ in range(8)))
    assert len(desk.slack.space.cards()) == 1
    assert len(desk.lines()) >= 1
