"""Answers for their asker alone: told once, where they asked, with a button to share them. So are
those that their thread refuses, without one.

A private line cannot be looked up or changed. So it is told before it is noted: a process that dies
in between tells it twice, which does no harm, and never forgets it.
"""

from __future__ import annotations

import logging
from datetime import datetime

from bot import buttons
from bot.boards import change_board
from bot.context import Context
from bot.copies import TRIES, is_final, retry_after, wait
from bot.domain import Board, Proposal, Ticket
from bot.playbook import Playbook
from bot.ports import Case, Choice, MaybePosted, Private, SurfaceError

log = logging.getLogger("deskhand.publish")

SHARE = "post_answer"
"""The action tool by which an answer reaches others."""


class PrivateAnswers:
    """Tells askers. Decides nothing."""

    def __init__(self, context: Context) -> None:
        self._context = context

    async def show(self, case: Case) -> datetime | None:
        """Tell what is to be told; the answer is when to try again."""
        proposal, ticket, board = case.proposal.value, case.ticket.value, case.board.value
        said = self._said(proposal, ticket, board)
        surface = self._context.surfaces.shown.get(ticket.origin.surface)
        if said is None or board.told or ticket.asker is None or surface is None:
            return None
        now = self._context.clock.now()
        if board.tell_again_at is not None and board.tell_again_at > now:
            return board.tell_again_at
        try:
            await surface.whisper(ticket.origin, ticket.asker, said)
        except MaybePosted as lost:
            log.warning("deskhand: the answer of %s may be lost: %s", proposal.id, lost)
        except SurfaceError as failed:
            log.warning("deskhand: the answer of %s is not told: %s", proposal.id, failed)
            tries = board.tell_tries + 1
            if not is_final(failed) and tries < TRIES:
                again_at = now + (retry_after(failed) or wait(tries))
                await self._note(proposal.id, {"tell_tries": tries, "tell_again_at": again_at})
                return again_at
        await self._note(proposal.id, {"told": True, "tell_again_at": None})
        return None

    def _said(self, proposal: Proposal, ticket: Ticket, board: Board) -> Private | None:
        """What is to be told; None: nothing, or it is for everybody."""
        if proposal.state != "answered" or proposal.erased or ticket.ask is None:
            return None
        about = " ".join(" ".join(filter(None, (ticket.ask.verb, ticket.ask.words))).split())[:80]
        if proposal.declined is not None:
            return Private((proposal.declined,), about=about)
        if proposal.answer is None:
            return None
        if not proposal.answer.private:
            if not _refused(board):
                return None
            # Its thread is gone, or nobody but few may write there: it is not lost with that.
            words = ("The thread does not take it, so it is for you alone.",)
            return Private(words, about=about, answer=proposal.answer)
        playbook = self._context.playbook(proposal.playbook)
        share: tuple[Choice, ...] = ()
        if may_be_shared(self._context, playbook):
            token = buttons.mint_share(proposal.id, proposal.secret)
            share = (Choice("share", "Share in the thread", token),)
        return Private(("For you alone.",), about=about, answer=proposal.answer, choices=share)

    async def _note(self, proposal_id: str, told: dict[str, object]) -> None:
        def change(current: Board) -> Board | None:
            return None if current.told else current.model_copy(update=told)

        await change_board(self._context.store, proposal_id, change)


def _refused(board: Board) -> bool:
    """Whether what was for everybody is given up everywhere."""
    return bool(board.copies) and all(copy.status == "refused" for copy in board.copies)


def may_be_shared(context: Context, playbook: Playbook) -> bool:
    """Whether somebody could approve that others read an answer of this playbook."""
    allowed = playbook.action(SHARE) is not None and SHARE in context.specs
    return allowed and not playbook.route("default").approvers.empty
