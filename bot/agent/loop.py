"""The bounded loop: a model and read tools, nothing else. It ends as its kind says, or in a
handoff.

Each step is one answered model call. The first looks things up with the cheaper model; from the
second on the drafting model may look up more or give the final answer; the last allowed step is
offered the final answer only. Steps, dollars and seconds each end the run in a named way. When the
provider stays down, or the day's money is spent, the local model goes on from where the run is.

What the final answer looks like and what becomes of it is the playbook's kind's (``agent.kind``).
Nothing here can act.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Generic, Literal, assert_never

from bot.agent.answer import InvalidAnswer
from bot.agent.calls import (
    LEAST_TOKENS,
    Answered,
    Caller,
    Deadline,
    Down,
    Late,
    NoMoney,
    Purse,
    Void,
)
from bot.agent.kind import (
    AnswerT,
    EndT_co,
    Guess,
    NoProposal,
    NotSearched,
    Ran,
    Searched,
)
from bot.agent.kit import Kit
from bot.agent.prompting import PromptFile
from bot.agent.research import Research
from bot.agent.run import (
    AgentPorts,
    Cancelled,
    Job,
    Stopped,
    Unpaid,
)
from bot.domain import Content, Handoff, HandoffReason, Notice
from bot.journal import Entry
from bot.ports import Answer, Model, ModelFailed, Prompt, Turn
from bot.screen import masked, masked_run, masked_ticket
from tools.spec import ReadContext

MARGIN_SECONDS = 3.0
"""Kept back of a run's seconds for the local model, and to end well; at most a tenth of them."""

MOST_SEARCHES = 2
"""Web searches of one run: each is paid for, and so are its results."""

GUESS_SECONDS = 1.0
"""How long a handoff may take to guess labels and route."""


async def _never() -> bool:
    return False


async def _silent(_words: str) -> None:
    return


# --- how a step ends --------------------------------------------------------------------------


@dataclass(frozen=True)
class Final(Generic[AnswerT]):
    """A valid final answer, by this model."""

    answer: AnswerT
    model: str


@dataclass(frozen=True)
class Onward:
    """Something was looked up, or there was nothing to look up; the next step follows."""


@dataclass(frozen=True)
class Unusable:
    """An answer that is none: cut, paused, invalid, of an unknown kind."""

    words: str


@dataclass(frozen=True)
class Degrade:
    """The model cannot be had; the local one may go on. ``reason`` stands if it cannot."""

    reason: HandoffReason
    words: str


@dataclass(frozen=True)
class Halt:
    """The run is over, without a draft."""

    reason: HandoffReason
    words: str


@dataclass(frozen=True)
class NotNow:
    """There is no money under this cap, and the run waits for it."""

    cap: Literal["day", "playbook"]
    usd: Decimal
    words: str


Step = Final[AnswerT] | Onward | Unusable | Degrade | Halt | NotNow | Void
StepKind = Literal["research", "draft", "last"]
"""research: tools, no final answer. draft: tools and the final answer. last: that alone."""


async def run_agent(
    job: Job,
    kit: Kit[AnswerT, EndT_co],
    ports: AgentPorts,
    *,
    cancelled: Callable[[], Awaitable[bool]] = _never,
    doing: Callable[[str], Awaitable[None]] = _silent,
) -> EndT_co | Stopped | Cancelled | Unpaid:
    """Run ``job`` to its end, within the playbook's limits. Nothing is acted on.

    ``cancelled`` is asked before each call. ``doing`` gets words for a status line and must come
    back at once. Raises ``StoreUnavailable``; the run is then taken up again by somebody.
    """
    if ports.mask_inbound:
        # Here and not where a prompt is written: tools and the local model read the ticket too.
        job = replace(
            job,
            ticket=masked_ticket(job.ticket),
            run=masked_run(job.run),
            said=masked(job.said),
        )
    prompt = kit.prompt.front.name
    with ports.spans.agent(job.ticket, job.run, prompt, kit.prompt_version) as agent:
        loop = _Loop(job, kit, ports, cancelled, doing)
        try:
            outcome = await loop.run()
        finally:
            kit.kind.end(job)
        agent.ended(type(outcome).__name__.lower(), loop.steps)
        return outcome


