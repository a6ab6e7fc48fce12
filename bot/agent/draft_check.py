"""What a draft rests on, checked without a model: quotes, sentences, values.

A quote counts only if it stands verbatim in its article (white space folded). Each sentence that
states a fact must share most of its content words, and every figure, with one supported quote.
Every value (figure, date, address, link, id, name) must stand in the ticket or in a cited article.
What fails is marked for the person who decides; nothing is changed and nothing is decided here.
The rules are heuristics on words: a mark means *look at this*, no mark does not mean *true*.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from bot.domain import Citation, Mark, Ticket
from bot.wording import (
    COUNTED,
    LIST_MARK,
    NUMBER,
    WORD,
    counted,
    figures_in,
    fold,
    number_of,
    plain_word,
    sentences,
    share_of,
    stems_of,
)
from bot.words import COMMON_WORDS, STOP_WORDS

QUOTE_WORDS = 2
"""A shorter quote stands everywhere and supports nothing."""

QUOTE_LIMIT = 1_000
"""Characters of a quote that a card shows; a longer one is no quote but a copy."""

SHARED = 0.5
"""The share of a sentence's content words that one article's supported quotes must hold."""


@dataclass(frozen=True)
class Source:
    """An article as it stands: what quotes are checked against."""

    article: str
    title: str
    text: str
    url: str | None = None


SourceOf = Callable[[str], Source | None]
"""The article of an id, or None if there is none."""

Span = tuple[int, int]
"""Where a passage begins and ends, in code points."""

_EMAIL = r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+"
_URL = r"(?:https?://|www\.)[^\s<>()\[\]\"']+|\b[\w-]+(?:\.[\w-]+)*\.(?:com|org|net|io|example|dev|app|eu|de|uk)\b(?:/[^\s<>()\"']*)?"
_ID = r"\b(?=[\w-]*\d)(?=[\w-]*[A-Za-z])[A-Za-z0-9]+(?:[-_][A-Za-z0-9]+)*\b"
_HOLDING_A_VALUE = re.compile(r"(?<!\S)\S*?(?:[\d@]|\.\w)\S*")
_BEGINNING = re.compile(r"(?:^|[\n:.!?…])[\s\"“„‘'(*>-]*")
_VALUE = re.compile(f"(?P<email>{_EMAIL})|(?P<url>{_URL})|(?P<id>{_ID})|(?P<number>{NUMBER})")

_DATE_NAMES = frozenset(
    {"january", "february", "march", "april", "june", "july", "august", "september", "october"}
    | {"november", "december", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday"}
    | {"sunday", "januar", "februar", "märz", "juni", "juli", "oktober", "dezember", "montag"}
    | {"dienstag", "mittwoch", "donnerstag", "freitag", "samstag", "sonntag"}
)
_CAPITALISED = re.compile(r"(?<![\w@./-])[^\W\d_a-z][^\W\d_]*(?:['’-][^\W\d_]+)*", re.UNICODE)

_OPENING = re.compile(
    r"(?:hi|hello|hey|dear|good (?:morning|afternoon|evening|day)|greetings|hallo|guten tag|"
    r"liebe[rs]?|sehr geehrte[rs]?|bonjour|hola|ciao|moin)\b",
    re.IGNORECASE,
)
_CLOSING = re.compile(
    r"(?:best|kind|warm|many thanks|thanks|thank you|sincerely|regards|cheers|yours|"
    r"all the best|take care|have a|viele grüße|mit freundlichen|beste grüße|danke|merci|"
    r"cordialement|saludos|gracias)\b",
    re.IGNORECASE,
)
_COURTESY = re.compile(
    r"(?:(?:i|we)(?:['’]m| am|['’]re| are) (?:very |really |so |truly )?(?:sorry|happy|glad|afraid)"
    r"|(?:i|we) (?:apologi[sz]e|understand|appreciate|hope|see that|know how)"
    r"|(?:my|our) apologies|sorry|apologies|please (?:let|tell|feel|reply|write|send us|share)"
    r"|(?:just )?(?:let (?:us|me) know|reply to this|feel free|do not hesitate|don['’]t hesitate)"
    r"|if (?:you have|there is|anything|that does not help|this does not help|you need)"
    r"|i hope|here (?:is|are) (?:how|what|the)|you(?:['’]re| are) welcome|no (?:problem|worries)"
    r"|(?:to|about|regarding|as for) your (?:question|other question|request)"
    r"|(?:i|we) (?:could|can|did|do)(?: not|n['’]t|not) (?:find|answer|say|tell)"
    r"|a colleague|someone (?:from|on) (?:our|the) team|es tut (?:uns|mir) leid|leider"
    r"|bitte (?:melden|schreiben|antworten)|gern(?:e)?\b)",
    re.IGNORECASE,
)
_RECALL = re.compile(
    r"(?:you (?:say|said|mention|mentioned|wrote|write|asked|ask|describe|described|report)|"
    r"(?:from|in) your (?:message|ticket|mail|e-mail|description))\b",
    re.IGNORECASE,
)
_NEGATION = re.compile(
    r"\b(?:not|never|no|cannot|without|nor|neither|kein\w*|nicht|nie)\b|n['’]t\b", re.IGNORECASE
)


def check_citations(cited: Iterable[tuple[str, str]], source: SourceOf) -> tuple[Citation, ...]:
    """(article id, quote) pairs as citations; ``supported`` if the quote stands verbatim there."""
    checked: dict[tuple[str, str], Citation] = {}
    for article, quote in cited:
        quote = fold(quote)[:QUOTE_LIMIT]
        article = article[:300]
        key = (article, quote)
        if key in checked or not quote:
            continue
        found = source(article)
        checked[key] = Citation(
            article=article,
            title=found.title if found else article,
            quote=quote,
            url=found.url if found else None,
            supported=found is not None and stands_in(quote, found.text),
        )
    return tuple(checked.values())


def stands_in(quote: str, text: str) -> bool:
    """Whether a quote of two words or more stands verbatim in ``text``, white space folded."""
    folded = fold(quote)
    return len(folded.split()) >= QUOTE_WORDS and folded in fold(text)


def ticket_words(ticket: Ticket) -> str:
    """Everything in the ticket that a draft may repeat: words, names, attachments' names."""
    said = [ticket.author.name, ticket.author.email or "", ticket.subject, ticket.url or ""]
    for message in (*ticket.messages, *ticket.thread):
        said += [message.author.name, message.text, *message.files]
    return "\n".join(said)


