"""Every copy of a card follows its proposal: save first, show second.

The board remembers each copy and which version of the proposal it shows. ``show`` compares and
redraws until nothing is behind. A post is announced on the board before it is made, so that two
workers never both post, and a lost answer is looked up before anything is posted again.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import datetime, timedelta

from bot.card import Words
from bot.context import Context
from bot.domain import Board, Copy, Place, Proposal, State, Ticket
from bot.journal import Entry
from bot.playbook import Playbook
from bot.ports import (
    Commit,
    Conflict,
    MaybePosted,
    MessageGone,
    NotPosted,
    Progress,
    SurfaceError,
    Versioned,
    Wake,
)
from bot.projection import view, who_may

log = logging.getLogger("deskhand.publish")

DRAFTING_AFTER = timedelta(seconds=15)
"""A ticket without a card for so long gets one marked *drafting*."""
_LOST_POST_AFTER = timedelta(seconds=8)
"""A post announced so long ago and not confirmed is lost: its poster's time-outs are shorter."""
_RETRY_AFTER = timedelta(seconds=5)
_TRIES = 20
"""A card that a surface refuses for a passing reason is tried so often, ever more slowly."""

_NEEDS_CARD: frozenset[State] = frozenset(
    {"handoff", "pending", "approved", "executing", "failed", "unknown"}
)
"""States in which a proposal without a card gets one; the final ones only redraw what is there."""


