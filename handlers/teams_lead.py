"""A lead's fields as Adaptive Card elements: what is proposed, what the CRM holds, and why."""

from __future__ import annotations

from typing import Final

from bot.card import CardView, LeadRow, LeadView
from handlers.drawing import DOTS, LINK_LIMIT, VOID, Drawing
from handlers.inert import is_plain_url
from handlers.teams_inert import Json, bold, heading, line, link, runs, words_text
from handlers.teams_parts import container

_ROWS: Final = 30
_ROOMY: Final = 4
"""Fields of a room from which on all rows are drawn, however short."""


def lead(draw: Drawing, card: CardView) -> None:
    """The table of fields, and what the run could not read."""
    shown = card.lead
    if shown is None:
        return
    items = [heading(_title(shown))]
    if shown.note:
        items.append(line(runs(shown.note[0].upper() + shown.note[1:], isSubtle=True)))
    limit = _ROWS if draw.room.fields >= _ROOMY else draw.room.fields
    rows = shown.rows[: draw.most(len(shown.rows), limit)]
    for row in rows:
        items.append(_field(draw, row))
        if card.state not in VOID:
            items.append(_source(draw, row))
    if len(rows) < len(shown.rows):
        items.append(line(runs(f"and {len(shown.rows) - len(rows)} more", isSubtle=True)))
    if shown.same:
        items.append(line(bold("In the CRM already: "), runs(", ".join(shown.same))))
    for title, lines in (("Not read", shown.missed), ("Struck", shown.struck)):
        count = draw.most(len(lines), max(draw.room.lines, 1)) if lines else 0
        for one in lines[:count]:
            fitted = draw.fit_line(one, draw.room.line) or "–"
            items.append(line(bold(f"{title}: "), runs(fitted), spacing="Small"))
    draw.add(container(items, spacing="Medium"))


def _title(shown: LeadView) -> str:
    what = "Company" if shown.kind == "company" else "Person"
    return f"{what}: {shown.chosen} of {len(shown.rows)} fields chosen" if shown.rows else what


def _field(draw: Drawing, row: LeadRow) -> Json:
    box = "☑" if row.chosen else "☐"
    value = draw.fit_line(row.proposed, draw.room.field_value) or "(empty)"
    present = row.absent
    if not present:
        present = f"CRM: {draw.fit_line(row.present or '', draw.room.field_value) or '(empty)'}"
    return line(
        bold(f"{box} {row.title}: "), runs(value), runs(f"  · {present}", isSubtle=True),
        spacing="Small",
    )  # fmt: skip


def _source(draw: Drawing, row: LeadRow) -> Json:
    parts: list[Json] = []
    if row.quote:
        quote = draw.fit_line(row.quote, draw.room.citation)
        parts += runs(f"“{quote}” ", isSubtle=True)
    if row.url and is_plain_url(row.url) and len(row.url) <= LINK_LIMIT:
        parts.append(link(row.url))
    else:
        parts += runs(words_text(row.source), isSubtle=True)
    tail = [part for part in (f"seen {row.seen}" if row.seen else "",) if part]
    if row.confidence:
        tail.append(f"{DOTS.get(row.confidence, '')} {row.confidence}")
    if tail:
        parts += runs(f" · {' · '.join(tail)}", isSubtle=True)
    return line(parts, spacing="None")
