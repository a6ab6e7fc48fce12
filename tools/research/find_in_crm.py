"""``find_in_crm``: what the CRM holds of a company or a person. It can only read."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field

from tools.crm.records import CrmReader, CrmUnavailable, Record, key_of
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
            "What the CRM holds already. query: a company's domain or exact name, or a person's "
            "e-mail address. Each record has an id to cite, as crm:12."
        )

    @property
    def doing(self) -> str:
        return "Looking in the CRM"

    @property
    def args_model(self) -> type[BaseModel]:
        return FindInCrmArgs

    async def read(self, args: FindInCrmArgs, context: ReadContext) -> Findings:
        key = key_of(args.query)
        try:
            if key is not None:
                record = await self._crm.find(key)
                found = [record] if record is not None else []
            else:
                found = list(await self._crm.named(" ".join(args.query.split())))
        except CrmUnavailable as fault:
            return Findings("", failed=str(fault))
        texts = {record.cited: _text(record) for record in found}
        visit = self._visits.of(context.run)
        if visit is not None:
            visit.records.update(texts)
        return Findings(
            "\n\n".join(f"record: {ident}\n{text}" for ident, text in texts.items()),
            tuple(Passage(ident, ident, text[:400], 1.0) for ident, text in texts.items()),
            read=tuple(ReadText(ident, ident, text) for ident, text in texts.items()),
        )


def _text(record: Record) -> str:
    rows = {"kind": record.kind, "domain": record.domain, "email": record.email, **record.fields}
    return "\n".join(f"{name}: {value}" for name, value in rows.items() if value)
