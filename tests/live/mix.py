"""Many tickets with a known mix of decisions, and what the stand-ins saw of them.

What is expected is never taken from the product: states are read off the cards as they stand in
Slack, replies and tickets off the channels' messages, calls, tokens and dollars off the model
stand-in's own answers.
"""

from __future__ import annotations

import asyncio
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from tests.live.product import Live
from tests.live.steps import card_that, cards, eventually, form, idle, replies, words
from tests.standins.anthropic import Request, Step, refusal
from tests.standins.slack import Message, View
from tests.standins.wire import NotSeenError

PRICES = {
    "claude-haiku-5-5": (Decimal("0.10"), Decimal("0.50"), Decimal("0.125"), Decimal("0.01")),
    "claude-sonnet-5-5": (Decimal(2), Decimal(10), Decimal("2.5"), Decimal("0.1")),
}
"""Dollars a million tokens: in, out, written to the cache, read from it (genai-prices 0.2.3)."""

EDITED = "Written by hand, for ticket"
_NUMBER = re.compile(r"#(\d{5})")
_AT_ONCE = 16
_PRESSES = 5


def _is_decided(number: int) -> bool:
    """Whether somebody decides this ticket's first card."""
    return number % 10 < 8 or number % 20 == 19


def brain(request: Request) -> Step | None:
    """Declines every tenth ticket, answers the others."""
    found = _NUMBER.search(request.raw.decode())
    return refusal() if found and int(found[1]) % 10 == 9 else None


def billed(desk: Live) -> Decimal:
    """What the model stand-in has counted, in dollars."""
    total = Decimal(0)
    for message in desk.model.replies:
        into, out, written, read = PRICES[str(message["model"])]
        usage = message["usage"]
        total += into * usage["input_tokens"] + out * usage["output_tokens"]
        total += written * usage.get("cache_creation_input_tokens", 0)
        total += read * usage.get("cache_read_input_tokens", 0)
    return total / 1_000_000


