"""A model that fails in every way there is: a degraded card or a handoff, never a lost ticket."""

from __future__ import annotations

import re
from decimal import Decimal
from pathlib import Path
from typing import Any, get_args

import aiohttp
import pytest

import bot.agent.calls
from bot.domain import Confidence
from bot.evaluate.past import PastRun, past_run
from tests.live.product import Live, live
from tests.live.steps import becomes, card_that, cards, config, idle, journal, replies, words
from tests.standins.anthropic import (
    ApiFailure,
    CutStream,
    Disconnect,
    Html,
    Reply,
    Request,
    Silence,
    Step,
    Truncated,
    json_reply,
    overloaded,
    rate_limited,
    refusal,
    server_error,
    text_reply,
    tool_reply,
)
from tests.standins.slack import Message

MANY = {"runs_per_author_hour": 1000}
DEGRADED = "drafted by the local model"
KNOWN = "On which day of the month are invoices made?"
"""The local model finds this in the knowledge base."""
UNKNOWN = "Quokka zephyr obelisk marmalade?"
"""This nobody finds anywhere."""

FAULTS: dict[str, Step] = {
    "limited": rate_limited(0.05),
    "overloaded": overloaded(),
    "broken": server_error(),
    "page": Html(),
    "cut": Truncated(),
    "cut-early": Truncated(keep=0.0),
    "cut-stream": CutStream(),
    "closed": Disconnect(),
    "forbidden": ApiFailure(403, "permission_error"),
    "rejected": ApiFailure(400, "invalid_request_error"),
    "gone": ApiFailure(404, "not_found_error"),
    "unauthorised": ApiFailure(401, "authentication_error"),
}
"""What a provider does instead of answering."""

ANSWERS: dict[str, tuple[Step, str]] = {
    "declined": (refusal(), "refusal"),
    "too-long": (text_reply("{", stop_reason="max_tokens"), "model"),
    "no-json": (text_reply("I would say that it is billing."), "model"),
    "other-json": (json_reply({"labels": "none"}), "model"),
    "wrong-label": (json_reply({"outcome": "reply", "labels": ["refunds!"]}), "model"),
    "empty": (Reply([], "end_turn"), "model"),
    "future": (text_reply("{}", stop_reason="a_reason_from_the_future"), "model"),
    "paused": (text_reply("Just a moment.", stop_reason="pause_turn"), "model"),
    "window": (text_reply("{", stop_reason="model_context_window_exceeded"), "model"),
    "endless": (tool_reply(("search_kb", {"query": "more"})), "steps"),
    "foreign": (tool_reply(("send_reply", {"text": "x"}), ("rm_rf", {"path": "/"})), "steps"),
    "bad-args": (tool_reply(("search_kb", {"query": 7, "sudo": True})), "steps"),
}
"""What a model answers, always, and the handoff's reason."""


def keyed(steps: dict[str, Step], times: int = 1_000_000) -> Any:
    """A brain that does what the ticket's ``[word]`` names, ``times`` for each ticket."""
    left: dict[str, int] = {}

    def brain(request: Request) -> Step | None:
        found = re.search(r"\[([a-z-]+)\]", request.messages[0]["content"][0]["text"])
        if found is None or found[1] not in steps:
            return None
        left[found[1]] = left.get(found[1], times) - 1
        return steps[found[1]] if left[found[1]] >= 0 else None

    return brain


async def ask(desk: Live, text: str) -> None:
    await desk.people.insist(await desk.people.message(text))


async def lives(desk: Live) -> None:
    """Nothing is left undone, and the process is well."""
    await idle(desk, "deliver", "run", "execute", "card")
    async with (
        aiohttp.ClientSession() as session,
        session.get(f"{desk.product.url}/healthz") as health,
        session.get(f"{desk.product.url}/readyz") as ready,
    ):
        assert (health.status, ready.status) == (200, 200)


@pytest.fixture(autouse=True)
def _no_long_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bot.agent.calls, "BACKOFF_SECONDS", 0.02)


async def test_a_provider_that_stays_down_is_stood_in_for_by_the_local_model(
    tmp_path: Path, redis_url: str
) -> None:
    file = config({"limits": MANY})
    async with live(tmp_path, redis_url, config=file, brain=keyed(FAULTS)) as desk:
        for fault in FAULTS:
            await ask(desk, f"{KNOWN} [{fault}]")
            await ask(desk, f"{UNKNOWN} [{fault}]")
        shown: dict[str, tuple[Message, Message]] = {}
        for fault in FAULTS:
            drafted = await card_that(desk, "pending", f"{KNOWN} [{fault}]", timeout=20)
            handed = await card_that(desk, "handoff", f"{UNKNOWN} [{fault}]", timeout=20)
            shown[fault] = drafted, handed
            assert DEGRADED in words(drafted), fault
            assert "Invoices are made on the first of the month." in words(drafted)
            assert "could not be reached, or gave nothing usable" in words(handed), fault
        assert len(cards(desk)) == 2 * len(FAULTS)
        await desk.people.click("U0AGENT", shown["cut"][0], "deskhand.approve")
        await becomes(desk, shown["cut"][0], "succeeded")
        assert len(replies(desk)) == 1
        await lives(desk)


