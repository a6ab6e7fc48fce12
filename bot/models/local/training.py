"""Training the label model, and holding examples out to learn how far it can be trusted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bot.models.local.calibration import Calibration, Signals, calibrate
from bot.models.local.core import (
    Scores,
    SparseRows,
    combine,
    known_share,
    sparse_rows,
    unit,
)
from bot.models.local.features import COLUMNS, Counts, FeatureSpace, Floats, learn_features
from bot.models.local.regression import fit

FOLDS = 5
QUARTERS = 4
BLOCK = 5
"""Examples of a label that stay together when some are held out."""

MANY = 2_000
"""From this many examples on a quarter is held out once, in place of five folds."""


@dataclass(frozen=True)
class Trained:
    """Everything a prediction needs. Examples come first, the labels' own words after them."""

    space: FeatureSpace
    weights: Floats
    """(columns + 1, labels); the last line is the bias."""
    rows: SparseRows
    targets: NDArray[np.int64]
    """Label numbers of the rows."""
    calibration: Calibration

    def score(self, counts: Counts) -> Scores:
        """One text. Never several at once: the last digits would depend on their number."""
        columns, values = self.space.sparse(counts)
        evidence = (values @ self.weights[columns] + self.weights[-1])[None, :]
        row = np.bincount(columns, values, minlength=COLUMNS).astype(np.float32)
        likeness = self.rows.likeness(unit(row))[None, :]
        return combine(evidence, likeness, self.targets, known_share(self.space, [counts]))


def train(
    counted: Sequence[Counts], targets: NDArray[np.int64], labels: int, examples: int
) -> Trained:
    """Train on all rows; only the first ``examples`` are tickets and calibrate it."""
    space = learn_features(counted)
    dense = space.rows(counted)
    held_out, start = _held_out(space, counted, dense, targets, labels, examples)
    calibration = calibrate(*held_out) if held_out else Calibration()
    weights = fit(dense, targets, labels, start=start)
    return Trained(space, weights, sparse_rows(dense), targets, calibration)


def train_further(
    before: Trained, counted: Sequence[Counts], targets: NDArray[np.int64], labels: int
) -> Trained:
    """Add rows in front of what was trained, keeping its feature space and calibration."""
    dense = np.concatenate([before.space.rows(counted), before.rows.dense()])
    both = np.concatenate([targets, before.targets])
    weights = fit(dense, both, labels, start=before.weights)
    return Trained(before.space, weights, sparse_rows(dense), both, before.calibration)


def _held_out(
    space: FeatureSpace,
    counted: Sequence[Counts],
    dense: Floats,
    targets: NDArray[np.int64],
    labels: int,
    examples: int,
) -> tuple[tuple[Floats, NDArray[np.int64], Signals] | None, Floats | None]:
    """Scores of examples that the scoring model had not seen, and a start for the final fit."""
    if examples < 2 * FOLDS:
        return None, None
    # Examples that lie together were often written together: dealt out one by one, a fold would
    # know the held-out ones all too well. So each label's examples are dealt out in blocks.
    many = examples >= MANY
    folds = QUARTERS if many else FOLDS
    fold = np.full(len(targets), -1)
    for label in range(labels):
        own = np.flatnonzero(targets[:examples] == label)
        block = max(1, min(BLOCK, -(-len(own) // folds)))
        fold[own] = (np.arange(len(own)) // block + label) % folds
    known = known_share(space, counted, own=1)
    parts: list[tuple[Floats, NDArray[np.int64], Signals]] = []
    weights: Floats | None = None
    for held in range(1 if many else folds):
        out = fold == held
        if not out.any():
            continue
        weights = fit(dense[~out], targets[~out], labels)
        evidence = dense[out] @ weights[:-1] + weights[-1]
        likeness = unit(dense[out]) @ unit(dense[~out]).T
        scores = combine(evidence, likeness, targets[~out], known[out])
        parts.append((scores.log_likely, targets[out], scores.signals))
    signals = Signals(
        np.concatenate([part[2].likeness for part in parts]),
        np.concatenate([part[2].evidence for part in parts]),
        np.concatenate([part[2].known for part in parts]),
    )
    joined = (
        np.concatenate([part[0] for part in parts]),
        np.concatenate([part[1] for part in parts]),
        signals,
    )
    return joined, weights if many else None
