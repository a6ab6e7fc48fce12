"""What a delivery comes to, before anything of it is saved."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from bot.card import Words
from bot.context import Context
from bot.domain import Delivery
from bot.ports import Commit, Private

_PATIENCE = timedelta(minutes=15)
"""A failure that passes is waited out for so long after the ask; then its asker is told."""
_PAUSE = (timedelta(seconds=1), timedelta(minutes=1))
"""The shortest and the longest time between two tries; each is about twice the one before."""
_ABOUT = 80
"""Characters of what was asked, where a private line must name it."""


@dataclass(frozen=True)
class Plan:
    """What a delivery comes to: a commit and words for its asker alone.

    Words that go with documents are said once those are saved, for only then are they true; words
    alone are said first, so that nobody's ask is forgotten with them unsaid."""

    commit: Commit = field(default_factory=Commit)
    answer: Private | None = None

    @property
    def only_says(self) -> bool:
        """Whether it changes no document."""
        return not (self.commit.tickets or self.commit.proposals)


@dataclass(frozen=True)
class Later:
    """Nothing yet: something fails that passes by itself. Try again then."""

    at: datetime


def has_time(context: Context, delivery: Delivery) -> bool:
    """Whether a failure that passes may still be waited out."""
    return context.clock.now() < delivery.received_at + _PATIENCE


def later(context: Context, delivery: Delivery, after_seconds: float | None = None) -> Later:
    """When to try again."""
    now = context.clock.now()
    pause = min(max(now - delivery.received_at, _PAUSE[0]), _PAUSE[1])
    if after_seconds is not None:
        pause = max(pause, timedelta(seconds=after_seconds))
    return Later(now + pause)


def private(delivery: Delivery, *words: str) -> Private:
    """A line for the asker alone, which can name what they asked for."""
    return told(delivery, words)


def told(delivery: Delivery, words: Words) -> Private:
    return Private(words, about=about(delivery))


def about(delivery: Delivery) -> str:
    """What was asked for, in so many words."""
    ask = delivery.ask
    if ask is None:
        return "triage"
    said = " ".join(" ".join(filter(None, (ask.verb, ask.words))).split())
    return said if len(said) <= _ABOUT else said[: _ABOUT - 1].rstrip() + "…"
