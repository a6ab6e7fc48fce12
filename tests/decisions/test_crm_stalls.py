"""Two workers and a CRM: one stalls with its claim, before or after the write, and reports late."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import pytest

from bot.commands import Outcome
from bot.domain import Action, Proposal
from bot.execute import Execute
from bot.playbook import ActionUse
from tests.crm.test_sqlite import args
from tests.decisions.room import Remote, Room, decided, open_room, playbook
from tests.standins.crm import WRITE, SalesforceStandin, salesforce_standin
from tools.actions.crm_http import HttpWriter
from tools.actions.crm_sqlite import SqliteWriter
from tools.actions.update_crm import CrmWriter, UpdateCrm, UpdateCrmArgs
from tools.crm.salesforce import Salesforce
from tools.crm.sqlite_file import history, reading
from tools.crm.vendor import Api, vendor_session
from tools.spec import Grant, Sent

Kind = Literal["sqlite", "salesforce", "marked"]
CHANGES = args(name=(None, "Acme"), size=(None, "50"))


class Stalling:
    """A writer whose process stops, ``before`` it writes or ``after``, until ``wake`` is set."""

    def __init__(self, crm: CrmWriter, where: Literal["before", "after"]) -> None:
        self.place = crm.place
        self.reached, self.wake = asyncio.Event(), asyncio.Event()
        self._crm, self._where = crm, where

    async def write(self, args: UpdateCrmArgs, grant: Grant) -> Outcome:
        done = await self._crm.write(args, grant) if self._where == "after" else None
        self.reached.set()
        await self.wake.wait()
        return done or await self._crm.write(args, grant)

    async def look_up(self, sent: Sent) -> None:
        raise AssertionError("a process that is stopped asks nothing")


@dataclass
class Crm:
    """A CRM as each process opens it, and how often anything was written."""

    room: Room
    kind: Kind
    folder: Path
    remote: SalesforceStandin
    api: Api

    def opened(self) -> CrmWriter:
        if self.kind == "sqlite":
            return SqliteWriter(self.folder / "crm.sqlite", self.room.clock)
        names = {"proposal": "Deskhand__c"} if self.kind == "marked" else {}
        crm = Salesforce(self.api, "Account", "Domain__c", "v62.0", names)
        return HttpWriter(crm, self.room.clock)

    def process(self, crm: CrmWriter | None = None) -> Execute:
        return Execute(self.room.context, {"update_crm": UpdateCrm(crm or self.opened())})

    def written(self) -> int:
        if self.kind != "sqlite":
            return self.remote.effects()
        with reading(self.folder / "crm.sqlite") as connection:
            rows = [] if connection is None else history(connection, "1")
        assert len(rows) in (0, 2, 4), rows
        return len(rows) // 2

    async def approved(self) -> Proposal:
        changes = CHANGES.model_dump(mode="json")
        where = self.room.remotes["update_crm"].where
        return await self.room.approved(Action(tool="update_crm", args=changes, target=where))


@asynccontextmanager
async def opened(kind: Kind, url: str, folder: Path) -> AsyncIterator[Crm]:
    book = playbook(actions=(ActionUse(tool="update_crm"),))
    async with AsyncExitStack() as stack:
        room = await stack.enter_async_context(open_room(url, book, remotes=[Remote("update_crm")]))
        remote = await stack.enter_async_context(salesforce_standin())
        session = await stack.enter_async_context(vendor_session())
        yield Crm(room, kind, folder, remote, Api(session, remote.url, WRITE))
        assert remote.violations == []


@pytest.fixture(params=["sqlite", "salesforce", "marked"])
async def crm(request: pytest.FixtureRequest, redis_url: str, tmp_path: Path) -> AsyncIterator[Crm]:
    async with opened(request.param, redis_url, tmp_path) as made:
        yield made


@pytest.mark.parametrize("where", ["before", "after"])
async def test_a_stalled_worker_and_a_person_who_sends_again_write_once(
    crm: Crm, where: Literal["before", "after"]
) -> None:
    room, stalling = crm.room, Stalling(crm.opened(), where)
    proposal = await crm.approved()
    stalled = asyncio.create_task(crm.process(stalling).run(proposal.id))
    await stalling.reached.wait()
    assert crm.written() == (where == "after")
    room.clock.step(seconds=18.1)
    other = crm.process()
    await other.run(proposal.id)
    now = await room.now(proposal)
    if where == "after" and crm.kind != "salesforce":
        assert now.state == "succeeded", "it is found by looking"
    else:
        assert now.state == "unknown"
        decided(await room.press(now, "settle_retry"))
        await other.run(proposal.id)
        assert (await room.now(proposal)).state == "succeeded"
    stalling.wake.set()
    await stalled
    after = await room.now(proposal)
    assert (after.state, crm.written()) == ("succeeded", 1)


async def test_a_late_report_settles_what_a_person_has_been_asked(
    redis_url: str, tmp_path: Path
) -> None:
    """Nobody has sent again: the worker that wrote is the one who knows."""
    async with opened("salesforce", redis_url, tmp_path) as crm:
        stalling = Stalling(crm.opened(), "after")
        proposal = await crm.approved()
        stalled = asyncio.create_task(crm.process(stalling).run(proposal.id))
        await stalling.reached.wait()
        crm.room.clock.step(seconds=18.1)
        await crm.process().run(proposal.id)
        assert (await crm.room.now(proposal)).state == "unknown"
        stalling.wake.set()
        await stalled
        assert (await crm.room.now(proposal)).state == "succeeded"
        assert crm.written() == 1
