"""What waits now is counted in the very step that changes the proposals."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest

from bot.domain import State
from bot.stats.dims import Cell, OpenNow
from tests.store.make import AT, Desk, open_desk, proposal, ticket

BILLING = Cell("support", "billing")


@pytest.fixture
async def desk(redis_url: str) -> AsyncIterator[Desk]:
    async with open_desk(redis_url) as opened:
        yield opened


async def waits(desk: Desk) -> dict[Cell, tuple[int, float, int]]:
    """Cell to how many, how many seconds the oldest, how many over their reminder."""
    found: list[OpenNow] = list(await desk.store.open_now())
    return {
        one.cell: (one.total, (desk.clock.now() - one.oldest).total_seconds(), one.over_reminder)
        for one in found
    }


async def test_it_waits_from_its_showing_until_somebody_decides(desk: Desk) -> None:
    case = ticket()
    drafting = proposal(case, state="drafting", content=None, proposed_at=None)
    await desk.keep(case, drafting)
    assert await waits(desk) == {}
    remind_at = AT + timedelta(minutes=30)
    pending = drafting.model_copy(
        update={"state": "pending", "content": proposal(case).content, "proposed_at": AT}
        | {"remind_at": remind_at}
    )
    await desk.keep(pending, version=1)
    desk.clock.step(60)
    assert await waits(desk) == {BILLING: (1, 60.0, 0)}
    desk.clock.step(30 * 60)
    assert await waits(desk) == {BILLING: (1, 1860.0, 1)}
    reminded = pending.model_copy(update={"reminded": 1, "remind_at": None})
    await desk.keep(reminded, version=2)
    assert await waits(desk) == {BILLING: (1, 1860.0, 1)}
    content = pending.content
    assert content is not None
    moved = reminded.model_copy(
        update={"content": content.model_copy(update={"route": "default"}), "revision": 2}
    )
    await desk.keep(moved, version=3)
    assert await waits(desk) == {Cell("support", "default"): (1, 1860.0, 1)}
    await desk.keep(moved.model_copy(update={"state": "rejected"}), version=4)
    assert await waits(desk) == {}
    assert not await desk.redis.exists(desk.store.keys.open, desk.store.keys.opened)


async def test_a_lost_race_moves_nothing(desk: Desk) -> None:
    case = ticket()
    pending = proposal(case)
    await desk.keep(case, pending)
    with pytest.raises(AssertionError):
        await desk.keep(pending.model_copy(update={"state": "rejected"}), version=7)
    assert await waits(desk) == {BILLING: (1, 0.0, 0)}


async def test_any_way_of_many_is_what_reading_them_all_would_say(desk: Desk) -> None:
    chosen = random.Random(3)
    states: list[State] = ["pending", "handoff", "approved", "rejected", "failed", "expired"]
    kept: dict[str, tuple[Any, int]] = {}
    for _ in range(150):
        if not kept or chosen.random() < 0.3:
            case = ticket()
            one = proposal(
                case,
                proposed_at=AT - timedelta(minutes=chosen.randrange(500)),
                remind_at=AT + timedelta(minutes=chosen.randrange(-30, 30)),
                model=chosen.choice(["large", "local"]),
                playbook=chosen.choice(["support", "sales"]),
            )
            await desk.keep(case, one)
            kept[one.id] = (one, 1)
        else:
            one, version = kept[chosen.choice(list(kept))]
            one = one.model_copy(
                update={"state": chosen.choice(states), "reminded": chosen.randrange(2)}
            )
            await desk.keep(one, version=version)
            kept[one.id] = (one, version + 1)
    expected: dict[Cell, list[Any]] = {}
    for one, _ in kept.values():
        if one.state in ("pending", "handoff"):
            cell = Cell(one.playbook, "billing", one.model)
            expected.setdefault(cell, []).append(one)
    assert await waits(desk) == {
        cell: (
            len(some),
            (AT - min(one.proposed_at for one in some)).total_seconds(),
            sum(bool(one.reminded) or one.remind_at <= AT for one in some),
        )
        for cell, some in expected.items()
    }


async def test_what_a_release_before_this_one_left_uncounted_is_counted_once(desk: Desk) -> None:
    """It kept no counts: what it made pending stands nowhere, what it decided still stands."""
    cases = [ticket() for _ in range(4)]
    pending, handoff, decided, failed = (proposal(case) for case in cases)
    handoff = handoff.model_copy(update={"state": "handoff"})
    failed = failed.model_copy(update={"state": "failed"})
    for case, one in zip(cases, (pending, handoff, decided, failed), strict=True):
        await desk.keep(case, one)
    right = await waits(desk)
    keys = desk.store.keys
    stands = await desk.redis.hget(keys.opened, decided.id)
    await desk.keep(decided.model_copy(update={"state": "rejected"}), version=1)
    await desk.redis.delete(keys.open, keys.opened)
    cell, since, _ = stands.split(b":")
    await desk.redis.hset(keys.opened, decided.id, stands)
    await desk.redis.zadd(keys.open, {b"w%s:%s:%s" % (cell, since, decided.id.encode()): 0})
    assert right[BILLING][0] == 3
    assert (await waits(desk))[BILLING][0] == 1
    assert await desk.store.count_waiting() == 3
    assert (await waits(desk))[BILLING][0] == 2
    assert await desk.redis.hkeys(keys.opened) != [decided.id.encode()]
    before = await desk.everything()
    assert await desk.store.count_waiting() == 0
    assert await desk.everything() == before
