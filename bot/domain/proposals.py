"""What is proposed, decided and carried out."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal
from typing import Literal

from pydantic import JsonValue

from bot.domain.answers import Answer
from bot.domain.leads import Lead
from bot.domain.names import (
    ActionStatus,
    Confidence,
    Frozen,
    HandoffReason,
    OnHit,
    State,
    Verb,
    addresses_in,
)
from bot.domain.tickets import Actor


class Citation(Frozen):
    """A quote that a draft rests on; ``supported`` says whether it stands verbatim there."""

    article: str
    title: str
    quote: str
    url: str | None = None
    supported: bool


class Mark(Frozen):
    """A passage of the draft that nothing supports, by its place in the reply (code points)."""

    kind: Literal["sentence", "value"]
    """sentence: a factual sentence without a citation. value: a figure or name found nowhere."""
    start: int
    end: int


class Hit(Frozen):
    """A passage that the screen found: somebody must say why it may go out all the same."""

    name: str
    """The recogniser's name, as ``payment_card``, or ``policy:`` and the rule's id."""
    start: int
    end: int
    """Code points of the field's text."""
    field: str = "reply"
    """``reply``, or ``action.<n>.<field>`` as in the edit form."""
    hint: str = ""
    """What the policy says to do instead."""


class Action(Frozen):
    """One proposed effect: the exact tool, arguments and target that the card shows."""

    tool: str
    args: dict[str, JsonValue]
    target: str
    """Where the effect goes, in words; it follows from the ticket's origin, not from the model."""
    included: bool = True


class Content(Frozen):
    """What a decision is about; everything here is covered by the digest."""

    labels: tuple[str, ...]
    priority: str | None = None
    route: str
    reply: str | None = None
    """None where the ticket asks for nothing."""
    actions: tuple[Action, ...] = ()


class ActionProgress(Frozen):
    """How far one action of the approved content has come."""

    status: ActionStatus = "waiting"
    attempt: int = 0
    """Of the idempotency key now in use; rises with each retry that is not a plain resend."""
    keys: tuple[str, ...] = ()
    """Every idempotency key under which a byte may have left, oldest first."""
    claimed_at: datetime | None = None
    first_sent_at: datetime | None = None
    """When the current key was first claimed: the start of the remote's retention."""
    deadline: datetime | None = None
    unsettled: bool = False
    """An effect under one of the keys may have happened, and nobody has found out."""
    resends: bool = False
    """The present claim, or the next, sends again under the same key what an earlier one may have
    sent, and nobody has said that it did not arrive: being refused now proves nothing of then."""
    keep_until: datetime | None = None
    """Until then the remote honours the newest key: sending again keeps it."""
    receipt: str | None = None
    error: str | None = None


class Decision(Frozen):
    """A decision by a verified person on one revision."""

    verb: Verb
    actor: Actor
    name: str
    email: str | None = None
    revision: int
    digest: str
    at: datetime
    reason: str | None = None
    """A rejection's."""
    words: str | None = None
    """The person's own: of a rejection, or why what the screen has found may go out."""


class Handoff(Frozen):
    """Why a run stopped, and what a person should know who takes it."""

    reason: HandoffReason
    tried: tuple[str, ...] = ()
    found: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()


class Notice(Frozen):
    """A line on the card that somebody should read before deciding."""

    kind: Literal[
        "colleague_replied",
        "answered_by_hand",
        "wrote_again",
        "degraded",
        "edited",
        "approval_lapsed",
        "new_route",
        "new_target",
        "nobody_else_may_approve",
        "undeliverable",
        "settled",
        "retry",
        "unread_files",
        "erased",
        "not_allowed",
        "screened",
        "crm_read_anew",
    ]
    text: str
    actor: Actor | None = None


class Change(Frozen):
    """One field that an edit changed, for the card."""

    field: str
    before: str
    after: str


