"""How sure is sure: what held-out examples say about the model's own figures.

Every threshold comes from examples that the model had not seen when it scored them. No foreign
text is needed to know when a text is foreign: the threshold is a score that nearly all in-scope
examples reach.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bot.models.local.core import Scores, Signals, log_softmax
from bot.models.local.features import FEW_LABELS, Floats

FALSE_HANDOFFS = 0.03
"""The share of held-out examples that may be taken for foreign: less than the 5 % that new tickets
should see, because new tickets are a little less like the examples than those are."""

FALSE_HANDOFFS_OF_FOLDS = 0.045
"""The same where labels are few and wide and each fold was scored without a fifth of what there is:
such folds look more foreign than new tickets will."""

HIGH_PRECISIONS = (0.985, 0.98, 0.975, 0.97, 0.965, 0.96, 0.955)
"""What *high* aims at among held-out examples, so that 95 of 100 hold on new ones: the first that
leaves half of them, else the last."""

MEDIUM_PRECISION = 0.7
"""Below this chance of being right a prediction is *low*."""

FEWEST_HELD_OUT = 30
"""With fewer held-out predictions nothing is ever *high* and nothing is called foreign."""

SIGNAL_WEIGHTS = (0.7, 1.2, 0.7, 0.8)
"""Of likeness, evidence, known words and probability. Chosen on labels that were left out of the
training part and played the foreign ones."""

_NEIGHBOURS = (0.1, 0.3, 0.6)
_SHARPNESS = (0.5, 0.6, 0.7, 0.8, 0.9, 1.0, 1.15, 1.3, 1.5, 1.75, 2.0, 2.5, 3.0)


@dataclass(frozen=True)
class HeldOut:
    """Scores of examples by a model that had not seen them, and their right labels."""

    scores: Scores
    targets: NDArray[np.int64]


@dataclass(frozen=True)
class Calibration:
    """What turns raw figures into a confidence. ``held_out`` is how many predictions it is from."""

    neighbours: float = 0.3
    """How much the nearest examples count beside the regression."""
    sharpness: float = 1.0
    """Multiplies the log probabilities."""
    high: float = 2.0
    """From this probability on *high*; above 1: never."""
    medium: float = 0.5
    signal_means: tuple[float, ...] = (0.0,) * len(SIGNAL_WEIGHTS)
    signal_spreads: tuple[float, ...] = (1.0,) * len(SIGNAL_WEIGHTS)
    scope: float = float("-inf")
    """In scope from this score on."""
    held_out: int = 0
    accuracy: float = 0.0

    def log_likely(self, scores: Scores) -> Floats:
        """Log probabilities by label."""
        return log_softmax(scores.mixed(self.neighbours) * np.float32(self.sharpness))

    def scope_score(self, signals: Signals) -> Floats:
        scaled = (signals.stacked() - np.array(self.signal_means)) / np.array(self.signal_spreads)
        return np.asarray(scaled @ np.array(SIGNAL_WEIGHTS), np.float32)


def calibrate(held_out: Sequence[HeldOut]) -> Calibration:
    """The calibration that these held-out predictions allow."""
    count = sum(len(part.targets) for part in held_out)
    if count < FEWEST_HELD_OUT:
        return Calibration(held_out=count)
    targets = np.concatenate([part.targets for part in held_out])
    choices = [
        (neighbours, sharpness, log_likely)
        for neighbours in _NEIGHBOURS
        for mixed in [np.concatenate([part.scores.mixed(neighbours) for part in held_out])]
        for sharpness in _SHARPNESS
        for log_likely in [log_softmax(mixed * np.float32(sharpness))]
    ]
    neighbours, sharpness, log_likely = min(
        choices, key=lambda choice: -float(choice[2][np.arange(count), targets].mean())
    )
    top = np.exp(log_likely.max(axis=1))
    right = log_likely.argmax(axis=1) == targets
    chance = _chance_of_being_right(top, right)
    high = _high(top, chance)
    signals = [part.scores.signals(part.scores.mixed(neighbours)) for part in held_out]
    stacked = np.concatenate([one.stacked() for one in signals])
    means, spreads = stacked.mean(axis=0), np.maximum(stacked.std(axis=0), 1e-6)
    base = Calibration(
        neighbours=neighbours,
        sharpness=sharpness,
        high=high,
        medium=min(high, _medium(top, chance)),
        signal_means=tuple(map(float, means)),
        signal_spreads=tuple(map(float, spreads)),
        held_out=count,
        accuracy=float(right.mean()),
    )
    scored = np.concatenate([base.scope_score(one) for one in signals])
    wide = held_out[0].scores.evidence.shape[1] <= FEW_LABELS and len(held_out) > 1
    share = FALSE_HANDOFFS_OF_FOLDS if wide else FALSE_HANDOFFS
    return Calibration(**{**vars(base), "scope": float(np.quantile(scored, share))})


def _chance_of_being_right(top: Floats, right: NDArray[np.bool_]) -> NDArray[np.float64]:
    """By the probability of its label: a logistic curve through what was right and wrong.

    The curve (Platt scaling) varies less from sample to sample than counting does. It is held to a
    slope of 1 or so by one imagined example, so that a sample without mistakes has a curve too.
    """
    odds = np.log(np.maximum(top, 1e-9).astype(np.float64)) - np.log1p(
        -np.minimum(top.astype(np.float64), 1 - 1e-6)
    )
    slope, level = 1.0, 0.0
    for _ in range(50):
        chance = 1 / (1 + np.exp(-(slope * odds + level)))
        weight = np.maximum(chance * (1 - chance), 1e-6)
        miss = chance - right
        pull = np.array([(miss * odds).sum() + slope - 1, miss.sum() + level])
        bend = np.array(
            [
                [(weight * odds * odds).sum() + 1, (weight * odds).sum()],
                [(weight * odds).sum(), weight.sum() + 1],
            ]
        )
        step = np.linalg.solve(bend, pull)
        slope, level = slope - float(step[0]), level - float(step[1])
        if np.abs(step).max() < 1e-6:
            break
    return np.asarray(1 / (1 + np.exp(-(slope * odds + level))))


def _high(top: Floats, chance: NDArray[np.float64]) -> float:
    """The lowest probability such that those at or above it are right often enough; else 2."""
    order = np.argsort(-top, kind="stable")
    precision = np.cumsum(chance[order]) / np.arange(1, len(order) + 1)
    found = 2.0
    for aim in HIGH_PRECISIONS:
        enough = np.flatnonzero(precision >= aim)
        if len(enough):
            found = float(top[order][enough[-1]])
            if len(enough) >= len(order) / 2:
                break
    return found


def _medium(top: Floats, chance: NDArray[np.float64]) -> float:
    """The lowest probability that is right often enough for *medium*."""
    enough = top[chance >= MEDIUM_PRECISION]
    return float(enough.min()) if len(enough) else 1.0
