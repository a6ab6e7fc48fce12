"""Runs that wait for money: whoever can pay goes on, whoever cannot holds up nobody."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

from bot.domain import Proposal
from bot.money_watch import AT_ONCE, MoneyWatch
from tests.decisions.room import open_room
from tests.store.make import AT, Desk, ids, open_desk, proposal, ticket


async def waiting(desk: Desk, usd: str, minute: int) -> Proposal:
    """A run that lacked so many dollars for its next call."""
    opened = ticket()
    held = proposal(opened, state="drafting", content=None, progress=())
    at = AT + timedelta(minutes=minute)
    run = held.run.model_copy(update={"unpaid": "day", "unpaid_usd": Decimal(usd)})
    held = held.model_copy(update={"run": run, "created_at": at})
    await desk.keep(opened.model_copy(update={"proposal": held.id}), held)
    return held


async def test_a_dear_run_holds_up_no_cheaper_one(redis_url: str) -> None:
    async with (
        open_room(redis_url) as room,
        open_desk(redis_url, usd_per_day=Decimal("0.10")) as desk,
    ):
        await waiting(desk, "0.11", 0)
        cheap = [await waiting(desk, "0.04", minute) for minute in (1, 2, 3)]
        watch = MoneyWatch(replace(room.context, store=desk.store), desk.store)
        await watch.look()
        assert ids(desk.told) == [f"run:{one.id}" for one in cheap[:2]]


async def test_runs_that_cannot_be_paid_are_not_read_at_each_look(redis_url: str) -> None:
    async with (
        open_room(redis_url) as room,
        open_desk(redis_url, usd_per_day=Decimal("0.10")) as desk,
    ):
        for minute in range(AT_ONCE):
            await waiting(desk, "0.11", minute)
        watch = MoneyWatch(replace(room.context, store=desk.store), desk.store)
        await watch.look()
        before = (await desk.redis.info("stats"))["total_commands_processed"]
        await watch.look()
        after = (await desk.redis.info("stats"))["total_commands_processed"]
        assert desk.told == []
        assert after - before < 20
        cheap = await waiting(desk, "0.01", 90)
        await watch.look()
        assert ids(desk.told) == [f"run:{cheap.id}"]
