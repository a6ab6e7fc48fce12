"""The words of Deskhand as frozen types: what came in, what is proposed, who decides.

Nothing here does I/O, reads a clock or knows a surface's SDK. Every time is aware UTC, every sum
of money is a ``Decimal`` in US dollars, every duration carries its unit in its name.
"""

from __future__ import annotations

import base64
import secrets
from datetime import datetime
from decimal import Decimal
from typing import Literal

from pydantic import BaseModel, ConfigDict, JsonValue

REPLY_LIMIT = 3000
"""Characters in a reply, everywhere: schema, modal, card. Slack's modal input is what bounds it."""

REASON_LEAST, REASON_LIMIT = 3, 500
"""Characters in the reason for approving what the screen has found."""

SurfaceName = Literal["slack", "teams", "webhook", "terminal", "console"]
"""slack, teams: chat. webhook: a signed HTTP intake. terminal: the demo. console: the web page."""

Confidence = Literal["low", "medium", "high"]
"""low: a guess. medium: likely. high: meant to be right 95 times in a hundred."""

State = Literal[
    "drafting",
    "handoff",
    "pending",
    "approved",
    "executing",
    "succeeded",
    "failed",
    "unknown",
    "rejected",
    "expired",
    "superseded",
]
"""
drafting: a run works on it; nothing to decide yet.
handoff: the run stopped; a person takes it, writes by hand or closes it.
pending: a proposal waits for a decision on its current revision.
approved: a decision is recorded; the next action may be claimed.
executing: one action is claimed; its effect may be on the way.
succeeded: every included action succeeded (or there was none).
failed: an action was refused before it had an effect.
unknown: an action may or may not have had its effect; a person or a look-up settles it.
rejected, expired, superseded: final, nothing was or will be done.
"""

FINAL_STATES: frozenset[State] = frozenset({"rejected", "expired", "superseded", "succeeded"})
"""States that no command leaves."""

WAITING_STATES: frozenset[State] = frozenset({"handoff", "pending"})
"""States in which a person is waited for."""

ActionStatus = Literal["waiting", "executing", "succeeded", "failed", "unknown"]
"""Of one action: not begun, claimed, receipt saved, refused before the effect, cannot be known."""

HandoffReason = Literal["steps", "money", "time", "refusal", "model", "no_source", "fault"]
"""
steps, money, time: that limit of the run was reached.
refusal: the model refused. model: it could not be reached or gave nothing usable.
no_source: nothing was found to answer from. fault: the run died three times.
"""

OnHit = Literal["reason", "second"]
"""What an approval needs where the screen has found something. reason: each approver writes why.
second: a second approver."""

Verb = Literal["approve", "edit", "reject", "take", "retry", "settle_done", "settle_retry"]
"""What a button asks for. settle_done: it arrived. settle_retry: it did not, send again."""

RejectReason = Literal[
    "wrong_label",
    "wrong_route",
    "wrong_facts",
    "wrong_tone",
    "not_a_request",
    "duplicate",
    "other",
]
"""Why a person rejected a draft; the words beside it are theirs."""


def new_id(prefix: str) -> str:
    """A new id: ``prefix``, an underscore and 80 random bits in lower-case base 32."""
    return f"{prefix}_{base64.b32encode(secrets.token_bytes(10)).decode().lower()}"


