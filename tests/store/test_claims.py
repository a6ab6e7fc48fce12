"""The claim: at most one winner, whatever stands beside it, and nothing dispatched on a doubt."""

from __future__ import annotations

import asyncio
import contextlib
import signal
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest
from redis.exceptions import ResponseError

from bot.domain import Proposal
from bot.journal import Entry, Verified
from bot.ports import Commit, Conflict, NotClaimed, StoreUnavailable, Versioned, Wake
from bot.store.scripts import CLAIM, COMMIT
from bot.store.wire import TooFewReplicas
from tests.fixtures_redis import STRICT, ServerProcess, free_port, wait_until
from tests.store.cutting import CuttingProxy
from tests.store.make import (
    Desk,
    WallClock,
    approved,
    approved_case,
    claim_entry,
    delivery,
    executing,
    open_desk,
    proposal,
    ticket,
)
from tools.spec import Grant


@pytest.fixture
async def desk(redis_url: str) -> AsyncIterator[Desk]:
    async with open_desk(redis_url) as opened:
        yield opened


async def claim(desk: Desk, ready: Versioned[Proposal]) -> Grant | NotClaimed:
    claimed = executing(ready.value, desk.clock.now())
    return await desk.store.claim(ready, claimed, 0, claim_entry(claimed))


async def test_a_claim_is_saved_recorded_and_granted(desk: Desk) -> None:
    ready = await approved_case(desk)
    desk.clock.step(1)
    grant = await claim(desk, ready)
    assert isinstance(grant, Grant)
    expected = executing(ready.value, desk.clock.now())
    case = await desk.store.case(ready.value.id)
    assert case is not None
    assert case[0] == Versioned(expected, 2)
    opened, decision = case[1].value, ready.value.decision
    assert decision is not None
    assert grant == Grant(
        tenant="acme",
        proposal=ready.value.id,
        revision=1,
        digest=decision.digest,
        index=0,
        attempt=0,
        key=expected.progress[0].keys[-1],
        earlier_keys=(),
        tool="send_reply",
        ticket=opened.id,
        origin=opened.origin,
        content=ready.value.content,  # type: ignore[arg-type]  # it has one
        approved_by=decision,
        deadline=desk.clock.monotonic() + 8,
        playbook="support",
        author=opened.author,
        subject=opened.subject,
        citations=expected.citations,
    )
    (line,) = await desk.store.record_book.of_case(opened.id)
    assert line.entry == claim_entry(expected)


async def test_somebody_looks_again_when_the_claim_is_overdue(desk: Desk) -> None:
    ready = await approved_case(desk)
    await claim(desk, ready)
    desk.clock.step(18)
    assert await desk.store.due() == ()
    desk.clock.step(1)
    assert await desk.store.due() == (Wake("execute", ready.value.id),)


async def test_the_deadline_is_never_later_than_the_saved_one(desk: Desk) -> None:
    """The executor may come late with its claim: others count from what is saved."""
    ready = await approved_case(desk)
    claimed = executing(ready.value, desk.clock.now())
    desk.clock.step(3)
    grant = await desk.store.claim(ready, claimed, 0, claim_entry(claimed))
    assert isinstance(grant, Grant)
    assert grant.deadline == pytest.approx(desk.clock.monotonic() + 5)


async def test_of_fifty_claims_over_five_processes_connections_one_wins(redis_url: str) -> None:
    async with AsyncExitStack() as opened:
        desks = [
            await opened.enter_async_context(open_desk(redis_url, clock=WallClock()))
            for _ in range(5)
        ]
        for _ in range(10):
            at = desks[0].clock.now()
            stored = ticket()
            ready = approved(proposal(stored), at)
            await desks[0].keep(stored, ready)
            answers = await asyncio.gather(
                *(claim(one, Versioned(ready, 1)) for one in desks for _ in range(10))
            )
            grants = [answer for answer in answers if isinstance(answer, Grant)]
            assert len(grants) == 1
            assert answers.count(NotClaimed("conflict")) == 49
            assert len(await desks[0].store.record_book.of_case(stored.id)) == 1


