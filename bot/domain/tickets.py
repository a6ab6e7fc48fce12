"""What came in, from whom and where: deliveries, and the tickets that they become."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from bot.domain.answers import Ask
from bot.domain.names import Frozen, SurfaceName, addresses_in


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
    ask: Ask | None = None
    """What an ask by mention says; None: that its conversation be triaged."""
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
    ask: Ask | None = None
    """What a person asked for, where it is no conversation to be triaged. Its messages are the
    asker's own words; what others write in the thread is none of it."""
    lead: bool = False
    """Its words say whom to look up: it came in as a lead, by no ask."""
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
    def about(self) -> frozenset[str]:
        """Of a lead, the e-mail addresses in its words: people who have not written it."""
        if not self.lead and (self.ask is None or self.ask.verb != "enrich"):
            return frozenset()
        return addresses_in(f"{self.subject}\n{self.body}")

    @property
    def last_words_at(self) -> datetime:
        """When its author last said something."""
        return max((self.created_at, *(message.at for message in self.messages)))

    @property
    def body(self) -> str:
        """The author's words in full."""
        return "\n\n".join(message.text for message in self.messages)
