"""The commands that move a proposal, what may become of an effect, and the two answers.

``bot.lifecycle.transition`` applies them. A command that stands for a person's decision carries the
``Decision`` itself; all others carry the time at which they were made.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from bot.domain import (
    Answer,
    Change,
    Citation,
    Confidence,
    Content,
    Decision,
    Handoff,
    Hit,
    Lead,
    Mark,
    Notice,
    OnHit,
    Proposal,
)

RefusalKind = Literal[
    "stale",
    "wrong_state",
    "already_approved_by_them",
    "cannot_tell_persons_apart",
    "not_approved",
    "lapsed",
    "digest",
    "not_next",
    "wrong_attempt",
    "succeeded_action_changed",
    "too_early",
    "no_reason",
]
"""
stale: made for another revision. wrong_state: not possible in this state.
already_approved_by_them: a second approval by the first approver.
cannot_tell_persons_apart: a second approval, and nobody can prove that these are two people.
not_approved, digest: no approval of exactly this content. lapsed: the approval is too old.
not_next: another action's turn. wrong_attempt: an answer to an earlier attempt.
succeeded_action_changed: an edit touched what has been done. too_early: its time has not come.
no_reason: the screen has found something, and the approval does not say why it may go out.
"""


@dataclass(frozen=True)
class Begin:
    """A worker takes up the run."""

    at: datetime


@dataclass(frozen=True)
class Propose:
    """The run ends in a proposal."""

    at: datetime
    content: Content
    playbook_version: str
    confidence: Confidence | None
    why: str
    citations: tuple[Citation, ...]
    marks: tuple[Mark, ...]
    model: str
    prompt_version: str = ""
    approvals_needed: int = 1
    remind_at: datetime | None = None
    expires_at: datetime | None = None
    notices: tuple[Notice, ...] = ()
    hits: tuple[Hit, ...] = ()
    on_hit: OnHit = "reason"
    sieve: str = ""
    lead: Lead | None = None


@dataclass(frozen=True)
class HandOff:
    """The run ends without one. ``content`` is the best guess of labels and route, no reply."""

    at: datetime
    handoff: Handoff
    content: Content
    playbook_version: str
    model: str
    prompt_version: str = ""
    remind_at: datetime | None = None
    notices: tuple[Notice, ...] = ()


@dataclass(frozen=True)
class GiveAnswer:
    """The run of an ask ends in its answer; ``declined``: in a word to its asker alone instead."""

    at: datetime
    answer: Answer | None
    playbook_version: str
    model: str
    prompt_version: str = ""
    declined: str | None = None


@dataclass(frozen=True)
class Take:
    """A person takes a handoff, or a ticket that is still being drafted, which is of no
    ``playbook_version`` yet."""

    decision: Decision
    remind_at: datetime | None = None
    playbook_version: str = ""


@dataclass(frozen=True)
class Edit:
    """A person changes the content. ``approve`` approves the new revision in the same step, unless
    it has hits: nobody has seen them yet."""

    decision: Decision
    content: Content
    marks: tuple[Mark, ...]
    changes: tuple[Change, ...]
    approve: bool
    approvals_needed: int = 1
    remind_at: datetime | None = None
    expires_at: datetime | None = None
    notices: tuple[Notice, ...] = ()
    hits: tuple[Hit, ...] = ()
    on_hit: OnHit = "reason"
    sieve: str = ""
    lead: Lead | None = None


@dataclass(frozen=True)
class Renew:
    """A person approves, or asks for another attempt, and what the card was compared with has
    changed meanwhile, or what is looked for in it: it shows that and waits for a decision on it."""

    decision: Decision
    content: Content
    lead: Lead | None
    notice: Notice
    approvals_needed: int = 1
    remind_at: datetime | None = None
    expires_at: datetime | None = None
    hits: tuple[Hit, ...] = ()
    on_hit: OnHit = "reason"
    sieve: str = ""


@dataclass(frozen=True)
class Approve:
    """A person approves. ``persons`` tells how they relate to those who approved before;
    ``needed`` is how many the playbook asks for by now."""

    decision: Decision
    persons: Literal["first", "different", "same", "cannot_tell"] = "first"
    needed: int = 1


@dataclass(frozen=True)
class Reject:
    """A person rejects, or closes a handoff."""

    decision: Decision


@dataclass(frozen=True)
class Revise:
    """What the card must say has changed without an edit: a notice that voids older buttons."""

    at: datetime
    notice: Notice


@dataclass(frozen=True)
class Remind:
    """The reminder was sent; ``next_at`` is the next one, if any."""

    at: datetime
    next_at: datetime | None


@dataclass(frozen=True)
class Expire:
    at: datetime


@dataclass(frozen=True)
class Supersede:
    """A newer customer message, a deletion or an erasure."""

    at: datetime
    successor: str | None = None
    notice: Notice | None = None


@dataclass(frozen=True)
class Lapse:
    """The approval was not acted on in ``APPROVAL_TTL``."""

    at: datetime
    remind_at: datetime | None = None
    expires_at: datetime | None = None


@dataclass(frozen=True)
class Claim:
    """The executor claims one action; the store applies it atomically and mints the grant."""

    at: datetime
    index: int


@dataclass(frozen=True)
class Succeeded:
    """The remote confirmed. ``receipt`` is what it answered, in words."""

    receipt: str


@dataclass(frozen=True)
class Refused:
    """It did not happen, for certain."""

    error: str


@dataclass(frozen=True)
class Uncertain:
    """It may have happened."""

    error: str


Outcome = Succeeded | Refused | Uncertain


@dataclass(frozen=True)
class Report:
    """What became of the claimed action ``index`` under ``key``, from whoever dispatched it or
    looked it up."""

    at: datetime
    index: int
    key: str
    outcome: Outcome
    claimed_at: datetime | None = None
    """Of the claim under which it was dispatched, where that is who reports: several may share a
    key."""


@dataclass(frozen=True)
class Overdue:
    """The claim's deadline and the margin have passed without a report."""

    at: datetime


