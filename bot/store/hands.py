"""What the store and a worker in the same process tell each other, to save each other the way.

A step that takes a job up hands over what it has saved, so that the job need not read it back: it
is the state under which the lease was given, and whatever changes it afterwards wakes the job
again. So it stands for the job's first reading only, and for no other job's.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextvars import ContextVar
from typing import Protocol

from bot.domain import Board, Delivery
from bot.ports import Case, Commit, Versioned, Wake

Handed = Delivery | Case
"""What a job would read first."""

_handed: ContextVar[Handed | None] = ContextVar("handed", default=None)


def hand_over(value: Handed | None) -> None:
    """Said in the context of the job that is about to begin."""
    _handed.set(value)


def handed_case(proposal_id: str) -> Case | None:
    """The case that this job was handed, once."""
    value = _handed.get()
    if not isinstance(value, Case) or value.proposal.value.id != proposal_id:
        return None
    _handed.set(None)
    return value


def handed_delivery(delivery_id: str) -> Delivery | None:
    """The delivery that this job was handed, once."""
    value = _handed.get()
    if not isinstance(value, Delivery) or value.id != delivery_id:
        return None
    _handed.set(None)
    return value


def saved_cases(change: Commit) -> dict[str, Case]:
    """The cases by proposal as they stand when ``change`` is done, as far as it knows them; what it
    has read and does not write must still be so."""
    tickets = {held.value.id: Versioned(held.value, held.version + 1) for held in change.tickets}
    boards = {
        held.value.proposal: Versioned(held.value, held.version + 1) for held in change.boards
    }
    read = change.read
    if read is not None:
        tickets.setdefault(read.ticket.value.id, read.ticket)
        boards.setdefault(read.proposal.value.id, read.board)
    cases: dict[str, Case] = {}
    for held in change.proposals:
        ticket, board = tickets.get(held.value.ticket), boards.get(held.value.id)
        if board is None and held.version == 0:
            board = Versioned(Board(proposal=held.value.id), 0)
        if ticket is not None and board is not None:
            proposal = Versioned(held.value, held.version + 1)
            cases[held.value.id] = Case(proposal, ticket, board)
    return cases


class Hands(Protocol):
    """A worker in this process. All of it returns at once."""

    def offer(self, wake: Wake) -> str | None:
        """Keep a hand for this wake and answer the token of its lease; None: no hand is free."""
        ...

    def begun(self, wake: Wake, token: str, handed: Handed | None) -> None:
        """It is saved, and its job taken up under ``token``: work on it."""
        ...

    def withdrawn(self, wake: Wake) -> None:
        """It was not saved, or somebody is at it already: the hand is free again."""
        ...

    def lost(self, wake: Wake, token: str) -> None:
        """Nobody knows whether it was saved and taken up: the hand is free, the lease may stand."""
        ...

    def cleared(self, wakes: Sequence[Wake]) -> None:
        """These were cleared, leases and all: there is nothing left to finish."""
        ...


class Offers:
    """The wakes of one step, as far as this process would take them up itself."""

    def __init__(self, hands: Hands | None, wakes: Sequence[Wake]) -> None:
        self._hands = hands
        self.tokens: dict[Wake, str] = {}
        self.others: list[Wake] = []
        """For which no hand is free here."""
        for wake in dict.fromkeys(wakes):
            token = None if hands is None else hands.offer(wake)
            if token is None:
                self.others.append(wake)
            else:
                self.tokens[wake] = token

    def taken(self, wakes: frozenset[Wake], handed: Mapping[str, Handed] | None = None) -> None:
        """The step is done, or did nothing: begin these, and free the hands kept for the rest.
        ``handed``: by id, what their jobs need not read."""
        if self._hands is not None:
            for wake, token in self.tokens.items():
                if wake in wakes:
                    self._hands.begun(wake, token, (handed or {}).get(wake.id))
                else:
                    self._hands.withdrawn(wake)

    def lost(self) -> None:
        """Nobody knows what became of the step."""
        if self._hands is not None:
            for wake, token in self.tokens.items():
                self._hands.lost(wake, token)
