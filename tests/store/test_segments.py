"""Old entries move to signed files: nothing is lost, nothing is double, every forgery is named."""

from __future__ import annotations

import asyncio
import json
import os
import random
import signal
import sys
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from bot.journal import GENESIS, Broken, Entry, EntryKind, Stored, Verified
from bot.stats.dims import Wanted, summed
from bot.stats.windows import window_span
from bot.store import segments as module
from bot.store.pages import JournalPages
from bot.store.segments import Archive, Archived, Segments, archived
from tests.store.make import Desk, approved, executing, open_desk, proposal, ticket

SECRET = "s" * 32
LATER = timedelta(hours=1)


@pytest.fixture
async def desk(redis_url: str) -> AsyncIterator[Desk]:
    async with open_desk(redis_url) as opened:
        yield opened


@pytest.fixture
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    """Seven entries a segment."""
    monkeypatch.setattr(module, "AT_ONCE", 7)
    monkeypatch.setattr(module, "_PAGE", 7)


def archive(desk: Desk, folder: Path, secret: str = SECRET) -> Archive:
    return Archive(desk.store.wire, desk.store.keys, Segments(folder, secret))


async def write(desk: Desk, count: int, first: int = 0) -> None:
    entries = [
        Entry(kind="ticket", ticket=f"t_{n % 3}", data={"n": n}, texts={"text": f"words {n}"})
        for n in range(first, first + count)
    ]
    await desk.store.record(entries)
    await desk.store.record_book.seal()


async def verified(desk: Desk, folder: Path, secret: str = SECRET) -> Verified | Broken:
    return await desk.store.record_book.verify(segments=Segments(folder, secret))


def soon() -> datetime:
    return datetime.now(UTC) + LATER


async def read_back(desk: Desk, folder: Path) -> list[int]:
    """The numbers of all entries, files first."""
    files = await archived(desk.store.wire, desk.store.keys)
    kept = [one.raw for page in Segments(folder, SECRET).pages(files) for one in page]
    kept += [fields[b"e"] for _, fields in await desk.redis.xrange(desk.store.keys.journal)]
    return [json.loads(raw)["data"]["n"] for raw in kept]


@pytest.mark.usefixtures("few")
async def test_files_and_stream_are_one_chain(desk: Desk, tmp_path: Path) -> None:
    await write(desk, 24)
    before = await verified(desk, tmp_path)
    moving = archive(desk, tmp_path)
    assert [await moving.step(soon()) for _ in range(4)] == [7, 7, 7, 3]
    assert await moving.step(soon()) == 0
    assert await verified(desk, tmp_path) == before
    keys = desk.store.keys
    for key in (keys.journal, keys.chain, keys.texts):
        kind = await desk.redis.type(key)
        size = desk.redis.hlen if kind == b"hash" else desk.redis.xlen
        assert await size(key) == 0
    assert not [key async for key in desk.redis.scan_iter(match="*:e:*")]
    await write(desk, 5, first=24)
    found = await verified(desk, tmp_path)
    assert isinstance(found, Verified)
    assert found.entries == 29
    assert await read_back(desk, tmp_path) == list(range(29))
    assert len(await desk.store.record_book.of_case("t_0")) == 2
    pages = JournalPages(desk.store.wire, keys)
    assert await pages.length() == 29
    newest = await pages.newest(None, 50)
    assert len(newest.lines) == 5
    assert isinstance(newest.chain, Verified)
    of_case, _ = await pages.of_case("t_0", None, 50)
    assert isinstance(of_case.chain, Verified)
    # A process that begins only now goes on sealing where the others are.
    async with open_desk(_url(desk)) as new:
        await write(new, 2, first=29)
        assert isinstance(await verified(new, tmp_path), Verified)


@pytest.mark.usefixtures("few")
async def test_pages_end_where_the_files_begin(desk: Desk, tmp_path: Path) -> None:
    """Every page of what is left holds, the oldest too, and none comes after it."""
    await write(desk, 24)
    moving, pages = archive(desk, tmp_path), JournalPages(desk.store.wire, desk.store.keys)
    old = await pages.newest(None, 20)
    assert old.older is not None
    await moving.step(soon())
    await moving.step(soon())
    seen: list[int] = []
    before: str | None = None
    for left in (5, 0):
        page = await pages.newest(before, 5)
        assert page.chain == Verified(5, page.chain.head), left  # type: ignore[union-attr]
        seen += [int(str(line.entry.data["n"])) for line in page.lines]
        before = page.older
        assert (before is None) == (left == 0)
    assert seen == list(range(23, 13, -1))
    assert (await pages.archived()).entries == 14
    # A page that was linked before they moved.
    beyond = await pages.newest(old.older, 20)
    assert (beyond.lines, beyond.older, beyond.chain) == ((), None, None)
    of_case, rest = await pages.of_case("t_0", None, 50)
    assert [line.entry.data["n"] for line in of_case.lines] == [21, 18, 15]
    assert (of_case.chain is not None, rest) == (True, None)


