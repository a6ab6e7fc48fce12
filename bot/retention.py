"""What goes when texts are erased, and what stays: pure functions on tickets and proposals.

Words go, and whose they were; ids, times, states, labels, routes and figures stay, and so do the
names of those who decided: the record of a decision is not the customer's text. An erased document
says so itself (``erased``), so that every card and page can.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Literal

from bot.commands import Denied, Supersede
from bot.domain import (
    FINAL_STATES,
    Action,
    Answer,
    Author,
    Content,
    Decision,
    Lead,
    Notice,
    Proposal,
    Ticket,
)
from bot.lifecycle import transition

Why = Literal["retention", "person"]
"""retention: its time is over. person: somebody asked for it."""

ERASED_NOTICE = Notice(kind="erased", text="The texts of this ticket were erased.")


def person_of(ident: str) -> str:
    """A person's id as an operator writes it, in the form of ``Author.names``."""
    ident = ident.strip()
    # ``helpdesk:Ada@acme.example`` is a webhook's own id, which may tell large letters from small.
    return ident.casefold() if "@" in ident and ":" not in ident else ident


def decided_at(proposal: Proposal) -> datetime | None:
    """When somebody last decided something about it."""
    found = (*proposal.approvals, proposal.decision, proposal.owner)
    return max((one.at for one in found if one is not None), default=None)


def last_activity(ticket: Ticket, proposals: Iterable[Proposal]) -> datetime:
    """The newest message or decision: a ticket's age counts from there."""
    decided = (decided_at(one) for one in proposals)
    return max((ticket.last_words_at, *(at for at in decided if at is not None)))


def is_unsettled(proposal: Proposal) -> bool:
    """Whether an effect of it is to come, or may have come and somebody may still say so: then its
    texts are needed. What a person has rejected, or nobody answered in time, is closed for good."""
    if proposal.state in FINAL_STATES:
        return False
    return proposal.state in ("approved", "executing", "unknown") or any(
        done.unsettled for done in proposal.progress
    )


def voided(proposal: Proposal, now: datetime) -> Proposal | None:
    """The proposal superseded, where it still waits for a person or a draft; None: it does not."""
    moved = transition(proposal, Supersede(now))
    return None if isinstance(moved, Denied) else moved.proposal


def wrote(author: Author, person: str) -> bool:
    return person in author.names


def is_theirs(ticket: Ticket, proposals: Iterable[Proposal], person: str) -> bool:
    """Whether the ticket is made of this person's words, or is a lead that names their address."""
    authors = (ticket.author, *(message.author for message in ticket.messages))
    leads = (ticket.about, *(one.about for one in proposals))
    return any(wrote(one, person) for one in authors) or any(person in about for about in leads)


def erased_ticket(ticket: Ticket) -> Ticket:
    """The ticket without any text, and nobody's."""
    return ticket.model_copy(
        update={
            "author": Author(surface=ticket.author.surface, id=""),
            "asker": None,
            "also_asked": (),
            "subject": "",
            "messages": (),
            "thread": (),
            "url": None,
            "ask": ticket.ask and ticket.ask.model_copy(update={"words": ""}),
            "erased": True,
        }
    )


def erased_proposal(proposal: Proposal) -> Proposal:
    """The proposal without any text. Its state stays."""
    handoff = proposal.handoff
    return proposal.model_copy(
        update={
            "run": proposal.run.model_copy(update={"feedback": ()}),
            "content": _erased_content(proposal.content),
            "why": "",
            "citations": tuple(
                one.model_copy(update={"quote": "", "url": None}) for one in proposal.citations
            ),
            "marks": (),
            "lead": proposal.lead and _erased_lead(proposal.lead),
            "hits": (),
            "handoff": handoff
            and handoff.model_copy(update={"tried": (), "found": (), "missing": ()}),
            "owner": proposal.owner and _erased_decision(proposal.owner),
            "approvals": tuple(map(_erased_decision, proposal.approvals)),
            "decision": proposal.decision and _erased_decision(proposal.decision),
            "answer": proposal.answer and Answer(kind=proposal.answer.kind),
            "declined": None,
            "drafted": None,
            "changes": (),
            "progress": tuple(
                one.model_copy(
                    update={
                        "receipt": one.receipt and "receipt erased",
                        "error": one.error and "words erased",
                    }
                )
                for one in proposal.progress
            ),
            "notices": (ERASED_NOTICE,),
            "remind_at": None,
            "expires_at": None,
            "erased": True,
        }
    )


def without_person(ticket: Ticket, person: str) -> Ticket:
    """Another's ticket without what this person said in its thread."""
    thread = tuple(one for one in ticket.thread if not wrote(one.author, person))
    return ticket.model_copy(update={"thread": thread})


def without_their_notices(proposal: Proposal, person: str) -> Proposal:
    """Without the card's lines about what this person did in the thread."""
    kept = tuple(one for one in proposal.notices if one.actor is None or one.actor.id != person)
    return proposal.model_copy(update={"notices": kept})


def texts_in(ticket: Ticket, proposals: Sequence[Proposal]) -> int:
    """How many texts these documents hold: messages, subjects, drafts."""
    count = len(ticket.messages) + len(ticket.thread) + bool(ticket.subject)
    for one in proposals:
        reply = one.content.reply if one.content else None
        count += sum(map(bool, (reply, one.drafted, one.why, one.answer, one.declined)))
        count += len(one.citations) + (len(one.lead.fields) if one.lead is not None else 0)
    return count


def _erased_lead(lead: Lead) -> Lead:
    return Lead(kind=lead.kind, key="")


def _erased_content(content: Content | None) -> Content | None:
    if content is None:
        return None
    actions = tuple(
        Action(tool=one.tool, args={}, target="erased", included=one.included)
        for one in content.actions
    )
    return content.model_copy(update={"reply": None, "actions": actions})


def _erased_decision(decision: Decision) -> Decision:
    return decision.model_copy(update={"email": None, "words": None})
