"""Each decision in the console goes through the gate that Slack's go through."""

from __future__ import annotations

from tests.console.rig import signed_in
from tests.live.product import Live
from tests.live.steps import (
    QUESTION,
    becomes,
    card_that,
    journal,
    replies,
    says,
)
from tests.standins.slack import Message


async def asked(desk: Live, text: str = QUESTION) -> Message:
    await says(desk, text)
    return await card_that(desk, "pending")


async def test_approve_acts_once_and_the_card_in_slack_follows(desk: Live) -> None:
    card = await asked(desk)
    proposal = card.payload["proposal"]
    async with signed_in(desk) as agent:
        page = await agent.get("/console")
        assert page.cards()[proposal] == {
            "proposal": proposal,
            "revision": "1",
            "state": "pending",
        }
        answer = await agent.decide(proposal, "approve")
        assert answer.status == 303, answer.words
        done = await becomes(desk, card, "succeeded")
        assert "Approved by" in done.block_text
        assert len(replies(desk)) == 1
        assert proposal not in (await agent.get("/console")).cards()
        again = await agent.decide(proposal, "approve", revision="1")
        assert again.status == 409
        assert "already approved" in again.words
    entries = await journal(desk, card)
    decided = [entry for entry in entries if entry.kind == "decision"]
    assert [(entry.actor, entry.data["verb"]) for entry in decided] == [
        ("slack:T0TEAM:U0AGENT", "approve")
    ]
    assert len(replies(desk)) == 1
