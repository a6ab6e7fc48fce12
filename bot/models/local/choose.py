"""Which passages answer a question: first the article, then the pieces of it that speak of it.

The figures were set on questions to the sample desk, on foreign questions that must not be
answered, and on tickets whose article is known; see ``docs/local-model.md``.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from bot.models.local.excerpt import heading_of, without_heading
from bot.models.local.fit import IN_BODY, Asked, Rarity, Unit, fit, holds, read_question
from tools.spec import Passage

ENOUGH = 0.48
"""The share of what is asked, from which on an article answers it."""

ENOUGH_IN_PASSING = 0.55
"""The same without title and heading, which is 0.6 at most."""

ENOUGH_OF_OWN = 0.3
"""The same of one question among several, for the article that answers the ticket."""

FAR_AHEAD = 0.4
"""So much better must another article's passage be."""

ANSWERED = 0.3
"""A question is not called unanswered from this share on."""

SURE = 0.7
"""From this share on an article answers without doubt, if it is about it as well."""

SURE_TOPIC = 0.4
"""The share that title and headings must name for that."""

LONG = 8
"""Units of a ticket from which on its story says much that no article does: then the search's score
for all of it counts."""

FOUND = 0.09
"""From this score on an article is more than chance for a long ticket; for a shorter one it takes
more, because each of its words is a larger share."""

FOUND_TIMES_UNITS = 1.6

FOUND_SURELY = 0.18
"""From this score on it is nearly always the right one."""

MOST_PASSAGES = 3

TELLING = 0.55
"""The weight of a unit that is no everyday word: at least one must be there."""

WORTH_A_PASSAGE = 0.3
"""A further passage is quoted for this share of what was asked, if none before speaks of it."""

_LEAD, _STEPS, _SCORE = 0.12, 0.12, 0.1
_QUESTION = re.compile(r"\?|\b(?:tell me|let me know)\b|^(?:how|what|when|where|why|who)\b", re.I)
_HOW = re.compile(r"\bhow (?:do|can|could|should|to|would)\b|\bset up\b", re.IGNORECASE)
_INSTRUCTION = re.compile(r"\b(?:open|press|choose|click|select|tap|enter|tick)\b", re.IGNORECASE)


@dataclass(frozen=True)
class Answer:
    """A passage for a question, or for one of its parts."""

    passage: Passage
    asked: str
    sure: bool


def answers(
    text: str, parts: Sequence[str], passages: Sequence[Passage], rarity: Rarity
) -> tuple[list[Answer], list[str]]:
    """What answers ``text``, and those of its ``parts`` (its subject, the sentences that ask) that
    nothing answers; no answer at all where no article fits."""
    pool = [passage for passage in passages if without_heading(passage.quote).strip()]
    whole = read_question(text, rarity)
    focus = read_question("\n".join(parts), rarity) if parts else whole
    if not any(unit.weight >= TELLING for unit in focus.units):
        focus = whole
    best = _best_article(pool, whole, focus)
    chosen: list[Answer] = []
    left: list[str] = []
    for part in parts if len(parts) > 1 else ():
        asked = read_question(part, rarity)
        one = _for_part(part, asked, pool, best)
        if one is not None:
            chosen.append(one)
        elif _QUESTION.search(part):
            left.append(part)
    if best and all(one.passage.article != best[0].article for one in chosen):
        # Nothing of the ticket's own article is quoted for a part: its passage comes first.
        sure = _sure(best, whole, focus)
        asked = focus if len(whole.units) >= LONG else whole
        chosen = [*(Answer(one, text, sure) for one in _cover(best, asked, text)), *chosen]
    unique = list({(one.passage.article, one.passage.quote): one for one in chosen}.values())
    unique = unique[:MOST_PASSAGES]
    said = [*best, *(one.passage for one in unique)]
    return unique, [part for part in left if _open(read_question(part, rarity), said)]


def _open(asked: Asked, said: Sequence[Passage]) -> bool:
    """Whether a question asks clearly for something that nothing quoted, nor its article, says."""
    telling = sum(unit.weight >= TELLING for unit in asked.units)
    return telling >= 2 and _union(said, asked).share < ANSWERED


def _best_article(pool: Sequence[Passage], whole: Asked, focus: Asked) -> list[Passage]:
    """The passages of the article that answers the ticket as a whole; none where none does."""
    most = max((passage.score for passage in pool), default=0.0) or 1.0
    ranked = sorted(_articles(pool), key=lambda own: -_article_points(own, whole, focus, most))
    return next((own for own in ranked[:1] if _accepted(own, whole, focus)), [])


def _articles(pool: Sequence[Passage]) -> list[list[Passage]]:
    found: dict[str, list[Passage]] = {}
    for passage in pool:
        found.setdefault(passage.article, []).append(passage)
    return list(found.values())


