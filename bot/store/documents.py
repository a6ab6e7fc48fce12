"""Tickets, proposals and boards: read, compare-and-swap, and the claim."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from types import MappingProxyType
from typing import Literal

from bot.domain import WAITING_STATES, Board, Place, Proposal, State, Ticket
from bot.journal import Entry
from bot.lifecycle import CLAIM_SECONDS, UNKNOWN_AFTER_SECONDS, digest
from bot.ports import Commit, Conflict, NotClaimed, NotStarted, Start, TooLate, Versioned, Wake
from bot.retention import decided_at
from bot.stats.dims import OpenNow, cell_of, read_cell
from bot.store import wakes
from bot.store.codec import pack_document, unpack_document
from bot.store.entries import KeyList, entry_arguments
from bot.store.examples import lesson_arguments
from bot.store.keys import Keys, fingerprint
from bot.store.scripts import CLAIM, COMMIT, OPEN
from bot.store.wire import Argument, Wire

_WAITING: frozenset[State] = frozenset({"pending", "handoff", "failed", "unknown"})
BURST_SECONDS = 24 * 3600
"""How long an author's newest ticket is found by author: longer than any quiet window."""
_HOUR_MS = 3_600_000
UNANSWERED_KEPT = timedelta(days=30)
"""How long an expired proposal that nobody answered stays in the queue's list."""


def proposal_id(some_id: str) -> str:
    """The proposal of a run: ``r_x`` belongs to ``p_x``, by the rule under which ids are made."""
    return f"p_{some_id[2:]}" if some_id.startswith("r_") else some_id


# --- reading ----------------------------------------------------------------------------------


async def ticket(wire: Wire, keys: Keys, ticket_id: str) -> Versioned[Ticket] | None:
    stored = await wire.command("GET", keys.document(ticket_id))
    return None if stored is None else unpack_document(Ticket, stored)


async def proposal(wire: Wire, keys: Keys, some_id: str) -> Versioned[Proposal] | None:
    stored = await wire.command("GET", keys.document(some_id))
    return None if stored is None else unpack_document(Proposal, stored)


async def board(wire: Wire, keys: Keys, some_id: str) -> Versioned[Board]:
    stored = await wire.command("GET", keys.board(some_id))
    return read_board(some_id, stored)


def read_board(some_id: str, stored: bytes | None) -> Versioned[Board]:
    if stored is None:
        return Versioned(Board(proposal=some_id), 0)
    return unpack_document(Board, stored)


async def version(wire: Wire, keys: Keys, some_id: str) -> int | None:
    head = await wire.command("GETRANGE", keys.document(some_id), 0, 19)
    return int(head.split(b" ", 1)[0]) if head else None


async def ticket_at(wire: Wire, keys: Keys, origins: Sequence[Place]) -> str | None:
    names = dict.fromkeys(fingerprint(origin.key) for origin in origins)
    found = await wire.command("HMGET", keys.origins, *names)
    return next((some_id.decode() for some_id in found if some_id is not None), None)


async def ticket_by(wire: Wire, keys: Keys, playbook: str, place: Place, author: str) -> str | None:
    found = await wire.command("GET", keys.burst(playbook, place, author))
    return None if found is None else found.decode()


async def resolve(wire: Wire, keys: Keys, some_id: str) -> tuple[str | None, str | None]:
    """(ticket id, proposal id) of a ticket, run or proposal id, or (None, None)."""
    if some_id.startswith("t_"):
        found = await ticket(wire, keys, some_id)
        return (None, None) if found is None else (some_id, found.value.proposal)
    if not some_id.startswith(("p_", "r_")):
        return None, None
    named = await proposal(wire, keys, proposal_id(some_id))
    return (None, None) if named is None else (named.value.ticket, named.value.id)


async def resolve_message(wire: Wire, keys: Keys, message: Place) -> tuple[str | None, str | None]:
    """The same of the conversation that a message is the root of, or of the card that it is."""
    name = fingerprint(message.key)
    origin, card = await wire.commands(("HGET", keys.origins, name), ("HGET", keys.cards, name))
    found = origin or card
    return (None, None) if found is None else await resolve(wire, keys, found.decode())


# --- writing ----------------------------------------------------------------------------------


