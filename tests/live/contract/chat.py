"""What people do and see on a surface, in words that fit all of them.

The contract suite speaks to a ``Chat`` alone: ``SlackChat`` and ``TeamsChat`` turn it into what a
person does there, and look at every card and reply for what its own surface demands of each.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Literal, TypeVar

from bot.app import Running
from tests.live.steps import QUESTION
from tests.standins.anthropic import AnthropicStandin
from tests.standins.wire import Signal

T = TypeVar("T")

Who = str
"""A person by a short name: customer, agent (who approves billing), agent2 (by their group, and the
route refunds), manager, guest, external (of another organisation)."""
Room = str
"""Where a message stands: support (listened to), a route's room (billing, refunds, triage), or
``private:`` and a person."""
Value = str | bool | Sequence[str]
"""Of an input: a text or one choice, a box, several choices."""
ReplyFault = Literal["limited", "refused", "never came", "answer lost"]
"""What becomes of a reply on its way: later, please; no; nobody knows, and it is not there; nobody
knows, and it is."""

PATIENCE_SECONDS = 30.0


@dataclass(frozen=True)
class Said:
    """What a person wrote, and its delivery."""

    who: Who
    room: Room
    shown: Any


@dataclass(frozen=True)
class Card:
    """A card as everybody saw it at one moment."""

    id: str
    proposal: str
    revision: int
    state: str
    room: Room
    words: str
    open: bool
    """Whether it offers a decision at all."""
    shown: Any


@dataclass(frozen=True)
class View:
    """A card as one person saw it at one moment, with the buttons of that moment."""

    who: Who
    card: Card
    buttons: frozenset[str]
    """Verbs, without ``deskhand.``."""
    shown: Any


@dataclass(frozen=True)
class Form:
    """What *Edit*, *Reject* or *Approve* asks somebody."""

    view: View
    verb: str
    shown: Any


@dataclass(frozen=True)
class Reply:
    """What the customer was answered."""

    room: Room
    text: str
    under: str
    """The id of the message that it answers."""
    marks: dict[str, Any]
    """What its metadata say: proposal, revision, key."""
    by_model: bool | None
    """What it is labelled as; None where the surface has no such label."""


class Chat(ABC):
    """One surface of a running product."""

    name: str
    outsiders: ClassVar[Mapping[Who, str]]
    """Who may not decide, and words of why."""
    lost_reply: ClassVar[str]
    """What a proposal becomes whose reply is there while the answer is lost."""
    lost_card: ClassVar[int]
    """How many cards stand there in the end where the answer to posting one is lost."""

    def __init__(self, product: Running, model: AnthropicStandin, signal: Signal) -> None:
        self.product = product
        self.model = model
        self.signal = signal

    # --- writing ------------------------------------------------------------------------------

    @abstractmethod
    async def says(
        self, text: str = QUESTION, who: Who = "customer", *, under: Said | None = None
    ) -> Said:
        """Write into the room support; ``under`` another message, into its thread."""

    @abstractmethod
    async def edits(self, said: Said, text: str) -> None: ...

    @abstractmethod
    async def touches(self, said: Said) -> None:
        """Changes that arrive as edits do, and change no word."""

    @abstractmethod
    async def deletes(self, said: Said) -> None: ...

    @abstractmethod
    async def redelivers(self, said: Said) -> None:
        """The surface sends the same message again."""

    @abstractmethod
    def id_of(self, said: Said) -> str: ...

    @abstractmethod
    async def command(self, text: str, who: Who) -> str:
        """The private answer to *agent <text>*."""

    @abstractmethod
    async def asks_privately(self, text: str, who: Who) -> str:
        """The answer to words in the person's own conversation with the app."""

    # --- seeing -------------------------------------------------------------------------------

    @abstractmethod
    def cards(self, state: str | None = None) -> list[Card]:
        """Every card as it is shown now, oldest first."""

    @abstractmethod
    async def opens(self, who: Who, card: Card) -> View:
        """What this person sees of the card as it is now."""

    @abstractmethod
    def all_told(self, who: Who) -> list[str]:
        """What this person was told about their presses, in order."""

    @abstractmethod
    def replies(self) -> list[Reply]: ...

    @abstractmethod
    def reminders(self, card: Card) -> list[str]:
        """What the app said under a card that still waits."""

    @abstractmethod
    def called(self, who: Who) -> str:
        """How a person is named in words to others."""

    @abstractmethod
    def names(self, card: Card, who: Who) -> bool:
        """Whether a card names a person."""

    @abstractmethod
    def links_to(self, card: Card, other: Card) -> bool:
        """Whether a card, as it is now, links to another."""

    # --- deciding -----------------------------------------------------------------------------

    @abstractmethod
    async def press(self, view: View, verb: str, who: Who | None = None) -> Any:
        """Press a button of a view; ``who`` else presses it, with what they cannot have. What comes
        back can be pressed ``again``."""

    @abstractmethod
    async def again(self, press: Any) -> None:
        """The surface sends the same press again."""

    @abstractmethod
    async def form(self, who: Who, card: Card, verb: str) -> Form:
        """Open the form that the card has for ``verb`` now."""

    @abstractmethod
    async def submit(self, form: Form, **values: Value) -> str:
        """Send a form, with these inputs changed. What stands against it, in words, if anything."""

    @abstractmethod
    def forms_opened(self) -> int:
        """How often somebody was shown a form apart from its card."""

    # --- what fails ---------------------------------------------------------------------------

    @abstractmethod
    def nobody_can_be_looked_up(self) -> list[Callable[[], Callable[[], None]]]:
        """Faults of the directory: each begins it, and gives what ends it."""

    @abstractmethod
    def no_group_can_be_looked_up(self) -> Callable[[], None]: ...

    @abstractmethod
    def lose_reply(self, how: ReplyFault) -> None: ...

    @abstractmethod
    def lose_card(self) -> None:
        """The next card is posted, and the answer lost."""

    @abstractmethod
    def refuse_cards_in(self, *rooms: Room) -> None: ...

    @abstractmethod
    def delete_card(self, card: Card) -> None: ...

    @abstractmethod
    async def meets(self, who: Who) -> None:
        """The person has had to do with the app before, where it may write to nobody else."""

    # --- what all of that comes to ------------------------------------------------------------

    async def until(
        self,
        look: Callable[[], T | None],
        timeout: float = PATIENCE_SECONDS,
        what: Callable[[], str] = lambda: "the condition",
    ) -> T:
        """What ``look`` finds, as soon as it finds something."""
        return await self.signal.until(look, timeout=timeout, what=what)

    async def card(
        self, state: str = "pending", *, but: Card | None = None, room: Room | None = None
    ) -> Card:
        """The first card that shows ``state``; of another proposal than ``but``'s."""

        def look() -> Card | None:
            for card in self.cards(state):
                if (but is None or card.proposal != but.proposal) and room in (None, card.room):
                    return card
            return None

        return await self.until(look, what=lambda: f"{state} in {room}, not {self.cards()}")

    def now(self, card: Card) -> Card:
        """The same card as it is shown now."""
        return next(one for one in self.cards() if one.id == card.id)

    async def becomes(
        self, card: Card, state: str, revision: int | None = None, says: str = ""
    ) -> Card:
        """The card once it shows this."""

        def look() -> Card | None:
            now = self.now(card)
            is_it = now.state == state and revision in (None, now.revision) and says in now.words
            return now if is_it else None

        return await self.until(
            look, what=lambda: f"{state} {revision or ''} {says}, not {self.now(card)}"
        )

    async def pending(self, text: str = QUESTION) -> Card:
        """The card of a customer's message."""
        await self.says(text)
        return await self.card()

    async def decide(self, who: Who, card: Card, verb: str) -> View:
        """Look at the card, and press a button of it."""
        view = await self.opens(who, card)
        await self.press(view, verb)
        return view

    async def told(self, who: Who, words: str) -> str:
        """What this person was told that contains ``words``."""
        return await self.until(
            lambda: next((one for one in self.all_told(who) if words in one), None),
            what=lambda: f"{words!r} told to {who}, not {self.all_told(who)}",
        )
