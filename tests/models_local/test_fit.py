"""How well a passage answers: other words for one thing, titles, names, and words in passing."""

from __future__ import annotations

import pytest

from bot.models.local.choose import answers
from bot.models.local.fit import fit, other_words, plainly_rare, read_question
from bot.models.local.synonyms import root
from tools.spec import Passage

CANCEL = Passage("cancel.md", "Cancelling a plan", "Open Settings and press Cancel plan.", 0.2)
DELIVERY = Passage(
    "delivery.md", "Delivery times", "## How long it takes\n\nDelivery takes 3 days.", 0.3
)
HUB = Passage("hub.md", "Connecting a hub", "The hub works with Wi-Fi of 2.4 GHz only.", 0.25)


def share(question: str, passage: Passage) -> float:
    return fit(read_question(question), passage).share


@pytest.mark.parametrize(
    ("question", "passage"),
    [
        ("cancel my subscription", CANCEL),
        ("How do I terminate my membership?", CANCEL),
        ("How long does shipping take?", DELIVERY),
        ("when will it be shipped, how long?", DELIVERY),
    ],
)
def test_other_words_for_the_same_thing_fit(question: str, passage: Passage) -> None:
    assert share(question, passage) > 0.7


def test_a_word_in_passing_counts_less_than_one_of_the_title() -> None:
    titled = Passage("a.md", "Invoices", "You find them there.", 0.1)
    passing = Passage("b.md", "Plans", "The invoices are elsewhere.", 0.1)
    assert share("invoice", titled) == 1.0
    assert share("invoice", passing) == pytest.approx(0.6)


def test_a_name_that_the_article_never_says_weighs_most() -> None:
    assert share("Does the hub work with Matter?", HUB) < share("Does the hub work with it?", HUB)
    found, _ = answers("Does the hub work with Matter?", (), (HUB,), plainly_rare)
    assert found == []


def test_words_that_every_ticket_uses_weigh_less() -> None:
    rare = read_question("hub umbrella", lambda word: 0.0 if word == "hub" else 1.0)
    hub, umbrella = rare.units
    assert umbrella.weight == 2 * hub.weight


@pytest.mark.parametrize(
    "forms", [("cancel", "cancelling", "cancelled"), ("ship", "shipping", "shipped"), ("bill",)]
)
def test_a_root_is_the_same_for_all_forms(forms: tuple[str, ...]) -> None:
    assert len({root(form) for form in forms}) == 1


def test_what_is_looked_up_besides_are_other_words_and_forms() -> None:
    words = other_words(read_question("cancel my subscription")).split()
    assert {"cancelling", "plan", "membership"} <= set(words)
    assert other_words(read_question("")) == ""


def test_a_phrase_with_words_between_is_the_phrase() -> None:
    returns = Passage("r.md", "Returning hardware", "You can return a hub within 30 days.", 0.2)
    assert share("I want to send the hub back", returns) > 0.6


def test_one_everyday_word_in_common_is_no_answer() -> None:
    hours = Passage("v.md", "Valves", "A rule opens a valve in the hours you set.", 0.4)
    assert answers("What are your opening hours?", (), (hours,), plainly_rare) == ([], [])


def test_a_part_that_nothing_answers_is_left_over() -> None:
    found, left = answers(
        "How do I cancel my plan? Do you sell red umbrellas?",
        ("How do I cancel my plan?", "Do you sell red umbrellas?"),
        (CANCEL, DELIVERY),
        plainly_rare,
    )
    assert [one.passage.article for one in found] == ["cancel.md"]
    assert left == ["Do you sell red umbrellas?"]


def test_two_questions_about_two_articles_get_a_passage_of_each() -> None:
    parts = ("How do I cancel my plan?", "How long does delivery take?")
    found, left = answers(" ".join(parts), parts, (CANCEL, DELIVERY, HUB), plainly_rare)
    assert [one.passage.article for one in found] == ["cancel.md", "delivery.md"]
    assert left == []
