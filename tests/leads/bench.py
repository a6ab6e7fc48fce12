"""A lead's run by itself: loopback sites, a CRM file, a model; no store and no chat."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from bot.agent.draft_check import Source
from bot.agent.kit import AnyKit, make_kit
from bot.agent.lead import lead_kind
from bot.agent.loop import run_agent
from bot.agent.prompting import built_in_prompt
from bot.agent.run import AgentPorts, Cancelled, Drafted, Job, Stopped, Unpaid
from bot.cli.workbench import OwnPurse
from bot.clock import SystemClock
from bot.config import Fetch, Money
from bot.domain import Author, Message, Place, Run, Ticket
from bot.journal import Entry
from bot.lead_tools import lead_tools
from bot.models.local.lead import LeadBrain
from bot.models.local.model import LocalModel
from bot.playbook import Playbook
from bot.ports import Model
from tests.standins.companies import SITES, Site
from tests.standins.company_sites import Companies, company_sites
from tools.actions.draft_outreach import DraftOutreach
from tools.actions.update_crm import UpdateCrm
from tools.crm.sqlite_file import SqliteReader

PLAYBOOK = Playbook.model_validate(
    {
        "name": "sales",
        "kind": "lead",
        "routes": {"default": {}},
        "research": ["fetch_page", "find_in_crm", "company_records"],
        "actions": ["update_crm", "draft_outreach"],
    }
)
Ended = Drafted | Stopped | Cancelled | Unpaid


@dataclass
class LeadBench:
    """``run`` a lead; ``sites.asked`` says what was fetched."""

    sites: Companies
    kit: AnyKit[Drafted]
    ports: AgentPorts
    count: int = 0

    async def run(self, text: str) -> Ended:
        self.count += 1
        now = datetime.now(UTC)
        author = Author(surface="slack", id="U1")
        ticket = Ticket(
            id=f"t_{self.count}",
            tenant="bench",
            playbook="sales",
            origin=Place(surface="slack", place="C0SALES"),
            author=author,
            messages=(Message(id="1", author=author, text=text, at=now),),
            created_at=now,
        )
        run = Run(id=f"r_{self.count}", generation=1, not_before=now)
        return await run_agent(Job(ticket, run, {}), self.kit, self.ports)


@asynccontextmanager
async def lead_bench(
    folder: Path,
    sites: Mapping[str, Site] = SITES,
    model: Model | None = None,
    **playbook: Any,
) -> AsyncIterator[LeadBench]:
    """``model``: None is the local one."""
    book = PLAYBOOK.model_copy(update=playbook)
    clock = SystemClock()
    async with company_sites(sites) as served:
        crm = SqliteReader(folder / "crm.sqlite")
        tools = lead_tools(Fetch.model_validate(served.fetch), crm, clock)
        kind = lead_kind(book, [UpdateCrm.spec, DraftOutreach.spec], tools, crm)
        kit = make_kit(
            book,
            built_in_prompt("lead"),
            tools.tools,
            kind,
            research_model="claude-haiku-5-5",
            draft_model="claude-sonnet-5-5",
        )
        local = LocalModel({}, {"sales": LeadBrain(book)})
        ports = AgentPorts(model or local, None, OwnPurse(Money()), clock, _none, _forget)
        yield LeadBench(served, kit, ports)


async def _none(_article: str) -> Source | None:
    return None


async def _forget(_entries: Sequence[Entry]) -> None:
    return
