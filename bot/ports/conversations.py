"""Conversations that an ask is about: a thread, a pull request. Read only.

A reader asks anew, each time, whether the person who asks may read what they point at.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from bot.domain import Actor, Place


@dataclass(frozen=True)
class Said:
    """One message, as plain text of a stranger's."""

    link: str
    """The message's own address, as its service forms it."""
    author: str
    text: str
    at: datetime | None = None
    files: tuple[str, ...] = ()
    """Names of attachments; nobody has read them."""


@dataclass(frozen=True)
class Conversation:
    """What was said, oldest first."""

    title: str
    """What it is, in a few words: ``a Slack thread``, a pull request's title."""
    said: tuple[Said, ...]
    names: frozenset[str] = field(default_factory=frozenset)
    """Who is spoken of by name besides the authors."""
    notes: tuple[str, ...] = ()
    """What was not read of it, in words."""


@dataclass(frozen=True)
class NotShown:
    """Not to be read, or not now. ``words`` are for the asker alone, and do not tell whether what
    they may not read exists."""

    words: str


class Threads(Protocol):
    """The threads of one chat service."""

    async def locate(self, link: str) -> Place | NotShown | None:
        """Where the message of a permalink is; None: this is no permalink."""
        ...

    async def read(
        self, asker: Actor, place: Place, *, without: str | None = None
    ) -> Conversation | NotShown:
        """The thread of ``place``, if ``asker`` may read it at this moment. ``without``: the id of
        a message that is no part of it."""
        ...


class PullRequests(Protocol):
    """Pull requests of a code host."""

    def recognises(self, url: str) -> bool:
        """Whether this is the address of one."""
        ...

    async def read(self, url: str) -> Conversation | NotShown:
        """The pull request, if it is one of the operator's repositories or public."""
        ...
