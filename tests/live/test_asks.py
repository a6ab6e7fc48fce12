"""Asks by a mention in Slack: who may, what is answered, to whom, and how an answer is shared."""

from __future__ import annotations

import copy
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from bot.clock import SystemClock
from bot.evaluate.lessons import lessons
from bot.journal import Entry
from bot.overview import Overview
from tests.live.product import CONFIG, Live, live
from tests.live.steps import (
    alone,
    becomes,
    card_that,
    cards,
    eventually,
    idle,
    told,
    until,
    words,
)
from tests.live.test_erase import erase
from tests.standins.anthropic import Reply, Request, json_reply
from tests.standins.slack import Message
from tests.standins.wire import DropReply, Refusal

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
    for one in sent:
        await desk.people.insist(one)
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
    assert answers(desk) == [found], "app_mention and message are one ask"
    assert not desk.model.requests
    assert not cards(desk)
    entries = await journal_of(desk, payload["run"])
    timed = [one for one in entries if "took_ms" in one.data]
    assert [(one.kind, one.data["state"]) for one in timed] == [("card", "answered")]
    lines = [one for one in entries if one.kind == "answer"]
    assert [(one.data["what"], one.data["parts"], one.data["private"]) for one in lines] == [
        ("research", 1, False)
    ]
    await desk.people.command(f"show {payload['run']}", user="U0MANAGER")
    await alone(desk, "U0MANAGER", "Interest of 9 percent")
    figures = await status(desk)
    assert (figures["answered"], figures["proposals"], figures["waiting"]["total"]) == (1, 0, 0)
    said = await desk.people.command("status", user="U0MANAGER")
    assert "answered: 1 asks, 0 before" in str(said.body)
    again = await asks(desk, "research the length of the moon's shadow")
    nothing = await answer(desk, 2)
    assert nothing.thread_ts == again.ts
    assert nothing.payload["passages"] == []
    assert "nothing found" in words(nothing)


async def test_who_may_not_ask_is_told_in_private_alone(desk: Live) -> None:
    members = desk.slack.space.channels[ROOM].members
    members.add("U0GUEST")
    root = desk.people.write("a thread", channel=ROOM)
    posted = len(desk.slack.space.posted)
    await asks(desk, f"research {QUESTION}", user="U0NOBODY", thread_ts=root.ts)
    told_nobody = await alone(desk, "U0NOBODY", "may not")
    assert told_nobody.thread_ts == root.ts
    assert "research" in told_nobody.text
    assert "<@U0AGENT>" in told_nobody.text, "and who may"
    await asks(desk, f"research {QUESTION}", user="U0GUEST")
    told_guest = await alone(desk, "U0GUEST", "may not")
    assert "Guests" in told_guest.text
    assert told_guest.thread_ts is None, "Slack shows none in a thread that nobody has begun"
    assert QUESTION in told_guest.text, "so it names what was asked"
    await asks(desk, "research", user="U0NOBODY")
    await alone(desk, "U0NOBODY", "Usage: `research")
    await asks(desk, "enrich acme.example", user="U0AGENT")
    await alone(desk, "U0AGENT", "`enrich` is not set up")
    await asks(desk, "help", user="U0AGENT")
    await alone(desk, "U0AGENT", "`research [-n N] &lt;question&gt;`")
    await idle(desk)
    assert not [m for m in desk.slack.space.posted[posted:] if m.bot_id]
    assert not desk.model.requests
    # In a group that may ask, and in a channel that is listened to: an ask and never a ticket.
    members.discard("U0GUEST")
    ask = await asks(desk, f"research {QUESTION}", user="U0AGENT2", channel="C0SUPPORT")
    assert (await answer(desk)).thread_ts == ask.ts
    await idle(desk)
    assert not cards(desk)


async def test_where_guests_read_the_answer_is_shared_by_approval(desk: Live) -> None:
    ask = await asks(desk, f"research {QUESTION}", channel=GUESTS)
    seen = await alone(desk, "U0AGENT", "Interest of 9 percent")
    assert seen.channel == GUESTS
    assert "research" in seen.text
    await idle(desk)
    assert not answers(desk)
    assert len([one for one in desk.slack.space.ephemerals if "9 percent" in one.block_text]) == 1
    forged = replace(seen, blocks=[_with_value(block, "x" * 36) for block in seen.blocks])
    await desk.people.click("U0AGENT", forged, "deskhand.share")
    await alone(desk, "U0AGENT", "time is over")
    await desk.people.click("U0AGENT2", seen, "deskhand.share")
    await alone(desk, "U0AGENT2", "Only who asked")
    assert not cards(desk)
    await desk.people.click("U0AGENT", seen, "deskhand.share")
    await alone(desk, "U0AGENT", "A card asks for approval")
    await desk.people.click("U0AGENT", seen, "deskhand.share")
    await alone(desk, "U0AGENT", "That was asked for already")
    card = await card_that(desk, "pending", "Interest of 9 percent", timeout=LIMIT)
    assert card.channel == "C0BILLING"
    await desk.people.click("U0AGENT", card, "deskhand.approve")
    await told(desk, "U0AGENT", "You asked for this, so somebody else must decide")
    desk.slack.faults.add(
        "chat.postMessage", DropReply(), when=lambda args: bool(args.get("thread_ts"))
    )
    await desk.people.click("U0AGENT2", card, "deskhand.approve")
    done = await becomes(desk, card, "succeeded", timeout=LIMIT)
    assert "done:" in words(done)
    (shared,) = answers(desk)
    assert (shared.channel, shared.thread_ts) == (GUESTS, ask.ts)
    assert shared.payload["kind"] == "research"
    assert shared.payload["passages"][0]["quote"] in words(shared)
    assert "<!channel>" not in shared.text
    await desk.people.command(f"show {shared.payload['run']}", user="U0MANAGER")
    await alone(desk, "U0MANAGER", "for its asker alone")
    figures = await status(desk)
    assert (figures["answered"], figures["proposals"], figures["approved"]) == (1, 1, 1)
    assert figures["tickets"] == 1
    store = desk.product.store
    assert not (await store.examples("contracts"))[1], "nothing is learnt from it"
    assert not (await lessons(store, datetime.now(UTC) - timedelta(hours=1), None)).rows


