"""``bot.ports.Store`` on Redis: all durable state of one tenant.

Each method is one round trip, or says why not. What is written is written by one Lua script, whole
or not at all; a call that raises ``StoreUnavailable`` may have been carried out or not, and is safe
to repeat: what changes state compares versions first, and the rest is idempotent or errs towards
counting too much.
"""

from __future__ import annotations

import asyncio
import secrets
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, tzinfo
from decimal import Decimal
from typing import Literal

from redis.asyncio import Redis
from redis.exceptions import RedisError

from bot.budget import AtCap, CapReached, Reservation, Spending
from bot.domain import Board, Delivery, Place, Proposal, Ticket
from bot.journal import Entry
from bot.ports import (
    Arrival,
    Case,
    Clock,
    Commit,
    Conflict,
    NotClaimed,
    NotStarted,
    Queued,
    StoreUnavailable,
    TooLate,
    Versioned,
    Wake,
)
from bot.stats.dims import Counts, OpenNow
from bot.stats.windows import Span
from bot.store import documents, examples, intake, listed, money, scripts, wakes
from bot.store.codec import unpack_document
from bot.store.connect import unavailable
from bot.store.entries import KeyList, entry_arguments
from bot.store.epoch import Epoch, accept_epoch, observe_epoch
from bot.store.grants import claimable
from bot.store.hands import (
    Handed,
    Hands,
    Offers,
    handed_case,
    handed_delivery,
    saved_cases,
)
from bot.store.keys import Keys
from bot.store.memory import MemoryGuard
from bot.store.owed import Owed, Owing
from bot.store.record import FIGURES, Fold, Record
from bot.store.waiting import count_anew
from bot.store.wire import Wire
from tools.spec import Grant, SimilarTicket

READY_SECONDS = 1.4
_LAST_WORD_SECONDS = 0.3
"""How long closing may take to write what is owed."""
EVERYTHING = "*"
_TICKETS_REMEMBERED = 4_096
_CLOCK_SECONDS = 30.0
"""How long a measured difference between the clocks is believed."""

WakeSoon = Callable[[Sequence[Wake]], None]
"""Tells the queue of wakes that are due at once. Returns at once, raises nothing."""


def nobody_listens(_wakes: Sequence[Wake]) -> None:
    """For a process without a queue: the due index tells the workers of others."""


