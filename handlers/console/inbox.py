"""The inbox: what waits, oldest first; in full for those who may read it, as counts for others."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from starlette.requests import Request
from starlette.responses import Response

from bot.authority import Allowed, may_decide
from bot.card import CardView, DraftPart, draft_parts
from bot.domain import Proposal, Ticket
from bot.ports import Versioned
from bot.projection import view, who_may
from bot.queue import look_through
from handlers.console.asking import Visitor, line
from handlers.console.pages import page
from handlers.console.parts import ConsoleParts

SHOWN: Final = 25
"""Cards on one page."""


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

    async def theirs(playbook: str, route: str) -> bool:
        return await visitor.sight.route(context.playbook(playbook), route)

    looked = await look_through(context.store, theirs, SHOWN)
    unanswered, _ = await context.store.unanswered()
    cards = [await shown(parts, visitor, *case[:2]) for case in looked.cases]
    return page(
        request,
        "inbox.html",
        visitor,
        cards=cards,
        waiting=looked.total,
        more=looked.total - len(cards),
        counted_all=looked.whole,
        hidden=sorted(looked.others.items()),
        hidden_total=looked.others.total(),
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
    "waits": "Saved. It waits for approval.",
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
