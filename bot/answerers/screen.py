"""A policy's checklist over a text or a thread: for each rule pass, fails or cannot tell.

A rule's own words and pattern come first: where they stand, the rule fails outright, whatever a
model would say. The model judges the other rules, and is believed as far as its passage stands in
the text. Where no model can be had, those rules are open and the answer says so.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any, Final, Literal

from pydantic import BaseModel, ConfigDict, StrictStr

from bot.agent.answer import cut
from bot.agent.kind import Ran
from bot.agent.kit import Kit, make_kit
from bot.agent.loop import run_agent
from bot.agent.prompting import PromptFile
from bot.agent.run import AgentPorts, Cancelled, Job, Stopped, Unpaid
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
from bot.domain import Answer, Verdict
from bot.playbook import Playbook
from bot.ports.conversations import Conversation, Said
from bot.screen import Policy, Rule, masked, ruled
from bot.wording import fold
from tools.spec import ReadTool

AT_ONCE: Final = 25
"""Rules that one call judges: more verdicts would not fit into its answer."""
QUOTE_LIMIT: Final = 400
WHY_LIMIT: Final = 300
USAGE: Final = "Write `screen` in a thread, or `screen` and the text to be held against the policy."
NO_RULES: Final = "This playbook has no policy file with rules, so there is nothing to hold it to."

Judgement = Literal["pass", "fails", "cannot_tell"]


class _Judged(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")

    rule: StrictStr
    verdict: Judgement
    quote: StrictStr | None = None
    why: StrictStr = ""


class _Judgements(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")

    verdicts: tuple[_Judged, ...]


@dataclass(frozen=True)
class Judged:
    """What a model said of some rules, held against the text."""

    verdicts: Mapping[str, Verdict]
    struck: int
    """Verdicts whose passage stands nowhere in the text."""
    model: str
    cost_usd: Decimal
    steps: int


@dataclass(frozen=True)
class ScreenKind(AnswersOnly):
    """``bot.agent.kind.Kind`` of one batch of a checklist's rules. ``material`` is the text."""

    rules: tuple[Rule, ...]
    material: Material = NOTHING

    @property
    def schema(self) -> Mapping[str, Any]:
        text = {"type": "string"}
        one = {
            "type": "object",
            "properties": {
                "rule": {"type": "string", "enum": [rule.id for rule in self.rules]},
                "verdict": {"type": "string", "enum": ["pass", "fails", "cannot_tell"]},
                "quote": {"anyOf": [text, {"type": "null"}]},
                "why": text,
            },
            "required": ["rule", "verdict", "quote", "why"],
            "additionalProperties": False,
        }
        return {
            "type": "object",
            "properties": {"verdicts": {"type": "array", "items": one}},
            "required": ["verdicts"],
            "additionalProperties": False,
        }

    def read(self, text: str) -> _Judgements:
        return read_as(_Judgements, text)

    async def finish(self, answer: _Judgements, ran: Ran) -> Judged:
        rules = {rule.id: rule for rule in self.rules}
        verdicts: dict[str, Verdict] = {}
        struck = 0
        for one in answer.verdicts:
            rule = rules.get(one.rule)
            if rule is None or rule.id in verdicts:
                continue
            quote = fold(one.quote or "")
            if quote and not self._stands(quote):
                struck += 1
                why = "the passage that was given for it does not stand in the text"
                verdicts[rule.id] = verdict(rule, "cannot_tell", None, why)
            else:
                verdicts[rule.id] = verdict(rule, one.verdict, quote or None, one.why)
        return Judged(verdicts, struck, ran.model, ran.cost_usd, ran.steps)

    def _stands(self, quote: str) -> bool:
        shown = (self.material.said[number - 1] for number in self.material.shown)
        return any(stands_whole(quote, fold(one.text)) for one in shown)


def verdict(rule: Rule, judged: Judgement, quote: str | None, why: str) -> Verdict:
    """Of one rule; texts are cut to what a message can show."""
    return Verdict(
        id=rule.id,
        rule=cut(fold(rule.rule), WHY_LIMIT),
        verdict=judged,
        quote=quote[:QUOTE_LIMIT].rstrip() if quote else None,
        why=cut(fold(why), WHY_LIMIT),
    )


def failed_outright(policy: Policy, said: Iterable[Said], *, mask: bool) -> dict[str, Verdict]:
    """The rules whose words or pattern stand in what was said, each with the first such passage.
    ``mask``: card numbers and secrets are not repeated in it."""
    failed: dict[str, Verdict] = {}
    for one in said:
        for rule, (start, end) in ruled(one.text, policy):
            if rule.id not in failed:
                quote = _around(one.text, start, end)
                why = "it holds what this rule names" + (f"; {rule.hint}" if rule.hint else "")
                failed[rule.id] = verdict(rule, "fails", masked(quote) if mask else quote, why)
    return failed


def _around(text: str, start: int, end: int) -> str:
    """The line in which a match stands, or as much of it around the match as can be quoted."""
    begin = text.rfind("\n", 0, start) + 1
    stop = text.find("\n", end)
    stop = len(text) if stop < 0 else stop
    spare = max(0, QUOTE_LIMIT - (end - start)) // 2
    begin, stop = max(begin, start - spare), min(stop, end + spare)
    return fold(text[begin:stop])


@dataclass(frozen=True)
class Checklist:
    """A screen playbook made ready: its policy, and a kit for each batch of its rules."""

    policy: Policy
    kits: tuple[Kit[_Judgements, Judged], ...]
    batches: tuple[tuple[Rule, ...], ...] = field(default=())


