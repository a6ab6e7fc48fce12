"""What the demo needs of a running Deskhand, and the tickets that it is given."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol

from bot.card import CardView
from bot.domain import Actor
from bot.ports import Decisions
from bot.ticket_body import TicketBody

YOU = Actor(surface="terminal", team="demo", id="you")
"""The person in front of the terminal."""


@dataclass(frozen=True)
class DemoTicket:
    """A ticket and what tells it from all others of the demo's folder. ``kind``: whose playbook
    works on it."""

    key: str
    body: TicketBody
    kind: Literal["triage", "lead"] = "triage"


class DemoDesk(Protocol):
    """A Deskhand of its own folder and tenant, with its worker running."""

    @property
    def decisions(self) -> Decisions: ...

    @property
    def outbox(self) -> Path:
        """The folder of ``.eml`` files."""
        ...

    @property
    def crm(self) -> Path:
        """The file that leads are written into."""
        ...

    @property
    def model(self) -> str:
        """Which model drafts, in words for the person."""
        ...

    async def take_in(self, ticket: DemoTicket) -> None:
        """Accept the ticket, durably; one that is there already stays as it is."""
        ...

    async def settled(self, key: str) -> CardView:
        """The card of this ticket's newest proposal once nothing is under way: neither drafting
        nor approved nor executing. The ticket was taken in before, perhaps by another process."""
        ...

    @property
    def console(self) -> str | None:
        """The address that signs the person in to the web console; None: there is none."""
        ...

    async def moved(self, card: CardView) -> CardView:
        """The card once it is another than this: decided or changed elsewhere, as in the web
        console. Waits for as long as it takes."""
        ...

    async def waiting(self, keys: Sequence[str]) -> int:
        """How many of these tickets wait: not taken in yet, or undecided."""
        ...
