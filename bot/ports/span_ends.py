"""What the spans of a ticket's way are told when they end: figures and names of outcomes."""

from __future__ import annotations

import json
import logging
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from bot.commands import Outcome, Refused, Succeeded
from bot.ports.model import Answer, ModelFailed, Prompt
from bot.ports.tracer import Span
from tools.spec import Findings

log = logging.getLogger("deskhand.way")


@dataclass(frozen=True)
class Worked:
    """A run's span."""

    _span: Span

    def ended(self, outcome: str, steps: int) -> None:
        """``outcome``: drafted, stopped or cancelled."""
        self._span.set("deskhand.outcome", outcome)
        self._span.set("deskhand.steps", steps)
        log.info("deskhand: the run is %s after %d steps", outcome, steps)


@dataclass(frozen=True)
class Chat:
    """A model call's span."""

    _span: Span
    _prompt: Prompt
    _provider: str
    _captures: bool

    def ended(self, result: Answer | ModelFailed, usd: Decimal) -> None:
        """``usd``: what it counts for, at the worst case where nobody knows."""
        span = self._span
        span.set("deskhand.cost_usd", float(usd))
        if (usage := result.usage) is not None:
            # All of the input, what was read from or written to a cache included: so say the
            # conventions.
            cached = usage.cache_read_tokens + usage.cache_write_tokens
            span.set("gen_ai.usage.input_tokens", usage.input_tokens + cached)
            span.set("gen_ai.usage.output_tokens", usage.output_tokens)
        if isinstance(result, ModelFailed):
            span.failed(result.kind)
            return
        span.set("gen_ai.response.model", result.model)
        span.set("gen_ai.response.finish_reasons", (result.stop,))
        # The SDK adds what its own model was told; the others' is for us to add.
        if self._captures and self._provider != "anthropic":
            span.set("gen_ai.system_instructions", _parts(self._prompt.system))
            span.set("gen_ai.input.messages", _message("user", self._prompt.ticket_text))
            span.set("gen_ai.output.messages", _message("assistant", result.text, result.stop))


@dataclass(frozen=True)
class Looked:
    """A research tool's span."""

    _span: Span
    _captures: bool

    def found(self, findings: Findings) -> None:
        self._span.set("deskhand.found", len(findings.passages) + len(findings.similar))
        if self._captures:
            self._span.set("gen_ai.tool.call.result", findings.failed or findings.text)
        if findings.failed is not None:
            self._span.failed("tool_error")


@dataclass(frozen=True)
class Acting:
    """An action's span."""

    _span: Span
    _tool: str

    def ended(self, outcome: Outcome) -> Outcome:
        """The same outcome. Its words stay out: they may be the other side's."""
        match outcome:
            case Succeeded():
                word = "succeeded"
            case Refused():
                word = "failed"
            case _:
                word = "unknown"
        self._span.set("deskhand.outcome", word)
        if word != "succeeded":
            self._span.failed(word)
        log.info("deskhand: %s %s", self._tool, word)
        return outcome


def _parts(text: str) -> str:
    return json.dumps([{"type": "text", "content": text}], ensure_ascii=False)


def _message(role: str, text: str, stop: str | None = None) -> str:
    """One message as the conventions' JSON."""
    message: dict[str, Any] = {"role": role, "parts": [{"type": "text", "content": text}]}
    if stop is not None:
        message["finish_reason"] = stop
    return json.dumps([message], ensure_ascii=False)
