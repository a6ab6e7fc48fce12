"""The store's promises, on a real server: once, whole or not at all, and found again."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import signal
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from redis.exceptions import ResponseError

from bot.commands import Supersede
from bot.domain import Board, Copy, Handoff, Place, Proposal
from bot.journal import Entry
from bot.lifecycle import transition
from bot.ports import Commit, Conflict, Newest, StoreUnavailable, TooLate, Versioned, Wake
from bot.stats.windows import Span
from bot.store.connect import open_redis
from bot.store.keys import Keys
from bot.store.scripts import COMMIT, Script
from bot.store.state import RedisStore
from tests.fixtures_redis import STRICT, ServerProcess, free_port, wait_until
from tests.store.make import (
    AT,
    AUTHOR,
    Desk,
    SteppedClock,
    WallClock,
    approved,
    delivery,
    ids,
    open_desk,
    origin,
    proposal,
    ticket,
)
from tests.store.working import eventually


@pytest.fixture
async def desk(redis_url: str) -> AsyncIterator[Desk]:
    async with open_desk(redis_url) as opened:
        yield opened


# --- intake -----------------------------------------------------------------------------------


async def test_a_delivery_is_saved_as_it_came_and_its_wake_told(desk: Desk) -> None:
    given = delivery("Ev1", "slack:T1:C1:17.0001", text="Größe? ✓ \u202e")
    assert await desk.store.accept(given) == "accepted"
    assert await desk.store.delivery("Ev1") == given
    assert desk.told == [Wake("deliver", "Ev1")]
    desk.clock.step(5.001)
    assert ids(await desk.store.due()) == ["deliver:Ev1"]


@pytest.mark.parametrize(
    "second",
    [
        delivery("Ev1"),
        delivery("Ev2", "same message"),
        delivery("same message"),
        delivery("Ev9", "Ev1"),
    ],
    ids=["same id", "same alias", "its id was an alias", "its alias was an id"],
)
async def test_any_known_id_makes_a_duplicate_that_changes_nothing(
    desk: Desk, second: object
) -> None:
    await desk.store.accept(delivery("Ev1", "same message"))
    before = await desk.everything()
    assert await desk.store.accept(second) == "duplicate"  # type: ignore[arg-type]  # parametrized
    assert await desk.everything() == before
    assert len(desk.told) == 1


async def test_an_id_is_known_for_seven_days_and_done_deliveries_stay_known(desk: Desk) -> None:
    await desk.store.accept(delivery("Ev1"))
    await desk.store.commit(Commit(deliveries_done=("Ev1",), cleared=(Wake("deliver", "Ev1"),)))
    assert await desk.store.delivery("Ev1") is None
    assert await desk.store.accept(delivery("Ev1")) == "duplicate"
    assert await desk.redis.ttl(desk.store.keys.seen("Ev1")) in range(7 * 86400 - 5, 7 * 86400 + 1)
    desk.clock.step(10)
    assert await desk.store.due() == ()


async def test_how_far_a_delivery_is_is_known_by_its_id_and_by_its_aliases(desk: Desk) -> None:
    arrived = desk.store.arrived
    assert await arrived(()) == await arrived(("Ev1",)) == await arrived(("message 1",)) == "unseen"
    await desk.store.accept(delivery("Ev1", "message 1"))
    await desk.store.accept(delivery("Ev2", "message 2"))
    for names in (("Ev1",), ("message 1",), ("message 1", "message 2"), ("message 3", "Ev1")):
        assert await arrived(names) == "waiting"
    await desk.store.commit(Commit(deliveries_done=("Ev1",)))
    assert await arrived(("Ev1",)) == await arrived(("message 1", "Ev1")) == "done"
    assert await arrived(("message 1", "message 2")) == "waiting"
    assert await arrived(("message 1", "message 3")) == "unseen"


async def test_of_fifty_at_once_one_is_accepted(desk: Desk) -> None:
    answers = await asyncio.gather(*(desk.store.accept(delivery("Ev1")) for _ in range(50)))
    assert sorted(answers) == ["accepted"] + ["duplicate"] * 49


async def test_a_long_and_strange_id_is_as_good_as_any(desk: Desk) -> None:
    strange = "ü\n:{}*" * 500
    await desk.store.accept(delivery(strange))
    assert await desk.store.delivery(strange) is not None
    desk.clock.step(6)
    assert [wake.id for wake in await desk.store.due()] == [strange]


# --- documents --------------------------------------------------------------------------------


async def test_documents_are_read_as_they_were_written(desk: Desk) -> None:
    opened = ticket()
    drafted = proposal(opened, handoff=Handoff(reason="steps", tried=("search",)))
    opened = opened.model_copy(update={"proposal": drafted.id})
    place = Place(surface="slack", place="C2", message="9.9")
    board = Board(
        proposal=drafted.id,
        copies=(Copy(place=place, room=place.place, status="posted", since=AT),),
    )
    await desk.keep(opened, drafted, boards=(Versioned(board, 0),))

    assert await desk.store.ticket(opened.id) == Versioned(opened, 1)
    assert await desk.store.proposal(drafted.id) == Versioned(drafted, 1)
    assert await desk.store.board(drafted.id) == Versioned(board, 1)
    case = (Versioned(drafted, 1), Versioned(opened, 1), Versioned(board, 1))
    assert await desk.store.case(drafted.id) == case


async def test_what_is_not_there_is_none_and_a_board_is_empty(desk: Desk) -> None:
    assert await desk.store.ticket("t_x") is None
    assert await desk.store.proposal("p_x") is None
    assert await desk.store.case("p_x") is None
    assert await desk.store.board("p_x") == Versioned(Board(proposal="p_x"), 0)
    assert await desk.store.resolve("p_x") == (None, None)
    assert await desk.store.resolve("t_x") == (None, None)
    assert await desk.store.resolve("whatever") == (None, None)
    assert await desk.store.waiting() == []
    assert await desk.store.ticket_at(origin("1")) is None
    assert await desk.store.open_ticket_by("support", origin(), AUTHOR.key) is None


async def test_a_case_is_whole_or_none_in_a_process_that_never_saw_it(
    desk: Desk, redis_url: str
) -> None:
    opened = ticket()
    drafted = proposal(opened)
    await desk.keep(opened, drafted)
    async with open_desk(redis_url) as other:
        found = await other.store.case(drafted.id)
        assert found == (Versioned(drafted, 1), Versioned(opened, 1), Versioned(_no(drafted), 0))
        await desk.redis.delete(desk.store.keys.document(opened.id))
        assert await other.store.case(drafted.id) is None


def _no(of: Proposal) -> Board:
    return Board(proposal=of.id)


async def test_the_memory_of_whose_ticket_it_is_is_bounded(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bot.store.state._TICKETS_REMEMBERED", 3)
    kept = []
    for _ in range(5):
        opened = ticket()
        kept.append(proposal(opened))
        await desk.keep(opened, kept[-1])
    assert len(desk.store._ticket_of) == 3
    for one in kept:
        assert await desk.store.case(one.id) is not None


@pytest.mark.parametrize("stale", ["ticket", "proposal", "board"])
async def test_one_moved_version_and_nothing_at_all_changes(desk: Desk, stale: str) -> None:
    opened = ticket()
    drafted = proposal(opened)
    await desk.keep(opened, drafted, boards=(Versioned(Board(proposal=drafted.id), 0),))
    desk.told.clear()
    before = await desk.everything()
    versions = {"ticket": 1, "proposal": 1, "board": 1} | {stale: 2}
    change = Commit(
        tickets=(Versioned(opened.model_copy(update={"runs": 2}), versions["ticket"]),),
        proposals=(Versioned(approved(drafted), versions["proposal"]),),
        boards=(Versioned(Board(proposal=drafted.id, reaction="done"), versions["board"]),),
        entries=(Entry(kind="decision", ticket=opened.id, texts={"words": "secret"}),),
        wakes=(Wake("card", drafted.id), Wake("timer", drafted.id, AT + timedelta(hours=1))),
        cleared=(Wake("run", drafted.id),),
        deliveries_done=("Ev1",),
    )
    assert await desk.store.commit(change) == Conflict()
    assert await desk.everything() == before
    assert desk.told == []


async def test_the_same_commit_twice_is_one(desk: Desk) -> None:
    """A lost reply is followed by the same commit again: the second finds the versions moved."""
    opened = ticket()
    change = Commit(tickets=(Versioned(opened, 0),), entries=(Entry(kind="ticket"),))
    assert await desk.store.commit(change) == "committed"
    assert await desk.store.commit(change) == Conflict()
    assert (await desk.store.record_book.head()).entries + await desk.store.record_book.seal() == 1


async def test_of_many_writers_of_one_version_one_wins(desk: Desk) -> None:
    opened = ticket()
    await desk.keep(opened)
    answers = await asyncio.gather(
        *(
            desk.store.commit(
                Commit(tickets=(Versioned(opened.model_copy(update={"runs": n}), 1),))
            )
            for n in range(40)
        )
    )
    assert answers.count("committed") == 1
    found = await desk.store.ticket(opened.id)
    assert found is not None
    assert found.version == 2
    assert found.value.runs == answers.index("committed")


async def test_one_conversation_has_one_ticket(desk: Desk) -> None:
    first, second = ticket(origin=origin("17.5")), ticket(origin=origin("17.5"))
    await desk.keep(first)
    assert await desk.store.commit(Commit(tickets=(Versioned(second, 0),))) == Conflict()
    assert await desk.store.ticket_at(origin("17.5")) == first.id
    assert await desk.store.ticket(second.id) is None
    await desk.keep(first.model_copy(update={"runs": 1}), version=1)


async def test_an_authors_newest_ticket_in_a_channel_is_found_and_only_there(desk: Desk) -> None:
    older, newer = ticket(), ticket()
    await desk.keep(older)
    await desk.keep(newer)
    await desk.keep(older.model_copy(update={"runs": 1}), version=1)
    channel = Place(surface="slack", place="C1")
    assert await desk.store.open_ticket_by("support", channel, AUTHOR.key) == newer.id
    elsewhere = Place(surface="slack", place="C9")
    assert await desk.store.open_ticket_by("support", elsewhere, AUTHOR.key) is None
    assert await desk.store.open_ticket_by("lead", channel, AUTHOR.key) is None
    assert await desk.store.open_ticket_by("support", channel, "slack:T1:U9") is None


async def test_of_two_first_messages_at_once_one_opens_a_ticket(desk: Desk) -> None:
    def opening(newest: str | None) -> Commit:
        channel = Place(surface="slack", place="C1")
        return Commit(
            tickets=(Versioned(ticket(), 0),),
            newest=Newest("support", channel, AUTHOR.key, newest),
        )

    first, second = opening(None), opening(None)
    assert await desk.store.commit(first) == "committed"
    assert isinstance(await desk.store.commit(second), Conflict)
    assert await desk.store.ticket(second.tickets[0].value.id) is None
    known = first.tickets[0].value.id
    assert await desk.store.commit(opening(known)) == "committed"
    assert isinstance(await desk.store.commit(opening(known)), Conflict)


async def test_a_message_that_has_joined_a_ticket_leads_to_it(desk: Desk) -> None:
    opened, joined = ticket(), origin()
    await desk.keep(opened)
    assert await desk.store.ticket_at(joined) is None
    change = Commit(tickets=(Versioned(opened, 1),), joined=((joined, opened.id),))
    assert await desk.store.commit(change) == "committed"
    assert await desk.store.ticket_at(joined) == opened.id


async def test_ids_resolve_to_their_case(desk: Desk) -> None:
    opened = ticket()
    drafted = proposal(opened)
    await desk.keep(opened.model_copy(update={"proposal": drafted.id}), drafted)
    case = (opened.id, drafted.id)
    assert await desk.store.resolve(opened.id) == case
    assert await desk.store.resolve(drafted.id) == case
    assert await desk.store.resolve(drafted.run.id) == case


async def test_a_change_that_comes_too_late_is_not_done(desk: Desk) -> None:
    opened = ticket()
    before = await desk.everything()
    late = Commit(tickets=(Versioned(opened, 0),), wakes=(Wake("card", "p"),), within_seconds=-1.0)
    assert await desk.store.commit(late) == TooLate()
    assert await desk.everything() == before
    assert desk.told == []
    await desk.keep(opened, within_seconds=5.0)


async def test_the_servers_clock_is_looked_up_now_and_then(desk: Desk) -> None:
    await desk.redis.config_resetstat()
    for commits, (seconds, asked) in enumerate(((0.0, 1), (10.0, 1), (21.0, 2)), start=1):
        desk.clock.step(seconds)
        await desk.keep(ticket(), within_seconds=60.0)
        calls = (await desk.redis.info("commandstats"))["cmdstat_time"]["calls"]
        assert calls - commits == asked  # the script itself asks in every commit


async def test_a_burst_joins_one_ticket(desk: Desk) -> None:
    """Of two messages that find no ticket of their author, one opens it, and the other joins."""
    channel = Place(surface="slack", place="C1")
    nobody = Newest("support", channel, AUTHOR.key, None)
    first, second = ticket(), ticket()
    await desk.keep(first, newest=nobody)
    change = Commit(tickets=(Versioned(second, 0),), newest=nobody)
    assert await desk.store.commit(change) == Conflict()
    grown = first.model_copy(update={"generation": 2})
    await desk.keep(
        grown,
        version=1,
        newest=Newest("support", channel, AUTHOR.key, first.id),
        joined=((second.origin, first.id),),
    )
    assert await desk.store.ticket_at(second.origin) == first.id


# --- what waits -------------------------------------------------------------------------------


async def test_what_waits_for_a_person_is_listed_longest_first(desk: Desk) -> None:
    waits = {}
    states = ("pending", "handoff", "failed", "unknown", "expired")
    for minutes, state in enumerate(states):
        opened = ticket()
        waits[state] = proposal(
            opened, state=state, proposed_at=AT - timedelta(minutes=minutes), content=None
        )
        await desk.keep(opened, waits[state])
    for state in ("drafting", "executing", "succeeded", "rejected", "superseded"):
        opened = ticket()
        await desk.keep(opened, proposal(opened, state=state, content=None))
    longest_first = [waits[state].id for state in reversed(states)]
    assert await desk.store.waiting() == longest_first
    assert await desk.store.waiting(limit=2) == longest_first[:2]


async def test_what_was_answered_waits_no_longer(desk: Desk) -> None:
    opened = ticket()
    drafted = proposal(opened)
    await desk.keep(opened, drafted)
    assert await desk.store.waiting("support") == [drafted.id]
    await desk.keep(approved(drafted), version=1)
    assert await desk.store.waiting("support") == []
    gone = transition(approved(drafted), Supersede(at=AT))
    await desk.keep(gone.proposal, version=2)  # type: ignore[union-attr]  # a Moved
    assert await desk.store.waiting() == []


async def test_playbooks_wait_apart(desk: Desk) -> None:
    kept = {}
    for playbook in ("support", "lead"):
        opened = ticket(playbook=playbook)
        kept[playbook] = proposal(opened)
        await desk.keep(opened, kept[playbook])
    assert await desk.store.waiting("lead") == [kept["lead"].id]
    assert set(await desk.store.waiting()) == {one.id for one in kept.values()}
    assert await desk.store.waiting("unheard of") == []


async def test_what_nobody_answered_is_listed_for_thirty_days(desk: Desk) -> None:
    opened = ticket()
    ignored = proposal(opened)
    await desk.keep(opened, ignored)
    await desk.keep(ignored.model_copy(update={"state": "expired"}), version=1)
    assert await desk.store.waiting() == [ignored.id]
    desk.clock.step(31 * 86400)
    later = ticket()
    fresh = proposal(later, proposed_at=desk.clock.now(), state="expired")
    await desk.keep(later, fresh)
    assert await desk.store.waiting() == [fresh.id]


# --- steering, teaching -----------------------------------------------------------------------


async def test_pausing_and_resuming_are_remembered_and_recorded(desk: Desk) -> None:
    entry = Entry(kind="operator", actor="slack:T1:U0MANAGER")
    await desk.store.pause("support", entry)
    await desk.store.pause(None, entry)
    assert await desk.store.paused() == {"support", "*"}
    await desk.store.resume(None, entry)
    assert await desk.store.paused() == {"support"}
    await desk.store.resume("support", entry)
    assert await desk.store.paused() == frozenset()
    assert [line.entry for line in await desk.store.record_book.since(AT - timedelta(days=9))] == [
        entry
    ] * 4


async def test_two_tenants_on_one_server_know_nothing_of_each_other(redis_url: str) -> None:
    async with open_desk(redis_url, "acme") as acme, open_desk(redis_url, "other") as other:
        opened = ticket()
        drafted = proposal(opened)
        await acme.store.accept(delivery("Ev1"))
        await acme.keep(opened, drafted)
        assert await other.store.accept(delivery("Ev1")) == "accepted"
        assert await other.store.ticket(opened.id) is None
        assert await other.store.waiting() == []
        assert await other.store.ticket_at(opened.origin) is None
    with pytest.raises(ValueError, match="braces"):
        Keys("a}b")


# --- the server's own troubles ----------------------------------------------------------------


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
        for call, limit in ((desk.store.ready, 1.5), (lambda: desk.store.accept(delivery()), 2.0)):
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


# --- memory -----------------------------------------------------------------------------------


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


# --- a cluster --------------------------------------------------------------------------------


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
