"""Money and time: reserved before, settled after, never passed; and who drafts when it is gone."""

from __future__ import annotations

import asyncio
from decimal import Decimal
from typing import Any

import pytest

from bot.agent.run import Drafted, Unpaid
from bot.budget import Usage
from bot.ports import Answer, ModelFailed, Prompt, StoreUnavailable
from tests.agent.make import SEARCH, Bench, Say, ScriptedModel, Till, final, ticket
from tests.agent.test_loop import drafted, stopped
from tools.spec import Findings

NOTHING = Usage()


def failed(kind: Any = "overloaded", **more: Any) -> ModelFailed:
    return ModelFailed(kind, f"large: {kind}", **more)


def _local(prompt: Prompt) -> Say:
    return SEARCH if prompt.schema is None else Say(final(confidence="low"))


LOCAL = [_local]


async def test_every_call_is_reserved_at_its_worst_case_and_settled_to_its_cost() -> None:
    bench = Bench(SEARCH, Say(final()))
    got = drafted(await bench.run())
    assert len(bench.till.reserved) == len(bench.till.settled) == 2
    # 900 tokens in and 120 out, at 0.1/0.5 and at 2/10 dollars a million.
    assert bench.till.settled == [Decimal("0.000150000"), Decimal("0.003000000")]
    assert got.cost_usd == Decimal("0.00315")
    assert all(r > s for r, s in zip(bench.till.reserved, bench.till.settled, strict=True))


async def test_a_model_without_a_price_is_not_called() -> None:
    bench = Bench(SEARCH, Say(final()), local=LOCAL)
    bench.draft_model = "brand-new"
    got = stopped(await bench.run(), "money")
    assert any("No price is known for the model brand-new" in m for m in got.handoff.missing)
    assert [p.model for p in bench.prompts] == ["small"]


async def test_the_runs_own_cap_hands_off() -> None:
    bench = Bench(SEARCH, Say(final()), local=LOCAL)
    bench.limits(usd="0.004")
    got = stopped(await bench.run(), "money")
    assert got.content.labels == ("billing",)
    assert sum(bench.till.settled) <= Decimal("0.004")
    assert "0.004" in got.handoff.missing[0]


async def test_money_that_an_earlier_start_spent_is_counted() -> None:
    bench = Bench(SEARCH, Say(final()), local=LOCAL)
    bench.till.by_run["r_1"] = Decimal("0.049")
    stopped(await bench.run(), "money")
    assert bench.till.by_run["r_1"] <= Decimal("0.05")


@pytest.mark.parametrize("cap", ["day", "playbook"])
async def test_the_days_money_is_gone_so_the_local_model_drafts(cap: str) -> None:
    bench = Bench(SEARCH, Say(final()), local=LOCAL)
    bench.till.caps[cap] = Decimal("0.005")
    got = drafted(await bench.run())
    assert (got.model, got.degraded) == ("large", True)
    assert got.notices[0].kind == "degraded"
    assert got.notices[0].text.startswith("drafted by the local model")
    # What was found before is not looked up again.
    assert len(bench.search.queries) == 1


@pytest.mark.parametrize("cap", ["day", "playbook"])
async def test_the_days_money_is_gone_so_the_run_waits_where_that_is_configured(cap: str) -> None:
    bench = Bench(SEARCH, Say(final()), local=LOCAL)
    bench.at_cap = "wait"
    bench.till.caps[cap] = Decimal("0.005")
    got = await bench.run()
    assert isinstance(got, Unpaid)
    assert (got.cap, got.cost_usd, got.steps) == (cap, Decimal("0.00015"), 1)
    assert got.usd > Decimal("0.00485")
    # The call that was paid is on record; the run's own cap is a handoff all the same.
    assert [entry.kind for entry in bench.entries] == ["model_call", "tool_call"]
    bench = Bench(SEARCH, Say(final()), local=LOCAL)
    bench.at_cap = "wait"
    bench.limits(usd="0.004")
    stopped(await bench.run(), "money")


async def test_the_local_model_looks_up_for_itself_where_nothing_was_found_yet() -> None:
    bench = Bench(SEARCH, local=LOCAL)
    bench.till.caps["day"] = Decimal(0)
    got = drafted(await bench.run())
    assert got.degraded
    assert got.steps == 2
    assert bench.prompts == []
    assert got.cost_usd == 0


