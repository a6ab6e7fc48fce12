"""A reply made of the articles' own sentences: what fits the question, exactly quoted, or nothing.

Nothing is rephrased, so nothing can be invented. The reply is the quotes without their markup,
between a greeting and a closing line in the ticket's language.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from bot.domain import REPLY_LIMIT
from bot.models.local.concepts import concepts
from bot.models.local.language import language
from bot.models.local.words import stems
from bot.terms import STOP_WORDS, words
from tools.spec import Passage

LEAST_FIT = 0.09
"""A passage whose score for the question is lower answers it by chance."""

SURE_FIT = 0.18
"""From this score on the passage is nearly always of the right article."""

NEARLY = 0.8
"""The share of the best passage's score from which another one of its article is quoted too."""

QUOTE_CHARACTERS = 420
"""A whole passage up to this long is quoted; of a longer one the sentences that fit best."""

_LINE = re.compile(r"[^\n]+")
_SENTENCE = re.compile(r"[^.!?…\n]+(?:[.!?…](?!\s|$)[^.!?…\n]*)*[.!?…]*")
_ABBREVIATED = re.compile(
    r"(?:\b(?:e\.g|i\.e|etc|approx|no|vs|mr|mrs|ms|dr|z\.B|ca)\.|^\d+\.)$", re.I
)
_LIST_ITEM = re.compile(r"[ \t]*(?:[-*•+]|\d{1,2}[.)])[ \t]+")
_LEANING = re.compile(
    r"(?:it|this|that|these|those|then|otherwise|if not|if so|they|he|she|also|but|and|or|so|after"
    r" that|there|such|both|in that case|er|sie|dies\w*|dann|sonst)\b",
    re.IGNORECASE,
)
_LINK = re.compile(r"!?\[([^\]]*)\]\(([^)\s]*)[^)]*\)")
_EMPHASIS = re.compile(r"(\*\*|__|`)(?=\S)(.+?)(?<=\S)\1")
_ITALIC = re.compile(r"(?<![\w*])\*(?=\S)([^*\n]+?)(?<=\S)\*(?![\w*])")
_HEADING = re.compile(r"^[ \t]*#{1,6}[ \t]+(.+?)[ \t]*#*[ \t]*$\n*", re.MULTILINE)
_QUOTED = re.compile(r"^[ \t]*>[ \t]?", re.MULTILINE)
_TABLE = re.compile(r"^[ \t]*\|(.*)\|[ \t]*$", re.MULTILINE)
_RULE = re.compile(r"^[ \t|:-]*-{3,}[ \t|:-]*\n?", re.MULTILINE)


@dataclass(frozen=True)
class Question:
    """One thing a ticket asks, and the passages found for it, best first."""

    text: str
    passages: tuple[Passage, ...]


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
class _Phrases:
    hello: str
    thanks: str
    about: str
    missing: str
    closing: str


_PHRASES = {
    "en": _Phrases(
        "Hello{name},",
        "Thank you for your message.",
        "About your question on “{title}”:",
        "We could not find an answer to your other question in our articles. A colleague will"
        " look into it.",
        "If this does not help, just reply to this message.",
    ),
    "de": _Phrases(
        "Guten Tag{name},",
        "danke für Ihre Nachricht.",
        "Zu Ihrer Frage nach „{title}“:",
        "Auf Ihre andere Frage haben wir in unseren Artikeln leider keine Antwort gefunden.",
        "Bitte antworten Sie auf diese Nachricht, wenn das nicht hilft.",
    ),
    "fr": _Phrases(
        "Bonjour{name},",
        "Merci pour votre message.",
        "Pour votre question sur « {title} » :",
        "Nous n'avons pas trouvé de réponse à votre autre question dans nos articles.",
        "Si cela ne suffit pas, répondez simplement à ce message.",
    ),
    "es": _Phrases(
        "Hola{name}:",
        "Gracias por su mensaje.",
        "Sobre su pregunta acerca de «{title}»:",
        "No hemos encontrado respuesta a su otra pregunta en nuestros artículos.",
        "Si esto no le ayuda, responda a este mensaje.",
    ),
}


def draft(questions: Sequence[Question], *, name: str = "") -> Draft | None:
    """A reply to ``questions`` for a customer called ``name``; None where no passage fits any.

    None too where the articles are in another language than the ticket: a reply that the customer
    cannot read is none.
    """
    spoken = language("\n".join(question.text for question in questions))
    answers: list[tuple[Passage, str]] = []
    unanswered: list[str] = []
    for question in questions:
        passage = _fitting(question, spoken)
        if passage is None:
            unanswered.append(question.text)
            continue
        # With several questions one passage each: a reply is read by somebody in a hurry.
        besides = _besides(question, passage) if len(questions) == 1 else ()
        for piece in (passage, *besides):
            if all(piece.quote != given.quote for given, _ in answers):
                answers.append((piece, best_part(piece.quote, question.text)))
    if not answers:
        return None
    phrases = _PHRASES.get(spoken or "en", _PHRASES["en"])
    hello = phrases.hello.format(name=f" {called}" if (called := _first_name(name)) else "")
    several = len(questions) > 1
    blocks = [hello, phrases.thanks]
    quotes: list[Quote] = []
    length = sum(map(len, blocks)) + len(phrases.missing) + len(phrases.closing) + 20
    for passage, part in answers:
        new = several and all(passage.article != quote.article for quote in quotes)
        heading = f"{phrases.about.format(title=passage.title)}\n" if new else ""
        block = heading + plain(part)
        if length + len(block) + 2 > REPLY_LIMIT:
            break
        length += len(block) + 2
        blocks.append(block)
        quotes.append(Quote(passage.article, passage.title, part, passage.url))
    if not quotes:
        return None
    if unanswered:
        blocks.append(phrases.missing)
    blocks.append(phrases.closing)
    sure = not unanswered and all(passage.score >= SURE_FIT for passage, _ in answers)
    return Draft("\n\n".join(blocks), tuple(quotes), sure, tuple(unanswered))