@dataclass(frozen=True)
class Committed:
    """It is saved; ``taken`` are the wakes whose jobs are taken up in the same step, and
    ``read_stands`` says whether what was read beside it was still so then."""

    taken: frozenset[Wake] = frozenset()
    read_stands: bool = True


async def commit(
    wire: Wire,
    keys: Keys,
    change: Commit,
    now_ms: int,
    not_after_ms: int | None = None,
    tokens: Mapping[Wake, str] = MappingProxyType({}),
    besides: Sequence[Operation] = (),
) -> Committed | Conflict | TooLate | NotStarted:
    """Do all of ``change`` or, where a version moved, nothing. Nothing either after
    ``not_after_ms`` of the server's own clock.

    ``tokens``: under which this process would take up the jobs of wakes that are due, at once and
    unless somebody is at them: that saves the round trip of ``wakes.begin``.

    ``NotStarted`` for a run that may not begin: its playbook is paused, or its author has had as
    many in the last hour as they may; one that is counted already stays counted, once.

    Nothing also when a new ticket's conversation has a ticket already, or ``newest`` is not the
    newest any more: then two deliveries met, and the second finds the first's ticket when it
    reads again.
    """
    listed = KeyList(
        [
            keys.journal,
            keys.texts,
            keys.origins,
            keys.due,
            keys.held,
            keys.cells,
            keys.open,
            keys.opened,
        ]
    )
    count, documents = 0, list[Argument]()
    for key, held in _documents(keys, change):
        count += 1
        documents += (listed.number(key), held.version, pack_document(held.value, held.version + 1))
    # What a person asked for is nobody's conversation: words in its thread are none of it.
    new = [held.value for held in change.tickets if held.version == 0 and held.value.ask is None]
    operations = _Operations(listed)
    for opened in new:
        _index_ticket(operations, keys, opened)
    for kept_ticket in change.tickets:
        _index_texts(operations, keys, kept_ticket.value)
    for board_ in change.boards:
        _index_cards(operations, keys, board_.value)
    for command, key, arguments_of_it in besides:
        operations.add(command, key, *arguments_of_it)
    for place, ticket_id in change.joined:
        operations.add("HSET", keys.origins, fingerprint(place.key), ticket_id)
    newest: list[Argument] = []
    if (seen := change.newest) is not None:
        pointer = keys.burst(seen.playbook, seen.place, seen.author)
        newest += (listed.number(pointer), seen.ticket or "")
    placed: list[Argument] = []
    for kept in change.proposals:
        _index_proposal(operations, keys, kept, now_ms)
        placed += _placed(kept)
    if change.deliveries_done:
        operations.add("HDEL", keys.inbox, *change.deliveries_done)
    woken: list[Argument] = []
    for wake in change.wakes:
        token = tokens.get(wake, "")
        woken += (wakes.member(wake), wakes.score(wake, now_ms), token)
    arguments: list[Argument] = [
        now_ms,
        wakes.leased(now_ms),
        "" if not_after_ms is None else not_after_ms,
        *_start(keys, listed, change.start, now_ms),
        count,
        *documents,
        len(new),
        *(fingerprint(opened.origin.key) for opened in new),
        len(newest) // 2,
        *newest,
        *_read(keys, listed, change),
        operations.count,
        *operations.arguments,
        len(placed) // 4,
        *placed,
        len(change.cleared),
        *(wakes.member(wake) for wake in change.cleared),
        len(change.wakes),
        *woken,
        *lesson_arguments(keys, listed, change.lesson),
        *entry_arguments(change.entries, keys, listed),
    ]
    answer = await wire.run_safely(COMMIT, listed.keys, arguments)
    match answer[0]:
        case b"done":
            taken = zip(change.wakes, answer[1].decode(), strict=True)
            begun = frozenset(wake for wake, flag in taken if flag == "1")
            return Committed(begun, answer[2] == b"1")
        case b"late":
            return TooLate()
        case b"paused":
            return NotStarted("paused")
        case b"author_limit":
            return NotStarted("author_limit")
        case _:
            return Conflict()


