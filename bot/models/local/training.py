"""Training the label model, and holding examples out to learn how far it can be trusted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bot.models.local.calibration import Calibration, HeldOut, calibrate
from bot.models.local.core import Scores, compare, known_share
from bot.models.local.features import (
    Counts,
    FeatureSpace,
    Floats,
    columns_for,
    learn_features,
)
from bot.models.local.regression import fit
from bot.models.local.rows import SparseRows, rows_of

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
    units: SparseRows
    """The rows, of length one."""
    targets: NDArray[np.int64]
    """Label numbers of the rows."""
    calibration: Calibration

    def score(self, counts: Counts) -> Scores:
        """One text. Never several at once: the last digits would depend on their number."""
        columns, values = self.space.values(counts)
        evidence = (values @ self.weights[columns] + self.weights[-1])[None, :]
        row = np.zeros(self.space.columns, np.float32)
        row[columns] = values / max(1e-9, float(np.sqrt((values * values).sum())))
        likeness = self.units.times(row)[None, :]
        return compare(evidence, likeness, self.targets, known_share(self.space, [counts]))


def train(
    counted: Sequence[Counts], targets: NDArray[np.int64], labels: int, examples: int
) -> Trained:
    """Train on all rows; only the first ``examples`` are tickets and calibrate it."""
    space = learn_features(counted, columns_for(labels))
    rows = rows_of(space, counted)
    units = rows.unit()
    known = known_share(space, counted, own=1)
    held_out, start = _hold_out(rows, units, known, targets, labels, examples)
    weights = fit(rows, targets, labels, start=start)
    return Trained(space, weights, rows, units, targets, calibrate(held_out))


def _hold_out(
    rows: SparseRows,
    units: SparseRows,
    known: Floats,
    targets: NDArray[np.int64],
    labels: int,
    examples: int,
) -> tuple[list[HeldOut], Floats | None]:
    """Scores of examples that the scoring model had not seen, and a start for the final fit."""
    if examples < 2 * FOLDS:
        return [], None
    # Examples that lie together were often written together: dealt out one by one, a fold would
    # know the held-out ones all too well. So each label's examples are dealt out in blocks.
    many = examples >= MANY
    folds = QUARTERS if many else FOLDS
    fold = np.full(len(targets), -1)
    for label in range(labels):
        own = np.flatnonzero(targets[:examples] == label)
        block = max(1, min(BLOCK, -(-len(own) // folds)))
        fold[own] = (np.arange(len(own)) // block + label) % folds
    held_out: list[HeldOut] = []
    weights: Floats | None = None
    for held in range(1 if many else folds):
        out = fold == held
        if not out.any():
            continue
        weights = fit(rows.take(~out), targets[~out], labels)
        evidence = np.empty((int(out.sum()), labels), np.float32)
        for place, block_rows in rows.take(out).blocks():
            evidence[place] = block_rows @ weights[:-1] + weights[-1]
        likeness = units.take(out).times_all(units.take(~out))
        held_out.append(
            HeldOut(compare(evidence, likeness, targets[~out], known[out]), targets[out])
        )
    return held_out, weights if many else None
