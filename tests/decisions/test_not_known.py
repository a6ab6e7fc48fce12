"""What became of an effect is not known: it is looked for, and a person settles it."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

import bot.execute
import bot.lifecycle.effects
from bot.commands import Uncertain
from bot.domain import Proposal
from tests.decisions.room import (
    ADA,
    Room,
    decided,
    refused,
    said,
)
from tools.spec import Grant, Unanswered


async def unknown(room: Room, *, arrived: bool) -> Proposal:
    """An effect whose answer was lost."""

    async def lost(grant: Grant) -> Uncertain:
        if arrived:
            room.remote.takes(grant, "Under Billing.")
        return Uncertain("the answer was lost")

    room.remote.answers.append(lost)
    proposal = await room.approved()
    await room.run(proposal)
    now = await room.now(proposal)
    assert now.state == "unknown"
    return now


async def test_what_is_unknown_is_looked_for_ever_more_rarely(room: Room) -> None:
    proposal = await unknown(room, arrived=False)
    pauses = []
    for later in (0, 120, 1200, 7200):
        room.clock.step(seconds=later)
        again = await room.run(proposal)
        assert again is not None
        pauses.append(round((again - room.clock.now()).total_seconds()))
    assert pauses == [10, 60, 300, 1800]
    room.clock.step(days=2)
    assert await room.run(proposal) is None
    room.remote.can_be_asked = True
    assert await room.run(proposal) is None, "it is not there"
    assert (await room.now(proposal)).state == "unknown"


async def test_what_is_found_is_settled(room: Room) -> None:
    proposal = await unknown(room, arrived=True)
    room.remote.can_be_asked = True
    assert await room.run(proposal) is None
    assert (await room.now(proposal)).progress[0].receipt == "found"
    assert (await room.now(proposal)).state == "succeeded"


async def test_a_look_up_that_hangs_is_no_answer(
    room: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bot.execute, "_LOOK_UP_SECONDS", 0.02)
    proposal = await unknown(room, arrived=True)

    async def hangs(_: object) -> None:
        await asyncio.Event().wait()

    monkeypatch.setattr(room.remote, "look_up", hangs)
    assert await room.run(proposal) is not None
    assert (await room.now(proposal)).state == "unknown"


async def test_a_tool_that_is_gone_can_be_asked_nothing(room: Room) -> None:
    proposal = await unknown(room, arrived=True)
    room.remotes.clear()
    assert await room.run(proposal) is not None
    assert (await room.now(proposal)).state == "unknown"


async def test_a_person_settles_it_and_sending_again_has_a_key_of_its_own(room: Room) -> None:
    proposal = await unknown(room, arrived=False)
    early = await room.press(proposal, "settle_retry")
    assert refused(early) == "too_early"
    assert "still be on its way" in said(early)
    room.clock.step(seconds=18)
    decided(await room.press(proposal, "settle_retry"))
    await room.run(proposal)
    done = await room.now(proposal)
    assert (done.state, len(set(done.progress[0].keys))) == ("succeeded", 2)
    assert room.remote.looked_up[-1].key == done.progress[0].keys[0]


async def test_what_was_said_of_one_sending_is_not_heard_of_the_next(room: Room) -> None:
    """A press that is told twice, or late, must not send a third time."""
    first = await unknown(room, arrived=False)
    room.clock.step(seconds=18)
    room.remote.answers = [Uncertain("the connection broke")]
    decided(await room.press(first, "settle_retry"))
    await room.run(first)
    second = await room.now(first)
    assert (second.state, second.revision) == ("unknown", first.revision)
    room.clock.step(seconds=18)
    assert refused(await room.press(first, "settle_retry")) == "stale"
    assert refused(await room.press(first, "settle_done")) == "stale"
    assert len(room.remote.grants) == 2
    decided(await room.press(second, "settle_retry"))


async def test_before_a_new_key_the_old_ones_are_looked_up(room: Room) -> None:
    proposal = await unknown(room, arrived=True)
    room.clock.step(seconds=18)
    decided(await room.press(proposal, "settle_retry"))
    room.remote.can_be_asked = True
    await room.run(proposal)
    assert len(room.remote.arrived) == 1, "it had arrived after all"
    assert (await room.now(proposal)).state == "succeeded"


@pytest.mark.parametrize("silence", [Unanswered("busy"), TimeoutError()])
async def test_nothing_is_sent_again_while_it_cannot_be_asked(
    room: Room, monkeypatch: pytest.MonkeyPatch, silence: Exception
) -> None:
    proposal = await unknown(room, arrived=True)
    room.clock.step(seconds=18)
    decided(await room.press(proposal, "settle_retry"))

    async def unanswered(_: object) -> None:
        raise silence

    with monkeypatch.context() as patched:
        patched.setattr(room.remote, "look_up", unanswered)
        again = await room.run(proposal)
    assert again is not None
    assert timedelta(0) < again - room.clock.now() <= timedelta(seconds=5)
    assert ((await room.now(proposal)).state, len(room.remote.grants)) == ("approved", 1)
    room.remote.can_be_asked = True
    await room.run(proposal)
    assert ((await room.now(proposal)).state, len(room.remote.arrived)) == ("succeeded", 1)


async def test_an_approval_lapses_when_it_could_not_be_asked_in_time(
    room: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    proposal = await unknown(room, arrived=True)
    room.clock.step(seconds=18)
    decided(await room.press(proposal, "settle_retry"))

    async def unanswered(_: object) -> None:
        raise Unanswered("busy")

    monkeypatch.setattr(room.remote, "look_up", unanswered)
    room.clock.step(minutes=14)
    assert await room.run(proposal) is not None
    room.clock.step(minutes=2)
    await room.run(proposal)
    assert ((await room.now(proposal)).state, len(room.remote.grants)) == ("unknown", 1)


async def test_a_slow_look_up_takes_nothing_off_the_claims_own_time(
    room: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    proposal = await unknown(room, arrived=False)
    room.clock.step(seconds=18)
    decided(await room.press(proposal, "settle_retry"))

    async def slow(_: object) -> None:
        room.clock.step(seconds=7.9)

    monkeypatch.setattr(room.remote, "look_up", slow)
    await room.run(proposal)
    assert room.remote.grants[-1].deadline - room.clock.monotonic() > 7
    assert (await room.now(proposal)).state == "succeeded"


async def test_an_approval_that_lapses_during_the_look_up_is_not_acted_on(
    room: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    proposal = await unknown(room, arrived=False)
    room.clock.step(seconds=18)
    decided(await room.press(proposal, "settle_retry"))

    async def very_slow(_: object) -> None:
        room.clock.step(minutes=15)

    monkeypatch.setattr(room.remote, "look_up", very_slow)
    await room.run(proposal)
    assert len(room.remote.grants) == 1
    assert (await room.now(proposal)).state == "unknown"


async def test_it_arrived_says_a_person(room: Room) -> None:
    proposal = await unknown(room, arrived=True)
    done = decided(await room.press(proposal, "settle_done"))
    assert (done.state, done.progress[0].receipt) == ("succeeded", f"{ADA} says that it arrived")