def check_draft(
    reply: str | None, citations: Sequence[Citation], ticket: Ticket, source: SourceOf
) -> tuple[Mark, ...]:
    """The passages of ``reply`` that nothing supports, in their order.

    Places are code points of ``reply``. Only supported citations count.
    """
    if not reply:
        return ()
    quotes: dict[str, list[str]] = {}
    for citation in citations:
        if citation.supported:
            quotes.setdefault(citation.article, []).append(citation.quote)
    articles = [found.text for found in map(source, quotes) if found]
    said = ticket_words(ticket)
    spans = sentences(reply)
    marks = [
        *_sentence_marks(reply, spans, [" ".join(parts) for parts in quotes.values()], said),
        *_value_marks(reply, spans, "\n".join([said, *articles])),
    ]
    return tuple(sorted(marks, key=lambda mark: (mark.start, mark.end)))


# --- sentences --------------------------------------------------------------------------------


def _sentence_marks(
    reply: str, spans: Sequence[Span], quotes: Sequence[str], said: str
) -> list[Mark]:
    supports = [(stems_of(quote), figures_in(quote), quote) for quote in quotes]
    said_figures = figures_in(said)
    said_stems = stems_of(said)
    marks = []
    for start, end in spans:
        sentence = reply[start:end]
        if not is_factual(sentence):
            continue
        stems, figures = stems_of(sentence), figures_in(sentence)
        if not stems and not figures:
            continue
        if _RECALL.match(sentence) and share_of(stems, said_stems) >= SHARED:
            continue
        if not any(
            share_of(stems, held) >= SHARED
            and len(stems & held) >= min(2, len(stems))
            and figures <= (held_figures | said_figures)
            and _same_polarity(sentence, stems, quote)
            for held, held_figures, quote in supports
        ):
            marks.append(Mark(kind="sentence", start=start, end=end))
    return marks


def is_factual(sentence: str) -> bool:
    """Whether a sentence states something, so that a citation is asked of it."""
    text = sentence.strip()
    if text.endswith("?"):
        return False
    words = WORD.findall(text)
    if _OPENING.match(text) and len(words) <= 6:
        return False
    if _CLOSING.match(text) and len(words) <= 12 and not figures_in(text):
        return False
    if _COURTESY.match(text) and not figures_in(text):
        return False
    # A heading, or a name under the closing, states nothing.
    return len(words) > 3 or bool(figures_in(text)) or text.endswith((".", "!"))