class Publish:
    """Draws cards and progress. Decides nothing."""

    def __init__(self, context: Context) -> None:
        self._context = context

    async def show(self, proposal_id: str) -> None:
        """Bring every copy of this proposal's card up to date."""
        drawn: dict[str, int] = {}
        for _ in range(_TRIES):
            case = await self._context.store.case(proposal_id)
            if case is None:
                return
            proposal, ticket, board = case
            playbook = self._context.playbook(proposal.value.playbook)
            if not await self._step(proposal, ticket.value, board, playbook, drawn):
                await self._progress(proposal_id)
                return
        log.warning("deskhand: the card of %s keeps changing; looking again soon", proposal_id)

    async def _step(
        self,
        proposal: Versioned[Proposal],
        ticket: Ticket,
        board: Versioned[Board],
        playbook: Playbook,
        drawn: dict[str, int],
    ) -> bool:
        """One post or redraw. True: something was done, look again."""
        wanted = await self._wanted(proposal.value, board.value, playbook)
        for place in wanted:
            copy = _copy_at(board.value, place)
            if copy is None or copy.status == "gone":
                return await self._post(proposal, ticket, board, playbook, place, copy)
            if copy.status == "posting":
                if not _lost(copy, self._context.clock.now()):
                    await self._again(proposal.value.id, copy.since + _LOST_POST_AFTER)
                    continue
                return await self._adopt_or_post(proposal, ticket, board, playbook, copy)
        for copy in board.value.copies:
            if copy.status == "posting" and not any(_is_for(copy, place) for place in wanted):
                # Announced for a state that has passed: it may stand there with old buttons.
                if _lost(copy, self._context.clock.now()):
                    return await self._adopt_or_drop(proposal.value, board, copy)
                await self._again(proposal.value.id, copy.since + _LOST_POST_AFTER)
            if copy.status != "posted":
                continue
            key = copy.place.model_dump_json()
            # ``drawn`` knows what this process drew last: after a lost race over the board the
            # message may show our older drawing although the board names the other's newer one.
            if copy.version >= proposal.version and drawn.get(key, proposal.version) == (
                proposal.version
            ):
                continue
            return await self._redraw(proposal, ticket, board, playbook, copy, wanted, drawn)
        return False

    async def _wanted(
        self, proposal: Proposal, board: Board, playbook: Playbook
    ) -> tuple[Place, ...]:
        """The places where this proposal should have a card now."""
        if proposal.state == "drafting":
            age = self._context.clock.now() - proposal.created_at
            if not board.copies and (age < DRAFTING_AFTER or await self._is_paused(proposal)):
                return ()
        elif proposal.state not in _NEEDS_CARD:
            return ()
        route = proposal.content.route if proposal.content else "default"
        places = _shown(self._context, playbook.route(route).card.places)
        refused = {_room(copy) for copy in board.copies if copy.status == "refused"}
        # A card that its channel refuses goes to the default route, then to the managers.
        default = _shown(self._context, playbook.route("default").card.places)
        for rooms in (places, default, self._managers()):
            taken = tuple(place for place in rooms if (place.surface, place.place) not in refused)
            if taken:
                return taken
        return ()

    async def _post(
        self,
        proposal: Versioned[Proposal],
        ticket: Ticket,
        board: Versioned[Board],
        playbook: Playbook,
        place: Place,
        earlier: Copy | None,
    ) -> bool:
        now = self._context.clock.now()
        announced = Copy(
            place=place,
            room=place.place,
            status="posting",
            since=now,
            attempts=earlier.attempts + 1 if earlier else 1,
        )
        saved = await self._save_copy(board, earlier, announced)
        if saved is None:
            return True
        surface = self._context.surfaces.shown[place.surface]
        successor, notes = await self._successor(proposal), _refusals(board.value)
        card = view(proposal.value, proposal.version, ticket, playbook, successor, notes)
        try:
            message = await surface.post(place, card)
        except MaybePosted as lost:
            log.warning("deskhand: the card of %s may be lost: %s", proposal.value.id, lost)
            await self._again(proposal.value.id, now + _LOST_POST_AFTER)
            return False
        except NotPosted as refused:
            return await self._refused(proposal, saved, announced, refused)
        posted = announced.model_copy(
            update={"place": message, "status": "posted", "version": proposal.version}
        )
        entry = _card_entry(proposal.value, "posted", message)
        await self._save_copy(saved, announced, posted, entry)
        await self._link_from_predecessor(proposal.value)
        return True

    async def _adopt_or_post(
        self,
        proposal: Versioned[Proposal],
        ticket: Ticket,
        board: Versioned[Board],
        playbook: Playbook,
        lost: Copy,
    ) -> bool:
        surface = self._context.surfaces.shown[lost.place.surface]
        try:
            found = await surface.find(lost.place, proposal.value.id)
        except SurfaceError as failed:
            log.warning("deskhand: cannot look for the card of %s: %s", proposal.value.id, failed)
            await self._again(proposal.value.id, self._context.clock.now() + _RETRY_AFTER)
            return False
        if found is None:
            return await self._post(proposal, ticket, board, playbook, lost.place, lost)
        adopted = lost.model_copy(update={"place": found, "status": "posted", "version": -1})
        await self._save_copy(board, lost, adopted, _card_entry(proposal.value, "found", found))
        return True

    async def _adopt_or_drop(self, proposal: Proposal, board: Versioned[Board], lost: Copy) -> bool:
        found = await self._context.surfaces.shown[lost.place.surface].find(lost.place, proposal.id)
        if found is None:
            now = lost.model_copy(update={"status": "gone"})
        else:
            now = lost.model_copy(update={"place": found, "status": "posted", "version": -1})
        await self._save_copy(board, lost, now)
        return True

    async def _refused(
        self,
        proposal: Versioned[Proposal],
        board: Versioned[Board],
        announced: Copy,
        refused: NotPosted,
    ) -> bool:
        log.warning("deskhand: a card of %s was refused: %s", proposal.value.id, refused)
        if not refused.final and announced.attempts < _TRIES:
            # Nothing is there, so the next try need not look: it is as if never announced.
            waits = refused.retry_after_seconds or min(2.0 * announced.attempts, 60.0)
            gone = announced.model_copy(update={"status": "gone", "error": str(refused)})
            await self._save_copy(board, announced, gone)
            await self._again(
                proposal.value.id, self._context.clock.now() + timedelta(seconds=waits)
            )
            return False
        failed = announced.model_copy(update={"status": "refused", "error": str(refused)})
        entry = _card_entry(proposal.value, "refused", announced.place)
        await self._save_copy(board, announced, failed, entry)
        return True

    async def _redraw(
        self,
        proposal: Versioned[Proposal],
        ticket: Ticket,
        board: Versioned[Board],
        playbook: Playbook,
        copy: Copy,
        wanted: tuple[Place, ...],
        drawn: dict[str, int],
    ) -> bool:
        surface = self._context.surfaces.shown.get(copy.place.surface)
        if surface is None:
            return False
        successor, notes = await self._successor(proposal), _refusals(board.value)
        card = view(proposal.value, proposal.version, ticket, playbook, successor, notes)
        main = not wanted or any(_is_for(copy, place) for place in wanted)
        try:
            await surface.update(copy.place, card, buttons=main)
        except MessageGone:
            gone = copy.model_copy(update={"status": "gone"})
            await self._save_copy(
                board, copy, gone, _card_entry(proposal.value, "gone", copy.place)
            )
            return True
        except SurfaceError as failed:
            log.warning("deskhand: a card of %s is not redrawn: %s", proposal.value.id, failed)
            if copy.attempts < _TRIES:
                tried = copy.model_copy(update={"attempts": copy.attempts + 1})
                await self._save_copy(board, copy, tried)
                waits = getattr(failed, "retry_after_seconds", None) or 2.0 * (copy.attempts + 1)
                await self._again(
                    proposal.value.id, self._context.clock.now() + timedelta(seconds=waits)
                )
            return False
        drawn[copy.place.model_dump_json()] = proposal.version
        shown = copy.model_copy(update={"version": proposal.version, "main": main, "attempts": 0})
        await self._save_copy(board, copy, shown)
        return True

    def _managers(self) -> tuple[Place, ...]:
        """The managers' private conversations."""
        return tuple(
            Place(surface=name, place=manager)
            for name in self._context.surfaces.shown
            for manager in self._context.managers.users(name)
        )

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

    async def progress(self, proposal_id: str, line: str) -> None:
        """Say on the customer's side what is being done, in human words. Cosmetic: never fails."""
        await self._progress(proposal_id, line)

    async def _progress(self, proposal_id: str, line: str | None = None) -> None:
        case = await self._context.store.case(proposal_id)
        if case is None or case[1].value.proposal != proposal_id:
            return
        proposal, ticket, board = case[0].value, case[1].value, case[2]
        surface = self._context.surfaces.shown.get(ticket.origin.surface)
        if surface is None:
            return
        now = _progress_of(proposal, line)
        if (now.reaction, now.line) == (board.value.reaction, board.value.status_text):
            return
        # A first run has shown nothing before it; a later one follows what its forerunner left.
        known = bool(board.value.reaction) or ticket.runs <= 1
        now = replace(now, was=board.value.reaction if known else None)
        try:
            message = await surface.progress(ticket.origin, now, board.value.status_line)
        except SurfaceError as failed:
            log.info("deskhand: no progress shown for %s: %s", proposal.id, failed)
            if isinstance(failed, NotPosted) and not failed.final:
                waits = timedelta(seconds=failed.retry_after_seconds or 5)
                await self._again(proposal_id, self._context.clock.now() + waits)
            return
        await self._change(
            proposal_id,
            lambda current: current.model_copy(
                update={
                    "status_line": message or current.status_line,
                    "status_text": now.line,
                    "reaction": now.reaction,
                }
            ),
        )

    async def _change(self, proposal_id: str, change: Callable[[Board], Board]) -> None:
        """Change a board that others may be changing too."""
        for _ in range(_TRIES):
            board = await self._context.store.board(proposal_id)
            saved = await self._context.store.commit(
                Commit(boards=(Versioned(change(board.value), board.version),))
            )
            if not isinstance(saved, Conflict):
                return

    async def _save_copy(
        self, board: Versioned[Board], before: Copy | None, now: Copy, entry: Entry | None = None
    ) -> Versioned[Board] | None:
        """Replace one copy by compare-and-swap; None: the board moved, look again."""
        rest = [copy for copy in board.value.copies if copy is not before and copy != before]
        value = board.value.model_copy(update={"copies": (*rest, now)})
        saved = await self._context.store.commit(
            Commit(
                boards=(Versioned(value, board.version),),
                entries=(entry,) if entry else (),
            )
        )
        return None if isinstance(saved, Conflict) else Versioned(value, board.version + 1)

    async def _successor(self, proposal: Versioned[Proposal]) -> str | None:
        """A link to the card that took this one's place, once it is posted."""
        if proposal.value.successor is None:
            return None
        board = await self._context.store.board(proposal.value.successor)
        for copy in board.value.copies:
            surface = self._context.surfaces.shown.get(copy.place.surface)
            if copy.status == "posted" and surface is not None:
                return await _link(surface.link, copy.place)
        return None

    async def _link_from_predecessor(self, proposal: Proposal) -> None:
        """The superseded card can only now say where its successor is: have it drawn again."""
        if proposal.predecessor is None:
            return
        await self._change(
            proposal.predecessor,
            lambda board: board.model_copy(
                update={
                    "copies": tuple(
                        copy.model_copy(update={"version": -1}) for copy in board.copies
                    )
                }
            ),
        )
        await self._context.store.commit(Commit(wakes=(Wake("card", proposal.predecessor),)))

    async def _is_paused(self, proposal: Proposal) -> bool:
        paused = await self._context.store.paused()
        return "*" in paused or proposal.playbook in paused

    async def _again(self, proposal_id: str, at: datetime) -> None:
        await self._context.store.commit(Commit(wakes=(Wake("card", proposal_id, at),)))


