"""What the local model's brain says: a guess of what a ticket is; a draft, or why there is none."""

from __future__ import annotations

from dataclasses import dataclass

from bot.domain import Confidence


@dataclass(frozen=True)
class Guess:
    """What kind of ticket it is. Each name is one of the playbook's."""

    labels: tuple[str, ...]
    priority: str | None
    route: str
    confidence: Confidence
    reason: str
    is_request: bool = True
    in_scope: bool = True
    """False: it is like nothing that is known, and the labels are a guess."""
    others: tuple[tuple[str, str], ...] = ()
    """The labels that were not chosen, likeliest first, each with its route."""


@dataclass(frozen=True)
class LocalDraft:
    """A reply made of an article's own sentences, and those sentences as (article id, quote)."""

    reply: str
    quotes: tuple[tuple[str, str], ...]
    sure: bool = True
    """False: an article fits, but not without doubt, or a question stays open."""
    missing: tuple[str, ...] = ()
    """What it leaves unanswered, in words."""
    agrees: bool = False
    """What it quotes is labelled like the ticket."""
    note: str = ""
    """What the person who decides should know of how it came about."""


@dataclass(frozen=True)
class NoDraft:
    """No reply, and why, in words for the person who takes over."""

    why: str
