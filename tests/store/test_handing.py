"""What a step hands to the job that it takes up: the job's first reading, and nobody else's."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from datetime import timedelta

import pytest

from bot.domain import Board
from bot.ports import Case, Commit, Versioned, Wake
from bot.store.hands import hand_over, handed_case, handed_delivery, saved_cases
from tests.store.make import AT, Desk, delivery, open_desk, proposal, ticket


def test_a_new_case_is_known_whole() -> None:
    opened = ticket()
    drafted = proposal(opened)
    saved = saved_cases(Commit(tickets=(Versioned(opened, 0),), proposals=(Versioned(drafted, 0),)))
    board = Versioned(Board(proposal=drafted.id), 0)
    assert saved == {drafted.id: Case(Versioned(drafted, 1), Versioned(opened, 1), board)}


def test_what_was_read_beside_a_change_completes_it() -> None:
    opened = ticket()
    before, after = proposal(opened), proposal(opened)
    after = after.model_copy(update={"id": before.id, "revision": 2})
    board = Versioned(Board(proposal=before.id, reaction="working"), 7)
    read = Case(Versioned(before, 3), Versioned(opened, 5), board)
    change = Commit(proposals=(Versioned(after, 3),))
    assert saved_cases(change) == {}, "of a known ticket nothing is guessed"
    handed = saved_cases(Commit(proposals=change.proposals, read=read))[before.id]
    assert handed == Case(Versioned(after, 4), Versioned(opened, 5), board)


def test_what_is_handed_over_is_read_once_and_by_its_own_name() -> None:
    opened = ticket()
    drafted = proposal(opened)
    case = saved_cases(Commit(tickets=(Versioned(opened, 0),), proposals=(Versioned(drafted, 0),)))[
        drafted.id
    ]
    hand_over(case)
    assert handed_delivery(drafted.id) is None
    assert handed_case("p_other") is None
    assert handed_case(drafted.id) is case
    assert handed_case(drafted.id) is None
    came = delivery()
    hand_over(came)
    assert handed_delivery("Ev2") is None
    assert handed_delivery(came.id) is came
    assert handed_delivery(came.id) is None


async def test_the_store_reads_what_was_handed_over_and_then_the_truth(redis_url: str) -> None:
    async with open_desk(redis_url) as desk:
        opened = ticket()
        drafted = proposal(opened)
        await desk.keep(opened, drafted)
        old = Case(
            Versioned(drafted, 1), Versioned(opened, 1), Versioned(Board(proposal=drafted.id), 0)
        )
        await desk.keep(drafted.model_copy(update={"reminded": 1}), version=1)

        async def job() -> None:
            hand_over(old)
            assert await desk.store.case(drafted.id) is old
            read = await desk.store.case(drafted.id)
            assert read is not None
            assert read.proposal.value.reminded == 1

        await asyncio.create_task(job())
        read = await desk.store.case(drafted.id)
        assert read is not None
        assert read.proposal.version == 2, "handed to that job, and to no other"
        assert await desk.store.version(drafted.id) == 2
        assert await desk.store.version("p_none") is None


@dataclass
class TakingHands:
    """A worker that takes everything up, and notes what it is handed."""

    got: list[tuple[str, object]] = field(default_factory=list)

    def offer(self, wake: Wake) -> str | None:
        return f"token-{wake.id}"

    def begun(self, wake: Wake, token: str, handed: object) -> None:
        self.got.append((wake.kind, handed))

    def withdrawn(self, wake: Wake) -> None:
        self.got.append((wake.kind, "withdrawn"))

    def lost(self, wake: Wake, token: str) -> None:
        raise AssertionError(wake)

    def cleared(self, wakes: object) -> None:
        raise AssertionError(wakes)


async def handing(desk: Desk) -> list[tuple[str, object]]:
    """What the jobs of three steps are handed."""
    hands = TakingHands()
    desk.store.hands = hands
    came = delivery()
    await desk.store.accept(came)
    opened = ticket()
    drafted = proposal(opened)
    later = Wake("timer", drafted.id, AT + timedelta(hours=1))
    await desk.keep(opened, drafted, wakes=(Wake("run", drafted.id), later))
    read = await desk.store.case(drafted.id)
    assert read is not None
    changed = drafted.model_copy(update={"reminded": 1})
    await desk.keep(changed, version=1, wakes=(Wake("run", drafted.id), Wake("card", drafted.id)))
    return hands.got


async def test_a_job_is_handed_what_the_step_that_took_it_up_has_saved(redis_url: str) -> None:
    async with open_desk(redis_url) as desk:
        got = await handing(desk)
    (first, came), (second, case), *rest = got
    assert (first, second) == ("deliver", "run")
    assert came == delivery()
    assert isinstance(case, Case)
    assert case.proposal.version == 1
    # The run is at it: it is told when it ends. Nobody has read the board for the card's job.
    assert rest == [("run", "withdrawn"), ("card", None)]


@pytest.mark.parametrize("moved", ["ticket", "board", None])
async def test_what_has_moved_since_it_was_read_is_not_handed_on(
    redis_url: str, moved: str | None
) -> None:
    """Only what stands in that very step: else the job would go by what is no longer so."""
    async with open_desk(redis_url) as desk:
        opened = ticket()
        drafted = proposal(opened)
        await desk.keep(opened, drafted)
        read = await desk.store.case(drafted.id)
        assert read is not None
        if moved == "ticket":
            await desk.keep(opened.model_copy(update={"generation": 2}), version=1)
        if moved == "board":
            board = Board(proposal=drafted.id, reaction="working")
            await desk.store.commit(Commit(boards=(Versioned(board, 0),)))
        hands = TakingHands()
        desk.store.hands = hands
        changed = drafted.model_copy(update={"reminded": 1})
        await desk.keep(changed, version=1, wakes=(Wake("card", drafted.id),), read=read)
    ((kind, handed),) = hands.got
    assert kind == "card"
    if moved is None:
        assert handed == Case(Versioned(changed, 2), read.ticket, read.board)
    else:
        assert handed is None
