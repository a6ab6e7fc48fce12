"""The sample desk as the demo has it: playbook, articles searched, the local model over it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from bot.agent.answer import FinalAnswer, answer_form
from bot.agent.prompting import built_in_prompt
from bot.config_file import load
from bot.demo.tickets import DESK
from bot.domain import Author, Message, Place, Run, Ticket
from bot.models.local.brain import TextBrain
from bot.models.local.model import LocalModel
from bot.playbook import Playbook
from bot.ports import Answer, Prompt, ToolDescription, ToolResult, Turn
from tools.research.knowledge import KnowledgeIndex
from tools.research.search_kb import OF_BEST, PASSAGES
from tools.spec import Findings

AT = datetime(2026, 3, 2, 9, tzinfo=UTC)
SEARCH = ToolDescription(
    "search_kb", "Articles.", {"type": "object", "properties": {"query": {"type": "string"}}}
)
TRIAGE = built_in_prompt("triage")


def tickets() -> list[dict[str, Any]]:
    """The sample tickets with their right labels and articles."""
    return [json.loads(line) for line in (DESK / "gold.jsonl").read_text("utf-8").splitlines()]


@dataclass(frozen=True)
class SampleDesk:
    """A run over it is two calls of the model, with the searches in between."""

    playbook: Playbook
    model: LocalModel
    index: KnowledgeIndex

    def text_of(self, article: str) -> str:
        found = self.index.article(article)
        assert found is not None, article
        return found.text

    async def ask(
        self, body: str, subject: str = "", *, feedback: tuple[str, ...] = (), runs: int = 1
    ) -> FinalAnswer:
        return (await self.calls(body, subject, feedback=feedback, runs=runs))[1]

    async def calls(
        self, body: str, subject: str = "", *, feedback: tuple[str, ...] = (), runs: int = 1
    ) -> tuple[tuple[Answer, Answer], FinalAnswer]:
        """Both answers as the model gave them, and the latter read."""
        author = Author(surface="webhook", id="c1", name="Ada Lovelock")
        ticket = Ticket(
            id="t1",
            tenant="demo",
            playbook=self.playbook.name,
            origin=Place(surface="terminal", place="outbox"),
            author=author,
            subject=subject,
            messages=(Message(id="m1", author=author, text=body, at=AT),),
            created_at=AT,
            runs=runs,
        )
        run = Run(id="r1", generation=1, not_before=AT, feedback=feedback)
        prompt = self.prompt(ticket, run, ())
        research = await self.model.answer(prompt)
        results = tuple(
            ToolResult(call, "", findings=Findings("", self.search(call.args["query"])))
            for call in research.calls
        )
        turns = (Turn("local", None, research.calls, results),) if results else ()
        form = answer_form(self.playbook, [])
        drafted = self.prompt(ticket, run, turns, schema=form.schema)
        final = await self.model.answer(drafted)
        return (research, final), form.read(final.text)

    def search(self, query: str) -> Any:
        return self.index.search(query, PASSAGES, of_best=OF_BEST)

    def prompt(
        self, ticket: Ticket, run: Run, turns: Sequence[Turn], *, schema: Any = None
    ) -> Prompt:
        return Prompt(
            model="local",
            system="the same for every ticket",
            ticket_text=TRIAGE.ticket(ticket, run),
            ticket=ticket,
            feedback=run.feedback,
            turns=tuple(turns),
            toolbox=() if turns else (SEARCH,),
            schema=schema,
            max_tokens=900,
            timeout_seconds=5.0,
            prompt_name="triage",
            prompt_version="v1",
            playbook=self.playbook.name,
        )


def sample_desk(data: Path) -> SampleDesk:
    """The sample desk with its index in ``data``."""
    file = load(DESK / "desk.yaml")
    playbook = file.config.playbooks["support"]
    examples = ((one.text, one.label) for one in file.examples(playbook))
    model = LocalModel({playbook.name: TextBrain(playbook, examples)})
    return SampleDesk(playbook, model, KnowledgeIndex(file.knowledge_paths, data))
