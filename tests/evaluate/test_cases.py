"""A labelled file: what is read of it, and how its mistakes are named."""

from __future__ import annotations

import io
import json
from typing import Any

import pytest

from bot.evaluate.cases import LONGEST_BYTES, LabelledTicket, read_cases
from bot.faults import OperatorError

TICKET = {"id": "1", "body": "Where is my invoice?"}


def read(*rows: Any) -> tuple[LabelledTicket, ...]:
    text = b"\n".join(row if isinstance(row, bytes) else json.dumps(row).encode() for row in rows)
    return read_cases(io.BytesIO(text), "file.jsonl")


def test_what_is_not_said_is_not_scored() -> None:
    whole, bare, empty = read(
        b"\xef\xbb\xbf"
        + json.dumps(
            {"ticket": TICKET, "labels": ["b", "a"], "route": "r", "articles": ["x.md"]}
        ).encode(),
        b"",
        {"ticket": TICKET},
        {"ticket": TICKET, "labels": [], "route": None, "note": "my own key"},
    )
    assert (whole.labels, whole.route, whole.articles) == ({"a", "b"}, "r", {"x.md"})
    assert (bare.line, bare.labels, bare.route, bare.articles) == (3, None, None, None)
    assert (empty.labels, empty.route) == (frozenset(), None)
    assert whole.body.id == "1"


@pytest.mark.parametrize(
    ("row", "words"),
    [
        (b"{not json", "JSON"),
        (b"[1]", "object"),
        (b'{"ticket": "\xff"}', "UTF-8"),
        ({"labels": ["a"]}, "ticket: is missing"),
        ({"ticket": {"id": "1"}}, "ticket.body: is missing"),
        ({"ticket": "text"}, "ticket."),
        ({"ticket": TICKET, "labels": "billing"}, "labels: must be a list of texts"),
        ({"ticket": TICKET, "labels": [1]}, "labels: must be a list of texts"),
        ({"ticket": TICKET, "route": ["a"]}, "route: must be a text"),
        ({"ticket": TICKET, "articles": {"a": 1}}, "articles: must be a list"),
        ({"ticket": TICKET, "label": ["a"]}, "label: there is no such key; did you mean 'labels'?"),
        (b'{"ticket": "' + b"x" * LONGEST_BYTES + b'"}', "longer than 1 MiB"),
    ],
)
def test_a_bad_line_is_named(row: Any, words: str) -> None:
    with pytest.raises(OperatorError) as told:
        read({"ticket": TICKET}, row, {"ticket": TICKET})
    assert len(told.value.lines) == 1
    assert told.value.lines[0].startswith("file.jsonl:2: ")
    assert words in told.value.lines[0]


def test_a_file_of_mistakes_is_told_in_twenty_lines() -> None:
    with pytest.raises(OperatorError) as told:
        read(*[b"no"] * 50)
    assert len(told.value.lines) == 20


@pytest.mark.parametrize("text", [b"", b"\n \n", b"\xef\xbb\xbf"])
def test_an_empty_file_is_a_mistake(text: bytes) -> None:
    with pytest.raises(OperatorError, match="holds no ticket"):
        read_cases(io.BytesIO(text), "file.jsonl")
