"""A ticket as numbers: words, pairs, word parts and concepts, weighted by rarity, in columns.

Four views of a text, each TF-IDF weighted and of a fixed length: stems; stems with pairs; the parts
of words (two to five characters, which forgive typing errors); concepts of the thesaurus. The most
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
from bot.models.local.words import plain_words, stems

Floats = NDArray[np.float32]

TEXT_LIMIT = 4_000
"""Characters of a ticket that are looked at."""

VIEW_WEIGHTS = {"t": 0.7, "s": 0.7, "c": 1.0, "x": 0.6}
"""t: stems. s: stems and pairs. c: parts of words. x: concepts. Chosen by measurement."""

FEW_LABELS = 20
COLUMNS_FEW_LABELS = 8_192
COLUMNS_MANY_LABELS = 4_096
"""A model of few labels learns a wider field for each and needs more columns; training time goes
with columns times labels. Half of them are features' own."""

Counts = dict[str, int]
"""Feature to how often it stands in a text; a feature's first letter names its view."""


def columns_for(labels: int) -> int:
    return COLUMNS_FEW_LABELS if labels <= FEW_LABELS else COLUMNS_MANY_LABELS


def count_features(text: str) -> Counts:
    """The features of a text, before any weighting."""
    text = text[:TEXT_LIMIT]
    said = stems(text)
    counts: Counter[str] = Counter()
    for word, times in Counter(said).items():
        counts["t" + word] += times
        counts["s" + word] += times
    for word in plain_words(text):
        counts.update(_parts(word))
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
class FeatureTable:
    """Of some features: how rare, of which view and weight, in which column and with which sign."""

    rarity: NDArray[np.float64]
    view: NDArray[np.int64]
    weight: NDArray[np.float64]
    column: NDArray[np.int64]
    sign: NDArray[np.float64]


@dataclass(frozen=True)
class FeatureSpace:
    """What was learnt of the features of a set of texts: rarity, and who has its own column."""

    texts: int
    columns: int
    own: dict[str, int]
    frequency: dict[str, int]
    """In how many of the texts each feature stands."""

    def about(self, names: Sequence[str]) -> FeatureTable:
        """What each of these features is to this space."""
        placed = [self._place(name) for name in names]
        frequency = np.array([self.frequency.get(name, 0) for name in names], np.float64)
        view = np.array([_VIEW_NUMBER[name[0]] for name in names], np.int64)
        return FeatureTable(
            np.log((1 + self.texts) / (1 + frequency)) + 1,
            view,
            _WEIGHTS[view],
            np.array([column for column, _ in placed], np.int64),
            np.array([sign for _, sign in placed], np.float64),
        )

    def values(self, counts: Counts) -> tuple[NDArray[np.int64], Floats]:
        """One text as columns, each once and in order, and their values."""
        if not counts:
            return np.zeros(0, np.int64), np.zeros(0, np.float32)
        about = self.about(list(counts))
        values = (1 + np.log(np.array(list(counts.values()), np.float64))) * about.rarity
        lengths = np.sqrt(np.bincount(about.view, values * values, minlength=len(_WEIGHTS)))
        values *= about.sign * about.weight / np.maximum(lengths, 1e-9)[about.view]
        columns, inverse = np.unique(about.column, return_inverse=True)
        sums = np.bincount(inverse, values, minlength=len(columns))
        return columns, sums.astype(np.float32)

    def _place(self, name: str) -> tuple[int, int]:
        own = self.own.get(name)
        if own is not None:
            return own, 1
        hashed = _hashed(name)
        first_shared = self.columns // 2
        column = first_shared + hashed % (self.columns - first_shared)
        return column, 1 if hashed & 0x80000000 else -1


_VIEW_NUMBER = {view: number for number, view in enumerate(VIEW_WEIGHTS)}
_WEIGHTS = np.array(list(VIEW_WEIGHTS.values()), np.float64)


@lru_cache(maxsize=200_000)
def _hashed(name: str) -> int:
    return zlib.crc32(name.encode("utf-8", "replace"))


def learn_features(counted: Sequence[Counts], columns: int) -> FeatureSpace:
    """The feature space of these texts; the same texts give the same space."""
    frequency: Counter[str] = Counter()
    for counts in counted:
        frequency.update(counts.keys())
    ranked = sorted(frequency.items(), key=lambda entry: (-entry[1], entry[0]))
    own = {name: column for column, (name, _) in enumerate(ranked[: columns // 2])}
    return FeatureSpace(len(counted), columns, own, dict(frequency))
