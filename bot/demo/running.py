"""The demo's own Deskhand: an embedded store, a worker, and one person who may decide."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

from bot.app import build_desk, open_brains, open_store
from bot.assembly import Desk
from bot.card import CardView
from bot.clock import SystemClock
from bot.config_file import ConfigFile, load
from bot.demo.desk import YOU, DemoTicket
from bot.demo.tickets import DESK
from bot.domain import FINAL_STATES, Actor, Delivery, Person, Place, SurfaceName, Ticket
from bot.playbook import Approvers
from bot.ports import Decisions, Surfaces
from bot.projection import view
from bot.settings import DEMO_TENANT, Settings
from bot.store.worker import Worker
from tools.actions.outbox import Outbox
from tools.signature import Signatures

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

    def __init__(self, desk: Desk, playbook: str, outbox: Path, model: str) -> None:
        self._desk = desk
        self._playbook = playbook
        self._outbox = outbox
        self._model = model

    @property
    def decisions(self) -> Decisions:
        return self._desk.decide

    @property
    def outbox(self) -> Path:
        return self._outbox

    @property
    def model(self) -> str:
        return self._model

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
                playbook=self._playbook,
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
async def running_demo(settings: Settings) -> AsyncIterator[RunningDemo]:
    """The demo with its worker, in ``$DESKHAND_DATA/demo/``, whatever ``REDIS_URL`` says."""
    ours = settings.model_copy(update={"data": settings.data / "demo", "redis_url": None})
    file = demo_config()
    name, playbook = next(iter(file.config.playbooks.items()))
    clock = SystemClock()
    async with AsyncExitStack() as stack:
        opened = await open_store(stack, ours, file, DEMO_TENANT)
        brains = await open_brains(stack, ours, file, opened.store)
        folder = (ours.data / "outbox").absolute()
        outbox = Outbox(folder, clock, Signatures({name: playbook.reply_as}))
        desk = build_desk(
            file,
            opened,
            brains,
            {"terminal": outbox},
            Surfaces({}, {"terminal": _Terminal()}),
            DEMO_TENANT,
        )
        secret = ours.secret().get_secret_value()
        worker = Worker(opened.queue, opened.store, desk.jobs, clock, secret=secret)
        working = asyncio.create_task(worker.run(), name="deskhand-demo-worker")
        stack.push_async_callback(_ended, worker, working)
        # Let it begin: a worker that is stopped before it has begun would begin after all.
        await asyncio.sleep(0)
        local = brains.model.name == "local"
        model = "the local model" if local else file.config.model.draft
        yield RunningDemo(desk, name, folder, model)


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
    return ConfigFile(file.path, file.config.model_copy(update={"playbooks": playbooks}))


def _origin(key: str) -> Place:
    return Place(surface="terminal", place="demo", thread=key)


async def _ended(worker: Worker, working: asyncio.Task[None]) -> None:
    await worker.stop()
    await working