def _same_polarity(sentence: str, stems: frozenset[str], quote: str) -> bool:
    """False if the closest sentence of the quote says nearly the same with the opposite *not*."""
    best: tuple[float, str] = (0.0, "")
    for start, end in sentences(quote):
        share = share_of(stems, stems_of(quote[start:end]))
        if share > best[0]:
            best = (share, quote[start:end])
    if best[0] < 0.7:
        return True
    return bool(_NEGATION.search(sentence)) == bool(_NEGATION.search(best[1]))


# --- values -----------------------------------------------------------------------------------


def _value_marks(reply: str, spans: Sequence[Span], known: str) -> list[Mark]:
    folded = plain_word(fold(known))
    figures = figures_in(known)
    marks: list[Mark] = []
    taken: list[tuple[int, int]] = []
    skipped = [found.span() for found in LIST_MARK.finditer(reply)]
    for found in _values(reply):
        start, end = found.span()
        while end > start and reply[end - 1] in ".,;:!?)":
            end -= 1
        taken.append((start, end))
        if any(begin <= start and end <= stop for begin, stop in skipped):
            continue
        text = reply[start:end]
        is_number = found.lastgroup == "number"
        if (number_of(text) in figures) if is_number else (_whole(text, folded)):
            continue
        marks.append(Mark(kind="value", start=start, end=end))
    for found in COUNTED.finditer(reply):
        if counted(found[1]) not in figures and not _whole(found[1], folded):
            marks.append(Mark(kind="value", start=found.start(), end=found.end()))
    marks += _name_marks(reply, spans, folded, taken)
    return _joined(reply, marks)


def _values(text: str) -> Iterator[re.Match[str]]:
    """The values in ``text``. They hold no white space, and most words hold nothing of a value."""
    for word in _HOLDING_A_VALUE.finditer(text):
        yield from _VALUE.finditer(text, *word.span())


def _joined(reply: str, marks: Sequence[Mark]) -> list[Mark]:
    """Marks of neighbouring words as one: a first and a last name, a day and its month."""
    joined: list[Mark] = []
    for mark in sorted(marks, key=lambda mark: (mark.start, mark.end)):
        if joined and reply[joined[-1].end : mark.start] in (" ", ""):
            joined[-1] = Mark(kind="value", start=joined[-1].start, end=mark.end)
        else:
            joined.append(mark)
    return joined


def _whole(value: str, folded: str) -> bool:
    """Whether ``value`` stands in the folded text as a whole, not inside a longer word."""
    plain = plain_word(value)
    return re.search(rf"(?<!\w){re.escape(plain)}(?!\w)", folded) is not None


def _name_marks(
    reply: str, spans: Sequence[Span], folded: str, taken: Sequence[Span]
) -> list[Mark]:
    """Capitalised words inside sentences (and runs of them anywhere) that stand in no source."""
    starts = _starts(reply, spans)
    found = [
        match
        for match in _CAPITALISED.finditer(reply)
        if not any(begin < match.end() and match.start() < end for begin, end in taken)
    ]
    inner = [match for match in found if match.start() not in starts]
    # In a language that capitalises every noun a capital says nothing.
    if len(inner) > 6 and len(inner) / len(WORD.findall(reply)) > 0.2:
        inner = []
    marks = []
    for match in inner:
        plain = plain_word(match[0])
        if plain in ("i", "i'm", "i've", "i'll", "i'd", "ok"):
            continue
        if plain in COMMON_WORDS and plain not in _DATE_NAMES:
            continue
        if not _whole(match[0], folded):
            marks.append(Mark(kind="value", start=match.start(), end=match.end()))
    return [*marks, *_signed(reply, folded, starts)]


def _starts(reply: str, spans: Sequence[Span]) -> frozenset[int]:
    """Where a capital is due: the first letter of a sentence, a line, a clause after a colon."""
    starts = {start for start, _ in spans}
    return frozenset(starts.union(match.end() for match in _BEGINNING.finditer(reply)))


def _signed(reply: str, folded: str, starts: frozenset[int]) -> list[Mark]:
    """Names where a capital is due anyway: after a greeting or under a closing, or twice in row."""
    marks = []
    for match in re.finditer(r"(?m)^[^\W\d_]+(?:[ ,]+[^\W\d_]+){0,3}[,.!]?$", reply):
        for word in _CAPITALISED.finditer(reply, match.start(), match.end()):
            plain = plain_word(word[0])
            if word.start() in starts and not (
                plain in COMMON_WORDS
                or plain in STOP_WORDS
                or _OPENING.match(match[0])
                or _CLOSING.match(match[0])
                or _whole(word[0], folded)
            ):
                marks.append(Mark(kind="value", start=word.start(), end=word.end()))
    return marks
