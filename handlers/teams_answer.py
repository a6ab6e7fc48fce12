"""The answer to an ask as a message in Teams: a small card of literal lines."""

from __future__ import annotations

from collections.abc import Iterator

from bot import answer_words
from bot.domain import Answer
from handlers.inert import is_plain_url, one_line
from handlers.teams_card import small_card
from handlers.teams_inert import Json


def answer_activity(answer: Answer) -> Json:
    """For whoever reads there."""
    return small_card(answer_words.headline(answer), list(_lines(answer)))


def _lines(answer: Answer) -> Iterator[str]:
    for number, part in enumerate(answer_words.parts(answer), start=1):
        quote = f": “{one_line(part.quote)}”" if part.quote else ""
        words = f" – {one_line(part.words)}" if part.words else ""
        link = f" {part.link}" if part.link and is_plain_url(part.link) else ""
        yield f"{number}. {one_line(part.head)[:200]}{quote}{words[:300]}{link}"
    yield from answer.notes
