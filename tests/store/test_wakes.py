"""Wakes and leases in the due index: never lost, and never at two places at once."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

import pytest

from bot.ports import Commit, Conflict, StoreUnavailable, Versioned, Wake
from bot.store.hands import Handed
from bot.store.scripts import ACCEPT, COMMIT
from tests.store.cutting import CuttingProxy
from tests.store.make import AT, Desk, delivery, open_desk, ticket

CARD = Wake("card", "p_1")


async def test_a_wake_is_hidden_after_it_was_told_and_comes_again(desk: Desk) -> None:
    await desk.store.commit(Commit(wakes=(CARD,)))
    assert desk.told == [CARD]
    assert await desk.store.due() == ()
    desk.clock.step(5.1)
    assert await desk.store.due() == (CARD,)
    assert await desk.store.due() == ()
    desk.clock.step(5.1)
    assert await desk.store.due() == (CARD,)


async def test_an_appointment_is_kept_and_moved_by_the_next(desk: Desk) -> None:
    at = AT + timedelta(minutes=30)
    await desk.store.commit(Commit(wakes=(Wake("timer", "p_1", at),)))
    assert desk.told == []
    await desk.store.commit(Commit(wakes=(Wake("timer", "p_1", at - timedelta(minutes=10)),)))
    found = await desk.store.look_due()
    assert found.wakes == ()
    assert found.next_ms == (at - timedelta(minutes=10)).timestamp() * 1000
    assert not await desk.store.begin(Wake("timer", "p_1"), "early")
    desk.clock.step(20 * 60)
    assert await desk.store.due() == (Wake("timer", "p_1"),)
    assert await desk.store.begin(Wake("timer", "p_1"), "in time")


async def test_an_appointment_in_the_past_is_a_wake_now(desk: Desk) -> None:
    await desk.store.commit(Commit(wakes=(Wake("timer", "p_1", AT - timedelta(hours=1)),)))
    assert [wake.id for wake in desk.told] == ["p_1"]


async def test_an_appointment_does_not_put_off_what_is_due(desk: Desk) -> None:
    """One commit says *now*, another, which knows nothing of it, says *later*."""
    await desk.store.commit(Commit(wakes=(CARD,)))
    await desk.store.commit(Commit(wakes=(Wake("card", "p_1", AT + timedelta(hours=1)),)))
    desk.clock.step(5.1)
    assert await desk.store.due() == (CARD,)


async def test_whoever_is_at_it_may_end_with_an_appointment(desk: Desk) -> None:
    await desk.store.commit(Commit(wakes=(CARD,)))
    assert await desk.store.begin(CARD, "me")
    await desk.store.commit(Commit(wakes=(Wake("card", "p_1", AT + timedelta(hours=1)),)))
    assert not await desk.store.finish(CARD, "me")
    desk.clock.step(3599)
    assert await desk.store.due() == ()
    desk.clock.step(2)
    assert await desk.store.due() == (CARD,)


async def test_one_at_a_time_and_nothing_that_is_not_due(desk: Desk) -> None:
    assert not await desk.store.begin(CARD, "nothing to do")
    await desk.store.commit(Commit(wakes=(CARD,)))
    answers = await asyncio.gather(*(desk.store.begin(CARD, str(n)) for n in range(20)))
    assert answers.count(True) == 1
    assert not await desk.store.finish(CARD, str(answers.index(True)))
    assert not await desk.store.begin(CARD, "done already")
    assert await desk.redis.exists(desk.store.keys.due, desk.store.keys.held) == 0


async def test_a_wake_while_its_job_runs_is_seen_at_the_end(desk: Desk) -> None:
    await desk.store.commit(Commit(wakes=(CARD,)))
    assert await desk.store.begin(CARD, "me")
    desk.clock.step(1)
    await desk.store.commit(Commit(wakes=(CARD,)))
    assert not await desk.store.begin(CARD, "another")
    assert await desk.store.renew([(CARD, "me")]) == frozenset()
    assert await desk.store.finish(CARD, "me")
    assert await desk.store.begin(CARD, "me-again")
    assert not await desk.store.finish(CARD, "me-again")
    assert await desk.redis.exists(desk.store.keys.due, desk.store.keys.held) == 0


async def test_a_lease_that_ended_is_anothers_and_the_first_lets_nothing_go(desk: Desk) -> None:
    await desk.store.commit(Commit(wakes=(CARD,)))
    assert await desk.store.begin(CARD, "dead")
    desk.clock.step(3)
    assert await desk.store.renew([(CARD, "dead")]) == frozenset()
    desk.clock.step(5.9)
    assert await desk.store.due() == ()
    desk.clock.step(0.2)
    assert await desk.store.due() == (CARD,)
    assert await desk.store.begin(CARD, "alive")
    assert await desk.store.renew([(CARD, "dead"), (Wake("run", "p_2"), "dead")]) == {
        CARD,
        Wake("run", "p_2"),
    }
    assert not await desk.store.finish(CARD, "dead", AT)
    assert not await desk.store.begin(CARD, "third")
    assert not await desk.store.finish(CARD, "alive")


async def test_look_again_later_unless_something_newer_was_said(desk: Desk) -> None:
    later = AT + timedelta(hours=1)
    await desk.store.commit(Commit(wakes=(CARD,)))
    await desk.store.begin(CARD, "me")
    assert not await desk.store.finish(CARD, "me", later)
    assert (await desk.store.look_due()).next_ms == later.timestamp() * 1000
    await desk.store.commit(Commit(wakes=(CARD,)))
    await desk.store.begin(CARD, "me")
    sooner = Wake("card", "p_1", AT + timedelta(minutes=1))
    await desk.store.commit(Commit(wakes=(sooner,)))
    assert not await desk.store.finish(CARD, "me", later)
    assert (await desk.store.look_due()).next_ms == (AT + timedelta(minutes=1)).timestamp() * 1000


async def test_what_is_cleared_is_gone_lease_and_all(desk: Desk) -> None:
    await desk.store.commit(Commit(wakes=(CARD,)))
    await desk.store.begin(CARD, "me")
    await desk.store.commit(Commit(cleared=(CARD,)))
    assert not await desk.store.finish(CARD, "me", AT)
    assert await desk.redis.exists(desk.store.keys.due, desk.store.keys.held) == 0


@dataclass
class TwoHands:
    """A worker that offers two hands and notes what it is told."""

    free: int = 2
    said: list[tuple[str, Wake]] = field(default_factory=list)

    def offer(self, wake: Wake) -> str | None:
        self.free -= 1
        return f"token-{wake.id}" if self.free >= 0 else None

    def begun(self, wake: Wake, token: str, handed: Handed | None) -> None:
        assert token == f"token-{wake.id}"
        self.said.append(("begun", wake))

    def withdrawn(self, wake: Wake) -> None:
        self.said.append(("withdrawn", wake))

    def lost(self, wake: Wake, token: str) -> None:
        self.said.append(("lost", wake))

    def cleared(self, wakes: Sequence[Wake]) -> None:
        self.said += [("cleared", wake) for wake in wakes]


async def test_a_worker_in_the_same_process_has_the_lease_with_the_commit(desk: Desk) -> None:
    desk.store.hands = hands = TwoHands()
    others, later = Wake("card", "p_2"), Wake("timer", "p_1", AT + timedelta(hours=1))
    run = Wake("run", "p_1")
    await desk.store.commit(Commit(wakes=(CARD, later, run, others), cleared=(run,)))
    assert hands.said == [("cleared", run), ("begun", CARD), ("begun", run)]
    assert desk.told == [others]
    for wake in (CARD, run):
        assert not await desk.store.begin(wake, "another")
        assert not await desk.store.finish(wake, f"token-{wake.id}")
    desk.clock.step(7)
    assert await desk.store.due() == (others,)


async def test_a_hand_offered_to_a_job_that_runs_is_not_needed(desk: Desk) -> None:
    await desk.store.commit(Commit(wakes=(CARD,)))
    await desk.store.begin(CARD, "other")
    desk.told.clear()
    desk.store.hands = hands = TwoHands()
    desk.clock.step(1)
    await desk.store.commit(Commit(wakes=(CARD,)))
    assert hands.said == [("withdrawn", CARD)]
    assert desk.told == []
    assert await desk.store.finish(CARD, "other")


async def test_a_hand_offered_to_what_is_not_saved_is_free_again(desk: Desk) -> None:
    opened = ticket()
    await desk.keep(opened)
    desk.store.hands = hands = TwoHands()
    change = Commit(tickets=(Versioned(opened, 0),), wakes=(CARD,))
    assert await desk.store.commit(change) == Conflict()
    assert hands.said == [("withdrawn", CARD)]
    assert await desk.store.due() == ()


async def test_a_delivery_is_taken_up_with_its_saving_and_a_duplicate_is_not(desk: Desk) -> None:
    deliver = Wake("deliver", "Ev1")
    desk.store.hands = hands = TwoHands()
    await desk.store.accept(delivery("Ev1"))
    await desk.store.accept(delivery("Ev1"))
    assert hands.said == [("begun", deliver), ("withdrawn", deliver)]
    assert desk.told == []
    assert not await desk.store.begin(deliver, "another")
    assert not await desk.store.finish(deliver, "token-Ev1")
    assert await desk.redis.exists(desk.store.keys.due, desk.store.keys.held) == 0


async def test_of_what_nobody_knows_the_lease_may_stand(redis_url: str, short_path: Path) -> None:
    server = Path(redis_url.removeprefix("unix://").partition("?")[0])
    async with CuttingProxy(server, short_path / "p") as proxy, open_desk(proxy.url) as desk:
        desk.store.hands = hands = TwoHands()
        proxy.swallow(COMMIT.sha)
        with pytest.raises(StoreUnavailable):
            await desk.store.commit(Commit(wakes=(CARD,)))
        proxy.swallow(ACCEPT.sha)
        with pytest.raises(StoreUnavailable):
            await desk.store.accept(delivery("Ev1"))
        assert hands.said == [("lost", CARD), ("lost", Wake("deliver", "Ev1"))]
        desk.clock.step(7)
        assert set(await desk.store.due()) == {CARD, Wake("deliver", "Ev1")}


async def test_due_wakes_come_oldest_first_and_each_to_one_asker(desk: Desk) -> None:
    for number in range(30):
        at = AT + timedelta(seconds=1 + number)
        await desk.store.commit(Commit(wakes=(Wake("timer", f"p_{number}", at),)))
    desk.clock.step(60)
    told = await asyncio.gather(*(desk.store.due(7) for _ in range(5)))
    assert [wake.id for wakes_ in told for wake in wakes_] == [f"p_{n}" for n in range(30)]


async def test_a_kind_of_a_newer_version_is_left_to_it(
    desk: Desk, caplog: pytest.LogCaptureFixture
) -> None:
    await desk.redis.zadd(desk.store.keys.due, {"dance:p_1": 1, "card:p_1": 2})
    assert await desk.store.due() == (CARD,)
    assert "unknown kind 'dance'" in caplog.text
    assert await desk.redis.zscore(desk.store.keys.due, "dance:p_1") is not None
