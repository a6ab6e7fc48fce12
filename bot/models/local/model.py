"""The local model behind ``bot.ports.Model``: the same prompts answered with no network.

It reads no prose: a research step becomes one call of each research tool with the ticket's words,
and the final answer is made from the tools' findings as data. What it thinks with is a ``Brain``;
this module only turns a ``Prompt`` into its questions and its answers into the schema's JSON.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Protocol

from bot.budget import Price, Usage
from bot.domain import Confidence, Ticket
from bot.ports import Answer, ModelFailed, Prompt, StopReason, ToolCall
from tools.spec import Passage, SimilarTicket

NAME = "local"
QUERY_LIMIT = 4_000
"""Characters of a ticket that are looked up."""

_FREE = Price(Decimal(0), Decimal(0), Decimal(0), Decimal(0))


@dataclass(frozen=True)
class Guess:
    """What kind of ticket it is. Each name is one of the playbook's."""

    labels: tuple[str, ...]
    priority: str | None
    route: str
    confidence: Confidence
    reason: str
    is_request: bool = True
    in_scope: bool = True
    """False: it is like nothing that is known, and the labels are a guess."""


@dataclass(frozen=True)
class LocalDraft:
    """A reply made of an article's own sentences, and those sentences as (article id, quote)."""

    reply: str
    quotes: tuple[tuple[str, str], ...]
    sure: bool = True
    """False: an article fits, but not without doubt, or a question stays open."""
    missing: tuple[str, ...] = ()
    """What it leaves unanswered, in words."""


class Brain(Protocol):
    """What the local model thinks with, one for each playbook. Blocking, and quick."""

    def lookups(self, ticket: Ticket) -> tuple[str, ...]:
        """What to search the articles for, a text for each; none where the ticket is empty."""
        ...

    def guess(self, ticket: Ticket, similar: Sequence[SimilarTicket]) -> Guess:
        """Labels, priority, route and how sure; ``similar`` are approved tickets like it."""
        ...

    def draft(
        self, ticket: Ticket, guess: Guess, found: Mapping[str, Sequence[Passage]]
    ) -> LocalDraft | None:
        """A reply from what was found, or None where nothing answers the ticket. ``found`` are
        the passages of each search, by its text, best first."""
        ...


class LocalModel:
    """``brains`` by the names of their playbooks."""

    def __init__(self, brains: Mapping[str, Brain]) -> None:
        self._brains = brains

    @property
    def name(self) -> str:
        return NAME

    def price(self, model: str) -> Price | None:
        """Nothing, whatever it is called."""
        return _FREE

    def worst_case_tokens(self, prompt: Prompt) -> int:
        """None: nothing is billed."""
        return 0

    async def answer(self, prompt: Prompt) -> Answer:
        """Tool calls for a research step, else the final answer. Raises ``ModelFailed`` where it
        knows nothing of the playbook."""
        brain = self._brains.get(prompt.playbook)
        looked_up = any(turn.results for turn in prompt.turns)
        calls = () if looked_up else _calls(prompt, brain)
        if calls or prompt.schema is None:
            return _answer(calls=calls)
        if brain is None:
            words = f"The local model has not been readied for playbook {prompt.playbook}."
            raise ModelFailed("rejected", words, usage=Usage())
        answer = await asyncio.to_thread(_final, brain, prompt)
        return _answer(text=json.dumps(answer, ensure_ascii=False))


def ticket_text(ticket: Ticket) -> str:
    """What the ticket is about, in its author's words."""
    return f"{ticket.subject}\n{ticket.body}".strip()


def _calls(prompt: Prompt, brain: Brain | None) -> tuple[ToolCall, ...]:
    """A call of each tool that takes nothing, and of one that takes a query for each question."""
    ticket = prompt.ticket
    asked = brain.lookups(ticket) if brain else (ticket_text(ticket),)
    queries = dict.fromkeys(text[:QUERY_LIMIT] for text in asked if text.strip())
    calls: list[ToolCall] = []
    for tool in prompt.toolbox:
        wanted = list(tool.schema.get("properties", {}))
        if not wanted:
            calls.append(ToolCall(f"local_{len(calls)}", tool.name, {}))
        elif wanted == ["query"]:
            for query in queries:
                calls.append(ToolCall(f"local_{len(calls)}", tool.name, {"query": query}))
    return tuple(calls)


def _final(brain: Brain, prompt: Prompt) -> dict[str, Any]:
    found: dict[str, list[Passage]] = {}
    similar: list[SimilarTicket] = []
    for turn in prompt.turns:
        for result in turn.results:
            if result.findings is not None:
                found.setdefault(_query(result.call), []).extend(result.findings.passages)
                similar.extend(result.findings.similar)
    for passages in found.values():
        passages.sort(key=lambda passage: -passage.score)
    guess = brain.guess(prompt.ticket, similar)
    draft = brain.draft(prompt.ticket, guess, found) if guess.is_request else None
    outcome = "reply" if draft else "cannot_answer" if guess.is_request else "not_a_request"
    quotes = draft.quotes if draft else ()
    missing = draft.missing if draft else ("No article fits this ticket.",)
    sure_of_label = guess.confidence == "high"
    return {
        "outcome": outcome,
        "labels": list(guess.labels),
        "priority": guess.priority,
        "route": guess.route,
        "citations": [{"article": article, "quote": quote} for article, quote in quotes],
        "reply": draft.reply if draft else None,
        "confidence": "medium" if sure_of_label and draft and not draft.sure else guess.confidence,
        "reason": guess.reason,
        "missing": list(missing) if guess.is_request else [],
    }


def _query(call: ToolCall) -> str:
    """What was searched for; empty where the call was another model's and of another shape."""
    query = call.args.get("query") if isinstance(call.args, dict) else None
    return query if isinstance(query, str) else ""


def _answer(text: str = "", calls: tuple[ToolCall, ...] = ()) -> Answer:
    stop: StopReason = "tool_use" if calls else "end_turn"
    return Answer(NAME, text, calls, stop, Usage(), None)
