"""Leads: a company, or a person at work, is looked up. How such a run begins and ends.

No source, no field: what the answer says stays only if what it names was read in this run and the
quote stands there. The CRM is read once more at the end, and the fields that would write into
empty places are chosen; a person chooses the others.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol

from pydantic import JsonValue

from bot.agent.answer import cut
from bot.agent.draft_check import Source
from bot.agent.kind import Guess, NoProposal, NotSearched, Ran, Search
from bot.agent.lead_answer import LeadAnswer, LeadForm, Outreach, lead_form
from bot.agent.lead_check import Checked, checked, of_a_company
from bot.agent.run import Drafted, Job
from bot.agent.wanted import Unwanted, Wanted, wanted, wanted_in
from bot.agent.web_search import WebSearch, web_search
from bot.domain import Action, Confidence, Content, Lead, LeadField
from bot.lead_card import UPDATE_CRM
from bot.lead_edit import update_action
from bot.plain_text import clean
from bot.playbook import Playbook
from tools.crm.compare import compare
from tools.crm.records import CrmReader, CrmUnavailable, Key, Record
from tools.spec import ActionSpec

DRAFT_OUTREACH = "draft_outreach"

CRM_SECONDS = 8.0
_REASON_LIMIT = 600
_LIST = 20


class Reads(Protocol):
    """What runs have read, by their ids (``bot.lead_tools``)."""

    def begin(self, run: str, playbook: Playbook, domain: str | None) -> object:
        """Let the run fetch ``domain``."""
        ...

    def end(self, run: str) -> None: ...

    def source(self, run: str, ident: str) -> Source | None:
        """What was read under a URL or the id of a record."""
        ...

    def seen_at(self, run: str, ident: str) -> datetime | None:
        """When that page was read; None: it is a record."""
        ...

    def missed(self, run: str) -> tuple[str, ...]:
        """Pages that it did not get, each with the reason."""
        ...


@dataclass(frozen=True)
class LeadKind:
    """``bot.agent.kind.Kind`` of a lead playbook."""

    playbook: Playbook
    form: LeadForm
    offered: tuple[ActionSpec, ...]
    reads: Reads
    crm: CrmReader
    web: WebSearch | None = None
    """None: the web is not searched."""
    under_way: dict[str, Wanted] = field(default_factory=dict)
    """Of the runs that are under way, by their ids."""

    @property
    def schema(self) -> Mapping[str, Any]:
        return self.form.schema

    def read(self, text: str) -> LeadAnswer:
        return self.form.read(text)

    async def begin(self, job: Job, search: Search) -> NoProposal | None:
        found = wanted_in(job.ticket, self.playbook.do_not_enrich)
        if isinstance(found, Unwanted):
            return NoProposal(words=found.words, reason="refusal")
        if found.domain is None:
            known = await self._of_that_name(found, search)
            if isinstance(known, NoProposal):
                return known
            found = known
        self.under_way[job.run.id] = found
        self.reads.begin(job.run.id, self.playbook, found.domain)
        return None

    def end(self, job: Job) -> None:
        self.under_way.pop(job.run.id, None)
        self.reads.end(job.run.id)

    def about(self, job: Job) -> str:
        found = self.under_way.get(job.run.id)
        if found is None:
            return ""
        lines = [f"Given domain: {found.domain}"]
        if found.url is not None:
            lines.append(f"Given page, to be fetched first: {found.url}")
        if found.email is not None:
            lines.append(f"Given e-mail address: {found.email}")
        if found.person is not None:
            lines.append(f"Asked for: a person, named in the lead, at {found.domain}")
        return "\n".join(lines)

    async def finish(self, answer: LeadAnswer, ran: Ran) -> Drafted | NoProposal:
        run, found = ran.job.run.id, self.under_way[ran.job.run.id]
        fields = checked(
            answer.fields,
            domain=found.domain or "",
            source=lambda ident: self.reads.source(run, ident),
            seen_at=lambda ident: self.reads.seen_at(run, ident),
            barred=self.playbook.do_not_enrich,
        )
        key = self._key(found, fields.kept)
        if key is not None and key.kind == "company":
            fields = of_a_company(fields)
        if key is None or not fields.kept:
            missing = (*map(_line, answer.missing[:_LIST]), *fields.struck)
            return NoProposal(words="No field has a source.", missing=missing)
        try:
            async with asyncio.timeout(CRM_SECONDS):
                record = await self.crm.find(key)
        except (CrmUnavailable, TimeoutError) as away:
            words = str(away) or "The CRM did not answer in time."
            return NoProposal(words=f"Nothing can be compared: {words}", reason="fault")
        lead = compared(key, record, fields, self.crm, missed=self.reads.missed(run))
        actions = (
            *self._update(lead, ran.job),
            *self._outreach(answer.outreach, found, fields, ran.job),
        )
        return Drafted(
            content=Content(labels=(), route="default", actions=actions),
            confidence=_confidence(lead),
            why=cut(_line(answer.reason), _REASON_LIMIT),
            citations=(),
            marks=(),
            notices=ran.notices,
            model=ran.model,
            cost_usd=ran.cost_usd,
            steps=ran.steps,
            missing=tuple(map(_line, answer.missing[:_LIST])),
            degraded=ran.degraded,
            lead=lead,
        )

    def guess(self, answer: LeadAnswer) -> Guess | None:
        return None

    def missed(self, job: Job) -> tuple[str, ...]:
        return self.reads.missed(job.run.id)

    async def _of_that_name(self, found: Wanted, search: Search) -> Wanted | NoProposal:
        """A bare name's domain: where the CRM knows one company of that name, or on the web."""
        name = found.company or ""
        try:
            async with asyncio.timeout(CRM_SECONDS):
                records = await self.crm.named(name)
        except (CrmUnavailable, TimeoutError) as away:
            words = str(away) or "The CRM did not answer in time."
            return NoProposal(words=f"{name} has no domain here: {words}")
        domains = {record.domain for record in records if record.domain}
        if not domains and self.web is not None:
            on_the_web = await self.web.domain_of(name, search)
            if isinstance(on_the_web, NotSearched):
                return NoProposal(words=on_the_web.words, missing=("The company's domain.",))
            domains = {on_the_web} if on_the_web is not None else set()
        if len(domains) != 1:
            known = "several domains of that name" if domains else "no domain of that name"
            return NoProposal(
                words=f"The CRM and the company records have {known}: {name}.",
                missing=("The company's domain. Ask again with it.",),
            )
        domain = domains.pop()
        again = wanted(
            f"{found.person} at {domain}" if found.person else domain, self.playbook.do_not_enrich
        )
        if isinstance(again, Unwanted):
            return NoProposal(words=again.words, reason="refusal")
        return again

    def _key(self, found: Wanted, fields: tuple[LeadField, ...]) -> Key | None:
        """What the CRM knows it by: a person by an address that the run has found, too."""
        if found.kind == "company" or found.email is not None:
            return found.key
        email = next((one.value for one in fields if one.name == "email"), None)
        if email is not None:
            return Key("person", email)
        return Key("company", found.domain) if found.domain is not None else None

    def _update(self, lead: Lead, job: Job) -> tuple[Action, ...]:
        if self.playbook.action(UPDATE_CRM) is None or not lead.fields:
            return ()
        chosen = tuple(one.name for one in lead.fields if not one.overwrites)
        return (update_action(lead, chosen, job.targets.get(UPDATE_CRM, "")),)

    def _outreach(
        self, mail: Outreach | None, found: Wanted, fields: Checked, job: Job
    ) -> tuple[Action, ...]:
        """A first e-mail, left out until somebody ticks it. It goes to nobody whose address was
        not read at the company's own domain."""
        if mail is None or self.playbook.action(DRAFT_OUTREACH) is None:
            return ()
        known = {one for row in fields.kept for one in row.value.casefold().split(", ")}
        to = mail.to.strip().casefold()
        text, subject = clean(mail.text).strip(), _line(mail.subject)
        if not text or not subject or (to != found.email and to not in known):
            return ()
        args: dict[str, JsonValue] = {"to": to, "subject": subject, "text": text}
        target = job.targets.get(DRAFT_OUTREACH, "")
        return (Action(tool=DRAFT_OUTREACH, args=args, target=target, included=False),)


