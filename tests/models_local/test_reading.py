"""Tickets read: what is asked, whether anything is, in which language, how pressing."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.models.local.language import language
from bot.models.local.no_request import no_request
from bot.models.local.pressing import Level, pressing, priority_of
from bot.models.local.reading import clean, questions

LETTER = """Dear shop team,

my order has not come yet. Can you tell me where it is?

Kind regards,
Ada Lovelock
--
Lovelock Ltd, 12 Mill Lane

On Monday the shop wrote:
> Your order has left our warehouse.
"""


def test_the_wrapping_of_a_letter_is_taken_off() -> None:
    assert clean(LETTER) == "my order has not come yet. Can you tell me where it is?"
    assert clean("Hello") == "Hello" or clean("Hello") == ""
    assert clean("Thanks") == "Thanks"
    assert clean("> only a quote") == ""


def test_a_short_ticket_is_one_question_with_its_subject() -> None:
    assert questions("Where is it?", LETTER) == (
        "Where is it?\nmy order has not come yet. Can you tell me where it is?",
    )
    assert questions("", "") == ()
    assert questions("Only a subject", "") == ("Only a subject",)


def test_the_items_of_a_list_are_questions_of_their_own() -> None:
    body = (
        "Two things:\n\n1) I was charged two times in May.\n2) My parcel has not come yet.\n\nBye"
    )
    assert questions("Hello", body) == (
        "I was charged two times in May.",
        "My parcel has not come yet.",
    )


def test_of_a_long_ticket_the_asking_parts_are_looked_up() -> None:
    story = "It was a fine day and the birds sang in the old trees by the river. " * 8
    body = f"{story}\n\nThe brake squeaks since then. How do I adjust it?\n\n{story}"
    assert questions("Long", body) == ("Long\nThe brake squeaks since then. How do I adjust it?",)


@pytest.mark.parametrize(
    ("subject", "body", "why"),
    [
        ("Automatic reply: your order", "I am away.", "automatic"),
        ("Re: order", "I am out of the office until Monday.", "automatic"),
        ("Undelivered Mail Returned", "Mail delivery failed: no such user", "automatic"),
        ("", "Thank you so much, the new wheel works perfectly!", "thanks"),
        ("Re: Saddle", "Great service. Please pass my thanks to your mechanic.", "thanks"),
        ("", "Vielen Dank für die schnelle Hilfe!", "thanks"),
        (
            "Your website",
            "Hi, we help small businesses get to page one. Quick call on Friday?",
            "advertisement",
        ),
        (
            "Action required",
            "Verify your account at https://login.example/x or it is suspended in 24 hours.",
            "phishing",
        ),
        ("", " \n", "empty"),
    ],
)
def test_what_asks_for_nothing_is_known_by_its_words(subject: str, body: str, why: str) -> None:
    found = no_request(subject, body)
    assert found is not None
    assert why in found


@pytest.mark.parametrize(
    ("subject", "body"),
    [
        ("", "Thanks for the wheel, but it does not fit. Can I return it?"),
        ("", "Thank you. I still have no refund."),
        ("Invoice", "Please send me the invoice. Thanks!"),
        ("Office chair", "The wheel of my chair broke."),
        ("Sign-in", "I had to verify my account and now I cannot log in."),
        ("Help", "Help"),
        ("", "The page one of the manual is missing from my box."),
    ],
)
def test_what_asks_for_something_is_never_silenced(subject: str, body: str) -> None:
    assert no_request(subject, body) is None


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("Where is my order and when will it come?", "en"),
        ("Wo ist mein Paket und wann kommt es an? Ich habe nichts gehört.", "de"),
        ("Où est mon colis ? Je ne peux pas le suivre et il est en retard.", "fr"),
        ("No me llega el código para entrar, por favor ayuda con mi cuenta", "es"),
        ("注文はいつ届きますか。", "cjk"),
        ("Где мой заказ?", "cyrillic"),
        ("أين طلبي؟", "arabic"),
        ("", None),
        ("S418206", None),
    ],
)
def test_the_language_is_told_by_common_words_or_script(text: str, code: str | None) -> None:
    assert language(text) == code


@pytest.mark.parametrize(
    ("text", "level"),
    [
        ("The battery caught fire while charging", "urgent"),
        ("My account was hacked", "urgent"),
        ("Since this morning all our shops are offline", "urgent"),
        ("I shall go to my lawyer about this", "high"),
        ("We need it asap please", "high"),
        ("This is the third time that it broke", "high"),
        ("No rush, whenever you can", "low"),
        ("This is not urgent", "low"),
        ("Where is my parcel?", "normal"),
        ("You are all useless and I hate your shop!!!", "normal"),
    ],
)
def test_loss_and_danger_press_and_anger_does_not(text: str, level: Level) -> None:
    found = pressing(text)
    assert found.level == level
    assert found.why


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (("low", "normal", "high", "urgent"), ("low", "normal", "high", "urgent")),
        (("p4", "p3", "p2", "p1"), ("p4", "p3", "p2", "p1")),
        (("minor", "major", "blocker"), ("minor", "major", "major", "blocker")),
        (("later", "now"), ("later", "later", "later", "now")),
        (("only",), ("only",) * 4),
        ((), (None,) * 4),
    ],
)
def test_levels_are_named_as_the_playbook_names_them(
    names: tuple[str, ...], expected: tuple[str | None, ...]
) -> None:
    levels: tuple[Level, ...] = ("low", "normal", "high", "urgent")
    assert tuple(priority_of(level, names) for level in levels) == expected


@given(st.text(), st.text())
def test_any_ticket_can_be_read(subject: str, body: str) -> None:
    questions(subject, body)
    no_request(subject, body)
    pressing(body)
    language(body)
