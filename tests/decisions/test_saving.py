"""What a decision saves beside itself, and when it saves nothing."""

from __future__ import annotations

import pytest

import bot.decide.saving
from bot.commands import Uncertain
from bot.domain import Actor, Board, Person, Proposal, SurfaceName
from bot.forms import EditInput, FieldErrors
from bot.ports import Commit, Versioned
from tests.decisions.room import (
    ADA,
    BO,
    People,
    Room,
    actor,
    decided,
    open_room,
    refused,
    said,
    token,
)


async def test_an_edit_with_a_fault_names_its_field_and_saves_nothing(room: Room) -> None:
    card = await room.card()
    outcome = await room.edit(card, EditInput(labels=("nobody's",), approve_now=True))
    assert isinstance(outcome, FieldErrors)
    assert "labels" in outcome.errors
    assert await room.now(card) == card


class Slow(People):
    """A directory that takes its time; meanwhile somebody else may be faster."""

    room: Room
    seconds = 0.0
    other: Proposal | None = None

    async def person(self, actor: Actor) -> Person:
        if actor.id == ADA:
            self.room.clock.step(seconds=self.seconds)
            if self.other is not None:
                card, self.other = self.other, None
                decided(await self.room.press(card, "approve", BO))
        return await super().person(actor)


@pytest.mark.parametrize("beaten", [False, True])
async def test_no_decision_is_saved_later_than_its_time(redis_url: str, beaten: bool) -> None:
    """Slack and the person wait no longer, and it is said what is so."""
    people = Slow()
    async with open_room(redis_url, more_people={"slack": people}) as room:
        card = await room.card()
        people.room, people.seconds = room, bot.decide.saving.DECIDE_SECONDS
        people.other = card if beaten else None
        outcome = await room.press(card, "approve", ADA)
        assert refused(outcome) == ("decided" if beaten else "not_saved")
        if beaten:
            assert BO in said(outcome)
        else:
            assert await room.now(card) == card


async def test_a_decision_that_comes_too_late_for_the_server_is_not_saved(
    room: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    card = await room.card()
    decided(await room.press(card, "approve"))  # the server's clock is known from here on
    other = await room.card()
    monkeypatch.setattr(bot.decide.saving, "DECIDE_SECONDS", 0.05)
    # A process whose clock has fallen behind the server's by more than it had left.
    room.store._server_clock = (room.clock.monotonic(), room.store._server_clock[1] - 1000)
    assert refused(await room.press(other, "approve")) == "not_saved"
    assert await room.now(other) == other


async def test_sending_again_within_the_remotes_retention_keeps_the_key(room: Room) -> None:
    room.remote.honours = 3600
    room.remote.answers.append(Uncertain("the answer was lost"))
    card = await room.approved()
    await room.run(card)
    first = (await room.now(card)).progress[0]
    room.clock.step(seconds=18.1)
    decided(await room.press(await room.now(card), "settle_retry"))
    await room.run(card)
    assert (await room.now(card)).progress[0].keys == first.keys


async def test_after_its_retention_the_key_is_a_new_one(room: Room) -> None:
    room.remote.honours = 20
    room.remote.answers.append(Uncertain("the answer was lost"))
    card = await room.approved()
    await room.run(card)
    room.clock.step(seconds=20)
    decided(await room.press(await room.now(card), "settle_retry"))
    await room.run(card)
    assert len((await room.now(card)).progress[0].keys) == 2


@pytest.mark.parametrize(
    ("drafted", "written", "kept"),
    [
        ("Under Billing.", None, 1000),
        ("You find it under Billing.", "You find it under Invoices.", 741),
        (None, "By hand.", None),
    ],
)
async def test_the_record_says_how_much_of_the_draft_was_kept(
    room: Room, drafted: str | None, written: str | None, kept: int | None
) -> None:
    card = await room.card()
    content = card.content
    assert content is not None
    card = await room.card(content=content.model_copy(update={"reply": drafted}))
    if written is None:
        decided(await room.press(card, "approve"))
    else:
        decided(await room.edit(card, EditInput(reply=written, approve_now=True)))
    (entry,) = [line.entry for line in await room.store.record_book.of_case(card.ticket)]
    assert entry.data["kept_permille"] == kept
    assert (entry.data["from"], entry.data["to"]) == ("pending", "approved")


async def test_an_approval_wakes_its_execution_and_needs_no_reminder(room: Room) -> None:
    card = await room.card()
    decided(await room.press(card, "approve"))
    members = await room.store.wire.command("ZRANGE", room.store.keys.due, 0, -1)
    assert f"execute:{card.id}".encode() in members
    assert f"timer:{card.id}".encode() not in members


@pytest.mark.parametrize(("place", "waited"), [("slack", 3_000), ("console", 63_000)])
async def test_a_decision_is_timed_from_the_card_and_in_the_console_from_the_draft(
    room: Room, place: SurfaceName, waited: int
) -> None:
    """A card that came a minute late and was decided without being read is a rubber stamp."""
    drafted = room.clock.now()
    card = await room.card(created_at=drafted, proposed_at=drafted)
    board = Board(proposal=card.id, shown_ms=60_000)
    assert await room.store.commit(Commit(boards=(Versioned(board, 0),))) == "committed"
    room.clock.step(seconds=63)
    decided(await room.decide.at(place).press(token(card, "approve"), "approve", actor(ADA)))
    lines = await room.store.record_book.of_case(card.ticket)
    (entry,) = [one.entry for one in lines if one.entry.kind == "decision"]
    assert abs(entry.data["waited_ms"] - waited) < 2_000
