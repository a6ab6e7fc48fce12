"""A run as a waterfall: every model call and tool, its time, tokens, cost and prompt version."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, Final, Literal

from starlette.requests import Request
from starlette.responses import Response

from bot.authority import ticket_route
from bot.domain import Proposal
from bot.tracing import TraceLine, cost_of, total_cost
from handlers.console.asking import Visitor
from handlers.console.pages import from_htmx, message, page
from handlers.console.parts import ConsoleParts
from handlers.console.telling import title_of, words_for

_CALLS: Final = ("model_call", "tool_call")
_OF_A_RUN: Final = ("run", "model_call", "tool_call", "proposal", "handoff")
_SAME_STEP: Final = timedelta(milliseconds=20)
"""The calls of one step are written together, at its end."""
_WIDE: Final = 1000.0
_TEXTS: Final = {
    "prompt": "The prompt’s part about this ticket",
    "answer": "The answer",
    "failure": "What went wrong",
    "args": "What was asked",
    "result": "What was found",
    "reply": "The reply",
    "words": "In their words",
}
"""Texts beside an entry that a person reads, by name."""


@dataclass(frozen=True)
class Span:
    """One call. ``x`` and ``width`` are thousandths of its run."""

    id: str
    kind: Literal["model", "tool"]
    name: str
    failed: str
    ms: float
    x: float
    width: float
    facts: tuple[str, ...]
    prompt: str
    has_texts: bool


@dataclass
class Run:
    """One pass over the ticket. Grows while the entries are read."""

    id: str
    start: datetime
    end: datetime
    lines: list[TraceLine] = field(default_factory=list)
    spans: list[Span] = field(default_factory=list)
    models: int = 0
    tools: int = 0
    tokens_in: int = 0
    cached: int = 0
    tokens_out: int = 0
    usd: Decimal = Decimal(0)
    ended: str = ""

    @property
    def seconds(self) -> float:
        return (self.end - self.start).total_seconds()


@dataclass(frozen=True)
class Moment:
    """Something that happened outside a run, and how long after what was before."""

    at: datetime
    after_s: float | None
    kind: str
    words: str
    by: str


async def trace(parts: ConsoleParts, request: Request, visitor: Visitor) -> Response:
    """``/console/trace/{id}``, by the id of the ticket, of a proposal or of a run."""
    found = await _found(parts, request, visitor)
    if isinstance(found, Response):
        return found
    ticket, proposal, lines = found
    names = parts.names
    await names.learn(line.entry.actor for line in lines)
    parts_shown: list[Run | Moment] = []
    runs: dict[str, Run] = {}
    before: datetime | None = None
    for line in lines:
        run = line.entry.run if line.entry.kind in _OF_A_RUN else None
        if run is not None:
            if run not in runs:
                runs[run] = Run(run, line.at, line.at)
                parts_shown.append(runs[run])
            runs[run].lines.append(line)
        else:
            after = None if before is None else (line.at - before).total_seconds()
            by = names.of(line.entry.actor)
            parts_shown.append(Moment(line.at, after, title_of(line), words_for(line), by))
        before = line.at
    for one in runs.values():
        _fill(one)
    return page(
        request,
        "trace.html",
        visitor,
        ticket=ticket,
        ident=request.path_params["id"],
        proposal=proposal,
        story=parts_shown,
        runs=len(runs),
        usd_total=total_cost(lines),
        took=(lines[-1].at - lines[0].at).total_seconds() if lines else 0.0,
        begun=lines[0].at if lines else None,
        is_run=lambda one: isinstance(one, Run),
    )


async def texts(parts: ConsoleParts, request: Request, visitor: Visitor) -> Response:
    """``/console/trace/{id}/texts/{entry}``: what a call was told and what it answered."""
    found = await _found(parts, request, visitor)
    if isinstance(found, Response):
        return found
    ticket, _, lines = found
    entry = request.path_params["entry"]
    line = next((one for one in lines if one.id == entry), None)
    if line is None:
        return message(request, visitor, 404, "Not found", "This ticket has no such entry.")
    kept = (await parts.record.texts([entry])).get(entry, {})
    version = line.entry.data.get("prompt_version")
    system = parts.prompts.get(version) if isinstance(version, str) else None
    return page(
        request,
        "_texts.html" if from_htmx(request) else "texts.html",
        visitor,
        ticket=ticket,
        ident=request.path_params["id"],
        line=line,
        shown=[(words, kept[name]) for name, words in _TEXTS.items() if name in kept],
        erased=bool(line.entry.texts) and not kept,
        system=system if line.entry.kind == "model_call" else None,
        version=version,
        first=line.entry.data.get("step") == 1,
    )


async def _found(
    parts: ConsoleParts, request: Request, visitor: Visitor
) -> tuple[str, Proposal, Sequence[TraceLine]] | Response:
    """The ticket's id, its proposal and its entries, for one who may read them."""
    ident = request.path_params["id"]
    ticket, proposal_id = await parts.overview.named(ident)
    case = await parts.context.store.case(proposal_id) if proposal_id else None
    if ticket is None or case is None:
        words = f"Deskhand knows no ticket, proposal or run {ident[:60]}."
        return message(request, visitor, 404, "Not found", words)
    proposal = case[0].value
    playbook, route = await ticket_route(parts.context, case)
    if not await visitor.sight.route(playbook, route):
        words = f"Traces are for the approvers of this ticket's route, {route}, and the managers."
        return message(request, visitor, 403, "You may not read this", words)
    return ticket, proposal, await parts.record.of_case(ticket)