async def claim(
    wire: Wire,
    keys: Keys,
    approved: Versioned[Proposal],
    executing: Proposal,
    entry: Entry,
    now_ms: int,
) -> Versioned[Ticket] | NotClaimed:
    """Replace ``approved`` by ``executing`` if nothing stands against it, in one step.

    Version, state and digest are those of ``approved``; neither ``*`` nor its playbook is paused;
    the server's history is the accepted one. With it goes an appointment for when the claim is
    overdue. The answer is the proposal's ticket. Raises ``StoreUnavailable`` when nobody knows
    whether it was written, or too few replicas have it: then nothing may be dispatched, and the
    claim becomes *unknown* when it is overdue.
    """
    due_ms = now_ms + (CLAIM_SECONDS + UNKNOWN_AFTER_SECONDS) * 1000 + 500
    listed = KeyList(
        [
            keys.journal,
            keys.texts,
            keys.document(executing.id),
            keys.document(executing.ticket),
            keys.paused,
            keys.due,
            keys.epoch,
        ]
    )
    arguments: list[Argument] = [
        approved.version,
        digest(executing),
        pack_document(executing, approved.version + 1),
        executing.playbook,
        wakes.member(Wake("execute", executing.id)),
        due_ms,
        *entry_arguments((entry,), keys, listed),
    ]
    answer = await wire.run_safely(CLAIM, listed.keys, arguments)
    match answer[0]:
        case b"claimed":
            return unpack_document(Ticket, answer[1])
        case b"conflict":
            return NotClaimed("conflict")
        case b"paused":
            return NotClaimed("paused")
        case _:
            return NotClaimed("failover")


def _start(keys: Keys, listed: KeyList, start: Start | None, now_ms: int) -> list[Argument]:
    if start is None:
        return [0]
    runs = listed.number(keys.author_runs(start.author)) if start.counted else 0
    paused = listed.number(keys.paused)
    return [paused, start.playbook, runs, start.run, start.limit_per_hour, now_ms - _HOUR_MS]


def _read(keys: Keys, listed: KeyList, change: Commit) -> list[Argument]:
    """The documents that the caller has read and does not write, for the script to look at."""
    if change.read is None:
        return [0]
    written = {key for key, _ in _documents(keys, change)}
    ticket_, board_ = change.read.ticket, change.read.board
    beside = {
        keys.document(ticket_.value.id): ticket_.version,
        keys.board(board_.value.proposal): board_.version,
    }
    kept = {key: version for key, version in beside.items() if key not in written}
    pairs = ((listed.number(key), version) for key, version in kept.items())
    return [len(kept), *(part for pair in pairs for part in pair)]


def _documents(
    keys: Keys, change: Commit
) -> Iterable[tuple[str, Versioned[Ticket] | Versioned[Proposal] | Versioned[Board]]]:
    for ticket_ in change.tickets:
        yield keys.document(ticket_.value.id), ticket_
    for proposal_ in change.proposals:
        yield keys.document(proposal_.value.id), proposal_
    for board_ in change.boards:
        yield keys.board(board_.value.proposal), board_


class _Operations:
    """The index operations of one commit, as ``commit.lua`` reads them."""

    def __init__(self, listed: KeyList) -> None:
        self.count = 0
        self.arguments: list[Argument] = []
        self._listed = listed

    def add(self, command: _Command, key: str, *arguments: Argument) -> None:
        self.count += 1
        self.arguments += (self._listed.number(key), command, len(arguments), *arguments)


_Command = Literal[
    "HSET", "HDEL", "HINCRBY", "SET", "SADD", "XDEL", "ZADD", "ZREM", "ZREMRANGEBYSCORE"
]
Operation = tuple[_Command, str, Sequence[Argument]]
"""One more change in the same step: command, key, arguments."""


def _index_ticket(operations: _Operations, keys: Keys, opened: Ticket) -> None:
    operations.add("HSET", keys.origins, fingerprint(opened.origin.key), opened.id)
    burst = keys.burst(opened.playbook, opened.origin, opened.author.key)
    operations.add("SET", burst, opened.id, "EX", BURST_SECONDS)


def _index_texts(operations: _Operations, keys: Keys, kept: Ticket) -> None:
    """Whose words it holds, and since when nobody has touched it: how retention finds it."""
    if kept.erased:
        return
    if members := belonging(keys, kept):
        operations.add("ZADD", keys.belongs, *members)
    operations.add("ZADD", keys.age, "GT", wakes.milliseconds(kept.last_words_at), kept.id)


