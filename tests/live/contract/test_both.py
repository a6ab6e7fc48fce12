"""One proposal with a card on each surface: decided on either, and both show it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pytest

from tests.live.contract.chat import Card, Chat
from tests.live.contract.slack_chat import SlackChat
from tests.live.contract.teams_chat import TeamsChat
from tests.live.teams_product import teams_config, teams_live


@dataclass
class Both:
    """Two surfaces of one product; tickets come in by Teams."""

    slack: Chat
    teams: Chat

    def sides(self, first: str) -> tuple[Chat, Chat]:
        return (self.slack, self.teams) if first == "slack" else (self.teams, self.slack)

    async def pending(self, but: Card | None = None) -> dict[str, Card]:
        """The two cards of a new ticket."""
        await self.teams.says()
        found = {side.name: await side.card(but=but) for side in (self.slack, self.teams)}
        assert found["slack"].proposal == found["teams"].proposal
        return found

    def replies(self) -> int:
        return len(self.slack.replies()) + len(self.teams.replies())


@pytest.fixture
async def both(tmp_path: Path, redis_url: str) -> AsyncIterator[Both]:
    config = teams_config()
    billing = config["playbooks"]["support"]["routes"]["billing"]
    billing["card"]["slack"] = "C0BILLING"
    billing["approvers"]["slack_users"] = ["U0AGENT", "U0AGENT2"]
    async with teams_live(tmp_path, redis_url, config=config, slack=True) as desk:
        assert desk.slack is not None
        people = desk.slack.driver(desk.product.url)
        yield Both(
            SlackChat(desk.slack, people, desk.product, desk.model),
            TeamsChat(desk.teams, desk.people, desk.product, desk.model),
        )


@pytest.mark.parametrize("where", ["slack", "teams"])
async def test_decided_on_one_the_other_shows_it_and_comes_too_late(both: Both, where: str) -> None:
    here, there = both.sides(where)
    cards = await both.pending()
    late = await there.opens("agent2", cards[there.name])
    await here.decide("agent", cards[here.name], "approve")
    await here.becomes(cards[here.name], "succeeded")
    by = "Alex Agent in Teams" if where == "teams" else "in Slack"
    shown = await there.becomes(cards[there.name], "succeeded", says=by)
    assert not shown.open
    await there.press(late, "approve")
    await there.told("agent2", "has already approved this")
    assert both.replies() == 1


@pytest.mark.parametrize("where", ["slack", "teams"])
async def test_edited_or_rejected_on_one_the_other_follows(both: Both, where: str) -> None:
    here, there = both.sides(where)
    cards = await both.pending()
    old = await there.opens("agent2", cards[there.name])
    form = await here.form("agent", cards[here.name], "edit")
    assert not await here.submit(form, reply="Another text.", approve_now=False)
    edited = await there.becomes(cards[there.name], "pending", revision=2, says="Another text.")
    await there.press(old, "approve")
    await there.told("agent2", "changed since")
    form = await there.form("agent2", edited, "reject")
    assert not await there.submit(form, reason="wrong_tone")
    for side in (here, there):
        assert not (await side.becomes(cards[side.name], "rejected")).open
    assert both.replies() == 0


async def test_a_press_on_each_at_once_has_one_winner(both: Both) -> None:
    before: Card | None = None
    sides = (both.slack, both.teams)

    def came_late(presses: int) -> bool:
        return sum(len(side.all_told("agent")) for side in sides) == presses

    for number in range(1, 6):
        cards = await both.pending(but=before)
        views = [(side, await side.opens("agent", cards[side.name])) for side in sides]
        await asyncio.gather(*(side.press(view, "approve") for side, view in views))
        for side in sides:
            await side.becomes(cards[side.name], "succeeded")
        assert both.replies() == number
        # In Teams the answer to the press says so; Slack is told afterwards.
        await both.slack.until(partial(came_late, number))
        before = cards["slack"]


async def test_newer_words_supersede_both(both: Both) -> None:
    asked = await both.teams.says()
    old = {side.name: await side.card() for side in (both.slack, both.teams)}
    await both.teams.says("Also last year's.", under=asked)
    for side in (both.slack, both.teams):
        card = old[side.name]
        newer = await side.card(but=card)
        assert not (await side.becomes(card, "superseded")).open
        await side.until(partial(side.links_to, card, newer))
