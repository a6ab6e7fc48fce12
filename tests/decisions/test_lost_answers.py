"""The store's answer to a decision is lost on its way: what the person hears is what is so."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

import bot.decide.saving
from bot.commands import Approve, Revise
from bot.domain import Notice, Proposal
from bot.forms import RejectInput
from bot.lifecycle import transition
from bot.ports import Commit, StoreUnavailable, Versioned
from bot.store.scripts import COMMIT
from tests.decisions.room import (
    ADA,
    BO,
    Room,
    actor,
    decided,
    open_room,
    playbook,
    refused,
    said,
    token,
)
from tests.domain.make import decision, moved
from tests.store.cutting import CuttingProxy


@dataclass
class Two:
    """A web process whose wire can be cut, and another one beside it."""

    room: Room
    other: Room
    proxy: CuttingProxy


@asynccontextmanager
async def two_processes(redis_url: str, folder: Path, **book: object) -> AsyncIterator[Two]:
    server = Path(redis_url.removeprefix("unix://").partition("?")[0])
    file = playbook(**book)
    async with (
        CuttingProxy(server, folder / "p") as proxy,
        open_room(proxy.url, file) as room,
        open_room(redis_url, file) as other,
    ):
        yield Two(room, other, proxy)


@pytest.fixture(autouse=True)
def patient() -> None:
    """What is lost is waited for here as long as it is in earnest."""


@pytest.fixture
async def two(redis_url: str, short_path: Path) -> AsyncIterator[Two]:
    async with two_processes(redis_url, short_path) as opened:
        yield opened


async def test_what_was_saved_is_said_to_be_saved(two: Two) -> None:
    card = await two.room.card()
    two.proxy.swallow(COMMIT.sha)
    outcome = await two.room.press(card, "approve")
    assert two.proxy.swallowed == 1
    assert decided(outcome).state == "approved"
    assert "not saved" not in said(outcome)
    await two.other.run(card)
    assert len(two.other.remote.arrived) == 1


async def test_while_nobody_can_be_asked_it_is_said_that_one_cannot_tell(two: Two) -> None:
    """It was saved, and is carried out: so it must not be called *not saved*."""
    card = await two.room.card()
    two.proxy.swallow(COMMIT.sha, then_away=True)
    outcome = await two.room.press(card, "approve")
    assert refused(outcome) == "cannot_tell"
    assert "cannot tell" in said(outcome)
    assert "not saved" not in said(outcome)
    assert (await two.other.now(card)).state == "approved"
    two.proxy.back()
    again = await two.room.press(card, "approve")
    assert refused(again) == "decided"
    assert ADA in said(again)


async def test_not_saved_is_said_only_once_nothing_can_save_it_any_more(two: Two) -> None:
    """The request is still on its way when its connection ends, and comes after the answer."""
    card = await two.room.card()
    two.proxy.swallow(COMMIT.sha, held=True)
    outcome = await two.room.press(card, "approve")
    assert refused(outcome) == "not_saved"
    await two.proxy.let_go()
    assert await two.other.now(card) == card, "it came too late for the server too"
    assert decided(await two.room.press(card, "approve")).state == "approved"


async def test_a_first_approval_of_two_and_a_taken_handoff_are_found_too(
    redis_url: str, short_path: Path
) -> None:
    async with two_processes(redis_url, short_path, approvals=2) as two:
        card = await two.room.card(approvals_needed=2)
        two.proxy.swallow(COMMIT.sha)
        first = await two.room.press(card, "approve")
        assert decided(first).approvals
        assert "second person" in said(first)
        handoff = await two.room.card(state="handoff")
        two.proxy.swallow(COMMIT.sha)
        assert decided(await two.room.press(handoff, "take")).owner is not None


async def test_what_has_come_of_it_meanwhile_is_still_ones_own(two: Two) -> None:
    """Saved, and carried out before it could be looked up."""
    card = await two.room.card()
    decided(await two.other.press(card, "approve"))
    approved = await two.other.store.proposal(card.id)
    assert approved is not None
    await two.other.run(card)
    saving = two.room.decide._saving
    last = two.room.clock.monotonic() + 1
    found = await saving._was_it_saved(
        token(card, "approve"), "approve", Versioned(card, 1), approved.value, last
    )
    assert decided(found).state == "succeeded"


@pytest.mark.parametrize("steps", [1, 2])
async def test_somebody_elses_step_is_not_taken_for_ones_own(
    redis_url: str, short_path: Path, steps: int
) -> None:
    """A first approval of two leaves the decision empty, whoever gave it: Ada's never reached the
    server, and Bo's did."""
    async with two_processes(redis_url, short_path, approvals=2) as two:
        card = await two.room.card(approvals_needed=2)
        ada = moved_by(card, ADA)
        decided(await two.other.press(card, "approve", BO))
        if steps == 2:
            notice = Notice(kind="colleague_replied", text="replied")
            stored = await two.other.store.proposal(card.id)
            assert stored is not None
            revised = moved(transition(stored.value, Revise(two.other.clock.now(), notice)))
            change = Commit(proposals=(Versioned(revised, stored.version),))
            assert await two.other.store.commit(change) == "committed"
        last = two.room.clock.monotonic() + 1
        found = await two.room.decide._saving._was_it_saved(
            token(card, "approve"), "approve", Versioned(card, 1), ada, last
        )
        assert refused(found) == ("not_saved" if steps == 1 else "cannot_tell")


def moved_by(card: Proposal, who: str) -> Proposal:
    """The card as this person's approval would have made it."""
    given = decision(card, by=actor(who))
    return moved(transition(card, Approve(given, needed=2)))


async def test_a_lesson_that_cannot_be_drawn_keeps_nobody_from_deciding(
    room: Room, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fails(*_: object) -> None:
        raise ValueError("a text like no other")

    monkeypatch.setattr(bot.decide.saving, "example_of", fails)
    assert decided(await room.press(await room.card(), "approve")).state == "approved"
    assert "nothing is learnt" in caplog.text


async def test_a_store_that_is_away_before_anything_is_sent_is_no_decision(two: Two) -> None:
    card = await two.room.card()
    two.proxy.swallow("MGET", then_away=True)
    with pytest.raises(StoreUnavailable):
        await two.room.decide.submit_reject(token(card, "reject"), actor(ADA), RejectInput("other"))
    assert await two.other.now(card) == card
