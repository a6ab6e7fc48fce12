"""What a manager asks: the figures of a window, and what waits. For every surface and the shell."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal, Protocol, get_args

from bot.budget import Spending
from bot.domain import Place, Proposal, State, Ticket
from bot.ports import Clock, Versioned
from bot.stats import figures, waiting_now
from bot.tracing import TraceLine, message_of

Window = Literal["24h", "7d", "30d"]
"""Rolling, up to now."""

_SPANS: dict[Window, timedelta] = {
    "24h": timedelta(hours=24),
    "7d": timedelta(days=7),
    "30d": timedelta(days=30),
}


class RecordBook(Protocol):
    """The part of the journal that the overview reads."""

    async def of_case(self, case: str) -> Sequence[TraceLine]:
        """A ticket's entries, oldest first."""
        ...


class FiguresStore(Protocol):
    """The part of the store that the overview reads."""

    @property
    def record_book(self) -> RecordBook: ...

    async def ticket_at(self, origin: Place) -> str | None: ...

    async def resolve(self, some_id: str) -> tuple[str | None, str | None]:
        """(ticket id, proposal id) of a ticket, run or proposal id, or (None, None)."""
        ...

    async def waiting(self, playbook: str | None = None, limit: int = 200) -> Sequence[str]: ...

    async def proposal(self, proposal_id: str) -> Versioned[Proposal] | None: ...

    async def ticket(self, ticket_id: str) -> Versioned[Ticket] | None: ...

    async def spending(self) -> Spending: ...

    async def paused(self) -> frozenset[str]: ...

    async def counters(self, since: datetime, until: datetime) -> dict[str, int]:
        """The folded figures of whole hours, what is not yet sealed included."""
        ...


@dataclass(frozen=True)
class Waits:
    """One line of the queue. ``subject`` is the customer's words: for those who may see them."""

    proposal: str
    ticket: str
    playbook: str
    route: str
    state: State
    since: datetime
    age_s: float
    reason: str
    owner: str
    subject: str


def window_of(text: str) -> Window | None:
    """The window that ``text`` names, or None."""
    return next((window for window in get_args(Window) if window == text), None)


class Overview:
    """Reads; changes nothing."""

    def __init__(self, store: FiguresStore, clock: Clock, durability: str) -> None:
        self._store = store
        self._clock = clock
        self._durability = durability

    async def figures(self, window: Window = "24h", playbook: str | None = None) -> dict[str, Any]:
        """The pinned object of ``deskhand status --json``."""
        now = self._clock.now()
        counters = await self._store.counters(now - _SPANS[window], now)
        return figures(
            window,
            counters,
            waiting_now(await self._proposals(playbook, 20_000), now),
            await self._store.spending(),
            await self._store.paused(),
            self._durability,
            playbook,
        )

    async def queue(self, playbook: str | None = None, limit: int = 50) -> list[Waits]:
        """What waits for a person, oldest first."""
        now = self._clock.now()
        lines = []
        for proposal in await self._proposals(playbook, limit):
            found = await self._store.ticket(proposal.ticket)
            ticket = found.value if found is not None else None
            since = proposal.proposed_at or proposal.created_at
            lines.append(
                Waits(
                    proposal=proposal.id,
                    ticket=proposal.ticket,
                    playbook=proposal.playbook,
                    route=proposal.content.route if proposal.content else "default",
                    state=proposal.state,
                    since=since,
                    age_s=round((now - since).total_seconds(), 1),
                    reason=proposal.handoff.reason if proposal.handoff else "",
                    owner=proposal.owner.name if proposal.owner else "",
                    subject=_subject(ticket),
                )
            )
        return lines

    async def named(self, ident: str) -> tuple[str | None, str | None]:
        """(ticket id, proposal id) of a ticket, run or proposal id or a message's permalink; None
        for what is not known."""
        if (message := message_of(ident)) is None:
            return await self._store.resolve(ident)
        ticket = await self._store.ticket_at(message)
        return (None, None) if ticket is None else await self._store.resolve(ticket)

    async def trace(self, ident: str) -> tuple[str, Sequence[TraceLine]] | None:
        """A ticket's id and its entries, oldest first; None where nothing has this name."""
        ticket, _ = await self.named(ident)
        if ticket is None:
            return None
        return ticket, await self._store.record_book.of_case(ticket)

    async def _proposals(self, playbook: str | None, limit: int) -> list[Proposal]:
        found = []
        for proposal_id in await self._store.waiting(playbook, limit):
            one = await self._store.proposal(proposal_id)
            if one is not None:
                found.append(one.value)
        return found


def _subject(ticket: Ticket | None) -> str:
    if ticket is None:
        return ""
    return " ".join((ticket.subject or ticket.body).split())[:80]
