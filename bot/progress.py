"""How far a ticket is, on the customer's own message: one reaction, one line in the thread.

Cosmetic: no failure here stops anything. But the last one must come, so what failed for a passing
reason is tried again, and of two who show something at once the later one makes it right.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from weakref import WeakValueDictionary

from bot.boards import change_board
from bot.context import Context
from bot.copies import TRIES, is_final, retry_after, wait
from bot.domain import Board, Place, Proposal
from bot.ports import Case, Progress, Surface, SurfaceError, Versioned

log = logging.getLogger("deskhand.publish")

_ROUNDS = 5
"""So often one who was overtaken shows it again, before others may."""


class CustomerSide:
    """Shows how far a ticket is. Decides nothing."""

    def __init__(self, context: Context) -> None:
        self._context = context
        # In one process no two calls for one ticket are under way: the run's last words must not
        # arrive after the card's, and two first lines would both be posted.
        self._turns: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    async def show(
        self, proposal_id: str, line: str | None = None, known: Case | None = None
    ) -> tuple[datetime | None, Case | None]:
        """Show what the proposal has come to; while it is drafted, ``line``, or with an empty one
        the reaction alone. ``known``: as it was read before. The answer: when to try again what
        failed for a passing reason, and the case as it was left, where that is known."""
        turn = self._turns.setdefault(proposal_id, asyncio.Lock())
        async with turn:
            return await self._show(proposal_id, line, known)

    async def _show(
        self, proposal_id: str, line: str | None, known_case: Case | None
    ) -> tuple[datetime | None, Case | None]:
        overtaken, ours = False, None
        for _ in range(_ROUNDS):
            case = known_case or await self._context.store.case(proposal_id)
            known_case = None
            if case is None or case.ticket.value.proposal != proposal_id:
                return None, None
            proposal, ticket, board = case.proposal.value, case.ticket.value, case.board.value
            surface = self._context.surfaces.shown.get(ticket.origin.surface)
            if surface is None:
                return None, case
            if ours is not None and ours != board.status_line:
                await self._take_away(surface, ticket.origin, ours)
            now = _progress_of(proposal, board, line)
            if ticket.ask is not None:
                now = replace(now, line="")  # its answer comes where the line would stand
            if not overtaken and (now.reaction, now.line) == (board.reaction, board.status_text):
                return None, case
            rests_until = board.progress_again_at
            if rests_until is not None and rests_until > self._context.clock.now():
                return rests_until, case
            # A first run has shown nothing before it; a later one follows what its forerunner left,
            # and what failed may have been done in part.
            known = (bool(board.reaction) or ticket.runs <= 1) and not board.progress_tries
            now = replace(now, was=board.reaction if known and not overtaken else None)
            try:
                message = await surface.progress(ticket.origin, now, board.status_line)
            except SurfaceError as failed:
                return await self._failed(proposal, case.board, now, failed), None
            shown = {"status_line": message, "status_text": now.line, "reaction": now.reaction}
            saved = await self._save(case.board, shown)
            if saved is not None:
                return None, case._replace(board=saved)
            # Another process has shown something meanwhile, and ours may have come after it.
            overtaken, ours = True, message
        return self._context.clock.now() + wait(1), None

    async def _take_away(self, surface: Surface, origin: Place, line: Place) -> None:
        """Two have posted a first line; the board names the other's."""
        no_line = Progress("", was="")
        try:
            await surface.progress(origin, no_line, line)
        except SurfaceError as failed:
            log.info("deskhand: a second status line stays in %s: %s", origin.key, failed)

    async def _failed(
        self, proposal: Proposal, board: Versioned[Board], now: Progress, failed: SurfaceError
    ) -> datetime | None:
        log.info("deskhand: no progress shown for %s: %s", proposal.id, failed)
        tries = board.value.progress_tries + 1
        if is_final(failed) or tries >= TRIES:
            await self._save(board, {"status_text": now.line, "reaction": now.reaction})
            return None
        again_at = self._context.clock.now() + (retry_after(failed) or wait(tries))
        await change_board(
            self._context.store,
            proposal.id,
            lambda current: current.model_copy(
                update={"progress_tries": tries, "progress_again_at": again_at}
            ),
        )
        return again_at

    async def _save(
        self, before: Versioned[Board], shown: Mapping[str, object]
    ) -> Versioned[Board] | None:
        """The board as saved; None: somebody else has shown something since ``before`` was read."""

        def change(current: Board) -> Board | None:
            if _shown(current) != _shown(before.value):
                return None
            over = {"progress_tries": 0, "progress_again_at": None}
            return current.model_copy(update={**shown, **over})

        store, proposal = self._context.store, before.value.proposal
        return await change_board(store, proposal, change, known=before)


def _shown(board: Board) -> tuple[object, ...]:
    return board.status_line, board.status_text, board.reaction


def _progress_of(proposal: Proposal, board: Board, line: str | None) -> Progress:
    match proposal.state:
        case "drafting":
            # Words of a run stay until it has others.
            words = line or board.status_text
            if not words and line is None:
                words = "Looking into it"
            return Progress("working", words)
        case "pending" | "approved" | "executing" | "unknown":
            return Progress("unsure", "A reply is drafted and waits for a colleague's approval")
        case "handoff" | "failed" | "expired":
            return Progress("unsure", "A colleague will take this on")
        case "answered":
            return Progress("done", "")
        case "succeeded":
            return Progress("done", "Answered" if _replied(proposal) else "Noted")
        case "rejected":
            return Progress("refused", "Closed by a colleague")
        case "superseded":
            return Progress("working" if proposal.successor else "", line or "")


def _replied(proposal: Proposal) -> bool:
    return any(done.status == "succeeded" for done in proposal.progress)
