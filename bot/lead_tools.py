"""What a lead's run researches with, and what was read in it: made once for a process."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import datetime

from bot.agent.draft_check import Source
from bot.config import Fetch
from bot.playbook import Playbook
from bot.ports import Clock
from tools.crm.records import CrmReader
from tools.research.company_records import (
    CompanyRecords,
    DnsSource,
    RecordSource,
    SecurityTxtSource,
)
from tools.research.fetch.fetcher import Fetcher, Visit, visit_of
from tools.research.fetch.resolver import Dns
from tools.research.fetch.web import PublicWeb
from tools.research.fetch_page import FetchPage
from tools.research.find_in_crm import FindInCrm
from tools.research.visits import Visits
from tools.spec import ReadTool

log = logging.getLogger("deskhand.leads")


@dataclass(frozen=True)
class LeadTools:
    """The research tools and the visits that they share."""

    tools: tuple[ReadTool, ...]
    visits: Visits
    also: tuple[str, ...]

    def begin(self, run: str, playbook: Playbook, domain: str | None) -> Visit:
        """Let a run fetch: ``domain`` is what was given (``fetch.scope.domain_of``), or None. Its
        pages, records and misses are in the visit; ``end`` forgets it."""
        return self.visits.begin(run, visit_of(domain, also=self.also, pages=playbook.fetch_pages))

    def end(self, run: str) -> None:
        self.visits.end(run)

    def source(self, run: str, ident: str) -> Source | None:
        """What the run read under a URL or a record's id, for checking a field's quote."""
        return self.visits.source(run, ident)

    def seen_at(self, run: str, ident: str) -> datetime | None:
        """When the run read that page; None: it is a record, or was not read."""
        visit = self.visits.of(run)
        page = visit.pages.get(ident) if visit is not None else None
        return page.seen_at if page is not None else None

    def missed(self, run: str) -> tuple[str, ...]:
        """Pages that were refused or failed, each once, with the reason."""
        visit = self.visits.of(run)
        lines = [f"{one.url[:200]} ({one.said})" for one in visit.missed] if visit else []
        return tuple(dict.fromkeys(lines))


def lead_tools(
    fetch: Fetch,
    crm: CrmReader,
    clock: Clock,
    registers: tuple[RecordSource, ...] = (),
    fetcher: Fetcher | None = None,
) -> LeadTools:
    """``registers``: sources of company records besides the two that are built in. ``fetcher``:
    None is one for the public web. Nothing is opened; each fetch has a connection of its own."""
    for host, address in fetch.hosts.items():
        log.warning("deskhand: the fetch guard sends %s to %s (fetch.hosts)", host, address)
    dns, visits = Dns(fetch.resolver), Visits()
    fetcher = fetcher or Fetcher(clock, PublicWeb(dns, fixed=fetch.hosts))
    sources: list[RecordSource] = [DnsSource(dns), SecurityTxtSource(fetcher), *registers]
    tools: tuple[ReadTool, ...] = (
        FetchPage(fetcher, visits),
        CompanyRecords(sources, visits),
        FindInCrm(crm, visits),
    )
    return LeadTools(tools, visits, fetch.also)
