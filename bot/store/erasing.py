"""Erasing texts: each ticket in one atomic step, wherever in the store its words lie.

The step is a compare-and-swap like every other: whoever works on the ticket meanwhile, or erases it
too, makes it begin anew. With the documents go the ticket's texts beside the journal (their salts
with them, so that the hashes in the chain say nothing any more), the example that it taught, and
its places in the indexes. A run that is still at work finds that it is void; what it writes to the
journal until then is kept without its texts (``append.lua``).
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from pydantic import JsonValue

from bot.domain import Board, Copy, Delivery, Place, Proposal, Ticket
from bot.journal import Entry, salted
from bot.ports import Clock, Commit, Versioned, Wake
from bot.retention import (
    Why,
    erased_proposal,
    erased_ticket,
    is_theirs,
    is_unsettled,
    last_activity,
    person_of,
    texts_in,
    voided,
    without_person,
    without_their_notices,
    wrote,
)
from bot.runs import transition_entry
from bot.store import documents, wakes
from bot.store.asked_back import asked_by
from bot.store.belongings import Belongings
from bot.store.codec import unpack, unpack_document
from bot.store.documents import (
    Operation,
    belonging,
    found_in,
    person_member,
    proposal_member,
    read_board,
)
from bot.store.entries import read_entry, read_index, read_texts
from bot.store.examples import FORGOTTEN, shown_member
from bot.store.keys import Keys, fingerprint
from bot.store.record import Record
from bot.store.reports import Reports
from bot.store.wire import Wire

GONE_SECONDS = 24 * 3600
"""For so long a run that did not notice in time may still be writing; it has minutes."""
_CHUNK = 500
_SOON = timedelta(milliseconds=20)
_CALLS = ("model_call", "tool_call")


@dataclass(frozen=True)
class Counts:
    """What was erased. ``left``: tickets with an effect that is to come or not yet settled."""

    tickets: int = 0
    texts: int = 0
    examples: int = 0
    index: int = 0
    """Entries of the indexes by which tickets are found."""
    cards: int = 0
    """Posted cards that are redrawn."""
    left: int = 0
    reports: int = 0
    """Reports that Deskhand had written and that held their words."""

    def __add__(self, other: Counts) -> Counts:
        return Counts(*(getattr(self, name) + getattr(other, name) for name in _FIGURES))

    def data(self) -> dict[str, int]:
        """The figures that are printed and journaled."""
        return {name: getattr(self, name) for name in _FIGURES}


_FIGURES = ("tickets", "texts", "examples", "index", "cards", "left", "reports")


@dataclass(frozen=True)
class _Case:
    """A ticket with everything that belongs to it."""

    ticket: Versioned[Ticket]
    proposals: tuple[Versioned[Proposal], ...]
    boards: tuple[Versioned[Board], ...]
    entries: Mapping[str, str]
    """The kind of each journal entry that has texts, by id."""
    texts: int
    """How many texts lie beside those entries."""


@dataclass(frozen=True)
class _Step:
    """One atomic step, and what it erases."""

    commit: Commit
    besides: tuple[Operation, ...]
    counts: Counts


class Eraser:
    """Erases in one tenant's store, and in the reports that lie beside it."""

    def __init__(self, wire: Wire, keys: Keys, clock: Clock, reports: Reports) -> None:
        self._wire = wire
        self._keys = keys
        self._clock = clock
        self._reports = reports
        self._belongings = Belongings(wire, keys)

    # --- a person -----------------------------------------------------------------------------

    async def person(self, ident: str, *, dry_run: bool = False) -> Counts:
        """Erase everything that this person wrote, and leads that name their address, and journal
        how much; with ``dry_run`` only count. May be broken off and begun again."""
        person = person_of(ident)
        total = await self._deliveries(person, dry_run=dry_run)
        found = await self._belongings.tickets_of(person, dry_run=dry_run)
        for ticket_id in found:
            total += await self._one(ticket_id, "person", person=person, dry_run=dry_run)
        # Those of tickets that never were in the store, and what an earlier erasure left.
        names = {person, person.rpartition(":")[2]}
        total += Counts(reports=await self._reports.remove(names, dry_run=dry_run))
        if not dry_run and total != Counts(left=total.left):
            # The salt is kept nowhere: the entry proves nothing about anybody.
            who = salted(secrets.token_bytes(16), person)
            await self._record("person", total, person=who)
        return total

    async def _deliveries(self, person: str, *, dry_run: bool) -> Counts:
        """What came in from them and nobody has worked in yet, or knows the meaning of."""
        inbox = (await self._wire.command("HGETALL", self._keys.inbox)).items()
        theirs = [one.decode() for one, raw in inbox if wrote(unpack(Delivery, raw).author, person)]
        asked = await asked_by(self._wire, self._keys, person)
        if not dry_run:
            due = [wakes.member(Wake("deliver", name)) for name in theirs]
            gone = [("HDEL", self._keys.inbox, *theirs), ("ZREM", self._keys.due, *due)]
            await self._wire.commands(*(gone if theirs else ()), *(("DEL", one) for one in asked))
        return Counts(texts=len(theirs) + len(asked))

    # --- by age -------------------------------------------------------------------------------

    async def older_than(self, before: datetime, limit: int) -> tuple[Counts, bool]:
        """Erase up to ``limit`` tickets that nobody has touched since ``before``; whether there may
        be more. What must be left comes up again a day later."""
        last = wakes.milliseconds(before)
        ids = await self._wire.command(
            "ZRANGE", self._keys.age, "-inf", f"({last}", "BYSCORE", "LIMIT", 0, limit
        )
        total = Counts()
        for ticket_id in ids:
            total += await self._one(ticket_id.decode(), "retention", before=before)
        return total, len(ids) == limit

    async def record_swept(self, total: Counts) -> None:
        """Journal what one sweep has erased; nothing where that is nothing."""
        if total != Counts(left=total.left):
            await self._record("retention", total)

    async def _record(self, by: Why, total: Counts, **data: str) -> None:
        said = {"what": "erased", "by": by, **total.data(), **data}
        await Record(self._wire, self._keys).append(
            (Entry(kind="operator", actor="operator", data=said),)
        )

    # --- one ticket ---------------------------------------------------------------------------

    async def _one(
        self,
        ticket_id: str,
        why: Why,
        *,
        person: str = "",
        before: datetime | None = None,
        dry_run: bool = False,
    ) -> Counts:
        while True:
            case = await self._case(ticket_id)
            if case is None or case.ticket.value.erased:
                if not dry_run:
                    await self._wire.command("ZREM", self._keys.age, ticket_id)
                return Counts()
            ticket, proposals = case.ticket.value, [one.value for one in case.proposals]
            partly = bool(person) and not is_theirs(ticket, proposals, person)
            now = self._clock.now()
            if before is not None and last_activity(ticket, proposals) >= before:
                at = wakes.milliseconds(last_activity(ticket, proposals))
                await self._wire.command("ZADD", self._keys.age, at, ticket_id)
                return Counts()
            if not partly and any(map(is_unsettled, proposals)):
                if before is not None:
                    # Looked at again a day after now: it must not stand in the others' way.
                    later = wakes.milliseconds(before) + GONE_SECONDS * 1000
                    await self._wire.command("ZADD", self._keys.age, later, ticket_id)
                return Counts(left=1)
            step = self._partly(case, person) if partly else await self._whole(case, why, now)
            if step is None:
                return Counts()
            names = {ticket.id, *(name for one in proposals for name in (one.id, one.run.id))}
            # Before the step, so that a crash leaves no report of what nobody finds any more; and
            # after it, for a report that was made meanwhile.
            reports = await self._reports.remove(names, dry_run=dry_run)
            if dry_run:
                return replace(step.counts, reports=reports)
            done = await documents.commit(
                self._wire,
                self._keys,
                step.commit,
                wakes.milliseconds(now),
                besides=step.besides,
            )
            if isinstance(done, documents.Committed):
                reports += await self._reports.remove(names)
                return replace(step.counts, reports=reports)

    async def _whole(self, case: _Case, why: Why, now: datetime) -> _Step:
        keys, ticket = self._keys, case.ticket.value
        proposals, entries, cleared = list[Versioned[Proposal]](), list[Entry](), list[Wake]()
        for held in case.proposals:
            over = voided(held.value, now)
            if over is not None:
                entries.append(transition_entry(held.value, over, "erased"))
                cleared += (Wake("run", over.id), Wake("timer", over.id))
            proposals.append(replace(held, value=erased_proposal(over or held.value)))
        texts = case.texts + texts_in(ticket, [one.value for one in case.proposals])
        entries.append(
            Entry(
                kind="operator",
                ticket=ticket.id,
                playbook=ticket.playbook,
                actor="operator",
                data={"what": "erased", "by": why, "texts": texts},
            )
        )
        besides, examples = await self._example(ticket)
        repeated, others, shown = await self._repeated(ticket, why)
        texts += shown
        entries += others
        besides += repeated
        origins = await self._origins(ticket)
        members = [str(one) for one in belonging(keys, ticket)[1::2]]
        members += [str(m) for one in case.proposals for m in found_in(keys, one.value)[1::2]]
        members += [proposal_member(ticket.id, one.value.id) for one in case.proposals]
        besides += [
            *_without_texts(keys, case.entries),
            ("ZREM", keys.belongs, members),
            ("ZREM", keys.age, (ticket.id,)),
        ]
        besides += [
            ("SET", keys.gone(one), ("", "EX", GONE_SECONDS))
            for one in (ticket.id, *(held.value.id for held in case.proposals))
        ]
        if origins:
            besides.append(("HDEL", keys.origins, origins))
        boards = [
            replace(held, value=_without_errors(held.value))
            for held in case.boards
            if _without_errors(held.value) != held.value
        ]
        commit = Commit(
            tickets=(replace(case.ticket, value=erased_ticket(ticket)),),
            proposals=tuple(proposals),
            boards=tuple(boards),
            entries=tuple(entries),
            wakes=_redraws(case.boards, now),
            cleared=tuple(cleared),
        )
        index = len(members) + len(origins) + 1
        return _Step(
            commit,
            tuple(besides),
            Counts(1, texts, examples, index, _posted(case.boards)),
        )

    def _partly(self, case: _Case, person: str) -> _Step | None:
        """What they said in another's thread, and what the model was told of it."""
        keys, ticket = self._keys, case.ticket.value
        changed = without_person(ticket, person)
        left = {name for one in changed.people for name in one.names}
        was = {name for one in ticket.people for name in one.names}
        proposals = tuple(
            replace(held, value=without_their_notices(held.value, person))
            for held in case.proposals
        )
        moved = tuple(now for now, old in zip(proposals, case.proposals, strict=True) if now != old)
        if changed == ticket and not moved:
            return None
        calls = {one: kind for one, kind in case.entries.items() if kind in _CALLS}
        gone = [person_member(keys, name, ticket.id) for name in sorted(was - left)]
        besides: list[Operation] = [*_without_texts(keys, calls)]
        if gone:
            besides.append(("ZREM", keys.belongs, gone))
        changed_ids = {held.value.id for held in moved}
        boards = tuple(one for one in case.boards if one.value.proposal in changed_ids)
        texts = len(ticket.thread) - len(changed.thread) + len(calls)
        entry = Entry(
            kind="operator",
            ticket=ticket.id,
            playbook=ticket.playbook,
            actor="operator",
            data={"what": "erased", "by": "person", "texts": texts, "of": "thread"},
        )
        commit = Commit(
            tickets=(replace(case.ticket, value=changed),),
            proposals=moved,
            entries=(entry,),
            wakes=_redraws(boards, self._clock.now()),
        )
        return _Step(commit, tuple(besides), Counts(1, texts, 0, len(gone), _posted(boards)))

    async def _case(self, ticket_id: str) -> _Case | None:
        keys = self._keys
        ticket = await documents.ticket(self._wire, keys, ticket_id)
        if ticket is None:
            return None
        ids = [f"p_{one}" for one in await self._belongings.members(proposal_member(ticket_id, ""))]
        ids = sorted({*ids, *filter(None, (ticket.value.proposal,))})
        stored = await self._wire.commands(
            *(("GET", keys.document(one)) for one in ids),
            *(("GET", keys.board(one)) for one in ids),
            *(("GET", keys.entries(one)) for one in (ticket_id, *ids)),
        )
        found = stored[: len(ids)]
        boards = stored[len(ids) : 2 * len(ids)]
        listed = [one for packed in stored[2 * len(ids) :] for one in read_index(packed or b"")]
        entries, texts = await self._texts_of(listed)
        return _Case(
            ticket,
            tuple(unpack_document(Proposal, one) for one in found if one is not None),
            tuple(
                read_board(one, packed)
                for one, packed in zip(ids, boards, strict=True)
                if packed is not None
            ),
            entries,
            texts,
        )

    async def _texts_of(self, ids: Sequence[str]) -> tuple[dict[str, str], int]:
        """Those of these journal entries that have texts, with their kind, and how many texts."""
        if not ids:
            return {}, 0
        packed = await self._wire.command("HMGET", self._keys.texts, *ids)
        kept = [(one, read_texts(text)) for one, text in zip(ids, packed, strict=True) if text]
        if not kept:
            return {}, 0
        answers = await self._wire.commands(
            *(("XRANGE", self._keys.journal, one, one) for one, _ in kept)
        )
        kinds = {
            one: read_entry(answer[0][1][b"e"]).kind if answer else ""
            for (one, _), answer in zip(kept, answers, strict=True)
        }
        return dict(kinds), sum(len(texts) for _, texts in kept)

    async def _example(self, ticket: Ticket) -> tuple[list[Operation], int]:
        """What forgets the example that it taught, and how many there are."""
        ids = self._keys.learnt_ids(ticket.playbook)
        place = await self._wire.command("HGET", ids, ticket.id)
        if place is None:
            return [], 0
        return [
            ("XDEL", self._keys.learnt(ticket.playbook), (place,)),
            ("HDEL", ids, (ticket.id,)),
            ("HINCRBY", ids, (FORGOTTEN, 1)),
        ], 1

    async def _repeated(self, ticket: Ticket, why: Why) -> tuple[list[Operation], list[Entry], int]:
        """What erases its example from the calls of other tickets' runs that were shown it: their
        prompts, answers and results; what the record says of it, and how many texts there are."""
        gone, entries, total = list[Operation](), list[Entry](), 0
        for other in await self._belongings.members(shown_member(ticket.id, "")):
            gone.append(("ZREM", self._keys.belongs, (shown_member(ticket.id, other),)))
            listed = read_index(await self._wire.command("GET", self._keys.entries(other)) or b"")
            kinds, _ = await self._texts_of(listed)
            calls = {one: kind for one, kind in kinds.items() if kind in _CALLS}
            if other == ticket.id or not calls:
                continue  # all texts of its own go anyway
            gone += _without_texts(self._keys, calls)
            total += len(calls)
            data: dict[str, JsonValue] = {"what": "erased", "by": why, "texts": len(calls)}
            entries.append(
                Entry(
                    kind="operator",
                    ticket=other,
                    playbook=ticket.playbook,
                    actor="operator",
                    data=data | {"of": "examples"},
                )
            )
        return gone, entries, total

    async def _origins(self, ticket: Ticket) -> list[str]:
        """The conversations by which it is found: newer words there are no part of it any more."""
        threads = {ticket.origin.thread, *(message.id for message in ticket.messages)}
        places: list[Place] = [
            ticket.origin.model_copy(update={"thread": thread}) for thread in threads
        ]
        fields = sorted({fingerprint(place.key) for place in places})
        found = await self._wire.command("HMGET", self._keys.origins, *fields)
        return [
            name
            for name, owner in zip(fields, found, strict=True)
            if owner is not None and owner.decode() == ticket.id
        ]


def _without_texts(keys: Keys, entries: Mapping[str, str]) -> list[Operation]:
    ids = list(entries)
    return [("HDEL", keys.texts, ids[at : at + _CHUNK]) for at in range(0, len(ids), _CHUNK)]


def _without_errors(board: Board) -> Board:
    """A surface's own words for why it refused a card."""

    def plain(copy: Copy) -> Copy:
        return copy.model_copy(update={"error": "erased"}) if copy.error else copy

    return board.model_copy(update={"copies": tuple(map(plain, board.copies))})


def _redraws(boards: Sequence[Versioned[Board]], now: datetime) -> tuple[Wake, ...]:
    """As appointments a moment from now, for this process may have no queue to tell of them: a
    worker sees them at its next look."""
    return tuple(
        Wake("card", held.value.proposal, now + _SOON) for held in boards if held.value.copies
    )


def _posted(boards: Sequence[Versioned[Board]]) -> int:
    return sum(copy.status == "posted" for held in boards for copy in held.value.copies)