async def test_what_passes_is_tried_again_and_nobody_notices(
    tmp_path: Path, redis_url: str
) -> None:
    passing = {
        key: FAULTS[key]
        for key in ("limited", "overloaded", "broken", "page", "cut", "cut-early", "closed")
    }
    file = config({"limits": MANY | {"usd": 1}})
    async with live(tmp_path, redis_url, config=file, brain=keyed(passing, times=2)) as desk:
        for fault in passing:
            await ask(desk, f"{KNOWN} [{fault}]")
        for fault in passing:
            card = await card_that(desk, "pending", f"[{fault}]")
            assert DEGRADED not in words(card), fault
            assert "claude-sonnet-5-5" in words(card)
        await lives(desk)


async def test_answers_that_are_none_end_in_a_handoff_that_says_why(
    tmp_path: Path, redis_url: str
) -> None:
    steps = {name: step for name, (step, _) in ANSWERS.items()}
    file = config({"limits": MANY | {"usd": 1}})
    async with live(tmp_path, redis_url, config=file, brain=keyed(steps)) as desk:
        for name in ANSWERS:
            await ask(desk, f"{KNOWN} [{name}]")
        for name, (_, reason) in ANSWERS.items():
            card = await card_that(desk, "handoff", f"[{name}]")
            said = {
                "refusal": "The model refused to answer.",
                "model": "could not be reached, or gave nothing usable",
                "steps": "It reached its limit of steps",
            }[reason]
            assert said in words(card), (name, words(card))
            assert "deskhand.approve" not in card.action_ids
            (ended,) = (one for one in await journal(desk, card) if one.kind == "handoff")
            # The local model guessed labels and route; how sure it was is kept with them.
            assert ended.data["confidence"] in get_args(Confidence), name
            before = await past_run(desk.product.store, card.payload["proposal"])
            assert isinstance(before, PastRun)
            assert before.before.confidence == ended.data["confidence"]
        calls = [r for r in desk.model.requests if "[endless]" in r.raw.decode()]
        assert len(calls) == 8, "as many as the playbook's steps"
        assert not replies(desk)
        await lives(desk)


@pytest.mark.parametrize("text", [KNOWN, UNKNOWN])
async def test_a_model_that_hangs_is_given_up_within_the_runs_seconds(
    tmp_path: Path, redis_url: str, text: str
) -> None:
    file = config({"limits": {"seconds": 2}})
    async with live(tmp_path, redis_url, config=file, brain=lambda _: Silence()) as desk:
        await ask(desk, text)
        if text == KNOWN:
            card = await card_that(desk, "pending", text, timeout=30)
            assert DEGRADED in words(card)
        else:
            card = await card_that(desk, "handoff", text, timeout=30)
        await lives(desk)


async def test_when_the_days_money_is_spent_the_local_model_drafts(
    tmp_path: Path, redis_url: str
) -> None:
    file = config(budget={"usd_per_day": 0.0001})
    async with live(tmp_path, redis_url, config=file) as desk:
        await ask(desk, KNOWN)
        card = await card_that(desk, "pending", KNOWN)
        assert DEGRADED in words(card)
        assert "day's money is used up" in words(card)
        await ask(desk, UNKNOWN)
        handed = await card_that(desk, "handoff", UNKNOWN)
        assert "limit of money" in words(handed)
        assert not desk.model.requests, "no call is made that cannot be paid for"
        await lives(desk)


@pytest.mark.parametrize("usd", [0, 0.000001])
async def test_a_run_without_money_is_handed_over(
    tmp_path: Path, redis_url: str, usd: float
) -> None:
    async with live(tmp_path, redis_url, config=config({"limits": {"usd": usd}})) as desk:
        await ask(desk, KNOWN)
        card = await card_that(desk, "handoff", KNOWN)
        assert "limit of money" in words(card)
        assert not desk.model.requests
        await lives(desk)


async def test_a_model_without_a_known_price_is_never_called(
    tmp_path: Path, redis_url: str
) -> None:
    file = config(model={"name": "claude-nobody-1", "draft": "claude-nobody-1"})
    async with live(tmp_path, redis_url, config=file) as desk:
        await ask(desk, KNOWN)
        card = await card_that(desk, "handoff", KNOWN)
        assert "No price is known for the model claude-nobody-1" in words(card)
        assert not desk.model.requests
        await lives(desk)


async def test_money_spent_never_passes_the_days_cap(tmp_path: Path, redis_url: str) -> None:
    def brain(request: Request) -> Step | None:
        return tool_reply(("search_kb", {"query": KNOWN})) if not request.output_schema else None

    file = config({"limits": MANY}, budget={"usd_per_day": 0.04})
    async with live(tmp_path, redis_url, config=file, brain=brain) as desk:
        await ask(desk, f"{KNOWN} 00")
        paid = await card_that(desk, "pending", f"{KNOWN} 00")
        assert DEGRADED not in words(paid)
        for number in range(1, 20):
            await ask(desk, f"{KNOWN} {number:02d}")
        for number in range(1, 20):
            await card_that(desk, "pending", f"{KNOWN} {number:02d}")
        local = [card for card in cards(desk) if DEGRADED in words(card)]
        assert 0 < len(local) < 20, "some had money and some had none"
        await idle(desk)
        money = await desk.product.store.spending()
        assert 0 < money.spent <= Decimal("0.04")
        assert not money.reserved
        await lives(desk)
