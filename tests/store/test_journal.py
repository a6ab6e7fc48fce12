"""The record on Redis: sealed once by many, verified, and every tampering named."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from bot.journal import GENESIS, Broken, Entry, Verified, link, salted
from bot.ports import Commit, Versioned, Wake
from bot.stats.dims import Wanted, summed
from bot.stats.windows import Span, window_span
from bot.store.entries import pack_entry, read_texts
from bot.store.pages import JournalPages
from bot.store.record import Head, Record
from bot.tracing import words_of
from tests.store.make import AT, Desk, open_desk, proposal, ticket


async def counted(desk: Desk, span: Span, now: datetime) -> dict[str, int]:
    """The sums over every cell."""
    (counts,) = await desk.store.record_book.counted([span], now)
    return summed(counts, Wanted().fits)


@pytest.fixture
async def desk(redis_url: str) -> AsyncIterator[Desk]:
    async with open_desk(redis_url) as opened:
        yield opened


def entries(count: int, **update: Any) -> list[Entry]:
    calls = [{"n": n, "tokens_out": 2} for n in range(count)]
    return [Entry(kind="model_call", data=data, **update) for data in calls]


async def test_an_empty_journal_holds(desk: Desk) -> None:
    assert await desk.store.record_book.seal() == 0
    assert await desk.store.record_book.head() == Head()
    assert await desk.store.record_book.verify() == Verified(0, GENESIS)
    assert await desk.store.record_book.since(AT - timedelta(days=1)) == []
    await desk.store.record(())
    assert not await desk.redis.exists(desk.store.keys.journal)


async def test_the_chain_is_the_one_that_the_domain_defines(desk: Desk) -> None:
    await desk.store.record(entries(3))
    assert await desk.store.record_book.seal() == 3
    expected = GENESIS
    for entry_id, fields in await desk.redis.xrange(desk.store.keys.journal):
        expected = link(expected, entry_id.decode(), fields[b"e"])
        ((_, linked),) = await desk.redis.xrange(desk.store.keys.chain, entry_id, entry_id)
        assert linked[b"l"] == expected
    head = await desk.store.record_book.head()
    assert (head.entries, head.link) == (3, expected)
    assert await desk.store.record_book.verify() == Verified(3, expected)


@pytest.mark.parametrize("count", [499, 500, 501, 1203])
async def test_long_journals_are_sealed_and_verified_in_pages(desk: Desk, count: int) -> None:
    await desk.store.record(entries(count))
    seen: list[int] = []
    verified = await desk.store.record_book.verify(progress=seen.append)
    assert isinstance(verified, Verified)
    assert verified.entries == count
    assert seen[-1] == count
    assert await desk.store.record_book.seal() == 0


async def test_many_sealers_make_one_chain_and_count_once(redis_url: str) -> None:
    async with AsyncExitStack() as opened:
        desks = [await opened.enter_async_context(open_desk(redis_url)) for _ in range(4)]

        async def write(desk: Desk) -> None:
            for _ in range(40):
                await desk.store.record(entries(5))

        async def seal_until(desk: Desk, done: asyncio.Event) -> int:
            sealed = 0
            while not done.is_set():
                sealed += await desk.store.record_book.seal()
            return sealed + await desk.store.record_book.seal()

        done = asyncio.Event()
        sealers = [asyncio.create_task(seal_until(desk, done)) for desk in desks]
        await asyncio.gather(*(write(desk) for desk in desks))
        done.set()
        assert sum(await asyncio.gather(*sealers)) == 800
        assert isinstance(await desks[0].store.record_book.verify(), Verified)
        now = datetime.now(UTC)
        figures = await counted(desks[0], Span(now - timedelta(hours=2)), now)
        assert figures == {"calls": 800, "tokens_out": 1600}


async def test_figures_are_of_the_minutes_asked_for(desk: Desk) -> None:
    await desk.store.record(entries(2))
    await desk.store.record_book.seal()
    all_of_it = {"calls": 2, "tokens_out": 4}
    now = datetime.now(UTC)
    assert await counted(desk, Span(now - timedelta(minutes=1)), now) == all_of_it
    assert await counted(desk, Span(now - timedelta(days=30)), now) == all_of_it
    before = Span(now - timedelta(hours=9), now - timedelta(minutes=2))
    assert await counted(desk, before, now) == {}


async def test_a_seal_that_went_back_is_a_fault_and_not_a_loop(desk: Desk) -> None:
    await desk.store.record(entries(4))
    await desk.store.record_book.seal()
    await desk.redis.hset(desk.store.keys.sealed, mapping={"id": "0-0", "count": 1})
    await desk.store.record(entries(1))
    with pytest.raises(RuntimeError, match="went back from 4 to 1"):
        await desk.store.record_book.seal()


# --- tampering --------------------------------------------------------------------------------


async def rewrite(redis: Any, key: str, change: Mapping[int, bytes | None], field: str) -> None:
    """Write a stream anew with the same ids, with these places changed or (None) left out."""
    kept = await redis.xrange(key)
    await redis.delete(key)
    for place, (entry_id, fields) in enumerate(kept):
        value = change.get(place, fields[field.encode()])
        if value is not None:
            await redis.xadd(key, {field: value}, id=entry_id)


async def ids_of(desk: Desk) -> list[str]:
    return [entry_id.decode() for entry_id, _ in await desk.redis.xrange(desk.store.keys.journal)]


@pytest.fixture
async def sealed(desk: Desk) -> Desk:
    await desk.store.record(entries(9))
    await desk.store.record_book.seal()
    return desk


async def test_an_altered_entry_is_named(sealed: Desk) -> None:
    ids = await ids_of(sealed)
    altered = pack_entry(Entry(kind="model_call", data={"n": 4, "cost": 1}))[0]
    await rewrite(sealed.redis, sealed.store.keys.journal, {4: altered}, "e")
    assert await sealed.store.record_book.verify() == Broken(ids[4], 4, "altered")


@pytest.mark.parametrize("place", [0, 4, 8])
async def test_a_removed_entry_is_named(sealed: Desk, place: int) -> None:
    ids = await ids_of(sealed)
    await sealed.redis.xdel(sealed.store.keys.journal, ids[place])
    assert await sealed.store.record_book.verify() == Broken(ids[place], place, "missing")


@pytest.mark.parametrize("place", [0, 4, 8])
async def test_a_removed_link_is_named(sealed: Desk, place: int) -> None:
    ids = await ids_of(sealed)
    await sealed.redis.xdel(sealed.store.keys.chain, ids[place])
    assert await sealed.store.record_book.verify() == Broken(ids[place], place, "missing")


async def test_an_entry_removed_with_its_link_breaks_the_next_one(sealed: Desk) -> None:
    ids = await ids_of(sealed)
    for key in (sealed.store.keys.journal, sealed.store.keys.chain):
        await sealed.redis.xdel(key, ids[4])
    assert await sealed.store.record_book.verify() == Broken(ids[5], 4, "altered")


async def test_an_end_that_was_cut_off_is_missed(sealed: Desk) -> None:
    ids = await ids_of(sealed)
    for key in (sealed.store.keys.journal, sealed.store.keys.chain):
        await sealed.redis.xdel(key, *ids[6:])
    assert await sealed.store.record_book.verify() == Broken(ids[8], 6, "missing")


async def test_everything_gone_is_missed(sealed: Desk) -> None:
    ids = await ids_of(sealed)
    await sealed.redis.delete(sealed.store.keys.journal, sealed.store.keys.chain)
    assert await sealed.store.record_book.verify() == Broken(ids[8], 0, "missing")


async def forge(desk: Desk, change: Mapping[int, bytes | None]) -> None:
    """Alter entries and make the whole chain anew, as one who holds the server can."""
    keys = desk.store.keys
    await rewrite(desk.redis, keys.journal, change, "e")
    await desk.redis.delete(keys.chain, keys.sealed)
    await Record(desk.store.wire, keys).seal()


async def test_a_chain_made_anew_is_found_out_by_a_head_kept_elsewhere(sealed: Desk) -> None:
    head = await sealed.store.record_book.head()
    vouched = (head.entries, head.link)
    await sealed.store.record(entries(5))
    assert isinstance(await sealed.store.record_book.verify(vouched), Verified)
    ids = await ids_of(sealed)

    await forge(sealed, {2: pack_entry(Entry(kind="card"))[0]})
    fresh = Record(sealed.store.wire, sealed.store.keys)
    assert isinstance(await fresh.verify(), Verified)
    assert await fresh.verify(vouched) == Broken(ids[8], 8, "altered")

    await forge(sealed, dict.fromkeys(range(5, 14)))
    assert await Record(sealed.store.wire, sealed.store.keys).verify(vouched) == Broken(
        ids[4], 5, "missing"
    )


# --- reading ----------------------------------------------------------------------------------


async def test_texts_lie_beside_and_the_entry_holds_their_salted_hashes(desk: Desk) -> None:
    given = Entry(kind="decision", ticket="t_1", texts={"words": "Meine IBAN \ud83d", "b": "b"})
    await desk.store.record((given, given))
    first, second = await desk.store.record_book.of_case("t_1")
    for line in (first, second):
        packed = await desk.redis.hget(desk.store.keys.texts, line.id)
        assert isinstance(packed, bytes)
        for name, (salt, text) in read_texts(packed).items():
            assert text == given.texts[name]
            assert line.entry.texts[name] == salted(salt, text)
            assert len(salt) == 16
    assert first.entry.texts != second.entry.texts
    raw = (await desk.redis.xrange(desk.store.keys.journal))[0][1][b"e"]
    assert b"IBAN" not in raw
    assert await desk.store.record_book.texts([first.id]) == {first.id: dict(given.texts)}
    assert await desk.store.record_book.texts([]) == {}


async def test_an_erased_text_is_gone_and_the_chain_still_holds(desk: Desk) -> None:
    await desk.store.record((Entry(kind="ticket", ticket="t_1", texts={"text": "secret"}),))
    (line,) = await desk.store.record_book.of_case("t_1")
    await desk.redis.hdel(desk.store.keys.texts, line.id)
    assert await desk.store.record_book.texts([line.id]) == {}
    assert isinstance(await desk.store.record_book.verify(), Verified)


async def test_a_tickets_entries_are_found_in_order_however_they_came(desk: Desk) -> None:
    opened = ticket()
    drafted = proposal(opened)
    told = Entry(kind="ticket", ticket=opened.id)
    await desk.keep(opened, drafted, entries=(told,))
    await desk.store.record((Entry(kind="model_call", ticket=opened.id, run="r_1"),))
    await desk.store.record((Entry(kind="model_call", ticket="t_other"),))
    await desk.store.record((Entry(kind="card", proposal=drafted.id),))
    change = Commit(
        proposals=(Versioned(drafted, 1),),
        entries=(
            Entry(kind="decision", ticket=opened.id, proposal=drafted.id),
            Entry(kind="transition", ticket=opened.id, proposal=drafted.id),
        ),
        wakes=(Wake("card", drafted.id),),
    )
    assert await desk.store.commit(change) == "committed"
    lines = await desk.store.record_book.of_case(opened.id)
    assert [line.entry.kind for line in lines] == ["ticket", "model_call", "decision", "transition"]
    assert [line.id for line in lines] == sorted(
        (line.id for line in lines), key=lambda one: tuple(map(int, one.split("-")))
    )
    assert abs(lines[0].at - datetime.now(UTC)) < timedelta(minutes=1)
    assert [line.entry.kind for line in await desk.store.record_book.of_case(drafted.id)] == [
        "card"
    ]
    assert await desk.store.record_book.of_case("t_unknown") == []


async def test_of_all_processes_one_signs_an_hours_head(desk: Desk) -> None:
    book = desk.store.record_book
    answers = await asyncio.gather(*(book.first_to_sign("2026-11-22T12") for _ in range(5)))
    assert sorted(answers) == [False] * 4 + [True]
    assert await book.first_to_sign("2026-11-22T13")


async def test_a_window_is_right_to_the_minute_at_its_edge(desk: Desk) -> None:
    now = datetime.now(UTC)
    edge = now.replace(second=0, microsecond=0) - timedelta(hours=24)
    calls = {
        edge - timedelta(minutes=2): 1,
        edge - timedelta(milliseconds=1): 10,
        edge: 100,
        edge + timedelta(minutes=1): 1_000,
        now - timedelta(seconds=1): 10_000,
    }
    for at, tokens in calls.items():
        raw, _ = pack_entry(Entry(kind="model_call", data={"tokens_out": tokens}))
        await desk.redis.xadd(desk.store.keys.journal, {"e": raw}, id=int(at.timestamp() * 1000))
    await desk.store.record_book.seal()
    inside = await counted(desk, window_span("24h", now), now)
    assert inside == {"calls": 3, "tokens_out": 11_100}
    before = await counted(desk, window_span("24h", now, before=1), now)
    assert before == {"calls": 2, "tokens_out": 11}
    week = await counted(desk, window_span("7d", now), now)
    assert week == {"calls": 5, "tokens_out": 11_111}


async def test_what_is_taken_back_is_looked_up_in_its_case(desk: Desk) -> None:
    """The approval is sealed long before the entry that takes it back, and by somebody else."""
    about = {"ticket": "t_1", "proposal": "p_1", "playbook": "support"}
    approved = {"verb": "approve", "from": "pending", "to": "approved", "final": True}
    await desk.store.record((Entry(kind="decision", data=approved, **about),))
    await desk.store.record_book.seal()
    now, span = datetime.now(UTC), Span(datetime.now(UTC) - timedelta(hours=1))
    assert await counted(desk, span, now) == {"approved": 1}
    lapsed = {"from": "approved", "to": "pending", "why": "lapsed"}
    await desk.store.record((Entry(kind="transition", data=lapsed, **about),))
    other = Record(desk.store.wire, desk.store.keys)
    await other.seal()
    assert (await counted(desk, span, now))["approved"] == 0


async def test_whoever_is_overtaken_in_its_own_process_seals_nothing_twice(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The worker and a status answer seal with one record; here the one between the other's reading
    and writing."""
    book, read, late = desk.store.record_book, Record._entries, [True]

    async def overtaken(self: Record, *args: Any) -> Any:
        page = await read(self, *args)
        if late.pop() if late else False:
            assert await self.seal() == 5
        return page

    await desk.store.record([Entry(kind="card", ticket="t_1") for _ in range(5)])
    monkeypatch.setattr(Record, "_entries", overtaken)
    assert await book.seal() == 0
    assert isinstance(await book.verify(), Verified)


