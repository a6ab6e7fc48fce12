"""What the cards of every chat surface have in common: how much room there is, and a few words."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Literal

from bot.card import CardView, DraftPart, HitView, LeadView, Unsupported, draft_parts
from bot.domain import Change, Citation, State
from bot.plain_text import clean
from handlers.diff import word_diff
from handlers.inert import cut, is_plain_url, one_line

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
LINK_LIMIT = 300
"""Characters of a link on a card: pages from elsewhere choose how long theirs are."""
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


def files_of(draw: Drawing, card: CardView) -> str:
    """The names of what came with the customer's words; empty where nothing did."""
    if not card.files:
        return ""
    shown = draw.most(len(card.files), 5)
    names = ", ".join(draw.fit_line(name, 60) or "unnamed" for name in card.files[:shown])
    more = f" and {len(card.files) - shown} more" if shown < len(card.files) else ""
    return f"📎 {names}{more} (not read)"


# --- the draft --------------------------------------------------------------------------------


_REPLIED: frozenset[State] = frozenset({"approved", "executing", "succeeded", "answered"})


@dataclass(frozen=True)
class Draft:
    """The reply as far as there is room for it, in parts that are marked alike."""

    title: str
    parts: list[DraftPart]
    length: int | None
    """Of the whole draft in characters, where this is only its beginning."""
    warning: str
    """What stands after the word *Unsupported*; empty where nothing is."""


def fitted_draft(draw: Drawing, card: CardView) -> Draft | None:
    """The draft, with what is unsupported or was found by the screen marked in it; None: the card
    has none."""
    if card.draft is None:
        return None
    shown, was_cut = cut(card.draft, draw.room.draft)
    draw.shortened = draw.shortened or was_cut
    history = card.state in VOID
    unsupported, hits = ((), ()) if history else (card.unsupported, card.hits)
    ordered = sorted(unsupported, key=lambda passage: (passage.start, passage.end))
    marked = draw.most(len(ordered), draw.room.marks)
    found = draw.most(len(hits), max(draw.room.marks, 3))
    return Draft(
        title="Reply" if card.state in _REPLIED else "Draft reply",
        parts=list(draft_parts(shown, ordered[:marked], hits[:found])),
        length=len(card.draft) if was_cut else None,
        warning=_warning(unsupported),
    )


def _warning(passages: tuple[Unsupported, ...]) -> str:
    if not passages:
        return ""
    sentences = sum(passage.kind == "sentence" for passage in passages)
    values = len(passages) - sentences
    named = []
    if sentences:
        count = "1 sentence" if sentences == 1 else f"{sentences} sentences"
        named.append(f"{count} without a source")
    if values:
        count = "1 figure or name" if values == 1 else f"{values} figures or names"
        named.append(f"{count} found nowhere")
    return f": {' and '.join(named)}. Check before you approve."


@dataclass(frozen=True)
class Hit:
    """What the screen found, each word of it fitted."""

    name: str
    where: str
    passage: str
    hint: str


def hit_of(draw: Drawing, hit: HitView) -> Hit:
    return Hit(
        name=one_line(hit.line)[:88],
        where=f" in {draw.fit_line(hit.where, 80)}" if hit.where else "",
        passage=draw.fit_line(hit.text, draw.room.line) or "(empty)",
        hint=f" ({draw.fit_line(hit.hint, draw.room.line)})" if hit.hint.strip() else "",
    )


def source_of(draw: Drawing, citation: Citation) -> tuple[str, str, str | None]:
    """A source's title, its quote in quotation marks, and its address where it may be a link."""
    title = draw.fit_line(citation.title or citation.article, 120) or "untitled"
    quote = f"“{draw.fit_line(citation.quote, draw.room.citation)}”"
    url = citation.url
    return title, quote, url if url and is_plain_url(url) and len(url) <= LINK_LIMIT else None


def nothing_follows(card: CardView) -> str:
    """What an approval of a card without actions does."""
    if card.lead is not None:
        return "On approval: nothing is written."
    return "On approval: nothing is sent; the labels and the route are kept."


# --- what an edit changed ---------------------------------------------------------------------

Kind = Literal["same", "removed", "added"]


def change_of(draw: Drawing, change: Change) -> tuple[str, list[tuple[Kind, str]]]:
    """The field's name, and how its words differ, as far as there is room for them."""
    name = draw.fit_line(change.field.replace("_", " "), 80) or "–"
    made: list[tuple[Kind, str]] = []
    left = draw.room.change
    for piece in word_diff(change.before, change.after):
        words = clean(piece.text)
        if not words:
            continue
        if left <= 0 or len(made) > 40:
            draw.shortened = True
            made.append(("same", " …"))
            break
        shown = draw.fit(words, left)
        left -= len(shown)
        made.append((piece.kind, shown))
    return f"{name[0].upper()}{name[1:]}: ", made or [("same", "(empty)")]


def lead_lines(lead: LeadView) -> list[str]:
    """A lead in plain lines, for where there is no markup. Texts stay raw."""
    lines = [lead.note] if lead.note else []
    for row in lead.rows:
        box = "[x]" if row.chosen else "[ ]"
        present = row.absent or f"CRM: {row.present}"
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
