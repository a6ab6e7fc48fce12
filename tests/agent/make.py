"""What the loop's tests are made of: a ticket, a playbook, and the outside played in memory."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from pydantic import BaseModel, ConfigDict

from bot.agent.draft_check import Source
from bot.agent.kit import AnyKit, make_kit
from bot.agent.loop import run_agent
from bot.agent.prompting import built_in_prompt
from bot.agent.run import AgentPorts, Drafted, Job, RunOutcome
from bot.agent.triage import triage_kind
from bot.budget import AtCap, CapReached, Price, Reservation, Usage
from bot.domain import Author, Message, Place, Run, Ticket
from bot.journal import Entry
from bot.playbook import ActionUse, Limits, Playbook, Route
from bot.ports import (
    Answer,
    Model,
    ModelFailed,
    Prompt,
    StopReason,
    StoreUnavailable,
    ToolCall,
)
from tools.spec import ActionSpec, Findings, Passage, ReadContext, ReadTool

NOW = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)

ARTICLES = {
    "refunds.md": Source(
        "refunds.md",
        "Refunds",
        "# Refunds\n\nA yearly plan can be refunded within 14 days of the\nrenewal. "
        "The money is on the card 5 working days later.\n\nMonthly plans are not refunded.",
        "https://kb.example/refunds",
    ),
    "hub.md": Source("hub.md", "The hub", "The hub uses networks of 2.4 GHz only.", None),
}

REPLY = (
    "Hi Petra,\n\nA yearly plan can be refunded within 14 days of the renewal. "
    "The money is on the card 5 working days later.\n\nBest regards"
)
QUOTES = [
    {
        "article": "refunds.md",
        "quote": "A yearly plan can be refunded within 14 days of the renewal.",
    },
    {"article": "refunds.md", "quote": "The money is on the card 5 working days later."},
]


class ManualClock:
    """Time that moves only when a test, or a wait, moves it."""

    def __init__(self) -> None:
        self.seconds = 100.0
        self.slept: list[float] = []

    def now(self) -> datetime:
        return NOW + timedelta(seconds=self.seconds)

    def monotonic(self) -> float:
        return self.seconds

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.seconds += seconds


class Till:
    """The money port with its caps: a run's, a playbook's, a day's."""

    def __init__(self, day: str = "20", playbook: str | None = None) -> None:
        self.caps = {"day": Decimal(day), "playbook": Decimal(playbook or day)}
        self.by_run: dict[str, Decimal] = {}
        self.total = Decimal(0)
        self.strict = True
        self.open: dict[str, Reservation] = {}
        self.reserved: list[Decimal] = []
        self.settled: list[Decimal] = []
        self.entries: list[Entry] = []
        """The lines that came with a payment."""

    async def reserve(
        self, run: str, playbook: str, usd: Decimal, run_cap: Decimal, lost: Entry | None = None
    ) -> Reservation | CapReached:
        left = {
            "run": run_cap - self.by_run.get(run, Decimal(0)),
            "playbook": self.caps["playbook"] - self.total,
            "day": self.caps["day"] - self.total,
        }
        for cap in ("run", "playbook", "day"):
            if usd > left[cap]:
                return CapReached(cap, left[cap])
        number = str(len(self.reserved))
        reservation = Reservation(id=number, run=run, playbook=playbook, usd=usd, day="2026-11-20")
        self.open[number] = reservation
        self.reserved.append(usd)
        self.by_run[run] = self.by_run.get(run, Decimal(0)) + usd
        self.total += usd
        return reservation

    async def settle(
        self, reservation: Reservation | None, usd: Decimal, entries: Sequence[Entry] = ()
    ) -> None:
        self.entries.extend(entries)
        if reservation is None:
            return
        del self.open[reservation.id]
        assert usd <= reservation.usd or not self.strict, "a call cost more than its worst case"
        self.settled.append(usd)
        self.by_run[reservation.run] += usd - reservation.usd
        self.total += usd - reservation.usd

    async def release(self, reservation: Reservation) -> None:
        await self.settle(reservation, Decimal(0))


