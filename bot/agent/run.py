"""What a run of the agent is made of, and how it may end."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Literal

from bot.agent.calls import Money
from bot.agent.draft_check import Source
from bot.budget import AtCap
from bot.domain import (
    Citation,
    Confidence,
    Content,
    Handoff,
    Lead,
    Mark,
    Notice,
    Run,
    Ticket,
)
from bot.journal import Entry
from bot.ports import Clock, Model
from bot.ports.spans import NO_SPANS, Spans

# --- what a run is made of --------------------------------------------------------------------


@dataclass(frozen=True)
class AgentPorts:
    """What the loop needs from outside; the same for every run."""

    model: Model
    fallback: Model | None
    """The local model, unless ``model`` is it."""
    money: Money
    clock: Clock
    source: Callable[[str], Awaitable[Source | None]]
    """The article of an id, as quotes are checked against it."""
    record: Callable[[Sequence[Entry]], Awaitable[None]]
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    at_cap: AtCap = "local"
    spans: Spans = NO_SPANS
    mask_inbound: bool = False
    """Does no model see the card numbers and secrets of a ticket?"""


@dataclass(frozen=True)
class Job:
    """One run over one ticket."""

    ticket: Ticket
    run: Run
    targets: Mapping[str, str]
    """Where each allowed action on this ticket would go, in words. Text only: the model's side
    never holds a tool."""
    said: str = ""
    """What a run reads besides its ticket, as an ask's thread: a stranger's words, each line of
    them told from ours by its beginning. The prompt's ``said``."""


# --- how a run ends ---------------------------------------------------------------------------


@dataclass(frozen=True)
class Drafted:
    """The run gave a proposal."""

    content: Content
    confidence: Confidence
    why: str
    citations: tuple[Citation, ...]
    marks: tuple[Mark, ...]
    notices: tuple[Notice, ...]
    model: str
    cost_usd: Decimal
    steps: int
    missing: tuple[str, ...]
    degraded: bool
    """The local model drafted because the other one could not."""
    lead: Lead | None = None
    """What a lead's run has found."""


@dataclass(frozen=True)
class Stopped:
    """The run gave none. ``content`` is the best guess of labels and route, without a reply."""

    handoff: Handoff
    content: Content
    confidence: Confidence | None
    """In the labels and the route; None where nobody guessed any."""
    notices: tuple[Notice, ...]
    model: str
    cost_usd: Decimal
    steps: int


@dataclass(frozen=True)
class Cancelled:
    """Its ticket has moved on; whatever it had is void."""

    cost_usd: Decimal
    steps: int


@dataclass(frozen=True)
class Unpaid:
    """A day's money is used up, and the playbooks' runs wait for more: this one begins anew."""

    cap: Literal["day", "playbook"]
    usd: Decimal
    """What its next call needs."""
    words: str
    cost_usd: Decimal
    steps: int


RunOutcome = Drafted | Stopped | Cancelled | Unpaid