@dataclass(frozen=True)
class Resend:
    """A claim without an outcome, past its deadline and margin, whose remote still honours the key:
    it may be sent again under the same key and approval, until ``keep_until``."""

    at: datetime
    keep_until: datetime


@dataclass(frozen=True)
class Retry:
    """A person approves another attempt of a failed action. ``needed`` is how many the playbook
    asks for by now; the times are for a card that must be approved anew."""

    decision: Decision
    needed: int = 1
    remind_at: datetime | None = None
    expires_at: datetime | None = None


@dataclass(frozen=True)
class SettleDone:
    """A person says that the unknown effect arrived. ``needed`` and the times are for what is left,
    should that have to be approved anew."""

    decision: Decision
    needed: int = 1
    remind_at: datetime | None = None
    expires_at: datetime | None = None


@dataclass(frozen=True)
class SettleRetry:
    """A person approves sending again. Until ``keep_until`` the remote still honours the key;
    None: it does not, so the next attempt has a key of its own. ``needed`` and the other times: as
    of ``Retry``."""

    decision: Decision
    keep_until: datetime | None
    needed: int = 1
    remind_at: datetime | None = None
    expires_at: datetime | None = None
    overtaken: bool = False
    """Its ticket has a newer proposal: that it did not arrive is noted, and nothing is sent."""


Command = (
    Begin
    | Propose
    | HandOff
    | GiveAnswer
    | Take
    | Edit
    | Renew
    | Approve
    | Reject
    | Revise
    | Remind
    | Expire
    | Supersede
    | Lapse
    | Claim
    | Report
    | Overdue
    | Resend
    | Retry
    | SettleDone
    | SettleRetry
)


@dataclass(frozen=True)
class Moved:
    """The command was possible; this is the proposal after it."""

    proposal: Proposal


@dataclass(frozen=True)
class Denied:
    """The command is not possible now, and why."""

    kind: RefusalKind
