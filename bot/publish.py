"""Every copy of a card follows its proposal: save first, show second.

The board remembers each copy and which version of the proposal it shows. ``show`` compares, and
posts, finds and redraws until nothing is behind; a copy that fails rests and holds up no other. A
post is announced on the board before it is made, so that two workers never both post, and a lost
answer is looked up before anything is posted again.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import assert_never

from bot import copies, showing
from bot.boards import change_board
from bot.card import CardView, Words
from bot.context import Context
from bot.copies import POST_SECONDS, START_SECONDS, Find, Plan, Post, Redraw, Task, plan
from bot.domain import Board, Copy, Place, Proposal, State, SurfaceName, Ticket
from bot.playbook import ANSWERED_KINDS, Playbook
from bot.ports import Case, MaybePosted, MessageGone, SurfaceError, Versioned
from bot.ports.tracer import Span
from bot.private_answers import PrivateAnswers
from bot.progress import CustomerSide
from bot.projection import view, who_may

log = logging.getLogger("deskhand.publish")

DRAFTING_AFTER = timedelta(seconds=15)
"""A ticket without a card for so long gets one marked *drafting*."""
_TURNS = 40
"""So often one call looks again, while others keep changing the same card."""
_RESTS = timedelta(seconds=2)

_NEEDS_CARD: frozenset[State] = frozenset(
    {"handoff", "pending", "approved", "executing", "failed", "unknown"}
)
"""States in which a proposal without a card gets one; the final ones only redraw what is there."""
_UNDER_WAY: frozenset[State] = frozenset({"approved", "executing"})
"""Nobody is waited for: a room that refuses the card is not replaced by another."""


@dataclass(frozen=True)
class _Case:
    """What one turn has read."""

    proposal: Versioned[Proposal]
    ticket: Versioned[Ticket]
    board: Versioned[Board]
    playbook: Playbook

    @property
    def id(self) -> str:
        return self.proposal.value.id


class Publish:
    """Draws cards and progress. Decides nothing."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._customer = CustomerSide(context)
        self._private = PrivateAnswers(context)

    async def show(self, proposal_id: str) -> datetime | None:
        """Bring every copy of this proposal's card, and the customer's side, up to date; the answer
        is when to look again at what could not be."""
        copies_again_at, case = await self._show_copies(proposal_id)
        asker_again_at = await self._private.show(case) if case is not None else None
        customer_again_at, _ = await self._customer.show(proposal_id, known=case)
        moments = (copies_again_at, asker_again_at, customer_again_at)
        return min((moment for moment in moments if moment is not None), default=None)

    def follows(self, ticket: Ticket) -> bool:
        """Whether its customer can be shown how far it is."""
        return ticket.origin.surface in self._context.surfaces.shown

    async def progress(
        self, proposal_id: str, line: str, known: Case | None = None
    ) -> tuple[datetime | None, Case | None]:
        """Say on the customer's side what is being done, in human words; with empty ones only that
        something is. Cosmetic: the answer is when to try again what failed, and the case as it was
        left, where that is known."""
        return await self._customer.show(proposal_id, line, known)

    async def remind(self, proposal: Proposal, board: Board, playbook: Playbook) -> None:
        """A line under each card that names those who may decide."""
        route = proposal.content.route if proposal.content else "default"
        words: Words = (
            "Still waiting for a decision: ",
            *who_may(playbook.route(route).approvers),
        )
        for copy in board.copies:
            surface = self._context.surfaces.shown.get(copy.place.surface)
            if copy.status != "posted" or surface is None:
                continue
            try:
                await surface.note(copy.place, words)
            except SurfaceError as failed:
                log.warning("deskhand: no reminder under %s: %s", proposal.id, failed)

    # --- the copies ---------------------------------------------------------------------------

    async def _show_copies(self, proposal_id: str) -> tuple[datetime | None, Case | None]:
        """When to look again, and the case as it was left, where that is known."""
        drawn: dict[Place, int] = {}
        left: Case | None = None
        for _ in range(_TURNS):
            read = left or await self._context.store.case(proposal_id)
            if read is None:
                return None, None
            playbook = self._context.playbook(read.proposal.value.playbook)
            case = _Case(read.proposal, read.ticket, read.board, playbook)
            todo = await self._plan(case, drawn)
            if todo.tasks:
                # What others do to the proposal meanwhile wakes this job again.
                board = await self._do(case, todo.tasks, drawn)
                left = Case(read.proposal, read.ticket, board) if board else None
            else:
                return todo.again_at, read
        log.warning("deskhand: the card of %s keeps changing; looking again soon", proposal_id)
        return self._context.clock.now() + _RESTS, None

    async def _plan(self, case: _Case, drawn: dict[Place, int]) -> Plan:
        now, proposal, board = self._context.clock.now(), case.proposal.value, case.board.value
        if proposal.state == "drafting" and not board.copies:
            due = proposal.created_at + DRAFTING_AFTER
            if now < due:
                return Plan((), due)
            if case.ticket.value.ask is not None and case.playbook.kind in ANSWERED_KINDS:
                return Plan((), None)  # its thread says that it is looked into
            if await self._is_paused(proposal):
                return Plan((), None)
        rooms = self._rooms(case)
        surfaces = self._context.surfaces.shown
        return plan(board, rooms, surfaces, case.proposal.version, drawn, now)

    def _rooms(self, case: _Case) -> tuple[Place, ...]:
        """The places where this proposal should have a card now."""
        proposal, board, playbook = case.proposal.value, case.board.value, case.playbook
        ask_room = _ask_room(proposal, case.ticket.value, playbook)
        if proposal.state == "answered":
            return copies.first_open(board, (self._shown(ask_room),))
        if proposal.state != "drafting" and proposal.state not in _NEEDS_CARD:
            return ()
        route = proposal.content.route if proposal.content else "default"
        chosen = self._shown(playbook.route(route).card.places or ask_room)
        if proposal.state in _UNDER_WAY:
            return copies.first_open(board, (chosen,))
        # A card that its channel refuses goes to the default route, then to the managers.
        default = self._shown(playbook.route("default").card.places or ask_room)
        return copies.first_open(board, (chosen, default, self._managers()))

    async def _do(
        self, case: _Case, tasks: tuple[Task, ...], drawn: dict[Place, int]
    ) -> Versioned[Board] | None:
        """All of them at once: one surface that hangs must not hold up the others. The answer: the
        board as they left it; None where it has to be read."""
        successors, notes = await self._successors(case), copies.refusals(case.board.value)
        card = view(
            case.proposal.value,
            case.proposal.version,
            case.ticket.value,
            case.playbook,
            notes,
        )
        ended = await asyncio.gather(
            *(self._do_one(case, _linked(card, successors, task), task, drawn) for task in tasks),
            return_exceptions=True,
        )
        boards: list[Versioned[Board] | None] = []
        for board in ended:
            if isinstance(board, BaseException):
                raise board
            boards.append(board)
        known = [board for board in boards if board is not None]
        return max(known, key=lambda board: board.version) if len(known) == len(boards) else None

    async def _do_one(
        self, case: _Case, card: CardView, task: Task, drawn: dict[Place, int]
    ) -> Versioned[Board] | None:
        match task:
            case Post():
                return await self._post(case, card, task)
            case Find():
                return await self._find(case, case.board, task.copy)
            case Redraw():
                return await self._redraw(case, card, task, drawn)
            case _:
                assert_never(task)

    async def _post(self, case: _Case, card: CardView, task: Post) -> Versioned[Board] | None:
        began, now = self._context.clock.monotonic(), self._context.clock.now()
        ours = Copy(
            place=task.place,
            room=task.place.place,
            status="posting",
            since=now,
            attempts=task.attempts,
        )
        board = await change_board(
            self._context.store,
            case.id,
            lambda board: showing.awaited(board, copies.announced(board, task.earlier, ours)),
            known=case.board,
        )
        if board is None:
            return None
        took = self._context.clock.monotonic() - began
        if took > START_SECONDS:
            # Stalled: by the time it arrived, others might have found nothing and posted theirs.
            withdrawn = ours.model_copy(update={"status": "gone", "attempts": ours.attempts - 1})
            return await self._replace(case, board, ours, withdrawn)
        surface = self._context.surfaces.shown[task.place.surface]
        try:
            with self._span(case, task.place, "post"):
                async with asyncio.timeout(POST_SECONDS - took):
                    message = await surface.post(task.place, card)
        except (MaybePosted, TimeoutError) as lost:
            log.warning("deskhand: the card of %s may be lost: %s", case.id, lost)
            return await self._find(case, board, ours, at_once=True)
        except SurfaceError as refused:
            log.warning("deskhand: a card of %s was refused: %s", case.id, refused)
            # Nothing is there, so the next try need not look: it is as if never announced.
            gone = ours.model_copy(update={"status": "gone"})
            return await self._failed(case, board, ours, gone, refused)
        else:
            posted = ours.model_copy(update={"version": case.proposal.version})
            return await self._posted(case, board, ours, posted, message, "posted", shows=True)

    async def _find(
        self, case: _Case, board: Versioned[Board], lost: Copy, *, at_once: bool = False
    ) -> Versioned[Board] | None:
        """Look for a post whose end nobody has told. ``at_once``: its poster looks; if it is not
        there it may still be on its way, and will be looked for again."""
        surface = self._context.surfaces.shown[lost.place.surface]
        try:
            found = await surface.find(lost.place, case.id)
        except SurfaceError as failed:
            log.warning("deskhand: cannot look for the card of %s: %s", case.id, failed)
            if not at_once:
                tried = lost.model_copy(update={"attempts": lost.attempts + 1})
                return await self._failed(case, board, lost, tried, failed)
            return None
        if found is not None:
            # Another's post may show an earlier state: the redrawing that follows does not.
            return await self._posted(case, board, lost, lost, found, "found", shows=at_once)
        if at_once:
            return None
        if not lost.main:
            return await self._replace(case, board, lost, None)
        if lost.attempts >= copies.TRIES:
            refused = lost.model_copy(update={"status": "refused", "error": "it never arrives"})
            return await self._replace(case, board, lost, refused, "refused")
        given_up = copies.given_up(lost, self._context.clock.now())
        return await self._replace(case, board, lost, given_up)

    async def _posted(
        self,
        case: _Case,
        known: Versioned[Board],
        announced: Copy,
        now: Copy,
        message: Place,
        what: str,
        *,
        shows: bool,
    ) -> Versioned[Board] | None:
        """Note where an announced card stands, and whether it ``shows`` the case as it is."""
        well = {"status": "posted", "attempts": 0, "again_at": None, "error": None}
        posted = now.model_copy(update={"place": message, **well})
        board = await change_board(
            self._context.store,
            case.id,
            self._noting(case, lambda board: copies.settled(board, announced, posted), shows),
            known=known,
            entry=showing.line(case.proposal.value, what, message),
            # The superseded card can only now say where its successor is.
            redraw=case.proposal.value.predecessor,
        )
        if board is None:
            log.info("deskhand: the card of %s was found by another worker", case.id)
        return board

    async def _redraw(
        self, case: _Case, card: CardView, task: Redraw, drawn: dict[Place, int]
    ) -> Versioned[Board] | None:
        copy = task.copy
        surface = self._context.surfaces.shown[copy.place.surface]
        try:
            with self._span(case, copy.place, "update"):
                await surface.update(copy.place, card, buttons=task.buttons)
        except MessageGone:
            over = {"status": "gone", "attempts": 0, "again_at": None}
            gone = copy.model_copy(update=over)
            return await self._replace(case, case.board, copy, gone, "gone")
        except SurfaceError as failed:
            log.warning("deskhand: a card of %s is not redrawn: %s", case.id, failed)
            tried = copy.model_copy(update={"attempts": copy.attempts + 1})
            return await self._failed(case, case.board, copy, tried, failed)
        else:
            drawn[copy.place] = case.proposal.version
            over = {"version": case.proposal.version, "main": task.buttons}
            well = {"attempts": 0, "again_at": None, "error": None}
            now = copy.model_copy(update={**over, **well})
            return await self._replace(case, case.board, copy, now, shows=True)

    def _span(self, case: _Case, place: Place, what: str) -> AbstractContextManager[Span]:
        ticket, proposal = case.ticket.value, case.proposal.value
        return self._context.spans.card(ticket, proposal, place.surface, what)

    async def _failed(
        self,
        case: _Case,
        board: Versioned[Board],
        before: Copy,
        tried: Copy,
        error: SurfaceError,
    ) -> Versioned[Board] | None:
        """Save a copy that failed: it rests, or it is given up."""
        now = copies.after_failure(tried, error, self._context.clock.now())
        if now.status == "refused" and before.status == "posting" and not before.main:
            # The late look for a card that another has replaced: the room has that one.
            return await self._replace(case, board, before, None)
        what = "refused" if now.status == "refused" else None
        return await self._replace(case, board, before, now, what)

    async def _replace(
        self,
        case: _Case,
        known: Versioned[Board],
        before: Copy,
        now: Copy | None,
        what: str | None = None,
        *,
        shows: bool = False,
    ) -> Versioned[Board] | None:
        """Change one copy, or leave it out. What others have changed meanwhile is judged anew.
        ``what``: the journal's word for it, if it is worth a line. ``shows``: the message shows the
        case as it is."""
        proposal, place = case.proposal.value, (now or before).place
        return await change_board(
            self._context.store,
            case.id,
            self._noting(case, lambda board: copies.replaced(board, before, now), shows),
            known=known,
            entry=showing.line(proposal, what, place),
        )

    def _noting(
        self, case: _Case, change: Callable[[Board], Board | None], shows: bool
    ) -> Callable[[Board], Board | None]:
        """The change, noting with it that a card now shows what the run came to."""
        if not shows:
            return change
        now = self._context.clock.now()
        return lambda board: showing.noted(change(board), case.proposal.value, now)

    # --- what goes into them ------------------------------------------------------------------

    async def _successors(self, case: _Case) -> dict[SurfaceName, str]:
        """Links to the card that took this one's place, by surface, as far as it is posted."""
        links: dict[SurfaceName, str] = {}
        if case.proposal.value.successor is None:
            return links
        board = await self._context.store.board(case.proposal.value.successor)
        for copy in board.value.copies:
            surface = self._context.surfaces.shown.get(copy.place.surface)
            if copy.status != "posted" or surface is None or surface.name in links:
                continue
            if (address := await _link(surface.link, copy.place)) is not None:
                links[surface.name] = address
        return links

    def _shown(self, places: tuple[Place, ...]) -> tuple[Place, ...]:
        return tuple(place for place in places if place.surface in self._context.surfaces.shown)

    def _managers(self) -> tuple[Place, ...]:
        """The managers' private conversations."""
        return tuple(
            Place(surface=name, place=manager)
            for name in self._context.surfaces.shown
            for manager in self._context.managers.users(name)
        )

    async def _is_paused(self, proposal: Proposal) -> bool:
        paused = await self._context.store.paused()
        return "*" in paused or proposal.playbook in paused


