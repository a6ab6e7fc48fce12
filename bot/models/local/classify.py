"""Labels by likeness to labelled examples: fast, deterministic, and able to say why.

Logistic regression over words, pairs, word parts and a thesaurus, with a vote of the nearest
examples. With no example at all the labels' names and descriptions stand in for them. How it was
chosen and how good it is: ``docs/local-model.md``.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from bot.domain import Confidence
from bot.models.local import saved
from bot.models.local.features import Floats, count_features
from bot.models.local.language import FUNCTION_WORDS
from bot.models.local.training import Trained, train
from bot.models.local.words import shortened, spelled, stem

Example = tuple[str, str]
"""A ticket's text and its label."""

SAME_TEXT = 0.97
"""A cosine that only the same words reach."""


@dataclass(frozen=True)
class Prediction:
    """What a text is likely about."""

    label: str
    confidence: Confidence
    """high: meant to be right 95 times in a hundred; never so before there are enough examples."""
    why: str
    """In words a person understands: the nearest examples, or the words that told."""
    ranked: tuple[tuple[str, float], ...]
    """Every label with its probability, most likely first; they sum to 1."""
    in_scope: bool
    """False: it is like nothing in the examples, and the label is a guess."""

    @property
    def probability(self) -> float:
        return self.ranked[0][1]


class LabelModel:
    """A trained model. It never changes."""

    def __init__(
        self,
        descriptions: Mapping[str, str],
        examples: Sequence[Example],
        trained: Trained,
    ) -> None:
        """Use ``train_labels``."""
        self._descriptions = dict(descriptions)
        self._labels = tuple(descriptions)
        self._examples = tuple(examples)
        self._trained = trained

    @property
    def labels(self) -> tuple[str, ...]:
        return self._labels

    @property
    def examples(self) -> int:
        return len(self._examples)

    def rarity(self, word: str) -> float:
        """How rare a stem is in the examples and the labels' own words, from 0 to 1 (in none)."""
        space = self._trained.space
        held = space.frequency.get("t" + word, 0)
        return math.log((1 + space.texts) / (1 + held)) / math.log(1 + space.texts)

    def predict(self, text: str) -> Prediction:
        """The label of ``text``, which may be anything."""
        scores = self._trained.score(count_features(text))
        calibration = self._trained.calibration
        likely = np.exp(calibration.log_likely(scores))[0]
        signals = scores.signals(scores.mixed(calibration.neighbours))
        # Word parts alone are no likeness: *hi* is not like *ship*.
        in_scope = bool(
            scores.known[0] > 0 and calibration.scope_score(signals)[0] >= calibration.scope
        )
        order = np.argsort(-likely, kind="stable")
        ranked = tuple((self._labels[int(place)], float(likely[place])) for place in order)
        label = int(order[0])
        likeness = scores.likeness[0]
        nearest = self._nearest(likeness, label)
        same = bool(nearest) and float(likeness[nearest[0]]) >= SAME_TEXT
        return Prediction(
            self._labels[label],
            self._confidence(ranked[0][1], in_scope, same),
            self._why(text, label, nearest, in_scope or same),
            ranked,
            in_scope or same,
        )

    # --- one prediction -----------------------------------------------------------------------

    def _confidence(self, probability: float, in_scope: bool, same: bool) -> Confidence:
        calibration = self._trained.calibration
        if same and probability >= calibration.medium:
            return "high"
        if not in_scope:
            return "low"
        if probability >= calibration.high:
            return "high"
        return "medium" if probability >= calibration.medium else "low"

    def _nearest(self, likeness: Floats, label: int) -> list[int]:
        """Up to two examples of ``label``, the most alike first."""
        own = np.flatnonzero(self._trained.targets[: len(self._examples)] == label)
        near = own[np.argsort(-likeness[own], kind="stable")][:2]
        return [int(place) for place in near if likeness[place] >= 0.15]

    def _why(
        self,
        text: str,
        label: int,
        nearest: Sequence[int],
        in_scope: bool,
    ) -> str:
        telling = self._telling_words(text, label)
        said = f" Words that told: {', '.join(telling)}." if telling else ""
        if nearest:
            # The sentence that quotes them has a full stop of its own.
            words = (shortened(self._examples[place][0], 80).rstrip(".") for place in nearest)
            quoted = " and ".join(f"“{one}”" for one in words)
            why = f"Like the {self._labels[label]} ticket{'s'[: len(nearest) - 1]} {quoted}.{said}"
        elif telling:
            why = f"It speaks of {', '.join(telling)}, as {self._labels[label]} tickets do."
        else:
            why = f"Nothing in it is known; {self._labels[label]} is a guess."
        return why if in_scope else f"It is like nothing seen before. {why}"

    def _telling_words(self, text: str, label: int) -> list[str]:
        """The words of ``text`` that speak most for ``label`` against the other labels."""
        weights = self._trained.weights
        against = weights[:-1, label] - weights[:-1].mean(axis=1)
        scored: dict[str, float] = {}
        for word in spelled(text)[:400]:
            if word in scored or len(word) < 3 or word in FUNCTION_WORDS:
                continue
            name = "t" + stem(word)
            if self._trained.space.frequency.get(name, 0):
                columns, values = self._trained.space.values({name: 1})
                scored[word] = float((against[columns] * values).sum())
        best = sorted((word for word in scored if scored[word] > 0.15), key=lambda w: -scored[w])
        return best[:3]


def train_labels(
    examples: Sequence[Example],
    descriptions: Mapping[str, str],
    *,
    cache: Path | None = None,
) -> LabelModel:
    """Train on ``examples``; ``descriptions`` names every label and says what it means.

    An example whose label is not described raises ``ValueError``. With ``cache``, a folder, a model
    of the same content is loaded in place of training, and a new one is kept there. Seconds on one
    core: 0.4 for 800 examples, 6 for 8,000, 0.2 from the cache.
    """
    if not descriptions:
        raise ValueError("there are no labels")
    numbers = {label: number for number, label in enumerate(descriptions)}
    for text, label in examples:
        if label not in numbers:
            raise ValueError(
                f"the label {label!r} of the example {shortened(text, 80)!r} is not described"
            )
    key = saved.content_key(examples, descriptions)
    if cache is not None and (loaded := saved.load(cache, key)):
        return LabelModel(descriptions, examples, loaded)
    texts = [text for text, _ in examples]
    targets = [numbers[label] for _, label in examples]
    for label, description in descriptions.items():
        for words in _own_words(label, description):
            texts.append(words)
            targets.append(numbers[label])
    trained = train(
        [count_features(text) for text in texts],
        np.array(targets, np.int64),
        len(numbers),
        len(examples),
    )
    if cache is not None:
        saved.save(cache, key, trained)
    return LabelModel(descriptions, examples, trained)


def _own_words(label: str, description: str) -> list[str]:
    """What a label says of itself, as texts to learn from."""
    name = label.replace("_", " ").replace("-", " ")
    return [name, f"{name}: {description}"] if description.strip() else [name]