def _fill(run: Run) -> None:
    """Sums and spans. A call's entry is written when its step is over, so its beginning follows
    from how long it took, and those of one step stand one behind the other."""
    timed: list[tuple[TraceLine, datetime, datetime]] = []
    step: list[TraceLine] = []

    def place() -> None:
        end = step[-1].at
        for line in reversed(step):
            begin = end - timedelta(milliseconds=_ms(line))
            timed.append((line, begin, end))
            end = begin
        step.clear()

    for line in run.lines:
        if line.entry.kind in _CALLS:
            if step and line.at - step[-1].at > _SAME_STEP:
                place()
            step.append(line)
        elif line.entry.kind in ("proposal", "handoff"):
            run.ended = f"{title_of(line)}: {words_for(line)}"
    if step:
        place()
    timed.sort(key=lambda one: one[1])
    run.start = min([run.lines[0].at, *(begin for _, begin, _ in timed)])
    run.end = max([run.lines[-1].at, *(end for _, _, end in timed)])
    whole = max(run.seconds, 0.001)
    for line, begin, end in timed:
        x = (begin - run.start).total_seconds() / whole * _WIDE
        width = max((end - begin).total_seconds() / whole * _WIDE, 4.0)
        run.spans.append(_span(line, min(x, _WIDE - 4.0), width))
        model = line.entry.kind == "model_call"
        run.models, run.tools = run.models + model, run.tools + (not model)
        data = line.entry.data
        run.cached += _int(data, "cache_read")
        run.tokens_in += sum(_int(data, key) for key in ("tokens_in", "cache_read", "cache_write"))
        run.tokens_out += _int(data, "tokens_out")
        run.usd += cost_of(line)


def _span(line: TraceLine, x: float, width: float) -> Span:
    data = line.entry.data
    facts: tuple[str, ...]
    if line.entry.kind == "model_call":
        read = _int(data, "cache_read")
        into = _int(data, "tokens_in") + read + _int(data, "cache_write")
        attempt = _int(data, "attempt")
        facts = (
            f"{into:,} in" + (f" ({read:,} cached)" if read else ""),
            f"{_int(data, 'tokens_out'):,} out",
            f"${cost_of(line):.6f}",
            str(data.get("stop") or ""),
            f"attempt {attempt}" if attempt > 1 else "",
        )
        name = str(data.get("model") or "model")
        prompt = f"{data.get('prompt')} {data.get('prompt_version')}"
        kind: Literal["model", "tool"] = "model"
    else:
        found = _int(data, "passages") + _int(data, "similar")
        facts = (f"{found} found",)
        name, prompt, kind = str(data.get("tool") or "tool"), "", "tool"
    failed = data.get("failed")
    return Span(
        id=line.id,
        kind=kind,
        name=name,
        failed=str(failed) if isinstance(failed, str) else ("failed" if failed else ""),
        ms=_ms(line),
        x=round(x, 1),
        width=round(min(width, _WIDE - x), 1),
        facts=tuple(fact for fact in facts if fact),
        prompt=prompt,
        has_texts=bool(line.entry.texts),
    )


def _ms(line: TraceLine) -> float:
    value = line.entry.data.get("latency_ms")
    return float(value) if isinstance(value, int | float) else 0.0


def _int(data: dict[str, Any], name: str) -> int:
    value = data.get(name)
    return value if isinstance(value, int) and not isinstance(value, bool) else 0
