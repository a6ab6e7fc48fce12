"""Asks by a mention in Slack: who may, what is answered, to whom, and how an answer is shared."""

from __future__ import annotations

import copy
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from bot.clock import SystemClock
from bot.journal import Entry
from bot.overview import Overview
from tests.live.product import CONFIG, Live, live
from tests.live.steps import cards, idle, until, words
from tests.standins.slack import Message

LIMIT = 20
ROOM, GUESTS = "C0SALES", "C0TRIAGE"
QUESTION = "When is interest due on overdue invoices?"
TERMS = """# Terms of payment

Interest of 9 percent is due on overdue invoices from the 31st day. <!channel> reads <https://x.y|this>.

# Liability

Liability is limited to the fees of twelve months.
"""


def asking(**playbooks: Any) -> dict[str, Any]:
    config = copy.deepcopy(CONFIG)
    config["playbooks"]["contracts"] = {
        "kind": "research",
        "description": "finds clauses in our contracts",
        "askers": {"slack_users": ["U0AGENT"], "slack_groups": ["S0BILLING"]},
        "corpus": ["./corpus"],
        "routes": {
            "default": {
                "card": {"slack": "C0BILLING"},
                "approvers": {"slack_users": ["U0AGENT2", "U0MANAGER"]},
            }
        },
    }
    config["playbooks"] |= playbooks
    return config


def write_corpus(folder: Path) -> None:
    (folder / "corpus").mkdir()
    (folder / "corpus" / "terms.md").write_text(TERMS)
    (folder / "corpus" / "empty.pdf").write_bytes(b"%PDF-1.4\n%%EOF\n")


@pytest.fixture
async def desk(tmp_path: Path, redis_url: str) -> AsyncIterator[Live]:
    write_corpus(tmp_path)
    async with live(tmp_path, redis_url, config=asking()) as running:
        members_only(running, ROOM, "C0SUPPORT")
        yield running


def members_only(desk: Live, *channels: str) -> None:
    for channel in channels:
        desk.slack.space.channels[channel].members -= {"U0GUEST", "U0STRANGER"}


async def asks(desk: Live, text: str, user: str = "U0AGENT", **how: Any) -> Message:
    sent = await desk.people.mention(text, user=user, **{"channel": ROOM, **how})
    assert all(one.ok for one in sent), sent
    assert sent[0].message is not None
    return sent[0].message


def answers(desk: Live) -> list[Message]:
    return [m for m in desk.slack.space.posted if m.event_type == "deskhand_answer"]


async def answer(desk: Live, count: int = 1) -> Message:
    return await until(desk, lambda: (answers(desk)[count - 1 :] or [None])[0], timeout=LIMIT)


async def status(desk: Live) -> dict[str, Any]:
    return await Overview(desk.product.store, SystemClock(), "strict").figures("24h")


async def journal_of(desk: Live, run: str) -> list[Entry]:
    ticket, _ = await desk.product.store.resolve(run)
    assert ticket is not None
    return [line.entry for line in await desk.product.store.record_book.of_case(ticket)]


async def test_a_question_is_answered_in_its_thread(desk: Live) -> None:
    ask = await asks(desk, f"research -n 2 {QUESTION}")
    found = await answer(desk)
    assert found.thread_ts == ask.ts
    payload = found.payload
    assert payload["kind"] == "research"
    assert payload["run"].startswith("r_")
    first = payload["passages"][0]
    assert first["file"] == "terms.md"
    assert first["page"] is None
    assert "Interest of 9 percent" in first["quote"]
    assert first["quote"] in words(found)
    assert "not read: empty.pdf" in words(found)
    assert "<!channel>" not in found.text, "untrusted words are inert"
    await idle(desk)
    assert not desk.model.requests
    assert not cards(desk)
    lines = [one for one in await journal_of(desk, payload["run"]) if one.kind == "answer"]
    assert [(one.data["what"], one.data["parts"], one.data["private"]) for one in lines] == [
        ("research", 1, False)
    ]
    figures = await status(desk)
    assert (figures["answered"], figures["proposals"], figures["waiting"]["total"]) == (1, 0, 0)
    again = await asks(desk, "research the length of the moon's shadow")
    nothing = await answer(desk, 2)
    assert nothing.thread_ts == again.ts
    assert nothing.payload["passages"] == []
    assert "nothing found" in words(nothing)
