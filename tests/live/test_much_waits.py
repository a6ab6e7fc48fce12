"""What really waits is found, however much else there is: expired cards, and other routes' ones."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from bot import queue
from bot.domain import State, new_id
from bot.ports import Commit, Versioned
from tests.console.rig import signed_in
from tests.live.product import Live, live
from tests.live.steps import QUESTION, card_that, says
from tests.live.test_agent_figures import asked, home

OTHERS = 205


@pytest.fixture
async def desk(tmp_path: Path, redis_url: str) -> AsyncIterator[Live]:
    async with live(tmp_path, redis_url) as running:
        yield running


async def many_older(desk: Live, *, state: State, route: str, number: int = OTHERS) -> str:
    """So many of this kind, older than the one card that a customer's question makes; its id."""
    await says(desk, QUESTION)
    mine = str((await card_that(desk, "pending")).payload["proposal"])
    case = await desk.product.store.case(mine)
    assert case is not None
    proposal, ticket = case.proposal.value, case.ticket.value
    assert proposal.content is not None
    content = proposal.content.model_copy(update={"route": route})
    for at in range(number):
        made = new_id("p")
        since = datetime.now(UTC) - timedelta(days=10, minutes=at)
        origin = ticket.origin.model_copy(update={"thread": f"1{at}.0", "message": f"1{at}.0"})
        other = ticket.model_copy(
            update={"id": f"t_{made[2:]}", "proposal": made, "origin": origin}
        )
        times = {"created_at": since, "proposed_at": since, "remind_at": None, "expires_at": None}
        waits = proposal.model_copy(
            update={"id": made, "ticket": other.id, "state": state, "content": content, **times}
        )
        change = Commit(tickets=(Versioned(other, 0),), proposals=(Versioned(waits, 0),))
        assert await desk.product.store.commit(change) == "committed"
    return mine


async def test_expired_cards_hide_nothing_and_stand_behind_it(desk: Live) -> None:
    mine = await many_older(desk, state="expired", route="billing")
    lines = (await asked(desk, "queue", "U0AGENT")).text.splitlines()
    assert lines[0].startswith(f"`{mine}` pending")
    assert lines[1] == f"Expired, and nobody answered: {OTHERS}"
    assert "expired, 10d" in lines[2]
    assert "deskhand queue" in lines[-1]
    async with signed_in(desk) as agent:
        inbox = await agent.get("/console")
    assert list(inbox.cards()) == [mine]
    assert "1 waits for a decision" in inbox.words
    assert f"{OTHERS} expired without a decision" in inbox.words
    shown = await home(desk, "U0AGENT")
    assert "*pending*" in shown
    assert "expired*" not in shown


@pytest.mark.parametrize("state", ["pending", "failed"])
async def test_cards_of_another_route_do_not_hide_ones_own(desk: Live, state: State) -> None:
    mine = await many_older(desk, state=state, route="refunds")
    async with signed_in(desk) as agent:
        inbox = await agent.get("/console")
    assert list(inbox.cards()) == [mine]
    assert f"{OTHERS} more wait for others: refunds {OTHERS}" in inbox.words
    assert "*pending*" in await home(desk, "U0AGENT")
    theirs = await home(desk, "U0AGENT2")
    assert theirs.count(f"*{state}*") == 40, "twenty, each as text and as a block"
    assert "These are the 20 oldest." in theirs


async def test_what_was_not_looked_through_is_not_said_to_be_nothing(
    desk: Live, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(queue, "LOOKED_THROUGH", 5)
    await many_older(desk, state="pending", route="refunds", number=6)
    async with signed_in(desk) as agent:
        inbox = await agent.get("/console")
    assert inbox.cards() == {}
    assert "Nothing waits" not in inbox.words
    assert "All decided" not in inbox.words
    assert "more waits than was looked through" in inbox.words
    shown = await home(desk, "U0AGENT")
    assert "Nothing waits" not in shown
    assert "Not everything that waits" in shown
