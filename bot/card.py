"""A card as data: what a proposal looks like, before any surface draws it.

``view`` projects a proposal and its ticket into a ``CardView``; renderers (Slack blocks, Adaptive
Cards, the terminal, the console) draw that and decide nothing. Text in a view is raw and may be
hostile: each renderer makes it inert in its own markup. Persons stand in it as ``Who`` so that
each surface names them its own way.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from itertools import pairwise
from typing import Literal

from pydantic import JsonValue

from bot.domain import Actor, Answer, Author, Change, Citation, State, Verb
from bot.playbook import Approvers


@dataclass(frozen=True)
class Who:
    """A person in a line of text: ``<@U…>`` on their own surface, else name and surface."""

    actor: Actor
    name: str


Words = tuple["str | Who", ...]
"""A line of text with persons in it."""


def arg_text(value: JsonValue) -> str:
    """An argument as a card shows it, a form offers it and the screen reads it: a text as it is,
    anything else as JSON, nothing where it is null."""
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


@dataclass(frozen=True)
class ButtonView:
    """A button; ``token`` is opaque and all that a click may carry."""

    verb: Verb
    label: str
    style: Literal["primary", "danger", "plain"]
    token: str


@dataclass(frozen=True)
class ActionView:
    """One action as it would happen, or as it did."""

    index: int
    tool: str
    target: str
    args: tuple[tuple[str, str], ...]
    """Field and value in full, in the order of the tool's schema. ``send_reply``'s text is the
    draft and is not repeated."""
    included: bool
    status: Words
    """Empty while it waits; else what became of it, with receipt or error."""


@dataclass(frozen=True)
class HandoffView:
    """Why a person is asked, and what the run leaves them."""

    reason: str
    """The reason's name, as in ``no_source``."""
    words: str
    tried: tuple[str, ...]
    found: tuple[str, ...]
    missing: tuple[str, ...]
    who: Words
    """Who could take it."""


@dataclass(frozen=True)
class Unsupported:
    """A passage of the draft that rests on nothing; ``start`` and ``end`` are code points."""

    kind: Literal["sentence", "value"]
    text: str
    start: int
    end: int


@dataclass(frozen=True)
class HitView:
    """A passage that the screen found; ``start`` and ``end`` are code points of its field."""

    name: str
    field: str
    """``reply``, or ``action.<n>.<field>``."""
    where: str
    """The same in words; empty for the reply."""
    text: str
    start: int
    end: int
    hint: str

    @property
    def line(self) -> str:
        """As it stands on every surface's card, before the passage."""
        return f"Screen: {self.name}"


@dataclass(frozen=True)
class DraftPart:
    """A run of the draft; ``kind`` says what is wrong with it."""

    text: str
    kind: Literal["", "sentence", "value", "hit"] = ""
    """sentence, value: no source says so. hit: the screen found it, supported or not."""


def draft_parts(
    draft: str, unsupported: Sequence[Unsupported], hits: Sequence[HitView] = ()
) -> tuple[DraftPart, ...]:
    """The draft, or its beginning, cut where a passage begins or ends that is marked. Where
    passages lie over one another, a hit is shown before what is unsupported."""
    marks: list[tuple[int, int, Literal["sentence", "value", "hit"]]] = [
        (hit.start, hit.end, "hit") for hit in hits if hit.field == "reply"
    ]
    marks += [(one.start, one.end, one.kind) for one in unsupported]
    edges = {0, len(draft)} | {
        min(edge, len(draft)) for start, end, _ in marks for edge in (start, end)
    }
    cut: list[DraftPart] = []
    for start, end in pairwise(sorted(edges)):
        kind: Literal["", "sentence", "value", "hit"] = next(
            (kind for begin, stop, kind in marks if begin <= start and end <= stop), ""
        )
        if cut and cut[-1].kind == kind:
            cut[-1] = DraftPart(cut[-1].text + draft[start:end], kind)
        else:
            cut.append(DraftPart(draft[start:end], kind))
    return tuple(cut)


@dataclass(frozen=True)
class LeadRow:
    """One field of a lead."""

    name: str
    title: str
    present: str | None
    """What the CRM held when the card was made."""
    proposed: str
    chosen: bool
    source: Words
    """A page's address, a record's id, or who typed it."""
    url: str | None
    quote: str
    seen: str
    """The day on which its page was read; empty for a record."""
    confidence: str
    unplaced: bool = False
    """The CRM has no place for it."""

    @property
    def absent(self) -> str:
        """Why there is nothing of it in the CRM; empty where something is."""
        if self.unplaced:
            return "no place for it in the CRM"
        return "empty in the CRM" if self.present is None else ""


@dataclass(frozen=True)
class LeadView:
    """What is known of a company or a person, field by field."""

    kind: Literal["company", "person"]
    key: str
    rows: tuple[LeadRow, ...]
    same: tuple[str, ...]
    """Fields that the CRM holds already."""
    struck: tuple[str, ...]
    missed: tuple[str, ...]
    note: str
    """Why an approval would write nothing, if that is so."""

    @property
    def chosen(self) -> int:
        """How many fields an approval would write."""
        return sum(row.chosen for row in self.rows)


@dataclass(frozen=True)
class CardView:
    """Everything that a card shows, in the order in which it is read."""

    proposal: str
    ticket: str
    revision: int
    version: int
    state: State
    headline: str
    """One line of intent, as in ``Reply about billing, to Dana``. May hold untrusted words."""
    labels: tuple[str, ...]
    route: str
    priority: str | None
    confidence: str | None
    why: str
    subject: str
    quote: str
    """The customer's own words in full."""
    author: Author
    files: tuple[str, ...]
    ticket_url: str | None
    draft: str | None
    """The reply in full; None where nothing is to be sent or nothing was drafted."""
    unsupported: tuple[Unsupported, ...]
    citations: tuple[Citation, ...]
    actions: tuple[ActionView, ...]
    handoff: HandoffView | None
    changes: tuple[Change, ...]
    notices: tuple[Words, ...]
    outcome: tuple[Words, ...]
    """After a decision: who, when, what happened, the receipt."""
    model: str
    cost_usd: Decimal
    expires_at: datetime | None
    successor_url: str | None
    buttons: tuple[ButtonView, ...]
    approvers: Approvers | None = None
    """Of its route, on every surface."""
    seal: str = ""
    """``bot.buttons.seal``, for a surface on which a person asks for the card as it is now."""
    hits: tuple[HitView, ...] = ()
    lead: LeadView | None = None
    approvals: tuple[int, int] | None = None
    """How many have approved a pending proposal, and how many must; None: nobody has yet."""
    answer: Answer | None = None
    """Of an ask: the message is this answer and no card."""
    run: str = ""
    """The run's id."""

    @property
    def hit_names(self) -> tuple[str, ...]:
        """What the screen has found, each name once, by its first place."""
        return tuple(dict.fromkeys(hit.name for hit in self.hits))


STATE_WORDS: dict[State, str] = {
    "drafting": "Drafting",
    "handoff": "Needs a person",
    "pending": "Waiting for a decision",
    "approved": "Approved",
    "executing": "Being carried out",
    "succeeded": "Done",
    "failed": "Refused, not done",
    "unknown": "May or may not have happened",
    "rejected": "Rejected",
    "expired": "Expired",
    "superseded": "Superseded",
    "answered": "Answered",
}
"""How a state is called on a card. The state's own name stands in the message's text besides."""