def final(**changes: Any) -> str:
    """A final answer as JSON, good unless changed."""
    answer = {
        "outcome": "reply",
        "labels": ["billing"],
        "priority": "normal",
        "route": "billing",
        "citations": QUOTES,
        "reply": REPLY,
        "confidence": "high",
        "reason": "It asks for a refund of the yearly plan.",
        "missing": [],
    }
    return json.dumps({**answer, **changes})


@dataclass(frozen=True)
class Say:
    """One scripted answer of a model."""

    text: str = ""
    calls: tuple[tuple[str, Any], ...] = ()
    stop: StopReason | None = None
    seconds: float = 0.0
    usage: Usage = field(default_factory=lambda: Usage(input_tokens=900, output_tokens=120))


Scripted = Say | ModelFailed | Callable[[Prompt], "Say | ModelFailed"]

SEARCH = Say(calls=(("search_kb", {"query": "refund yearly plan"}),))
PRICES = {
    "small": Price(Decimal("0.1"), Decimal("0.5"), Decimal("0.01"), Decimal("0.125")),
    "large": Price(Decimal(2), Decimal(10), Decimal("0.1"), Decimal("2.5")),
}


class ScriptedModel:
    """A model that says what a test wrote. The last line is said again when the script is over."""

    def __init__(self, *script: Scripted, clock: ManualClock, name: str = "anthropic") -> None:
        self.script = list(script)
        self.clock = clock
        self.prompts: list[Prompt] = []
        self._name = name

    @property
    def name(self) -> str:
        return self._name

    def price(self, model: str) -> Price | None:
        zero = Decimal(0)
        return Price(zero, zero, zero, zero) if self._name == "local" else PRICES.get(model)

    def worst_case_tokens(self, prompt: Prompt) -> int:
        results = sum(len(r.text.encode()) for turn in prompt.turns for r in turn.results)
        return len(prompt.system) // 2 + len(prompt.ticket_text.encode()) + results

    async def answer(self, prompt: Prompt) -> Answer:
        self.prompts.append(prompt)
        said = self.script.pop(0) if len(self.script) > 1 else self.script[0]
        if callable(said):
            said = said(prompt)
        if isinstance(said, ModelFailed):
            raise said
        self.clock.seconds += said.seconds
        number = len(self.prompts)
        calls = tuple(
            ToolCall(f"call_{number}_{n}", name, args) for n, (name, args) in enumerate(said.calls)
        )
        stop = said.stop or ("tool_use" if calls else "end_turn")
        return Answer(prompt.model, said.text, calls, stop, said.usage, [{"said": number}])


class QueryArgs(BaseModel):
    model_config = ConfigDict(extra="forbid")

    query: str


class MemorySearch:
    """A read tool over ``ARTICLES``; ``plays`` may stand in its place for one reading."""

    name = "search_kb"
    description = "Search the articles."
    doing = "Searching the knowledge base"
    args_model: type[BaseModel] = QueryArgs

    def __init__(self) -> None:
        self.queries: list[str] = []
        self.plays: Callable[[], Findings] | None = None
        self.hangs: Callable[[], Awaitable[Findings]] | None = None
        self.article: str | None = None

    async def read(self, args: QueryArgs, context: ReadContext) -> Findings:
        self.queries.append(args.query)
        if self.hangs is not None:
            return await self.hangs()
        if self.plays is not None:
            return self.plays()
        if self.article is not None:
            return Findings(self.article, (Passage("evil.md", "Evil", self.article, 1.0),))
        found = tuple(
            Passage(source.article, source.title, source.text, 1.0, source.url)
            for source in ARTICLES.values()
        )
        return Findings("\n\n".join(p.quote for p in found), found)


