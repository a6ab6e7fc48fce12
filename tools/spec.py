"""What a tool is. Types only.

``ReadTool.read(args, context)`` and ``ActionTool.apply(args, grant)`` are different types on
purpose: code that runs with the model can hold the former and only *descriptions* of the latter.
A ``Grant`` is made in one place alone, the store's atomic claim of an approved revision.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

from pydantic import BaseModel

from bot.commands import Outcome, Succeeded
from bot.domain import Author, Citation, Content, Decision, Place, Ticket


@dataclass(frozen=True)
class Passage:
    """A piece of a source. ``quote`` stands verbatim in ``article``; ``score`` orders, no more."""

    article: str
    title: str
    quote: str
    score: float
    url: str | None = None


@dataclass(frozen=True)
class SimilarTicket:
    """An earlier ticket whose proposal was approved, masked (names, addresses, numbers, ids)."""

    text: str
    labels: tuple[str, ...]
    route: str
    priority: str | None
    reply: str | None
    score: float
    ticket: str = ""
    """Which one it was, for whoever erases it; the model is not told."""


MEMORY = 1 << 40
"""Cursors of examples from one multiple of this to the next are of one memory."""


def same_memory(before: int, after: int) -> bool:
    """Whether a cursor goes on from an earlier one. If not, an example was erased in between: what
    was kept of the earlier ones must be forgotten."""
    return before // MEMORY == after // MEMORY


@dataclass(frozen=True)
class ReadText:
    """A whole text as a tool read it, for who reasons over it without a language model."""

    ident: str
    """Its URL, or the id of a record."""
    title: str
    text: str
    data: str = ""
    """What it says to machines, as JSON-LD."""
    links: tuple[str, ...] = ()
    date: str | None = None


@dataclass(frozen=True)
class Findings:
    """What a read tool found. ``text`` goes to the model, delimited as untrusted."""

    text: str
    passages: tuple[Passage, ...] = ()
    similar: tuple[SimilarTicket, ...] = ()
    read: tuple[ReadText, ...] = ()
    failed: str | None = None
    """Why the tool could not answer, in words; the model sees it as the tool's error."""


@dataclass(frozen=True)
class ReadContext:
    """On whose behalf a tool reads. Nothing in it can act."""

    tenant: str
    playbook: str
    ticket: Ticket
    run: str = ""
    """The run's id."""


class ReadTool(Protocol):
    """A research tool: it reads and changes nothing."""

    @property
    def name(self) -> str: ...

    @property
    def description(self) -> str:
        """For the model: what it finds and when to use it."""
        ...

    @property
    def doing(self) -> str:
        """For the person who waits, as in ``Searching the knowledge base``."""
        ...

    @property
    def args_model(self) -> type[BaseModel]: ...

    async def read(self, args: Any, context: ReadContext) -> Findings:
        """``args`` is an instance of ``args_model``."""
        ...


@runtime_checkable
class TakesTime(Protocol):
    """A research tool that may take longer than others, because it waits for others."""

    @property
    def seconds(self) -> float:
        """For one call, at most."""
        ...


@dataclass(frozen=True)
class ActionSpec:
    """An action as the model and the card know it: words and a schema, nothing callable."""

    name: str
    description: str
    args_model: type[BaseModel]


@dataclass(frozen=True)
class Sent:
    """An effect that may be out there: enough to look for it, not enough to cause it."""

    proposal: str
    revision: int
    ticket: str
    origin: Place
    key: str
    """The newest idempotency key, 64 hexadecimal digits."""
    earlier_keys: tuple[str, ...]


@dataclass(frozen=True)
class Grant(Sent):
    """Leave to dispatch one action once. Minted by the store's claim and nowhere else."""

    tenant: str
    digest: str
    index: int
    attempt: int
    tool: str
    content: Content
    approved_by: Decision
    deadline: float
    """On this process's monotonic clock, seconds: no byte leaves after it."""
    playbook: str = ""
    author: Author | None = None
    """Whose words are answered."""
    subject: str = ""
    citations: tuple[Citation, ...] = ()
    """What the reply rests on."""
    by_hand: bool = False
    """A person wrote the reply from nothing: no model did."""


class Unanswered(Exception):
    """The remote could not be asked just now, and may be asked again soon."""


class ActionTool(Protocol):
    """An action tool: the only kind of object in Deskhand that has an effect for a customer."""

    @property
    def spec(self) -> ActionSpec: ...

    def target(self, ticket: Ticket) -> str:
        """Where the effect of this action on this ticket goes, in words for the card."""
        ...

    def resend_seconds(self, ticket: Ticket) -> float:
        """How long the remote honours an idempotency key; 0: it does not."""
        ...

    async def apply(self, args: Any, grant: Grant) -> Outcome:
        """Act once, under ``grant.key``, before ``grant.deadline``. Never raises for a remote's
        failure: that is an outcome."""
        ...

    async def look_up(self, sent: Sent) -> Succeeded | None:
        """Whether an effect under ``sent.key`` (or an earlier one) is there; None: it is not, or
        this remote can never tell. Raises ``Unanswered``."""
        ...


class Outlet(Protocol):
    """Where ``send_reply`` answers tickets of one surface."""

    def target(self, ticket: Ticket) -> str:
        """Where the reply goes, in words for the card."""
        ...

    def resend_seconds(self, origin: Place) -> float:
        """How long the remote honours an idempotency key; 0: it does not."""
        ...

    async def send(self, grant: Grant, text: str) -> Outcome:
        """Send once, before ``grant.deadline``. A remote's failure is an outcome, not a raise."""
        ...

    async def look_up(self, sent: Sent) -> Succeeded | None:
        """Whether the reply of this proposal is there, under any of its keys; None: it is not, or
        this remote can never tell. Raises ``Unanswered``."""
        ...
