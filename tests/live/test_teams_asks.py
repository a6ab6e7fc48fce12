"""Asks in Teams: by the same verbs and free words as in Slack, answered where they were asked, or,
where others read, to their asker alone."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from tests.handlers.teams_schema import card_faults
from tests.live.steps import idle
from tests.live.teams_product import TeamsLive, teams_config, teams_live
from tests.live.test_asks import guesses
from tests.standins.anthropic import Reply, Request
from tests.standins.teams.world import BILLING, ELSEWHERE, GROUP, SUPPORT, Shown, executes, oid
from tests.standins.wire import HttpFailure

QUESTION = "When is interest due on overdue invoices?"
FOUND = "Interest of 9 percent"
TERMS = (
    "# Terms\n\nInterest of 9 percent is due on overdue invoices. [this](https://evil.example)\n"
)


def asking() -> dict[str, Any]:
    made = teams_config()
    made["playbooks"]["contracts"] = {
        "kind": "research",
        "description": "finds clauses in our contracts",
        "askers": {"teams_users": [oid(3)]},
        "corpus": ["./corpus"],
        "routes": {
            "default": {
                "card": {"teams": BILLING},
                "approvers": {"teams_users": [oid(3), oid(4)]},
            }
        },
    }
    return made


def write_corpus(folder: Path) -> None:
    (folder / "corpus").mkdir()
    (folder / "corpus" / "terms.md").write_text(TERMS)


@pytest.fixture
async def desk(tmp_path: Path, redis_url: str) -> AsyncIterator[TeamsLive]:
    write_corpus(tmp_path)
    async with teams_live(tmp_path, redis_url, config=asking()) as running:
        yield running


def chat_of(desk: TeamsLive, person: str) -> str:
    return desk.teams.world.chat_with(desk.teams.world.people[person])


def answers(desk: TeamsLive, conversation: str) -> list[Shown]:
    """Answers to asks, wherever in a conversation they stand."""
    said = [m for m in desk.teams.world.posted if m.conversation == conversation]
    return [m for m in said if "deskhand_answer" in (m.activity.get("channelData") or {})]


async def answered(desk: TeamsLive, conversation: str, count: int = 1) -> Shown:
    return await desk.until(lambda: next(iter(answers(desk, conversation)[count - 1 :]), None))


async def asks(desk: TeamsLive, text: str, person: str = "agent", where: str = ELSEWHERE) -> str:
    """Mention the bot; the message's id."""
    sent = await desk.insist(desk.people.mention(text, person, where))
    return str(sent.activity["id"])


def press_of(shown: Shown, title: str) -> str:
    found = next(one for one in executes(shown.card) if one["title"] == title)
    return str(found["data"]["token"])


async def test_where_only_members_read_the_answer_stands_in_the_thread(desk: TeamsLive) -> None:
    await desk.insist(desk.people.personal(f"research {QUESTION}"))
    assert FOUND in (await answered(desk, chat_of(desk, "agent"))).words
    for number, where in enumerate((ELSEWHERE, SUPPORT), start=1):
        asked = await asks(desk, f"research {QUESTION}", where=where)
        found = await answered(desk, where)
        assert found.thread == asked, "in a listened channel too, and no ticket"
        payload = found.activity["channelData"]["deskhand_answer"]
        assert payload["kind"] == "research"
        assert payload["run"].startswith("r_")
        assert payload["passages"][0]["file"] == "terms.md"
        assert FOUND in payload["passages"][0]["quote"]
        assert payload["passages"][0]["quote"] in found.words
        assert not card_faults(found.card)
        assert len(desk.teams.log.calls("roster")) == 2 * number, "both pages of the roster"
    await asks(desk, f"research {QUESTION}", where=GROUP)
    assert (await answered(desk, GROUP)).thread is None, "a group chat has none"
    said = len(desk.teams.world.posted)
    await asks(desk, f"research {QUESTION}", "customer")
    refused = await desk.said("may not", chat_of(desk, "customer"))
    assert "Alex Agent" in refused.words, "and who may, by name"
    await asks(desk, "research")
    await desk.said("Usage: research", ELSEWHERE)
    await idle(desk)  # type: ignore[arg-type]  # looks at the product alone
    public = [m for m in desk.teams.world.posted[said:] if m.conversation == ELSEWHERE]
    assert len(public) == 1, "only the usage"
    assert not desk.teams.world.cards()
    assert not desk.model.requests