@pytest.mark.usefixtures("few")
async def test_what_is_archived_while_a_page_is_read_is_no_broken_chain(
    desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await write(desk, 20)
    moving, pages = archive(desk, tmp_path), JournalPages(desk.store.wire, desk.store.keys)
    read = desk.store.wire.command

    async def then_archived(*command: str | bytes | int) -> object:
        answer = await read(*command)
        if command[0] == "XREVRANGE" and command[1] == desk.store.keys.journal:
            monkeypatch.setattr(desk.store.wire, "command", read)
            await moving.step(soon())
        return answer

    monkeypatch.setattr(desk.store.wire, "command", then_archived)
    page = await pages.newest(None, 20)
    assert len(page.lines) == 20
    assert isinstance(page.chain, Verified)
    assert (page.chain.entries, page.unsealed) == (13, 0)


async def test_a_search_that_fills_its_page_goes_on_behind_it(desk: Desk) -> None:
    await write(desk, 12)
    pages = JournalPages(desk.store.wire, desk.store.keys)
    seen: list[int] = []
    before: str | None = None
    while True:
        page = await pages.newest(before, 2, lambda entry: entry.ticket == "t_0")
        seen += [int(str(line.entry.data["n"])) for line in page.lines]
        before = page.older
        if before is None:
            break
    assert seen == [9, 6, 3, 0]


def _url(desk: Desk) -> str:
    return f"unix://{desk.redis.connection_pool.connection_kwargs['path']}"


@pytest.mark.usefixtures("few")
async def test_only_what_is_old_and_sealed_moves(desk: Desk, tmp_path: Path) -> None:
    await write(desk, 5)
    await desk.store.record([Entry(kind="card", data={"n": 5})])
    assert await archive(desk, tmp_path).step(datetime.now(UTC) - LATER) == 0
    assert await archive(desk, tmp_path).step(soon()) == 5
    assert await read_back(desk, tmp_path) == list(range(6))


async def test_a_part_of_a_tickets_entries_stays_in_its_index(desk: Desk, tmp_path: Path) -> None:
    await write(desk, 9)
    cut = (await desk.store.record_book.of_case("t_0"))[1]
    middle = cut.at + timedelta(milliseconds=1)
    while datetime.now(UTC) <= middle + timedelta(milliseconds=2):
        pass
    await write(desk, 6, first=9)
    assert await archive(desk, tmp_path).step(middle + timedelta(milliseconds=1)) == 9
    kept = await desk.store.record_book.of_case("t_0")
    assert [line.entry.data["n"] for line in kept] == [9, 12]
    assert len(await desk.store.record_book.texts([line.id for line in kept])) == 2


@pytest.mark.usefixtures("few")
async def test_a_missing_and_a_forged_segment_are_named(desk: Desk, tmp_path: Path) -> None:
    await write(desk, 20)
    moving = archive(desk, tmp_path)
    while await moving.step(soon()):
        pass
    assert await verified(desk, tmp_path, "t" * 32) == Broken(
        "000000000000.jsonl", 0, "segment_forged"
    )
    second = tmp_path / "000000000007.jsonl"
    whole = second.read_bytes()
    for forged in (
        whole.replace(b'\\"n\\":9', b'\\"n\\":8'),
        whole[: len(whole) // 2],
        b"",
        b"\xff\n",
        (tmp_path / "000000000000.jsonl").read_bytes(),
        b"".join(line for at, line in enumerate(whole.splitlines(True)) if at != 3),
    ):
        assert forged != whole
        second.write_bytes(forged)
        assert await verified(desk, tmp_path) == Broken(second.name, 7, "segment_forged")
    second.unlink()
    assert await verified(desk, tmp_path) == Broken(second.name, 7, "segment_missing")
    second.write_bytes(whole)
    assert isinstance(await verified(desk, tmp_path), Verified)
    # One who holds the secret and the files, and not the store, is found out by the store.
    last = tmp_path / "000000000014.jsonl"
    files = Segments(tmp_path, SECRET)
    known = await archived(desk.store.wire, desk.store.keys)
    *_, entries = files.pages(known)
    made = Stored("1-1", b'{"kind":"card","data":{"n":0}}', GENESIS)
    files.write(14, bytes.fromhex(json.loads(last.read_text().splitlines()[0])["before"]), [made])
    found = await verified(desk, tmp_path)
    assert isinstance(found, Broken)
    assert entries[-1].link == known.link


@pytest.mark.usefixtures("few")
async def test_a_head_kept_elsewhere_is_found_in_the_files(desk: Desk, tmp_path: Path) -> None:
    await write(desk, 10)
    head = await desk.store.record_book.head()
    await write(desk, 10, first=10)
    moving = archive(desk, tmp_path)
    while await moving.step(soon()):
        pass
    files = Segments(tmp_path, SECRET)
    book = desk.store.record_book
    assert isinstance(await book.verify((head.entries, head.link), segments=files), Verified)
    found = await book.verify((10, b"x" * 32), segments=files)
    assert isinstance(found, Broken)
    assert (found.position, found.why) == (9, "altered")


@pytest.mark.usefixtures("few")
async def test_a_crash_after_the_file_and_before_the_store(desk: Desk, tmp_path: Path) -> None:
    await write(desk, 10)
    files = Segments(tmp_path, SECRET)
    stored = await desk.store.record_book._stored_page("0-0", "+")
    files.write(0, GENESIS, stored[:4])
    assert isinstance(await verified(desk, tmp_path), Verified)
    (tmp_path / ".000000000000.jsonl.0a0a0a0a").write_bytes(b"half a segm")
    moving = archive(desk, tmp_path)
    while await moving.step(soon()):
        pass
    assert isinstance(await verified(desk, tmp_path), Verified)
    assert await read_back(desk, tmp_path) == list(range(10))


async def test_two_at_once_and_two_folders(redis_url: str, tmp_path: Path) -> None:
    async with open_desk(redis_url) as one, open_desk(redis_url) as two:
        await write(one, 30)
        moved = await asyncio.gather(
            *(archive(desk, tmp_path / "here").step(soon()) for desk in (one, two))
        )
        assert sum(moved) == 30
        await write(one, 5, first=30)
        assert await archive(two, tmp_path / "there").step(soon()) == 0
        assert await archive(two, tmp_path / "here").step(soon()) == 5
        assert await read_back(one, tmp_path / "here") == list(range(35))


async def test_a_broken_chain_is_not_archived(desk: Desk, tmp_path: Path) -> None:
    await write(desk, 9)
    (gone, _), *_ = await desk.redis.xrange(desk.store.keys.journal, count=1)
    await desk.redis.xdel(desk.store.keys.journal, gone)
    assert await archive(desk, tmp_path).step(soon()) == 0
    assert await archived(desk.store.wire, desk.store.keys) == Archived()


_VICTIM = """
import asyncio, sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from bot.store import segments
from tests.store.make import open_desk
segments.AT_ONCE = 40
async def main(url, folder):
    async with open_desk(url) as desk:
        moving = segments.Archive(
            desk.store.wire, desk.store.keys, segments.Segments(Path(folder), "s" * 32)
        )
        print("ready", flush=True)
        while await moving.step(datetime.now(UTC) + timedelta(hours=1)):
            pass
asyncio.run(main(*sys.argv[1:]))
"""


@pytest.mark.crash
async def test_kill_9_at_any_moment_loses_nothing_and_doubles_nothing(
    desk: Desk, tmp_path: Path
) -> None:
    rng, count = random.Random(14), 1_500
    await write(desk, count)
    for _ in range(6):
        child = await asyncio.create_subprocess_exec(
            *(sys.executable, "-c", _VICTIM, _url(desk), os.fspath(tmp_path)),
            stdout=asyncio.subprocess.PIPE,
            cwd=Path(__file__).parents[2],
        )
        assert child.stdout is not None
        assert await child.stdout.readline() == b"ready\n"
        await asyncio.sleep(rng.uniform(0.005, 0.06))  # a moment of its work: this is the test
        if child.returncode is None:
            child.send_signal(signal.SIGKILL)
        await child.wait()
        found = await verified(desk, tmp_path)
        assert isinstance(found, Verified), found
        assert found.entries == count
    moving = archive(desk, tmp_path)
    while await moving.step(soon()):
        pass
    assert await read_back(desk, tmp_path) == list(range(count))


async def test_figures_take_back_what_is_archived(desk: Desk, tmp_path: Path) -> None:
    opened = ticket()
    begun = executing(approved(proposal(opened)))
    lost = begun.model_copy(update={"state": "unknown"})
    case: dict[str, Any] = {"ticket": opened.id, "proposal": lost.id, "playbook": "support"}

    def entry(kind: EntryKind, came: str, went: str, **data: Any) -> Entry:
        return Entry(kind=kind, data={"from": came, "to": went, **data}, **case)

    approval = entry("decision", "pending", "approved", verb="approve", final=True, edited=False)
    over = entry("transition", "executing", "unknown")
    await desk.keep(opened, lost, entries=(approval, over))
    book, keys = desk.store.record_book, desk.store.keys
    await book.seal()
    moving = archive(desk, tmp_path)
    assert await moving.step(soon()) == 2
    assert await figures(desk) == {"approved": 1, "action:unknown": 1}
    again = entry("decision", "unknown", "pending", verb="settle_retry", final=False)
    waits = proposal(opened, id=lost.id)
    await desk.keep(waits, version=1, entries=(again,))
    await book.seal()
    assert await figures(desk) == {}
    assert isinstance(await verified(desk, tmp_path), Verified)
    # Nothing of it can change any more: the next file takes it along.
    assert await desk.redis.hlen(keys.kept) == 1
    assert await moving.step(soon()) == 1
    assert await desk.redis.hlen(keys.kept) == 0


async def figures(desk: Desk) -> dict[str, int]:
    now = datetime.now(UTC)
    (counts,) = await desk.store.record_book.counted([window_span("24h", now)], now)
    found = summed(counts, Wanted().fits)
    names = ("approved", "action:unknown", "action:succeeded")
    return {name: found[name] for name in names if found.get(name)}
