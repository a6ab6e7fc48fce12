"""How much of an answer to an ask is shown, where a surface takes no more."""

from __future__ import annotations

from dataclasses import dataclass

from bot.answer_words import Part


@dataclass(frozen=True)
class Room:
    """Characters of each part's quote, words and head; how many parts, and notes below them."""

    quote: int
    words: int
    head: int
    parts: int
    notes: int

    def words_of(self, part: Part) -> int:
        """Characters of this part's words: beside a quote they say why it is here, and may go;
        without one they are the answer."""
        return self.words if part.quote else max(self.words, self.quote)