async def test_where_others_read_the_answer_is_shared_by_approval(desk: TeamsLive) -> None:
    world = desk.teams.world
    world.rosters[ELSEWHERE] = ["agent", "agent2", "customer", "manager", "guest"]
    asked = await asks(desk, f"research {QUESTION}")
    chat = chat_of(desk, "agent")
    seen = await world.posted.wait_for(lambda m: FOUND in m.words, timeout=30)
    assert seen.conversation == chat
    assert not card_faults(seen.card)
    token = press_of(seen, "Share in the thread")
    forged = await desk.people.press("agent", seen, "deskhand.share", "x" * 36)
    assert "time is over" in forged.words
    assert (
        "Only who asked" in (await desk.people.press("agent2", seen, "deskhand.share", token)).words
    )
    assert "A card asks" in (await desk.people.press("agent", seen, "deskhand.share", token)).words
    card = await desk.card()
    assert card.conversation == BILLING
    assert FOUND in card.words
    own = await desk.people.opened("agent", card)
    assert own.verbs == ["deskhand.refresh"], "who asked may not approve it"
    await desk.people.decide("agent2", card, "deskhand.approve")
    done = await desk.becomes(card, "succeeded")
    assert "the thread of the ask in Teams" in done.words
    (shared,) = answers(desk, ELSEWHERE)
    assert shared.thread == asked
    assert shared.activity["textFormat"] == "plain"
    payload = shared.activity["channelData"]["deskhand_answer"]
    assert payload["passages"][0]["quote"] in shared.words
    assert payload["proposal"] == card.about["proposal"]
    assert payload["key"]


async def test_whoever_cannot_be_told_to_be_a_member_counts_as_a_guest(desk: TeamsLive) -> None:
    world, chat = desk.teams.world, chat_of(desk, "agent")
    for number, stranger in enumerate(("external", "invited", "roleless"), start=1):
        where = f"19:room{number}@thread.tacv2"
        world.conversations[where] = "channel"
        world.rosters[where] = ["agent", "customer", "manager", "agent2", stranger]
        await asks(desk, f"research {QUESTION}", where=where)
    for where, shared in (("19:shared@thread.tacv2", True), ("19:away@thread.tacv2", False)):
        world.conversations[where] = "channel"
        if shared:
            world.shared.add(where)
        else:
            desk.teams.faults.add("roster", HttpFailure(503), times=None)
        await asks(desk, f"research {QUESTION}", where=where)

    def private() -> list[Shown] | None:
        found = [m for m in world.posted if FOUND in m.words]
        return found if len(found) == 5 else None

    assert {m.conversation for m in await desk.until(private)} == {chat}


async def test_free_words_are_asked_back_or_answered(tmp_path: Path, redis_url: str) -> None:
    write_corpus(tmp_path)
    file = asking()
    file["playbooks"]["handbook"] = {
        **file["playbooks"]["contracts"],
        "description": "finds what is in the handbook",
        "corpus": ["./kb"],
    }
    clear = [False]

    def brain(request: Request) -> Reply:
        reply: Reply = guesses("contracts", clear=clear[0])(request)
        return reply

    async with teams_live(tmp_path, redis_url, config=file, brain=brain) as desk:
        asked = await asks(desk, QUESTION)
        seen = await desk.said("what should I do?", chat_of(desk, "agent"))
        assert QUESTION in seen.words
        assert "finds clauses in our contracts" in seen.words
        assert not card_faults(seen.card)
        shown = list(executes(seen.card))
        assert [(one["verb"], one["title"]) for one in shown] == [
            ("deskhand.ask", "contracts"),
            ("deskhand.ask", "handbook"),
        ]
        (request,) = desk.model.requests
        assert request.model == "claude-haiku-5-5"
        token = press_of(seen, "contracts")
        nobody = await desk.people.press("nobody", seen, "deskhand.ask", token)
        assert "Only who asked" in nobody.words
        pressed = await desk.people.press("agent", seen, "deskhand.ask", token)
        assert pressed.words == "I am on it."
        assert (await answered(desk, ELSEWHERE)).thread == asked
        again = await desk.people.press("agent", seen, "deskhand.ask", press_of(seen, "handbook"))
        assert again.words == "I am on it already."
        clear[0] = True
        await desk.insist(desk.people.personal("please tell me when interest is due"))
        assert FOUND in (await answered(desk, chat_of(desk, "agent"))).words
        await asks(desk, QUESTION, "customer")
        await desk.said("may not ask", chat_of(desk, "customer"))
        await idle(desk)  # type: ignore[arg-type]  # looks at the product alone
        assert len(desk.model.requests) == 2
        assert not desk.teams.world.cards()
