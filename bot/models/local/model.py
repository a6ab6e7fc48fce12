"""The local model behind ``bot.ports.Model``: the same prompts answered with no network.

It reads no prose: a research step becomes one call of each research tool with the ticket's words,
and the final answer is made from the tools' findings as data. What it thinks with is a ``Brain``;
this module only turns a ``Prompt`` into its questions and its answers into the schema's JSON.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any, Protocol

from bot.budget import Price, Usage
from bot.domain import Ticket
from bot.models.local.again import Feedback, draft_again, feedback_of, guess_again
from bot.models.local.outcome import Guess, LocalDraft, NoDraft
from bot.ports import Answer, ModelFailed, Prompt, StopReason, ToolCall
from tools.spec import Passage, SimilarTicket

NAME = "local"
LOOKUPS = 5
"""Searches of one ticket: a run carries out six calls at once, and one is for earlier tickets."""

QUERY_LIMIT = 4_000
"""Characters of a ticket that are looked up."""

__all__ = ["NAME", "Brain", "Guess", "LocalDraft", "LocalModel", "NoDraft", "ticket_text"]

_FREE = Price(Decimal(0), Decimal(0), Decimal(0), Decimal(0))


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
    ) -> LocalDraft | NoDraft | None:
        """A reply from what was found, or why there is none (None: nothing fits). ``found`` are
        the passages of each search, by its text, best first."""
        ...


class Worker(Protocol):
    """What the local model does in a playbook of another kind than triage. Blocking, and quick."""

    def calls(self, prompt: Prompt) -> tuple[ToolCall, ...]:
        """What to look up next; nothing where enough is known."""
        ...

    def final(self, prompt: Prompt) -> dict[str, Any]:
        """The final answer, as the prompt's schema asks for it."""
        ...


class LocalModel:
    """``brains`` and ``workers`` by the names of their playbooks."""

    def __init__(
        self, brains: Mapping[str, Brain], workers: Mapping[str, Worker] | None = None
    ) -> None:
        self._brains = brains
        self._workers = workers or {}

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
        worker = self._workers.get(prompt.playbook)
        if worker is not None:
            return await asyncio.to_thread(_worked, worker, prompt)
        brain = self._brains.get(prompt.playbook)
        feedback = feedback_of(prompt)
        asked = _request_hash(prompt)
        looked_up = any(turn.results for turn in prompt.turns)
        calls = () if looked_up else _calls(prompt, brain, feedback)
        if calls or prompt.schema is None:
            return _answer(asked, calls=calls)
        if brain is None:
            words = f"The local model has not been readied for playbook {prompt.playbook}."
            raise ModelFailed("rejected", words, usage=Usage())
        answer = await asyncio.to_thread(_final, brain, prompt, feedback)
        return _answer(asked, text=json.dumps(answer, ensure_ascii=False))


def _worked(worker: Worker, prompt: Prompt) -> Answer:
    asked = _request_hash(prompt)
    calls = worker.calls(prompt) if prompt.toolbox else ()
    if calls or prompt.schema is None:
        return _answer(asked, calls=calls)
    return _answer(asked, text=json.dumps(worker.final(prompt), ensure_ascii=False))


def ticket_text(ticket: Ticket) -> str:
    """What the ticket is about, in its author's words."""
    return f"{ticket.subject}\n{ticket.body}".strip()


def _calls(prompt: Prompt, brain: Brain | None, feedback: Feedback | None) -> tuple[ToolCall, ...]:
    """A call of each tool that takes nothing, and of one that takes a query for each question."""
    ticket = prompt.ticket
    asked = brain.lookups(ticket) if brain else (ticket_text(ticket),)
    if feedback is not None and feedback.words:
        # Who rejects a draft often names what the right one is about.
        asked = (*asked[: LOOKUPS - 1], feedback.words)
    queries = dict.fromkeys(text[:QUERY_LIMIT] for text in asked if text.strip())
    own = set(ticket_text(ticket).split())
    calls: list[ToolCall] = []
    for tool in prompt.toolbox:
        wanted = list(tool.schema.get("properties", {}))
        if not wanted:
            calls.append(ToolCall(f"local_{len(calls)}", tool.name, {}))
        elif wanted == ["query"]:
            for query in queries:
                # Of what is looked for beside the ticket's own words a person is told in words.
                shown = "" if own.issuperset(query.split()) else "the same in other words"
                args = {"query": query}
                calls.append(ToolCall(f"local_{len(calls)}", tool.name, args, shown))
    return tuple(calls)


def _final(brain: Brain, prompt: Prompt, feedback: Feedback | None) -> dict[str, Any]:
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
    if feedback is not None:
        guess = guess_again(guess, feedback)

    draft: LocalDraft | NoDraft | None = None
    if guess.is_request:

        def drafted(
            ticket: Ticket, passages: Mapping[str, Sequence[Passage]]
        ) -> LocalDraft | NoDraft | None:
            return brain.draft(ticket, guess, passages)

        ticket = prompt.ticket
        draft = (
            drafted(ticket, found)
            if feedback is None
            else draft_again(ticket, drafted, found, feedback)
        )
    return _answer_of(guess, draft)


def _answer_of(guess: Guess, draft: LocalDraft | NoDraft | None) -> dict[str, Any]:
    """The final answer, as the schema asks for it."""
    answer: dict[str, Any] = {
        "outcome": "cannot_answer",
        "labels": list(guess.labels),
        "priority": guess.priority,
        "route": guess.route,
        "citations": [],
        "reply": None,
        "confidence": guess.confidence,
        "reason": guess.reason,
        "missing": [],
    }
    if not guess.is_request:
        return {**answer, "outcome": "not_a_request"}
    if not isinstance(draft, LocalDraft):
        return {**answer, "missing": [draft.why if draft else "No article fits this ticket."]}
    quotes = [{"article": article, "quote": quote} for article, quote in draft.quotes]
    # Confidence is in labels and route, and measured there; of the reply the reason speaks.
    confidence = guess.confidence
    if confidence == "low" and guess.in_scope and draft.sure and draft.agrees:
        # The ticket alone was little to go by; the article that answers it says the same.
        confidence = "medium"
    doubt = "" if draft.sure else "It is not certain that the reply answers it."
    return {
        **answer,
        "outcome": "reply",
        "citations": quotes,
        "reply": draft.reply,
        "confidence": confidence,
        "reason": " ".join(part for part in (draft.note, guess.reason, doubt) if part),
        "missing": list(draft.missing),
    }


def _request_hash(prompt: Prompt) -> str:
    """SHA-256 of everything that the answer depends on, in hexadecimal digits."""
    digest = hashlib.sha256()

    def add(text: str) -> None:
        digest.update(text.encode("utf-8", "surrogatepass") + b"\0")

    for text in (prompt.playbook, prompt.prompt_version, prompt.system, prompt.ticket_text):
        add(text)
    add(" ".join(tool.name for tool in prompt.toolbox))
    add("draft" if prompt.schema else "research")
    for turn in prompt.turns:
        add(turn.note)
        for result in turn.results:
            add(f"{result.call.name} {result.call.args!r}")
            add(result.text)
    return digest.hexdigest()


def _query(call: ToolCall) -> str:
    """What was searched for; empty where the call was another model's and of another shape."""
    query = call.args.get("query") if isinstance(call.args, dict) else None
    return query if isinstance(query, str) else ""


def _answer(request_hash: str, text: str = "", calls: tuple[ToolCall, ...] = ()) -> Answer:
    stop: StopReason = "tool_use" if calls else "end_turn"
    return Answer(NAME, text, calls, stop, Usage(), None, request_hash=request_hash)
