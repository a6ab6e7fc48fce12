"""One customer's secrets, approved into the examples, and looked for in what others get.

Invariant 15: what one customer wrote never reaches another's draft. The oracle is the model
stand-in's log of raw requests, beside the drafts and cards of the other customers' tickets.
"""

from __future__ import annotations

import random
import re
import string
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp

from tests.live.product import SECRET, Live, live
from tests.live.steps import Helpdesk, becomes, card_that, cards, config, idle, words
from tests.standins.anthropic import Request, Step, json_reply, server_error, tool_reply
from tests.standins.sink import sink_standin

OWNER = {"id": "c-9", "name": "Wilhelmina Oxblood", "email": "w.oxblood@ox.example"}
ABOUT = "My yearly plan renewed and I want a refund of the invoice to my card, please."
OTHERS = ("U0CUSTOMER", "U0CUSTOMER2", "U0MANAGER", "U0AGENT2", "U0NOBODY")
_OWN_NUMBERS = re.compile(r"https?://\S+|<!date[^>]*>|[pt]_\w+|\$[\d.]+")
_FIRST = ("Hope", "Bill", "Will", "May")
_LAST = ("White", "Black", "Price", "Page", "Long", "Short", "Case", "Street")
_DIGITS = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"]


@dataclass(frozen=True)
class Secret:
    """A sentence with a secret, and the pieces of it that must not be found: squeezed."""

    sentence: str
    needles: tuple[str, ...]
    blank: str
    """The sentence without the secret, as somebody else might write it."""


@dataclass
class Leaks:
    """What was planted, and which of it was found where it must not be."""

    planted: int = 0
    learnt: int = 0
    others: int = 0
    shown_examples: int = 0
    """Requests for other customers' tickets that held an earlier ticket."""
    kept: list[str] = field(default_factory=list)
    told: list[str] = field(default_factory=list)
    drafted: list[str] = field(default_factory=list)

    @property
    def clean(self) -> bool:
        return not (self.kept or self.told or self.drafted) and self.shown_examples > 0


def squeezed(text: str) -> str:
    """Letters and digits alone, case-folded: how a secret is recognised however it is written."""
    return "".join(c for c in unicodedata.normalize("NFKC", text).casefold() if c.isalnum())


class _Maker:
    """Random parts of secrets."""

    def __init__(self, seed: int) -> None:
        self.rng = random.Random(seed)

    def digits(self, count: int) -> str:
        return "".join(self.rng.choices(string.digits, k=count))

    def letters(self, count: int) -> str:
        return "".join(self.rng.choices(string.ascii_lowercase, k=count))

    def mixed(self, count: int) -> str:
        return "".join(self.rng.choices(string.ascii_letters + string.digits, k=count))

    def name(self) -> str:
        """A name that nobody has, of seven letters or more."""
        pairs = (self.rng.choice("bdfgklmnprtvz") + self.rng.choice("aeiou") for _ in range(4))
        return "".join(pairs).title()

    def common_name(self) -> str:
        """A name of words that everybody writes."""
        return f"{self.rng.choice(_FIRST)} {self.rng.choice(_LAST)}"

    def spelled(self, count: int) -> str:
        return " ".join(self.rng.choice(_DIGITS) for _ in range(count))


Kind = Callable[[_Maker], tuple[str, tuple[str, ...]]]
"""A way to give a secret away: a sentence with gaps, and what goes into them."""


