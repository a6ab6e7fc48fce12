"""What the cards of every chat surface have in common: how much room there is, and a few words."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from bot.card import CardView, LeadView
from bot.domain import State
from bot.plain_text import clean
from handlers.inert import cut, one_line

STATE_SIGNS: dict[State, str] = {
    "drafting": "✏️",
    "handoff": "🙋",
    "pending": "🔵",
    "approved": "👍",
    "executing": "⏳",
    "succeeded": "✅",
    "failed": "❌",
    "unknown": "❓",
    "rejected": "🚫",
    "expired": "⌛",
    "superseded": "↪️",
    "answered": "💬",
}

DECIDED: frozenset[State] = frozenset({"approved", "executing", "succeeded", "failed", "unknown"})
"""States in which what an approval sets off has been set off."""
VOID: frozenset[State] = frozenset({"rejected", "expired", "superseded"})
"""States in which a draft is history: what it rests on and what it would do are left out."""
DOTS = {"low": "●○○", "medium": "●●○", "high": "●●●"}


@dataclass(frozen=True)
class Room:
    """How many characters, or items, each part may take."""

    quote: int
    draft: int
    why: int
    chips: int
    """Labels, in characters."""
    marks: int
    citations: int
    citation: int
    changes: int
    change: int
    actions: int
    fields: int
    field_value: int
    lines: int
    """Lines of each list: notices, outcome, tried, found, missing."""
    line: int


@dataclass
class Drawing:
    """Parts as they are drawn; ``shortened`` once something did not fit."""

    room: Room
    shortened: bool = False
    blocks: list[dict[str, Any]] = field(default_factory=list)

    def fit(self, words: str, limit: int) -> str:
        shown, was_cut = cut(clean(words), limit)
        self.shortened = self.shortened or was_cut
        return shown

    def fit_line(self, words: str, limit: int) -> str:
        return self.fit(one_line(words), limit)

    def most(self, count: int, limit: int) -> int:
        """How many of ``count`` items are shown."""
        self.shortened = self.shortened or count > limit
        return min(count, limit)

    def add(self, block: dict[str, Any]) -> None:
        self.blocks.append(block)


def labels_of(draw: Drawing, labels: tuple[str, ...]) -> str:
    """Labels in one line, as many as there is room for."""
    shown: list[str] = []
    for label in labels:
        name = draw.fit_line(label, 80) or "–"
        if shown and sum(map(len, shown)) + len(name) > draw.room.chips:
            break
        shown.append(name)
    missing = len(labels) - len(shown)
    draw.shortened = draw.shortened or missing > 0
    return (", ".join(shown) or "none") + (f" and {missing} more" if missing else "")


def author_of(card: CardView) -> str:
    """The author by name and address, as far as known."""
    name = one_line(card.author.name)[:80]
    email = one_line(card.author.email or "")[:80]
    return (f"{name} ({email})" if email else name) if name else email or "The customer"


def lead_lines(lead: LeadView) -> list[str]:
    """A lead in plain lines, for where there is no markup. Texts stay raw."""
    lines = [lead.note] if lead.note else []
    for row in lead.rows:
        box = "[x]" if row.chosen else "[ ]"
        present = "empty in the CRM" if row.present is None else f"CRM: {row.present}"
        source = "".join(one if isinstance(one, str) else one.name for one in row.source)
        lines.append(f"{box} {row.title}: {row.proposed} ({present}; {source})")
    if lead.same:
        lines.append(f"In the CRM already: {', '.join(lead.same)}")
    lines += [f"Not read: {line}" for line in lead.missed]
    lines += [f"Struck: {line}" for line in lead.struck]
    return lines


def cost(usd: Decimal) -> str:
    """A sum as a person reads it: cents, or as many digits as show that it is not nothing."""
    if usd == 0:
        return "no cost"
    return f"${usd:.2f}" if usd >= Decimal("0.1") else f"${usd:.4f}"
