"""What a customer sees on their own message, whatever fails, races or stalls."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bot import status_line
from bot.status_line import StatusLine
from tests.live.drawing import Drawing, drawing
from tests.live.product import live
from tests.live.steps import QUESTION, becomes, card_that, idle, replies, until
from tests.standins.slack import SlackStandin
from tests.standins.wire import DropBefore, DropReply, Fault, Hold, HttpFailure, RateLimited
from tests.store.make import WallClock

WAITING = "A reply is drafted and waits for a colleague's approval"
READING, SEARCHING, WRITING = "Reading the ticket", "Searching", "Writing a draft"


@pytest.fixture
async def desk(redis_url: str) -> AsyncIterator[Drawing]:
    async with drawing(redis_url) as made:
        yield made


def said(slack: SlackStandin) -> list[str]:
    """Every status line that was ever sent, in order."""
    calls = [*slack.log.calls("chat.postMessage"), *slack.log.calls("chat.update")]
    sent = sorted((call for call in calls if "deskhand_status" in str(call.args)), key=_number)
    return [str(call.args["text"]) for call in sent]


def _number(call: object) -> int:
    return int(getattr(call, "n", 0))


# --- what fails ---------------------------------------------------------------------------------


@pytest.mark.parametrize("method", ["reactions.remove", "reactions.add", "chat.update"])
@pytest.mark.parametrize(
    "fault",
    [RateLimited(30), HttpFailure(500), DropBefore(), DropReply()],
    ids=lambda f: repr(f)[:12],
)
async def test_the_last_reaction_and_line_come_although_they_failed_at_first(
    desk: Drawing, method: str, fault: Fault
) -> None:
    await desk.show()
    assert (desk.reactions(), desk.lines()) == ({"hourglass_flowing_sand"}, [WAITING])
    await desk.becomes(state="rejected")
    desk.slack.faults.add(
        method, fault, times=2, when=lambda args: "deskhand_card" not in str(args.get("metadata"))
    )
    tries = 0
    while (again_at := await desk.show()) is not None:
        assert await desk.show() == again_at, "it rests"
        tries += 1
        desk.clock.step((again_at - desk.clock.now()).total_seconds())
    assert tries == 2
    assert (desk.reactions(), desk.lines()) == ({"x"}, ["Closed by a colleague"])


async def test_what_was_lost_in_between_leaves_nothing_behind(desk: Drawing) -> None:
    desk.slack.faults.add("reactions.add", DropReply())
    assert await desk.show() is not None
    assert desk.reactions() == {"hourglass_flowing_sand"}
    await desk.becomes(state="rejected")
    desk.clock.step(60)
    assert await desk.show() is None
    assert (desk.reactions(), desk.lines()) == ({"x"}, ["Closed by a colleague"])


# --- what races ---------------------------------------------------------------------------------


@pytest.mark.parametrize("same_process", [True, False])
async def test_a_late_word_of_the_run_does_not_stand_over_its_end(
    desk: Drawing, same_process: bool
) -> None:
    await desk.becomes(state="drafting")
    hold = Hold()
    desk.slack.faults.add(
        "chat.postMessage", hold, when=lambda args: "deskhand_status" in str(args.get("metadata"))
    )
    run = desk.publish if same_process else desk.worker()
    late = asyncio.create_task(run.progress(desk.proposal.id, SEARCHING))
    await hold.reached.wait()
    await desk.becomes(state="pending")
    shown = asyncio.create_task(desk.show())
    if same_process:
        await desk.slack.space.posted.wait_for(lambda m: m.card_state == "pending")
    else:
        await shown
        assert desk.lines() == [WAITING]
    hold.gate.set()
    await asyncio.gather(late, shown)
    assert (desk.reactions(), desk.lines()) == ({"hourglass_flowing_sand"}, [WAITING])


# --- what a run says ----------------------------------------------------------------------------


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(status_line, "_STANDS_SECONDS", 0.1)


@pytest.mark.usefixtures("quick")
async def test_only_words_that_stand_for_a_moment_are_shown(desk: Drawing) -> None:
    await desk.becomes(state="drafting")
    line = StatusLine(desk.publish, desk.clock, await desk.case(), {SEARCHING})
    await line.say(READING)
    await line.say(WRITING)
    await desk.slack.signal.until(lambda: desk.lines() == [WRITING])
    assert desk.reactions() == {"eyes"}
    await line.say(READING)
    await line.say(SEARCHING)
    await desk.slack.signal.until(lambda: desk.lines() == [SEARCHING])
    await line.say(SEARCHING)
    await line.close(1)
    assert said(desk.slack) == [WRITING, SEARCHING]
    assert desk.calls("reactions.add") == 1


async def test_a_run_that_is_over_at_once_says_nothing_in_between(desk: Drawing) -> None:
    await desk.becomes(state="drafting")
    line = StatusLine(desk.publish, desk.clock, await desk.case())
    await line.say(READING)
    await desk.slack.signal.until(lambda: desk.reactions() == {"eyes"})
    await line.say(WRITING)
    await line.close(1)
    await desk.becomes(state="pending")
    await desk.show()
    assert said(desk.slack) == [WAITING]
    assert desk.reactions() == {"hourglass_flowing_sand"}


@pytest.mark.usefixtures("quick")
async def test_a_rate_limit_delays_the_line_and_does_not_end_it(desk: Drawing) -> None:
    await desk.becomes(state="drafting")
    desk.slack.faults.add("reactions.add", RateLimited(1))
    line = StatusLine(desk.worker(WallClock()), WallClock(), await desk.case())
    await line.say(READING)
    await desk.slack.signal.until(lambda: desk.lines() == [READING])
    assert desk.reactions() == {"eyes"}
    await line.close(1)
    assert desk.calls("reactions.add") == 2


async def test_a_call_that_outlasts_its_run_is_followed_by_the_runs_end(desk: Drawing) -> None:
    await desk.becomes(state="drafting")
    hold = Hold()
    desk.slack.faults.add("reactions.add", hold)
    line = StatusLine(desk.publish, desk.clock, await desk.case())
    await line.say(READING)
    await hold.reached.wait()
    await line.close(0.01)
    await desk.becomes(state="pending")
    shown = asyncio.create_task(desk.show())
    await desk.slack.space.posted.wait_for(lambda m: m.card_state == "pending")
    hold.gate.set()
    await shown
    assert (desk.reactions(), desk.lines()) == ({"hourglass_flowing_sand"}, [WAITING])


async def test_a_ticket_costs_few_calls(tmp_path: Path, redis_url: str) -> None:
    async with live(tmp_path, redis_url) as desk:
        sent = await desk.people.message(QUESTION)
        assert sent.message is not None
        card = await card_that(desk, "pending")
        await idle(desk, "run", "card")
        await desk.people.click("U0AGENT", card, "deskhand.approve")
        await becomes(desk, card, "succeeded")
        message = sent.message
        await until(
            desk,
            lambda: desk.slack.space.current(message).reactions.get("white_check_mark") or None,
        )
        await idle(desk, "card")
        assert len(replies(desk)) == 1
        calls = {
            name: len(desk.slack.log.calls(name))
            for name in ("reactions.add", "reactions.remove", "chat.postMessage", "chat.update")
        }
        updates = calls.pop("chat.update")
        # The card, the line and the reply.
        assert calls == {"reactions.add": 3, "reactions.remove": 2, "chat.postMessage": 3}
        # The card as it is approved, carried out and done; the line as often as its words change.
        assert updates <= 3 + len(said(desk.slack)) - 1
        assert said(desk.slack)[-2:] == [WAITING, "Answered"]
