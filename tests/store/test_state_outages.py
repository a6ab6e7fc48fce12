"""The store on a server in trouble: away, hung, busy, full, a replica, one of a cluster."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import signal
from collections.abc import AsyncIterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from redis.exceptions import ResponseError

from bot.budget import Reservation
from bot.domain import Board
from bot.journal import Entry
from bot.ports import Commit, StoreUnavailable, Versioned, Wake
from bot.stats.windows import Span
from bot.store.connect import open_redis
from bot.store.scripts import COMMIT, Script
from bot.store.state import RedisStore
from tests.fixtures_redis import STRICT, ServerProcess, free_port, wait_until
from tests.store.make import (
    AT,
    Desk,
    SteppedClock,
    WallClock,
    approved,
    delivery,
    open_desk,
    proposal,
    ticket,
)
from tests.store.working import eventually

# --- the server's own troubles ------------------------------------------------------------------


async def test_a_server_that_forgot_the_scripts_is_taught_again(desk: Desk) -> None:
    await desk.redis.script_flush()
    assert await desk.store.accept(delivery()) == "accepted"
    await desk.redis.script_flush()
    await desk.keep(ticket())
    assert await desk.store.due() == ()


async def test_a_program_error_is_not_taken_for_an_outage(desk: Desk) -> None:
    await desk.redis.set(desk.store.keys.inbox, "not a hash")
    with pytest.raises(ResponseError, match="WRONGTYPE"):
        await desk.store.accept(delivery())
    with pytest.raises(ResponseError, match="WRONGTYPE"):
        await desk.store.delivery("Ev1")


@pytest.fixture
async def own_server(short_path: Path) -> AsyncIterator[ServerProcess]:
    server = ServerProcess(short_path / "s", *STRICT, port=free_port()).start()
    try:
        yield server
    finally:
        server.stop(signal.SIGKILL)


async def _fails(store: RedisStore) -> str:
    """Every way in says that the store is away; the answer is one of the reasons."""
    opened = ticket()
    drafted = approved(proposal(opened))
    for call in (
        store.accept(delivery()),
        store.ticket(opened.id),
        store.case(drafted.id),
        store.commit(Commit(tickets=(Versioned(opened, 0),))),
        store.due(),
        store.waiting(),
        store.paused(),
        store.record((Entry(kind="card"),)),
        store.spending(),
        store.observe_epoch(),
    ):
        with pytest.raises(StoreUnavailable):
            await call
    with pytest.raises(StoreUnavailable) as told:
        await store.ready()
    assert "\n" not in str(told.value)
    return str(told.value)


async def test_no_server_is_unavailable_and_one_that_is_back_is_used(
    own_server: ServerProcess,
) -> None:
    async with open_desk(own_server.url, clock=WallClock()) as desk:
        await desk.store.ready()
        own_server.stop(signal.SIGKILL)
        await _fails(desk.store)
        own_server.start()
        await desk.store.ready()
        assert await desk.store.accept(delivery()) == "accepted"


async def test_reads_of_many_keys_know_an_outage_too(own_server: ServerProcess) -> None:
    async with open_desk(own_server.url, clock=WallClock()) as desk:
        opened = ticket()
        await desk.keep(opened, proposal(opened), entries=(Entry(kind="card", ticket=opened.id),))
        own_server.stop(signal.SIGKILL)
        for call in (
            desk.store.waiting("support"),
            desk.store.counted([Span(AT)]),
            desk.store.wire.load((COMMIT,)),
            desk.store.record_book.counted([Span(AT)], AT),
            desk.store.open_now(),
        ):
            with pytest.raises(StoreUnavailable):
                await call


async def test_a_server_that_is_busy_with_a_script_is_unavailable(
    own_server: ServerProcess,
) -> None:
    async with open_desk(own_server.url, clock=WallClock()) as desk:
        with own_server.client() as outside, own_server.client() as blocked:
            outside.config_set("busy-reply-threshold", 20)
            endless = asyncio.create_task(
                asyncio.to_thread(_swallowing, blocked, "while true do end")
            )
            await eventually(lambda: _is_busy(outside))
            with pytest.raises(StoreUnavailable, match="BUSY"):
                await desk.store.paused()
            outside.script_kill()
            await endless
        assert await desk.store.paused() == frozenset()


def _swallowing(client: Any, script: str) -> None:
    with contextlib.suppress(ResponseError):
        client.eval(script, 0)


def _is_busy(client: Any) -> bool:
    try:
        client.ping()
    except ResponseError as error:
        return "BUSY" in str(error)
    return False


async def test_ready_says_so_in_time_even_if_the_client_would_wait_longer(
    own_server: ServerProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bot.store.state.READY_SECONDS", 0.1)
    async with open_desk(own_server.url) as desk:
        own_server.freeze()
        with pytest.raises(StoreUnavailable, match="in time"):
            await desk.store.ready()
        own_server.thaw()


async def test_a_server_that_hangs_is_unavailable_in_time(own_server: ServerProcess) -> None:
    async with open_desk(own_server.url, clock=WallClock()) as desk:
        own_server.freeze()
        loop = asyncio.get_running_loop()
        for call, limit in ((desk.store.ready, 5), (lambda: desk.store.accept(delivery()), 5)):
            begun = loop.time()
            with pytest.raises(StoreUnavailable):
                await call()
            assert loop.time() - begun < limit
        own_server.thaw()
        await desk.store.ready()


async def test_a_replica_takes_no_writes_and_says_so(own_server: ServerProcess) -> None:
    async with open_desk(own_server.url, clock=WallClock()) as desk:
        with own_server.client() as outside:
            outside.replicaof("127.0.0.1", str(free_port()))
            with pytest.raises(StoreUnavailable, match="read only"):
                await desk.store.accept(delivery())
            with pytest.raises(StoreUnavailable):
                await desk.store.resume(None, Entry(kind="operator"))
            outside.replicaof("NO", "ONE")
        assert await desk.store.accept(delivery()) == "accepted"


async def test_a_user_without_the_right_is_an_outage_in_words(own_server: ServerProcess) -> None:
    with own_server.client() as outside:
        outside.execute_command("ACL", "SETUSER", "weak", "on", ">pw", "~*", "&*", "+@all", "-set")
    url = f"redis://weak:pw@127.0.0.1:{own_server.port}/0"
    async with open_desk(url) as desk:
        with pytest.raises(StoreUnavailable, match="permission") as told:
            await desk.store.record_book.first_to_sign("2026-11-22T12")
        assert "pw" not in str(told.value)


# --- memory -------------------------------------------------------------------------------------


@pytest.fixture
async def small_server(short_path: Path) -> AsyncIterator[ServerProcess]:
    server = ServerProcess(short_path / "m", "--save", "", "--maxmemory", "16mb").start()
    try:
        yield server
    finally:
        server.stop(signal.SIGKILL)


def _fill(server: ServerProcess, share: float) -> None:
    with server.client() as outside:
        for number in itertools.count():
            info = outside.info("memory")
            if info["used_memory"] >= share * info["maxmemory"]:
                return
            outside.set(f"fill:{number}", "x" * 100_000)


async def test_when_it_fills_intake_stops_and_receipts_pass(small_server: ServerProcess) -> None:
    clock = SteppedClock()
    async with open_desk(small_server.url, clock=clock) as desk:
        opened = ticket()
        drafted = proposal(opened)
        await desk.keep(opened, drafted)
        assert await desk.store.accept(delivery("Ev1")) == "accepted"
        _fill(small_server, 0.81)
        clock.step(6)
        with pytest.raises(StoreUnavailable, match=r"8\d % full"):
            await desk.store.accept(delivery("Ev2"))
        await desk.keep(approved(drafted), version=1, entries=(Entry(kind="decision"),))

        with small_server.client() as outside:
            outside.flushall()
        clock.step(1.5)
        with pytest.raises(StoreUnavailable, match="full"):  # the older figure, a new one fetched
            await desk.store.accept(delivery("Ev2"))
        await desk.store.close()
        assert await desk.store.accept(delivery("Ev2")) == "accepted"


async def test_with_no_memory_left_at_all_receipts_still_pass(small_server: ServerProcess) -> None:
    async with open_desk(small_server.url) as desk:
        opened = ticket()
        drafted = proposal(opened)
        await desk.keep(opened, drafted)
        assert await desk.store.accept(delivery("Ev1")) == "accepted"
        with small_server.client() as outside:
            outside.config_set("maxmemory", "1mb")
        with pytest.raises(StoreUnavailable):  # by the guard's figures there is room still
            await desk.store.accept(delivery("Ev2"))
        await desk.keep(
            approved(drafted),
            version=1,
            entries=(Entry(kind="decision", ticket=opened.id, texts={"words": "because"}),),
            wakes=(Wake("execute", drafted.id),),
        )
        assert await desk.store.begin(Wake("execute", drafted.id), "me")
        assert await desk.store.renew([(Wake("execute", drafted.id), "me")]) == frozenset()
        assert not await desk.store.finish(Wake("execute", drafted.id), "me")
        await desk.store.record((Entry(kind="effect"),))
        assert (await desk.store.record_book.seal()) == 2


async def test_a_look_that_fails_is_not_the_deliverys_failure(
    own_server: ServerProcess,
) -> None:
    clock = SteppedClock()
    async with open_desk(own_server.url, clock=clock) as desk:
        await desk.store.accept(delivery("Ev1"))
        clock.step(2)
        with own_server.client() as outside:
            outside.execute_command("ACL", "SETUSER", "default", "-info")
        assert await desk.store.accept(delivery("Ev2")) == "accepted"
        await desk.store.close()
        assert await desk.store.accept(delivery("Ev3")) == "accepted"


# --- a cluster ----------------------------------------------------------------------------------


async def test_every_script_keeps_to_one_slot_and_to_the_keys_it_names(short_path: Path) -> None:
    """A cluster's node refuses a script that touches two slots, declared or not."""
    server = ServerProcess(
        short_path / "c",
        *("--save", "", "--cluster-enabled", "yes", "--cluster-port", str(free_port())),
        port=free_port(),
    ).start()
    try:
        with server.client() as outside:
            outside.execute_command("CLUSTER", "ADDSLOTSRANGE", 0, 16383)
            wait_until(lambda: "cluster_state:ok" in outside.execute_command("CLUSTER", "INFO"))
        async with open_desk(server.url, clock=WallClock()) as desk:
            await desk.store.accept(delivery("Ev1", "alias"))
            opened = ticket()
            drafted = proposal(opened)
            await desk.keep(
                opened,
                drafted,
                boards=(Versioned(Board(proposal=drafted.id), 0),),
                entries=(Entry(kind="ticket", ticket=opened.id, texts={"a": "b"}),),
                wakes=(Wake("card", drafted.id),),
                deliveries_done=("Ev1",),
            )
            assert await desk.store.case(drafted.id) is not None
            assert await desk.store.begin(Wake("card", drafted.id), "me")
            await desk.store.finish(Wake("card", drafted.id), "me")
            await desk.store.record_book.seal()
            names = {key.decode() async for key in desk.redis.scan_iter()}
            assert all(name.startswith("dh:{acme}:") for name in names)
    finally:
        server.stop(signal.SIGKILL)


def test_a_script_without_its_flags_is_refused() -> None:
    with pytest.raises(ValueError, match="does not begin"):
        _ = Script("append").text


async def test_a_client_of_its_own_can_be_closed_while_nothing_runs(redis_url: str) -> None:
    redis = open_redis(redis_url, decode_responses=False)
    store = RedisStore(redis, "acme", SteppedClock())
    await store.start()
    await store.accept(delivery())
    await store.close()
    await redis.aclose()


async def test_money_that_nothing_was_called_for_comes_back_after_an_outage(
    own_server: ServerProcess,
) -> None:
    caps: dict[str, Any] = {"usd_per_day": Decimal(1)}
    async with open_desk(own_server.url, clock=WallClock(), **caps) as desk:
        run = ("r_1", "support", Decimal("0.04"), Decimal("0.05"))
        held = await desk.store.reserve(*run)
        assert isinstance(held, Reservation)
        own_server.stop(signal.SIGKILL)
        await desk.store.release(held)
        with pytest.raises(StoreUnavailable):
            await desk.store.reserve(*run)
        own_server.start()
        assert isinstance(await desk.store.reserve(*run), Reservation)
        assert (await desk.store.spending()).reserved == Decimal("0.04")
