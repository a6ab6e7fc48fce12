"""A summary: what a conversation changed, decided, left open, and who owes what.

The model names messages by number and code makes their links, so that a link always leads to a
message of the conversation that was read. Nothing that is said there can do more than stand in the
summary: there is no tool, no action and no address to choose.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, Literal

from pydantic import BaseModel, ConfigDict, StrictInt, StrictStr

from bot.agent.answer import cut
from bot.agent.kind import Ran
from bot.agent.kit import Kit, make_kit
from bot.agent.loop import run_agent
from bot.agent.prompting import PromptFile
from bot.agent.run import AgentPorts, Job, Stopped
from bot.answerers.cues import found_by_cues
from bot.answerers.kind import AnswersOnly, Span, read_as, stands_whole
from bot.answerers.material import (
    NOTHING,
    Material,
    material,
    room_for,
    unread_files,
    without_texts,
)
from bot.answerers.sources import GONE, Source, Sources, link_in
from bot.answering import Answered, AnswerOutcome, Declined
from bot.domain import Answer, Item
from bot.playbook import Playbook
from bot.ports.conversations import Conversation
from bot.screen.contacts import addresses
from bot.screen.links import foreign_link
from bot.wording import fold
from tools.spec import ReadTool

MOST_ITEMS: Final = 20
_MOST_READ: Final = 60
"""Items of a model's that are looked at at all."""
WORDS_LIMIT: Final = 400
WHO_LIMIT: Final = 120
USAGE: Final = (
    "Write `summarize` in a thread, or `summarize` and the link of a message or the address of a "
    "GitHub pull request."
)
_KINDS: Final = ("changed", "decided", "open", "owes")
_NAMED: Final = frozenset({"decided", "owes"})
"""Kinds that say something of a person: who that is must stand in the conversation."""
_SCHEME: Final = re.compile(r"\Ahttps?://")
_BETWEEN_NAMES: Final = re.compile(r"\s*(?:[,;&/+]|\band\b|\bund\b)\s*", re.IGNORECASE)