async def test_a_dear_ticket_is_made_to_fit_before_it_is_given_up() -> None:
    bench = Bench(SEARCH, Say(final()))
    bench.ticket = ticket("Was kostet das? " * 2_000)
    bench.limits(usd="0.035")
    drafted(await bench.run())
    research, draft = bench.prompts
    assert "characters left out here" in research.ticket_text
    assert len(research.ticket_text) < 7_000
    assert 700 <= draft.max_tokens < 1_800
    assert sum(bench.till.reserved[1:]) <= Decimal("0.035")


async def test_retries_wait_as_told_and_are_two_at_most() -> None:
    bench = Bench(
        failed(retry_after_seconds=7.0, usage=NOTHING), failed("server", usage=NOTHING), SEARCH,
        Say(final()),
    )  # fmt: skip
    got = drafted(await bench.run())
    assert not got.degraded
    assert bench.clock.slept[0] == 7.0
    assert 1.0 <= bench.clock.slept[1] <= 1.25
    attempts = [entry.data["attempt"] for entry in bench.entries if entry.kind == "model_call"]
    assert attempts == [1, 2, 3, 1]
    assert got.steps == 2

    down = Bench(failed(usage=NOTHING), local=LOCAL)
    assert drafted(await down.run()).degraded
    assert len(down.prompts) == 3
    assert down.till.by_run["r_1"] == 0


async def test_a_lost_answer_counts_as_if_it_had_been_given() -> None:
    bench = Bench(SEARCH, failed("connection"), Say(final()))
    bench.limits(usd="1")
    got = drafted(await bench.run())
    assert bench.till.settled[1] == bench.till.reserved[1]
    assert got.cost_usd == sum(bench.till.settled)


async def test_lost_answers_that_ate_the_runs_money_end_with_the_local_model() -> None:
    bench = Bench(SEARCH, failed("connection"), local=LOCAL)
    got = drafted(await bench.run())
    assert got.degraded
    assert sum(bench.till.settled) <= Decimal("0.05")


async def test_a_rejected_request_is_not_sent_again() -> None:
    bench = Bench(failed("rejected", usage=NOTHING), local=LOCAL)
    assert drafted(await bench.run()).degraded
    assert len(bench.prompts) == 1


async def test_a_wait_beyond_the_deadline_is_not_waited() -> None:
    bench = Bench(failed(retry_after_seconds=3600.0, usage=NOTHING), local=LOCAL)
    assert drafted(await bench.run()).degraded
    assert bench.clock.slept == []


async def test_down_with_no_local_model_is_a_handoff() -> None:
    bench = Bench(failed("server", usage=NOTHING))
    got = stopped(await bench.run(), "model")
    assert got.handoff.missing == ("large: server",)


async def test_down_and_the_local_model_knows_nothing_is_a_handoff() -> None:
    nothing = Say(final(outcome="cannot_answer", reply=None))
    bench = Bench(failed("server", usage=NOTHING), local=[SEARCH, nothing])
    got = stopped(await bench.run(), "model")
    assert got.content.labels == ("billing",)
    assert any("local model" in line for line in got.handoff.tried)


async def test_slow_answers_end_in_a_handoff_when_the_seconds_are_over() -> None:
    slow = Say(calls=(("search_kb", {"query": "x"}),), seconds=35)
    bench = Bench(slow, slow, Say(final()), local=LOCAL)
    got = stopped(await bench.run(), "time")
    assert bench.clock.seconds <= 100 + 70 + 1
    assert len(got.handoff.tried) == 1


async def test_one_attempt_never_waits_for_all_the_time() -> None:
    bench = Bench(SEARCH, Say(final()), local=LOCAL)
    await bench.run()
    # 60 s, 3 of them kept for the local model, two thirds of the rest for one attempt.
    assert bench.prompts[0].timeout_seconds == pytest.approx(38.0)


async def test_a_provider_that_used_up_the_time_leaves_enough_for_the_local_model() -> None:
    def late(_prompt: Prompt) -> ModelFailed:
        bench.clock.seconds += 57.0
        return failed("connection", usage=NOTHING)

    bench = Bench(late, local=LOCAL)
    got = drafted(await bench.run())
    assert got.degraded
    assert bench.clock.seconds <= 160