def checklist(
    playbook: Playbook,
    policy: Policy,
    prompt: PromptFile,
    tools: Sequence[ReadTool],
    *,
    research_model: str,
    draft_model: str,
) -> Checklist:
    """``playbook`` made ready. Raises as ``make_kit`` does."""
    rules = policy.rules
    batches = tuple(rules[at : at + AT_ONCE] for at in range(0, len(rules), AT_ONCE))
    kits = tuple(
        make_kit(
            playbook,
            prompt,
            tools,
            ScreenKind(batch),
            research_model=research_model,
            draft_model=draft_model,
            told={"rules": [{"id": rule.id, "rule": rule.rule} for rule in batch]},
        )
        for batch in batches
    )
    return Checklist(policy, kits, batches)


@dataclass(frozen=True)
class ScreenAnswers:
    """``bot.answering.Answerer`` of kind ``screen``. ``lists`` by the names of their playbooks."""

    lists: Mapping[str, Checklist]
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
        span, listed = Span.of(playbook, ports), self.lists.get(playbook.name)
        if listed is None:
            return Declined(GONE)
        if not listed.policy.rules:
            return Declined(NO_RULES)
        await doing("Reading the text")
        source = await span.reading(self._source(job))
        if isinstance(source, Declined):
            return source
        said, mask = source.conversation.said, ports.mask_inbound
        await doing("Holding it against the policy")
        failed = await asyncio.to_thread(failed_outright, listed.policy, said, mask=mask)
        run = _Run(listed, said, failed, span)
        ended = await run.judge(job, ports, cancelled)
        if ended is not None:
            return ended
        made = run.answer((*run.notes, *source.conversation.notes))
        made = made.model_copy(update={"private": source.elsewhere})
        version = listed.kits[0].prompt_version if run.steps else ""
        return Answered(made, run.model, run.cost_usd, run.steps, (), version)

    async def _source(self, job: Job) -> Source | Declined:
        ticket = job.ticket
        words = ticket.ask.words.strip() if ticket.ask else ""
        if not words:
            return await self.sources.thread(ticket)
        link = link_in(words) if len(words.split()) == 1 else None
        if link is not None and (found := await self.sources.linked(ticket, link)):
            return found
        said = Said(link=ticket.url or "", author=ticket.author.name or "somebody", text=words)
        return Source(Conversation("a text", (said,)))


@dataclass
class _Run:
    """One text against one checklist, as it goes on."""

    listed: Checklist
    said: tuple[Said, ...]
    verdicts: dict[str, Verdict]
    span: Span
    notes: tuple[str, ...] = ()
    struck: int = 0
    why_not: str = ""
    """Why no model judged what is open."""
    model: str = "local"
    cost_usd: Decimal = Decimal(0)
    steps: int = 0

    async def judge(
        self, job: Job, ports: AgentPorts, cancelled: Callable[[], Awaitable[bool]]
    ) -> Cancelled | Unpaid | None:
        """Ask the model for each batch of which something is open. None: it has come to an end."""
        self.notes = unread_files(self.said)
        if ports.model.name == "local":
            self.why_not = "there is no other model than the local one, which cannot"
            return None
        quiet = replace(without_texts(ports), fallback=None)
        for kit, batch in zip(self.listed.kits, self.listed.batches, strict=True):
            if all(rule.id in self.verdicts for rule in batch):
                continue
            if self.steps >= self.span.limits.steps:
                self.why_not = f"all {self.span.limits.steps} steps are used"
                return None
            room = room_for(kit, job, ports, calls=len(self.listed.kits))
            read = await asyncio.to_thread(material, self.said, room, mask=ports.mask_inbound)
            self.notes = read.notes
            outcome = await run_agent(
                replace(job, said=read.text),
                replace(self.span.rest_of(kit, self.steps), kind=ScreenKind(batch, read)),
                quiet,
                cancelled=cancelled,
            )
            if isinstance(outcome, Cancelled | Unpaid):
                spent, steps = self.cost_usd + outcome.cost_usd, self.steps + outcome.steps
                return replace(outcome, cost_usd=spent, steps=steps)
            self.cost_usd += outcome.cost_usd
            self.steps += outcome.steps
            if isinstance(outcome, Stopped):
                self.why_not = " ".join(outcome.handoff.missing) or "the model gave no answer"
                return None
            self.model, self.struck = outcome.model, self.struck + outcome.struck
            self._take(outcome.verdicts, read)
        return None

    def _take(self, judged: Mapping[str, Verdict], read: Material) -> None:
        for ident, one in judged.items():
            if read.left_out and one.verdict == "pass" and one.quote is None:
                # Of what was not read nobody can say that it keeps the rule.
                one = one.model_copy(
                    update={"verdict": "cannot_tell", "why": "not all of the text was read"}
                )
            self.verdicts.setdefault(ident, one)

    def answer(self, notes: tuple[str, ...]) -> Answer:
        """Every rule in the file's order; what nobody has judged is open."""
        told = list(notes)
        rules = self.listed.policy.rules
        left = sum(1 for rule in rules if rule.id not in self.verdicts)
        if left and self.why_not:
            told.append(f"not judged: {left} of {len(rules)} rules ({self.why_not})")
        if self.struck:
            told.append(f"struck: {self.struck}, whose passage does not stand in the text")
        why = "no model judged it" if self.why_not else "the model said nothing of it"
        verdicts = tuple(
            self.verdicts.get(rule.id) or verdict(rule, "cannot_tell", None, why) for rule in rules
        )
        return Answer(kind="screen", verdicts=verdicts, notes=tuple(told))
