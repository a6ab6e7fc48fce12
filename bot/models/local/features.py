"""A ticket as numbers: words, pairs, word parts and concepts, weighted by rarity, in 2,048 columns.

Four views of a text, each TF-IDF weighted and of length one: stems; stems with pairs; the parts of
words (two to five characters, which forgive typing errors); concepts of the thesaurus. The most
frequent features have a column of their own; the rest share by hash, with a sign, so that what
collides cancels out on the average (Weinberger et al., *Feature Hashing*, 2009).
"""

from __future__ import annotations

import itertools
import zlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from bot.models.local.concepts import concepts
from bot.models.local.words import stems

Floats = NDArray[np.float32]

OWN_COLUMNS = 1024
SHARED_COLUMNS = 1024
COLUMNS = OWN_COLUMNS + SHARED_COLUMNS
TEXT_LIMIT = 4_000
"""Characters of a ticket that are looked at."""

VIEW_WEIGHTS = {"t": 0.7, "s": 0.7, "c": 1.0, "x": 0.6}
"""t: stems. s: stems and pairs. c: parts of words. x: concepts. Chosen by measurement."""

Counts = dict[str, int]
"""Feature to how often it stands in a text; a feature's first letter names its view."""


def count_features(text: str) -> Counts:
    """The features of a text, before any weighting."""
    said = stems(text[:TEXT_LIMIT])
    counts: Counter[str] = Counter()
    for word, times in Counter(said).items():
        counts["t" + word] += times
        counts["s" + word] += times
        for part in _parts(word):
            counts[part] += times
    for first, second in itertools.pairwise(said):
        counts[f"s{first} {second}"] += 1
    for concept in concepts(said):
        counts["x" + concept] += 1
    return dict(counts)


@lru_cache(maxsize=50_000)
def _parts(word: str) -> tuple[str, ...]:
    edged = f" {word} "
    return tuple(
        "c" + edged[start : start + size]
        for size in range(2, 6)
        for start in range(len(edged) - size + 1)
    )


@dataclass(frozen=True)
class FeatureSpace:
    """What was learnt of the features of a set of texts: rarity, and who has its own column."""

    texts: int
    own: dict[str, int]
    frequency: dict[str, int]
    """In how many of the texts each feature stands."""

    def rows(self, counted: Sequence[Counts]) -> Floats:
        """The texts as rows of ``COLUMNS`` numbers."""
        rows = np.zeros((len(counted), COLUMNS), np.float32)
        for row, counts in zip(rows, counted, strict=True):
            columns, values = self.sparse(counts)
            np.add.at(row, columns, values)
        return rows

    def sparse(self, counts: Counts) -> tuple[NDArray[np.int64], Floats]:
        """One text as columns and their values; a column may stand twice."""
        if not counts:
            return np.zeros(0, np.int64), np.zeros(0, np.float32)
        names = list(counts)
        frequency = np.array([self.frequency.get(name, 0) for name in names], np.float32)
        values = 1 + np.log(np.array([counts[name] for name in names], np.float32))
        values *= np.log((1 + self.texts) / (1 + frequency)) + 1
        views = np.array([_VIEW_NUMBER[name[0]] for name in names])
        lengths = np.sqrt(np.bincount(views, values * values, minlength=len(_WEIGHTS)))
        values *= (_WEIGHTS / np.maximum(lengths, 1e-9))[views].astype(np.float32)
        placed = [self._place(name) for name in names]
        columns = np.array([column for column, _ in placed], np.int64)
        return columns, (values * np.array([sign for _, sign in placed])).astype(np.float32)

    def _place(self, name: str) -> tuple[int, int]:
        own = self.own.get(name)
        return (own, 1) if own is not None else _shared_column(name)


_VIEW_NUMBER = {view: number for number, view in enumerate(VIEW_WEIGHTS)}
_WEIGHTS = np.array(list(VIEW_WEIGHTS.values()), np.float64)


@lru_cache(maxsize=200_000)
def _shared_column(name: str) -> tuple[int, int]:
    hashed = zlib.crc32(name.encode("utf-8", "replace"))
    return OWN_COLUMNS + hashed % SHARED_COLUMNS, 1 if hashed & 0x80000000 else -1


def learn_features(counted: Sequence[Counts]) -> FeatureSpace:
    """The feature space of these texts; the same texts give the same space."""
    frequency: Counter[str] = Counter()
    for counts in counted:
        frequency.update(counts.keys())
    ranked = sorted(frequency.items(), key=lambda entry: (-entry[1], entry[0]))
    own = {name: column for column, (name, _) in enumerate(ranked[:OWN_COLUMNS])}
    return FeatureSpace(len(counted), own, dict(frequency))
