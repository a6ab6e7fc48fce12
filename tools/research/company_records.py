"""``company_records``: what registers say of a company. Sources plug in; two are built in.

A source answers with records, each an id to cite and its exact text. It is asked only for the
run's own domain: a name of the model's choosing in a DNS query would carry words out.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from pydantic import BaseModel, ConfigDict

from tools.research.fetch.fetcher import Fetcher, Visit
from tools.research.fetch.resolver import Dns
from tools.research.fetch.urls import NotFetched
from tools.research.visits import Visits
from tools.spec import Findings, Passage, ReadContext, ReadText

RECORDS = 20
"""Records of one call, all sources together."""
RECORD_LIMIT = 1_500
"""Characters of one record."""
_SOURCE_SECONDS = 25.0


@dataclass(frozen=True)
class CompanyRecord:
    """What one source says. ``id`` is a URL, or as ``dns:acme.example/MX``."""

    id: str
    title: str
    text: str


class RecordSource(Protocol):
    """A register of companies."""

    @property
    def name(self) -> str:
        """In words, for who reads that it did not answer."""
        ...

    async def records(self, domain: str, visit: Visit) -> Sequence[CompanyRecord]:
        """What it knows of the company at ``domain``. May raise ``NotFetched``."""
        ...


class DnsSource:
    """Who takes the company's mail and names: MX, NS and TXT records."""

    name = "DNS"

    def __init__(self, dns: Dns) -> None:
        self._dns = dns

    async def records(self, domain: str, visit: Visit) -> Sequence[CompanyRecord]:
        kinds = ("MX", "NS", "TXT")
        found = await asyncio.gather(*(self._dns.records(domain, kind) for kind in kinds))
        return [
            CompanyRecord(f"dns:{domain}/{kind}", f"{kind} records of {domain}", "\n".join(rows))
            for kind, rows in zip(kinds, found, strict=True)
            if rows
        ]


class SecurityTxtSource:
    """The company's ``security.txt`` (RFC 9116), through the fetch guard."""

    name = "security.txt"

    def __init__(self, fetcher: Fetcher) -> None:
        self._fetcher = fetcher

    async def records(self, domain: str, visit: Visit) -> Sequence[CompanyRecord]:
        text = await self._fetcher.security_txt(visit, domain)
        if text is None:
            return []
        url = f"https://{domain}/.well-known/security.txt"
        return [CompanyRecord(url, f"security.txt of {domain}", text)]


class CompanyRecordsArgs(BaseModel):
    """Nothing: the run's own company is looked up."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class CompanyRecords:
    """The read tool over its sources. What it gives is untrusted text."""

    def __init__(self, sources: Sequence[RecordSource], visits: Visits) -> None:
        self._sources = tuple(sources)
        self._visits = visits

    @property
    def name(self) -> str:
        return "company_records"

    @property
    def description(self) -> str:
        return (
            "What registers say of the given company: DNS (who takes its mail) and its "
            "security.txt, and others where they are set up. Takes no arguments."
        )

    @property
    def doing(self) -> str:
        return "Looking into company records"

    @property
    def args_model(self) -> type[BaseModel]:
        return CompanyRecordsArgs

    @property
    def seconds(self) -> float:
        return _SOURCE_SECONDS + 1

    async def read(self, args: CompanyRecordsArgs, context: ReadContext) -> Findings:
        visit = self._visits.of(context.run)
        domain = visit.scope.domain if visit is not None else None
        if visit is None or domain is None:
            return Findings("", failed="no domain was given, so there is nothing to look up")
        answers = await asyncio.gather(
            *(self._ask(source, domain, visit) for source in self._sources)
        )
        found = [record for records, _ in answers for record in records][:RECORDS]
        visit.records.update((record.id, record.text) for record in found)
        silent = [said for _, said in answers if said is not None]
        passages = tuple(
            Passage(record.id, record.title, record.text[:400], 1.0) for record in found
        )
        parts = [f"record: {record.id}\n{record.text}" for record in found]
        if silent and not found:
            return Findings("", failed="; ".join(silent))
        read = tuple(ReadText(record.id, record.title, record.text) for record in found)
        return Findings("\n\n".join([*parts, *silent]), passages, read=read)

    async def _ask(
        self, source: RecordSource, domain: str, visit: Visit
    ) -> tuple[list[CompanyRecord], str | None]:
        try:
            async with asyncio.timeout(_SOURCE_SECONDS):
                found = await source.records(domain, visit)
        except (NotFetched, TimeoutError):
            return [], f"{source.name} did not answer"
        return [
            CompanyRecord(one.id, one.title, one.text.replace("\x00", "").strip()[:RECORD_LIMIT])
            for one in found[:RECORDS]
        ], None
