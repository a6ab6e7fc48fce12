"""Scoring: what the regression and the nearest examples say together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bot.models.local.features import Counts, FeatureSpace, Floats

NEIGHBOURS_SHARPNESS = 20.0
"""An example counts e to the power of this times its cosine."""

NEAREST = 3


@dataclass(frozen=True)
class Signals:
    """What tells whether a text is in scope: likeness to its label's nearest examples, evidence
    for its label, the share of its words that are known at all, and its label's log probability."""

    likeness: Floats
    evidence: Floats
    known: Floats
    likely: Floats

    def stacked(self) -> Floats:
        columns = [self.likeness, self.evidence, self.known, self.likely]
        return np.stack(columns, axis=1).astype(np.float32)


@dataclass(frozen=True)
class Scores:
    """Of each text: log probabilities by label of the regression and of the neighbours, and what
    tells whether it is in scope."""

    evidence: Floats
    near: Floats
    known: Floats
    likeness: Floats
    targets: NDArray[np.int64]

    def mixed(self, neighbours: float) -> Floats:
        """Log probabilities; ``neighbours`` is how much the nearest examples count beside."""
        mixed = log_softmax(self.evidence) + np.float32(neighbours) * log_softmax(self.near)
        return log_softmax(mixed)

    def signals(self, mixed: Floats) -> Signals:
        """The signals of scope for the likeliest label of each text."""
        top = mixed.argmax(axis=1)
        close = np.zeros(len(mixed), np.float32)
        for line, label in enumerate(top):
            own = np.sort(self.likeness[line, self.targets == label])
            close[line] = own[-NEAREST:].mean() if len(own) else 0.0
        lines = np.arange(len(mixed))
        return Signals(close, self.evidence[lines, top], self.known, mixed[lines, top])


def compare(
    evidence: Floats, likeness: Floats, targets: NDArray[np.int64], known: Floats
) -> Scores:
    """``evidence``: (texts, labels) of the regression; ``likeness``: (texts, examples) cosines;
    ``targets``: the examples' labels; ``known``: the share of known words of each text."""
    labels = evidence.shape[1]
    order = np.argsort(targets, kind="stable")
    counts = np.bincount(targets, minlength=labels)
    starts = np.minimum(np.concatenate([[0], np.cumsum(counts)[:-1]]), max(0, len(order) - 1))
    votes = np.exp(NEIGHBOURS_SHARPNESS * (likeness[:, order] - 1))
    sums = np.where(counts > 0, np.add.reduceat(votes, starts, axis=1), 0)
    near = np.log(sums + 1e-12).astype(np.float32)
    return Scores(evidence, near, known, likeness, targets)


def log_softmax(scores: Floats) -> Floats:
    """Rows of scores as log probabilities."""
    shifted = scores - scores.max(axis=1, keepdims=True)
    return np.asarray(
        shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True)), dtype=np.float32
    )


def known_share(space: FeatureSpace, counted: Sequence[Counts], *, own: int = 0) -> Floats:
    """The share of each text's words, by rarity, that other texts hold too.

    ``own`` is 1 for texts that are themselves part of ``space``.
    """
    shares = np.zeros(len(counted), np.float32)
    for place, counts in enumerate(counted):
        known = total = 0.0
        for name in counts:
            if name[0] != "t":
                continue
            held = space.frequency.get(name, 0) - own
            rarity = float(np.log((1 + space.texts) / (1 + max(held, 0)))) + 1
            total += rarity
            known += rarity if held > 0 else 0.0
        shares[place] = known / total if total else 0.0
    return shares