async def test_a_claim_against_an_edit_and_a_claim_against_a_cancel(desk: Desk) -> None:
    for other in ({"state": "superseded"}, {"state": "pending", "revision": 2}):
        ready = await approved_case(desk)
        newer = ready.value.model_copy(update=other)
        claimed, committed = await asyncio.gather(
            claim(desk, ready), desk.store.commit(Commit(proposals=(Versioned(newer, 1),)))
        )
        assert isinstance(claimed, Grant) != (committed == "committed")


async def test_only_an_approved_proposal_can_be_claimed(desk: Desk) -> None:
    """Version and digest may be right: the state in the store has the last word."""
    opened = ticket()
    ready = approved(proposal(opened))
    for state in ("pending", "executing", "unknown", "rejected"):
        stored = ticket()
        other = approved(proposal(stored))
        await desk.keep(stored, other.model_copy(update={"state": state}))
        assert await claim(desk, Versioned(other, 1)) == NotClaimed("conflict")
    assert await claim(desk, Versioned(ready, 0)) == NotClaimed("conflict")


async def test_another_digest_in_the_store_is_not_claimed(desk: Desk) -> None:
    ready = await approved_case(desk)
    key = desk.store.keys.document(ready.value.id)
    stored = await desk.redis.get(key)
    assert isinstance(stored, bytes)
    _version, _state, shown, _rest = stored.split(b" ", 3)
    await desk.redis.set(key, stored.replace(shown, b"0" * 64, 1))
    assert await claim(desk, ready) == NotClaimed("conflict")
    assert await desk.redis.get(key) == stored.replace(shown, b"0" * 64, 1)


async def test_a_claim_without_its_ticket_is_refused(desk: Desk) -> None:
    ready = await approved_case(desk)
    await desk.redis.delete(desk.store.keys.document(ready.value.ticket))
    assert await claim(desk, ready) == NotClaimed("conflict")


@pytest.mark.parametrize("paused", [None, "support"])
async def test_while_paused_nothing_is_claimed(desk: Desk, paused: str | None) -> None:
    ready = await approved_case(desk)
    await desk.store.pause(paused, Entry(kind="operator"))
    before = await desk.everything()
    assert await claim(desk, ready) == NotClaimed("paused")
    assert await desk.everything() == before
    await desk.store.resume(paused, Entry(kind="operator"))
    assert isinstance(await claim(desk, ready), Grant)


async def test_another_playbooks_pause_is_nobody_elses(desk: Desk) -> None:
    ready = await approved_case(desk)
    await desk.store.pause("lead", Entry(kind="operator"))
    assert isinstance(await claim(desk, ready), Grant)


@pytest.mark.parametrize(
    "forged",
    [
        {"state": "approved"},
        {"revision": 2},
        {"decision": None},
        {"content": None},
        {"id": "p_another"},
    ],
    ids=["not executing", "another revision", "undecided", "no content", "another proposal"],
)
async def test_a_claim_that_no_approval_stands_behind_is_a_fault_of_the_program(
    desk: Desk, forged: dict[str, Any]
) -> None:
    ready = await approved_case(desk)
    before = await desk.everything()
    claimed = executing(ready.value).model_copy(update=forged)
    with pytest.raises(ValueError, match="no approval"):
        await desk.store.claim(ready, claimed, 0, claim_entry(claimed))
    assert await desk.everything() == before


# --- doubt ------------------------------------------------------------------------------------


async def test_a_lost_reply_grants_nothing_and_the_claim_becomes_overdue(
    desk: Desk, redis_server: ServerProcess, short_path: Path
) -> None:
    ready = await approved_case(desk)
    server = redis_server.folder / "s"
    async with CuttingProxy(server, short_path / "p") as proxy, open_desk(proxy.url) as cut:
        proxy.swallow(CLAIM.sha)
        with pytest.raises(StoreUnavailable):
            await claim(cut, ready)
        assert proxy.swallowed == 1
        # It was carried out, so nobody else is granted it either.
        assert await claim(cut, ready) == NotClaimed("conflict")
    found = await desk.store.proposal(ready.value.id)
    assert found is not None
    assert (found.version, found.value.state) == (2, "executing")
    assert len(await desk.store.record_book.of_case(ready.value.ticket)) == 1


