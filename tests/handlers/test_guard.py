"""What JSON is taken for strict, and how deep it may nest: pure, on texts."""

from __future__ import annotations

import json

import pytest

from handlers.guard import MAX_DEPTH, Refused, parse_text


def nested(depth: int, inner: str = "0") -> str:
    """An object, and so many lists within it that all are ``depth`` deep."""
    return '{"a":' + "[" * (depth - 1) + inner + "]" * (depth - 1) + "}"


def test_it_may_nest_so_deep_and_no_deeper() -> None:
    assert parse_text(nested(MAX_DEPTH))
    with pytest.raises(Refused, match="nests deeper"):
        parse_text(nested(MAX_DEPTH + 1))


@pytest.mark.parametrize("words", ["[" * 200, '"]{' * 100, '\\"[' * 100, "]" * 200, "\\"])
def test_brackets_in_words_are_words(words: str) -> None:
    said = json.dumps(words)
    assert parse_text(nested(MAX_DEPTH, said))
    with pytest.raises(Refused, match="nests deeper"):
        parse_text(nested(MAX_DEPTH + 1, said))


@pytest.mark.parametrize("end", ['"', '"\\', '"[' + "]" * 100, "\\" * 100, '"]"]"'])
def test_a_text_that_does_not_end_well_is_refused(end: str) -> None:
    with pytest.raises(Refused, match="strict JSON"):
        parse_text("[" * MAX_DEPTH + "]" * MAX_DEPTH + "[" + end)
