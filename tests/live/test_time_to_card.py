"""The time to card ends when a card first shows what the run came to, and is noted once."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from bot.journal import Entry
from bot.ports import Commit, Surfaces, Versioned
from bot.runs import took
from tests.live.drawing import Drawing, drawing, is_card
from tests.standins.wire import DropReply, RateLimited


@pytest.fixture
async def desk(redis_url: str) -> AsyncIterator[Drawing]:
    async with drawing(redis_url) as made:
        await made.becomes(created_at=made.clock.now())
        yield made


async def timed(desk: Drawing) -> list[Entry]:
    """The journal's lines that say a time to card."""
    lines = await desk.kept.store.record_book.of_case(desk.proposal.ticket)
    return [one.entry for one in lines if "took_ms" in one.entry.data]


async def test_the_time_to_card_ends_when_the_channel_takes_it(desk: Drawing) -> None:
    held = desk.slack.faults.add("chat.postMessage", RateLimited(30), when=is_card)
    again_at = await desk.show()
    assert held.used == 1
    assert await timed(desk) == []
    assert again_at is not None
    desk.clock.step((again_at - desk.clock.now()).total_seconds())
    await desk.show()
    (entry,) = await timed(desk)
    assert (entry.kind, entry.data["what"], entry.data["state"]) == ("card", "posted", "pending")
    assert entry.data["took_ms"] == 30_000
    assert entry.data["route"] == "billing"
    assert (await desk.board()).shown_ms == 30_000
    # Nothing that is drawn later is a first card.
    desk.clock.step(600)
    await desk.becomes(revision=2)
    await desk.show()
    await desk.becomes(state="rejected")
    await desk.show()
    assert len(await timed(desk)) == 1


async def test_a_drafting_card_ends_it_when_it_is_redrawn(desk: Drawing) -> None:
    await desk.becomes(state="drafting", revision=0)
    desk.clock.step(15)
    await desk.show()
    assert desk.cards("C0TRIAGE") or desk.cards("C0BILLING")
    assert await timed(desk) == []
    desk.clock.step(5)
    await desk.becomes(state="handoff", revision=1)
    before = desk.calls("chat.postMessage")
    await desk.show()
    assert desk.calls("chat.postMessage") == before
    (entry,) = await timed(desk)
    assert (entry.data["what"], entry.data["state"]) == ("updated", "handoff")
    assert entry.data["took_ms"] == 20_000


async def test_two_workers_and_two_copies_note_it_once(desk: Drawing) -> None:
    content = desk.proposal.content
    assert content is not None
    await asyncio.gather(desk.show(), desk.worker().show(desk.proposal.id))
    await desk.becomes(content=content.model_copy(update={"route": "default"}))
    await desk.show()
    assert len([m for m in desk.slack.space.posted if m.card_state]) >= 2
    assert len(await timed(desk)) == 1


async def test_a_post_whose_answer_is_lost_counts_when_it_is_found(desk: Drawing) -> None:
    desk.slack.faults.add("chat.postMessage", DropReply(), when=is_card)
    await desk.show()
    (entry,) = await timed(desk)
    assert (entry.data["what"], entry.data["state"]) == ("found", "pending")


async def test_noting_it_costs_no_way_to_the_store(desk: Drawing) -> None:
    """The line goes with what saves where the copy stands."""
    commits: list[Any] = []
    real = desk.kept.store.commit

    async def counting(change: Any) -> Any:
        commits.append(change)
        return await real(change)

    desk.kept.store.commit = counting  # type: ignore[method-assign]  # a real store, counted
    await desk.show()
    saved = [one for one in commits if one.boards]
    # Announced, posted; then what the customer sees of it.
    assert [tuple(e.data["what"] for e in one.entries) for one in saved][:2] == [(), ("posted",)]
    assert saved[1].entries[0].data["took_ms"] == 0


async def test_a_card_from_before_cards_were_timed_is_not_timed_when_it_is_redrawn(
    desk: Drawing,
) -> None:
    """Its time was counted when its draft was saved."""
    await desk.show()
    board = await desk.kept.store.board(desk.proposal.id)
    old = board.value.model_copy(update={"shown_ms": None})
    saved = Commit(boards=(Versioned(old, board.version),))
    assert await desk.kept.store.commit(saved) == "committed"
    desk.clock.step(600)
    await desk.becomes(revision=2)
    await desk.show()
    assert desk.card("C0BILLING").payload["revision"] == 2
    assert len(await timed(desk)) == 1
    assert (await desk.board()).shown_ms is None


async def test_where_no_surface_shows_cards_it_ends_when_the_draft_is_saved(
    desk: Drawing,
) -> None:
    ended = desk.proposal.model_copy(
        update={"proposed_at": desk.proposal.created_at + timedelta(seconds=4)}
    )
    assert took(ended, to_card=False) == {"took_ms": 4_000}
    assert took(ended, to_card=True) == {"saved_ms": 4_000}
    assert desk.context.shows_cards
    assert not replace(desk.context, surfaces=Surfaces()).shows_cards
