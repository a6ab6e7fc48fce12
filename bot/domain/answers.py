"""What an ask by mention is answered with. Every quote and link in it has been checked."""

from __future__ import annotations

from typing import Literal

from bot.domain.names import Frozen

AskVerb = Literal["enrich", "triage", "summarize", "research", "screen"]
"""What a mention asks for, by its first word."""


class Passage(Frozen):
    """Of ``research``: a place in a file that answers. ``quote`` stands there verbatim."""

    file: str
    """Relative to the corpus's folder."""
    page: int | None
    """From 1; None where the format has none."""
    quote: str
    """At most 400 characters."""
    why: str


class Verdict(Frozen):
    """Of ``screen``: what one rule of the checklist comes to."""

    id: str
    rule: str
    """The rule's own words."""
    verdict: Literal["pass", "fails", "cannot_tell"]
    quote: str | None
    """The passage it rests on, verbatim; None where there is none."""
    why: str


class Item(Frozen):
    """Of ``summary``: one thing that a thread came to, with the message that says so."""

    kind: Literal["changed", "decided", "open", "owes"]
    who: str
    words: str
    link: str


class Answer(Frozen):
    """The whole answer to one ask. Nothing in it asks for a decision."""

    kind: Literal["research", "screen", "summary"]
    passages: tuple[Passage, ...] = ()
    verdicts: tuple[Verdict, ...] = ()
    items: tuple[Item, ...] = ()
    notes: tuple[str, ...] = ()
    """What its reader should know besides: files not read, quotes that were struck."""
    private: bool = False
    """For the asker alone: it is drawn from elsewhere, or others read where it was asked."""

    @property
    def size(self) -> int:
        """Of how many passages, rules or items it is made."""
        return len(self.passages) + len(self.verdicts) + len(self.items)


class Ask(Frozen):
    """What a person asked for by a mention, as its grammar reads it."""

    verb: AskVerb | None = None
    """None: free words, whose meaning is to be found out."""
    words: str = ""
    """What follows the verb, as plain text; empty where the thread is meant."""
    count: int | None = None
    """``research -n N``."""
    message: str | None = None
    """The asking message, in its surface's own id: it is no part of what is asked about."""
    guests: bool = False
    """Guests or people of other organisations read where it was asked."""