async def test_what_another_version_wrote_is_sealed_and_counts_as_nothing(desk: Desk) -> None:
    store = desk.store
    await store.record(entries(1))
    newer = b'{"kind":"newer_kind","ticket":"t_1","data":{"tokens_out":7},"weight":{"of":3}}'
    strange = [newer, b'{"kind":"model_call","added":1,"data":{"tokens_out":7}}', b"\xff"]
    ids = [(await desk.redis.xadd(store.keys.journal, {"e": one})).decode() for one in strange]
    await store.record(entries(1))
    book = store.record_book
    assert await book.seal() == 5
    now = datetime.now(UTC)
    assert (await counted(desk, window_span("24h", now), now))["tokens_out"] == 4
    found = await book.verify()
    assert isinstance(found, Verified)
    assert (found.entries, found.unreadable, found.first_unreadable) == (5, 3, ids[0])
    lines = [line for line in await book.since(AT) if line.id in ids]
    assert {line.entry.kind for line in lines} == {"unreadable"}
    assert lines[0].entry.ticket == "t_1"
    assert words_of(lines[0]) == "written by another version of Deskhand, as newer_kind"
    assert words_of(lines[2]) == "written by another version of Deskhand"
    page = await JournalPages(store.wire, store.keys).newest(None, 10)
    assert [line.id for line in page.lines if line.entry.kind == "unreadable"] == ids[::-1]
    assert isinstance(page.chain, Verified)
    # Its bytes are in the chain like all others.
    await desk.redis.xdel(store.keys.journal, ids[1])
    assert isinstance(await book.verify(), Broken)
