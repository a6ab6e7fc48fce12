"""The whole text of a card in as many private messages as it takes: what *Show all* gives.

A card may have to leave words out (``Drawing.shortened``); whoever decides can read all that their
decision covers here (invariant 5). Nothing in these messages can be pressed.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from bot.card import STATE_WORDS, CardView
from bot.plain_text import clean
from handlers.drawing import lead_lines
from handlers.teams_card import plain_card
from handlers.teams_inert import Json, bold, fits, line, runs, unmarked, words_text

_PIECE: Final = 3500
"""Characters of one block: four bytes each, they leave room for the rest of a message."""


def whole_activities(card: CardView) -> list[Json]:
    """Every text of the card in full, as messages that each fit, in reading order."""
    made: list[Json] = []
    body: list[Json] = []
    for block in _blocks(card):
        if body and not fits(_message(card, [*body, block], 99, 99)):
            made.append(_message(card, body, 0, 0))
            body = []
        body.append(block)
    bodies = [one["attachments"][0]["content"]["body"][1:] for one in made] + [body]
    return [_message(card, one, number, len(bodies)) for number, one in enumerate(bodies, 1)]


def _message(card: CardView, body: list[Json], number: int, of: int) -> Json:
    title = f"The whole card, {number} of {of}" if of > 1 else "The whole card"
    head = line(bold(title, size="Medium"))
    return plain_card([head, *body], title, (unmarked(card.headline, 200),))


def _blocks(card: CardView) -> Iterator[Json]:
    for title, text in _texts(card):
        words = clean(text).strip("\n")
        if not words.strip():
            continue
        head, *rest = _pieces(words)
        items = [line(bold(title)), line(runs(head), spacing="Small")]
        yield {"type": "Container", "items": items, "separator": True, "spacing": "Medium"}
        for piece in rest:
            yield line(runs(piece), spacing="None")


def _pieces(words: str) -> Iterator[str]:
    """``words`` in pieces that each fit into a block, parted at the end of a line or a word."""
    begin = 0
    while len(words) - begin > _PIECE:
        lowest, highest = begin + _PIECE // 2, begin + _PIECE
        at = words.rfind("\n", lowest, highest) + 1 or words.rfind(" ", lowest, highest) + 1
        at = at or highest
        yield words[begin:at]
        begin = at
    yield words[begin:]


def _texts(card: CardView) -> Iterator[tuple[str, str]]:
    yield "State", f"{STATE_WORDS[card.state]} ({card.state}), revision {card.revision}"
    yield "Intent", card.headline
    for words in card.outcome:
        yield "Outcome", words_text(words)
    for words in card.notices:
        yield "Notice", words_text(words)
    if card.handoff:
        handoff = card.handoff
        yield "Why a person is needed", f"{handoff.words} ({handoff.reason})"
        yield "Tried", "\n".join(handoff.tried)
        yield "Found", "\n".join(handoff.found)
        yield "Missing", "\n".join(handoff.missing)
        yield "Who could take it", words_text(handoff.who)
    if card.lead is not None:
        yield "Lead", "\n".join(lead_lines(card.lead))
    yield "Labels", ", ".join(card.labels)
    yield "Route", card.route
    yield "Priority", card.priority or ""
    yield "Why", card.why
    yield "Subject", card.subject
    yield "The customer's words", card.quote
    yield "Files, not read", "\n".join(card.files)
    if card.draft is not None:
        yield "Reply, word for word", card.draft
    yield "Unsupported passages", "\n".join(f"• {one.text}" for one in card.unsupported)
    for change in card.changes:
        yield f"Changed: {change.field[:80]}, before", change.before
        yield f"Changed: {change.field[:80]}, after", change.after
    for action in card.actions:
        left_out = "" if action.included else " (left out)"
        yield f"Action {action.index + 1}{left_out}", f"{action.tool} → {action.target}"
        for name, value in action.args:
            yield f"Action {action.index + 1}: {name[:80]}", value
        yield f"Action {action.index + 1}: what became of it", words_text(action.status)
    for cited in card.citations:
        found = "" if cited.supported else " (unsupported)"
        url = f"\n{cited.url}" if cited.url else ""
        yield f"Source{found}", f"{cited.title or cited.article}\n“{cited.quote}”{url}"