@dataclass
class _Loop(Generic[AnswerT, EndT_co]):
    job: Job
    kit: Kit[AnswerT, EndT_co]
    ports: AgentPorts
    cancelled: Callable[[], Awaitable[bool]]
    doing: Callable[[str], Awaitable[None]]
    turns: list[Turn] = field(default_factory=list)
    entries: list[Entry] = field(default_factory=list)
    steps: int = 0
    before: int = 0
    """Of them, those before the first that looks things up or answers."""
    unusable: int = 0
    degraded: Degrade | None = None

    def __post_init__(self) -> None:
        limits = self.kit.playbook.limits
        ticket, run = self.job.ticket, self.job.run
        self.model = self.ports.model
        ends_at = self.ports.clock.monotonic() + limits.seconds
        margin = min(MARGIN_SECONDS, limits.seconds / 10)
        self.deadline = Deadline(self.ports.clock, ends_at, margin)
        self.purse = Purse(self.ports.money, run.id, self.kit.playbook.name, limits.usd)
        ports = self.ports
        self.caller = Caller(
            self.purse,
            self.deadline,
            ports.sleep,
            self.entries,
            ports.record,
            self.cancelled,
            spans=ports.spans,
        )
        self.research = Research(
            self.kit.toolbox,
            ReadContext(ticket.tenant, self.kit.playbook.name, ticket, run.id),
            self.ports.clock,
            self.entries.append,
            run.id,
            ports.spans,
        )
        self.ticket_text = self.kit.prompt.ticket(ticket, run, self.job.said)

    async def run(self) -> EndT_co | Stopped | Cancelled | Unpaid:
        barred = await self.kit.kind.begin(self.job, self._search)
        if barred is not None:
            return self._no_proposal(barred, self.model.name)
        about = self.kit.kind.about(self.job)
        if about:
            self.ticket_text = f"{about}\n\n{self.ticket_text}"
        while True:
            step = await self._step()
            match step:
                case Void():
                    await self._flush()
                    return Cancelled(self.purse.spent, self.steps)
                case Final(answer, model):
                    await self._flush()
                    return await self._finish(answer, model)
                case Onward():
                    pass
                case Unusable(words):
                    self.unusable += 1
                    if self.unusable > 1:
                        return await self._stop(Halt("model", words))
                case Degrade() as why:
                    if self.ports.fallback is None or self.degraded is not None:
                        return await self._stop(Halt(why.reason, why.words))
                    self._degrade(why, self.ports.fallback)
                case Halt() as halt:
                    return await self._stop(halt)
                case NotNow(cap, usd, words):
                    await self._flush()
                    return Unpaid(cap, usd, words, self.purse.spent, self.steps)
                case _:
                    assert_never(step)

    def _degrade(self, why: Degrade, local: Model) -> None:
        """Go on with the local model, which may use the seconds that were kept back for it."""
        self.degraded, self.model, self.unusable = why, local, 0
        self.deadline = replace(self.deadline, margin=0.0)
        self.caller = replace(self.caller, deadline=self.deadline)

    async def _search(self, prompt: PromptFile, version: str, said: str) -> Searched | NotSearched:
        """One step, as any other: paid, bounded, on record."""
        if self.model.name == "local":
            return NotSearched("The local model cannot search the web.")
        ticket, run = self.job.ticket, self.job.run
        call = replace(
            self._prompt("research"),
            system=prompt.system(self.kit.playbook, ()),
            ticket_text=prompt.ticket(ticket, run, said),
            turns=(),
            toolbox=(),
            max_tokens=prompt.front.max_tokens.research,
            prompt_name=prompt.front.name,
            prompt_version=version,
            searches=MOST_SEARCHES,
        )
        called = await self.caller.call(self.model, call, self.steps + 1)
        match called:
            case Answered(answer):
                self.steps += 1
                self.before = self.steps
                whole = answer.stop == "end_turn"
                return Searched(answer.text if whole else "", answer.hits)
            case NoMoney(_, words) | Down(words):
                return NotSearched(f"The web was not searched: {words}")
            case Late() | Void():
                return NotSearched("The web was not searched: the run is over.")
            case _:
                assert_never(called)

    # --- one step ---

    async def _step(self) -> Step[AnswerT]:
        limits = self.kit.playbook.limits
        if self.steps >= limits.steps:
            return Halt("steps", f"All {limits.steps} steps are used.")
        if self.deadline.left <= 0:
            return Halt("time", f"The {limits.seconds} seconds are over.")
        kind = self._kind()
        if kind != "research":
            await self.doing("Writing a draft")
        else:
            await self.doing("Reading the ticket")
        called = await self.caller.call(self.model, self._prompt(kind), self.steps + 1)
        match called:
            case Answered(answer):
                self.steps += 1
                return await self._read(kind, answer)
            case NoMoney("run" | "price", words):
                return Halt("money", words)
            case NoMoney("day" | "playbook" as cap, words, usd) if self.ports.at_cap == "wait":
                return NotNow(cap, usd, words)
            case NoMoney(_, words):
                return Degrade("money", words)
            case Down(words):
                return Degrade("model", words)
            case Late():
                return Halt("time", f"The {limits.seconds} seconds are over.")
            case Void():
                return called
            case _:
                assert_never(called)

    def _kind(self) -> StepKind:
        if not self.kit.toolbox or self.steps + 1 >= self.kit.playbook.limits.steps:
            return "last"
        looked_up = any(turn.results for turn in self.turns)
        local_anew = self.degraded is not None and not looked_up
        return "research" if self.steps == self.before or local_anew else "draft"

    def _prompt(self, kind: StepKind) -> Prompt:
        kit, tokens = self.kit, self.kit.prompt.front.max_tokens
        return Prompt(
            model=kit.research_model if kind == "research" else kit.draft_model,
            system=kit.system,
            ticket_text=self.ticket_text,
            ticket=self.job.ticket,
            feedback=self.job.run.feedback,
            turns=tuple(self.turns),
            toolbox=() if kind == "last" else kit.descriptions,
            schema=None if kind == "research" else kit.kind.schema,
            max_tokens=tokens.research if kind == "research" else max(tokens.draft, LEAST_TOKENS),
            timeout_seconds=self.deadline.left,
            prompt_name=kit.prompt.front.name,
            prompt_version=kit.prompt_version,
            playbook=kit.playbook.name,
        )

    async def _read(self, kind: StepKind, answer: Answer) -> Step[AnswerT]:
        match answer.stop:
            case "refusal":
                return Halt("refusal", "The model declined to answer this ticket.")
            case "tool_use" if answer.calls and kind != "last":
                await self._look_up(answer)
                return Onward()
            case "end_turn" | "tool_use" if kind == "research":
                # Nothing to look up, so its words are of no use either: on to the draft.
                return Onward()
            case "end_turn":
                return self._read_final(answer)
            case "tool_use":
                return self._again(answer, "No tool is offered any more. Give the final answer.")
            case "max_tokens":
                return self._again(None, "The last answer was cut at its limit. Be shorter.")
            case "pause_turn":
                return self._again(answer, "Go on.")
            case "other":
                return self._again(None, "The last answer was not whole. Give it again.")
            case _:
                assert_never(answer.stop)

    async def _look_up(self, answer: Answer) -> None:
        for name in dict.fromkeys(call.name for call in answer.calls):
            if name in self.kit.toolbox:
                await self.doing(self.kit.toolbox[name].doing)
        results = await self.research.answer(answer.calls, self.steps, self.deadline.usable)
        self.turns.append(Turn(answer.model, answer.raw, answer.calls, results))

    def _read_final(self, answer: Answer) -> Step[AnswerT]:
        try:
            return Final(self.kit.kind.read(answer.text), answer.model)
        except InvalidAnswer as fault:
            note = f"The answer cannot be used: {fault}. Give the whole answer again, corrected."
            return self._again(answer, note)

    def _again(self, answer: Answer | None, note: str) -> Unusable:
        """Keep what was answered, where it is whole enough to be sent back, and say what is
        wrong."""
        raw = answer.raw if answer is not None and not answer.calls else None
        self.turns.append(Turn(answer.model if answer else "", raw, (), (), note))
        return Unusable(note)

    # --- the end ---

    async def _finish(self, answer: AnswerT, model: str) -> EndT_co | Stopped:
        ran = Ran(
            job=self.job,
            ports=self.ports,
            model=model,
            cost_usd=self.purse.spent,
            steps=self.steps,
            notices=self._notices("drafted by the local model"),
            degraded=self.degraded is not None,
        )
        end = await self.kit.kind.finish(answer, ran)
        if not isinstance(end, NoProposal):
            return end
        return self._no_proposal(end, model)

    def _no_proposal(self, end: NoProposal, model: str) -> Stopped:
        why = self.degraded or Halt(end.reason, end.words)
        return self._stopped(Halt(why.reason, why.words), end.guess, model, end.missing)

    async def _stop(self, halt: Halt) -> Stopped:
        guess = await self._guess()
        await self._flush()
        model = "local" if self.model.name == "local" else self.kit.draft_model
        return self._stopped(halt, guess, model, ())

    def _stopped(
        self,
        halt: Halt,
        guess: Guess,
        model: str,
        missing: tuple[str, ...],
    ) -> Stopped:
        tried = list(self.research.tried)
        if self.degraded is not None:
            tried.append(f"The local model, instead: {self.degraded.words}")
        found = [f"{p.title} ({p.article})" for p in self.research.passages.values()]
        return Stopped(
            handoff=Handoff(
                reason=halt.reason,
                tried=tuple(tried),
                found=tuple(found[:10]),
                missing=tuple(
                    part for part in (halt.words, *missing, *self.kit.kind.missed(self.job)) if part
                ),
            ),
            content=guess[0],
            confidence=guess[1],
            notices=self._notices("the local model, asked instead, has no draft either"),
            model=model,
            cost_usd=self.purse.spent,
            steps=self.steps,
        )

    async def _guess(self) -> Guess:
        """Labels and route for a handoff, from the local model where there is one to ask, and how
        sure it is of them.

        It costs nothing, counts as no step and never fails: without it, the default route.
        """
        playbook = self.kit.playbook
        unknown = Content(labels=(), priority=None, route="default"), None
        local = self.ports.fallback or (self.model if self.model.name == "local" else None)
        if local is None or "default" not in playbook.routes:
            return unknown
        try:
            async with asyncio.timeout(max(0.1, min(GUESS_SECONDS, self.deadline.left))):
                answer = await local.answer(self._prompt("last"))
            return self.kit.kind.guess(self.kit.kind.read(answer.text)) or unknown
        except (ModelFailed, InvalidAnswer, TimeoutError):
            return unknown

    def _notices(self, what: str) -> tuple[Notice, ...]:
        """Which model spoke, where it is not the one that is configured."""
        if self.degraded is None:
            return ()
        return (Notice(kind="degraded", text=f"{what} ({self.degraded.words})"),)

    async def _flush(self) -> None:
        """Write to the journal what no later call has: one more will not follow."""
        if self.entries:
            await self.ports.record(tuple(self.entries))
            self.entries.clear()
