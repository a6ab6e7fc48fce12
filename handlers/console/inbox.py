"""The inbox: what waits, oldest first; in full for those who may read it, as counts for others."""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from starlette.requests import Request
from starlette.responses import Response

from bot.authority import Allowed, may_decide
from bot.card import CardView, DraftPart, draft_parts
from bot.domain import Proposal, State, Ticket
from bot.ports import Versioned
from bot.projection import view, who_may
from handlers.console.asking import Visitor, line
from handlers.console.pages import page
from handlers.console.parts import ConsoleParts

SHOWN: Final = 25
"""Cards on one page."""
_MOST: Final = 200
"""Of what waits longest, so many are looked at: a page costs the same with 10,000 waiting."""
_WAITS: frozenset[State] = frozenset({"pending", "handoff", "failed", "unknown"})


@dataclass(frozen=True)
class Shown:
    """A card as a page draws it for one person."""

    card: CardView
    playbook: str
    since: datetime
    age_s: float
    reminded: bool
    decidable: bool
    why_not: str
    pieces: tuple[DraftPart, ...]


async def inbox(parts: ConsoleParts, request: Request, visitor: Visitor) -> Response:
    """``/console``"""
    context = parts.context
    ids = await context.store.waiting(limit=_MOST)
    readable: list[tuple[Versioned[Proposal], Versioned[Ticket]]] = []
    hidden: Counter[tuple[str, str]] = Counter()
    unanswered = 0
    for start in range(0, len(ids), SHOWN):
        found = await asyncio.gather(*map(context.store.case, ids[start : start + SHOWN]))
        for case in found:
            if case is None:
                continue
            proposal = case[0].value
            if proposal.state == "expired":
                unanswered += 1
                continue
            if proposal.state not in _WAITS:
                continue  # decided since the index was read
            route = proposal.content.route if proposal.content else "default"
            playbook = context.playbook(proposal.playbook)
            if await visitor.sight.route(playbook, route):
                readable.append(case[:2])
            else:
                hidden[proposal.playbook, route] += 1
    cards = [await shown(parts, visitor, *case) for case in readable[:SHOWN]]
    return page(
        request,
        "inbox.html",
        visitor,
        cards=cards,
        waiting=len(readable),
        more=len(readable) - len(cards),
        counted_all=len(ids) < _MOST,
        hidden=sorted(hidden.items()),
        hidden_total=hidden.total(),
        unanswered=unanswered,
        paused=sorted(await context.store.paused()),
        said=_SAID.get(request.query_params.get("done", ""), ""),
    )


_SAID: Final = {
    "approve": "Approved; it is being carried out.",
    "edit": "Saved.",
    "reject": "Rejected; nothing will be sent.",
    "take": "It is yours now.",
    "retry": "Approved again; it is being carried out.",
    "settle_done": "Noted: it arrived.",
    "settle_retry": "Approved again; it is being sent.",
}
"""What the page says after a decision that came without a script."""


async def shown(
    parts: ConsoleParts,
    visitor: Visitor,
    proposal: Versioned[Proposal],
    ticket: Versioned[Ticket],
) -> Shown:
    """The card as this person sees it; they may read it."""
    context, value = parts.context, proposal.value
    playbook = context.playbook(value.playbook)
    card = view(value, proposal.version, ticket.value, playbook)
    since = value.proposed_at or value.created_at
    decidable, why_not = False, ""
    if card.buttons:
        allowed = await may_decide(context, visitor.actor, value, ticket.value, card.route)
        decidable = isinstance(allowed, Allowed)
        if not isinstance(allowed, Allowed):
            words = allowed.words
            if allowed.kind == "not_approver":
                may = who_may(playbook.route(card.route).approvers)
                words = ("You may read this; it is decided by ", *may, ".")
            why_not = line(await parts.names.put(words))
    return Shown(
        card=card,
        playbook=value.playbook,
        since=since,
        age_s=(context.clock.now() - since).total_seconds(),
        reminded=value.reminded > 0,
        decidable=decidable,
        why_not=why_not,
        pieces=draft_parts(card.draft or "", card.unsupported, card.hits),
    )
