"""One ticket: what was said, what is proposed and on what ground, who decided, what happened."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal

from starlette.requests import Request
from starlette.responses import Response

from bot.authority import ticket_route
from bot.domain import REPLY_TOOLS, Author, Citation, Proposal, Ticket
from bot.tracing import TraceLine
from handlers.console.asking import Visitor
from handlers.console.inbox import shown
from handlers.console.pages import message, page
from handlers.console.parts import ConsoleParts
from handlers.console.telling import title_of, words_for
from handlers.diff import Piece, word_diff
from handlers.names import Names

_BEFORE, _AFTER = 160, 320
"""Characters of an article beside a quote."""
_STORY: Final = frozenset(
    {"delivery", "ticket", "proposal", "handoff", "decision", "transition", "claim", "effect"}
)
Tone = Literal["", "person", "good", "bad"]


@dataclass(frozen=True)
class Said:
    """One message of the conversation."""

    name: str
    text: str
    at: datetime
    side: Literal["other", "author", "ours"]
    files: tuple[str, ...] = ()


@dataclass(frozen=True)
class Quoted:
    """A citation beside its source: the passage, cut at the quote. Empty ``quote``: it is not
    found in the article as it stands now, or there is no such article."""

    citation: Citation
    before: str = ""
    quote: str = ""
    after: str = ""
    why: str = ""


@dataclass(frozen=True)
class Revision:
    """What the reply was after somebody, or the model, changed it."""

    number: int
    by: str
    at: datetime
    diff: tuple[Piece, ...]
    changed: tuple[str, ...]
    text: str


@dataclass(frozen=True)
class Event:
    """One line of a ticket's story."""

    at: datetime
    what: str
    words: str
    by: str
    tone: Tone


async def ticket(parts: ConsoleParts, request: Request, visitor: Visitor) -> Response:
    """``/console/tickets/{id}``, by the id of the ticket, of a proposal or of a run."""
    context = parts.context
    ident = request.path_params["id"]
    _, proposal_id = await parts.overview.named(ident)
    case = await context.store.case(proposal_id) if proposal_id else None
    if case is None:
        words = f"Deskhand knows no ticket, proposal or run {ident[:60]}."
        return message(request, visitor, 404, "Not found", words)
    proposal, found = case[0].value, case[1].value
    playbook, route = await ticket_route(context, case)
    if not await visitor.sight.route(playbook, route):
        words = (
            f"It is {proposal.state}. The ticket is for the approvers of its route, {route}, and "
            "the managers."
        )
        return message(request, visitor, 403, "You may not read this", words)
    lines = await parts.record.of_case(found.id)
    told = [line for line in lines if line.entry.kind in ("proposal", "decision")]
    texts = await parts.record.texts(line.id for line in told)
    names = parts.names
    await names.learn(line.entry.actor for line in lines)
    return page(
        request,
        "ticket.html",
        visitor,
        one=await shown(parts, visitor, *case[:2]),
        ticket=found,
        talk=conversation(found, proposal),
        quoted=[await _quoted(parts, citation) for citation in proposal.citations],
        revisions=_revisions(told, texts, names),
        story=[_event(line, names) for line in lines if line.entry.kind in _STORY],
        others=_others(lines, proposal.id),
    )


def conversation(found: Ticket, proposal: Proposal) -> list[Said]:
    """The thread in its order, with our reply once it is known to have been sent."""
    talk = [Said(_name(one.author), one.text, one.at, "other", one.files) for one in found.thread]
    talk += [
        Said(_name(one.author), one.text, one.at, "author", one.files) for one in found.messages
    ]
    talk.sort(key=lambda one: one.at)
    content = proposal.content
    if content is not None and content.reply and proposal.decision is not None:
        sent = any(
            action.tool in REPLY_TOOLS and done.status == "succeeded"
            for action, done in zip(content.actions, proposal.progress, strict=False)
        )
        if sent:
            at = proposal.ended_at or proposal.decision.at
            talk.append(Said(f"{proposal.decision.name}, by Deskhand", content.reply, at, "ours"))
    return talk


def _name(author: Author) -> str:
    return author.name or author.email or author.id or "Somebody"


async def _quoted(parts: ConsoleParts, citation: Citation) -> Quoted:
    if parts.source is None:
        return Quoted(citation, why="The articles cannot be read here.")
    if not citation.quote:
        return Quoted(citation, why="The quote was erased.")
    source = await parts.source(citation.article)
    if source is None:
        return Quoted(citation, why="This article is not in the knowledge base any more.")
    words = citation.quote.split()
    found = re.search(r"\s+".join(map(re.escape, words)), source.text) if words else None
    if found is None:
        why = (
            "The article has changed since: the quote does not stand in it any more."
            if citation.supported
            else "The quote does not stand in this article."
        )
        return Quoted(citation, why=why)
    start, end = max(0, found.start() - _BEFORE), found.end() + _AFTER
    return Quoted(
        citation,
        before=("…" if start else "") + source.text[start : found.start()],
        quote=found[0],
        after=source.text[found.end() : end] + ("…" if end < len(source.text) else ""),
    )


def _revisions(
    told: Sequence[TraceLine], texts: Mapping[str, Mapping[str, str]], names: Names
) -> list[Revision]:
    """The replies of the journal, newest first; a text that was erased leaves no line."""
    made: list[Revision] = []
    before: str | None = None
    for one in told:
        data = one.entry.data
        edit = one.entry.kind == "decision" and data.get("verb") == "edit"
        text = texts.get(one.id, {}).get("reply")
        if one.entry.kind == "proposal":
            before = None  # a new draft is compared with nothing
        if text is None or not (edit or one.entry.kind == "proposal"):
            continue
        changed = data.get("changed")
        number = data.get("revision")
        by = names.of(one.entry.actor) if edit else str(data.get("model") or "the model")
        made.append(
            Revision(
                number=number if isinstance(number, int) else 0,
                by=by,
                at=one.at,
                diff=word_diff(before, text) if before is not None and before != text else (),
                changed=tuple(map(str, changed)) if isinstance(changed, list) else (),
                text=text,
            )
        )
        before = text
    return made[::-1]


def _event(one: TraceLine, names: Names) -> Event:
    data, kind = one.entry.data, one.entry.kind
    tone: Tone = ""
    if kind == "decision":
        tone = "person"
    elif kind == "effect":
        tone = "good" if data.get("outcome") == "succeeded" else "bad"
    elif kind == "handoff":
        tone = "bad"
    return Event(one.at, title_of(one), words_for(one), names.of(one.entry.actor), tone)


def _others(lines: Sequence[TraceLine], this: str) -> list[str]:
    """The ticket's other proposals, newest first."""
    seen = dict.fromkeys(one.entry.proposal for one in lines if one.entry.proposal)
    return [name for name in reversed(seen) if name and name != this]
