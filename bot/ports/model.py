"""A language model: what it is asked, what it answers, how it fails."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, Protocol

from bot.budget import Price, Usage
from bot.domain import (
    Ticket,
)
from tools.spec import Findings


@dataclass(frozen=True)
class ToolDescription:
    """A research tool as the model sees it: strict JSON Schema, nothing callable."""

    name: str
    description: str
    schema: Mapping[str, Any]


@dataclass(frozen=True)
class ToolCall:
    """The model asks for a tool. ``args`` is whatever it wrote: not yet validated."""

    id: str
    name: str
    args: Any
    shown: str = ""
    """What a person is told it asked for; empty: the texts among ``args``."""


@dataclass(frozen=True)
class ToolResult:
    """What the tool gave, as text for the model."""

    call: ToolCall
    text: str
    failed: bool = False
    findings: Findings | None = None
    """The same as data, for a model that reads no prose."""


@dataclass(frozen=True)
class Turn:
    """One answered call and the results it was given: what the next call is told."""

    model: str
    raw: Any
    """The answer's content verbatim, in the adapter's own form: it goes back unchanged."""
    calls: tuple[ToolCall, ...]
    results: tuple[ToolResult, ...]
    note: str = ""
    """Our own words after it, as why the answer was not usable. ``raw`` None: not sent back."""


@dataclass(frozen=True)
class Prompt:
    """One call, before it is an API request. ``system`` is the same bytes for every ticket."""

    model: str
    system: str
    ticket_text: str
    """The ticket and what belongs to it alone, delimited as untrusted."""
    ticket: Ticket
    feedback: tuple[str, ...]
    """Why a person rejected the last draft: the reason's name, then their words if any. It stands
    in ``ticket_text`` too; here it is data, for a model that reads no prose."""
    turns: tuple[Turn, ...]
    toolbox: tuple[ToolDescription, ...]
    """Research tools on offer; empty: none."""
    schema: Mapping[str, Any] | None
    """The final answer's JSON Schema; None: a research step, no final answer asked for."""
    max_tokens: int
    timeout_seconds: float
    prompt_name: str
    prompt_version: str
    playbook: str
    searches: int = 0
    """How often the provider may search the web for this call; 0: it is not offered."""


@dataclass(frozen=True)
class WebHit:
    """A page that the provider's web search has found. Its words are never taken as a source."""

    url: str
    title: str


StopReason = Literal["end_turn", "tool_use", "max_tokens", "refusal", "pause_turn", "other"]
"""end_turn, tool_use: whole. max_tokens: cut. refusal: it will not. The rest: not whole."""


@dataclass(frozen=True)
class Answer:
    """One call answered. ``text`` joins its text parts."""

    model: str
    text: str
    calls: tuple[ToolCall, ...]
    stop: StopReason
    usage: Usage
    raw: Any
    request_id: str | None = None
    request_hash: str = ""
    hits: tuple[WebHit, ...] = ()


class ModelFailed(Exception):
    """A call without a usable answer.

    ``kind``: ``overloaded`` (429, 529), ``server`` (5xx), ``connection`` (none, cut, time-out),
    ``malformed`` (HTML, not JSON), ``rejected`` (4xx: trying again is useless).
    ``usage`` is what it may have cost, None when unknown: the reservation then counts in full.
    """

    def __init__(
        self,
        kind: Literal["overloaded", "server", "connection", "malformed", "rejected"],
        words: str,
        retry_after_seconds: float | None = None,
        usage: Usage | None = None,
    ) -> None:
        super().__init__(words)
        self.kind = kind
        self.words = words
        self.retry_after_seconds = retry_after_seconds
        self.usage = usage


class Model(Protocol):
    """A language model, or the local one, which answers the same prompts with no network."""

    @property
    def name(self) -> str:
        """``anthropic`` or ``local``."""
        ...

    def price(self, model: str) -> Price | None:
        """None: nobody knows, so the call is refused. Zero for the local model."""
        ...

    def worst_case_tokens(self, prompt: Prompt) -> int:
        """Never less than the input tokens that the call will be billed."""
        ...

    async def answer(self, prompt: Prompt) -> Answer:
        """One call, not retried. Raises ``ModelFailed``."""
        ...
