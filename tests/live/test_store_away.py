"""The store hangs, dies and comes back: nothing is acknowledged, decided or lost by it."""

from __future__ import annotations

import asyncio
import logging
import signal
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from decimal import Decimal
from pathlib import Path

import aiohttp
import pytest

import bot.store.worker
from handlers.slack import ACCEPT_SECONDS
from handlers.slack_clicks import ANSWER_SECONDS
from handlers.web import READY_SECONDS
from tests.fixtures_redis import STRICT, ServerProcess
from tests.live.product import Live, live
from tests.live.steps import (
    QUESTION,
    Helpdesk,
    becomes,
    card_that,
    cards,
    form,
    idle,
    replies,
    ticket,
    told,
    words,
)
from tests.patience import BUSY_SECONDS
from tests.standins.anthropic import Held
from tests.standins.slack import Message
from tests.standins.wire import Hold

AWAY = "work waits, the store is away"
BACK = "the store is back"


@pytest.fixture
def server(short_path: Path) -> Iterator[ServerProcess]:
    """A server of this test's own, which loses nothing that it has acknowledged."""
    own = ServerProcess(short_path, *STRICT).start()
    try:
        yield own
    finally:
        own.stop(signal.SIGKILL)


@pytest.fixture(params=["hangs", "dies"])
def fate(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@asynccontextmanager
async def away(server: ServerProcess, fate: str) -> AsyncIterator[None]:
    """The store is away in the block, and back after it."""
    if fate == "hangs":
        server.freeze()
    else:
        server.stop(signal.SIGKILL)
    try:
        yield
    finally:
        if fate == "hangs":
            server.thaw()
        else:
            await asyncio.to_thread(server.start)


async def status(desk: Live, path: str) -> tuple[int, float]:
    """The answer's status and how many seconds it took."""
    started = time.monotonic()
    async with aiohttp.ClientSession() as session, session.get(desk.product.url + path) as answer:
        return answer.status, time.monotonic() - started


def said(log: pytest.LogCaptureFixture, line: str) -> int:
    """How often a line with these words was logged."""
    return sum(line in record.getMessage() for record in log.records)


async def heard(log: pytest.LogCaptureFixture, line: str) -> None:
    """Return when a line with these words has been logged."""
    async with asyncio.timeout(30):
        while True:
            if said(log, line):
                return
            await asyncio.sleep(0.02)


async def test_nothing_is_acknowledged_and_nothing_decided_while_it_is_away(
    tmp_path: Path, server: ServerProcess, fate: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "deskhand")
    async with live(tmp_path, server.url) as desk, aiohttp.ClientSession() as session:
        helpdesk = Helpdesk(desk.product.url, session)
        await desk.people.message("Before it.")
        card = await card_that(desk, "pending", "Before it.")
        other = await _another_card(desk)
        edit = await form(desk, "U0AGENT", other, "edit")
        await idle(desk, "deliver", "run", "card")
        async with away(server, fate):
            async with asyncio.TaskGroup() as group:
                do = group.create_task
                sending = do(desk.people.message("During it.", user="U0CUSTOMER2"))
                during = ticket("ticket-1", "A ticket during it.")
                hooking = do(helpdesk.send(during, webhook_id="msg_during"))
                ready, health = do(status(desk, "/readyz")), do(status(desk, "/healthz"))
                pressing = do(desk.people.click("U0AGENT", card, "deskhand.approve"))
                submitting = do(desk.people.submit(edit, {"reply": "Edited during it."}))
                asking = do(desk.people.command("status", user="U0MANAGER"))
            sent, pressed, submitted = sending.result(), pressing.result(), submitting.result()
            assert (sent.status, hooking.result()) == (503, 503)
            assert sent.seconds < ACCEPT_SECONDS + BUSY_SECONDS
            assert ready.result()[0] == 503
            assert ready.result()[1] < READY_SECONDS + BUSY_SECONDS
            assert health.result()[0] == 200
            assert pressed.status == 200
            assert pressed.seconds < ANSWER_SECONDS + BUSY_SECONDS
            await told(desk, "U0AGENT", "not saved")
            assert submitted.status == 200
            assert "not saved" in str(submitted.refusals)
            assert asking.result().status == 200
            await heard(caplog, AWAY)
        # Slack and the helpdesk send again what was not acknowledged.
        assert (await desk.people.insist(sent)).ok
        assert await helpdesk.send(during, webhook_id="msg_during") == 200
        await card_that(desk, "pending", "During it.", timeout=30)
        await card_that(desk, "pending", "A ticket during it.", timeout=30)
        await idle(desk)
        assert len(cards(desk)) == 4, "each ticket once"
        assert {c.card_state for c in cards(desk)} == {"pending"}, "nothing is decided later"
        assert not replies(desk)
        assert "Edited during it." not in words(desk.slack.space.current(other))
        assert (await status(desk, "/readyz"))[0] == 200
        await heard(caplog, BACK)
        assert (said(caplog, AWAY), said(caplog, BACK)) == (1, 1), "a line each, not one a second"
        await desk.people.click("U0AGENT", card, "deskhand.approve")
        await becomes(desk, card, "succeeded")
        assert len(replies(desk)) == 1


async def _another_card(desk: Live) -> Message:
    await desk.people.message("To be edited.", user="U0CUSTOMER2")
    return await card_that(desk, "pending", "To be edited.")


async def test_a_run_that_it_interrupts_is_taken_up_again(
    tmp_path: Path, server: ServerProcess, fate: str
) -> None:
    held = Held()
    async with live(tmp_path, server.url, script=[held]) as desk:
        assert (await desk.people.message(QUESTION)).ok
        await desk.model.requests.wait_count(1)
        async with away(server, fate):
            held.hold.gate.set()
            assert (await status(desk, "/readyz"))[0] == 503
        card = await card_that(desk, "pending", QUESTION, timeout=30)
        await idle(desk)
        assert cards(desk) == [card], "no handoff, no second card"


async def test_a_run_that_it_interrupts_again_and_again_is_no_fault_of_the_run(
    tmp_path: Path, server: ServerProcess
) -> None:
    """Three starts that kill their worker are one too many; these have killed nobody."""
    times = 4
    script = [Held() for _ in range(times)]
    async with live(tmp_path, server.url, script=list(script)) as desk:
        assert (await desk.people.message(QUESTION)).ok
        for number, held in enumerate(script, start=1):
            await desk.model.requests.wait_count(number, timeout=30)
            async with away(server, "dies"):
                held.hold.gate.set()
                await desk.model.replies.wait_count(number)
                assert (await status(desk, "/readyz"))[0] == 503
        card = await card_that(desk, "pending", QUESTION)
        await idle(desk)
        assert cards(desk) == [card]
        found = await desk.product.store.proposal(card.payload["proposal"])
        assert found is not None
        assert (found.value.run.starts, found.value.run.spared) == (times + 1, times)
        # Every call was made, and is on record, though the store was away at its end.
        calls = await desk.product.store.calls_of(found.value.ticket, found.value.run.id)
        assert len(calls) == len(desk.model.replies)
        assert found.value.cost_usd == sum(Decimal(str(one.data["cost_usd"])) for one in calls)
        lines = await desk.product.store.record_book.of_case(found.value.ticket)
        (ended,) = (one.entry.data for one in lines if one.entry.kind == "proposal")
        assert ended["calls"] == len(calls)


async def test_a_run_that_each_restart_interrupts_is_no_fault_of_the_run(
    tmp_path: Path, redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bot.store.worker, "_DRAIN_SECONDS", 0.05)
    times = 4
    for number in range(times):
        async with live(tmp_path, redis_url, script=[Held()]) as desk:
            if number == 0:
                assert (await desk.people.message(QUESTION)).ok
            await desk.model.requests.wait_count(1, timeout=30)
    async with live(tmp_path, redis_url) as desk:
        card = await card_that(desk, "pending", QUESTION)
        found = await desk.product.store.proposal(card.payload["proposal"])
        assert found is not None
        assert (found.value.run.starts, found.value.run.spared) == (times + 1, times)


async def test_a_receipt_that_cannot_be_saved_is_saved_when_it_is_back(
    tmp_path: Path, server: ServerProcess, fate: str
) -> None:
    hold = Hold()
    async with live(tmp_path, server.url) as desk:
        desk.slack.faults.add(
            "chat.postMessage",
            hold,
            when=lambda args: "deskhand_reply" in str(args.get("metadata")),
        )
        await desk.people.message(QUESTION)
        card = await card_that(desk, "pending", QUESTION)
        await desk.people.click("U0AGENT", card, "deskhand.approve")
        await hold.reached.wait()
        async with away(server, fate):
            hold.gate.set()
            await desk.slack.space.posted.wait_for(lambda m: m.event_type == "deskhand_reply")
            assert (await status(desk, "/readyz"))[0] == 503
        await becomes(desk, card, "succeeded", timeout=30)
        assert len(replies(desk)) == 1
