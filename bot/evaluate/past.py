"""Past runs as they lie in the store, and how a new run over the same ticket differs. Reads only.

What a run gave is taken from the journal's entry of its end where that is still there, because a
person may have changed the proposal since.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, Final, Protocol, get_args

from bot.domain import Confidence, Message, Proposal, Run, Ticket
from bot.evaluate.given import Given
from bot.journal import Entry
from bot.ports import Versioned
from bot.tracing import TraceLine

FIELDS: Final = (
    *("outcome", "labels", "priority", "route", "reply"),
    *("citations", "actions", "confidence", "reason"),
)
"""The parts of an answer that are compared, in the order in which they are named."""


class PastBook(Protocol):
    """The part of the journal that is read here."""

    def walk(self, at: datetime) -> AsyncIterator[Sequence[TraceLine]]:
        """Every entry from ``at`` on, oldest first."""
        ...

    async def of_case(self, case: str) -> Sequence[TraceLine]: ...

    async def texts(self, ids: Iterable[str]) -> Mapping[str, Mapping[str, str]]:
        """The personal texts of these entries, by entry id and name; erased ones are not there."""
        ...


class PastStore(Protocol):
    """The part of the store that is read here. Nothing of it writes."""

    @property
    def record_book(self) -> PastBook: ...

    async def resolve(self, some_id: str) -> tuple[str | None, str | None]: ...

    async def proposal(self, proposal_id: str) -> Versioned[Proposal] | None: ...

    async def ticket(self, ticket_id: str) -> Versioned[Ticket] | None: ...


@dataclass(frozen=True)
class PastRun:
    """A run that has ended, with the ticket as it read it."""

    ticket: Ticket
    run: Run
    before: Given


@dataclass(frozen=True)
class Replayed:
    """A past run beside the one that was made now."""

    past: PastRun
    after: Given

    @property
    def before(self) -> Given:
        return self.past.before

    @property
    def differs(self) -> tuple[str, ...]:
        return differences(self.past.before, self.after)

    def as_json(self) -> dict[str, Any]:
        return {
            "run": self.past.run.id,
            "before": self.before.as_json(),
            "after": self.after.as_json(),
            "differs": list(self.differs),
        }


@dataclass(frozen=True)
class NotThere:
    """A run that cannot be replayed. ``why`` goes after its id."""

    why: str


NO_SUCH_RUN = NotThere("there is no such run; `deskhand trace ID` names a ticket's runs")
NOT_ENDED = NotThere("it has not ended in a proposal or a handoff; wait for it, or name another")
ERASED = NotThere("its ticket's text is erased; name another")


async def past_run(store: PastStore, ident: str) -> PastRun | NotThere:
    """The run of this id (a proposal's or ticket's id means its run)."""
    _, proposal_id = await store.resolve(ident)
    found = await store.proposal(proposal_id) if proposal_id else None
    if found is None:
        return NO_SUCH_RUN
    proposal = found.value
    ticket = await store.ticket(proposal.ticket)
    if ticket is None:
        return ERASED
    read = as_read_by(proposal.run, ticket.value)
    if read is None:
        return ERASED
    lines = [
        line
        for line in await store.record_book.of_case(proposal.ticket)
        if line.entry.run == proposal.run.id and line.entry.kind in ("proposal", "handoff")
    ]
    if not lines and (proposal.content is None or not proposal.model):
        return NOT_ENDED
    texts: Mapping[str, str] = {}
    if lines:
        texts = (await store.record_book.texts([lines[0].id])).get(lines[0].id, {})
    return PastRun(read, proposal.run, _before(proposal, lines[0].entry if lines else None, texts))


async def ended_since(store: PastStore, at: datetime, playbooks: Iterable[str]) -> tuple[str, ...]:
    """Ids of the runs of these playbooks that have ended since, in their order."""
    wanted = frozenset(playbooks)
    found: dict[str, None] = {}
    async for lines in store.record_book.walk(at):
        for line in lines:
            entry = line.entry
            # Without a model: a limit of runs was reached, and nothing ran.
            ended = entry.kind in ("proposal", "handoff") and entry.data.get("model")
            if ended and entry.run and entry.playbook in wanted:
                found[entry.run] = None
    return tuple(found)


def as_read_by(run: Run, ticket: Ticket) -> Ticket | None:
    """The ticket without what its author wrote after the run began; None: no text is left."""
    messages: tuple[Message, ...] = ticket.messages
    if run.generation < ticket.generation:
        began = run.started_at or run.not_before
        # A message bears its surface's time: never fewer than the first.
        messages = tuple(one for one in messages if one.at <= began) or messages[:1]
    if not any(message.text.strip() for message in messages):
        return None
    return ticket.model_copy(update={"messages": messages})


def is_whole(read: Ticket, now: Versioned[Ticket] | None) -> bool:
    """Whether nothing that was read of the ticket has been erased since."""
    if now is None or now.value.erased:
        return False
    left = {message.id for message in now.value.thread}
    return all(message.id in left for message in read.thread)


def differences(before: Given, after: Given) -> tuple[str, ...]:
    """The parts of the answer that are not the same. Why a draft is as it is, is no part."""
    pairs: dict[str, tuple[Any, Any]] = {
        "outcome": (before.outcome, after.outcome),
        "labels": (frozenset(before.labels), frozenset(after.labels)),
        "priority": (before.priority, after.priority),
        "route": (before.route, after.route),
        "reply": (before.reply or None, after.reply or None),
        "citations": (frozenset(before.articles), frozenset(after.articles)),
        "actions": (_effects(before), _effects(after)),
    }
    if before.outcome == after.outcome == "handoff":
        pairs["reason"] = (before.reason, after.reason)
    elif before.outcome == after.outcome:
        pairs["confidence"] = (before.confidence, after.confidence)
    return tuple(name for name in FIELDS if name in pairs and pairs[name][0] != pairs[name][1])


def _effects(given: Given) -> list[str]:
    """What would be done. Telling a helpdesk that nothing was asked is added after the run."""
    return [one.tool for one in given.actions if one.args.get("text", "") is not None]


def _before(proposal: Proposal, entry: Entry | None, texts: Mapping[str, str]) -> Given:
    """What the run gave, from the entry of its end; else, and for the rest, from the proposal."""
    content, data = proposal.content, entry.data if entry else {}
    handoff = entry.kind == "handoff" if entry else proposal.handoff is not None
    was = {change.field: change.before for change in proposal.changes} if proposal.edited else {}
    labels, route, usd = data.get("labels"), data.get("route"), data.get("usd")
    if isinstance(labels, list):
        drafted = tuple(str(one) for one in labels)
    elif "labels" in was:
        drafted = tuple(filter(None, was["labels"].split(", ")))
    else:
        drafted = content.labels if content else ()
    reply = None
    if not handoff:
        kept = proposal.drafted if proposal.edited else content.reply if content else None
        reply = texts.get("reply", kept)
    reason = proposal.handoff.reason if proposal.handoff else "unknown"
    priority = was.get("priority") or (content.priority if content else None)
    return Given(
        outcome="handoff" if handoff else "proposal",
        labels=drafted,
        priority=_text(data, "priority", priority),
        route=str(route) if route else content.route if content else None,
        reply=reply or None,
        citations=() if handoff else proposal.citations,
        actions=() if handoff or content is None else content.actions,
        confidence=_sure(data) if handoff else proposal.confidence,
        model=proposal.model,
        prompt_version=proposal.prompt_version,
        cost_usd=Decimal(str(usd)) if usd is not None else proposal.cost_usd,
        reason=str(data.get("reason") or reason) if handoff else proposal.why,
    )


def _sure(data: Mapping[str, Any]) -> Confidence | None:
    """How sure the guess of a handoff was; None: nobody guessed, or it was not kept yet."""
    return next((one for one in get_args(Confidence) if one == data.get("confidence")), None)


def _text(data: Mapping[str, Any], name: str, otherwise: str | None) -> str | None:
    if name not in data:
        return otherwise
    return str(data[name]) if data[name] is not None else None