class NoteArgs(BaseModel):
    model_config = ConfigDict(extra="forbid")

    note: str


PLAYBOOK = Playbook(
    name="support",
    labels={"billing": "Money", "how_to": "How do I"},
    routes={"billing": Route(), "default": Route()},
    research=("search_kb",),
)
SEND_REPLY = ActionSpec("send_reply", "Answers the ticket.", NoteArgs)
ADD_NOTE = ActionSpec("add_note", "Adds a note for colleagues.", NoteArgs)
WITH_NOTE = PLAYBOOK.model_copy(
    update={"actions": (ActionUse(tool="send_reply"), ActionUse(tool="add_note"))}
)


def ticket(text: str = "Our yearly plan renewed. Can I get the money back?", **more: Any) -> Ticket:
    author = Author(surface="webhook", id="c-1", name="Petra Quill", email="petra@example.com")
    fields: dict[str, Any] = {
        "id": "t_1",
        "tenant": "demo",
        "playbook": "support",
        "origin": Place(surface="webhook", place="helpdesk", thread="1"),
        "author": author,
        "subject": "Renewal",
        "messages": (Message(id="m1", author=author, text=text, at=NOW),),
        "created_at": NOW,
    }
    return Ticket(**{**fields, **more})


class Bench:
    """One run's surroundings. Change what a test is about, then ``await bench.run()``."""

    def __init__(self, *script: Scripted, local: Sequence[Scripted] | None = None) -> None:
        self.clock = ManualClock()
        self.model: Model = ScriptedModel(*script, clock=self.clock)
        self.local = ScriptedModel(*local, clock=self.clock, name="local") if local else None
        self.till = Till()
        self.search = MemorySearch()
        self.more_tools: list[ReadTool] = []
        self.playbook = PLAYBOOK
        self.ticket = ticket()
        self.feedback: tuple[str, ...] = ()
        self.entries: list[Entry] = []
        self.lines: list[str] = []
        self.cancel_at: int | None = None
        self.away_at: int | None = None
        """After so many calls the store cannot say whether the ticket has moved on."""
        self.research_model, self.draft_model = "small", "large"
        self.at_cap: AtCap = "local"
        self.mask_inbound = False

    @property
    def prompts(self) -> list[Prompt]:
        assert isinstance(self.model, ScriptedModel)
        return self.model.prompts

    def limits(self, **changes: Any) -> None:
        self.playbook = self.playbook.model_copy(update={"limits": Limits(**changes)})

    def kit(self) -> AnyKit[Drafted]:
        return make_kit(
            self.playbook,
            built_in_prompt("triage"),
            [self.search, *self.more_tools],
            triage_kind(self.playbook, [SEND_REPLY, ADD_NOTE]),
            research_model=self.research_model,
            draft_model=self.draft_model,
        )

    async def run(self) -> RunOutcome:
        async def record(entries: Sequence[Entry]) -> None:
            self.entries.extend(entries)

        async def source(article: str) -> Source | None:
            return ARTICLES.get(article)

        async def cancelled() -> bool:
            if self.away_at is not None and len(self.prompts) >= self.away_at:
                raise StoreUnavailable("away")
            return self.cancel_at is not None and len(self.prompts) >= self.cancel_at

        async def doing(words: str) -> None:
            self.lines.append(words)

        self.till.entries = self.entries  # one record, in the order in which it is written
        run = Run(id="r_1", generation=1, not_before=NOW, feedback=self.feedback)
        outcome = await run_agent(
            Job(self.ticket, run, {"send_reply": "the helpdesk", "add_note": "the ticket"}),
            self.kit(),
            AgentPorts(
                self.model,
                self.local,
                self.till,
                self.clock,
                source,
                record,
                self.clock.sleep,
                self.at_cap,
                mask_inbound=self.mask_inbound,
            ),
            cancelled=cancelled,
            doing=doing,
        )
        assert not self.till.open, "a reservation was left unsettled"
        return outcome
