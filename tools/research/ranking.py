"""Which passages answer a text best: BM25 over words and pairs of words, sections and passages.

The figures are chosen by measurement, see ``docs/local-model.md``. BM25 as in Robertson and
Zaragoza, *The Probabilistic Relevance Framework* (2009), with the query's own term frequency
saturated by ``K3``: in a long ticket the words that come again and again are what it is about.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from bot.terms import is_pair, terms

K1 = 1.2
B = 0.75
K3 = 8.0
PAIR_WEIGHT = 0.5
"""A pair counts half: its words are counted besides."""
PASSAGE_SHARE = 0.3
"""How much of a score is that of the passage; the rest is that of the section it stands in."""
DISTINCT_TERMS = 1_500
"""Of a query, the most frequent; a longer text asks no more."""


@dataclass(frozen=True)
class Collection:
    """What BM25 must know of all that is searched. Lengths are in terms."""

    sections: int
    mean_section: float
    mean_passage: float


@dataclass(frozen=True)
class Query:
    """A text as weighted terms. ``ideal`` is the score of a text that says all of it."""

    weights: Mapping[str, float]
    frequency: Mapping[str, int]
    """In how many sections each term stands."""
    ideal: float

    def strongest(self, count: int, hits: int) -> list[str]:
        """The terms that decide most, for a first cut: up to ``count``, and no more than stand in
        ``hits`` sections all together, so that a search takes as long in a large collection."""
        ranked = sorted(self.weights, key=lambda term: (-self.weights[term], term))
        chosen: list[str] = []
        for term in ranked[:count]:
            hits -= self.frequency[term]
            if hits < 0 and chosen:
                break
            chosen.append(term)
        return chosen


def weigh(text: str, collection: Collection, frequency: Callable[[str], int]) -> Query:
    """The terms of ``text`` by weight; ``frequency`` says how many sections hold a term."""
    weights: dict[str, float] = {}
    found: dict[str, int] = {}
    ideal = 0.0
    for term, times in Counter(terms(text)).most_common(DISTINCT_TERMS):
        held = frequency(term)
        pair = is_pair(term)
        if pair and not held:
            continue
        rarity = math.log(1 + (collection.sections - held + 0.5) / (held + 0.5))
        weight = rarity * (K3 + 1) * times / (K3 + times) * (PAIR_WEIGHT if pair else 1.0)
        ideal += weight * (K1 + 1)
        if held:
            weights[term] = weight
            found[term] = held
    return Query(weights, found, ideal)


def score(query: Query, found: list[str], mean_length: float) -> float:
    """How much of ``query`` a text of these terms says, from 0 to 1."""
    if not query.ideal or not found:
        return 0.0
    times: dict[str, int] = {}
    for term in found:
        if term in query.weights:
            times[term] = times.get(term, 0) + 1
    norm = K1 * (1 - B + B * len(found) / mean_length)
    total = sum(
        query.weights[term] * count * (K1 + 1) / (count + norm) for term, count in times.items()
    )
    return total / query.ideal
