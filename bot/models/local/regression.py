"""Multinomial logistic regression by L-BFGS in numpy, deterministic and fast enough to train live.

Minimises cross entropy with a quadratic penalty (``strength`` divides it: larger fits closer);
limited-memory BFGS as in Nocedal and Wright, *Numerical Optimization*, chapter 7, with a diagonal
preconditioner.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bot.models.local.features import Floats
from bot.models.local.rows import SparseRows

STRENGTH = 10.0
TOLERANCE = 2e-3
"""Stop when steps gain less than this share of the loss; more steps change no label."""

MOST_STEPS = 60
_MEMORY = 10


@dataclass(frozen=True)
class _Problem:
    rows: SparseRows
    targets: NDArray[np.int64]
    strength: float

    def loss(self, solution: Floats) -> tuple[float, Floats]:
        """The loss and its gradient. The last line of ``solution`` is the bias, not penalised."""
        gradient = np.zeros_like(solution)
        total = 0.0
        for place, block in self.rows.blocks():
            targets = self.targets[place]
            likely = block @ solution[:-1]
            likely += solution[-1]
            likely -= likely.max(axis=1, keepdims=True)
            np.exp(likely, out=likely)
            likely /= likely.sum(axis=1, keepdims=True)
            lines = np.arange(len(targets))
            total -= float(np.log(np.maximum(likely[lines, targets], 1e-12)).sum())
            likely[lines, targets] -= 1
            gradient[:-1] += block.T @ likely
            gradient[-1] += likely.sum(axis=0)
        gradient[:-1] += solution[:-1] / np.float32(self.strength)
        penalty = 0.5 / self.strength * float(np.vdot(solution[:-1], solution[:-1]))
        return total + penalty, gradient


def fit(
    rows: SparseRows,
    targets: NDArray[np.int64],
    labels: int,
    *,
    strength: float = STRENGTH,
    start: Floats | None = None,
) -> Floats:
    """Weights of shape (columns + 1, labels), the last line the bias.

    ``targets`` are label numbers. ``start`` is an earlier solution to go on from.
    """
    problem = _Problem(rows, targets, strength)
    solution = np.zeros((rows.width + 1, labels), np.float32) if start is None else start.copy()
    squares = np.bincount(rows.columns, rows.values * rows.values, minlength=rows.width)
    curving = 0.3 * np.append(squares, len(rows)) / labels + 1 / strength
    scale = (1 / curving).astype(np.float32)[:, None]
    value, gradient = problem.loss(solution)
    history: deque[tuple[Floats, Floats, float]] = deque(maxlen=_MEMORY)
    small_gains = 0
    for _ in range(MOST_STEPS):
        direction = _direction(gradient, history, scale)
        slope = float(np.vdot(gradient, direction))
        step = 1.0
        while True:
            moved = solution + np.float32(step) * direction
            new_value, new_gradient = problem.loss(moved)
            if new_value <= value + 1e-4 * step * slope or step < 1e-5:
                break
            step *= 0.4
        if new_value >= value:
            if not history:
                break
            history.clear()
            continue
        change, turn = moved - solution, new_gradient - gradient
        curvature = float(np.vdot(change, turn))
        if curvature > 1e-10:
            history.append((change, turn, 1 / curvature))
        gain = (value - new_value) / max(abs(new_value), 1.0)
        solution, value, gradient = moved, new_value, new_gradient
        # One step may gain little because it was cut short; two in a row mean that it is done.
        small_gains = small_gains + 1 if gain < TOLERANCE else 0
        if small_gains == 2:
            break
    return solution


def _direction(
    gradient: Floats, history: deque[tuple[Floats, Floats, float]], scale: Floats
) -> Floats:
    """The two-loop recursion."""
    direction = gradient.copy()
    factors: list[float] = []
    for change, turn, inverse in reversed(history):
        factor = inverse * float(np.vdot(change, direction))
        factors.append(factor)
        direction -= np.float32(factor) * turn
    direction *= scale
    if history:
        change, turn, _ = history[-1]
        direction *= np.float32(float(np.vdot(change, turn)) / float(np.vdot(turn, scale * turn)))
    for (change, turn, inverse), factor in zip(history, reversed(factors), strict=True):
        direction += change * np.float32(factor - inverse * float(np.vdot(turn, direction)))
    return -direction
