"""A corpus answers with verbatim quotes, their file and page, and says when it finds nothing."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.research.documents import locked_pdf, make_docx, make_pdf, scanned_pdf
from tools.research.corpus import Corpus
from tools.research.quoting import QUOTE_CHARACTERS, quote_of
from tools.research.ranking import Query

NOTICE = "Either party may end this agreement upon ninety days' written notice to the other."
LIABILITY = "The supplier's liability is limited to the fees of the preceding twelve months."
FILLER = "The parties meet each quarter to look at how the work goes and what is to be done. " * 6


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "corpus"
    (folder / "old").mkdir(parents=True)
    make_pdf(
        folder / "acme.pdf", [["Supply", FILLER, NOTICE], ["Money", FILLER], ["Risk", LIABILITY]]
    )
    make_docx(folder / "old" / "norway.docx")
    (folder / "rules.html").write_text(
        "<h1>Travel rules</h1><p>What is paid back:</p><ul><li>Hotels up to 150 euros a night,"
        " breakfast included</li><li>Trains in second class</li></ul>"
        "<table><tr><td>Taxi</td><td>with a receipt</td></tr></table>"
    )
    (folder / "notes.md").write_text("# Notes\n\n- Parking is free\n- Lunch is at noon\n")
    return folder


@pytest.fixture
def corpus(folder: Path, tmp_path: Path) -> Iterator[Corpus]:
    with contextlib.closing(Corpus([folder], tmp_path / "data", max_age_seconds=0)) as corpus:
        yield corpus


def test_the_clause_its_file_and_its_page(corpus: Corpus) -> None:
    best = corpus.ask("How limited is the supplier's liability?").passages[0]
    assert (best.file, best.page) == ("acme.pdf", 3)
    assert LIABILITY in best.quote
    assert best.why == "holds all 3 words of the question: limited, supplier, liability"
    assert 0 < best.score <= 1
    best = corpus.ask("With how many days of written notice can the agreement end?").passages[0]
    assert (best.file, best.page) == ("acme.pdf", 1)
    assert NOTICE in best.quote
    assert len(best.quote) <= QUOTE_CHARACTERS


def test_quotes_of_docx_and_html_hold_no_marks_that_the_file_does_not(corpus: Corpus) -> None:
    for question, file, quote in (
        ("the fee for Norway region", "old/norway.docx", "Norway\t40 EUR"),
        ("hotels breakfast", "rules.html", "Hotels up to 150 euros a night, breakfast included"),
        ("receipt for a taxi", "rules.html", "with a receipt"),
        ("second class trains", "rules.html", "Trains in second class"),
    ):
        best = corpus.ask(question).passages[0]
        assert (best.file, best.page) == (file, None)
        assert quote in best.quote
        assert "|" not in best.quote
        assert "- " not in best.quote
    # In Markdown the marks are the file's own.
    assert corpus.ask("free parking and lunch").passages[0].quote == (
        "Parking is free\n- Lunch is at noon"
    )


def test_a_word_with_soft_hyphens_is_found_and_quoted_as_it_stands(
    corpus: Corpus, folder: Path
) -> None:
    (folder / "de.html").write_text("<p>Die Kündigungs&shy;frist beträgt drei Monate.</p>")
    best = corpus.ask("Wie lang ist die Kündigungsfrist?").passages[0]
    assert (best.file, best.quote) == (
        "de.html",
        "Die Kündigungs\u00adfrist beträgt drei Monate.",
    )


def test_why_says_what_is_missing(corpus: Corpus) -> None:
    best = corpus.ask("Is breakfast in hotels paid for dogs?").passages[0]
    assert best.why == (
        "holds 2 of 4 words of the question: breakfast, hotels; its title or the text around it:"
        " paid; not: dogs"
    )


@pytest.mark.parametrize(
    "question",
    ["", "?!", "What is the melting point of tungsten?", "the of and", "paid astronaut zebra moon"],
)
def test_nothing_found_is_an_answer(corpus: Corpus, question: str) -> None:
    assert corpus.ask(question).passages == ()


def test_as_many_passages_as_are_asked_for(corpus: Corpus) -> None:
    assert len(corpus.ask("agreement notice", 1).passages) == 1
    assert corpus.ask("agreement notice", 0).passages == ()


def test_what_cannot_be_read_is_named_on_answers(corpus: Corpus, folder: Path) -> None:
    locked_pdf(folder / "old" / "secret.pdf")
    scanned_pdf(folder / "scan.pdf")
    answer = corpus.ask("supplier's liability")
    assert answer.passages[0].file == "acme.pdf"
    assert [each.path for each in answer.not_read] == ["old/secret.pdf", "scan.pdf"]
    make_pdf(folder / "old" / "secret.pdf", [["Opened", "The secret word is marzipan."]])
    (folder / "scan.pdf").unlink()
    answer = corpus.ask("the secret word marzipan")
    assert (answer.passages[0].file, answer.not_read) == ("old/secret.pdf", ())


def test_what_was_not_read_is_tried_again_when_asked(corpus: Corpus, folder: Path) -> None:
    locked_pdf(folder / "secret.pdf")
    corpus.refresh()
    assert corpus.refresh(again=True).read == 1
    told: list[tuple[int, int]] = []
    corpus.refresh(again=True, tell=lambda done, count: told.append((done, count)))
    assert told == [(0, 1)]


def test_changes_and_deletions_are_in_the_next_answer(corpus: Corpus, folder: Path) -> None:
    make_pdf(folder / "acme.pdf", [["Supply", "The supplier's liability has no limit at all."]])
    best = corpus.ask("limit of the supplier's liability").passages[0]
    assert "no limit at all" in best.quote
    (folder / "acme.pdf").unlink()
    assert corpus.ask("supplier's liability").passages == ()


QUERY = Query({"fee": 2.0, "norway": 3.0, "late_fee": 1.0}, {}, 10.0)


@given(st.text("fee norway late.!?\n-|#12 ", max_size=900), st.booleans())
def test_a_quote_is_a_slice_and_short(passage: str, marked: bool) -> None:
    quote = quote_of(passage, QUERY, marked=marked)
    assert quote in passage
    assert len(quote) <= QUOTE_CHARACTERS


def test_of_a_long_passage_the_sentences_that_answer_are_quoted() -> None:
    passage = f"{FILLER}A late fee is due in Norway. {FILLER}"
    quote = quote_of(passage, QUERY, marked=False)
    assert "A late fee is due in Norway." in quote
    assert len(quote) > 200
