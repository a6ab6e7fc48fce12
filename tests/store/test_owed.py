"""A call's line outlives an outage of the store: written when it answers again, and once."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import AsyncIterator
from decimal import Decimal
from pathlib import Path

import pytest

from bot.budget import Reservation
from bot.journal import Entry
from bot.ports import StoreUnavailable
from bot.store.owed import REMEMBERED_SECONDS
from bot.store.scripts import SETTLE, TELL
from tests.fixtures_redis import STRICT, ServerProcess
from tests.store.cutting import CuttingProxy
from tests.store.make import Desk, open_desk


@pytest.fixture
async def own_server(short_path: Path) -> AsyncIterator[ServerProcess]:
    server = ServerProcess(short_path / "s", *STRICT).start()
    try:
        yield server
    finally:
        server.stop(signal.SIGKILL)


RUN = ("r_1", "support", Decimal("0.02"), Decimal("0.05"))


def line(number: int = 1) -> Entry:
    return Entry(kind="model_call", ticket="t_1", run="r_1", data={"step": number})


async def written(desk: Desk) -> list[object]:
    return [one.data["step"] for one in await desk.store.calls_of("t_1", "r_1")]


async def reserved(desk: Desk) -> Reservation:
    held = await desk.store.reserve(*RUN)
    assert isinstance(held, Reservation)
    return held


@pytest.mark.parametrize("fate", ["before", "after"])
async def test_a_settle_that_met_an_outage_is_made_once_when_it_is_over(
    own_server: ServerProcess,
    short_path: Path,
    fate: str,
) -> None:
    """before: the server had not heard of it. after: it had, and its answer was lost."""
    socket = short_path / "p"
    async with (
        CuttingProxy(own_server.folder / "s", socket) as proxy,
        open_desk(proxy.url) as desk,
        open_desk(own_server.url) as other,
    ):
        held = await reserved(desk)
        if fate == "after":
            proxy.swallow(SETTLE.sha, then_away=True)
        else:
            proxy.swallow(SETTLE.sha, held=True, then_away=True)
        with pytest.raises(StoreUnavailable):
            await desk.store.settle(held, Decimal("0.01"), (line(),))
        assert await written(other) == ([1] if fate == "after" else [])
        with pytest.raises(StoreUnavailable):
            await desk.store.pay_owed()
        proxy.back()
        await desk.store.pay_owed()
        assert await written(other) == [1]
        if fate == "before":
            await proxy.let_go()  # the first sending arrives after all
            assert await written(other) == [1]
        spending = await other.store.spending()
        assert (spending.spent, spending.reserved) == (Decimal("0.01"), Decimal(0))
        await desk.store.pay_owed()
        assert await written(other) == [1]


async def test_lines_of_a_call_that_costs_nothing_are_owed_too(
    own_server: ServerProcess,
    short_path: Path,
) -> None:
    async with (
        CuttingProxy(own_server.folder / "s", short_path / "p") as proxy,
        open_desk(proxy.url) as desk,
    ):
        proxy.swallow(TELL.sha)
        with pytest.raises(StoreUnavailable):
            await desk.store.settle(None, Decimal(0), (line(1),))
        proxy.swallow(TELL.sha, held=True)
        with pytest.raises(StoreUnavailable):
            await desk.store.record((line(2),))
        await reserved(desk)  # the next of its kind pays first
        assert await written(desk) == [1, 2]
        told = [key async for key in desk.redis.scan_iter(match="*told:*")]
        assert len(told) == 2
        for key in told:
            assert 0 < await desk.redis.ttl(key) <= REMEMBERED_SECONDS


async def test_what_is_owed_is_written_when_the_store_is_closed(
    own_server: ServerProcess,
) -> None:
    async with open_desk(own_server.url) as desk, open_desk(own_server.url) as other:
        held = await reserved(desk)
        own_server.stop(signal.SIGKILL)
        with pytest.raises(StoreUnavailable):
            await desk.store.settle(held, Decimal("0.01"), (line(),))
        await desk.store.close()  # away still: it says nothing, and takes no time
        await asyncio.to_thread(own_server.start)
        await desk.store.close()
        assert await written(other) == [1]


async def test_what_is_too_old_is_not_sent_again(
    own_server: ServerProcess,
    short_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """The server no longer knows whether it has it: a line missing, rather than one twice."""
    async with (
        CuttingProxy(own_server.folder / "s", short_path / "p") as proxy,
        open_desk(proxy.url) as desk,
    ):
        proxy.swallow(TELL.sha, held=True)
        with pytest.raises(StoreUnavailable):
            await desk.store.record((line(),))
        desk.clock.step(REMEMBERED_SECONDS)
        await desk.store.pay_owed()
        assert await written(desk) == []
        assert "never written" in caplog.text
