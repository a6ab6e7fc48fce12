"""Articles are cut into verbatim slices that never cross a heading."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from tools.research.passages import cut

ARTICLE = """# Refunds

You get the money back within 14 days.

Ask for it under Settings.

## How long it takes
It shows after 5 days:

- cards
- banks

### Never
"""


def test_a_passage_is_a_section_with_its_heading_and_without_the_title() -> None:
    pieces = cut(ARTICLE)
    assert [ARTICLE[piece.start : piece.end] for piece in pieces] == [
        "You get the money back within 14 days.\n\nAsk for it under Settings.",
        "## How long it takes\nIt shows after 5 days:\n\n- cards\n- banks",
    ]
    assert [piece.heading for piece in pieces] == ["Refunds", "How long it takes"]


def test_a_long_section_is_cut_at_sentences_and_paragraphs() -> None:
    text = "\n\n".join(f"Paragraph {number} says something. It says more." for number in range(40))
    pieces = cut(text, 200)
    assert len(pieces) > 5
    for piece in pieces:
        assert piece.end - piece.start <= 200
        assert text[piece.start : piece.end].endswith("more.")


def test_text_without_any_end_is_cut_all_the_same() -> None:
    text = "x" * 1_000
    assert "".join(text[piece.start : piece.end] for piece in cut(text, 300)) == text


@given(st.text(alphabet="ab .\n#-é日", max_size=400), st.integers(20, 120))
def test_pieces_are_slices_in_order_that_hold_every_word(text: str, size: int) -> None:
    pieces = cut(text, size)
    end = 0
    for piece in pieces:
        assert end <= piece.start < piece.end <= len(text)
        end = piece.end
        assert text[piece.start : piece.end].strip() == text[piece.start : piece.end]
    left_out = text
    for piece in reversed(pieces):
        left_out = left_out[: piece.start] + left_out[piece.end :]
    # What belongs to no piece is white space and headings.
    assert all(not line.strip() or line.lstrip().startswith("#") for line in left_out.split("\n"))