def _article_points(own: Sequence[Passage], whole: Asked, focus: Asked, most: float) -> float:
    """In a long ticket the search knows best, in a short one what exactly is asked decides."""
    score = max(passage.score for passage in own) / most
    best = max(fit(focus, passage).share for passage in own)
    close = 0.5 * _union(own, focus).share + 0.35 * best + 0.15 * _union(own, whole).share
    weight = 0.6 if len(whole.units) >= LONG else 0.2
    return (1 - weight) * close + weight * score


def _accepted(own: Sequence[Passage], whole: Asked, focus: Asked) -> bool:
    score = max(passage.score for passage in own)
    return any(_fits(_union(own, asked), asked, score) for asked in (focus, whole))


def _fits(union: _Union, asked: Asked, score: float) -> bool:
    found = max(FOUND, FOUND_TIMES_UNITS / max(1, len(asked.units)))
    if len(asked.units) >= LONG and score >= found and union.telling >= 2:
        return True
    if not union.topical:
        # Words in passing are a coincidence, unless they are nearly all that is asked.
        return union.telling >= 2 and union.share >= ENOUGH_IN_PASSING
    return union.share >= ENOUGH


def _sure(own: Sequence[Passage], whole: Asked, focus: Asked) -> bool:
    if len(whole.units) >= LONG and max(passage.score for passage in own) >= FOUND_SURELY:
        return True
    unions = [_union(own, asked) for asked in (focus, whole)]
    return any(
        (one.share >= SURE and one.topic >= SURE_TOPIC and one.held >= 2)
        or (one.held == len(asked.units) and one.telling >= 2)
        for one, asked in zip(unions, (focus, whole), strict=True)
    )


@dataclass(frozen=True)
class _Union:
    """What the passages of an article say of a question, taken together."""

    share: float
    topic: float
    held: int
    """How many of its units they speak of."""
    telling: int
    """How many of these are no everyday words."""
    topical: bool
    """One of the latter stands in title or heading."""


def _union(own: Sequence[Passage], asked: Asked) -> _Union:
    share = topic = 0.0
    held = telling = 0
    topical = False
    for unit in asked.units if own else ():
        head, body = _best_hold(unit, own)
        share += unit.weight * max(head, IN_BODY * body)
        topic += unit.weight * head
        if max(head, body) > 0:
            held += 1
            telling += unit.weight >= TELLING
            topical = topical or (unit.weight >= TELLING and head > 0)
    whole = asked.weight or 1.0
    return _Union(share / whole, topic / whole, held, telling, topical)


def _best_hold(unit: Unit, own: Sequence[Passage]) -> tuple[float, float]:
    held = [holds(unit, passage) for passage in own]
    return max(max(one.title, one.heading) for one in held), max(one.body for one in held)


def _for_part(
    part: str, asked: Asked, pool: Sequence[Passage], best: Sequence[Passage]
) -> Answer | None:
    """The passage for one of several questions: of the ticket's own article, unless another one is
    about it beyond doubt."""
    if not any(unit.weight >= TELLING for unit in asked.units):
        return None
    mine = best[0].article if best else None
    ranked = sorted(pool, key=lambda piece: -_points(piece, asked, part))
    other = next((piece for piece in ranked if piece.article != mine), None)
    own = next((piece for piece in ranked if piece.article == mine), None)
    if own is not None and fit(asked, own).share >= ENOUGH_OF_OWN:
        ahead = _points(other, asked, part) - _points(own, asked, part) if other else 0.0
        if ahead < FAR_AHEAD:
            return Answer(own, part, _sure(best, asked, asked))
    if other is None:
        return None
    about = [passage for passage in pool if passage.article == other.article]
    union = _union(about, asked)
    clear = union.telling >= 2 or (bool(best) and union.topic >= SURE)
    if union.topical and clear and union.share >= SURE:
        return Answer(other, part, _sure(about, asked, asked))
    return None


def _points(piece: Passage, asked: Asked, text: str) -> float:
    fits = fit(asked, piece)
    points = 0.5 * fits.share + 0.5 * fits.own + _SCORE * min(1.0, piece.score)
    if not heading_of(piece.quote):
        points += _LEAD
    if _HOW.search(text) and _INSTRUCTION.search(piece.quote):
        points += _STEPS
    return points


def _cover(own: Sequence[Passage], asked: Asked, text: str) -> list[Passage]:
    """The passage of an article that fits best, and one more that says what it leaves out."""
    ranked = sorted(own, key=lambda piece: -_points(piece, asked, text))
    first = ranked[0]
    open_units = [unit for unit in asked.units if holds(unit, first).best == 0]

    def adds(piece: Passage) -> float:
        return sum(
            unit.weight
            for unit in open_units
            if max(holds(unit, piece).heading, holds(unit, piece).body) > 0
        )

    rest = max(ranked[1:], key=adds, default=None)
    worth = max(TELLING, min(WORTH_A_PASSAGE * asked.weight, 2 * TELLING))
    if rest is None or adds(rest) < worth:
        return [first]
    return [first, rest]
