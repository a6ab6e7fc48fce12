"""The main job on Slack, end to end, over HTTP."""

from __future__ import annotations

from pathlib import Path

from tests.live.product import live


async def test_a_ticket_is_drafted_approved_and_answered_in_its_thread(
    tmp_path: Path, redis_url: str
) -> None:
    async with live(tmp_path, redis_url) as desk:
        sent = await desk.people.message("Where do I find my invoice?")
        assert sent.ok
        card = await desk.slack.space.posted.wait_for(lambda m: m.card_state == "pending")
        assert card.channel == "C0BILLING"
        assert card.action_ids == ("deskhand.approve", "deskhand.edit", "deskhand.reject")
        click = await desk.people.click("U0AGENT", card, "deskhand.approve")
        assert click.ok
        done = await desk.slack.space.updated.wait_for(
            lambda m: m.ts == card.ts and m.card_state == "succeeded"
        )
        assert not [name for name in done.action_ids if name.startswith("deskhand.")]
        replies = [m for m in desk.slack.space.posted if m.payload and "key" in m.payload]
        assert len(replies) == 1
