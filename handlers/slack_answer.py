"""The answer to an ask as a Slack message, within Slack's limits whatever it holds."""

from __future__ import annotations

from decimal import Decimal

from bot import answer_words
from bot.answer_words import Part
from bot.domain import Answer
from bot.ports import Choice
from handlers import slack_inert as inert
from handlers.answer_room import Room
from handlers.slack_blocks import MESSAGE_CHARACTERS, CardMessage, characters
from handlers.slack_inert import Json
from handlers.slack_room import PERMALINK

ANSWER_EVENT = "deskhand_answer"
ASK_ACTION, SHARE_ANSWER_ACTION = "deskhand.ask", "deskhand.share"
METADATA_BYTES = 7_500
"""Of an answer as data. Slack takes 8 KB of metadata, and each key of ours besides counts."""
TEXT_CHARACTERS = 3_900
"""Of the message's ``text``: Slack advises 4,000 (docs.slack.dev, chat.postMessage)."""

_CHOICES = 20
"""Buttons of a private line; a message has 50 blocks."""


_ROOMS = (
    Room(quote=400, words=400, head=300, parts=30, notes=20),
    Room(quote=400, words=160, head=160, parts=25, notes=10),
    Room(quote=400, words=60, head=100, parts=20, notes=6),
    Room(quote=250, words=0, head=80, parts=20, notes=4),
    Room(quote=120, words=0, head=60, parts=15, notes=3),
)


def answer_message(answer: Answer, run: str, model: str, cost: Decimal) -> CardMessage:
    """The answer in the thread where it was asked for, for people and for programs."""
    payload = answer_words.data(run, answer, METADATA_BYTES)
    return CardMessage(
        text=answer_text(answer),
        blocks=answer_blocks(answer, model, cost),
        metadata={"event_type": ANSWER_EVENT, "event_payload": payload},
    )


def answer_text(answer: Answer) -> str:
    """For notifications and screen readers: the same words, escaped."""
    limit = TEXT_CHARACTERS
    while len(text := inert.escape(answer_words.text(answer, limit))) > TEXT_CHARACTERS:
        limit = limit * 3 // 4
    return text


def answer_blocks(answer: Answer, model: str = "", cost: Decimal | None = None) -> list[Json]:
    """The answer as blocks; untrusted words stand in literal leaves alone."""
    blocks: list[Json] = []
    for room in _ROOMS:
        blocks = _drawn(answer, model, cost, room)
        if characters(blocks) <= MESSAGE_CHARACTERS:
            break
    return blocks


def choice_blocks(choices: tuple[Choice, ...]) -> list[Json]:
    """The buttons of a private line, each in a block of its own: all of one kind have the same
    action id, which must be unique within a block."""
    return [_choice(one) for one in choices[:_CHOICES]]


def _choice(one: Choice) -> Json:
    button: Json = {
        "type": "button",
        "action_id": f"deskhand.{one.action}",
        "text": inert.plain(one.label, 75),
        "value": one.token,
    }
    if not one.about:
        return {"type": "actions", "elements": [button]}
    return {"type": "section", "text": inert.plain(one.about, 300), "accessory": button}


def _drawn(answer: Answer, model: str, cost: Decimal | None, room: Room) -> list[Json]:
    blocks = [_section(inert.leaf(answer_words.headline(answer), bold=True))]
    every = list(answer_words.parts(answer))
    blocks += [_part(part, room) for part in every[: room.parts]]
    if len(every) > room.parts:
        blocks.append(_section(inert.leaf(f"and {len(every) - room.parts} more", italic=True)))
    notes = [inert.one_line(note) for note in answer.notes]
    if len(notes) > room.notes:
        notes = [*notes[: room.notes], f"and {len(notes) - room.notes} more"]
    if notes:
        lines = inert.cut("\n".join(inert.cut(note, 300)[0] for note in notes), 2000)[0]
        blocks.append({"type": "context", "elements": [inert.plain(lines, 2000)]})
    if model:
        spoke = "the local model" if model == "local" else inert.one_line(model)[:60]
        spent = f" · ${cost:.4f}" if cost else ""
        blocks.append({"type": "context", "elements": [inert.plain(f"{spoke}{spent}", 200)]})
    return blocks


def _part(part: Part, room: Room) -> Json:
    head = inert.leaf(inert.cut(inert.one_line(part.head), room.head)[0] or "–", bold=True)
    rest: list[Json] = []
    if part.words and (words := room.words_of(part)):
        rest += inert.leaves(inert.cut(inert.one_line(part.words), words)[0])
    if part.link and inert.is_plain_url(part.link):
        rest += [inert.leaf(" "), _linked(part.link)]
    if not part.quote:
        # One section: two of them in a block would stand on one line.
        between = [inert.leaf(": " if part.link else "\n")] if rest else []
        return inert.rich(inert.section(head, *between, *rest))
    quote = inert.quote(inert.leaf(inert.cut(inert.one_line(part.quote), room.quote)[0]))
    made = [inert.section(head), quote]
    return inert.rich(*made, inert.section(*rest)) if rest else inert.rich(*made)


def _linked(url: str) -> Json:
    """A message's own address, which is long and was made by us, is shown in words."""
    return inert.link(url, "see the message") if PERMALINK.fullmatch(url) else inert.link(url)


def _section(*leaves: Json) -> Json:
    return inert.rich(inert.section(*leaves))
