"""Asks in Teams: by the same verbs, answered where their asker alone reads."""

from __future__ import annotations

from pathlib import Path

from tests.live.steps import idle
from tests.live.teams_product import teams_config, teams_live
from tests.standins.anthropic import json_reply
from tests.standins.teams.world import ELSEWHERE, oid

QUESTION = "When is interest due on overdue invoices?"


async def test_asks_in_a_chat_and_in_a_channel(tmp_path: Path, redis_url: str) -> None:
    (tmp_path / "corpus").mkdir()
    (tmp_path / "corpus" / "terms.md").write_text(
        "# Terms\n\nInterest of 9 percent is due on overdue invoices. [this](https://evil.example)\n"
    )
    made = teams_config()
    made["playbooks"]["contracts"] = {
        "kind": "research",
        "askers": {"teams_users": [oid(3)]},
        "corpus": ["./corpus"],
    }
    async with teams_live(tmp_path, redis_url, config=made) as desk:
        await desk.people.personal(f"research {QUESTION}", "agent")
        chat = desk.teams.world.chat_with(desk.teams.world.people["agent"])
        await desk.said("Interest of 9 percent", chat)
        await desk.people.mention(f"research {QUESTION}", "agent", ELSEWHERE)
        await desk.teams.signal.until(
            lambda: len([m for m in desk.teams.world.posted if "9 percent" in m.words]) == 2,
            timeout=30,
        )
        await desk.people.mention(f"research {QUESTION}", "customer", ELSEWHERE)
        customer = desk.teams.world.chat_with(desk.teams.world.people["customer"])
        await desk.said("may not", customer)
        await desk.people.mention("research", "agent", ELSEWHERE)
        await desk.said("Usage: research", ELSEWHERE)
        await idle(desk)  # type: ignore[arg-type]  # looks at the product alone
        public = [m for m in desk.teams.world.posted if m.conversation == ELSEWHERE]
        assert len(public) == 1, "only the usage"
        assert not desk.teams.world.cards()
        assert not desk.model.requests

        # Without a verb: the asker is asked what is meant, where that is not plain.
        desk.model.brain = lambda _: json_reply({"playbook": "contracts", "clear": False})
        await desk.people.mention(f"{QUESTION} Tell me.", "agent", ELSEWHERE)
        await desk.said("begin with a verb: research", chat)
        desk.model.brain = lambda _: json_reply({"playbook": "contracts", "clear": True})
        await desk.people.mention(f"Please say: {QUESTION}", "agent", ELSEWHERE)
        await desk.teams.signal.until(
            lambda: len([m for m in desk.teams.world.posted if "9 percent" in m.words]) == 3,
            timeout=30,
        )
