"""A ``CardView`` as a Slack message and as a modal, within Slack's limits whatever it holds.

A message is drawn with as much room as fits; what had to be left out opens with *Show all* in a
modal, so that a reader can always come to the whole text (invariant 5).
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from bot.card import STATE_WORDS, ButtonView, CardView
from handlers import slack_inert as text
from handlers import slack_parts as parts
from handlers.drawing import Drawing, Room, lead_lines
from handlers.slack_inert import Json
from handlers.slack_lead import lead

CARD_EVENT = "deskhand_card"
SHOW_ACTION = "deskhand.show"
SHOW_CALLBACK = "deskhand.show"

MESSAGE_CHARACTERS = 12_000
"""Of JSON in a message's blocks. Slack refuses more with ``msg_blocks_too_long``, undocumented: its
maintainers name 12,000 characters of text, users measured 13,172 of all (slackapi/bolt-js, issue
2509)."""
VIEW_BYTES = 200_000
"""Of JSON in a modal; Slack's own limit is 250 KB (views.open, ``view_too_large``)."""

_NAMES = 50
"""Names of hits in a message's metadata, of 71 characters at most; Slack takes 8 KB of it."""
_MESSAGE_ROOMS = (
    Room(quote=1500, draft=3000, why=400, chips=600, marks=20, citations=6, citation=240,
         changes=6, change=600, actions=6, fields=10, field_value=300, lines=8, line=400),
    Room(quote=800, draft=3000, why=300, chips=300, marks=12, citations=4, citation=160,
         changes=4, change=400, actions=5, fields=6, field_value=160, lines=5, line=240),
    Room(quote=400, draft=2000, why=200, chips=200, marks=8, citations=3, citation=120,
         changes=3, change=240, actions=4, fields=4, field_value=100, lines=3, line=160),
    Room(quote=200, draft=700, why=120, chips=120, marks=3, citations=2, citation=80,
         changes=2, change=80, actions=3, fields=2, field_value=40, lines=2, line=100),
    Room(quote=100, draft=200, why=60, chips=60, marks=0, citations=1, citation=40,
         changes=1, change=40, actions=2, fields=1, field_value=20, lines=1, line=60),
)  # fmt: skip
_VIEW_ROOMS = tuple(
    Room(quote=quote, draft=3000, why=2000, chips=1500, marks=marks, citations=many, citation=some,
         changes=many, change=some, actions=many, fields=many, field_value=some, lines=many,
         line=some)
    for quote, marks, many, some in (
        (40_000, 400, 100, 3000), (20_000, 100, 40, 1500), (5_000, 40, 20, 500), (1000, 10, 8, 200)
    )
)  # fmt: skip


@dataclass(frozen=True)
class CardMessage:
    """What ``chat.postMessage`` and ``chat.update`` are given."""

    text: str
    """For notifications and screen readers; holds the state's name."""
    blocks: list[Json]
    metadata: Json


def card_message(card: CardView, *, buttons: bool = True, metadata: bool = True) -> CardMessage:
    """The card as a message. Pure; takes any content."""
    return CardMessage(
        text=summary(card),
        blocks=_drawn(card, buttons=buttons),
        metadata=card_metadata(card) if metadata else {},
    )


def card_metadata(card: CardView) -> Json:
    """What look-ups find the card by, and what a program may read off it."""
    payload: Json = {"proposal": card.proposal, "revision": card.revision, "state": card.state}
    if card.hits:
        payload["hits"] = list(card.hit_names[:_NAMES])  # never the passages
    if card.approvals is not None:
        payload["approvals"] = list(card.approvals)
    return {"event_type": CARD_EVENT, "event_payload": payload}


def summary(card: CardView) -> str:
    """One line of mrkdwn without markup: what it is about and its state, by words and name."""
    words = STATE_WORDS[card.state].lower()
    state = card.state if words == card.state else f"{words} ({card.state})"
    headline, _ = text.cut(text.one_line(card.headline), 300)
    return f"{text.escape(headline)} · {state}" if headline else state


