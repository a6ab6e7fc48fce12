"""What answers asks: one answerer a kind of playbook, and how an answerer's run may end.

An ask's run is an ordinary run of an ordinary proposal, with its leases, limits, budget, journal
and trace; what differs is its end. Kinds whose end is a card for a person (triage, lead) have a
``Kit`` and the agent's loop instead.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import Protocol

from bot.agent.run import AgentPorts, Cancelled, Job, Stopped, Unpaid
from bot.domain import Answer
from bot.journal import Entry
from bot.playbook import Playbook


@dataclass(frozen=True)
class Answered:
    """The run gave an answer. Finding nothing is one."""

    answer: Answer
    model: str
    """Who spoke; ``local`` where no provider was asked."""
    cost_usd: Decimal = Decimal(0)
    steps: int = 0
    """Model calls answered."""
    entries: tuple[Entry, ...] = ()
    """Lines of the journal that are not written yet."""
    prompt_version: str = ""


@dataclass(frozen=True)
class Declined:
    """Not answered, and why, for the asker alone: no public word, no model call."""

    words: str
    cost_usd: Decimal = Decimal(0)
    steps: int = 0


AnswerOutcome = Answered | Declined | Stopped | Cancelled | Unpaid


class Answerer(Protocol):
    """Answers asks of one kind. It reads and changes nothing."""

    async def answer(
        self,
        job: Job,
        playbook: Playbook,
        ports: AgentPorts,
        *,
        cancelled: Callable[[], Awaitable[bool]],
        doing: Callable[[str], Awaitable[None]],
    ) -> AnswerOutcome:
        """One run. ``job.ticket.ask`` is what was asked, ``job.ticket.asker`` by whom and
        ``job.ticket.origin`` where. ``cancelled``: whether nobody wants it any more; ``doing``
        says in human words what is being done. Raises ``StoreUnavailable`` only."""
        ...