@dataclass
class Mix:
    """What people did, by the ticket's number."""

    desk: Live
    texts: Sequence[str]
    reasons: dict[int, str] = field(default_factory=dict)
    """Why each rejected ticket's draft was rejected."""
    wrote_again: int = 0

    async def play(self) -> None:
        """Tickets come in, people decide, everything is carried out."""
        count = len(self.texts)
        for start in range(0, count, _AT_ONCE):
            some = range(start, min(start + _AT_ONCE, count))
            await asyncio.gather(*(self._write(number) for number in some))
        desk = self.desk

        async def all_there() -> bool:
            return len(self._undecided()) == count

        await eventually(all_there, timeout=30 + count)
        shown = {self._number(card): card for card in self._undecided()}
        assert sorted(shown) == list(range(count))
        for _ in range(_PRESSES):
            for number, card in sorted(shown.items()):
                await self._decide(number, card)
            await idle(desk, "deliver", "run", "execute", "card", timeout=30 + count / 10)
            await eventually(self._at_rest, timeout=60)
            # On a busy machine a press may come to nothing, and says so: people press again.
            left = {self._number(card) for card in self._undecided()}
            shown = {at: card for at, card in shown.items() if at in left and _is_decided(at)}
            if not shown:
                return
        raise AssertionError(f"{sorted(shown)} could not be decided")

    async def _at_rest(self) -> bool:
        return not cards(self.desk, state="approved") and not cards(self.desk, state="executing")

    async def _write(self, number: int) -> None:
        sent = await self.desk.people.message(f"#{number:05} {self.texts[number]}")
        while not sent.ok:  # as Slack does with an event that was not taken
            sent = await self.desk.people.redeliver(sent)

    def _undecided(self) -> list[Message]:
        """The cards with buttons to decide; a slow draft has a card in another channel besides."""
        return [card for card in cards(self.desk) if "deskhand.reject" in card.action_ids]

    def _number(self, card: Message) -> int:
        found = _NUMBER.search(words(card))
        assert found is not None, words(card)
        return int(found[1])

    async def _decide(self, number: int, card: Message) -> None:
        people = self.desk.people
        match number % 10:
            case 0 | 1 | 2 | 3:
                await people.click("U0AGENT", card, "deskhand.approve")
            case 4 | 5:
                view = await self._form(card, "edit")
                await people.submit(view, {"reply": f"{EDITED} {number}."})
            case 6 | 7:
                await self._reject(number, card, "wrong_facts" if number % 10 == 6 else "other")
            case 8 if number % 30 == 28:
                root = self._root(number)
                await people.message(
                    f"#{number:05} And one thing more.", thread_ts=root.ts, user=root.user
                )
                await card_that(self.desk, "pending", f"#{number:05}", but=card, timeout=30)
                self.wrote_again += 1
            case 9 if number % 20 == 19:
                await self._reject(number, card, "duplicate")
            case _:
                pass  # it is left to wait

    async def _reject(self, number: int, card: Message, reason: str) -> None:
        view = await self._form(card, "reject")
        await self.desk.people.submit(view, {"reason": reason})
        self.reasons[number] = reason

    async def _form(self, card: Message, verb: str) -> View:
        for _ in range(_PRESSES):
            try:
                return await form(self.desk, "U0AGENT", card, verb)
            except NotSeenError:
                continue  # its trigger was too old by the time that it was opened
        raise AssertionError(f"no form for {card.payload}")

    def _root(self, number: int) -> Message:
        return next(
            m
            for m in self.desk.slack.space.posted
            if m.user == "U0CUSTOMER" and m.text.startswith(f"#{number:05} ") and not m.thread_ts
        )

    def expected(self) -> dict[str, Any]:
        """The figures, as the stand-ins' logs have them."""
        space = self.desk.slack.space
        ever: dict[str, set[str]] = {}
        for message in (*space.posted, *space.updated):
            if message.card_state:
                ever.setdefault(message.payload["proposal"], set()).add(message.card_state)
        now = Counter({c.payload["proposal"]: c.card_state for c in cards(self.desk)}.values())
        answered = replies(self.desk)
        edited = sum(EDITED in reply.text + reply.block_text for reply in answered)
        usage = [message["usage"] for message in self.desk.model.replies]
        read = sum(one.get("cache_read_input_tokens", 0) for one in usage)
        written = sum(one.get("cache_creation_input_tokens", 0) for one in usage)
        tickets = sum(
            m.user == "U0CUSTOMER" and m.channel == "C0SUPPORT" and not m.thread_ts
            for m in space.posted
        )
        return {
            "tickets": tickets,
            "proposals": sum("pending" in states for states in ever.values()),
            "handoffs": sum("handoff" in states for states in ever.values()),
            "waiting": now["pending"] + now["handoff"],
            "approved": len(answered) - edited,
            "edited": edited,
            "rejected": now["rejected"],
            "by_reason": dict(Counter(self.reasons.values())),
            "superseded": now["superseded"],
            "expired": now["expired"],
            "succeeded": len(answered),
            "failed": now["failed"],
            "unknown": now["unknown"],
            "calls": len(self.desk.model.replies),
            "tokens_in": sum(one["input_tokens"] for one in usage) + read + written,
            "tokens_out": sum(one["output_tokens"] for one in usage),
            "tokens_cached": read,
            "usd": billed(self.desk),
        }


def shown(text: str) -> dict[str, Any]:
    """The figures of ``/agent status``, read as a program reads them: the first figure after the
    word is the total."""

    def line(word: str) -> str:
        (found,) = (one for one in text.splitlines() if one.startswith(f"{word}: "))
        return found.removeprefix(f"{word}: ")

    def number(word: str) -> int:
        found = re.match(r"\d+", line(word))
        assert found is not None, line(word)
        return int(found[0])

    calls = re.match(
        r"(\d+), (\d+) tokens in \((\d+) from the cache\), (\d+) out",
        re.sub(r"(?<=\d),(?=\d{3})", "", line("model calls")),
    )
    assert calls is not None, line("model calls")
    reasons = re.findall(r"([a-z_]+) (\d+)[,)]", line("rejected").partition("(")[2])
    return {
        **{name: number(name) for name in ("tickets", "proposals", "waiting", "approved")},
        **{name: number(name) for name in ("edited", "rejected", "superseded", "expired")},
        **{name: number(name) for name in ("succeeded", "failed", "unknown")},
        "handoffs": number("handoff"),
        "by_reason": {name: int(count) for name, count in reasons},
        "calls": int(calls[1]),
        "tokens_in": int(calls[2]),
        "tokens_cached": int(calls[3]),
        "tokens_out": int(calls[4]),
        "usd": line("cost").partition(",")[0],
    }


async def compare(mix: Mix) -> dict[str, tuple[Any, Any]]:
    """Figure by figure: what ``/agent status`` says, and what was counted by hand."""
    answer = await mix.desk.people.command("status 24h", user="U0NOBODY")
    assert answer.ok, answer
    said, counted = shown(answer.body["text"]), mix.expected()
    counted["usd"] = f"${counted['usd']:.4f}"
    assert said.keys() == counted.keys()
    return {name: (said[name], counted[name]) for name in counted}