class RedisStore:
    """The store of one tenant. Nothing is sent before ``start``.

    ``redis`` must not decode responses (``open_redis(url, decode_responses=False)``) and must not
    send anything twice. ``replicas`` is how many must have confirmed what may not be lost.
    """

    def __init__(
        self,
        redis: Redis,
        tenant: str,
        clock: Clock,
        wake_soon: WakeSoon = nobody_listens,
        *,
        usd_per_day: Decimal | None = None,
        playbook_usd_per_day: Mapping[str, Decimal] | None = None,
        warn_at: float = 0.8,
        at_cap: AtCap = "local",
        timezone: tzinfo = UTC,
        replicas: int = 0,
        fold: Fold = FIGURES,
    ) -> None:
        self.keys = Keys(tenant)
        self.wire = Wire(redis, replicas=replicas)
        self.record_book = Record(self.wire, self.keys, fold)
        self._redis = redis
        self._clock = clock
        self._wake_soon = wake_soon
        self._usd_per_day = usd_per_day
        self._playbook_usd_per_day = dict(playbook_usd_per_day or {})
        self._timezone = timezone
        self._at_cap: AtCap = at_cap
        self._warn_at = warn_at
        self._memory = MemoryGuard(redis, clock)
        self._server_clock = (float("-inf"), 0)
        """When it was measured, and the server's time less our monotonic one, in milliseconds."""
        self._owing = Owing(self._settle, clock)
        self._ticket_of: OrderedDict[str, str] = OrderedDict()
        self.hands: Hands | None = None
        """The worker in this process, while it has one."""

    async def start(self) -> Epoch:
        """Make the scripts known and look at the server's history. Raises ``StoreUnavailable``."""
        await self.wire.load(scripts.ALL)
        self.keys.person_key = await self._person_key()
        return await self.observe_epoch()

    async def _person_key(self) -> bytes:
        """Made once in the store's life. By HGETALL, as ``HGET`` would open the shared connection,
        which is for what comes later."""
        while not (found := await self.wire.command("HGETALL", self.keys.people)):
            await self.wire.command("HSETNX", self.keys.people, "key", secrets.token_bytes(32))
        key: bytes = found[b"key"]
        return key

    async def close(self) -> None:
        """End what runs in the background, and write what is still owed, if that can be done soon.
        The client is the caller's to close."""
        await self._memory.close()
        with suppress(StoreUnavailable, TimeoutError):
            async with asyncio.timeout(_LAST_WORD_SECONDS):
                await self._owing.pay_all()

    async def ready(self) -> None:
        try:
            async with asyncio.timeout(READY_SECONDS):
                await self.wire.command("PING")
        except TimeoutError:
            raise StoreUnavailable("the store does not answer in time") from None

    # --- intake -------------------------------------------------------------------------------

    async def accept(self, delivery: Delivery) -> Literal["accepted", "duplicate"]:
        await self._memory.check()
        offers = Offers(self.hands, (Wake("deliver", delivery.id),))
        token = next(iter(offers.tokens.values()), None)
        try:
            new = await intake.accept(self.wire, self.keys, delivery, self._now_ms(), token)
        except BaseException:
            offers.lost()
            raise
        if not new:
            offers.taken(frozenset())
            return "duplicate"
        self._told(offers, frozenset(offers.tokens), {delivery.id: delivery})
        return "accepted"

    def _told(self, offers: Offers, taken: frozenset[Wake], handed: Mapping[str, Handed]) -> None:
        """After a step: take up what was offered, tell the queue of the rest."""
        offers.taken(taken, handed)
        if offers.others:
            self._wake_soon(offers.others)

    async def delivery(self, delivery_id: str) -> Delivery | None:
        handed = handed_delivery(delivery_id)
        if handed is not None:
            return handed
        return await intake.delivery(self.wire, self.keys, delivery_id)

    async def arrived(self, names: Sequence[str]) -> Arrival:
        return await intake.arrived(self.wire, self.keys, names)

    async def alias_of(self, name: str) -> str | None:
        return await intake.alias_of(self.wire, self.keys, name)

    # --- documents ----------------------------------------------------------------------------

    async def ticket(self, ticket_id: str) -> Versioned[Ticket] | None:
        return await documents.ticket(self.wire, self.keys, ticket_id)

    async def proposal(self, proposal_id: str) -> Versioned[Proposal] | None:
        found = await documents.proposal(self.wire, self.keys, proposal_id)
        if found is not None:
            self._remember(found.value)
        return found

    async def board(self, proposal_id: str) -> Versioned[Board]:
        return await documents.board(self.wire, self.keys, proposal_id)

    async def case(self, proposal_id: str) -> Case | None:
        """One round trip where this process knows whose proposal it is, which never changes; two
        the first time; none for the first case of a job that was handed it."""
        handed = handed_case(proposal_id)
        if handed is not None:
            return handed
        ticket_id = self._ticket_of.get(proposal_id)
        if ticket_id is None:
            found = await self.proposal(proposal_id)
            if found is None:
                return None
            ticket_id = found.value.ticket
        keys = self.keys
        proposal, ticket, board = await self.wire.command(
            "MGET", keys.document(proposal_id), keys.document(ticket_id), keys.board(proposal_id)
        )
        if proposal is None or ticket is None:
            return None
        return Case(
            unpack_document(Proposal, proposal),
            unpack_document(Ticket, ticket),
            documents.read_board(proposal_id, board),
        )

    async def version(self, proposal_id: str) -> int | None:
        return await documents.version(self.wire, self.keys, proposal_id)

    async def ticket_at(self, *origins: Place) -> str | None:
        return await documents.ticket_at(self.wire, self.keys, origins)

    async def open_ticket_by(self, playbook: str, place: Place, author: str) -> str | None:
        return await documents.ticket_by(self.wire, self.keys, playbook, place, author)

    async def commit(
        self, change: Commit
    ) -> Literal["committed"] | Conflict | TooLate | NotStarted:
        not_after_ms = await self._server_ms_in(change.within_seconds)
        now_ms = self._now_ms()
        soon = [wake for wake in change.wakes if wakes.is_due(wake, now_ms)]
        offers = Offers(self.hands, soon)
        try:
            done = await documents.commit(
                self.wire, self.keys, change, now_ms, not_after_ms, offers.tokens
            )
        except BaseException:
            offers.lost()
            raise
        if not isinstance(done, documents.Committed):
            offers.taken(frozenset())
            return done
        for kept in change.proposals:
            self._remember(kept.value)
        if self.hands is not None and change.cleared:
            self.hands.cleared(change.cleared)
        handed = saved_cases(change) if done.taken and done.read_stands else {}
        self._told(offers, done.taken, handed)
        return "committed"

    async def claim(
        self, approved: Versioned[Proposal], executing: Proposal, index: int, entry: Entry
    ) -> Grant | NotClaimed:
        """As the port says. ``StoreUnavailable`` means that nobody knows whether it is claimed:
        nothing may be dispatched, and the claim becomes *unknown* when it is overdue.

        Raises ``ValueError`` for a proposal that no approval of its digest stands behind.
        """
        wanted = claimable(approved.value, executing, index, self._clock.now())
        asked_at = self._clock.monotonic()
        claimed = await self._claim_once(approved, executing, entry)
        if claimed == NotClaimed("failover") and (await self.observe_epoch()).accepted:
            # A lone server was restarted, which loses nothing; nothing is written yet.
            claimed = await self._claim_once(approved, executing, entry)
        if isinstance(claimed, NotClaimed):
            return claimed
        return wanted.grant(claimed.value, asked_at)

    async def _claim_once(
        self, approved: Versioned[Proposal], executing: Proposal, entry: Entry
    ) -> Versioned[Ticket] | NotClaimed:
        return await documents.claim(
            self.wire, self.keys, approved, executing, entry, self._now_ms()
        )

    # --- what waits ---------------------------------------------------------------------------

    async def due(self, limit: int = 100) -> Sequence[Wake]:
        return (await self.look_due(limit)).wakes

    async def look_due(self, limit: int = 100) -> wakes.Due:
        """``due``, and when the next one comes up."""
        return await wakes.due(self.wire, self.keys, self._now_ms(), limit)

    async def begin(self, wake: Wake, token: str) -> bool:
        """Take up a wake's job; see ``bot.store.wakes``."""
        return await wakes.begin(self.wire, self.keys, wake, token, self._now_ms())

    async def renew(self, held: Sequence[tuple[Wake, str]]) -> frozenset[Wake]:
        """Say that these jobs live; the answer is those that are ours no longer."""
        return await wakes.renew(self.wire, self.keys, held, self._now_ms())

    async def finish(self, wake: Wake, token: str, again_at: datetime | None = None) -> bool:
        """Let a job go; True: there is more to do at once."""
        return await wakes.finish(self.wire, self.keys, wake, token, self._now_ms(), again_at)

    async def waiting(self, playbook: str | None = None, limit: int = 200) -> Sequence[str]:
        return await listed.waiting(self.wire, self.keys, playbook, limit)

    async def queued(self, playbook: str | None = None, limit: int = 200) -> Sequence[Queued]:
        return await listed.queued(self.wire, self.keys, playbook, limit)

    async def unanswered(
        self, playbook: str | None = None, limit: int = 0
    ) -> tuple[int, Sequence[str]]:
        return await listed.unanswered(self.wire, self.keys, playbook, limit)

    # --- money --------------------------------------------------------------------------------

    async def reserve(
        self, run: str, playbook: str, usd: Decimal, run_cap: Decimal, lost: Entry | None = None
    ) -> Reservation | CapReached:
        await self._owing.pay_all()
        wanted = money.new_reservation(run, playbook, usd, self._day())
        try:
            return await money.reserve(
                self.wire,
                self.keys,
                wanted,
                run_cap,
                self._playbook_usd_per_day.get(playbook),
                self._usd_per_day,
                self._now_ms(),
                lost,
            )
        except StoreUnavailable:
            # It may be made; nothing will be called under it.
            self._owing.owe(wanted, Decimal(0))
            raise

    async def release(self, reservation: Reservation) -> None:
        with suppress(StoreUnavailable):  # it is remembered
            await self._owing.pay(reservation, Decimal(0))

    async def settle(
        self, reservation: Reservation | None, usd: Decimal, entries: Sequence[Entry] = ()
    ) -> None:
        if reservation is not None or entries:
            await self._owing.pay(reservation, usd, tuple(entries))

    async def _settle(self, owed: Owed) -> None:
        entries = await examples.note_shown(self.wire, self.keys, owed.entries)
        if owed.reservation is None:
            await self.record_book.append_once(owed.id, entries)
        else:
            await money.settle(self.wire, self.keys, owed.reservation, owed.usd, entries)
        self.written(owed.entries)

    async def pay_owed(self) -> None:
        """Write what could not be written while the store was away. Raises ``StoreUnavailable``."""
        await self._owing.pay_all()

    def written(self, entries: Sequence[Entry]) -> None:
        """Entries that went with no change of a document are in the journal now."""

    async def spending(self) -> Spending:
        found = await money.spending(
            self.wire, self.keys, self._day(), self._usd_per_day, self._playbook_usd_per_day
        )
        return replace(
            found, warn_at=self._warn_at, at_cap=self._at_cap, timezone=str(self._timezone)
        )

    async def for_money(
        self, playbook: str | None = None, limit: int = 0
    ) -> tuple[int, Sequence[str]]:
        """How many runs wait for money, and the first ``limit`` of their proposals, the oldest
        first."""
        return await listed.for_money(self.wire, self.keys, playbook, limit)

    async def wake(self, wakes_: Sequence[Wake]) -> None:
        """Have these looked at now."""
        await self.commit(Commit(wakes=tuple(wakes_)))

    async def once(self, what: str, seconds: int) -> bool:
        """Whether nobody has said this within ``seconds``: of all processes, the first to ask."""
        key = self.keys.said(what)
        return await self.wire.command("SET", key, "", "NX", "EX", seconds) is not None

    async def was_said(self, what: str) -> bool:
        """Whether this has been said, and is not forgotten yet."""
        return bool(await self.wire.command("EXISTS", self.keys.said(what)))

    async def said(self, what: str, seconds: int) -> None:
        """It was said, and need not be said again within ``seconds``."""
        await self.wire.command("SET", self.keys.said(what), "", "EX", seconds)

    async def give_up_abandoned(self) -> int:
        """Count as spent what dead processes had reserved, and as lost the calls it was for."""
        given_up, lost = await money.give_up_abandoned(self.wire, self.keys, self._now_ms())
        self.written(lost)
        return given_up

    # --- steering -----------------------------------------------------------------------------

    async def paused(self) -> frozenset[str]:
        names = await self.wire.command("SMEMBERS", self.keys.paused)
        return frozenset(name.decode() for name in names)

    async def pause(self, playbook: str | None, entry: Entry) -> None:
        await self._steer("SADD", playbook, entry)

    async def resume(self, playbook: str | None, entry: Entry) -> None:
        """``None`` takes back a pause of everything and accepts the store's history as it is; a
        playbook that was paused by name stays paused until it is resumed by name."""
        await self._steer("SREM", playbook, entry)
        if playbook is None:
            await self.accept_epoch(await self.observe_epoch())

    async def _steer(self, command: str, playbook: str | None, entry: Entry) -> None:
        listed = KeyList([self.keys.journal, self.keys.texts, self.keys.paused])
        entries = entry_arguments((entry,), self.keys, listed)
        await self.wire.run(scripts.STEER, listed.keys, (command, playbook or EVERYTHING, *entries))

    async def observe_epoch(self) -> Epoch:
        """Look whether the server's history has forked. Raises ``StoreUnavailable``."""
        try:
            return await observe_epoch(self._redis, self.keys.epoch)
        except RedisError as error:
            raise unavailable(self._redis, error) from error

    async def accept_epoch(self, epoch: Epoch) -> bool:
        """A person has looked at this history: act on it. False: it has forked again since."""
        try:
            return await accept_epoch(self._redis, epoch.id, self.keys.epoch)
        except RedisError as error:
            raise unavailable(self._redis, error) from error

    # --- what approvals teach -----------------------------------------------------------------

    async def examples(self, playbook: str, since: int = 0) -> tuple[int, Sequence[SimilarTicket]]:
        return await examples.examples(self.wire, self.keys, playbook, since)

    async def resolve(self, some_id: str) -> tuple[str | None, str | None]:
        return await documents.resolve(self.wire, self.keys, some_id)

    async def resolve_message(self, message: Place) -> tuple[str | None, str | None]:
        """The same of the conversation that a message is the root of, or of the card that it is."""
        return await documents.resolve_message(self.wire, self.keys, message)

    # --- the record ---------------------------------------------------------------------------

    async def record(self, entries: Sequence[Entry]) -> None:
        await self.settle(None, Decimal(0), entries)

    async def calls_of(self, ticket_id: str, run: str) -> Sequence[Entry]:
        await self._owing.pay_all()
        lines = await self.record_book.of_case(ticket_id)
        entries = [line.entry for line in lines]
        return [one for one in entries if one.kind == "model_call" and one.run == run]

    async def counted(self, spans: Sequence[Span]) -> Sequence[Counts]:
        """What was counted in each of these spans, with everything that has happened sealed
        first."""
        await self.record_book.seal()
        return await self.record_book.counted(spans, self._clock.now())

    async def open_now(self) -> Sequence[OpenNow]:
        return await documents.open_now(self.wire, self.keys, self._now_ms())

    async def count_waiting(self) -> int:
        """See ``bot.store.waiting``."""
        return await count_anew(self.wire, self.keys, self)

    async def _server_ms_in(self, seconds: float | None) -> int | None:
        """The server's own time so many seconds from now, in milliseconds.

        Its clock may differ from ours, so the difference to our monotonic one is looked up now and
        then; half the round trip is the most that it is wrong by.
        """
        if seconds is None:
            return None
        wanted = self._clock.monotonic() + seconds
        measured_at, offset_ms = self._server_clock
        if self._clock.monotonic() - measured_at > _CLOCK_SECONDS:
            whole, micros = await self.wire.command("TIME")
            measured_at = self._clock.monotonic()
            offset_ms = int(whole) * 1000 + int(micros) // 1000 - round(measured_at * 1000)
            self._server_clock = (measured_at, offset_ms)
        return round(wanted * 1000) + offset_ms

    # --- ours ---------------------------------------------------------------------------------

    def _now_ms(self) -> int:
        return wakes.milliseconds(self._clock.now())

    def _day(self) -> str:
        return self._clock.now().astimezone(self._timezone).date().isoformat()

    def _remember(self, proposal: Proposal) -> None:
        self._ticket_of[proposal.id] = proposal.ticket
        self._ticket_of.move_to_end(proposal.id)
        if len(self._ticket_of) > _TICKETS_REMEMBERED:
            self._ticket_of.popitem(last=False)