def _kinds() -> tuple[Kind, ...]:
    def whole(pattern: str, make: Callable[[_Maker], str]) -> Kind:
        return lambda maker: (pattern, (make(maker),))

    def named(pattern: str) -> Kind:
        return lambda maker: (pattern, (maker.name(), maker.name()))

    def groups(*sizes: int) -> Callable[[_Maker], str]:
        return lambda maker: " ".join(maker.digits(size) for size in sizes)

    return (
        whole("My API key is sk-live-{}.", lambda m: m.mixed(24)),
        whole("The key AKIA{} does not work.", lambda m: m.mixed(16).upper()),
        whole("I use ghp_{} for it.", lambda m: m.mixed(36)),
        whole("The header is Bearer eyJhbGciOi.{}", lambda m: f"{m.mixed(20)}.{m.mixed(20)}"),
        whole("My card is {}.", groups(4, 4, 4, 4)),
        whole("Card {} please.", lambda m: m.digits(16)),
        whole("Refund to DE{}.", groups(2, 4, 4, 4, 4)),
        whole("Call me at +49 {}.", lambda m: f"{m.digits(3)} {m.digits(4)}-{m.digits(4)}"),
        whole("My PIN is {}, is that wrong?", lambda m: m.spelled(6)),
        whole("Call me at {} today.", lambda m: m.spelled(9)),
        whole("Please ask my husband {} about it.", lambda m: m.common_name()),
        whole("My wife {}, who is ill, paid it.", lambda m: m.common_name()),
        named("Ask my colleague {} {} about it."),
        named("my brother {} {} paid it"),
        named("It is for Dr. {}-{}, who is ill."),
        named("I live in {} street 7, {}."),
        named("The project is called {}{}."),
        named("Mein Name ist {} und ich wohne in {}."),
        whole("Write to {}@mail.example.", lambda m: f"{m.name()}.{m.name()}"),
        whole("Write to {} at gmail dot com.", lambda m: m.letters(9)),
        whole("The order was ORD-{}.", lambda m: f"{m.digits(4)}-{m.letters(5).upper()}"),
        whole("It was sent as {}DE.", lambda m: f"{m.letters(3).upper()}{m.digits(9)}"),
        whole("My password is {}!", lambda m: m.letters(11)),
        whole("The password is {}.", lambda m: f"{m.letters(4)}#{m.digits(4)}%{m.letters(4)}"),
        whole("My passport is {}.", lambda m: f"C{m.digits(8)}"),
        whole("I am @{} there.", lambda m: f"{m.name()}{m.digits(3)}"),
        whole("It is in C:\\Users\\{}\\secrets.txt", lambda m: m.name()),
        whole("See https://pay.example/reset?token={} please.", lambda m: m.mixed(22)),
        whole("My server is {}.", lambda m: f"10.{m.digits(3)}.{m.digits(3)}.{m.digits(3)}"),
        whole("I was born on {}.", lambda m: f"19{m.digits(2)}-0{m.digits(1)}-1{m.digits(1)}"),
        whole("I am at {}.", lambda m: f"52.{m.digits(6)}, 13.{m.digits(6)}"),
        whole("It spells {}.", lambda m: " ".join(m.letters(8))),
        whole("Full width: {}", lambda m: "".join(chr(ord(d) + 0xFEE0) for d in m.digits(10))),
        whole("Hidden: {}", lambda m: "\u200b".join(m.letters(10))),
        whole("My doctor says I have {}itis.", lambda m: m.name()),
    )  # fmt: skip


KINDS = len(_kinds())


def _needles(piece: str) -> tuple[str, ...]:
    """The whole of it, but three words of a number that is spelled out."""
    said = piece.split()
    if said[0] not in _DIGITS:
        return (squeezed(piece),)
    return tuple("".join(said[at : at + 3]) for at in range(len(said) - 2))


def secrets(count: int, seed: int) -> list[Secret]:
    """``count`` different secrets, every kind in turn."""
    maker, kinds, made = _Maker(seed), _kinds(), []
    for number in range(count):
        pattern, pieces = kinds[number % len(kinds)](maker)
        needles = tuple(needle for piece in pieces for needle in _needles(piece))
        made.append(Secret(pattern.format(*pieces), needles, pattern.format(*("" for _ in pieces))))
    return made


def found_in(text: str, planted: list[Secret]) -> list[str]:
    """The sentences of which a piece stands in ``text``."""
    flat = squeezed(text)
    return [one.sentence for one in planted if any(needle in flat for needle in one.needles)]


