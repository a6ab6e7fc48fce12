"""A reply made of the articles' own sentences: what fits the question, exactly quoted, or nothing.

Nothing is rephrased, so nothing can be invented. The reply is the quotes without their markup,
between a greeting and a closing line in the ticket's language.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from bot.domain import REPLY_LIMIT
from bot.models.local.choose import Answer, answers
from bot.models.local.excerpt import (
    LEANING,
    LIST_ITEM,
    best_part,
    heading_of,
    plain,
    without_heading,
)
from bot.models.local.fit import Rarity, plainly_rare
from bot.models.local.language import language
from bot.models.local.phrases import LANGUAGES, PHRASES, Phrases
from tools.spec import Passage

_SENTENCE_END = re.compile(r"(?<=[.!?…])\s+|\n+")


@dataclass(frozen=True)
class Question:
    """One thing a ticket asks, and the passages found for it."""

    text: str
    passages: tuple[Passage, ...]
    parts: tuple[str, ...] = ()
    """The sentences of it that ask, where there are several."""


@dataclass(frozen=True)
class Quote:
    """Words of an article, verbatim: a slice of the passage."""

    article: str
    title: str
    text: str
    url: str | None


@dataclass(frozen=True)
class Draft:
    """A reply and what it rests on."""

    reply: str
    quotes: tuple[Quote, ...]
    sure: bool
    """Every question is answered and every passage fits well."""
    unanswered: tuple[str, ...]
    """Questions that no passage fits."""


@dataclass(frozen=True)
class Unfit:
    """No reply, and why, in words."""

    why: str


NO_ARTICLE = "No article fits this ticket."


def draft(
    questions: Sequence[Question],
    *,
    name: str = "",
    rarity: Rarity = plainly_rare,
    sorry: bool = False,
) -> Draft | Unfit:
    """A reply to ``questions`` for a customer called ``name``; ``sorry``: something went wrong.

    None where the articles are in another language than the ticket: a reply that the customer
    cannot read is none.
    """
    spoken = language("\n".join(question.text for question in questions))
    chosen: list[Answer] = []
    unanswered: list[str] = []
    for question in questions:
        readable = [one for one in question.passages if _readable(one, spoken)]
        if len(readable) < len(question.passages) / 2:
            return Unfit(_other_language(spoken, question.passages))
        got, left = answers(question.text, question.parts, readable, rarity)
        if len(questions) > 1:
            # One passage for each: a reply is read by somebody in a hurry.
            got = got[:1]
        chosen += got
        unanswered += left if got or question.parts else [question.text]
    if not chosen:
        if spoken not in (None, "en"):
            return Unfit(f"{NO_ARTICLE[:-1]}, which is written in {LANGUAGES[spoken]}.")
        return Unfit(NO_ARTICLE)
    written = spoken or language(chosen[0].passage.quote)
    return _reply(chosen, unanswered, name, PHRASES.get(written or "en", PHRASES["en"]), sorry)


def _readable(passage: Passage, spoken: str | None) -> bool:
    written = language(f"{passage.title}\n{passage.quote}")
    return not (spoken and written and spoken != written)


def _other_language(spoken: str | None, passages: Sequence[Passage]) -> str:
    found = [language(f"{one.title}\n{one.quote}") for one in passages]
    written = next((code for code in found if code is not None and code != spoken), "en")
    ticket = LANGUAGES[spoken] if spoken else "another language"
    return (
        f"The ticket is written in {ticket}, the articles in {LANGUAGES[written]}: the local model"
        " does not translate."
    )


def _reply(
    chosen: Sequence[Answer],
    unanswered: Sequence[str],
    name: str,
    phrases: Phrases,
    sorry: bool,
) -> Draft | Unfit:
    hello = phrases.hello.format(name=f" {called}" if (called := _first_name(name)) else "")
    blocks = [hello, f"{phrases.thanks} {phrases.sorry}" if sorry else phrases.thanks]
    several = len({one.passage.article for one in chosen}) > 1
    length = sum(map(len, blocks)) + len(phrases.missing) + len(phrases.closing) + 20
    quotes: list[Quote] = []
    said: set[str] = set()
    used: list[Answer] = []
    for one in chosen:
        passage, part = one.passage, best_part(one.passage.quote, one.asked)
        sentences = {" ".join(piece.split()) for piece in _SENTENCE_END.split(part)}
        if not part or sentences & said:
            continue
        new = several and all(passage.article != quote.article for quote in quotes)
        title = passage.title if new else _needed_heading(passage, part)
        lead = phrases.about.format(title=title) if title else ""
        if not lead and LIST_ITEM.match(part):
            lead = phrases.steps
        block = f"{lead}\n{plain(part)}" if lead else plain(part)
        if length + len(block) + 2 > REPLY_LIMIT:
            break
        length += len(block) + 2
        blocks.append(block)
        said |= sentences
        used.append(one)
        quotes.append(Quote(passage.article, passage.title, part, passage.url))
    if not quotes:
        return Unfit(NO_ARTICLE)
    if unanswered:
        blocks.append(phrases.missing)
    blocks.append(phrases.closing)
    sure = not unanswered and all(one.sure for one in used)
    return Draft("\n\n".join(blocks), tuple(quotes), sure, tuple(unanswered))


def _needed_heading(passage: Passage, part: str) -> str:
    """The heading of a section whose first sentence is not understood without it."""
    heading = heading_of(passage.quote)
    # A figure of a heading would be taken for a fact, and it is not part of the quote.
    if not heading or any(char.isdigit() for char in heading):
        return ""
    begins = without_heading(passage.quote).strip().startswith(part[:40])
    return heading if begins and LEANING.match(part) else ""


def _first_name(name: str) -> str:
    """A name to greet by: the given name of *Given Family*, else nothing that could be wrong."""
    parts = name.replace(",", " ").split()
    if not parts or len(parts) > 3 or not all(part.replace("-", "").isalpha() for part in parts):
        return ""
    return parts[0][:40] if parts[0][0].isupper() else ""
