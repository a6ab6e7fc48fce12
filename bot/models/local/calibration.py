"""How sure is sure: what held-out examples say about the model's own figures.

Every threshold comes from examples that the model had not seen when it scored them (five folds, or
a quarter held out when there are many). No foreign text is needed to know when a text is foreign:
the threshold is the score that 95 of 100 in-scope examples reach.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bot.models.local.features import Floats

FALSE_HANDOFFS = 0.03
"""The share of in-scope tickets that may be taken for foreign."""

HIGH_PRECISION = 0.96
"""What *high* aims at among held-out examples, so that 95 of 100 hold on new ones."""

MEDIUM_PRECISION = 0.7
"""Below this chance of being right a prediction is *low*."""

FEWEST_HELD_OUT = 30
"""With fewer held-out predictions nothing is ever *high* and nothing is called foreign."""

SIGNAL_WEIGHTS = (1.0, 1.0, 0.7)
"""Of the three signals of scope: likeness, evidence, known words. Chosen by measurement."""

_SHARPNESS = (0.5, 0.6, 0.7, 0.8, 0.9, 1.0, 1.15, 1.3, 1.5, 1.75, 2.0, 2.5, 3.0)


@dataclass(frozen=True)
class Signals:
    """Of each text: likeness to its label's nearest examples, evidence for its label, and the
    share of its words that are known at all."""

    likeness: Floats
    evidence: Floats
    known: Floats

    def stacked(self) -> Floats:
        return np.stack([self.likeness, self.evidence, self.known], axis=1).astype(np.float32)


@dataclass(frozen=True)
class Calibration:
    """What turns raw figures into a confidence. ``held_out`` is how many predictions it is from."""

    sharpness: float = 1.0
    """Multiplies the log probabilities."""
    high: float = 2.0
    """From this probability on *high*; above 1: never."""
    medium: float = 0.5
    signal_means: tuple[float, float, float] = (0.0, 0.0, 0.0)
    signal_spreads: tuple[float, float, float] = (1.0, 1.0, 1.0)
    scope: float = float("-inf")
    """In scope from this score on."""
    held_out: int = 0
    accuracy: float = 0.0

    def scope_score(self, signals: Signals) -> Floats:
        scaled = (signals.stacked() - np.array(self.signal_means)) / np.array(self.signal_spreads)
        return np.asarray(scaled @ np.array(SIGNAL_WEIGHTS), np.float32)


def calibrate(log_likely: Floats, targets: NDArray[np.int64], signals: Signals) -> Calibration:
    """From held-out log probabilities (texts, labels), the right labels and the signals."""
    count = len(targets)
    if count < FEWEST_HELD_OUT:
        return Calibration(held_out=count)
    sharpness = min(_SHARPNESS, key=lambda factor: _surprise(log_likely * factor, targets))
    likely = np.exp(log_softmax(log_likely * np.float32(sharpness)))
    top = likely.max(axis=1)
    right = likely.argmax(axis=1) == targets
    stacked = signals.stacked()
    means, spreads = stacked.mean(axis=0), np.maximum(stacked.std(axis=0), 1e-6)
    high = _lowest_with_precision(top, right, HIGH_PRECISION)
    base = Calibration(
        sharpness=sharpness,
        high=high,
        medium=min(high, _medium(top, right)),
        signal_means=(float(means[0]), float(means[1]), float(means[2])),
        signal_spreads=(float(spreads[0]), float(spreads[1]), float(spreads[2])),
        held_out=count,
        accuracy=float(right.mean()),
    )
    scope = float(np.quantile(base.scope_score(signals), FALSE_HANDOFFS))
    return Calibration(**{**vars(base), "scope": scope})


def log_softmax(scores: Floats) -> Floats:
    """Rows of scores as log probabilities."""
    shifted = scores - scores.max(axis=1, keepdims=True)
    return np.asarray(
        shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True)), dtype=np.float32
    )


def _surprise(scores: Floats, targets: NDArray[np.int64]) -> float:
    return -float(log_softmax(scores)[np.arange(len(targets)), targets].mean())


def _lowest_with_precision(top: Floats, right: NDArray[np.bool_], aim: float) -> float:
    """The lowest probability such that those at or above it are right often enough; else 2."""
    order = np.argsort(-top, kind="stable")
    hits = np.cumsum(right[order])
    counts = np.arange(1, len(order) + 1)
    # One wrong answer more than was seen: a small sample must not look better than it is.
    precise = (hits + aim) / (counts + 1) >= aim
    precise[: FEWEST_HELD_OUT // 3] = False
    if not precise.any():
        return 2.0
    return float(top[order][int(np.flatnonzero(precise)[-1])])


def _medium(top: Floats, right: NDArray[np.bool_]) -> float:
    """The lowest probability around which at least ``MEDIUM_PRECISION`` are right."""
    order = np.argsort(top, kind="stable")
    width = max(15, len(order) // 12)
    if len(order) <= width:
        return 0.5
    totals = np.concatenate([[0], np.cumsum(right[order])])
    around = (totals[width:] - totals[:-width]) / width
    enough = np.flatnonzero(around >= MEDIUM_PRECISION)
    if not len(enough):
        return 1.0
    return float(top[order][int(enough[0]) + width // 2])
