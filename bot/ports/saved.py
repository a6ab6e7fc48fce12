"""What is put into the store and what it answers: documents with versions, wakes, one step."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Generic, Literal, NamedTuple, TypeVar

from bot.domain import (
    Board,
    Place,
    Proposal,
    Ticket,
)
from bot.journal import Entry
from tools.spec import SimilarTicket


class StoreUnavailable(Exception):
    """The store did not answer, or refused for want of memory. Never a reason for a handoff."""


Document = TypeVar("Document", Ticket, Proposal, Board)


@dataclass(frozen=True)
class Versioned(Generic[Document]):
    """A document and the version that a compare-and-swap must find. 0: it must not exist yet."""

    value: Document
    version: int


WakeKind = Literal["deliver", "run", "execute", "card", "timer"]
"""
deliver: a delivery is to be worked into its ticket (id: the delivery's).
run: a drafting proposal's run is due. execute: an approved proposal has an action to claim, or an
executing one may be overdue. card: the copies may be behind the state. timer: reminder or expiry.
All but deliver are keyed by the proposal's id.
"""


@dataclass(frozen=True)
class Wake:
    """Look at this thing at this time. Wakes are hints: they may repeat, and state decides."""

    kind: WakeKind
    id: str
    at: datetime | None = None
    """None: at once."""


@dataclass(frozen=True)
class Newest:
    """An author's newest ticket in a channel, as ``open_ticket_by`` has just given it."""

    playbook: str
    place: Place
    author: str
    ticket: str | None


class Case(NamedTuple):
    """A proposal with what belongs to it."""

    proposal: Versioned[Proposal]
    ticket: Versioned[Ticket]
    board: Versioned[Board]


class Queued(NamedTuple):
    """A proposal that waits for a person, with its playbook and route; None: only it knows."""

    proposal: str
    route: tuple[str, str] | None


@dataclass(frozen=True)
class Lesson:
    """What an approval teaches ``similar_tickets`` of its playbook, masked."""

    playbook: str
    ticket: str
    example: SimilarTicket


@dataclass(frozen=True)
class Start:
    """A start of a run: not made while its playbook, or everything, is paused. ``counted`` against
    its author's hour, once however often it is asked for."""

    run: str
    playbook: str
    author: str
    limit_per_hour: int
    counted: bool


@dataclass(frozen=True)
class Commit:
    """One atomic step: all of it or, on a version that moved, nothing.

    The store derives its indexes (what waits, by origin, by author) from the documents.
    """

    tickets: tuple[Versioned[Ticket], ...] = ()
    proposals: tuple[Versioned[Proposal], ...] = ()
    boards: tuple[Versioned[Board], ...] = ()
    entries: tuple[Entry, ...] = ()
    wakes: tuple[Wake, ...] = ()
    cleared: tuple[Wake, ...] = ()
    """Wakes no longer needed (their ``at`` is ignored)."""
    deliveries_done: tuple[str, ...] = ()
    joined: tuple[tuple[Place, str], ...] = ()
    """Messages with a conversation of their own that have joined a ticket, with its id: from now on
    ``ticket_at`` their places finds it."""
    newest: Newest | None = None
    """Nothing either if it is another by now: of two messages that come at once, both must not
    find that their author has no ticket yet."""
    lesson: Lesson | None = None
    """An earlier lesson of the same ticket goes."""
    start: Start | None = None
    """The run that this step begins; ``NotStarted`` where it may not begin now."""
    read: Case | None = None
    """What the step rests on, as far as the caller has read it and does not change it: a job that
    this very step takes up begins from there, with no reading of its own."""
    within_seconds: float | None = None
    """Not done at all if it reaches the server later than this from now. A request that was sent
    to a store that hangs is carried out when it wakes up; a person has then long been told that
    nothing was saved."""


@dataclass(frozen=True)
class Conflict:
    """Somebody else was first; read again and decide again."""


@dataclass(frozen=True)
class TooLate:
    """The change came to the server after ``within_seconds``: nothing was done."""


@dataclass(frozen=True)
class NotStarted:
    """The run may not begin now: nothing was done."""

    why: Literal["paused", "author_limit"]


Arrival = Literal["unseen", "waiting", "done"]
"""unseen: nothing of that name has come, in seven days. waiting: it is durable, and not worked in
yet. done: it is worked in."""


@dataclass(frozen=True)
class NotClaimed:
    """Nothing was dispatched and nothing may be."""

    why: Literal["conflict", "paused", "failover"]
    """conflict: the version moved. paused: a manager paused. failover: the store's history forked;
    a person resumes."""
