"""What the edit and reject forms hold, and what comes back: the same on every surface.

Field ids are the outside interface: ``reply``, ``labels``, ``route``, ``priority``,
``action.<n>.<field>``, ``action.<n>.fields``, ``include``, ``approve_now``; ``reason``, ``words``,
``draft_again``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from bot.card import CardView, Words
from bot.domain import Proposal, RejectReason


@dataclass(frozen=True)
class Option:
    """One choice: ``value`` is the config's key, ``text`` what a person reads."""

    value: str
    text: str
    description: str = ""


@dataclass(frozen=True)
class FieldForm:
    """One field of an action's arguments."""

    id: str
    """``action.<n>.<field>``."""
    title: str
    value: str
    multiline: bool
    max_length: int
    required: bool


@dataclass(frozen=True)
class FieldChoice:
    """One field of a lead that may be chosen: a box of ``action.<n>.fields``."""

    name: str
    text: str
    """The field, and what the CRM holds beside what is proposed."""
    chosen: bool


@dataclass(frozen=True)
class ActionForm:
    """One action: its fields (those not shown elsewhere) and whether it is included."""

    index: int
    title: str
    included: bool
    fixed: bool
    """It has succeeded: shown, not offered for change."""
    fields: tuple[FieldForm, ...]
    choices: tuple[FieldChoice, ...] = ()
    """Fields of a lead; none in every other action."""


@dataclass(frozen=True)
class EditForm:
    """Everything that the edit form is prefilled with. ``token`` goes back with the submission."""

    proposal: str
    revision: int
    token: str
    reply: str
    labels: tuple[Option, ...]
    chosen_labels: tuple[str, ...]
    routes: tuple[Option, ...]
    route: str
    priorities: tuple[Option, ...]
    priority: str | None
    actions: tuple[ActionForm, ...]
    approve_now: bool
    """Ticked at first?"""
    replies: bool = True
    """Is there a reply to be written? A lead has none."""
    note: str = ""
    """A line above the fields, as in ``This is a handoff: write the reply by hand.``"""

    @property
    def title(self) -> str:
        if self.replies:
            return "Edit the draft"
        return (
            "Choose the fields" if any(one.choices for one in self.actions) else "Type the fields"
        )


@dataclass(frozen=True)
class RejectForm:
    """The reject form. ``token`` goes back with the submission."""

    proposal: str
    revision: int
    token: str
    reasons: tuple[Option, ...]
    may_draft_again: bool


@dataclass(frozen=True)
class ReasonForm:
    """Asks why what the screen has found may go out. ``token`` goes back with the submission."""

    proposal: str
    revision: int
    token: str
    found: tuple[str, ...]
    """What the screen has found, as on the card: ``Screen: payment_card``."""


@dataclass(frozen=True)
class ApproveInput:
    """A submitted approval with its reason."""

    reason: str


@dataclass(frozen=True)
class EditInput:
    """A submitted edit. None: unchanged. ``fields`` by id; ``include`` holds the ticked indexes."""

    reply: str | None = None
    labels: tuple[str, ...] | None = None
    route: str | None = None
    priority: str | None = None
    fields: Mapping[str, str] = field(default_factory=dict)
    include: tuple[int, ...] | None = None
    chosen: Mapping[int, tuple[str, ...]] = field(default_factory=dict)
    """The ticked fields of an action, by its index; an index that is not there is unchanged."""
    approve_now: bool = False


@dataclass(frozen=True)
class RejectInput:
    """A submitted rejection."""

    reason: RejectReason
    words: str = ""
    draft_again: bool = False


@dataclass(frozen=True)
class Decided:
    """The decision is saved; every copy of the card will follow. ``words`` is for the decider."""

    proposal: Proposal
    words: Words


@dataclass(frozen=True)
class NotDecided:
    """Nothing was changed. ``words`` says why, who may, and who decided where somebody did."""

    kind: str
    """``stale``, ``decided``, ``not_allowed``, ``unknown_token``, ``look_up_failed`` and so on: for
    logs and tests."""
    words: Words
    proposal: Proposal | None = None


@dataclass(frozen=True)
class FieldErrors:
    """Nothing was changed: the form has faults. Field id to what to do about it."""

    errors: Mapping[str, str]


@dataclass(frozen=True)
class Seen:
    """A card as it is now, for one person: with the forms that they may fill in, where they may
    decide it."""

    card: CardView
    may_decide: bool
    edit: EditForm | None = None
    reject: RejectForm | None = None


Pressed = Decided | NotDecided | EditForm | RejectForm | ReasonForm
"""What a button press comes to."""
Submitted = Decided | NotDecided | FieldErrors
"""What a submitted form comes to."""