def _progress_of(proposal: Proposal, line: str | None) -> Progress:
    match proposal.state:
        case "drafting":
            return Progress("working", line or "Looking into it")
        case "pending" | "approved" | "executing" | "unknown":
            return Progress("unsure", "A reply is drafted and waits for a colleague's approval")
        case "handoff" | "failed" | "expired":
            return Progress("unsure", "A colleague will take this on")
        case "succeeded":
            return Progress("done", "Answered" if _replied(proposal) else "Noted")
        case "rejected":
            return Progress("refused", "Closed by a colleague")
        case "superseded":
            return Progress("working" if proposal.successor else "", line or "")


def _replied(proposal: Proposal) -> bool:
    return any(done.status == "succeeded" for done in proposal.progress)


async def _link(ask: Callable[[Place], Awaitable[str | None]], message: Place) -> str | None:
    try:
        return await ask(message)
    except SurfaceError:
        return None  # a card without the link still says that it is superseded


def _shown(context: Context, places: tuple[Place, ...]) -> tuple[Place, ...]:
    return tuple(place for place in places if place.surface in context.surfaces.shown)


def _copy_at(board: Board, place: Place) -> Copy | None:
    """The newest live copy in this room, else a gone one."""
    there = [copy for copy in board.copies if _is_for(copy, place)]
    live = [copy for copy in there if copy.status in ("posting", "posted")]
    return (live or there)[-1] if there else None


def _lost(copy: Copy, now: datetime) -> bool:
    return now >= copy.since + _LOST_POST_AFTER


def _refusals(board: Board) -> tuple[Words, ...]:
    """Which rooms refused the card, for whoever sees it instead."""
    return tuple(
        (f"This card could not be posted in {copy.room} ({copy.error}).",)
        for copy in board.copies
        if copy.status == "refused"
    )


def _room(copy: Copy) -> tuple[str, str]:
    return copy.place.surface, copy.room


def _is_for(copy: Copy, place: Place) -> bool:
    return _room(copy) == (place.surface, place.place)


def _card_entry(proposal: Proposal, what: str, place: Place) -> Entry:
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