class Run(Frozen):
    """One pass of the agent over one generation of a ticket."""

    id: str
    generation: int
    starts: int = 0
    spared: int = 0
    """Of the starts, those that ended with a word: the store went away, or the process was told to
    stop. The others killed their worker, or came to an end."""
    not_before: datetime
    """The end of the quiet window."""
    started_at: datetime | None = None
    ended_at: datetime | None = None
    unpaid: Literal["day", "playbook"] | None = None
    """It waits for money: this cap stood against it."""
    unpaid_usd: Decimal = Decimal(0)
    """What its next call needed."""
    feedback: tuple[str, ...] = ()
    """A rejecter's reasons and words, for a draft that is made again."""


class Proposal(Frozen):
    """A ticket's proposal through its whole life, from drafting to its end.

    ``revision`` is 0 while drafting and rises with each change of what the card shows.
    """

    id: str
    tenant: str
    ticket: str
    playbook: str
    playbook_version: str = ""
    state: State
    revision: int = 0
    run: Run
    secret: str
    """128 random bits in hexadecimal: the key of this proposal's button tokens."""
    content: Content | None = None
    confidence: Confidence | None = None
    why: str = ""
    citations: tuple[Citation, ...] = ()
    marks: tuple[Mark, ...] = ()
    lead: Lead | None = None
    """What a lead's run has found; None in every other kind of playbook."""
    hits: tuple[Hit, ...] = ()
    """What the screen found in the content; the digest covers it."""
    on_hit: OnHit = "reason"
    """What an approval needs where there are hits."""
    sieve: str = ""
    """The version of what the screen looked for; empty: there was no screen."""
    model: str = ""
    prompt_version: str = ""
    """Of the prompt that the run was made with: a figure is asked of one version."""
    cost_usd: Decimal = Decimal(0)
    handoff: Handoff | None = None
    owner: Decision | None = None
    """Who took a handoff."""
    approvals: tuple[Decision, ...] = ()
    """Approvals recorded on the current revision; the last one needed makes it approved."""
    approvals_needed: int = 1
    decision: Decision | None = None
    """The decision that brought the present state, or the last edit."""
    edited: bool = False
    """A person has changed the content."""
    drafted: str | None = None
    """The model's own draft, kept from the first edit on: how much of it stays is a figure."""
    changes: tuple[Change, ...] = ()
    """What the last edit changed."""
    progress: tuple[ActionProgress, ...] = ()
    notices: tuple[Notice, ...] = ()
    created_at: datetime
    proposed_at: datetime | None = None
    remind_at: datetime | None = None
    reminded: int = 0
    expires_at: datetime | None = None
    answer: Answer | None = None
    """What an ask was answered with."""
    declined: str | None = None
    """Why an ask was not answered, for its asker alone."""
    successor: str | None = None
    predecessor: str | None = None
    """The proposal that this one superseded, whose card links here."""
    ended_at: datetime | None = None
    erased: bool = False
    """Every text in it is gone for good, and nothing more can be decided about it."""

    @property
    def claimed_at(self) -> datetime | None:
        """When one of its actions was last claimed; None: not since the last edit."""
        claims = [done.claimed_at for done in self.progress if done.claimed_at is not None]
        return max(claims, default=None)

    @property
    def about(self) -> frozenset[str]:
        """Of a lead, the e-mail addresses that stand anywhere in what was found and is written."""
        if self.lead is None:
            return frozenset()
        written = [dict(one.args) for one in self.content.actions] if self.content else []
        return addresses_in("\n".join(_texts([self.lead.model_dump(), *written])))

    @property
    def asks_why(self) -> bool:
        """Whether an approval must give a reason."""
        return bool(self.hits) and self.on_hit == "reason"

    @property
    def hit_names(self) -> tuple[str, ...]:
        """What the screen has found, each name once, by its first place."""
        return tuple(dict.fromkeys(hit.name for hit in self.hits))


def _texts(value: object) -> Iterator[str]:
    """Every text in what a model's ``model_dump`` gives."""
    match value:
        case str():
            yield value
        case dict():
            for one in value.values():
                yield from _texts(one)
        case list() | tuple():
            for one in value:
                yield from _texts(one)