async def test_a_commit_whose_reply_was_lost_is_not_sent_twice(
    redis_server: ServerProcess, redis_url: str, short_path: Path
) -> None:
    server = redis_server.folder / "s"
    async with CuttingProxy(server, short_path / "p") as proxy, open_desk(proxy.url) as cut:
        opened = ticket()
        change = Commit(
            tickets=(Versioned(opened, 0),), entries=(Entry(kind="ticket", ticket=opened.id),)
        )
        proxy.swallow(COMMIT.sha)
        with pytest.raises(StoreUnavailable):
            await cut.store.commit(change)
        assert await cut.store.commit(change) == Conflict()
        assert len(await cut.store.record_book.of_case(opened.id)) == 1


# --- restarts, replicas, failovers ------------------------------------------------------------


@pytest.fixture
async def pair(short_path: Path) -> AsyncIterator[tuple[ServerProcess, ServerProcess]]:
    flags = (*STRICT, "--repl-diskless-sync-delay", "0")
    one = ServerProcess(short_path / "1", *flags, port=free_port()).start()
    two = ServerProcess(short_path / "2", *flags, port=free_port()).start()
    try:
        yield one, two
    finally:
        for server in (one, two):
            server.stop(signal.SIGKILL)


def follow(replica: ServerProcess, primary: ServerProcess) -> None:
    """``replica`` copies ``primary`` and has everything that is written there now."""
    with replica.client() as second, primary.client() as first:
        second.replicaof("127.0.0.1", str(primary.port))
        # WAIT counts what its own connection has written: without a write it waits for nothing.
        first.incr("written")
        wait_until(lambda: first.wait(1, 50) == 1)


async def test_a_restart_of_a_lone_server_stops_nothing(short_path: Path) -> None:
    server = ServerProcess(short_path / "s", *STRICT).start()
    try:
        async with open_desk(server.url, clock=WallClock()) as desk:
            stored = ticket()
            ready = approved(proposal(stored), desk.clock.now())
            await desk.keep(stored, ready)
            server.stop(signal.SIGKILL)
            server.start()
            with contextlib.suppress(StoreUnavailable):
                await desk.store.ready()  # finds that the old connection is dead
            assert isinstance(await claim(desk, Versioned(ready, 1)), Grant)
    finally:
        server.stop(signal.SIGKILL)


async def test_after_a_failover_nothing_is_claimed_until_a_person_resumes(
    pair: tuple[ServerProcess, ServerProcess],
) -> None:
    one, two = pair
    async with open_desk(one.url, clock=WallClock()) as desk:
        follow(two, one)
        await desk.store.observe_epoch()
        stored = ticket()
        ready = approved(proposal(stored), desk.clock.now())
        await desk.keep(stored, ready)
        follow(two, one)
    one.stop(signal.SIGKILL)
    with two.client() as second:
        second.replicaof("NO", "ONE")
    async with open_desk(two.url, clock=WallClock()) as desk:
        before = await desk.everything()
        assert await claim(desk, Versioned(ready, 1)) == NotClaimed("failover")
        assert await desk.everything() == before
        await desk.store.resume("support", Entry(kind="operator"))
        assert await claim(desk, Versioned(ready, 1)) == NotClaimed("failover")
        await desk.store.resume(None, Entry(kind="operator"))
        assert isinstance(await claim(desk, Versioned(ready, 1)), Grant)


async def test_with_a_replica_that_confirms_work_goes_on(
    pair: tuple[ServerProcess, ServerProcess],
) -> None:
    one, two = pair
    async with open_desk(one.url, clock=WallClock(), replicas=1) as desk:
        follow(two, one)
        await desk.store.observe_epoch()
        assert await desk.store.accept(delivery()) == "accepted"
        await desk.redis.script_flush()
        stored = ticket()
        ready = approved(proposal(stored), desk.clock.now())
        await desk.keep(stored, ready)
        assert isinstance(await claim(desk, Versioned(ready, 1)), Grant)
        with two.client() as second:
            assert second.exists(desk.store.keys.document(ready.id))


