"""All durable state, as the use-cases ask for it."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Literal, Protocol

from bot.budget import CapReached, Reservation, Spending
from bot.domain import (
    Board,
    Delivery,
    Place,
    Proposal,
    Ticket,
)
from bot.journal import Entry
from bot.ports.saved import (
    Arrival,
    Case,
    Commit,
    Conflict,
    NotClaimed,
    NotStarted,
    Queued,
    TooLate,
    Versioned,
    Wake,
)
from tools.spec import Grant, SimilarTicket


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

    async def alias_of(self, name: str) -> str | None:
        """The delivery of another id by whose alias this name is known."""
        ...

    async def once(self, what: str, seconds: int) -> bool:
        """Whether nobody has said this within ``seconds``: of all processes, the first to ask."""
        ...

    async def resolve_message(self, message: Place) -> tuple[str | None, str | None]:
        """(ticket id, proposal id) of the conversation that a message is the root of, or of the
        card that it is; None for what is not known."""
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
        """Ids of proposals that wait for a person (pending, handoff, failed, unknown), oldest
        first."""
        ...

    async def queued(self, playbook: str | None = None, limit: int = 200) -> Sequence[Queued]:
        """The same with their routes, without a look at the proposals themselves."""
        ...

    async def unanswered(
        self, playbook: str | None = None, limit: int = 0
    ) -> tuple[int, Sequence[str]]:
        """How many expired that nobody answered, and the first ``limit`` of them, oldest first."""
        ...

    async def for_money(
        self, playbook: str | None = None, limit: int = 0
    ) -> tuple[int, Sequence[str]]:
        """How many runs wait for money, and the first ``limit`` of their proposals."""
        ...

    # limits and money
    async def reserve(
        self, run: str, playbook: str, usd: Decimal, run_cap: Decimal, lost: Entry | None = None
    ) -> Reservation | CapReached:
        """``lost``: the journal's line of what it was for, should nobody ever settle it."""
        ...

    async def settle(
        self, reservation: Reservation | None, usd: Decimal, entries: Sequence[Entry] = ()
    ) -> None:
        """What a call cost in place of what was reserved for it (None: it costs nothing), and the
        journal's lines of what it was, in one step.

        The call was made, so what a ``StoreUnavailable`` leaves unwritten is remembered, and
        written once when the store answers again."""
        ...

    async def release(self, reservation: Reservation) -> None:
        """Give back what nothing was called for. Never raises: while the store is away it is kept
        in mind, and given back with the next reservation."""
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
        """Examples learnt after cursor ``since`` (0: all), and the new cursor. One of another
        memory (``tools.spec.same_memory``): these are all that was not erased."""
        ...

    async def resolve(self, some_id: str) -> tuple[str | None, str | None]:
        """(ticket id, proposal id) of a ticket, run or proposal id, or (None, None)."""
        ...

    # the record
    async def record(self, entries: Sequence[Entry]) -> None:
        """Append entries that go with no change of state (calls of models and tools). Remembered as
        those of ``settle`` are."""
        ...

    async def calls_of(self, ticket_id: str, run: str) -> Sequence[Entry]:
        """What the journal has of a run's model calls, those of its earlier starts with them."""
        ...

    async def ready(self) -> None:
        """Return if the store answers; raise ``StoreUnavailable`` within 1.5 s if not."""
        ...
