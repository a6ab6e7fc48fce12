"""The sweep: once an hour by one worker of all, a little at a time."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

from bot.config import Retention
from bot.domain import Message
from bot.journal import Verified
from bot.store import sweep as module
from bot.store.reports import Reports
from bot.store.segments import Archive, Segments, archived
from bot.store.sweep import Sweep
from tests.store.make import AUTHOR, Desk, open_desk, proposal, ticket

NOW = datetime.now(UTC)
KEPT = Retention(texts=timedelta(days=30), journal=timedelta(days=365))


def sweep(desk: Desk, folder: Path, retention: Retention = KEPT) -> Sweep:
    store = desk.store
    moving = Archive(store.wire, store.keys, Segments(folder, "s" * 32))
    reports = Reports(folder / "eval")
    return Sweep(store.wire, store.keys, desk.clock, retention, moving, reports, embedded=True)


async def old_tickets(desk: Desk, count: int) -> None:
    at = NOW - timedelta(days=31)
    for _ in range(count):
        said = Message(id="1", author=AUTHOR, text="xyzzy", at=at)
        opened = ticket(messages=(said,), created_at=at)
        await desk.keep(opened, proposal(opened))


async def erased(desk: Desk) -> int:
    found = 0
    async for key in desk.redis.scan_iter(match="*}:t_*"):
        kept = await desk.store.ticket(key.decode().rpartition(":")[2])
        assert kept is not None
        found += kept.value.erased
    return found


async def test_a_sweep_goes_by_steps_once_an_hour(desk: Desk, tmp_path: Path) -> None:
    desk.clock.at = NOW
    await old_tickets(desk, module.TICKETS_AT_ONCE + 5)
    young = ticket(created_at=NOW, messages=())
    await desk.keep(young)
    ours = sweep(desk, tmp_path)
    steps, most = 1, 0
    before = 0
    while await ours.step():
        steps += 1
        after = await erased(desk)
        most, before = max(most, after - before), after
    assert steps >= 4
    assert 0 < most <= module.TICKETS_AT_ONCE
    assert await erased(desk) == module.TICKETS_AT_ONCE + 5
    lines = await desk.store.record_book.since(NOW - timedelta(hours=1))
    (last,) = [
        line.entry for line in lines if line.entry.kind == "operator" and not line.entry.ticket
    ]
    assert (last.actor, last.data["by"], last.data["tickets"]) == ("operator", "retention", 25)
    assert isinstance(await desk.store.record_book.verify(), Verified)

    await old_tickets(desk, 1)
    assert not await ours.step()
    assert not await sweep(desk, tmp_path).step()
    desk.clock.step(3600)
    while await ours.step():
        pass
    assert await erased(desk) == module.TICKETS_AT_ONCE + 6


async def test_nothing_to_do_is_one_command_an_hour(desk: Desk, tmp_path: Path) -> None:
    desk.clock.at = NOW
    ours = sweep(desk, tmp_path)
    while await ours.step():
        pass
    before = (await desk.redis.info("stats"))["total_commands_processed"]
    for _ in range(100):
        assert not await ours.step()
    after = (await desk.redis.info("stats"))["total_commands_processed"]
    assert after - before == 1  # the INFO before
    assert not [entry async for entry in desk.redis.scan_iter(match="*:journal")]


async def test_old_entries_go_to_files_by_whole_days(desk: Desk, tmp_path: Path) -> None:
    await old_tickets(desk, 3)
    desk.clock.at = NOW
    texts = sweep(desk, tmp_path, Retention(texts=timedelta(days=30)))
    while await texts.step():
        pass
    await desk.store.record_book.seal()
    desk.clock.at = NOW + timedelta(days=364)
    journal = Retention(journal=timedelta(days=365))
    while await (ours := sweep(desk, tmp_path, journal)).step():
        pass
    assert (await archived(desk.store.wire, desk.store.keys)).entries == 0
    desk.clock.at = NOW + timedelta(days=367)
    while await ours.step():
        pass
    files = await archived(desk.store.wire, desk.store.keys)
    assert files.entries > 0
    found = await desk.store.record_book.verify(segments=Segments(tmp_path, "s" * 32))
    assert isinstance(found, Verified)
    assert found.entries == files.entries


async def test_of_all_workers_one_sweeps(redis_url: str, tmp_path: Path) -> None:
    async with open_desk(redis_url) as one, open_desk(redis_url) as two:
        one.clock.at = two.clock.at = NOW
        first = await sweep(one, tmp_path).step()
        assert first
        assert not await sweep(two, tmp_path).step()
