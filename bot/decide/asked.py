"""The card behind a token: its token checked against the stored secret, its revision and state
against the present, and the person against the directory *now*."""

from __future__ import annotations

import logging
from dataclasses import dataclass

from bot import buttons
from bot.authority import Allowed, NotAllowed, decided_words, may_decide
from bot.context import Context
from bot.decide.words import denied, unknown
from bot.domain import Actor, Board, Person, Proposal, State, Ticket, Verb
from bot.forms import NotDecided
from bot.playbook import Playbook
from bot.ports import Case, Versioned
from bot.ports.spans import Deciding

log = logging.getLogger("deskhand.decide")

_STATES: dict[Verb, tuple[State, ...]] = {
    "approve": ("pending",),
    "edit": ("pending", "handoff", "failed"),
    "reject": ("pending", "handoff", "failed"),
    "take": ("handoff", "drafting"),
    "retry": ("failed",),
    "settle_done": ("unknown",),
    "settle_retry": ("unknown",),
}
"""In which states a verb's button makes sense."""


@dataclass(frozen=True)
class Asked:
    """A proposal about which something is asked, everything read in one round trip."""

    proposal: Versioned[Proposal]
    ticket: Versioned[Ticket]
    board: Versioned[Board]
    playbook: Playbook

    @property
    def case(self) -> Case:
        return Case(self.proposal, self.ticket, self.board)

    @property
    def route(self) -> str:
        content = self.proposal.value.content
        return content.route if content else "default"

    @property
    def is_latest(self) -> bool:
        """Whether the ticket has no newer proposal."""
        return self.ticket.value.proposal == self.proposal.value.id

    @property
    def outlives_newer_words(self) -> bool:
        """Whether the customer's newer words do not supersede it: it failed, or it is not known
        whether it was sent, or it waits anew although an earlier sending may be out there."""
        proposal = self.proposal.value
        doubtful = any(done.unsettled for done in proposal.progress)
        return proposal.state in ("failed", "unknown") or (proposal.state == "pending" and doubtful)


async def read(
    context: Context, token: str, verb: Verb, deciding: Deciding | None = None
) -> Asked | NotDecided:
    """What a token is about, if its button makes sense now. ``deciding`` is told what it is about
    even where it does not; of a token that is none of ours there is nothing to tell."""
    button = buttons.read(token)
    if button is None or button.verb != verb:
        return unknown()
    found = await context.store.case(button.proposal)
    if found is None or not buttons.verify(button, found[0].value.secret):
        return unknown()
    proposal, ticket, board = found
    if deciding is not None:
        deciding.about(ticket.value, proposal.value)
    if proposal.value.state not in _STATES[verb]:
        return NotDecided("decided", decided_words(proposal.value), proposal.value)
    shown = (button.revision, button.claim)
    if shown != (proposal.value.revision, buttons.claim_mark(proposal.value.claimed_at)):
        return denied("stale", proposal.value)
    asked = Asked(proposal, ticket, board, context.playbook(proposal.value.playbook))
    revives = verb in ("approve", "edit", "retry") and asked.outlives_newer_words
    if revives and not asked.is_latest:
        return NotDecided(
            "newer_proposal",
            ("The ticket has a newer card by now. Decide that one, and reject this.",),
            proposal.value,
        )
    return asked


async def authorise(context: Context, asked: Asked, actor: Actor) -> Person | NotDecided:
    """The person behind the actor, if they may decide it."""
    proposal = asked.proposal.value
    allowed = await may_decide(context, actor, proposal, asked.ticket.value, asked.route)
    match allowed:
        case Allowed(person):
            return person
        case NotAllowed(kind, words):
            log.info("deskhand: %s refused on %s: %s", actor.key, proposal.id, kind)
            return NotDecided(kind, words, proposal)
