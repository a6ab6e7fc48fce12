"""The journal's lines of a card's copies, and the moment when one first shows what a run came to.

That moment ends the *time to card*, and only there: a draft that is saved while its channel takes
no card is one that nobody can decide. It stands on the board, so that of many copies, and of many
workers, one notes it, in the very step that saves where the copy stands. No I/O.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from bot.domain import Board, Place, Proposal, State
from bot.journal import Entry, about

_OUTCOMES: frozenset[State] = frozenset({"pending", "handoff", "answered"})
"""What a run comes to."""


def awaited(before: Board, announced: Board | None) -> Board | None:
    """The board with its first card announced. (One that had a card already was noted then, or is
    from before cards were timed; its proposal's time to card was counted when it was saved.)"""
    if announced is None or before.copies or before.shown_ms is not None:
        return announced
    return announced.model_copy(update={"awaited": True})


def noted(board: Board | None, proposal: Proposal, now: datetime) -> Board | None:
    """The board, one of whose copies shows this proposal now."""
    if board is None or not board.awaited or proposal.state not in _OUTCOMES:
        return board
    return board.model_copy(update={"awaited": False, "shown_ms": since_ms(proposal, now)})


def line(
    proposal: Proposal, what: str | None, place: Place
) -> Callable[[Board, Board], Entry | None]:
    """What the journal says of a copy, for ``change_board``. ``what`` None: nothing, unless it is
    the first that shows what the run came to."""

    def of(before: Board, after: Board) -> Entry | None:
        if after.shown_ms == before.shown_ms:
            return None if what is None else _entry(proposal, what, place)
        entry = _entry(proposal, what or "updated", place)
        timed = {"took_ms": after.shown_ms, **about(proposal)}
        return entry.model_copy(update={"data": {**entry.data, **timed}})

    return of


def since_ms(proposal: Proposal, at: datetime) -> int:
    """From the proposal's beginning until then, in milliseconds."""
    return max(0, round((at - proposal.created_at).total_seconds() * 1000))


def _entry(proposal: Proposal, what: str, place: Place) -> Entry:
    return Entry(
        kind="card",
        ticket=proposal.ticket,
        run=proposal.run.id,
        proposal=proposal.id,
        playbook=proposal.playbook,
        data={
            "what": what,
            "surface": place.surface,
            "place": place.place,
            "message": place.message,
            "state": proposal.state,
            "revision": proposal.revision,
        },
    )
