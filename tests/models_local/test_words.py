"""Words, stems, concepts: what different people's words for one thing have in common."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.models.local.concepts import concepts
from bot.models.local.features import count_features, learn_features
from bot.models.local.rows import rows_of
from bot.models.local.words import stems


@pytest.mark.parametrize(
    "forms",
    [
        ("refund", "refunds", "refunded", "refunding"),
        ("charge", "charges", "charged", "charging"),
        ("stop", "stops", "stopped", "stopping"),
        ("verify", "verifies", "verified", "verifying"),
        ("box", "boxes", "boxed"),
        ("policy", "policies"),
    ],
)
def test_the_forms_of_a_word_have_one_stem(forms: tuple[str, ...]) -> None:
    assert len({tuple(stems(form)) for form in forms}) == 1


@pytest.mark.parametrize(
    ("short", "full"),
    [
        ("I can't", "I can not"),
        ("it doesn’t", "it does not"),
        ("won't", "will not"),
        ("didnt", "did not"),
        ("I've", "I"),
    ],
)
def test_short_forms_are_opened_so_that_not_is_seen(short: str, full: str) -> None:
    assert stems(short) == stems(full)


def test_different_words_for_one_thing_share_a_concept() -> None:
    stolen, robbed = (concepts(stems(text)) for text in ("It was stolen", "I've been robbed"))
    assert "stolen" in stolen
    assert "stolen" in robbed
    assert "cash_machine" in concepts(stems("The hole in the wall took it"))
    assert "refund" in concepts(stems("I want to get my money"))
    assert concepts(stems("zebra")) == []


@given(st.text())
def test_any_text_has_features_of_finite_size(text: str) -> None:
    counts = count_features(text)
    space = learn_features([counts, count_features("a refund")], 64)
    columns, values = space.values(counts)
    assert all(0 <= column < 64 for column in columns)
    assert sorted(set(columns)) == list(columns)
    assert float(abs(values).sum()) < 1e3


def test_the_same_texts_give_the_same_space() -> None:
    counted = [count_features(text) for text in ("late parcel", "broken wheel", "late refund")]
    assert learn_features(counted, 64) == learn_features(counted, 64)


def test_packed_rows_are_the_rows_that_they_stand_for() -> None:
    counted = [count_features(text) for text in ("late parcel", "", "broken wheel", "late refund")]
    rows = rows_of(learn_features(counted, 64), counted)
    ((place, block),) = [(place, block.copy()) for place, block in rows.blocks()]
    assert (place, block.shape, len(rows)) == (slice(0, 4), (4, 64), 4)
    assert abs(rows.times_all(rows) - block @ block.T).max() < 1e-5
    assert abs(rows.times(block[0]) - block @ block[0]).max() < 1e-5
    kept = rows.take(np.array([True, False, False, True]))
    assert abs(kept.times(block[0]) - (block @ block[0])[[0, 3]]).max() < 1e-5
    lengths = np.array([float((row * row).sum()) for _, (row, *_) in rows.unit().blocks()])
    assert abs(lengths - 1).max() < 1e-5
    assert len(rows_of(learn_features([], 64), [])) == 0