def plain_message(card: CardView, *, buttons: bool = True) -> CardMessage:
    """The card in the oldest and plainest blocks, for a workspace that refuses the others."""
    lines = [text.one_line(card.headline), f"{STATE_WORDS[card.state]} ({card.state})"]
    lines.append(f"Labels: {', '.join(card.labels) or 'none'}. Route: {card.route}.")
    for line in (*card.outcome, *card.notices):
        lines.append("".join(one if isinstance(one, str) else one.name for one in line))
    lines += [f"{action.tool} → {action.target}" for action in card.actions[:5]]
    lines += [text.one_line(line)[:300] for line in lead_lines(card.lead)] if card.lead else []
    lines += [f"{hit.line}: {text.one_line(hit.text)[:100]}" for hit in card.hits[:10]]
    sections = ["\n".join(lines), f"The customer wrote:\n{text.cut(card.quote, 1500)[0]}"]
    if card.draft is not None:
        sections.append(card.draft)
    blocks: list[Json] = [{"type": "section", "text": text.plain(one)} for one in sections]
    if buttons:
        blocks += _buttons(card, show=True)
    return CardMessage(summary(card), blocks, card_metadata(card))


def show_view(card: CardView) -> dict[str, Any]:
    """The modal that *Show all* opens: everything, or as much as a modal can hold."""
    view: dict[str, Any] = {}
    for room in _VIEW_ROOMS:
        draw = _sections(card, room)
        if draw.shortened:
            words = "A modal holds no more than this. The whole is in the console."
            draw.add({"type": "context", "elements": [text.plain(words)]})
        view = {
            "type": "modal",
            "callback_id": SHOW_CALLBACK,
            "title": {"type": "plain_text", "text": "The whole card"},
            "close": {"type": "plain_text", "text": "Close"},
            "blocks": draw.blocks,
        }
        if len(json.dumps(view).encode()) <= VIEW_BYTES:
            break
    return view


def _drawn(card: CardView, *, buttons: bool) -> list[Json]:
    blocks: list[Json] = []
    for room in _MESSAGE_ROOMS:
        draw = _sections(card, room)
        if buttons:
            draw.blocks[-1:-1] = _buttons(card, show=draw.shortened)
        blocks = draw.blocks
        if characters(blocks) <= MESSAGE_CHARACTERS:
            break
    return blocks


def _sections(card: CardView, room: Room) -> Drawing:
    """All parts in the order in which they are read; the footer is the last."""
    draw = Drawing(room)
    parts.header(draw, card)
    parts.state_line(draw, card)
    parts.outcome(draw, card)
    parts.notices(draw, card)
    parts.handoff(draw, card.handoff)
    parts.facts(draw, card)
    parts.rule(draw)
    parts.customer(draw, card)
    parts.rule(draw)
    parts.changes(draw, card)
    lead(draw, card)
    parts.draft(draw, card)
    parts.screen(draw, card)
    parts.citations(draw, card)
    parts.actions(draw, card)
    if draw.blocks[-1]["type"] == "divider":
        draw.blocks.pop()
    parts.footer(draw, card)
    return draw


def characters(blocks: list[Json]) -> int:
    """The size that Slack counts: characters of compact JSON."""
    return len(json.dumps(blocks, ensure_ascii=False, separators=(",", ":")))


def _buttons(card: CardView, *, show: bool) -> list[Json]:
    elements = [_button(button) for button in card.buttons[:20]]
    if show:
        elements.append(
            {
                "type": "button",
                "action_id": SHOW_ACTION,
                "text": text.plain("Show all", 75),
                "value": card.proposal[:2000],
            }
        )
    return [{"type": "actions", "elements": elements}] if elements else []


def _button(button: ButtonView) -> Json:
    made: Json = {
        "type": "button",
        "action_id": f"deskhand.{button.verb}",
        "text": text.plain(button.label, 75),
        "value": button.token,
    }
    if button.style != "plain":
        made["style"] = button.style
    return made