def _index_cards(operations: _Operations, keys: Keys, shown: Board) -> None:
    for copy in shown.copies:
        place = copy.place
        if copy.status == "posted" and place.message is not None:
            root = Place(surface=place.surface, place=place.place, thread=place.message)
            operations.add("HSET", keys.cards, fingerprint(root.key), shown.proposal)


def belonging(keys: Keys, ticket: Ticket) -> list[Argument]:
    """The scores and members of ``belongs`` for a ticket's people."""
    names = {name for one in ticket.people for name in one.names} | ticket.about
    return _members(keys, names, ticket.id)


def found_in(keys: Keys, proposal_: Proposal) -> list[Argument]:
    """The same for the people that a lead has found."""
    return _members(keys, proposal_.about, proposal_.ticket)


def _members(keys: Keys, names: Iterable[str], ticket_id: str) -> list[Argument]:
    return [part for name in sorted(names) for part in (0, person_member(keys, name, ticket_id))]


# Members of up to 35 bytes fit the next smaller piece of the server's memory: no byte too many.


def person_member(keys: Keys, name: str, ticket_id: str) -> str:
    """A person's hash is always as long as every other, so nothing need part it from the ticket."""
    return f"p{keys.person(name)}{ticket_id}"


def proposal_member(ticket_id: str, proposal_id: str) -> str:
    """It begins with the ticket's own ``t_``; every proposal's id begins with ``p_``."""
    return f"{ticket_id}:{proposal_id.removeprefix('p_')}"


def _index_proposal(
    operations: _Operations, keys: Keys, kept: Versioned[Proposal], now_ms: int
) -> None:
    value = kept.value
    if kept.version == 0:
        operations.add("SADD", keys.playbooks, value.playbook)
        operations.add("ZADD", keys.belongs, 0, proposal_member(value.ticket, value.id))
    if members := found_in(keys, value):
        operations.add("ZADD", keys.belongs, *members)
    if (decided := decided_at(value)) is not None and not value.erased:
        operations.add("ZADD", keys.age, "GT", wakes.milliseconds(decided), value.ticket)
    if value.state == "drafting":
        if value.run.unpaid is not None:
            begun = wakes.milliseconds(value.created_at)
            operations.add("ZADD", keys.for_money(value.playbook), begun, value.id)
        elif kept.version:
            operations.add("ZREM", keys.for_money(value.playbook), value.id)
        return
    operations.add("ZREM", keys.for_money(value.playbook), value.id)
    since = wakes.milliseconds(value.proposed_at or value.created_at)
    waits, unanswered = keys.waiting(value.playbook), keys.unanswered(value.playbook)
    if value.state in _WAITING and not value.erased:
        operations.add("ZADD", waits, since, value.id)
        return
    operations.add("ZREM", waits, value.id)
    if value.erased:
        operations.add("ZREM", unanswered, value.id)
    elif value.state == "expired":
        operations.add("ZADD", unanswered, since, value.id)
        oldest = now_ms - int(UNANSWERED_KEPT.total_seconds() * 1000)
        operations.add("ZREMRANGEBYSCORE", unanswered, "-inf", oldest)


def _placed(kept: Versioned[Proposal]) -> tuple[Argument, ...]:
    """Where a proposal stands among those that wait for a person, as ``commit.lua`` reads it."""
    value = kept.value
    if value.state not in WAITING_STATES:
        return () if value.state == "drafting" else (value.id, "", "", "")
    since = wakes.milliseconds(value.proposed_at or value.created_at)
    if value.reminded:
        remind = _padded(0)
    else:
        remind = _padded(wakes.milliseconds(value.remind_at)) if value.remind_at else ""
    return value.id, cell_of(value).key, _padded(since), remind


def _padded(ms: int) -> str:
    """As text in the order of time."""
    return f"{max(0, ms):013d}"


async def open_now(wire: Wire, keys: Keys, now_ms: int) -> list[OpenNow]:
    """What waits for a person at this moment, cell by cell. Kept by the same step that changes the
    proposals, so it is right whatever died; a cell costs a few look-ups, however much waits."""
    answer = await wire.run(OPEN, (keys.cells, keys.open), (_padded(now_ms),))
    return [
        OpenNow(
            read_cell(name.decode()),
            total,
            datetime.fromtimestamp(int(oldest) / 1000, UTC),
            over,
        )
        for name, total, oldest, over in answer
    ]
