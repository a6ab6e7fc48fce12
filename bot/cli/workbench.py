"""An agent without a desk: it drafts, and nothing it drafts is kept or can be carried out.

Where a paid model works on an operator's own config, its money comes out of the same day's purse as
`serve`'s, and its calls stand in the same journal. Else nothing is shared with anybody.
"""

from __future__ import annotations

import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

from bot.agent.calls import Money
from bot.agent.kit import AnyKit
from bot.agent.loop import run_agent
from bot.agent.run import AgentPorts, Drafted, Job, RunOutcome
from bot.assembly import kits_of
from bot.budget import CapReached, Reservation
from bot.cli.attach import attached
from bot.clock import SystemClock
from bot.config import Money as Caps
from bot.config_file import ConfigFile
from bot.demo.tickets import DESK
from bot.domain import Message, Place, Run, Ticket, new_id
from bot.faults import OperatorError
from bot.journal import Entry
from bot.opening import open_brains
from bot.ports import StoreUnavailable
from bot.settings import TENANT, Settings
from bot.ticket_body import TicketBody
from tools.actions.send_reply import SendReply
from tools.research.similar_tickets import Examples, SimilarTickets
from tools.spec import ReadTool, SimilarTicket

_LOCAL_AT_ONCE = 2
"""The local model is arithmetic: more at once than cores only wait for one another."""
_REMOTE_AT_ONCE = 8
_TARGET = "where the ticket came from"


@dataclass(frozen=True)
class Workbench:
    """One playbook, ready to run."""

    run: Callable[[TicketBody], Awaitable[RunOutcome]]
    over: Callable[[Ticket, Run], Awaitable[RunOutcome]]
    """The same over a ticket as it is, by its own playbook."""
    kits: Mapping[str, AnyKit[Drafted]]
    playbook: str
    model: str
    """In words for the person."""
    unpriced: tuple[str, ...]
    """Models that it would call and that nobody knows the price of."""
    at_once: int


@dataclass(frozen=True)
class Lent:
    """What a workbench is given instead of taking it from the store."""

    money: Money
    examples: Examples


@dataclass
class OwnPurse:
    """``bot.agent.calls.Money`` of one process: its caps hold for this command alone."""

    caps: Caps
    spent: Decimal = Decimal(0)
    of_run: dict[str, Decimal] = field(default_factory=dict)
    refused: set[str] = field(default_factory=set)
    """Runs that had to do without a call because all of it was spent."""

    async def reserve(
        self, run: str, playbook: str, usd: Decimal, run_cap: Decimal, lost: Entry | None = None
    ) -> Reservation | CapReached:
        """One event loop and no await in between: what is compared is what is there."""
        run_left = run_cap - self.of_run.get(run, Decimal(0))
        if usd > run_left:
            return CapReached("run", max(Decimal(0), run_left))
        day_cap = self.caps.usd_per_playbook.get(playbook, self.caps.usd_per_day)
        day_left = min(day_cap, self.caps.usd_per_day) - self.spent
        if usd > day_left:
            self.refused.add(run)
            return CapReached("day", max(Decimal(0), day_left))
        self.spent += usd
        self.of_run[run] = self.of_run.get(run, Decimal(0)) + usd
        day = datetime.now(UTC).date().isoformat()
        return Reservation(id=new_id("m"), run=run, playbook=playbook, usd=usd, day=day)

    async def settle(
        self, reservation: Reservation | None, usd: Decimal, entries: Sequence[Entry] = ()
    ) -> None:
        """There is no journal here for ``entries``."""
        if reservation is None:
            return
        self.spent += usd - reservation.usd
        self.of_run[reservation.run] += usd - reservation.usd

    async def release(self, reservation: Reservation) -> None:
        await self.settle(reservation, Decimal(0))


@dataclass
class BookedPurse(OwnPurse):
    """The same within the day's money of the store: each call is reserved and settled there too,
    so that no cap is passed by `serve` and this command together."""

    day: Money | None = None
    name: str = field(default_factory=lambda: new_id("x"))
    """With a run's id: what is spent under. A past run's own cap has nothing to do with it."""
    held: dict[str, Reservation] = field(default_factory=dict)

    async def reserve(
        self, run: str, playbook: str, usd: Decimal, run_cap: Decimal, lost: Entry | None = None
    ) -> Reservation | CapReached:
        """Raises ``StoreUnavailable``."""
        own = await super().reserve(run, playbook, usd, run_cap)
        if isinstance(own, CapReached) or self.day is None:
            return own
        try:
            booked = await self.day.reserve(f"{self.name}-{run}", playbook, usd, run_cap)
        except StoreUnavailable:
            await super().settle(own, Decimal(0))
            raise
        if isinstance(booked, CapReached):
            await super().settle(own, Decimal(0))
            self.refused.add(run)
            return booked
        self.held[own.id] = booked
        return own

    async def settle(
        self, reservation: Reservation | None, usd: Decimal, entries: Sequence[Entry] = ()
    ) -> None:
        await super().settle(reservation, usd, entries)
        booked = self.held.pop(reservation.id, None) if reservation is not None else None
        if booked is not None and self.day is not None:
            # Without the lines: what is tried is no part of its ticket's record.
            await self.day.settle(booked, usd)


