"""Many texts as rows that are mostly zero: packed, and made dense a block at a time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bot.models.local.features import Counts, FeatureSpace, Floats

BLOCK_NUMBERS = 8_000_000
"""Of a dense block: 32 MB."""


@dataclass(frozen=True)
class SparseRows:
    """Row ``n`` has ``values[starts[n]:starts[n + 1]]`` in the ``columns`` of the same places."""

    starts: NDArray[np.int64]
    columns: NDArray[np.uint16]
    values: Floats
    width: int

    def __len__(self) -> int:
        return len(self.starts) - 1

    def take(self, chosen: NDArray[np.bool_]) -> SparseRows:
        """The rows where ``chosen`` is true, in their order."""
        counts = np.diff(self.starts)
        kept = np.repeat(chosen, counts)
        starts = np.concatenate([[0], np.cumsum(counts[chosen])])
        return SparseRows(starts, self.columns[kept], self.values[kept], self.width)

    def blocks(self) -> Iterator[tuple[slice, Floats]]:
        """All rows, dense, some thousand at a time; a block is overwritten by the next."""
        size = max(1, min(len(self), BLOCK_NUMBERS // self.width))
        block = np.zeros((size, self.width), np.float32)
        for first in range(0, len(self), size):
            last = min(first + size, len(self))
            begin, end = self.starts[first], self.starts[last]
            lines = np.repeat(np.arange(last - first), np.diff(self.starts[first : last + 1]))
            columns = self.columns[begin:end]
            block[lines, columns] = self.values[begin:end]
            yield slice(first, last), block[: last - first]
            block[lines, columns] = 0

    def unit(self) -> SparseRows:
        """The same rows, each scaled to length one."""
        lines = np.repeat(np.arange(len(self)), np.diff(self.starts))
        squares = np.bincount(lines, self.values * self.values, minlength=len(self))
        lengths = np.sqrt(np.maximum(squares, 1e-18)).astype(np.float32)
        return SparseRows(self.starts, self.columns, self.values / lengths[lines], self.width)

    def times(self, row: Floats) -> Floats:
        """The product of each row with a dense one."""
        if not len(self.columns):
            return np.zeros(len(self), np.float32)
        products = row[self.columns] * self.values
        sums = np.add.reduceat(products, np.minimum(self.starts[:-1], len(products) - 1))
        return np.where(self.starts[1:] > self.starts[:-1], sums, 0).astype(np.float32)

    def times_all(self, others: SparseRows) -> Floats:
        """The product of each row with each of ``others``: shape (rows, others)."""
        products = np.empty((len(self), len(others)), np.float32)
        for place, block in others.blocks():
            across = np.ascontiguousarray(block.T)
            for own, mine in self.blocks():
                products[own, place] = mine @ across
        return products


def rows_of(space: FeatureSpace, counted: Sequence[Counts]) -> SparseRows:
    """Texts as rows of ``space``: what ``space.values`` gives for each, for all at once."""
    numbers: dict[str, int] = {}
    names = [numbers.setdefault(name, len(numbers)) for counts in counted for name in counts]
    lines = np.repeat(np.arange(len(counted)), [len(counts) for counts in counted])
    times = np.fromiter((n for counts in counted for n in counts.values()), np.float64, len(names))
    about = space.about(list(numbers))
    values = (1 + np.log(times)) * about.rarity[names]
    views = about.view[names]
    lengths = np.sqrt(np.bincount(lines * 4 + views, values * values, minlength=4 * len(counted)))
    values *= about.sign[names] * about.weight[names] / np.maximum(lengths, 1e-9)[lines * 4 + views]
    places, inverse = np.unique(lines * space.columns + about.column[names], return_inverse=True)
    sums = np.bincount(inverse, values, minlength=len(places)).astype(np.float32)
    sizes = np.bincount(places // space.columns, minlength=len(counted))
    return SparseRows(
        np.concatenate([[0], np.cumsum(sizes)]),
        (places % space.columns).astype(np.uint16),
        sums,
        space.columns,
    )