def lead_kind(
    playbook: Playbook, actions: Sequence[ActionSpec], reads: Reads, crm: CrmReader
) -> LeadKind:
    """``actions``: the specs of the action tools there are."""
    offered = tuple(
        one
        for one in actions
        if one.name == DRAFT_OUTREACH and playbook.action(DRAFT_OUTREACH) is not None
    )
    web = web_search() if playbook.web_search else None
    return LeadKind(playbook, lead_form(outreach=bool(offered)), offered, reads, crm, web)


def compared(
    key: Key,
    record: Record | None,
    fields: Checked,
    crm: CrmReader,
    *,
    missed: tuple[str, ...] = (),
) -> Lead:
    """The fields beside what the CRM holds now."""
    by_name = {one.name: one for one in fields.kept}
    rows = [
        row
        for row in compare(record, {name: one.value for name, one in by_name.items()})
        if row.field != key.column
    ]
    return Lead(
        kind=key.kind,
        key=key.value,
        fields=tuple(
            by_name[row.field].model_copy(
                update={
                    "present": row.present,
                    "value": row.proposed,
                    "unplaced": not crm.holds(key.kind, row.field),
                }
            )
            for row in rows
            if row.state != "same"
        ),
        same=tuple(row.field for row in rows if row.state == "same"),
        struck=fields.struck,
        missed=missed,
    )


def compared_anew(lead: Lead, record: Record | None, crm: CrmReader) -> Lead:
    """The same fields beside what the CRM holds by now."""
    fresh = compared(Key(lead.kind, lead.key), record, Checked(lead.fields, lead.struck), crm)
    same = dict.fromkeys((*lead.same, *fresh.same))
    return fresh.model_copy(update={"same": tuple(same), "missed": lead.missed})


def _confidence(lead: Lead) -> Confidence:
    """As sure as the least sure of its fields."""
    known = {one.confidence for one in lead.fields}
    order: tuple[Confidence, ...] = ("low", "medium", "high")
    return next((level for level in order if level in known), "high")


def _line(text: str) -> str:
    return " ".join(clean(text).split())
