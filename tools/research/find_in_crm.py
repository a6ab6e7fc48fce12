"""``find_in_crm``: what the CRM holds of the run's own company and its people. It can only read.

A page may ask for another's record, to have it written into this one or carried out in the address
of the next page: of others nothing is found.
"""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field

from tools.crm.records import CrmReader, CrmUnavailable, Record, key_of, normal_domain
from tools.research.visits import Visits
from tools.spec import Findings, Passage, ReadContext, ReadText


class FindInCrmArgs(BaseModel):
    """Whom to look for."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    query: str = Field(min_length=1, max_length=300)


class FindInCrm:
    """The read tool over a ``CrmReader``."""

    def __init__(self, crm: CrmReader, visits: Visits) -> None:
        self._crm = crm
        self._visits = visits

    @property
    def name(self) -> str:
        return "find_in_crm"

    @property
    def description(self) -> str:
        return (
            "What the CRM holds already of the given company. query: its domain or exact name, or "
            "the e-mail address of somebody there. Each record has an id to cite, as crm:12."
        )

    @property
    def doing(self) -> str:
        return "Looking in the CRM"

    @property
    def args_model(self) -> type[BaseModel]:
        return FindInCrmArgs

    async def read(self, args: FindInCrmArgs, context: ReadContext) -> Findings:
        visit = self._visits.of(context.run)
        domain = visit.scope.domain if visit is not None else None
        if visit is None or domain is None:
            return Findings("", failed="no domain was given, so there is nothing to look up")
        key = key_of(args.query)
        try:
            if key is not None:
                record = await self._crm.find(key)
                found = [record] if record is not None else []
            else:
                found = list(await self._crm.named(" ".join(args.query.split())))
        except CrmUnavailable as fault:
            return Findings("", failed=str(fault))
        texts = {one.cited: _text(one) for one in found if _is_of(one, domain)}
        if found and not texts:
            return Findings("", failed=f"only records of {domain} are read here")
        visit.records.update(texts)
        return Findings(
            "\n\n".join(f"record: {ident}\n{text}" for ident, text in texts.items()),
            tuple(Passage(ident, ident, text[:400], 1.0) for ident, text in texts.items()),
            read=tuple(ReadText(ident, ident, text) for ident, text in texts.items()),
        )


def _text(record: Record) -> str:
    rows = {"kind": record.kind, "domain": record.domain, "email": record.email, **record.fields}
    return "\n".join(f"{name}: {value}" for name, value in rows.items() if value)


def _is_of(record: Record, domain: str) -> bool:
    """Whether it is the company's own, or of somebody there."""
    hosts = (normal_domain(record.domain or "") or "", (record.email or "").rpartition("@")[2])
    return any(host == domain or host.endswith(f".{domain}") for host in hosts)
