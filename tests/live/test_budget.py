"""Money, end to end: caps that are never passed, runs that wait, one word to the managers."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import aiohttp

from tests.live.mix import billed
from tests.live.product import Live, live
from tests.live.steps import (
    Helpdesk,
    card_that,
    cards,
    config,
    eventually,
    idle,
    says,
    ticket,
    told_directly,
    words,
)
from tests.standins.wire import HttpFailure


def with_budget(**budget: Any) -> dict[str, Any]:
    limits = {"runs_per_author_hour": 1000}
    return config({"limits": limits}, budget=budget)


async def asked(desk: Live, text: str, user: str = "U0MANAGER") -> str:
    answer = await desk.people.command(text, user=user)
    assert answer.ok, answer
    return str(answer.body["text"])


@asynccontextmanager
async def with_helpdesk(desk: Live) -> AsyncIterator[Helpdesk]:
    async with aiohttp.ClientSession() as session:
        yield Helpdesk(desk.product.url, session)


async def test_fifty_runs_at_once_never_pass_the_days_cap(tmp_path: Path, redis_url: str) -> None:
    cap = Decimal("0.20")
    async with live(tmp_path, redis_url, config=with_budget(usd_per_day=float(cap))) as desk:
        async with with_helpdesk(desk) as helpdesk:
            doors = asyncio.Semaphore(10)  # the runs are to be at once, not the deliveries

            async def sent(number: int) -> int:
                async with doors:
                    return await helpdesk.send(ticket(f"n-{number}"))

            assert set(await asyncio.gather(*map(sent, range(50)))) == {200}

            async def all_there() -> bool:
                return len(cards(desk, state="pending")) + len(cards(desk, state="handoff")) == 50

            await eventually(all_there, timeout=60)
        await idle(desk, "run")
        spending = await desk.product.store.spending()
        assert Decimal(0) < billed(desk) <= cap
        assert spending.reserved == 0
        assert spending.spent == billed(desk)
        local = [card for card in cards(desk) if "drafted by the local model" in words(card)]
        assert 0 < len(local) < 50
        said = await asked(desk, "budget")
        assert f"spent today: ${billed(desk):.4f}" in said


async def test_runs_wait_for_money_until_the_cap_is_raised(tmp_path: Path, redis_url: str) -> None:
    poor = with_budget(usd_per_day=0.0001, at_cap="wait", timezone="Pacific/Kiritimati")
    async with live(tmp_path, redis_url, config=poor) as desk:
        for number in range(3):
            await says(desk, f"Where do I find invoice {number}?")
        store = desk.product.store

        async def waiting() -> bool:
            return (await store.for_money())[0] == 3

        await eventually(waiting)
        await idle(desk)
        assert not desk.model.requests
        queue = await asked(desk, "queue")
        assert queue.count("waits for money") == 3
        assert "3 tickets wait for money" in await asked(desk, "status")
        assert "3 tickets wait for money" in await asked(desk, "budget")
        # Nothing spins: no run has begun more than once, and the next look is tomorrow's.
        for proposal in (await store.for_money(None, 9))[1]:
            found = await store.proposal(proposal)
            assert found is not None
            assert (found.value.run.starts, found.value.run.spared) == (1, 1)
        assert not cards(desk, state="handoff")
    rich = with_budget(usd_per_day=20, at_cap="wait", timezone="Pacific/Kiritimati")
    async with live(tmp_path, redis_url, config=rich) as desk:
        for number in range(3):
            await card_that(desk, "pending", f"invoice {number}", timeout=20)
        assert (await desk.product.store.for_money())[0] == 0
        assert "wait for money" not in await asked(desk, "status")


async def test_a_ticket_that_waits_for_money_can_be_taken_by_a_person(
    tmp_path: Path, redis_url: str
) -> None:
    poor = with_budget(usd_per_day=20, usd_per_playbook={"support": 0}, at_cap="wait")
    async with live(tmp_path, redis_url, config=poor) as desk:
        await says(desk, "Where do I find my invoice?")
        store = desk.product.store

        async def waiting() -> str | None:
            return next(iter((await store.for_money("support", 1))[1]), None)

        proposal = await eventually(waiting)
        found = await store.proposal(proposal)
        assert found is not None
        assert found.value.run.unpaid == "playbook"
        drafting = await card_that(desk, "drafting", timeout=25)
        await desk.people.click("U0AGENT", drafting, "deskhand.take")
        await card_that(desk, "handoff")
        assert (await store.for_money())[0] == 0


async def test_a_manager_whom_slack_did_not_reach_is_told_later(
    tmp_path: Path, redis_url: str
) -> None:
    file = with_budget(usd_per_day=20, usd_per_playbook={"support": 0.001}, warn_at=0.5)
    async with live(tmp_path, redis_url, config=file) as desk:
        away = asyncio.Event()
        away.set()

        def lost(arguments: Mapping[str, Any]) -> bool:
            return away.is_set() and str(arguments.get("channel")) == "U0MANAGER"

        desk.slack.faults.add("chat.postMessage", HttpFailure(503), when=lost, times=1000)
        store = desk.product.store
        await says(desk, "Where do I find my invoice?")

        async def warned() -> list[tuple[Any, Any]]:
            lines = await store.record_book.since(datetime.now(UTC) - timedelta(hours=1), 5_000)
            found = [one.entry.data for one in lines]
            return [
                (data["managers_told"], data["managers_left"])
                for data in found
                if data.get("what") == "budget_warning"
            ]

        await eventually(warned, timeout=30)
        assert await warned() == [(0, 1)]
        away.clear()
        mark = store.keys.said(f"budget:{(await store.spending()).day}:support")
        assert 0 < await store.wire.command("TTL", mark) <= 60
        await store.wire.command("DEL", mark)  # a minute later
        await told_directly(desk, "U0MANAGER", "budget of the playbook support")

        async def settled() -> bool:
            return int(await store.wire.command("TTL", mark)) > 3600

        await eventually(settled)
        assert await warned() == [(0, 1), (1, 0)]
        # Another process that did not hear of it tells nobody twice.
        await store.wire.command("DEL", mark)
        await eventually(settled)
        direct = [m for m in desk.slack.space.posted if m.channel == "D0MANAGER"]
        assert len(direct) == 1


async def test_the_managers_are_told_once_a_day_and_cap(tmp_path: Path, redis_url: str) -> None:
    file = with_budget(usd_per_day=20, usd_per_playbook={"support": 0.004}, warn_at=0.5)
    async with live(tmp_path, redis_url, config=file) as desk:
        for number in range(4):
            await says(desk, f"Where do I find invoice {number}?")
        told = await told_directly(desk, "U0MANAGER", "budget of the playbook support")
        assert "the local model drafts" in words(told)
        store = desk.product.store

        async def journaled() -> bool:
            lines = await store.record_book.since(datetime.now(UTC) - timedelta(hours=1), 5_000)
            warned = [line for line in lines if line.entry.data.get("what") == "budget_warning"]
            return len(warned) == 1

        await eventually(journaled)
        await idle(desk)
        direct = [m for m in desk.slack.space.posted if m.channel == "D0MANAGER"]
        assert len(direct) == 1