def _with_value(block: dict[str, Any], value: str) -> dict[str, Any]:
    if block["type"] != "actions":
        return block
    return {**block, "elements": [{**one, "value": value} for one in block["elements"]]}


async def test_an_answer_whose_reply_was_lost_is_looked_up_and_posted_once(
    desk: Live, redis_url: str
) -> None:
    desk.slack.faults.add(
        "chat.postMessage", DropReply(), when=lambda args: bool(args.get("thread_ts"))
    )
    await asks(desk, f"research {QUESTION}")
    found = await answer(desk)
    run = found.payload["run"]

    async def noted() -> bool:
        board = await desk.product.store.board("p" + run[1:])
        return any(copy.status == "posted" for copy in board.value.copies)

    await eventually(noted, timeout=LIMIT)
    await idle(desk)
    assert answers(desk) == [found]
    code, report, _ = await erase(desk, redis_url, "--person", "U0AGENT")
    assert (code, report["tickets"], report["cards"]) == (0, 1, 1)
    space = desk.slack.space
    await until(desk, lambda: "Erased" in words(space.current(found)), timeout=LIMIT)
    gone = space.current(found)
    assert "9 percent" not in gone.text + words(gone) + str(gone.metadata)


async def test_an_answer_that_its_thread_refuses_is_told_to_its_asker(desk: Live) -> None:
    """The thread was deleted meanwhile, or the channel archived, or only few may write there."""
    desk.slack.faults.add(
        "chat.postMessage",
        Refusal("restricted_action"),
        times=None,
        when=lambda args: bool(args.get("thread_ts")),
    )
    await asks(desk, f"research {QUESTION}")
    seen = await alone(desk, "U0AGENT", "The thread does not take it")
    assert "Interest of 9 percent" in seen.block_text
    assert "deskhand.share" not in str(seen.blocks)
    await idle(desk)
    assert not answers(desk)
    assert len([one for one in desk.slack.space.ephemerals if "9 percent" in one.block_text]) == 1


def guesses(playbook: str, *, clear: bool) -> Any:
    """A model that says of free words which playbook they mean; it does nothing else."""

    def brain(request: Request) -> Reply:
        assert "<untrusted_words>" in request.last_user_text
        return json_reply({"playbook": playbook, "clear": clear})

    return brain


async def test_free_words_are_asked_back_or_answered(tmp_path: Path, redis_url: str) -> None:
    write_corpus(tmp_path)
    more = {"handbook": {**asking()["playbooks"]["contracts"], "corpus": ["./kb"]}}
    said = {"brain": guesses("contracts", clear=False)}

    def brain(request: Request) -> Reply:
        return said["brain"](request)

    file = asking(**more)
    async with live(tmp_path, redis_url, config=file, brain=brain) as desk:
        members_only(desk, ROOM)
        await asks(desk, QUESTION)
        seen = await alone(desk, "U0AGENT", "what should I do?")
        assert QUESTION in seen.block_text
        assert "finds clauses in our contracts" in seen.block_text
        assert len(desk.model.requests) == 1
        assert desk.model.requests[0].model == "claude-haiku-5-5"
        buttons = [b["accessory"] for b in seen.blocks if "accessory" in b]
        assert [(b["action_id"], b["text"]["text"]) for b in buttons] == [
            ("deskhand.ask", "contracts"),
            ("deskhand.ask", "handbook"),
        ]
        assert all(QUESTION not in b["value"] for b in buttons)
        blocks = [b["block_id"] for b in seen.blocks if "accessory" in b]
        await desk.people.click("U0NOBODY", seen, "deskhand.ask", block_id=blocks[0])
        await alone(desk, "U0NOBODY", "Only who asked")
        await desk.people.click("U0AGENT", seen, "deskhand.ask", block_id=blocks[0])
        await alone(desk, "U0AGENT", "I am on it")
        first = await answer(desk)
        assert first.payload["passages"][0]["file"] == "terms.md"
        await desk.people.click("U0AGENT", seen, "deskhand.ask", block_id=blocks[1])
        await alone(desk, "U0AGENT", "I am on it already")
        said["brain"] = guesses("handbook", clear=True)
        await asks(desk, "please tell me where the invoices are")
        second = await answer(desk, 2)
        assert second.payload["passages"][0]["file"] == "invoices.md"
        await idle(desk)
        assert len(desk.model.requests) == 2
        assert len(answers(desk)) == 2
        spending = await desk.product.store.spending()
        assert 0 < spending.spent < Decimal("0.01")
        assert (await status(desk))["model"]["calls"] == 2