class Frozen(BaseModel):
    """A value: immutable, compared by content, unknown keys refused."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Place(Frozen):
    """Where a conversation or a message is, in its surface's own ids.

    ``place`` is the Slack channel, the Teams conversation, the webhook's name or ``outbox``;
    ``thread`` the root of the thread (a Slack ``ts``, a webhook ticket's id);
    ``message`` one message in it.
    """

    surface: SurfaceName
    place: str
    thread: str | None = None
    message: str | None = None

    @property
    def key(self) -> str:
        """What tells this conversation from every other one of the tenant."""
        return f"{self.surface}:{self.place}:{self.thread or ''}"


class Actor(Frozen):
    """Who did something, as the verified signature or token says; never as a card says."""

    surface: SurfaceName
    team: str
    id: str

    @property
    def key(self) -> str:
        return f"{self.surface}:{self.team}:{self.id}"


class Person(Frozen):
    """An actor as the surface's directory knows them at this moment."""

    actor: Actor
    name: str
    email: str | None = None
    standing: Literal["member", "guest", "external", "bot", "deleted"]
    """member: active, human, full. guest: restricted. external: another team's. The rest: named."""


class Author(Frozen):
    """Whose words a ticket is made of. ``id`` is the surface's id, or the webhook's author id."""

    surface: SurfaceName
    id: str
    name: str = ""
    email: str | None = None
    team: str = ""

    @property
    def key(self) -> str:
        return f"{self.surface}:{self.team}:{self.id}"

    @property
    def names(self) -> frozenset[str]:
        """What this person may be asked for by: a chat's user id, ``{webhook}:{author.id}``, an
        e-mail address in small letters."""
        ident = f"{self.team}:{self.id}" if self.surface == "webhook" else self.id
        return frozenset(
            name for name in (ident if self.id else "", (self.email or "").casefold()) if name
        )


class Message(Frozen):
    """One message of a conversation, as plain text."""

    id: str
    author: Author
    text: str
    at: datetime
    files: tuple[str, ...] = ()
    """Names of attachments; nobody has read them."""


class Delivery(Frozen):
    """One verified event as it came in, durable before it is answered.

    ``id`` and ``aliases`` are what deduplicates: any of them seen before makes it a duplicate.
    """

    id: str
    aliases: tuple[str, ...] = ()
    kind: Literal["message", "edit", "delete", "ask"]
    """message: new words. edit, delete: of an earlier message. ask: a mention or shortcut."""
    playbook: str | None = None
    """The playbook that listens there; None where only an earlier ticket's thread is followed."""
    origin: Place
    author: Author
    asker: Actor | None = None
    """Who asked, for an ask; the author stays whose words are answered."""
    subject: str = ""
    text: str = ""
    files: tuple[str, ...] = ()
    thread: tuple[Message, ...] = ()
    """Earlier messages of the conversation, oldest first."""
    follows: tuple[str, ...] = ()
    """Ids or aliases of the messages that come before it: its thread's root, and the message that
    it changes. It may be looked at before they are worked in."""
    url: str | None = None
    received_at: datetime
    trace_id: str = ""
    """32 hexadecimal digits: the trace that this delivery begins."""
    link: str | None = None
    """An incoming ``traceparent``, kept as a link."""


class Ticket(Frozen):
    """What came in: one customer's words, from one origin, and where its answer goes."""

    id: str
    tenant: str
    playbook: str
    origin: Place
    author: Author
    asker: Actor | None = None
    also_asked: tuple[Actor, ...] = ()
    """Others who have asked for it since."""
    subject: str = ""
    messages: tuple[Message, ...]
    """The author's words, oldest first; an edit replaces its message, and a deletion removes it:
    when the last one is deleted, nothing is left."""
    thread: tuple[Message, ...] = ()
    """What others said before, oldest first: context, not the request."""
    url: str | None = None
    created_at: datetime
    generation: int = 1
    """Rises with each newer customer message; a run of an earlier generation is void."""
    proposal: str | None = None
    """The latest proposal (drafting included)."""
    runs: int = 0
    colleague_replied: bool = False
    """A person other than the author has answered in its thread; noticed once a proposal."""
    trace_id: str = ""
    erased: bool = False
    """Its words, and whose they were, are gone for good; ids, times and figures stay."""

    @property
    def askers(self) -> tuple[Actor, ...]:
        """Everyone who has asked for it to be answered."""
        return ((self.asker,) if self.asker is not None else ()) + self.also_asked

    @property
    def people(self) -> frozenset[Author]:
        """Everyone whose words stand in it."""
        return frozenset((self.author, *(one.author for one in (*self.messages, *self.thread))))

    @property
    def last_words_at(self) -> datetime:
        """When its author last said something."""
        return max((self.created_at, *(message.at for message in self.messages)))

    @property
    def body(self) -> str:
        """The author's words in full."""
        return "\n\n".join(message.text for message in self.messages)


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
    hits: tuple[Hit, ...] = ()
    """What the screen found in the content; the digest covers it."""
    on_hit: OnHit = "reason"
    """What an approval needs where there are hits."""
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
    def asks_why(self) -> bool:
        """Whether an approval must give a reason."""
        return bool(self.hits) and self.on_hit == "reason"

    @property
    def hit_names(self) -> tuple[str, ...]:
        """What the screen has found, each name once, by its first place."""
        return tuple(dict.fromkeys(hit.name for hit in self.hits))


class Copy(Frozen):
    """One card message on a surface. ``version`` is the proposal's version that it shows."""

    place: Place
    """The message, once posted; before that, where it is to go."""
    room: str
    """What was asked for: a channel, or a person where no channel takes the card."""
    status: Literal["posting", "posted", "gone", "refused"]
    """
    posting: a post is on the way or lost. posted: it is there.
    gone: nothing is there (any more), so another is posted where the proposal needs one.
    refused: the surface will not have it posted, found or changed; nothing more is tried here.
    """
    since: datetime
    version: int = -1
    main: bool = True
    """Carries the buttons; at most one a channel does."""
    attempts: int = 0
    """Posts announced, or redraws and look-ups that failed, since it last went well."""
    again_at: datetime | None = None
    """Not tried again before then."""
    error: str | None = None


class Board(Frozen):
    """Every copy of a proposal's card, and what is shown on the customer's own message."""

    proposal: str
    copies: tuple[Copy, ...] = ()
    status_line: Place | None = None
    status_text: str = ""
    reaction: Literal["", "working", "done", "refused", "unsure"] = ""
    progress_tries: int = 0
    """How often in a row the customer's side could not be shown how far it is."""
    progress_again_at: datetime | None = None
    """Not tried again before then."""
