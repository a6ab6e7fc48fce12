"""A lead's fields as Block Kit: what is proposed beside what the CRM holds, and why.

Everything in it comes from a stranger's pages: it stands in ``rich_text`` leaves alone, and the one
link is the address of the page itself, in its own words.
"""

from __future__ import annotations

from bot.card import CardView, LeadRow, LeadView
from handlers import slack_inert as text
from handlers.drawing import DOTS, VOID, Drawing
from handlers.slack_inert import Json
from handlers.slack_room import heading, words_of

CHOSEN, NOT_CHOSEN = "☑", "☐"
_ROWS = 30
_ROOMY = 4
"""Fields of a room from which on all rows are drawn, however short."""
_URL = 160
"""Characters of an address that is shown as a link; a longer one is words."""


def lead(draw: Drawing, card: CardView) -> None:
    """The table of fields, and what the run could not read."""
    shown = card.lead
    if shown is None:
        return
    parts = [text.section(heading(draw, _title(shown)))]
    if shown.note:
        note = shown.note[0].upper() + shown.note[1:]
        parts.append(text.bullets([[text.leaf(note, italic=True)]]))
    limit = _ROWS if draw.room.fields >= _ROOMY else draw.room.fields + 1
    rows = shown.rows[: draw.most(len(shown.rows), limit)]
    for row in rows:
        parts.append(text.bullets([_field(draw, row)]))
        if card.state not in VOID:
            parts.append(text.bullets([_source(draw, row)], indent=1))
    if len(rows) < len(shown.rows):
        more = f"and {len(shown.rows) - len(rows)} more"
        parts.append(text.bullets([[text.leaf(more, italic=True)]]))
    same = (", ".join(shown.same),) if shown.same else ()
    lists = (("In the CRM already", same), ("Not read", shown.missed), ("Struck", shown.struck))
    for title, lines in lists:
        if lines:
            parts += _list(draw, title, lines)
    draw.add(text.rich(*parts))


def _title(shown: LeadView) -> str:
    what = "Company" if shown.kind == "company" else "Person"
    if not shown.rows:
        return f"{what} {shown.key}"
    return f"{what} {shown.key}: {shown.chosen} of {len(shown.rows)} fields chosen"


def _field(draw: Drawing, row: LeadRow) -> list[Json]:
    box = CHOSEN if row.chosen else NOT_CHOSEN
    made = [
        text.leaf(f"{box} {row.title}: ", bold=True),
        text.leaf(draw.fit_line(row.proposed, draw.room.field_value) or "(empty)"),
    ]
    if row.absent:
        made.append(text.leaf(f"  · {row.absent}", italic=True))
    else:
        present = draw.fit_line(row.present or "", draw.room.field_value) or "(empty)"
        made += [text.leaf("  · CRM: ", italic=True), text.leaf(present, strike=row.chosen)]
    return made


def _source(draw: Drawing, row: LeadRow) -> list[Json]:
    made: list[Json] = []
    if row.quote:
        made.append(text.leaf(f"“{draw.fit_line(row.quote, draw.room.citation)}” "))
    if row.url and text.is_plain_url(row.url) and len(row.url) <= _URL:
        made.append(text.link(row.url))
    else:
        made += words_of(draw, row.source)
    tail = [part for part in (f"seen {row.seen}" if row.seen else "",) if part]
    if row.confidence:
        tail.append(f"{DOTS.get(row.confidence, '')} {row.confidence}")
    if tail:
        made.append(text.leaf(f" · {' · '.join(tail)}"))
    return made


def _list(draw: Drawing, title: str, lines: tuple[str, ...]) -> list[Json]:
    shown = lines[: draw.most(len(lines), max(draw.room.lines, 2))]
    items = [text.leaves(draw.fit_line(line, draw.room.line) or "–") for line in shown]
    if len(shown) < len(lines):
        items.append([text.leaf(f"and {len(lines) - len(shown)} more", italic=True)])
    return [text.section(text.leaf(title, bold=True)), text.bullets(items)]