def _gossip(request: Request) -> Step:
    """A model that looks at earlier tickets and repeats all that it was told."""
    ticket = request.messages[0]["content"][0]["text"]
    if "[broken]" in ticket:
        return server_error()
    if request.output_schema is None:
        return tool_reply(("similar_tickets", {}), ("search_kb", {"query": "refund invoice"}))
    heard = " ".join(text for text in request.texts if text not in request.system_text)
    return json_reply(
        {
            "outcome": "reply", "labels": ["billing"], "priority": "normal", "route": "billing",
            "citations": [], "reply": f"Hello. {heard[:2500]}", "confidence": "high",
            "reason": heard[:500], "missing": [heard[:300]],
        }
    )  # fmt: skip


async def leaks(folder: Path, redis_url: str, count: int, seed: int = 1) -> Leaks:
    """Plant ``count`` secrets, approve them, and see what other customers' tickets get."""
    planted = secrets(count, seed)
    found = Leaks(planted=count)
    async with sink_standin(secret=SECRET) as sink:
        webhook = {"kind": "generic", "secret_env": "HELPDESK_SECRET", "reply_url": sink.reply_url}
        file = config(
            {"limits": {"usd": 1, "runs_per_author_hour": 1_000_000}},
            budget={"usd_per_day": 100_000},
            webhooks={"helpdesk": webhook},
        )
        async with (
            live(folder, redis_url, config=file, brain=_gossip) as desk,
            aiohttp.ClientSession() as session,
        ):
            await _teach(desk, Helpdesk(desk.product.url, session), planted)
            found.learnt = len(sink.received)
            await _ask_for_others(desk, planted, found)
    return found


async def _teach(desk: Live, helpdesk: Helpdesk, planted: list[Secret]) -> None:
    """The owner writes, and each draft, which repeats the secret, is approved."""
    for number, one in enumerate(planted):
        body = f"{ABOUT} {one.sentence}"
        assert await helpdesk.send({"id": f"n-{number}", "body": body, "author": OWNER}) == 200
        card = await card_that(desk, "pending")
        assert found_in(words(card), [one]), "its own card does show it"
        await desk.people.click("U0AGENT", card, "deskhand.approve")
        await becomes(desk, card, "succeeded")


async def _ask_for_others(desk: Live, planted: list[Secret], found: Leaks) -> None:
    """Others write the same sentences without the secrets; for some the provider is down."""
    before, known = len(desk.model.requests), {card.ts for card in cards(desk)}
    wanted = [*planted, Secret("the owner's name", ("wilhelmina", "oxblood"), "")]
    for number, one in enumerate(planted):
        broken = " [broken]" if number % 10 == 0 else ""
        user = OTHERS[number % len(OTHERS)]
        assert (await desk.people.message(f"{ABOUT} {one.blank}{broken}", user=user)).ok
        if number % 20 == 19:
            await idle(desk, "deliver", "run", "card", timeout=60)
    await idle(desk, "deliver", "run", "card", timeout=60)
    _, examples = await desk.product.store.examples("support")
    found.kept = found_in(" ".join(f"{one.text} {one.reply}" for one in examples), wanted)
    requests = desk.model.requests[before:]
    shown = ["labels: billing; route: billing" in "".join(one.texts) for one in requests]
    found.shown_examples = sum(shown)
    found.told = found_in("\n".join(text for one in requests for text in one.texts), wanted)
    theirs = [card for card in cards(desk) if card.ts not in known]
    found.others = len(theirs)
    drafts = []
    for card in theirs:
        case = await desk.product.store.case(card.payload["proposal"])
        assert case is not None
        drafts.append(case[0].value.model_dump_json(include={"content", "why", "handoff"}))
        drafts.append(_OWN_NUMBERS.sub(" ", words(card)))
    found.drafted = found_in("\n".join(drafts), wanted)
