"""A labelled file out of decisions: what people approved, edited and rejected. Reads only.

A rejection confirms only what its reason leaves alone: a wrong tone says nothing against the
labels, a wrong label leaves nothing that could be scored.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from bot.domain import Citation, Proposal, RejectReason, Ticket
from bot.evaluate.past import PastStore, as_read_by

Verdict = Literal["approved", "edited", "rejected"]
"""approved: as it was drafted. edited: approved after a person changed it."""

_LABELS_STAND: frozenset[RejectReason] = frozenset({"wrong_facts", "wrong_tone", "wrong_route"})
_ROUTE_STANDS: frozenset[RejectReason] = frozenset({"wrong_facts", "wrong_tone"})
_KEPT = 0.5
"""The part of what a draft took from a quote that an edited reply must still hold."""
_WORD = re.compile(r"\w{3,}")


@dataclass(frozen=True)
class Lessons:
    """The lines, oldest decision first, and what is not among them."""

    rows: tuple[dict[str, Any], ...]
    counts: dict[Verdict, int]
    erased: int
    """Decided tickets whose texts are gone."""


async def lessons(store: PastStore, at: datetime, playbook: str | None) -> Lessons:
    """One line a ticket that was decided since ``at``: its last decision's."""
    decided: dict[str, tuple[str, str]] = {}
    async for lines in store.record_book.walk(at):
        for line in lines:
            entry = line.entry
            verb = entry.data.get("verb")
            ours = playbook is None or entry.playbook == playbook
            if entry.kind != "decision" or not entry.data.get("final") or not ours:
                continue
            if verb in ("approve", "edit", "reject") and entry.ticket and entry.proposal:
                decided.pop(entry.ticket, None)
                decided[entry.ticket] = (entry.proposal, str(verb))
    rows: list[dict[str, Any]] = []
    counts: Counter[Verdict] = Counter()
    erased = 0
    for ticket_id, (proposal_id, verb) in decided.items():
        ticket, proposal = await store.ticket(ticket_id), await store.proposal(proposal_id)
        if ticket is None or proposal is None:
            erased += 1
            continue
        if ticket.value.ask is not None or proposal.value.lead is not None:
            continue  # an answer that was shared, or a lead, labels and routes nothing
        read = as_read_by(proposal.value.run, ticket.value)
        if read is None or proposal.value.content is None:
            erased += 1
            continue
        edited: Verdict = "edited" if proposal.value.edited else "approved"
        verdict: Verdict = "rejected" if verb == "reject" else edited
        rows.append(_row(read, proposal.value, verdict))
        counts[verdict] += 1
    return Lessons(tuple(rows), dict(counts), erased)


def _row(ticket: Ticket, proposal: Proposal, verdict: Verdict) -> dict[str, Any]:
    content = proposal.content
    assert content is not None
    reason = proposal.decision.reason if proposal.decision else None
    rejected = verdict == "rejected"
    row: dict[str, Any] = {"ticket": body_of(ticket)}
    if not rejected or reason in _LABELS_STAND:
        row["labels"] = sorted(content.labels)
    if not rejected or reason in _ROUTE_STANDS:
        row["route"] = content.route
    if not rejected and content.reply and (articles := kept_articles(proposal)):
        row["articles"] = articles
    row["decision"] = verdict
    if rejected and reason:
        row["reason"] = reason
    return row


def body_of(ticket: Ticket) -> dict[str, Any]:
    """The ticket as a webhook would be sent it."""
    author = {"id": ticket.author.id, "name": ticket.author.name, "email": ticket.author.email}
    body: dict[str, Any] = {
        "id": ticket.id,
        "body": ticket.body,
        "author": {key: value for key, value in author.items() if value},
    }
    if ticket.subject:
        body["subject"] = ticket.subject
    if ticket.url:
        body["url"] = ticket.url
    if ticket.thread:
        body["thread"] = [
            {
                "id": message.id,
                "author": {"id": message.author.id, "name": message.author.name},
                "body": message.text,
                "at": message.at.isoformat(),
            }
            for message in ticket.thread
        ]
    return body


def kept_articles(proposal: Proposal) -> list[str]:
    """The articles whose quotes the approved reply still rests on.

    Where nobody edited, all that are supported. After an edit, those of which the reply still holds
    at least half the words that the draft had from the quote."""
    content = proposal.content
    reply = _words(content.reply or "" if content else "")
    drafted = _words(proposal.drafted or "")

    def kept(citation: Citation) -> bool:
        if not proposal.edited or not drafted:
            return True
        taken = _words(citation.quote) & drafted
        return bool(taken) and len(taken & reply) / len(taken) >= _KEPT

    return list(
        dict.fromkeys(one.article for one in proposal.citations if one.supported and kept(one))
    )


def _words(text: str) -> frozenset[str]:
    return frozenset(_WORD.findall(text.casefold()))
