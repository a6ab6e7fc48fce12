"""Drafts: the articles' own sentences, for the question asked, or none at all."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain import REPLY_LIMIT
from bot.models.local.draft import Draft, Question, Unfit, draft
from bot.models.local.excerpt import best_part, plain
from tools.spec import Passage

REFUND = Passage(
    "refunds.md",
    "Refunds",
    "You get the money for a yearly plan back within 30 days. Ask for it under **Settings**.",
    0.4,
    "https://help.example/refunds",
)
PARCEL = Passage("parcel.md", "Parcels", "A parcel to Norway takes 5 days.", 0.3)
WEAK = Passage("hub.md", "Hub", "The hub blinks while the plan is read.", 0.05)
REFUND_ASKED = "Can I get the money for my yearly plan back?"


def drafted(*questions: Question, name: str = "") -> Draft:
    made = draft(questions, name=name)
    assert isinstance(made, Draft)
    return made


def test_the_reply_is_the_quote_between_greeting_and_closing() -> None:
    made = drafted(Question(REFUND_ASKED, (WEAK, REFUND)), name="Ada Lovelock")
    assert made.reply == (
        "Hello Ada,\n\n"
        "Thank you for your message.\n\n"
        "You get the money for a yearly plan back within 30 days. Ask for it under Settings.\n\n"
        "If this does not help, just reply to this message."
    )
    (quote,) = made.quotes
    assert (quote.article, quote.text, quote.url) == ("refunds.md", REFUND.quote, REFUND.url)
    assert made.sure
    assert made.unanswered == ()


def test_two_questions_get_two_answers_under_their_titles() -> None:
    made = drafted(
        Question(REFUND_ASKED, (REFUND,)),
        Question("How long does a parcel to Norway take?", (PARCEL, WEAK)),
    )
    assert [quote.article for quote in made.quotes] == ["refunds.md", "parcel.md"]
    assert "About your question on “Parcels”:\nA parcel to Norway" in made.reply


def test_a_question_without_an_answer_is_said_to_have_none() -> None:
    made = drafted(
        Question(REFUND_ASKED, (REFUND,)), Question("Do you sell umbrellas in red?", (WEAK,))
    )
    assert made.unanswered == ("Do you sell umbrellas in red?",)
    assert "could not find an answer to your other question" in made.reply
    assert not made.sure


@pytest.mark.parametrize(
    "question",
    [
        Question("Do you sell umbrellas in red?", (WEAK,)),
        Question("Anything", ()),
        Question("yearly umbrella", (Passage("a.md", "A", "A yearly feast is held.", 0.9),)),
        Question("umbrella", (Passage("a.md", "Tents", "Not an umbrella.", 0.9),)),
        Question(REFUND_ASKED, (Passage("a.md", "", "  ", 0.9),)),
    ],
)
def test_nothing_fits_is_no_draft(question: Question) -> None:
    assert draft([question]) == Unfit("No article fits this ticket.")


def test_a_ticket_in_another_language_than_the_articles_is_no_draft() -> None:
    german = "Kann ich das Geld für mein Abo zurück haben, und wie lange dauert das? yearly plan"
    assert draft([Question(german, (REFUND,))]) == Unfit(
        "The ticket is written in German, the articles in English: the local model does not"
        " translate."
    )
    article = Passage(
        "abo.md", "Abo kündigen", "Das Abo wird mit dem Ende des Jahres gekündigt.", 0.4
    )
    made = drafted(Question("Wie kann ich mein Abo zum Ende des Jahres kündigen?", (article,)))
    assert made.reply.startswith("Guten Tag,\n\ndanke für Ihre Nachricht.")
    assert article.quote in made.reply


LEAD = Passage("hub.md", "The hub", "To connect the hub, press the button for 5 seconds.", 0.4)
LIGHT = Passage("hub.md", "The hub", "## Light\n\nA green light means that it is online.", 0.3)
WALL = Passage("hub.md", "The hub", "## Screws\n\nThe bag with screws lies in the box.", 0.2)


def test_what_the_first_passage_leaves_open_the_next_of_its_article_answers() -> None:
    made = drafted(Question("How do I connect the hub, and what is a green light?", (LEAD, LIGHT)))
    assert [quote.text for quote in made.quotes] == [
        LEAD.quote,
        "A green light means that it is online.",
    ]
    one = drafted(Question("How do I connect the hub?", (LEAD, LIGHT, WALL)))
    assert [quote.text for quote in one.quotes] == [LEAD.quote]


def test_no_quote_begins_with_a_heading_and_none_is_a_heading_alone() -> None:
    made = drafted(Question("Where are the screws of the hub?", (WALL,)))
    assert [quote.text for quote in made.quotes] == ["The bag with screws lies in the box."]
    assert "#" not in made.reply
    bare = Passage("hub.md", "The hub", "## Screws of the hub", 0.9)
    assert isinstance(draft([Question("Where are the screws of the hub?", (bare,))]), Unfit)


def test_what_is_not_understood_without_its_heading_gets_it_in_the_lead() -> None:
    wrong = Passage("p.md", "Parcels", "## Wrong item\n\nIt stays with you until we write.", 0.4)
    made = drafted(Question("I got the wrong item in my parcel", (wrong,)))
    assert "About your question on “Wrong item”:\nIt stays with you until we write." in made.reply
    assert made.quotes[0].text == "It stays with you until we write."


def test_a_list_that_begins_without_a_word_is_led_in() -> None:
    steps = Passage("c.md", "Calibrating", "## Calibrate\n\n1. Open it.\n2. Press Dry.", 0.4)
    made = drafted(Question("How do I calibrate it? I mean calibrating", (steps,)))
    assert "Here are the steps:\n1. Open it.\n2. Press Dry." in made.reply


def test_no_sentence_is_said_twice() -> None:
    first = Passage("a.md", "Refunds", "You get the money back within 30 days.", 0.4)
    again = Passage("b.md", "Returns", "You get the money back within 30 days.", 0.4)
    made = drafted(
        Question("When do I get the refund money back?", (first,)),
        Question("When do I get the money back of returns?", (again,)),
    )
    assert made.reply.count("You get the money back within 30 days.") == 1


def test_who_had_trouble_is_told_so() -> None:
    made = draft([Question(REFUND_ASKED, (REFUND,))], sorry=True)
    assert isinstance(made, Draft)
    assert "Thank you for your message. We are sorry for the trouble." in made.reply


@pytest.mark.parametrize(
    ("name", "greeting"),
    [
        ("Ada", "Hello Ada,"),
        ("Ada Lovelock", "Hello Ada,"),
        ("ada.l", "Hello,"),
        ("<@U1> everyone", "Hello,"),
        ("The Whole Purchasing Department", "Hello,"),
        ("", "Hello,"),
    ],
)
def test_a_name_is_used_only_where_it_is_one(name: str, greeting: str) -> None:
    made = drafted(Question(REFUND_ASKED, (REFUND,)), name=name)
    assert made.reply.split("\n")[0] == greeting


LONG = (
    "Our shop was founded in a barn. It has grown ever since, and many people work in it now, on"
    " three floors and in two yards. To adjust the brake, turn the screw by half a turn. Then test"
    " the brake before you ride. If it still squeaks, do this:\n\n- clean the rim\n- replace the"
    " pads\n- adjust the brake again\n\nWe close at six. On Sundays the shop is closed, and on"
    " holidays as well, unless something special is going on in the town, such as the spring fair."
)


def test_of_a_long_passage_the_fitting_sentences_are_quoted_with_their_list() -> None:
    part = best_part(LONG, "How do I adjust a brake that squeaks?")
    assert part in LONG
    assert part.endswith("- adjust the brake again")
    assert "If it still squeaks, do this:" in part
    assert "founded" not in part


def test_a_sentence_that_leans_on_another_brings_it_along() -> None:
    part = best_part(LONG, "May I test before I ride?")
    assert "To adjust the brake" in part


@given(st.text(alphabet="abc. \n-#*1)äé", min_size=1, max_size=900), st.text(max_size=40))
def test_what_is_quoted_always_stands_in_the_passage(passage: str, question: str) -> None:
    assert best_part(passage, question) in passage


def test_many_answers_stay_within_a_replys_length() -> None:
    questions = [
        Question(
            f"How long does parcel number{place} to Norway take?",
            (Passage(f"{place}.md", "Parcels", f"A parcel number{place} to Norway. " * 12, 0.5),),
        )
        for place in range(12)
    ]
    made = drafted(*questions)
    assert len(made.reply) <= REPLY_LIMIT
    assert made.reply.endswith("just reply to this message.")
    assert 2 < len(made.quotes) < 12


@pytest.mark.parametrize(
    ("markdown", "text"),
    [
        ("See [our page](https://a.example/x) now", "See our page (https://a.example/x) now"),
        ("See [Returns](returns.md).", "See Returns."),
        ("**Bold** and `code` and *soft* 2*3*4", "Bold and code and soft 2*3*4"),
        ("## Heading\n\nText", "Heading:\nText"),
        ("> quoted\n- item", "quoted\n- item"),
        ("| a | b |\n|---|---|\n| 1 | 2 |", "a – b\n1 – 2"),
        ("snake_case_name", "snake_case_name"),
    ],
)
def test_markdown_becomes_text_for_a_message(markdown: str, text: str) -> None:
    assert plain(markdown) == text
