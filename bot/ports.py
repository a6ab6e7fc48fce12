"""What Deskhand needs from the outside, as protocols; adapters stand in the rooms above.

Every method may raise ``StoreUnavailable`` where it speaks to the store. Errors of a surface are
the small family below, because *sent*, *not sent* and *cannot know* lead to different acts.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any, Generic, Literal, NamedTuple, Protocol, TypeVar

from bot.budget import CapReached, Price, Reservation, Spending, Usage
from bot.card import CardView, Words
from bot.domain import (
    Actor,
    Board,
    Delivery,
    Message,
    Person,
    Place,
    Proposal,
    SurfaceName,
    Ticket,
    Verb,
)
from bot.forms import EditInput, NotDecided, Pressed, RejectInput, Submitted
from bot.journal import Entry
from tools.spec import Findings, Grant, SimilarTicket

# --- time -------------------------------------------------------------------------------------


class Clock(Protocol):
    """Time, injected. ``now`` is aware UTC; ``monotonic`` is in seconds."""

    def now(self) -> datetime: ...

    def monotonic(self) -> float: ...


# --- the store --------------------------------------------------------------------------------


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


class HandedCase(Case):
    """Not read, but handed over by the step that took the job up. What that step did not write, the
    board above all, may be a little older."""


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


class Store(Protocol):
    """All durable state. One implementation, on Redis; the embedded server runs the same code."""

    # intake
    async def accept(self, delivery: Delivery) -> Literal["accepted", "duplicate"]:
        """Save durably and wake ``deliver``; a duplicate by id or alias changes nothing.

        Raises ``StoreUnavailable`` also at 80 % of the store's memory, so that receipts still
        pass."""
        ...

    async def delivery(self, delivery_id: str) -> Delivery | None:
        """One that is not done yet."""
        ...

    async def arrived(self, names: Sequence[str]) -> Arrival:
        """How far the deliveries known by these ids or aliases are, the least of them."""
        ...

    # documents
    async def ticket(self, ticket_id: str) -> Versioned[Ticket] | None: ...

    async def proposal(self, proposal_id: str) -> Versioned[Proposal] | None: ...

    async def board(self, proposal_id: str) -> Versioned[Board]:
        """Version 0 and an empty board where there is none yet."""
        ...

    async def case(self, proposal_id: str) -> Case | None:
        """A proposal, its ticket and its board in one round trip.

        The first case of a job that a commit has taken up is what that commit saved and had read,
        without a round trip: whatever changes afterwards wakes the job again."""
        ...

    async def version(self, proposal_id: str) -> int | None:
        """A proposal's version alone: whether it is still as one knows it."""
        ...

    async def ticket_at(self, *origins: Place) -> str | None:
        """The id of the ticket of the first of these conversations that has one: by ``origin.key``,
        where a ticket is known by its own origin and by each of its messages taken as a thread's
        root."""
        ...

    async def open_ticket_by(self, playbook: str, place: Place, author: str) -> str | None:
        """The author's newest ticket in ``place`` (its channel), for grouping a burst."""
        ...

    async def commit(
        self, change: Commit
    ) -> Literal["committed"] | Conflict | TooLate | NotStarted: ...

    async def claim(
        self, approved: Versioned[Proposal], executing: Proposal, index: int, entry: Entry
    ) -> Grant | NotClaimed:
        """Replace ``approved`` by ``executing``, durably, and mint the grant: one winner.

        The server checks version, state and digest, that nothing is paused and that the epoch is
        the one known, in one atomic step. The grant's deadline is counted from before the step."""
        ...

    # what waits
    async def due(self, limit: int = 100) -> Sequence[Wake]:
        """Wakes whose time has come; each is hidden for a lease so that others need not look."""
        ...

    async def waiting(self, playbook: str | None = None, limit: int = 200) -> Sequence[str]:
        """Ids of proposals that wait for a person (pending, handoff, failed, unknown, and expired
        ones that nobody answered), oldest first."""
        ...

    # limits and money
    async def reserve(
        self, run: str, playbook: str, usd: Decimal, run_cap: Decimal
    ) -> Reservation | CapReached: ...

    async def settle(
        self, reservation: Reservation | None, usd: Decimal, entries: Sequence[Entry] = ()
    ) -> None:
        """What a call cost in place of what was reserved for it (None: it costs nothing), and the
        journal's lines of what it was, in one step."""
        ...

    async def spending(self) -> Spending: ...

    # steering
    async def paused(self) -> frozenset[str]:
        """Names of paused playbooks; ``*`` is everything."""
        ...

    async def pause(self, playbook: str | None, entry: Entry) -> None: ...

    async def resume(self, playbook: str | None, entry: Entry) -> None:
        """Also ends the stand-still after a failover."""
        ...

    # what approvals teach
    async def examples(self, playbook: str, since: int = 0) -> tuple[int, Sequence[SimilarTicket]]:
        """Examples learnt after cursor ``since`` (0: all), and the new cursor."""
        ...

    async def resolve(self, some_id: str) -> tuple[str | None, str | None]:
        """(ticket id, proposal id) of a ticket, run or proposal id, or (None, None)."""
        ...

    # the record
    async def record(self, entries: Sequence[Entry]) -> None:
        """Append entries that go with no change of state (calls of models and tools)."""
        ...

    async def ready(self) -> None:
        """Return if the store answers; raise ``StoreUnavailable`` within 1.5 s if not."""
        ...