@asynccontextmanager
async def open_workbench(
    settings: Settings,
    file: ConfigFile,
    playbook: str | None,
    model: str,
    *,
    lent: Lent | None = None,
    past: bool = False,
) -> AsyncIterator[Workbench]:
    """Ready the playbooks of ``file``. ``model``: auto, local or anthropic. ``past``: tickets may
    be among those that the store has learnt from, which are then not told about themselves."""
    name = triage_playbook(file, playbook)
    if model == "local":
        settings = settings.model_copy(update={"anthropic_api_key": None})
    paid, own = settings.anthropic_api_key is not None, file.path.parent != DESK
    clock = SystemClock()
    async with AsyncExitStack() as stack:
        money: Money = OwnPurse(file.config.budget)
        record: Callable[[Sequence[Entry]], Awaitable[None]] = _forget
        examples: Examples = _nothing_learnt
        if lent is not None:
            money, examples = lent.money, lent.examples
        elif paid and own:
            there = await stack.enter_async_context(attached(settings, file.config))
            money, record, examples = there.store, there.store.record, there.store.examples
        data = _folder(stack, settings.data if own else settings.data / "demo")
        ours = settings.model_copy(update={"data": data})
        brains = await open_brains(stack, ours, file, None)
        research: list[ReadTool] = [
            brains.search,
            SimilarTickets(examples, clock, without_itself=past),
        ]
        kits = kits_of(file, research, [SendReply.spec])
        ports = AgentPorts(
            model=brains.model,
            fallback=brains.fallback,
            money=money,
            clock=clock,
            source=brains.search.source,
            record=record,
            mask_inbound=file.config.masks_inbound,
        )

        async def over(ticket: Ticket, run: Run) -> RunOutcome:
            kit = kits[ticket.playbook]
            targets = {use.tool: _TARGET for use in kit.playbook.actions}
            return await run_agent(Job(ticket, run, targets), kit, ports)

        local = brains.model.name == "local"
        names = tuple(dict.fromkeys((file.config.model.name, file.config.model.draft)))
        yield Workbench(
            run=lambda body: over(*_ticket(body, name)),
            over=over,
            kits=kits,
            playbook=name,
            model="local model" if local else ", ".join(names),
            unpriced=tuple(one for one in names if not local and brains.model.price(one) is None),
            at_once=_LOCAL_AT_ONCE if local else _REMOTE_AT_ONCE,
        )


def triage_playbook(file: ConfigFile, wanted: str | None) -> str:
    """The playbook's name, or the first's. Raises ``OperatorError``."""
    triage = [name for name, book in file.config.playbooks.items() if book.kind == "triage"]
    if wanted is None and triage:
        return triage[0]
    if wanted is None or wanted not in triage:
        known = ", ".join(triage) or "none"
        raise OperatorError(f"--playbook: {wanted!r} is no triage playbook of {file.path}: {known}")
    return wanted


def _ticket(body: TicketBody, playbook: str) -> tuple[Ticket, Run]:
    now = datetime.now(UTC)
    author = body.written_by("webhook", "triage")
    ident = new_id("t")
    ticket = Ticket(
        id=ident,
        tenant=TENANT,
        playbook=playbook,
        origin=Place(surface="webhook", place="triage", thread=body.id),
        author=author,
        subject=body.subject or "",
        messages=(Message(id=body.id, author=author, text=body.body, at=now),),
        thread=body.earlier("webhook", "triage", now),
        url=body.link,
        created_at=now,
    )
    return ticket, Run(id="r" + ident.removeprefix("t"), generation=1, not_before=now)


def _folder(stack: AsyncExitStack, wanted: Path) -> Path:
    """The data folder, where the articles' index is kept; one for now where that cannot be."""
    try:
        wanted.mkdir(parents=True, exist_ok=True)
    except OSError:
        return Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="deskhand-")))
    return wanted


async def _forget(_entries: Sequence[Entry]) -> None:
    return


async def _nothing_learnt(_playbook: str, since: int) -> tuple[int, Sequence[SimilarTicket]]:
    return since, ()
