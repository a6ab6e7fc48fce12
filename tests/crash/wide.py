"""One loop with everything under way: asks, leads, Teams, shares of answers and letters.

As in ``loop``, the stand-ins live on and are the oracle: what was taken, what was posted, what the
CRM holds. People go on until everything has ended, whatever becomes of the process meanwhile.
"""

from __future__ import annotations

import asyncio
import copy
import os
import signal
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import aiohttp

from bot.cli.attach import attached
from bot.domain import Proposal
from bot.settings import from_environment
from tests.crash.loop import ready
from tests.fixtures_redis import free_port
from tests.live.product import CONFIG, write_config
from tests.live.sales import SALES
from tests.standins.companies import SITES
from tests.standins.company_sites import Companies, company_sites
from tests.standins.crm import WRITE, SalesforceStandin, salesforce_standin
from tests.standins.slack import SlackStandin, slack_standin
from tests.standins.teams.connector import TeamsStandin, teams_standin
from tests.standins.teams.driver import TeamsDriver
from tests.standins.teams.world import BILLING, SUPPORT, oid

Crm = Literal["sqlite", "salesforce", "marked"]
"""``marked``: the operator has named a field for the proposal's id, by which a write is found."""
LEAD, LETTER = "tabula.example", "kestrel-robotics.example"
ROOM, GUESTS = "C0SALES", "C0TRIAGE"
TERMS = "# Terms\n\nInterest of 9 percent is due on overdue invoices from the 31st day.\n"
POLICY = "rules: [{id: rivals, rule: No word about rivals., words: [Globex], hint: Say another.}]"
ENDED = frozenset({"succeeded", "unknown", "superseded", "answered"})
"""What every proposal of a loop comes to; nothing else is left to itself here."""


def config(folder: Path, sites: Companies, crm: Mapping[str, Any]) -> dict[str, Any]:
    (folder / "corpus").mkdir(exist_ok=True)
    (folder / "corpus" / "terms.md").write_text(TERMS)
    (folder / "policy.yaml").write_text(POLICY)
    made = {name: part for name, part in copy.deepcopy(CONFIG).items() if name != "webhooks"}
    support = made["playbooks"]["support"]
    support["listen"] = [{"slack": "C0SUPPORT"}, {"teams": SUPPORT}]
    both = {
        "card": {"slack": "C0BILLING", "teams": BILLING},
        "approvers": {"slack_users": ["U0AGENT"], "teams_users": [oid(3)]},
    }
    support["routes"] = {"billing": both, "default": both}
    asks = {"askers": {"slack_users": ["U0AGENT"], "teams_users": [oid(3)]}}
    made["playbooks"] |= {
        "contracts": {
            **asks,
            "kind": "research",
            "corpus": ["./corpus"],
            "routes": {
                "default": {
                    "card": {"slack": "C0BILLING"},
                    "approvers": {"slack_users": ["U0AGENT2"]},
                }
            },
        },
        "recap": {**asks, "kind": "summary"},
        "policy": {**asks, "kind": "screen", "policy": "./policy.yaml"},
        "sales": {**SALES, "listen": []},
    }
    return made | {"crm": dict(crm), "fetch": sites.fetch}


@dataclass
class World:
    """The stand-ins, and the folder in which the product is started anew."""

    folder: Path
    slack: SlackStandin
    teams: TeamsStandin
    sites: Companies
    salesforce: SalesforceStandin | None
    session: aiohttp.ClientSession
    port: int = 0

    def __post_init__(self) -> None:
        self.move()
        for channel in (ROOM, "C0SUPPORT"):
            self.slack.space.channels[channel].members -= {"U0GUEST", "U0STRANGER"}

    def move(self) -> None:
        """What people do reaches the process that begins next."""
        self.port = free_port()
        self.people = self.slack.driver(self.url)
        self.teams_people = TeamsDriver(self.teams, self.url, self.session)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def crm_file(self) -> Path:
        return self.folder / "crm.sqlite"

    @asynccontextmanager
    async def serving(self, order: str | None) -> AsyncIterator[asyncio.subprocess.Process]:
        """The product in a process of its own, ready, to which happens what ``order`` says."""
        environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(self.folder),
            **self.slack.environment,
            **self.teams.environment,
            "DESKHAND_CONFIG": str(self.folder / "deskhand.yaml"),
            "DESKHAND_DATA": str(self.folder / "data"),
            "SALESFORCE_TOKEN": WRITE,
            "CRASH_PORT": str(self.port),
            "CRASH_NOTE": str(self.folder / "note"),
            "CRASH_TEAMS": f"{self.teams.url} {self.teams.issuer.keys_url}",
            **({"CRASH_AT": order} if order else {}),
        }
        with (self.folder / "victim.log").open("ab") as log:
            process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "tests.crash.wide_victim",
                env=environment, stdout=log, stderr=log, cwd=Path(__file__).parents[2],
            )  # fmt: skip
            try:
                assert await ready(process, self.port), self.log()
                yield process
            finally:
                if process.returncode is None:
                    process.send_signal(signal.SIGCONT)
                    process.terminate()
                    await asyncio.wait_for(process.wait(), 30)

    @staticmethod
    async def stopped(process: asyncio.subprocess.Process) -> None:
        """Return when the process has stopped itself, or is dead."""
        # Nothing tells of that but a look.
        while process.returncode is None and not _is_stopped(process.pid):  # noqa: ASYNC110
            await asyncio.sleep(0.1)

    def open_claims(self) -> int:
        """How many claims were open when it happened, if it did."""
        note = self.folder / "note"
        return int(note.read_text()) if note.exists() else 0

    def log(self) -> str:
        return (self.folder / "victim.log").read_text()[-3000:]

    async def proposals(self) -> list[Proposal]:
        """Every proposal that there is, from the store."""
        settings = from_environment({"DESKHAND_DATA": str(self.folder / "data")})
        async with attached(settings) as there:
            store = there.store
            return [
                found.value
                async for key in store.wire.redis.scan_iter(match=f"{store.keys.prefix}p_*")
                if (found := await store.proposal(key.decode().removeprefix(store.keys.prefix)))
            ]


def _is_stopped(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False  # it is dead, which is told in a moment
    return state == "T"


@asynccontextmanager
async def world(folder: Path, crm: Crm) -> AsyncIterator[World]:
    async with AsyncExitStack() as stack:
        slack = await stack.enter_async_context(slack_standin())
        teams = await stack.enter_async_context(teams_standin())
        hosts = {host: SITES[host] for host in (LEAD, LETTER)}
        sites = await stack.enter_async_context(company_sites(hosts))
        session = await stack.enter_async_context(aiohttp.ClientSession())
        remote: SalesforceStandin | None = None
        there: dict[str, Any] = {"kind": "sqlite", "path": str(folder / "crm.sqlite")}
        if crm != "sqlite":
            remote = await stack.enter_async_context(salesforce_standin())
            names = {"proposal": "Deskhand__c"} if crm == "marked" else {}
            there = {"kind": "salesforce", "base_url": remote.url, "map": names}
        write_config(folder, config(folder, sites, there))
        yield World(folder, slack, teams, sites, remote, session)
        if remote is not None:
            assert remote.violations == []