def _linked(card: CardView, successors: Mapping[SurfaceName, str], task: Task) -> CardView:
    """The card with the way to its successor: to the copy on its own surface, else to any."""
    on = (task.place if isinstance(task, Post) else task.copy.place).surface
    address = successors.get(on) or next(iter(successors.values()), None)
    return replace(card, successor_url=address) if address else card


def _ask_room(proposal: Proposal, ticket: Ticket, playbook: Playbook) -> tuple[Place, ...]:
    """Where the answer to an ask goes, and its card where its route has no channel: to the thread
    in which it was asked; where guests read that, to those whom it is for."""
    ask, at = ticket.ask, ticket.origin
    if ask is None or ticket.asker is None:
        return ()
    if proposal.state == "answered" and (proposal.answer is None or proposal.answer.private):
        return ()  # its asker is told
    shares = playbook.kind in ANSWERED_KINDS and proposal.state not in ("answered", "handoff")
    if not ask.guests and not shares:
        return (at.model_copy(update={"message": None}),)
    # What waits to be shared is shown in its thread once it is approved.
    approvers = playbook.route("default").approvers.users(at.surface)
    people = approvers if shares else (ticket.asker.id,)
    return tuple(Place(surface=at.surface, place=one) for one in people)


async def _link(ask: Callable[[Place], Awaitable[str | None]], message: Place) -> str | None:
    try:
        return await ask(message)
    except SurfaceError:
        return None  # a card without the link still says that it is superseded
