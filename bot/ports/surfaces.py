"""Where cards are shown, who people are, and what presses and forms come to.

Errors are a small family, because *sent*, *not sent* and *cannot know* lead to different acts.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, Protocol

from bot import domain
from bot.card import CardView, Words
from bot.domain import (
    Actor,
    Delivery,
    Message,
    Person,
    Place,
    SurfaceName,
    Verb,
)
from bot.forms import (
    ApproveInput,
    EditInput,
    FieldErrors,
    NotDecided,
    Pressed,
    RejectInput,
    Seen,
    Submitted,
)


class SurfaceError(Exception):
    """A call to a surface without success; see the subclasses for what is known."""


class NotPosted(SurfaceError):
    """Certainly not there. ``final``: trying again is useless (no such channel, not a member)."""

    def __init__(self, words: str, *, final: bool, retry_after_seconds: float | None = None):
        super().__init__(words)
        self.final = final
        self.retry_after_seconds = retry_after_seconds


class MaybePosted(SurfaceError):
    """The answer was lost: look it up before anything is posted again."""


class NotRead(SurfaceError):
    """A conversation could not be read. ``final``: asking again is useless."""

    def __init__(self, words: str, *, final: bool, retry_after_seconds: float | None = None):
        super().__init__(words)
        self.final = final
        self.retry_after_seconds = retry_after_seconds


class MessageGone(SurfaceError):
    """The message to update has been deleted."""


@dataclass(frozen=True)
class Progress:
    """What the customer's own message and thread show while it is worked on."""

    reaction: Literal["", "working", "done", "refused", "unsure"]
    """👀, ✅, ❌, ⏳; one at a time."""
    line: str = ""
    """Human words, edited in place; empty: no line."""
    was: Literal["", "working", "done", "refused", "unsure"] | None = None
    """The reaction that is there now. None: nobody knows, so every other one is taken off and an
    earlier line is looked for, which costs calls."""


@dataclass(frozen=True)
class Choice:
    """A button of a private line. ``token`` is opaque and all that a press may carry."""

    action: Literal["ask", "share"]
    """ask: that is what was meant. share: let others read it too, once it is approved."""
    label: str
    token: str
    about: str = ""
    """What it would do, in words beside it."""


@dataclass(frozen=True)
class Private:
    """What one person alone is told about what they asked for."""

    words: Words = ()
    about: str = ""
    """What they asked for, for where the line cannot stand in its thread."""
    answer: domain.Answer | None = None
    choices: tuple[Choice, ...] = ()


class Surface(Protocol):
    """A place where cards are shown: broadcast, update, find. Drawing only, deciding nothing."""

    @property
    def name(self) -> SurfaceName: ...

    async def post(self, place: Place, card: CardView, *, buttons: bool = True) -> Place:
        """Post a card; the answer names its message. Raises ``NotPosted``, ``MaybePosted``."""
        ...

    async def update(self, message: Place, card: CardView, *, buttons: bool = True) -> None:
        """Redraw. Raises ``MessageGone``, ``NotPosted``, ``MaybePosted``."""
        ...

    async def find(self, place: Place, proposal: str) -> Place | None:
        """Our own bot's newest card of this proposal in ``place``. Raises ``NotRead``."""
        ...

    async def progress(self, origin: Place, now: Progress, line: Place | None) -> Place | None:
        """Show how far a ticket is on the customer's message; the answer is the line's message."""
        ...

    async def conversation(self, origin: Place) -> tuple[Message, ...]:
        """The thread's messages by persons, root first, with names. Raises ``NotRead``."""
        ...

    async def note(self, message: Place, words: Words) -> None:
        """A line in the thread under a card, as a reminder is."""
        ...

    async def link(self, message: Place) -> str | None:
        """A permalink to a message."""
        ...

    async def tell(self, actor: Actor, text: str, card: CardView | None = None) -> None:
        """A private message to one person."""
        ...

    async def whisper(self, place: Place, actor: Actor, said: Private) -> None:
        """To one person alone, in the conversation where they asked; where that cannot be, in
        their own with the bot. Raises ``NotPosted``, ``MaybePosted``."""
        ...

    async def has_guests(self, place: Place) -> bool:
        """Whether guests, or people of other organisations, read what is posted there. Raises
        ``NotRead``."""
        ...


class LookUpFailed(Exception):
    """The directory did not answer: whoever it is may not decide now."""


class Directory(Protocol):
    """Who people are at this moment, on one surface."""

    async def person(self, actor: Actor) -> Person:
        """No answer older than 5 s. Raises ``LookUpFailed``."""
        ...

    async def in_groups(self, actor: Actor, groups: Sequence[str]) -> bool:
        """Whether they are in any of these groups, no answer older than 60 s. Raises
        ``LookUpFailed``."""
        ...


@dataclass(frozen=True)
class Surfaces:
    """Every surface and directory in use, by name."""

    shown: Mapping[SurfaceName, Surface] = field(default_factory=dict)
    directories: Mapping[SurfaceName, Directory] = field(default_factory=dict)


class Decisions(Protocol):
    """What a surface's handlers call when a person presses or submits. ``bot.decide`` is it."""

    async def press(self, token: str, verb: Verb, actor: Actor) -> Pressed:
        """A button. ``verb`` is the pressed button's own; a token of another verb is refused."""
        ...

    async def submit_approve(self, token: str, actor: Actor, given: ApproveInput) -> Submitted:
        """The form came back that asks why. This, and not the press before it, is the decision."""
        ...

    async def submit_edit(self, token: str, actor: Actor, given: EditInput) -> Submitted: ...

    async def submit_reject(
        self, token: str, actor: Actor, given: RejectInput | FieldErrors
    ) -> Submitted:
        """``FieldErrors``: what is wrong with the form, for one who may submit it."""
        ...

    async def show(self, proposal_id: str, actor: Actor) -> CardView | NotDecided:
        """The whole card for one who may see its texts (the route's approvers and managers)."""
        ...

    async def see(self, proposal_id: str, proof: str, actor: Actor) -> Seen | NotDecided:
        """The card as everybody in its conversation sees it, and what this person may do with it.
        ``proof`` that they were shown it: its seal, or a button's token. Only reads."""
        ...


class AskedBack(Protocol):
    """Asks that nobody could tell the meaning of, until their asker has chosen."""

    async def keep(self, token: str, delivery: Delivery) -> None:
        """From now on, and for an hour, ``token`` stands for this ask."""
        ...

    async def find(self, token: str) -> Delivery | None:
        """None: nobody made that token, or its time is over."""
        ...


class AskButtons(Protocol):
    """What a surface's handlers call when a button of a private line is pressed. The answer is
    what to tell who pressed."""

    async def chosen(self, token: str, actor: Actor) -> Words:
        """That is what was meant: it is asked for, durably."""
        ...

    async def share(self, token: str, actor: Actor) -> Words:
        """Others are to read the answer: a card asks for approval, durably."""
        ...