async def test_with_replicas_an_outage_is_an_outage_and_a_fault_is_a_fault(
    pair: tuple[ServerProcess, ServerProcess],
) -> None:
    one, _ = pair
    async with open_desk(one.url, clock=WallClock(), replicas=1) as desk:
        await desk.redis.set(desk.store.keys.journal, "not a stream")
        change = Commit(entries=(Entry(kind="card"),))
        with pytest.raises(ResponseError, match="WRONGTYPE"):
            await desk.store.commit(change)
        one.stop(signal.SIGKILL)
        with pytest.raises(StoreUnavailable):
            await desk.store.commit(change)


async def test_without_the_replicas_confirmation_nothing_is_acknowledged_or_dispatched(
    pair: tuple[ServerProcess, ServerProcess],
) -> None:
    one, two = pair
    async with open_desk(one.url, clock=WallClock(), replicas=1) as desk:
        follow(two, one)
        stored = ticket()
        ready = approved(proposal(stored), desk.clock.now())
        await desk.keep(stored, ready)
        await desk.store.observe_epoch()
        two.freeze()
        with pytest.raises(TooFewReplicas, match="0 of 1"):
            await desk.store.accept(delivery())
        with pytest.raises(TooFewReplicas):
            await claim(desk, Versioned(ready, 1))
        two.thaw()
        # It is executing for all, and becomes unknown: nobody may claim it anew.
        found = await desk.store.proposal(ready.id)
        assert found is not None
        assert found.value.state == "executing"
        assert await claim(desk, Versioned(ready, 1)) == NotClaimed("conflict")


@pytest.mark.crash
async def test_no_acknowledged_commit_is_lost_by_kill_9(short_path: Path) -> None:
    """Eight writers work while the server is killed, five times; whatever was acknowledged is
    there afterwards, each once, and the journal tells of all of it."""
    server = ServerProcess(short_path / "s", *STRICT).start()
    acknowledged: dict[str, int] = {}
    deliveries: set[str] = set()

    async def write(desk: Desk, number: int) -> None:
        for n in range(1_000_000):
            opened = ticket(runs=number)
            name = f"Ev{number}-{opened.id}"
            try:
                if await desk.store.accept(delivery(name)) == "accepted":
                    deliveries.add(name)
                entry = Entry(kind="ticket", ticket=opened.id, data={"n": n})
                for version in range(3):
                    change = Commit(tickets=(Versioned(opened, version),), entries=(entry,))
                    assert await desk.store.commit(change) == "committed"
                    acknowledged[opened.id] = version + 1
            except StoreUnavailable:
                return

    try:
        for _ in range(5):
            async with open_desk(server.url, clock=WallClock()) as desk:
                before = len(acknowledged)
                writers = [asyncio.create_task(write(desk, n)) for n in range(8)]
                async with asyncio.timeout(20):
                    while len(acknowledged) <= before + 20:
                        await asyncio.wait(writers, timeout=0.01)
                server.stop(signal.SIGKILL)
                await asyncio.gather(*writers)
            server.start()
        async with open_desk(server.url, clock=WallClock()) as desk:
            for ticket_id, version in acknowledged.items():
                found = await desk.store.ticket(ticket_id)
                assert found is not None
                # A step more than acknowledged is possible: its answer was what got lost.
                assert version <= found.version <= version + 1
                entries = await desk.store.record_book.of_case(ticket_id)
                assert len(entries) == found.version
            for name in deliveries:
                assert await desk.store.delivery(name) is not None
                assert await desk.store.accept(delivery(name)) == "duplicate"
            assert isinstance(await desk.store.record_book.verify(), Verified)
    finally:
        server.stop(signal.SIGKILL)
