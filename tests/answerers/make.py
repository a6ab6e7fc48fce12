"""What the answerers' tests are made of: a conversation, a scripted model, readers in memory."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from bot.agent.draft_check import Source as Article
from bot.agent.prompting import built_in_prompt
from bot.agent.run import AgentPorts, Job
from bot.answerers.screen import ScreenAnswers, checklist
from bot.answerers.sources import Sources
from bot.answerers.summary import SummaryAnswers, summary_kit
from bot.answering import Answerer, AnswerOutcome
from bot.domain import Actor, Ask, Author, Message, Place, Run, Ticket
from bot.journal import Entry
from bot.playbook import Playbook
from bot.ports import Model, Prompt
from bot.ports.conversations import Conversation, NotShown, Said
from bot.screen import read_policy
from tests.agent.make import ManualClock, Say, Scripted, ScriptedModel, Till

AT = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)
HIDDEN = NotShown("It is not there, or not for you.")
ASKER = Actor(surface="slack", team="T0TEAM", id="U0AGENT")


def link(number: int) -> str:
    return f"https://acme.slack.example/archives/C1/p{number:016}"


def said(*lines: tuple[str, str], files: tuple[str, ...] = ()) -> tuple[Said, ...]:
    """Messages by (author, text), a minute apart."""
    return tuple(
        Said(link(number), author, text, AT + timedelta(minutes=number), files)
        for number, (author, text) in enumerate(lines, 1)
    )


THREAD = said(
    ("Alex Agent", "Shall we ship on Friday?"),
    ("Mina Manager", "We decided on Monday. Alex Agent writes the note."),
    ("Alex Agent", "I moved the release. Who tells Globex?"),
)


@dataclass
class MemoryThreads:
    """Threads by their root's id in channel ``C1``; every other place is hidden."""

    held: dict[str, Conversation] = field(default_factory=dict)
    asked: list[tuple[Actor, Place, str | None]] = field(default_factory=list)
    hangs: bool = False

    async def locate(self, address: str) -> Place | NotShown | None:
        if not address.startswith("https://acme.slack.example/archives/"):
            return None
        channel, _, message = address.removeprefix(
            "https://acme.slack.example/archives/"
        ).partition("/p")
        return Place(surface="slack", place=channel, thread=message, message=message)

    async def read(
        self, asker: Actor, place: Place, *, without: str | None = None
    ) -> Conversation | NotShown:
        self.asked.append((asker, place, without))
        if self.hangs:
            await asyncio.Event().wait()
        return self.held.get(f"{place.place}/{place.thread}", HIDDEN)


@dataclass
class MemoryPulls:
    held: dict[str, Conversation] = field(default_factory=dict)

    def recognises(self, url: str) -> bool:
        return url.startswith("https://github.com/")

    async def read(self, url: str) -> Conversation | NotShown:
        return self.held.get(url, HIDDEN)


def points(*items: tuple[str, str, str, int]) -> Say:
    """A summary as a model gives it: (kind, who, words, message)."""
    keys = ("kind", "who", "words", "message")
    return Say(json.dumps({"items": [dict(zip(keys, item, strict=True)) for item in items]}))


def judged(*verdicts: tuple[str, str, str | None]) -> Say:
    """A screen's verdicts as a model gives them: (rule, verdict, quote)."""
    return Say(
        json.dumps(
            {
                "verdicts": [
                    {"rule": rule, "verdict": verdict, "quote": quote, "why": f"why {rule}"}
                    for rule, verdict, quote in verdicts
                ]
            }
        )
    )


POLICY = """
rules:
  - {id: no_customers, rule: No names of other customers., words: [Globex], hint: say a customer}
  - {id: no_dates, rule: No date is promised.}
  - {id: polite, rule: The tone is polite.}
  - {id: codes, rule: No internal codes., pattern: "INT-[0-9]{4}"}
"""


class Bench:
    """One ask's surroundings. Change what a test is about, then ``await bench.ask(...)``."""

    def __init__(self, *script: Scripted, kind: str = "summary", local: bool = False) -> None:
        self.clock = ManualClock()
        name = "local" if local else "anthropic"
        self.model: Model = ScriptedModel(*(script or (Say(),)), clock=self.clock, name=name)
        self.till = Till()
        self.entries: list[Entry] = []
        self.lines: list[str] = []
        self.playbook = Playbook.model_validate({"name": "asked", "kind": kind})
        self.policy = POLICY
        self.mask_inbound = False
        self.draft_model = "large"
        self.threads = MemoryThreads({"C1/1.0": Conversation("a Slack thread", THREAD)})
        self.pulls = MemoryPulls()
        self.cancel_at: int | None = None

    @property
    def prompts(self) -> list[Prompt]:
        assert isinstance(self.model, ScriptedModel)
        return self.model.prompts

    def thread(self, *lines: tuple[str, str], names: Sequence[str] = ()) -> None:
        self.threads.held["C1/1.0"] = Conversation("a Slack thread", said(*lines), frozenset(names))

    def limits(self, **changes: Any) -> None:
        limits = self.playbook.limits.model_copy(update=changes)
        self.playbook = self.playbook.model_copy(update={"limits": limits})

    def answerer(self) -> Answerer:
        sources = Sources({"slack": self.threads}, self.pulls)
        models = {"research_model": "small", "draft_model": self.draft_model}
        prompt = built_in_prompt(self.playbook.kind)
        if self.playbook.kind == "summary":
            return SummaryAnswers(
                {"asked": summary_kit(self.playbook, prompt, (), **models)}, sources
            )
        policy = read_policy(self.policy, "policy.yaml")
        return ScreenAnswers(
            {"asked": checklist(self.playbook, policy, prompt, (), **models)}, sources
        )

    async def ask(
        self,
        words: str = "",
        *,
        surface: str = "slack",
        thread: str | None = "1.0",
        by: Answerer | None = None,
        playbook: str = "asked",
    ) -> AnswerOutcome:
        verb = "summarize" if self.playbook.kind == "summary" else "screen"
        place = Place.model_validate({"surface": surface, "place": "C1", "thread": thread})
        author = Author(surface="slack", id=ASKER.id, name="Alex Agent", team=ASKER.team)
        ticket = Ticket(
            id="t_1",
            tenant="demo",
            playbook="asked",
            origin=place,
            author=author,
            asker=ASKER,
            messages=(Message(id="9.0", author=author, text=f"{verb} {words}", at=AT),),
            ask=Ask.model_validate({"verb": verb, "words": words, "message": "9.0"}),
            created_at=AT,
        )

        async def record(entries: Sequence[Entry]) -> None:
            self.entries.extend(entries)

        async def source(article: str) -> Article | None:
            return None

        async def cancelled() -> bool:
            return self.cancel_at is not None and len(self.prompts) >= self.cancel_at

        async def doing(line: str) -> None:
            self.lines.append(line)

        self.till.entries = self.entries
        outcome = await (by or self.answerer()).answer(
            Job(ticket, Run(id="r_1", generation=1, not_before=AT), {}),
            self.playbook.model_copy(update={"name": playbook}),
            AgentPorts(
                self.model,
                None,
                self.till,
                self.clock,
                source,
                record,
                self.clock.sleep,
                mask_inbound=self.mask_inbound,
            ),
            cancelled=cancelled,
            doing=doing,
        )
        assert not self.till.open, "a reservation was left unsettled"
        return outcome
