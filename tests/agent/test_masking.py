"""Masking: of 200 planted secrets of every kind none stays, and the desk's own words do."""

from __future__ import annotations

import random
import string
from pathlib import Path

import pytest

from bot.domain import Content
from bot.masking import example_of, known_words, mask
from tests.agent.make import ticket

DESK = Path("bot/desk/articles")
KNOWN = known_words(path.read_text("utf-8") for path in sorted(DESK.glob("*.md")))


def _pronounceable(rng: random.Random, syllables: int) -> str:
    return "".join(rng.choice("bcdfgklmnprstvz") + rng.choice("aeiou") for _ in range(syllables))


def planted(number: int) -> tuple[str, str]:
    """A sentence with a secret, and the secret. Twenty kinds, each different every time."""
    rng = random.Random(number)

    def digits(count: int) -> str:
        return "".join(rng.choices(string.digits, k=count))

    def letters(count: int) -> str:
        return "".join(rng.choices(string.ascii_lowercase, k=count))

    name, other = _pronounceable(rng, 3), _pronounceable(rng, 4)
    kinds = [
        ("My name is {}.", f"{name.title()} {other.title()}"),
        ("my name is {} and i am angry", f"{name} {other}"),
        ("Ask {} about it.", name.upper()),
        ("Write to {} please.", f"{name}.{other}@{letters(6)}.example"),
        ("Call {} today.", f"+49 {digits(3)} {digits(7)}"),
        ("My card is {}.", " ".join(digits(4) for _ in range(4))),
        ("The IBAN is {}.", f"DE{digits(2)} {digits(4)} {digits(4)} {digits(4)} {digits(2)}"),
        ("Order {} never came.", f"LL-{digits(4)}-{letters(3).upper()}"),
        ("The password is {}.", letters(10)),
        ("The password is {}!", f"{letters(4)}{digits(2)}!{letters(3)}"),
        ("Token: {}", f"sk-ant-{letters(8)}{digits(6)}-{letters(5)}"),
        ("See https://example.com/{} for it.", f"reset?token={letters(12)}"),
        ("I live at {} street.", f"{digits(2)} {other.title()}"),
        ("My tracking code is {}.", f"{letters(2).upper()}{digits(9)}DE"),
        ("The project is called {}.", f"{name.title()}{other.title()}"),
        ("The file is C:\\Users\\{}\\notes.txt", name),
        ("It is in /home/{}/secret.", other),
        ("My handle is @{}.", f"{name}{digits(2)}"),
        ("Mein Name ist {} und ich wohne dort.", f"{other.title()}-{name.title()}"),
        ("The safe opens with {}.", f"{digits(2)}-{digits(2)}-{digits(2)}"),
    ]
    sentence, secret = kinds[number % len(kinds)]
    return sentence.format(secret), secret


@pytest.mark.parametrize("number", range(200))
def test_a_planted_secret_is_gone(number: int) -> None:
    sentence, secret = planted(number)
    masked = mask(f"Hello, I have a problem with my invoice. {sentence} Thank you.", KNOWN)
    for part in secret.replace("=", " ").replace("?", " ").replace("!", " ").split():
        pieces = [piece for piece in part.replace("-", " ").split() if len(piece) > 2]
        for piece in pieces:
            if piece.casefold() not in KNOWN and piece not in ("reset", "token"):
                assert piece.casefold() not in masked.casefold(), masked
    assert not any(char.isdigit() for char in masked)
    assert "problem with my invoice" in masked


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("Can I get a refund for my plan?", "Can I get a refund for my plan?"),
        ("My hub's light breathes white.", "My hub's light breathes white."),
        ("Dear Otis Marrowby,\nthank you", "Dear [word],\nthank you"),
        ("It cost $90.00 on 3 May", "It cost [number] on [number] may"),
        ("full width １２３４", "full [word] [number]"),
        ("My PIN is four seven one nine.", "My PIN is [number]."),
        ("Call five-five five, zero twelve", "Call [number]"),
        ("One thing, or two", "One thing, or two"),
        ("Ask Hope White. White is it.", "Ask [word]. White is it."),
        ("Can I get my Refund? PLEASE HELP", "Can I get my Refund? PLEASE HELP"),
        ("", ""),
        ("\x00\u202e<!channel>", "!channel"),
    ],
)
def test_what_stays_is_what_everybody_writes(text: str, masked: str) -> None:
    assert mask(text, KNOWN | {"channel"}).casefold() == masked.casefold()


def test_names_of_those_who_take_part_go_even_where_they_are_common_words() -> None:
    masked = mask("Thanks, Rose Price. The price is wrong.", KNOWN, ["Rose Price"])
    assert "rose" not in masked.casefold()
    assert "price" not in masked.casefold()


def test_an_example_keeps_the_choice_and_masks_the_words() -> None:
    content = Content(
        labels=("billing",), priority="high", route="billing",
        reply="Hi Petra, we refund invoice LL20417733 to petra@example.com.",
    )  # fmt: skip
    example = example_of(
        ticket("I am Petra Quill, invoice LL20417733"), content, KNOWN, ["Ann Lee"]
    )
    assert (example.labels, example.route, example.priority) == (("billing",), "billing", "high")
    whole = f"{example.text} {example.reply}".casefold()
    for secret in ("petra", "quill", "ll20417733", "example.com"):
        assert secret not in whole
    assert "invoice" in whole

    none = Content(labels=("billing",), route="default")
    assert example_of(ticket("x" * 50_000), none, KNOWN).reply is None
