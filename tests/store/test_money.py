"""Money: no number of replicas passes a cap, and nothing is counted twice or forgotten."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bot.budget import CapReached, Reservation
from bot.journal import Entry
from bot.money_watch import next_day
from bot.ports import Commit, Lesson, NotStarted, Start
from bot.stats.dims import Wanted, summed
from bot.stats.shape import counted
from bot.stats.windows import window_span
from bot.store.money import dollars, nano
from tests.store.make import AT, Desk, open_desk
from tools.spec import SimilarTicket

RUN_CAP = Decimal("0.05")


@pytest.fixture
async def desk(redis_url: str) -> AsyncIterator[Desk]:
    caps: dict[str, Any] = {
        "usd_per_day": Decimal(1),
        "playbook_usd_per_day": {"lead": Decimal("0.10")},
    }
    async with open_desk(redis_url, **caps) as opened:
        yield opened


async def reserved(
    desk: Desk, usd: str, run: str = "r_1", playbook: str = "support"
) -> Reservation:
    answer = await desk.store.reserve(run, playbook, Decimal(usd), RUN_CAP)
    assert isinstance(answer, Reservation), answer
    return answer


async def refused(desk: Desk, usd: str, run: str = "r_1", playbook: str = "support") -> CapReached:
    answer = await desk.store.reserve(run, playbook, Decimal(usd), RUN_CAP)
    assert isinstance(answer, CapReached), answer
    return answer


async def test_a_reservation_is_counted_until_it_is_settled_to_the_real_cost(desk: Desk) -> None:
    held = await reserved(desk, "0.02")
    spending = await desk.store.spending()
    assert (spending.spent, spending.reserved) == (Decimal(0), Decimal("0.02"))
    assert spending.left == Decimal("0.98")
    await desk.store.settle(held, Decimal("0.005000001"))
    spending = await desk.store.spending()
    assert (spending.spent, spending.reserved) == (Decimal("0.005000001"), Decimal(0))
    assert spending.day == "2026-11-22"


async def test_settling_twice_is_settling_once(desk: Desk) -> None:
    held = await reserved(desk, "0.02")
    for _ in range(3):
        await desk.store.settle(held, Decimal("0.01"))
    assert (await desk.store.spending()).spent == Decimal("0.01")


async def test_a_cost_beyond_the_reservation_is_counted_in_full(desk: Desk) -> None:
    held = await reserved(desk, "0.02")
    await desk.store.settle(held, Decimal("0.06"))
    assert (await desk.store.spending()).spent == Decimal("0.06")
    assert await refused(desk, "0.000000001") == CapReached("run", Decimal(0))


async def test_each_cap_refuses_by_its_name_and_what_is_left(desk: Desk) -> None:
    await reserved(desk, "0.03")
    assert await refused(desk, "0.03") == CapReached("run", Decimal("0.02"))
    await reserved(desk, "0.02")
    for run in ("r_2", "r_3"):
        await reserved(desk, "0.04", run, "lead")
    assert await refused(desk, "0.03", "r_4", "lead") == CapReached("playbook", Decimal("0.02"))
    for number in range(10, 27):
        await reserved(desk, "0.05", f"r_{number}")
    assert await refused(desk, "0.05", "r_99") == CapReached("day", Decimal("0.02"))
    await reserved(desk, "0.02", "r_99")
    assert (await desk.store.spending()).left == 0


async def test_what_is_refused_is_not_counted(desk: Desk) -> None:
    before = await desk.everything()
    await refused(desk, "0.06")
    assert await desk.everything() == before


async def test_a_free_call_is_always_possible_and_a_negative_one_never(desk: Desk) -> None:
    await reserved(desk, "0.05")
    await reserved(desk, "0")
    with pytest.raises(ValueError, match="reservation of -1"):
        await desk.store.reserve("r_1", "support", Decimal(-1), RUN_CAP)


async def test_no_caps_but_the_runs_own(redis_url: str) -> None:
    async with open_desk(redis_url) as desk:
        for number in range(100):
            await reserved(desk, "0.05", f"r_{number}")
        assert (await desk.store.spending()).left is None
        assert await refused(desk, "0.01", "r_0") == CapReached("run", Decimal(0))


async def test_no_number_of_replicas_passes_a_cap(redis_url: str) -> None:
    async with AsyncExitStack() as opened:
        desks = [
            await opened.enter_async_context(open_desk(redis_url, usd_per_day=Decimal("0.5")))
            for _ in range(4)
        ]
        answers = await asyncio.gather(
            *(
                desk.store.reserve(f"r_{number}", "support", Decimal("0.03"), RUN_CAP)
                for number in range(15)
                for desk in desks
            )
        )
        kept = [answer for answer in answers if isinstance(answer, Reservation)]
        assert len({one.run for one in kept}) == len(kept) == 15
        assert (await desks[0].store.spending()).reserved == Decimal("0.45")


async def test_what_a_dead_process_reserved_counts_as_spent(desk: Desk) -> None:
    dead = await reserved(desk, "0.02")
    desk.clock.step(119 * 60)
    alive = await reserved(desk, "0.01")
    assert await desk.store.give_up_abandoned() == 0
    desk.clock.step(2 * 60)
    assert await desk.store.give_up_abandoned() == 1
    spending = await desk.store.spending()
    assert (spending.spent, spending.reserved) == (Decimal("0.02"), Decimal("0.01"))
    await desk.store.settle(dead, Decimal("0.001"))  # it was only slow: too late
    assert (await desk.store.spending()).spent == Decimal("0.02")
    await desk.store.settle(alive, Decimal("0.001"))
    assert (await desk.store.spending()).spent == Decimal("0.021")
    assert await desk.store.give_up_abandoned() == 0


async def test_a_day_begins_by_the_budgets_timezone(redis_url: str) -> None:
    async with open_desk(
        redis_url, usd_per_day=Decimal("0.05"), timezone=ZoneInfo("Asia/Tokyo")
    ) as desk:
        desk.clock.at = AT.replace(hour=14, minute=59)
        await reserved(desk, "0.05")
        await refused(desk, "0.01", "r_2")
        desk.clock.step(61)  # 15:00 UTC is midnight in Tokyo
        late = await reserved(desk, "0.01", "r_2")
        assert late.day == "2026-11-23"
        assert (await desk.store.spending()).day == "2026-11-23"


@pytest.mark.parametrize(
    ("zone", "begins", "hours"),
    [
        ("Europe/Berlin", datetime(2026, 3, 28, 23, tzinfo=UTC), 23),
        ("Europe/Berlin", datetime(2026, 10, 24, 22, tzinfo=UTC), 25),
        # Its clock goes from 24:00 straight to 01:00, so that day begins then.
        ("America/Santiago", datetime(2026, 9, 5, 4, tzinfo=UTC), 24),
        ("America/Santiago", datetime(2026, 9, 6, 4, tzinfo=UTC), 23),
    ],
)
async def test_a_day_is_a_day_where_the_clock_changes(
    redis_url: str, zone: str, begins: datetime, hours: int
) -> None:
    async with open_desk(redis_url, usd_per_day=Decimal(1), timezone=ZoneInfo(zone)) as desk:
        ends = begins + timedelta(hours=hours)
        days = []
        for at in (begins - timedelta(seconds=1), begins, ends - timedelta(seconds=1), ends):
            desk.clock.at = at
            days.append(date.fromisoformat((await reserved(desk, "0.01", f"r_{at}")).day))
        assert [(day - days[0]).days for day in days] == [0, 1, 1, 2]
        for at in (begins, begins + timedelta(hours=hours / 2), ends - timedelta(seconds=1)):
            assert next_day(at, zone) == ends


async def test_a_run_that_crosses_midnight_keeps_its_cap(desk: Desk) -> None:
    held = await reserved(desk, "0.04")
    desk.clock.step(timedelta(hours=13).total_seconds())
    await desk.store.settle(held, Decimal("0.04"))
    assert await refused(desk, "0.02") == CapReached("run", Decimal("0.01"))
    assert (await desk.store.spending()).spent == 0


@settings(
    max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(seed=st.integers(0, 2**32))
async def test_sums_are_those_of_a_ledger(redis_url: str, seed: int) -> None:
    """Any order of reserving, settling and dying ends with the sums a plain ledger has."""
    rng = random.Random(seed)
    async with open_desk(redis_url, usd_per_day=Decimal(2)) as desk:
        await desk.redis.flushall()
        spent, held = Decimal(0), list[Reservation]()
        for _ in range(30):
            match rng.randrange(3):
                case 0 if held:
                    one = held.pop(rng.randrange(len(held)))
                    cost = dollars(rng.randrange(nano(one.usd) + 1))
                    await desk.store.settle(one, cost)
                    spent += cost
                case 1 if held and rng.random() < 0.2:
                    desk.clock.step(121 * 60)
                    assert await desk.store.give_up_abandoned() == len(held)
                    spent += sum((one.usd for one in held), Decimal(0))
                    held.clear()
                case _:
                    usd = dollars(rng.randrange(10**8))
                    answer = await desk.store.reserve(
                        f"r_{rng.randrange(9)}", "support", usd, Decimal(1)
                    )
                    if isinstance(answer, Reservation):
                        held.append(answer)
                    else:
                        assert usd > answer.left
            spending = await desk.store.spending()
            assert spending.spent == spent
            assert spending.reserved == sum((one.usd for one in held), Decimal(0))
            assert spending.spent + spending.reserved <= 2


# --- authors' runs, examples ------------------------------------------------------------------


async def begins(desk: Desk, author: str, run: str, limit: int, *, counted: bool = True) -> bool:
    """Whether this run of ``author`` may begin now."""
    start = Start(run, "support", author, limit, counted)
    begun = await desk.store.commit(Commit(start=start))
    assert begun in ("committed", NotStarted("author_limit"))
    return begun == "committed"


async def test_an_authors_runs_are_limited_by_the_hour(desk: Desk) -> None:
    async def counted(author: str, *runs: str) -> list[bool]:
        return [await begins(desk, author, run, 3) for run in runs]

    assert await counted("ada", "r_1", "r_2", "r_3", "r_4", "r_5") == [True] * 3 + [False] * 2
    assert await counted("bob", "r_6") == [True]
    desk.clock.step(1800)
    assert await counted("ada", "r_4") == [False]
    desk.clock.step(1801)
    assert await counted("ada", "r_4", "r_5", "r_7", "r_8") == [True] * 3 + [False]
    assert await desk.redis.ttl(desk.store.keys.author_runs("ada")) > 0


async def test_a_run_counts_once_however_often_it_is_tried(desk: Desk) -> None:
    for _ in range(5):
        assert await begins(desk, "ada", "r_1", 2)
    assert await begins(desk, "ada", "r_2", 2)
    assert not await begins(desk, "ada", "r_3", 2)
    assert await begins(desk, "ada", "r_1", 2), "at the limit, too"
    assert await begins(desk, "ada", "r_3", 2, counted=False), "a later start of a counted run"
    desk.clock.step(3601)
    assert await begins(desk, "ada", "r_1", 2), "and anew after an hour"


async def test_no_run_begins_while_its_playbook_is_paused(desk: Desk) -> None:
    steered = Entry(kind="operator", data={})
    for paused in ("support", None):
        await desk.store.pause(paused, steered)
        start = Start("r_1", "support", "ada", 1, counted=True)
        assert await desk.store.commit(Commit(start=start)) == NotStarted("paused")
        other = Start("r_2", "sales", "bob", 1, counted=True)
        there = "committed" if paused else NotStarted("paused")
        assert await desk.store.commit(Commit(start=other)) == there
        await desk.store.resume(paused, steered)
    assert await begins(desk, "ada", "r_1", 1), "what was put off has not counted"


async def test_what_a_call_was_and_what_it_cost_are_written_in_one_step(desk: Desk) -> None:
    held = await reserved(desk, "0.02")
    line = Entry(kind="model_call", ticket="t_1", run="r_1", data={"step": 1})
    await desk.store.settle(held, Decimal("0.01"), (line,))
    await desk.store.settle(held, Decimal("0.02"), (line,))  # told again: too late
    await desk.store.settle(None, Decimal(0), (line,))  # of a model that costs nothing
    assert (await desk.store.spending()).spent == Decimal("0.01")
    written = await desk.store.record_book.of_case("t_1")
    assert [one.entry.data for one in written] == [{"step": 1}] * 2


async def test_a_call_whose_money_was_given_up_as_abandoned_is_on_record_all_the_same(
    desk: Desk,
) -> None:
    held = await reserved(desk, "0.02")
    desk.clock.step(121 * 60)
    assert await desk.store.give_up_abandoned() == 1
    await desk.store.settle(held, Decimal("0.01"), (Entry(kind="model_call", ticket="t_1"),))
    assert (await desk.store.spending()).spent == Decimal("0.02")
    assert len(await desk.store.record_book.of_case("t_1")) == 1


async def test_a_call_whose_process_died_is_in_the_figures_like_its_money(desk: Desk) -> None:
    """Nobody knows whether it was made; the caps and the figures say the same of it."""
    about = {"model": "large", "prompt_version": "v1", "cost_usd": "0.02", "failed": "lost"}
    lost = Entry(kind="model_call", ticket="t_1", playbook="support", data=about)
    call = ("support", Decimal("0.02"), RUN_CAP, lost)
    dead = await desk.store.reserve("r_1", *call)
    settled = await desk.store.reserve("r_2", *call)
    let_go = await desk.store.reserve("r_3", *call)
    assert isinstance(dead, Reservation)
    assert isinstance(settled, Reservation)
    assert isinstance(let_go, Reservation)
    line = Entry(kind="model_call", ticket="t_2", data={**about, "cost_usd": "0.01"})
    await desk.store.settle(settled, Decimal("0.01"), (line,))
    await desk.store.release(let_go)
    desk.clock.step(119 * 60)
    assert await desk.store.give_up_abandoned() == 0
    assert await desk.store.record_book.of_case("t_1") == []
    desk.clock.step(2 * 60)
    assert sum(await asyncio.gather(*(desk.store.give_up_abandoned() for _ in range(4)))) == 1
    (written,) = await desk.store.record_book.of_case("t_1")
    assert written.entry.data == about
    now, record = datetime.now(UTC), desk.store.record_book  # lines have the server's time
    await record.seal()
    (counts,) = await record.counted([window_span("24h", now)], now)
    figures = counted(summed(counts, Wanted().fits))
    assert figures["model"]["calls"] == 2
    assert figures["model"]["usd"] == 0.03
    assert (await desk.store.spending()).spent == Decimal("0.03")


async def learnt(desk: Desk, ticket: str, text: str) -> None:
    lesson = Lesson("support", ticket, example(text))
    assert await desk.store.commit(Commit(lesson=lesson)) == "committed"


def example(text: str) -> SimilarTicket:
    return SimilarTicket(text, ("billing",), "default", None, "Größe ✓", 0.5)


async def test_examples_are_read_from_where_one_left_off(desk: Desk) -> None:
    assert await desk.store.examples("support") == (0, [])
    for number in range(3):
        await learnt(desk, f"t_{number}", str(number))
    cursor, all_ = await desk.store.examples("support")
    assert [one.text for one in all_] == ["0", "1", "2"]
    assert all_[0] == replace(example("0"), ticket="t_0")
    assert await desk.store.examples("support", cursor) == (cursor, [])
    await learnt(desk, "t_3", "3")
    assert [one.text for one in (await desk.store.examples("support", cursor))[1]] == ["3"]
    assert await desk.store.examples("lead") == (0, [])


async def test_a_ticket_teaches_once_and_its_newest(desk: Desk) -> None:
    for text in ("first", "second"):
        await learnt(desk, "t_1", text)
    assert [one.text for one in (await desk.store.examples("support"))[1]] == ["second"]


async def test_only_the_newest_examples_are_kept(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bot.store.examples.KEPT", 4)
    monkeypatch.setattr("bot.store.examples._PAGE", 3)
    for number in range(7):
        await learnt(desk, f"t_{number}", str(number))
    cursor, kept = await desk.store.examples("support")
    assert [one.text for one in kept] == ["3", "4", "5", "6"]
    assert cursor == 7
    assert await desk.redis.hlen(desk.store.keys.learnt_ids("support")) == 5
