"""Labels: right on new tickets, honest about doubt, the same every time, and able to say why."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.models.local.classify import LabelModel, train_labels
from tests.models_local.desk import DESCRIPTIONS, EXAMPLES, NEW

FOREIGN = (
    "What is the capital of Mongolia?",
    "Sing me a lullaby about whales",
    "Wie wird das Wetter morgen in Hamburg?",
    "お世話になっております",
    "xqzt wvvk",
)


@pytest.fixture(scope="module")
def model() -> LabelModel:
    return train_labels(EXAMPLES, DESCRIPTIONS)


def test_new_tickets_get_the_right_label(model: LabelModel) -> None:
    right = [model.predict(text).label == label for text, label in NEW]
    assert sum(right) >= len(NEW) - 1
    assert (model.labels, model.examples) == (tuple(DESCRIPTIONS), len(EXAMPLES))


def test_probabilities_are_ranked_and_sum_to_one(model: LabelModel) -> None:
    ranked = model.predict("My parcel is late").ranked
    assert {label for label, _ in ranked} == set(DESCRIPTIONS)
    assert sum(likely for _, likely in ranked) == pytest.approx(1, abs=1e-4)
    assert [likely for _, likely in ranked] == sorted((p for _, p in ranked), reverse=True)


def test_it_says_why_in_words(model: LabelModel) -> None:
    why = model.predict("My parcel is stuck at customs in Norway").why
    assert "“The parcel is stuck at customs”" in why
    assert "delivery" in why
    assert "customs" in why.rsplit("Words that told:", 1)[1]


def test_foreign_texts_are_out_of_scope_and_never_sure(model: LabelModel) -> None:
    predictions = [model.predict(text) for text in FOREIGN]
    assert sum(not each.in_scope for each in predictions) >= 3
    assert all(each.confidence != "high" for each in predictions)
    assert all(model.predict(text).in_scope for text, _ in NEW)


def test_the_same_words_as_an_example_are_certain(model: LabelModel) -> None:
    text, label = EXAMPLES[20]
    again = model.predict(f"  {text.upper()}! ")
    assert (again.label, again.confidence, again.in_scope) == (label, "high", True)


def test_training_twice_gives_the_same_figures(model: LabelModel) -> None:
    again = train_labels(EXAMPLES, DESCRIPTIONS)
    for text, _ in NEW:
        assert again.predict(text) == model.predict(text)


def test_descriptions_alone_label_by_likeness_and_are_never_sure() -> None:
    bare = train_labels([], DESCRIPTIONS)
    assert bare.predict("Please refund this charge").label == "billing"
    assert bare.predict("My parcel is lost").label == "delivery"
    assert bare.predict("I forgot my password").label == "account"
    assert bare.predict("The chain broke").label == "repair"
    assert all(bare.predict(text).confidence != "high" for text, _ in NEW)
    assert "refund" in bare.predict("Please refund this charge").why


def test_a_few_examples_already_help() -> None:
    few = tuple(one for place, one in enumerate(EXAMPLES) if place % 15 < 2)
    model = train_labels(few, DESCRIPTIONS)
    right = [model.predict(text).label == label for text, label in NEW]
    assert sum(right) >= 8
    assert all(model.predict(text).confidence != "high" for text, _ in NEW)


def test_a_mistake_in_the_examples_is_named() -> None:
    with pytest.raises(ValueError, match="'nonsense' of the example 'My bike'"):
        train_labels([("My bike", "nonsense")], DESCRIPTIONS)
    with pytest.raises(ValueError, match="no labels"):
        train_labels([], {})


def test_one_label_is_enough() -> None:
    only = train_labels([("My bike", "all")], {"all": ""})
    assert only.predict("anything").label == "all"


@settings(max_examples=30, deadline=None)
@given(text=st.text())
def test_any_text_gets_a_label(model: LabelModel, text: str) -> None:
    assert model.predict(text).label in DESCRIPTIONS


@pytest.mark.parametrize("text", ["", "\ud800", "x" * 200_000, "😀" * 3_000, "\0"])
def test_odd_texts_get_a_label_too(model: LabelModel, text: str) -> None:
    prediction = model.predict(text)
    assert prediction.confidence != "high"


def test_a_trained_model_is_kept_by_its_content(tmp_path: Path) -> None:
    cache = tmp_path / "models"
    model = train_labels(EXAMPLES, DESCRIPTIONS, cache=cache)
    (kept,) = cache.iterdir()
    loaded = train_labels(EXAMPLES, DESCRIPTIONS, cache=cache)
    assert [loaded.predict(text) for text, _ in NEW] == [model.predict(text) for text, _ in NEW]
    assert list(cache.iterdir()) == [kept]

    train_labels(EXAMPLES[1:], DESCRIPTIONS, cache=cache)
    assert len(list(cache.iterdir())) == 2

    kept.write_bytes(kept.read_bytes()[:500])
    mended = train_labels(EXAMPLES, DESCRIPTIONS, cache=cache)
    assert mended.predict(NEW[0][0]) == model.predict(NEW[0][0])
    kept.write_text("no archive")
    assert train_labels(EXAMPLES, DESCRIPTIONS, cache=cache).examples == len(EXAMPLES)


def test_old_models_do_not_pile_up(tmp_path: Path) -> None:
    for count in range(8):
        train_labels(EXAMPLES[: 4 + count], DESCRIPTIONS, cache=tmp_path)
    assert len(list(tmp_path.iterdir())) == 5
