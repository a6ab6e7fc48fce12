"""An answer as text and as data: nothing of it is made up, and it fits."""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from bot import buttons
from bot.answer_words import data, folded, headline, text
from bot.domain import Answer, Item, Passage, Verdict

passages = st.builds(
    Passage,
    file=st.text(max_size=300),
    page=st.none() | st.integers(1, 9999),
    quote=st.text(max_size=400),
    why=st.text(max_size=500),
)
answers = st.builds(
    lambda found, notes: Answer(kind="research", passages=tuple(found), notes=tuple(notes)),
    st.lists(passages, max_size=20),
    st.lists(st.text(max_size=200), max_size=12),
)


@given(answers, st.integers(300, 8000))
def test_data_fits_and_quotes_stay_verbatim(answer: Answer, most: int) -> None:
    made = data("r_1", answer, most)
    kept = made["passages"]
    assert isinstance(kept, list)
    assert not kept or len(json.dumps(made)) <= most
    for row, passage in zip(kept, answer.passages, strict=False):
        assert isinstance(row, dict)
        assert row["file"] == passage.file
        assert str(row["quote"]) in folded(passage.quote)


@given(answers, st.integers(200, 5000))
def test_text_fits(answer: Answer, limit: int) -> None:
    assert len(text(answer, limit)) <= limit


def test_what_was_not_read_is_said_however_long_the_answer() -> None:
    items = tuple(
        Item(kind="open", who="Ada", words="point " * 60, link=f"https://x.example/{n}")
        for n in range(20)
    )
    notes = ("not read: what follows the first 3000 messages", *("x" * 200 for _ in range(10)))
    said = text(Answer(kind="summary", items=items, notes=notes), 3000)
    assert len(said) <= 3000
    assert notes[0] in said
    assert "more notes" in said
    assert "1. Open (Ada)" in said


def test_each_kind_says_what_it_is() -> None:
    verdicts = (
        Verdict(id="r1", rule="No promises", verdict="fails", quote="we promise", why="it does"),
        Verdict(id="r2", rule="No names", verdict="pass", quote=None, why="none stands there"),
    )
    screen = Answer(kind="screen", verdicts=verdicts)
    assert headline(screen) == "fails: 1, cannot tell: 0, pass: 1"
    assert "“we promise”" in text(screen, 1000)
    assert data("r_1", screen, 5000)["rules"] == [
        {"id": "r1", "verdict": "fails"},
        {"id": "r2", "verdict": "pass"},
    ]
    item = Item(kind="owes", who="Ada", words="sends the offer", link="https://x.example/1")
    summary = Answer(kind="summary", items=(item,))
    assert "Owes (Ada)" in text(summary, 1000)
    assert data("r_1", summary, 5000)["items"] == [
        {"kind": "owes", "who": "Ada", "link": "https://x.example/1"}
    ]
    assert text(Answer(kind="research"), 1000) == "nothing found"
    assert data("r_1", Answer(kind="research"), 5000)["passages"] == []


def test_a_token_to_share_is_of_one_proposal_alone() -> None:
    first, second = "p_aaaaaaaaaaaaaaaa", "p_bbbbbbbbbbbbbbbb"
    secret = buttons.new_secret()
    token = buttons.mint_share(first, secret)
    named = buttons.read_share(token)
    assert named is not None
    assert named[0] == first
    assert buttons.verify_share(first, named[1], secret)
    assert not buttons.verify_share(second, named[1], secret)
    assert not buttons.verify_share(first, named[1], buttons.new_secret())
    assert buttons.read(token) is None, "it decides nothing"
    for forged in ("", "x", token + "=", token[:-4], "é" * 36):
        assert buttons.read_share(forged) is None