class _Point(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")

    kind: Literal["changed", "decided", "open", "owes"]
    who: StrictStr = ""
    words: StrictStr
    message: StrictInt


class _Points(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")

    items: tuple[_Point, ...]


@dataclass(frozen=True)
class SummaryKind(AnswersOnly):
    """``bot.agent.kind.Kind`` of one summary. ``material`` is what it is of."""

    material: Material = NOTHING
    names: frozenset[str] = frozenset()
    prompt_version: str = ""

    @property
    def schema(self) -> Mapping[str, Any]:
        text = {"type": "string"}
        point = {
            "type": "object",
            "properties": {
                "kind": {"type": "string", "enum": list(_KINDS)},
                "who": text,
                "words": text,
                "message": {"type": "integer"},
            },
            "required": ["kind", "who", "words", "message"],
            "additionalProperties": False,
        }
        return {
            "type": "object",
            "properties": {"items": {"type": "array", "items": point}},
            "required": ["items"],
            "additionalProperties": False,
        }

    def read(self, text: str) -> _Points:
        return read_as(_Points, text)

    async def finish(self, answer: _Points, ran: Ran) -> Answered:
        given = answer.items[:_MOST_READ]
        spoken = self._spoken()
        items = [item for one in given if (item := self._item(one, spoken)) is not None]
        struck = len(given) - len(items)
        kept = sorted(items, key=lambda item: _KINDS.index(item.kind))[:MOST_ITEMS]
        notes = list(self.material.notes)
        if struck:
            notes.append(f"struck: {struck}, which nothing or nobody in the conversation bears out")
        if len(items) > len(kept):
            notes.append(f"left out: {len(items) - len(kept)} more")
        made = Answer(kind="summary", items=tuple(kept), notes=tuple(notes))
        return Answered(made, ran.model, ran.cost_usd, ran.steps, (), self.prompt_version)

    def _spoken(self) -> str:
        """Everybody who speaks and all that is said, to look names up in."""
        said = self.material.said
        people = (*(one.author for one in said), *self.names)
        return "\n".join((*people, *(one.text for one in said))).casefold()

    def _item(self, point: _Point, spoken: str) -> Item | None:
        message = self.material.message(point.message)
        words = cut(fold(point.words), WORDS_LIMIT)
        if message is None or not message.link or not words or _leads_elsewhere(words, spoken):
            return None
        who = cut(fold(point.who), WHO_LIMIT)
        if not _known(who, spoken):
            if point.kind in _NAMED:
                return None
            who = ""
        return Item(kind=point.kind, who=who, words=words, link=message.link)


def _leads_elsewhere(words: str, spoken: str) -> bool:
    """Whether ``words`` name an address, of the web or of a person, that nobody has written."""
    named = [*(found for found, _ in addresses(words)), *foreign_link(words, ())]
    written = (words[start:end].casefold() for start, end in named)
    return any(_SCHEME.sub("", one).rstrip("/") not in spoken for one in written)


def _known(who: str, spoken: str) -> bool:
    """Whether everybody in ``who`` speaks in the conversation or is named there."""
    named = [part for part in _BETWEEN_NAMES.split(who.casefold().replace("@", "")) if part]
    return bool(named) and all(stands_whole(name, spoken) for name in named)


def summary_kit(
    playbook: Playbook,
    prompt: PromptFile,
    tools: Sequence[ReadTool],
    *,
    research_model: str,
    draft_model: str,
) -> Kit[_Points, Answered]:
    """``playbook`` made ready. Raises as ``make_kit`` does."""
    return make_kit(
        playbook,
        prompt,
        tools,
        SummaryKind(),
        research_model=research_model,
        draft_model=draft_model,
        told={"most": MOST_ITEMS},
    )


@dataclass(frozen=True)
class SummaryAnswers:
    """``bot.answering.Answerer`` of kind ``summary``. ``kits`` by the names of their playbooks."""

    kits: Mapping[str, Kit[_Points, Answered]]
    sources: Sources

    async def answer(
        self,
        job: Job,
        playbook: Playbook,
        ports: AgentPorts,
        *,
        cancelled: Callable[[], Awaitable[bool]],
        doing: Callable[[str], Awaitable[None]],
    ) -> AnswerOutcome:
        span, kit = Span.of(playbook, ports), self.kits.get(playbook.name)
        if kit is None:
            return Declined(GONE)
        await doing("Reading what was said")
        source = await span.reading(self._source(job))
        if isinstance(source, Declined):
            return source
        conversation, room = source.conversation, room_for(kit, job, ports)
        read = await asyncio.to_thread(material, conversation.said, room, mask=ports.mask_inbound)
        await doing("Summing it up")
        outcome = await self._asked(job, span.rest_of(kit), ports, read, conversation, cancelled)
        if isinstance(outcome, Stopped) and outcome.handoff.reason in ("model", "money"):
            outcome = _without_a_model(read, outcome)
        if not isinstance(outcome, Answered):
            return outcome
        notes = (*outcome.answer.notes, *conversation.notes)
        made = outcome.answer.model_copy(update={"private": source.elsewhere, "notes": notes})
        return replace(outcome, answer=made)

    async def _source(self, job: Job) -> Source | Declined:
        link = link_in(job.ticket.ask.words if job.ticket.ask else "")
        if link is None:
            # Whatever else is said besides the verb: the thread is meant.
            return await self.sources.thread(job.ticket)
        return await self.sources.linked(job.ticket, link) or Declined(USAGE)

    async def _asked(
        self,
        job: Job,
        kit: Kit[_Points, Answered],
        ports: AgentPorts,
        read: Material,
        conversation: Conversation,
        cancelled: Callable[[], Awaitable[bool]],
    ) -> AnswerOutcome:
        if ports.model.name == "local":
            return Answered(_picked(read, "there is no other model"), "local")
        kind = SummaryKind(read, conversation.names, kit.prompt_version)
        return await run_agent(
            replace(job, said=read.text),
            replace(kit, kind=kind),
            # The local model has nothing to say of a thread: where no other can be had, cues do.
            replace(without_texts(ports), fallback=None),
            cancelled=cancelled,
        )


def _without_a_model(read: Material, stopped: Stopped) -> Answered:
    why = " ".join(stopped.handoff.missing) or "the model cannot be had"
    return Answered(_picked(read, why), "local", stopped.cost_usd, stopped.steps)


def _picked(read: Material, why: str) -> Answer:
    items = found_by_cues(read.said)[:MOST_ITEMS]
    told = f"no model has read it: these are its own sentences, picked by cue words ({why})"
    return Answer(kind="summary", items=items, notes=(told, *unread_files(read.said)))
