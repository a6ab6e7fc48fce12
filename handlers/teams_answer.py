"""The answer to an ask, and what its asker alone is told, as messages in Teams. Pure.

Words from elsewhere stand in text runs alone (see ``handlers.teams_inert``).
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any, Final

from bot import answer_words
from bot.answer_words import Part
from bot.domain import Answer
from bot.ports import Choice, Private
from handlers.answer_room import Room
from handlers.drawing import LINK_LIMIT
from handlers.inert import cut, is_plain_url, one_line
from handlers.teams_card import ai_label, execute, message_activity, plain_card
from handlers.teams_inert import Json, bold, fits, line, link, runs, words_text

ANSWER: Final = "deskhand_answer"
"""The name, in ``channelData``, of an answer as data."""
DATA_BYTES: Final = 7_500
"""Of that, as in Slack."""
_CHOICES: Final = 20


_ROOMS: Final = (
    Room(quote=400, words=400, head=300, parts=30, notes=20),
    Room(quote=400, words=160, head=160, parts=25, notes=10),
    Room(quote=300, words=60, head=100, parts=20, notes=6),
    Room(quote=120, words=0, head=60, parts=15, notes=3),
    Room(quote=60, words=0, head=40, parts=8, notes=1),
)


def answer_activity(answer: Answer, run: str, model: str = "", cost: Decimal | None = None) -> Json:
    """The answer in the thread where it was asked for, for people and for programs."""
    made: Json = {}
    for room in _ROOMS:
        made = _message(_drawn(answer, model, cost, room), answer)
        made["channelData"] = {ANSWER: answer_words.data(run, answer, DATA_BYTES)}
        if model:
            made["entities"] = [ai_label()]
        if fits(made):
            break
    return made


def shared_activity(text: str, data: Json, *, reply_to: str | None, by_hand: bool) -> Json:
    """An answer that was its asker's alone and that somebody has approved: its very words, literal,
    and as much of the data as they still say."""
    made: Json = {
        "type": "message",
        "text": text,
        "textFormat": "plain",
        "channelData": {ANSWER: data},
    }
    if reply_to is not None:
        made["replyToId"] = reply_to
    if not by_hand:
        made["entities"] = [ai_label()]
    return made


def private_activities(said: Private) -> list[Json]:
    """What one person alone is told, in their chat with the bot: a line, an answer, buttons."""
    about = f"{said.about}: " if said.about else ""
    words, choices = f"{about}{words_text(said.words)}", said.choices[:_CHOICES]
    if said.answer is not None:
        return [message_activity(words), _answered(said.answer, choices)]
    if not choices:
        return [message_activity(words)]
    body = [line(runs(words, linked=True)), *_buttons(choices)]
    labels = [f"{one.label}: {one.about}" if one.about else one.label for one in choices]
    return [plain_card(body, words, labels)]


def _answered(answer: Answer, choices: tuple[Choice, ...]) -> Json:
    made: Json = {}
    for room in _ROOMS:
        made = _message([*_drawn(answer, "", None, room), *_buttons(choices)], answer)
        if fits(made):
            break
    return made


def _message(body: list[Json], answer: Answer) -> Json:
    said = answer_words.text(answer, 2_000).split("\n")
    return plain_card(body, said[0], [one for one in said[1:] if one.strip()])


def _buttons(choices: tuple[Choice, ...]) -> list[Json]:
    """Each with what it would do above it."""
    made: list[Json] = []
    for one in choices:
        button = execute(f"deskhand.{one.action}", one.label[:75], one.token)
        items: list[Json] = [{"type": "ActionSet", "actions": [button]}]
        if one.about:
            items.insert(0, line(runs(cut(one_line(one.about), 300)[0], isSubtle=True)))
        made.append({"type": "Container", "items": items, "spacing": "Medium"})
    return made


def _drawn(answer: Answer, model: str, cost: Decimal | None, room: Room) -> list[Json]:
    body = [line(bold(answer_words.headline(answer), size="Medium"))]
    every = list(answer_words.parts(answer))
    body += [_part(number, one, room) for number, one in enumerate(every[: room.parts], start=1)]
    if len(every) > room.parts:
        body.append(line(runs(f"and {len(every) - room.parts} more", italic=True)))
    small: dict[str, Any] = {"isSubtle": True, "size": "Small"}
    notes = [cut(one_line(note), 300)[0] for note in answer.notes]
    if len(notes) > room.notes:
        notes = [*notes[: room.notes], f"and {len(notes) - room.notes} more"]
    if model:
        spoke = "the local model" if model == "local" else one_line(model)[:60]
        notes.append(f"{spoke}{f' · ${cost:.4f}' if cost else ''}")
    return body + [line(runs(note, **small), spacing="Small") for note in notes if note]


def _part(number: int, part: Part, room: Room) -> Json:
    head = cut(one_line(part.head), room.head)[0] or "–"
    items = [line(bold(f"{number}. {head}"))]
    if part.quote:
        quote = line(runs(cut(one_line(part.quote), room.quote)[0]))
        items.append({"type": "Container", "style": "emphasis", "items": [quote]})
    words = room.words_of(part)
    rest = runs(cut(one_line(part.words), words)[0]) if part.words and words else []
    if part.link and is_plain_url(part.link) and len(part.link) <= LINK_LIMIT:
        rest += [*runs(" " if rest else ""), link(part.link)]
    if rest:
        items.append(line(rest, spacing="Small"))
    return {"type": "Container", "items": items, "spacing": "Medium"}
