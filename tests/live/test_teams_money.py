"""The budget's word to the managers in Teams."""

from __future__ import annotations

from pathlib import Path

from tests.live.teams_product import teams_config, teams_live


async def test_a_manager_in_teams_is_told_once_that_money_is_short(
    tmp_path: Path, redis_url: str
) -> None:
    budget = {"usd_per_day": 20, "usd_per_playbook": {"support": 0.004}, "warn_at": 0.5}
    config = {**teams_config(), "budget": budget}
    async with teams_live(tmp_path, redis_url, config=config) as desk:
        chat = desk.teams.world.chat_with(desk.teams.world.people["manager"])
        await desk.people.personal("help", "manager")  # nobody else has a chat with the bot
        await desk.said("What you can ask", chat, timeout=20)
        for number in range(4):
            await desk.people.message(f"Where do I find invoice {number}?")
        told = await desk.said("budget of the playbook support", chat, timeout=20)
        assert "the local model drafts" in told.words
        again = [m for m in desk.teams.world.posted if "budget of the playbook" in m.words]
        assert again == [told]