def _fitting(question: Question, spoken: str | None) -> Passage | None:
    """The first passage if it fits well enough and is in the customer's language."""
    best = max(question.passages, key=lambda passage: passage.score, default=None)
    if best is None or best.score < LEAST_FIT or not best.quote.strip():
        return None
    written = language(f"{best.title}\n{best.quote}")
    if spoken and written and spoken != written:
        return None
    # One rare word in common is a coincidence, whatever its weight; unless it is all that is asked.
    asked = set(words(question.text))
    if len(asked) == 1:
        return best if asked <= set(words(best.title)) else None
    shared = asked & set(words(f"{best.title} {best.quote}"))
    return best if len(shared) >= 2 else None


def _besides(question: Question, best: Passage) -> tuple[Passage, ...]:
    """The next passage of the same article, where it fits nearly as well."""
    near = [
        passage
        for passage in question.passages
        if passage.article == best.article
        and passage.quote != best.quote
        and passage.score >= NEARLY * best.score
    ]
    return (max(near, key=lambda passage: passage.score),) if near else ()


def best_part(passage: str, question: str) -> str:
    """The part of ``passage`` to quote: all of a short one, else the sentences that fit best.

    Always a verbatim slice. A list is kept whole with the line that leads to it.
    """
    if len(passage) <= QUOTE_CHARACTERS:
        return passage
    spans = _units(passage)
    gains = _gains(passage, spans, question)
    if not spans or max(gains) == 0:
        return _slice(passage, spans[: 3 if spans else 0]) or passage[:QUOTE_CHARACTERS]
    first = last = gains.index(max(gains))
    # What leans on the sentence before it is not understood alone.
    while first > 0 and _LEANING.match(passage[spans[first][0] :]):
        first -= 1
    while True:
        before = gains[first - 1] if first > 0 else -1.0
        after = gains[last + 1] if last + 1 < len(spans) else -1.0
        if max(before, after) <= 0:
            break
        grown = (first - 1, last) if before > after else (first, last + 1)
        if spans[grown[1]][1] - spans[grown[0]][0] > QUOTE_CHARACTERS:
            break
        first, last = grown
    return _slice(passage, spans[first : last + 1])


def _slice(passage: str, spans: Sequence[tuple[int, int]]) -> str:
    return passage[spans[0][0] : spans[-1][1]] if spans else ""


def _units(passage: str) -> list[tuple[int, int]]:
    """Sentences and whole lists of a passage, as slices."""
    units: list[tuple[int, int]] = []
    in_list = False
    for line in _LINE.finditer(passage):
        start, end = line.span()
        if _LIST_ITEM.match(passage, start, end):
            leads = bool(units) and passage[units[-1][0] : units[-1][1]].rstrip().endswith(":")
            if (in_list or leads) and units:
                units[-1] = (units[-1][0], end)
            else:
                units.append((start, end))
            in_list = True
            continue
        in_list = False
        for found in _SENTENCE.finditer(passage, start, end):
            begin, stop = _strip(passage, *found.span())
            if begin == stop:
                continue
            previous = passage[units[-1][0] : units[-1][1]] if units else ""
            if units and units[-1][0] >= start and _ABBREVIATED.search(previous):
                units[-1] = (units[-1][0], stop)
            else:
                units.append((begin, stop))
    return units


def _strip(text: str, start: int, end: int) -> tuple[int, int]:
    while start < end and text[start].isspace():
        start += 1
    while end > start and text[end - 1].isspace():
        end -= 1
    return start, end


def _gains(passage: str, spans: Sequence[tuple[int, int]], question: str) -> list[float]:
    """How much of the question each unit says: its words, and half of that for like ones."""
    said = stems(question)
    asked = {stem for stem in said if stem not in STOP_WORDS and len(stem) > 2}
    meant = set(concepts(said))
    gains = []
    for start, end in spans:
        unit = stems(passage[start:end])
        direct = len(asked & set(unit))
        like = len(meant & set(concepts(unit)))
        gains.append((direct + 0.5 * like) / (len(unit) + 8) ** 0.5)
    return gains


def plain(markdown: str) -> str:
    """Markdown as text that is read in a message: links by their words, no marks of emphasis."""
    text = _LINK.sub(_link_words, markdown)
    text = _EMPHASIS.sub(r"\2", text)
    text = _ITALIC.sub(r"\1", text)
    text = _RULE.sub("", text)
    text = _TABLE.sub(lambda row: " – ".join(cell.strip() for cell in row[1].split("|")), text)
    text = _HEADING.sub(_heading_words, _QUOTED.sub("", text))
    return text.strip()


def _heading_words(found: re.Match[str]) -> str:
    heading = found[1]
    return f"{heading}\n" if heading.endswith((".", "?", "!", ":")) else f"{heading}:\n"


def _link_words(found: re.Match[str]) -> str:
    shown, target = found[1], found[2]
    outside = target.startswith(("https://", "http://")) and target != shown
    return f"{shown} ({target})" if outside and shown else shown or target


def _first_name(name: str) -> str:
    """A name to greet by: the given name of *Given Family*, else nothing that could be wrong."""
    parts = name.replace(",", " ").split()
    if not parts or len(parts) > 3 or not all(part.replace("-", "").isalpha() for part in parts):
        return ""
    return parts[0][:40] if parts[0][0].isupper() else ""
