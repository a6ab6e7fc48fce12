"""The trained figures of the label model, and scoring with them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bot.models.local.calibration import Signals, log_softmax
from bot.models.local.features import COLUMNS, Counts, FeatureSpace, Floats

NEIGHBOURS_WEIGHT = 0.3
"""How much the nearest examples say beside the regression."""

NEIGHBOURS_SHARPNESS = 15.0
"""An example counts e to the power of this times its cosine."""

NEAREST = 3


@dataclass(frozen=True)
class SparseRows:
    """Rows of length one, as the columns and values of what is not zero."""

    starts: NDArray[np.int64]
    columns: NDArray[np.uint16]
    values: NDArray[np.float16]
    lengths: Floats
    """Of the rows before they were scaled."""

    def __len__(self) -> int:
        return len(self.starts) - 1

    def likeness(self, row: Floats) -> Floats:
        """The cosine of each row with ``row``, which has length one."""
        if not len(self.columns):
            return np.zeros(len(self), np.float32)
        products = row[self.columns] * self.values
        sums = np.add.reduceat(products, np.minimum(self.starts[:-1], len(products) - 1))
        return np.where(self.starts[1:] > self.starts[:-1], sums, 0).astype(np.float32)

    def dense(self) -> Floats:
        """The rows as they were."""
        rows = np.zeros((len(self), COLUMNS), np.float32)
        lines = np.repeat(np.arange(len(self)), np.diff(self.starts))
        rows[lines, self.columns] = self.values * self.lengths[lines]
        return rows


def sparse_rows(rows: Floats) -> SparseRows:
    """Dense rows, scaled to length one and packed."""
    lines, columns = np.nonzero(rows)
    lengths = np.maximum(np.sqrt((rows * rows).sum(axis=1)), 1e-9).astype(np.float32)
    values = rows[lines, columns] / lengths[lines]
    starts = np.concatenate([[0], np.cumsum(np.bincount(lines, minlength=len(rows)))])
    return SparseRows(starts, columns.astype(np.uint16), values.astype(np.float16), lengths)


def unit(rows: Floats) -> Floats:
    lengths = np.sqrt((rows * rows).sum(axis=-1, keepdims=True))
    return np.asarray(rows / np.maximum(lengths, 1e-9), np.float32)


@dataclass(frozen=True)
class Scores:
    """Of each text: log probabilities by label, likeness to each example, signals of scope."""

    log_likely: Floats
    likeness: Floats
    signals: Signals


def combine(
    evidence: Floats, likeness: Floats, targets: NDArray[np.int64], known: Floats
) -> Scores:
    """Regression and neighbours as one score.

    ``evidence``: (texts, labels) of the regression; ``likeness``: (texts, examples) cosines;
    ``targets``: the examples' labels; ``known``: the share of known words of each text.
    """
    labels = evidence.shape[1]
    order = np.argsort(targets, kind="stable")
    counts = np.bincount(targets, minlength=labels)
    starts = np.minimum(np.concatenate([[0], np.cumsum(counts)[:-1]]), max(0, len(order) - 1))
    votes = np.exp(NEIGHBOURS_SHARPNESS * (likeness[:, order] - 1))
    near = np.log(np.where(counts > 0, np.add.reduceat(votes, starts, axis=1), 0) + 1e-12)
    mixed = log_softmax(evidence) + np.float32(NEIGHBOURS_WEIGHT) * log_softmax(near)
    top = mixed.argmax(axis=1)
    close = np.zeros(len(mixed), np.float32)
    for line, label in enumerate(top):
        own = np.sort(likeness[line, targets == label])
        close[line] = own[-NEAREST:].mean() if len(own) else 0.0
    chosen = evidence[np.arange(len(mixed)), top]
    return Scores(mixed, likeness, Signals(close, chosen, known))


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
