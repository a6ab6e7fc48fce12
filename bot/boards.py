"""Changes of a board that others may be changing at the same time."""

from __future__ import annotations

from collections.abc import Callable

from bot.copies import behind
from bot.domain import Board, Copy, Place
from bot.journal import Entry
from bot.ports import Commit, Conflict, Store, Versioned, Wake


async def change_board(
    store: Store,
    proposal_id: str,
    change: Callable[[Board], Board | None],
    *,
    known: Versioned[Board] | None = None,
    entry: Callable[[Board, Board], Entry | None] | None = None,
    redraw: str | None = None,
) -> Versioned[Board] | None:
    """Save ``change`` of the newest board, however often others come between; the answer is the
    board as saved.

    ``change`` is pure and answers None where there is nothing to change any more; then nothing is
    saved, and so is the answer. ``known`` is a board read before. ``entry`` is the journal's line
    of the change, from the board before and after it, and as pure. The cards of ``redraw``, another
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
        line = entry(board.value, value) if entry is not None else None
        saved = await store.commit(
            Commit(boards=tuple(boards), entries=(line,) if line else (), wakes=tuple(wakes))
        )
        if not isinstance(saved, Conflict):
            return Versioned(value, board.version + 1)
        board = await store.board(proposal_id)


async def reopen(store: Store, room: Place, limit: int = 1000) -> None:
    """A room that took no cards can be reached now: what waits for a person and was refused there
    is tried there again."""
    for proposal_id in await store.waiting(limit=limit):
        board = await store.board(proposal_id)
        left = tuple(copy for copy in board.value.copies if not _refused_in(copy, room))
        if left == board.value.copies:
            continue
        opened = Versioned(board.value.model_copy(update={"copies": left}), board.version)
        # Whoever changes the board meanwhile draws it, too, and finds the refusal as it was: then
        # the card stays where it went instead.
        await store.commit(Commit(boards=(opened,), wakes=(Wake("card", proposal_id),)))


def _refused_in(copy: Copy, room: Place) -> bool:
    return copy.status == "refused" and (copy.place.surface, copy.room) == (
        room.surface,
        room.place,
    )
