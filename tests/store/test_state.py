"""The store's promises, on a real server: once, whole or not at all, and found again."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from bot.commands import Supersede
from bot.domain import Board, Copy, Handoff, Place, Proposal
from bot.journal import Entry
from bot.lifecycle import transition
from bot.ports import Commit, Conflict, Newest, TooLate, Versioned, Wake
from bot.store.keys import Keys
from tests.store.make import (
    AT,
    AUTHOR,
    Desk,
    approved,
    delivery,
    ids,
    open_desk,
    origin,
    proposal,
    ticket,
)

# --- intake -------------------------------------------------------------------------------------


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


# --- documents ----------------------------------------------------------------------------------


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


# --- what waits ---------------------------------------------------------------------------------


async def test_what_waits_for_a_person_is_listed_longest_first(desk: Desk) -> None:
    waits = {}
    states = ("pending", "handoff", "failed", "unknown")
    for minutes, state in enumerate(states):
        opened = ticket()
        waits[state] = proposal(
            opened, state=state, proposed_at=AT - timedelta(minutes=minutes), content=None
        )
        await desk.keep(opened, waits[state])
    for state in ("drafting", "executing", "succeeded", "rejected", "superseded", "expired"):
        opened = ticket()
        long_ago = AT - timedelta(days=1)
        await desk.keep(opened, proposal(opened, state=state, proposed_at=long_ago, content=None))
    longest_first = [waits[state].id for state in reversed(states)]
    assert await desk.store.waiting() == longest_first
    assert await desk.store.waiting(limit=2) == longest_first[:2]


async def test_the_queue_says_whose_each_is_as_far_as_it_is_indexed(desk: Desk) -> None:
    places = {}
    for minutes, (state, content) in enumerate(
        (("pending", True), ("handoff", False), ("failed", True), ("pending", True))
    ):
        opened = ticket()
        made = proposal(opened, state=state, proposed_at=AT - timedelta(minutes=minutes))
        if not content:
            made = made.model_copy(update={"content": None})
        places[made.id] = (
            None if state == "failed" else ("support", "billing" if content else "default")
        )
        await desk.keep(opened, made)
    (moved, *_), before = reversed(places), await desk.store.queued()
    assert [tuple(one) for one in before] == [*reversed(places.items())]
    found = await desk.store.proposal(moved)
    assert found is not None
    assert found.value.content is not None
    refunds = found.value.content.model_copy(update={"route": "refunds"})
    await desk.keep(found.value.model_copy(update={"content": refunds}), version=1)
    assert (await desk.store.queued(limit=1)) == [(moved, ("support", "refunds"))]
    assert await desk.store.queued("unheard of") == []


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
    assert await desk.store.waiting() == []
    assert await desk.store.unanswered(limit=5) == (1, [ignored.id])
    assert await desk.store.unanswered("support") == (1, [])
    assert await desk.store.unanswered("unheard of", 5) == (0, [])
    desk.clock.step(31 * 86400)
    later = ticket()
    fresh = proposal(later, proposed_at=desk.clock.now(), state="expired")
    await desk.keep(later, fresh)
    assert await desk.store.unanswered(limit=5) == (1, [fresh.id])


# --- steering, teaching -------------------------------------------------------------------------


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
