"""Lines of words with persons in them, on a Slack card."""

from __future__ import annotations

import re

from bot.card import Who, Words
from handlers import slack_inert as text
from handlers.drawing import Drawing
from handlers.slack_inert import Json

PERMALINK = re.compile(
    r"https://[a-z0-9.-]+\.slack\.com/archives/[A-Z0-9]+/p\d+(\?thread_ts=[\d.]+&cid=[A-Z0-9]+)?"
)
"""A Slack message's own address, as ``chat.getPermalink`` forms it."""


def lines_of(
    draw: Drawing, lines: tuple[Words, ...], *, receipts: bool = False
) -> list[list[Json]]:
    shown = draw.most(len(lines), draw.room.lines)
    made = [words_of(draw, line, receipts=receipts) for line in lines[:shown]]
    if shown < len(lines):
        made.append([text.leaf(f"and {len(lines) - shown} more", italic=True)])
    return made


def words_of(draw: Drawing, words: Words, *, receipts: bool = False) -> list[Json]:
    """``receipts``: a Slack message's address is shown as a link to it, for it is long."""
    made: list[Json] = []
    left = draw.room.line
    for part in words:
        if left <= 0:
            draw.shortened = True
            made.append(text.leaf("…"))
            break
        if isinstance(part, Who):
            left -= 20
            made.append(person(part))
        else:
            found = PERMALINK.search(part) if receipts else None
            before, after = (part[: found.start()], part[found.end() :]) if found else (part, "")
            shown = draw.fit(before, left)
            made += text.leaves(shown, linked=True)
            if found:
                made.append(text.link(found.group(), "see the message"))
                rest = draw.fit(after, max(left - len(shown), 1))
                made += text.leaves(rest, linked=True)
                left -= len(rest)
            left -= len(shown)
    return made or [text.leaf("–")]


def person(who: Who) -> Json:
    """A person: themselves on their own surface, by name and surface elsewhere."""
    if who.actor.surface == "slack" and text.is_user_id(who.actor.id):
        return {"type": "user", "user_id": who.actor.id}
    name = text.one_line(who.name)[:80] or "somebody"
    where = {"slack": "Slack", "teams": "Teams", "console": "the console"}.get(who.actor.surface)
    return text.leaf(f"{name} in {where}" if where else name)


def broken(lines: list[list[Json]]) -> list[list[Json]]:
    """Lines as sections of one block, where each but the last must end its own line."""
    return [
        [*line, text.leaf("\n")] if number + 1 < len(lines) else line
        for number, line in enumerate(lines)
    ]


def heading(draw: Drawing, words: str) -> Json:
    """The bold title of a part, with a blank line before it but at the top of a section."""
    top = bool(draw.blocks) and draw.blocks[-1]["type"] == "divider"
    return text.leaf(words if top else f"\n{words}", bold=True)