async def test_a_model_that_never_comes_back_is_given_up() -> None:
    class Hung(ScriptedModel):
        async def answer(self, prompt: Prompt) -> Answer:
            self.prompts.append(prompt)
            await asyncio.Event().wait()
            raise AssertionError("never")

    bench = Bench(Say())
    bench.limits(seconds=1)
    bench.model = Hung(Say(), clock=bench.clock)
    got = stopped(await bench.run(), "model")
    assert got.handoff.missing[0].startswith("small did not answer")
    # Nobody knows what became of it, so it counts in full.
    assert sum(bench.till.settled) == sum(bench.till.reserved) > 0


async def test_a_tool_that_hangs_leaves_time_for_a_draft() -> None:
    async def hang() -> Findings:
        await asyncio.Event().wait()
        raise AssertionError("never")

    bench = Bench(SEARCH, Say(final()))
    bench.limits(seconds=1)
    bench.search.hangs = hang
    got = drafted(await bench.run())
    assert got.steps == 2
    assert "did not answer in time" in bench.prompts[1].turns[0].results[0].text


async def test_a_store_that_is_away_ends_the_attempt_and_is_no_handoff() -> None:
    class Away(Till):
        async def reserve(self, *_: Any) -> Any:
            raise StoreUnavailable("away")

    bench = Bench(SEARCH, Say(final()), local=LOCAL)
    bench.till = Away()
    with pytest.raises(StoreUnavailable):
        await bench.run()

    def search_away() -> Findings:
        raise StoreUnavailable("away")

    again = Bench(SEARCH, Say(final()), local=LOCAL)
    again.search.plays = search_away
    with pytest.raises(StoreUnavailable):
        await again.run()


async def test_a_guess_that_fails_leaves_the_default_route() -> None:
    bench = Bench(Say("", stop="refusal"), local=[Say("not an answer")])
    got = stopped(await bench.run(), "refusal")
    assert (got.content.labels, got.content.route) == ((), "default")


async def test_the_local_model_alone_has_no_time_taken_from_it() -> None:
    bench = Bench(Say())
    bench.model = ScriptedModel(SEARCH, Say(final(), seconds=70), clock=bench.clock, name="local")
    got = await bench.run()
    assert isinstance(got, Drafted), "an answer that came is used, late or not"


def test_a_research_tool_that_is_listed_and_not_there_is_named() -> None:
    bench = Bench(Say())
    bench.playbook = bench.playbook.model_copy(update={"research": ("fetch_page",)})
    with pytest.raises(ValueError, match="fetch_page"):
        bench.kit()


async def test_a_store_that_is_away_before_a_call_does_not_use_the_runs_money_up() -> None:
    """However often the run is begun again: what no call was made for is given back."""
    bench = Bench(SEARCH, Say(final()))
    bench.away_at = 1
    for _ in range(5):
        with pytest.raises(StoreUnavailable):
            await bench.run()
        assert not bench.till.open
    assert bench.till.total == sum(
        Decimal(str(one.data["cost_usd"])) for one in bench.entries if one.kind == "model_call"
    )


async def test_what_was_looked_up_is_on_record_before_the_next_call() -> None:
    seen: list[list[str]] = []

    def second(prompt: Prompt) -> Say:
        seen.append([entry.kind for entry in bench.entries])
        return Say(final())

    bench = Bench(SEARCH, second)
    drafted(await bench.run())
    assert seen == [["model_call", "tool_call"]]


async def test_a_call_that_is_told_to_stop_is_on_record_at_its_worst_case() -> None:
    asked = asyncio.Event()

    class Hung(ScriptedModel):
        async def answer(self, prompt: Prompt) -> Answer:
            asked.set()
            await asyncio.Event().wait()
            raise AssertionError("never")

    bench = Bench(Say())
    bench.model = Hung(Say(), clock=bench.clock)
    run = asyncio.create_task(bench.run())
    await asked.wait()
    run.cancel()
    with pytest.raises(asyncio.CancelledError):
        await run
    assert not bench.till.open
    (line,) = bench.entries
    assert (line.kind, line.data["billed"]) == ("model_call", "worst_case")
    assert line.data["cost_usd"] == str(bench.till.reserved[0])
