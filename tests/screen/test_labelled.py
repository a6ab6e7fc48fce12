"""The labelled drafts of ``benchmarks.screen``: nothing may find less, or more, than it did."""

from __future__ import annotations

from benchmarks.screen import labelled, measure

NAMES = {
    *("payment_card", "iban", "national_id", "secret", "other_email", "other_phone"),
    *("promise", "advice", "foreign_link", "policy"),
}


def test_every_recogniser_is_as_good_as_it_was() -> None:
    scores = measure()
    assert set(scores) == NAMES
    assert len(list(labelled())) >= 300
    for name, score in scores.items():
        assert score.passages >= 8, name
        assert score.precision >= 0.92, (name, score.wrong)
        assert score.recall >= 0.94, (name, score.missed)
