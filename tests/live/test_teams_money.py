"""The budget's word to the managers in Teams, named one by one or by their group."""

from __future__ import annotations

from pathlib import Path

from tests.live.teams_product import teams_config, teams_live
from tests.standins.teams.world import oid


async def test_managers_in_teams_are_told_once_that_money_is_short(
    tmp_path: Path, redis_url: str
) -> None:
    budget = {"usd_per_day": 20, "usd_per_playbook": {"support": 0.004}, "warn_at": 0.5}
    config = {**teams_config(), "budget": budget}
    config["managers"] = {"teams_users": [oid(5)], "teams_groups": [oid(101)]}
    async with teams_live(tmp_path, redis_url, config=config) as desk:
        world = desk.teams.world
        chats = {}
        for person in ("manager", "agent2", "nobody"):
            world.people[person].groups.add(oid(101))
            chats[person] = world.chat_with(world.people[person])
            # Nobody else has a chat with the bot.
            await desk.insist(desk.people.personal("help", person))
            await desk.said("", chats[person])  # whatever is answered
        for number in range(4):
            await desk.insist(desk.people.message(f"Where do I find invoice {number}?"))
        for person in chats:
            told = await desk.said("budget of the playbook support", chats[person])
            assert "the local model drafts" in told.words
        again = [m.conversation for m in world.posted if "budget of the playbook" in m.words]
        assert sorted(again) == sorted(chats.values()), "who is named twice is told once"
