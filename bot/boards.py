"""Changes of a board that others may be changing at the same time."""

from __future__ import annotations

from collections.abc import Callable

from bot.copies import behind
from bot.domain import Board
from bot.journal import Entry
from bot.ports import Commit, Conflict, Store, Versioned, Wake


async def change_board(
    store: Store,
    proposal_id: str,
    change: Callable[[Board], Board | None],
    *,
    known: Versioned[Board] | None = None,
    entry: Entry | None = None,
    redraw: str | None = None,
) -> Versioned[Board] | None:
    """Save ``change`` of the newest board, however often others come between; the answer is the
    board as saved.

    ``change`` is pure and answers None where there is nothing to change any more; then nothing is
    saved, and so is the answer. ``known`` is a board read before. The cards of ``redraw``, another
    proposal, are to be drawn again: said in the same step, so that a crash cannot forget it.
    """
    board = known or await store.board(proposal_id)
    while True:
        value = change(board.value)
        if value is None:
            return None
        boards, wakes = [Versioned(value, board.version)], []
        if redraw is not None:
            other = await store.board(redraw)
            if other.value.copies:
                boards.append(Versioned(behind(other.value), other.version))
                wakes.append(Wake("card", redraw))
        saved = await store.commit(
            Commit(boards=tuple(boards), entries=(entry,) if entry else (), wakes=tuple(wakes))
        )
        if not isinstance(saved, Conflict):
            return Versioned(value, board.version + 1)
        board = await store.board(proposal_id)
