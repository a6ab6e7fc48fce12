"""Research: the tool calls of one answer, carried out on behalf of one ticket.

Whatever a model writes here is a wish, not an order: a name that is not offered, arguments that do
not fit, a flood of calls, the same call again, a tool that fails or hangs; each ends in words for
the model and never in an error of the run. Only a store that does not answer passes through.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from pydantic import ValidationError

from bot.agent.prompting import inert
from bot.journal import Entry
from bot.ports import Clock, StoreUnavailable, ToolCall, ToolResult
from bot.ports.spans import NO_SPANS, Spans
from tools.spec import Findings, Passage, ReadContext, ReadTool, TakesTime

log = logging.getLogger("deskhand.agent")

CALLS_AT_ONCE = 6
"""Tool calls of one answer that are carried out; the others get an error."""

TOOL_SECONDS = 10.0
RESULT_LIMIT = 6_000
"""Characters of one result that a model sees."""


@dataclass
class Research:
    """What one run has looked up. Grows with each answer."""

    toolbox: Mapping[str, ReadTool]
    context: ReadContext
    clock: Clock
    entry: Callable[[Entry], None]
    run: str
    spans: Spans = NO_SPANS
    seen: set[str] = field(default_factory=set)
    passages: dict[str, Passage] = field(default_factory=dict)
    """The best passage of each article found."""
    tried: list[str] = field(default_factory=list)
    """What was looked up, in words for a person."""

    async def answer(
        self, calls: Sequence[ToolCall], step: int, seconds: float
    ) -> tuple[ToolResult, ...]:
        """The result of each call, in their order, within ``seconds``."""
        return tuple(
            await asyncio.gather(
                *(self._one(call, step, position, seconds) for position, call in enumerate(calls))
            )
        )

    async def _one(self, call: ToolCall, step: int, position: int, seconds: float) -> ToolResult:
        tool = self.toolbox.get(call.name)
        if position >= CALLS_AT_ONCE:
            return _refused(call, f"At most {CALLS_AT_ONCE} calls at once; this one was left out.")
        if tool is None:
            offered = ", ".join(self.toolbox) or "none"
            return _refused(call, f"There is no such tool. Tools: {offered}.")
        try:
            args = tool.args_model.model_validate(call.args)
        except ValidationError as fault:
            return _refused(call, f"The arguments do not fit: {_words(fault)}")
        written = (
            json.dumps(args.model_dump(mode="json"), sort_keys=True, ensure_ascii=False)
            .encode("utf-8", "replace")
            .decode()
        )
        key = f"{call.name} {written}"
        if key in self.seen:
            return ToolResult(call, "Looked up already: the same call's result stands above.")
        # Marked before the tool is awaited, so that twins in one answer run once.
        self.seen.add(key)
        asked = call.shown or _short(args.model_dump(mode="json"))
        tried = f"{tool.doing}: {asked}" if asked else tool.doing
        if tried not in self.tried:
            self.tried.append(tried)
        started = self.clock.monotonic()
        with self.spans.tool(call, written) as looked:
            allowed = tool.seconds if isinstance(tool, TakesTime) else TOOL_SECONDS
            findings = await self._read(tool, args, min(seconds, allowed))
            looked.found(findings)
        latency = self.clock.monotonic() - started
        if findings.failed is not None:
            self.seen.discard(key)
        for passage in findings.passages:
            self.passages.setdefault(passage.article, passage)
        text = findings.failed or findings.text or "Nothing found."
        failed = findings.failed is not None
        result = ToolResult(call, inert(text[:RESULT_LIMIT]), failed, findings)
        # Their words stand in this entry's texts, and go when theirs are erased.
        examples = dict.fromkeys(one.ticket for one in findings.similar if one.ticket)
        self.entry(
            Entry(
                kind="tool_call",
                ticket=self.context.ticket.id,
                run=self.run,
                playbook=self.context.playbook,
                data={
                    "step": step,
                    "tool": call.name,
                    "failed": result.failed,
                    "passages": len(findings.passages),
                    "similar": len(findings.similar),
                    "latency_ms": round(latency * 1000, 1),
                    **({"examples": list(examples)} if examples else {}),
                },
                texts={"args": written, "result": result.text},
            )
        )
        return result

    async def _read(self, tool: ReadTool, args: Any, seconds: float) -> Findings:
        try:
            async with asyncio.timeout(max(0.01, seconds)):
                return await tool.read(args, self.context)
        except StoreUnavailable:
            raise
        except TimeoutError:
            return Findings("", failed=f"{tool.name} did not answer in time.")
        except Exception:
            # A research tool's own fault must not end the run. Its words stay in the log: they
            # may hold a path or a connection string, and the model repeats what it reads.
            log.exception("research tool %s failed", tool.name)
            return Findings("", failed=f"{tool.name} failed; go on without it.")


def _refused(call: ToolCall, words: str) -> ToolResult:
    return ToolResult(call, words, failed=True)


def _short(args: Mapping[str, Any]) -> str:
    words = " ".join(str(value) for value in args.values() if isinstance(value, str))
    folded = " ".join(words.split())
    return folded if len(folded) <= 120 else folded[:119] + "…"


def _words(fault: ValidationError) -> str:
    return "; ".join(
        f"{'.'.join(str(part) for part in error['loc']) or 'arguments'}: {error['msg']}"
        for error in fault.errors(include_url=False, include_input=False)[:3]
    )