# --- deciding ---------------------------------------------------------------------------------


class Decisions(Protocol):
    """What a surface's handlers call when a person presses or submits. ``bot.decide`` is it."""

    async def press(self, token: str, verb: Verb, actor: Actor) -> Pressed:
        """A button. ``verb`` is the pressed button's own; a token of another verb is refused."""
        ...

    async def submit_edit(self, token: str, actor: Actor, given: EditInput) -> Submitted: ...

    async def submit_reject(self, token: str, actor: Actor, given: RejectInput) -> Submitted: ...

    async def show(self, proposal_id: str, actor: Actor) -> CardView | NotDecided:
        """The whole card for one who may see its texts (the route's approvers and managers)."""
        ...


# --- the model --------------------------------------------------------------------------------


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


# --- surfaces ---------------------------------------------------------------------------------


class SurfaceError(Exception):
    """A call to a surface without success; see the subclasses for what is known."""


class NotPosted(SurfaceError):
    """Certainly not there. ``final``: trying again is useless (no such channel, not a member)."""

    def __init__(self, words: str, *, final: bool, retry_after_seconds: float | None = None):
        super().__init__(words)
        self.final = final
        self.retry_after_seconds = retry_after_seconds


class MaybePosted(SurfaceError):
    """The answer was lost: look it up before anything is posted again."""


class NotRead(SurfaceError):
    """A conversation could not be read. ``final``: asking again is useless."""

    def __init__(self, words: str, *, final: bool, retry_after_seconds: float | None = None):
        super().__init__(words)
        self.final = final
        self.retry_after_seconds = retry_after_seconds


class MessageGone(SurfaceError):
    """The message to update has been deleted."""


@dataclass(frozen=True)
class Progress:
    """What the customer's own message and thread show while it is worked on."""

    reaction: Literal["", "working", "done", "refused", "unsure"]
    """👀, ✅, ❌, ⏳; one at a time."""
    line: str = ""
    """Human words, edited in place; empty: no line."""
    was: Literal["", "working", "done", "refused", "unsure"] | None = None
    """The reaction that is there now. None: nobody knows, so every other one is taken off and an
    earlier line is looked for, which costs calls."""


class Surface(Protocol):
    """A place where cards are shown: broadcast, update, find. Drawing only, deciding nothing."""

    @property
    def name(self) -> SurfaceName: ...

    async def post(self, place: Place, card: CardView, *, buttons: bool = True) -> Place:
        """Post a card; the answer names its message. Raises ``NotPosted``, ``MaybePosted``."""
        ...

    async def update(self, message: Place, card: CardView, *, buttons: bool = True) -> None:
        """Redraw. Raises ``MessageGone``, ``NotPosted``, ``MaybePosted``."""
        ...

    async def find(self, place: Place, proposal: str) -> Place | None:
        """Our own bot's newest card of this proposal in ``place``. Raises ``NotRead``."""
        ...

    async def progress(self, origin: Place, now: Progress, line: Place | None) -> Place | None:
        """Show how far a ticket is on the customer's message; the answer is the line's message."""
        ...

    async def conversation(self, origin: Place) -> tuple[Message, ...]:
        """The thread's messages by persons, root first, with names. Raises ``NotRead``."""
        ...

    async def note(self, message: Place, words: Words) -> None:
        """A line in the thread under a card, as a reminder is."""
        ...

    async def link(self, message: Place) -> str | None:
        """A permalink to a message."""
        ...

    async def tell(self, actor: Actor, text: str, card: CardView | None = None) -> None:
        """A private message to one person."""
        ...


class LookUpFailed(Exception):
    """The directory did not answer: whoever it is may not decide now."""


class Directory(Protocol):
    """Who people are at this moment, on one surface."""

    async def person(self, actor: Actor) -> Person:
        """No answer older than 5 s. Raises ``LookUpFailed``."""
        ...

    async def in_groups(self, actor: Actor, groups: Sequence[str]) -> bool:
        """Whether they are in any of these groups, no answer older than 60 s. Raises
        ``LookUpFailed``."""
        ...


@dataclass(frozen=True)
class Surfaces:
    """Every surface and directory in use, by name."""

    shown: Mapping[SurfaceName, Surface] = field(default_factory=dict)
    directories: Mapping[SurfaceName, Directory] = field(default_factory=dict)
