"""The demo's own Deskhand: an embedded store, a worker, and one person who may decide."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from prometheus_client import CollectorRegistry

from bot.assembly import Desk
from bot.card import CardView
from bot.clock import SystemClock
from bot.config_file import ConfigFile, load
from bot.console import OpenConsole, open_console
from bot.crm import crm_file
from bot.demo.desk import YOU, DemoTicket
from bot.demo.sites import shipped_fetcher
from bot.demo.tickets import DESK
from bot.domain import FINAL_STATES, Actor, Delivery, Person, Place, SurfaceName, Ticket
from bot.faults import OperatorError
from bot.lead_side import open_leads
from bot.opening import build_desk, open_brains, open_store
from bot.overview import Overview
from bot.playbook import Approvers
from bot.ports import Decisions, Surfaces
from bot.projection import view
from bot.settings import DEMO_TENANT, Settings
from bot.store.follow import Follower
from bot.store.worker import Worker
from handlers.console.session import SESSION_SECONDS
from handlers.web import listening_socket, serve, web_app
from tools.actions.crm_sqlite import import_rows
from tools.actions.outbox import Outbox
from tools.crm.records import CrmUnavailable
from tools.crm.rows import Row, read_rows
from tools.crm.sqlite_file import everything, reading
from tools.signature import Signatures

LOOPBACK: Final = "127.0.0.1"
_UNDER_WAY = ("drafting", "approved", "executing")
_LOOK_SECONDS = 0.03
_AT_ONCE = 32
_NEVER = timedelta(days=3650)


class _You(Approvers):
    """Everybody at this terminal, and nobody elsewhere."""

    def users(self, surface: SurfaceName) -> tuple[str, ...]:
        return (YOU.id,) if surface == YOU.surface else ()

    @property
    def empty(self) -> bool:
        return False


class _Terminal:
    """``bot.ports.Directory`` of the one person at the terminal, and of customers without a name:
    those stay nameless, or a reply would greet the person who sends it."""

    async def person(self, actor: Actor) -> Person:
        return Person(actor=actor, name="You" if actor == YOU else "", standing="member")

    async def in_groups(self, actor: Actor, groups: object) -> bool:
        return False


class RunningDemo:
    """``bot.demo.desk.DemoDesk``."""

    def __init__(
        self,
        desk: Desk,
        outbox: Path,
        crm: Path,
        model: str,
        follower: Follower,
        console: str | None = None,
    ) -> None:
        self._desk = desk
        self._playbooks = {
            book.kind: name for name, book in reversed([*desk.context.playbooks.items()])
        }
        self._outbox = outbox
        self._crm = crm
        self._model = model
        self._follower = follower
        self._console = console

    @property
    def decisions(self) -> Decisions:
        return self._desk.decide

    @property
    def outbox(self) -> Path:
        return self._outbox

    @property
    def crm(self) -> Path:
        return self._crm

    @property
    def model(self) -> str:
        return self._model

    @property
    def console(self) -> str | None:
        return self._console

    async def take_in(self, ticket: DemoTicket) -> None:
        store, origin = self._desk.context.store, _origin(ticket.key)
        # The store forgets a delivery after seven days, its ticket never.
        if await store.ticket_at(origin) is not None:
            return
        now, body = datetime.now(UTC), ticket.body
        await store.accept(
            Delivery(
                id=f"demo:{ticket.key}",
                kind="message",
                playbook=self._playbooks[ticket.kind],
                origin=origin,
                author=body.written_by("terminal", origin.place),
                subject=body.subject or "",
                text=body.body,
                thread=body.earlier("terminal", origin.place, now),
                url=body.link,
                received_at=now,
            )
        )

    async def settled(self, key: str) -> CardView:
        while True:
            ticket = await self._ticket(key)
            case = await self._desk.context.store.case(ticket.proposal) if ticket.proposal else None
            if case is not None and case[0].value.state not in _UNDER_WAY:
                playbook = self._desk.context.playbook(ticket.playbook)
                return view(case[0].value, case[0].version, case[1].value, playbook)
            await asyncio.sleep(_LOOK_SECONDS)

    async def moved(self, card: CardView) -> CardView:
        async with self._follower.listen() as ear:
            while True:
                case = await self._desk.context.store.case(card.proposal)
                if case is not None:
                    now = case[0].value
                    if (now.revision, now.state) != (card.revision, card.state):
                        playbook = self._desk.context.playbook(now.playbook)
                        return view(now, case[0].version, case[1].value, playbook)
                if await ear.next() is None:
                    await asyncio.Event().wait()  # the demo is ending, and this with it

    async def waiting(self, keys: Sequence[str]) -> int:
        count = 0
        for start in range(0, len(keys), _AT_ONCE):
            some = keys[start : start + _AT_ONCE]
            count += sum(await asyncio.gather(*(self._waits(key) for key in some)))
        return count

    async def _waits(self, key: str) -> bool:
        store = self._desk.context.store
        ident = await store.ticket_at(_origin(key))
        ticket = await store.ticket(ident) if ident else None
        if ticket is None or ticket.value.proposal is None:
            return True
        proposal = await store.proposal(ticket.value.proposal)
        return proposal is None or proposal.value.state not in FINAL_STATES

    async def _ticket(self, key: str) -> Ticket:
        store, origin = self._desk.context.store, _origin(key)
        while True:
            if (ident := await store.ticket_at(origin)) and (found := await store.ticket(ident)):
                return found.value
            await asyncio.sleep(_LOOK_SECONDS)


@asynccontextmanager
async def running_demo(
    settings: Settings, console_port: int | None = None
) -> AsyncIterator[RunningDemo]:
    """The demo with its worker, in ``$DESKHAND_DATA/demo/``, whatever ``REDIS_URL`` says.

    ``console_port``: where the web console is served, on loopback alone; 0: any free one, None: no
    console. Raises ``OperatorError`` where the port cannot be had.
    """
    ours = settings.model_copy(update={"data": settings.data / "demo", "redis_url": None})
    file = demo_config()
    clock = SystemClock()
    async with AsyncExitStack() as stack:
        at = _door(console_port) if console_port is not None else None
        if at is not None:
            stack.callback(at.close)
        opened = await open_store(stack, ours, file, DEMO_TENANT)
        brains = await open_brains(stack, ours, file, opened.store)
        folder = (ours.data / "outbox").absolute()
        books = file.config.playbooks
        signatures = Signatures({name: book.reply_as for name, book in books.items()})
        outbox = Outbox(folder, clock, signatures)
        fetcher = shipped_fetcher(DESK / "sites", clock)
        leads = await open_leads(stack, ours, file, {}, clock, signatures, fetcher)
        crm = crm_file(ours, file).absolute()
        await asyncio.to_thread(_first_records, crm, clock.now())
        desk = build_desk(
            file,
            opened,
            brains,
            {"terminal": outbox},
            Surfaces({}, {"terminal": _Terminal()}),
            DEMO_TENANT,
            leads=leads,
        )
        secret = ours.secret().get_secret_value()
        worker = Worker(opened.queue, opened.store, desk.jobs, clock, secret=secret)
        working = asyncio.create_task(worker.run(), name="deskhand-demo-worker")
        stack.push_async_callback(_ended, worker, working)
        # Let it begin: a worker that is stopped before it has begun would begin after all.
        await asyncio.sleep(0)
        address = f"http://{LOOPBACK}:{at.getsockname()[1]}" if at is not None else ""
        console = open_console(
            desk,
            opened.store,
            opened.url,
            Overview(opened.store, clock, opened.facts.durability),
            secret=secret,
            public_url=address or file.config.public_url,
            source=brains.search.source,
            demo=True,
        )
        stack.push_async_callback(console.close)
        link = None
        if at is not None:
            stop = asyncio.Event()
            app = web_app([], CollectorRegistry(), console=console.console)
            serving = asyncio.create_task(
                serve(app, at, stop, drain_seconds=1), name="deskhand-demo-console"
            )
            stack.push_async_callback(_closed, stop, serving, console)
            link = await console.console.link(YOU, SESSION_SECONDS)
        local = brains.model.name == "local"
        model = "the local model" if local else file.config.model.draft
        yield RunningDemo(desk, folder, crm, model, console.follower, link)


def _first_records(path: Path, now: datetime) -> None:
    """Companies that the CRM knows beforehand: a lead then shows what an approval would overwrite.
    Raises ``OperatorError``."""
    try:
        with reading(path) as connection:
            if connection is not None and everything(connection):
                return
        rows = read_rows(DESK / "crm.csv", {})
        import_rows(path, (row for row in rows if isinstance(row, Row)), now)
    except CrmUnavailable as fault:
        raise OperatorError(f"crm: {fault}") from fault


def _door(port: int) -> socket.socket:
    try:
        return listening_socket(LOOPBACK, port)
    except OSError as taken:
        raise OperatorError(
            f"--port: {port} cannot be had ({taken.strerror}); name another, or leave it out"
        ) from taken


async def _closed(stop: asyncio.Event, serving: asyncio.Task[None], console: OpenConsole) -> None:
    stop.set()
    await console.close()  # its streams would hold up the drain
    await serving


def demo_config() -> ConfigFile:
    """The sample desk's config, where the person at the terminal decides every route."""
    file = load(DESK / "desk.yaml")
    playbooks = {
        name: playbook.model_copy(
            update={
                "routes": {
                    route: target.model_copy(update={"approvers": _You()})
                    for route, target in playbook.routes.items()
                },
                # A demo that lies for a week goes on where it was.
                "expire_after": _NEVER,
            }
        )
        for name, playbook in file.config.playbooks.items()
    }
    everything = {"playbooks": playbooks, "managers": _You()}
    return ConfigFile(file.path, file.config.model_copy(update=everything))


def _origin(key: str) -> Place:
    return Place(surface="terminal", place="demo", thread=key)


async def _ended(worker: Worker, working: asyncio.Task[None]) -> None:
    await worker.stop()
    await working
