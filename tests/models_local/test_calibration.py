"""Thresholds from held-out figures: as sure as the figures allow, and no more."""

from __future__ import annotations

import numpy as np
import pytest

from bot.models.local.calibration import HeldOut, calibrate
from bot.models.local.core import Scores
from bot.models.local.features import count_features
from bot.models.local.regression import fit
from bot.models.local.rows import SparseRows
from bot.models.local.training import train
from tests.models_local.desk import EXAMPLES


def figures(count: int, right_share: float) -> list[HeldOut]:
    """Two labels; the surer half is right at ``right_share``, the other half at six in ten."""
    chance = np.random.default_rng(7)
    sure = np.arange(count) < count // 2
    top = np.where(sure, 0.95, 0.6) + chance.uniform(0, 0.02, count)
    right = chance.uniform(size=count) < np.where(sure, right_share, 0.6)
    scores = np.log(np.stack([top, 1 - top], axis=1)).astype(np.float32)
    flat = chance.normal(size=count).astype(np.float32)
    likeness = np.stack([flat, flat], axis=1)
    near = np.zeros_like(scores)
    targets = np.where(right, 0, 1)
    return [HeldOut(Scores(scores, near, flat, likeness, np.array([0, 1])), targets)]


def test_high_begins_where_the_figures_are_right_often_enough() -> None:
    found = calibrate(figures(2_000, 0.99))
    assert found.held_out == 2_000
    assert 0.5 < found.high <= 1
    assert found.medium <= found.high
    assert found.accuracy == pytest.approx(0.8, abs=0.03)


def test_nothing_is_high_where_nothing_is_right_often_enough() -> None:
    assert calibrate(figures(2_000, 0.8)).high > 1


def test_too_few_figures_allow_nothing() -> None:
    found = calibrate(figures(20, 1.0))
    assert found.high > 1
    assert found.scope == float("-inf")


def test_few_in_scope_texts_fall_under_the_threshold() -> None:
    held_out = figures(1_000, 0.99)
    found = calibrate(held_out)
    scores = held_out[0].scores
    signals = scores.signals(scores.mixed(found.neighbours))
    below = float((found.scope_score(signals) < found.scope).mean())
    assert 0 < below <= 0.05


def test_examples_that_score_them_have_not_seen_them() -> None:
    """With random labels nothing can be learnt, and held-out figures must say so."""
    chance = np.random.default_rng(3)
    texts = [count_features(text) for text, _ in EXAMPLES]
    targets = chance.integers(0, 4, len(texts))
    trained = train(texts, targets, 4, len(texts))
    assert trained.calibration.accuracy < 0.5
    assert trained.calibration.high > 1


def test_the_regression_finds_what_a_closer_fit_cannot_better() -> None:
    chance = np.random.default_rng(5)
    dense = chance.normal(size=(200, 10)).astype(np.float32)
    columns = np.tile(np.arange(10), 200).astype(np.uint16)
    rows = SparseRows(np.arange(0, 2_001, 10), columns, dense.ravel(), 10)
    targets = (dense[:, 0] + 0.1 * chance.normal(size=200) > 0).astype(np.int64)
    weights = fit(rows, targets, 2)
    predicted = (dense @ weights[:-1] + weights[-1]).argmax(axis=1)
    assert (predicted == targets).mean() > 0.9
    again = fit(rows, targets, 2, start=weights)
    assert np.abs(again - weights).max() < 0.5
