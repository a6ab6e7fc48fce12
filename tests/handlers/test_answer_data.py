"""What programs read of a shared answer: no more than the approved text says."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from pydantic import JsonValue

from bot.domain import Action
from handlers.slack_reply import ANSWER
from tests.actions.grants import grant, place

PASSAGE: dict[str, JsonValue] = {"file": "salaries.md", "page": 1, "quote": "It is 9 percent."}
RULE: dict[str, JsonValue] = {"id": "no-promises", "verdict": "cannot_tell"}
ITEM: dict[str, JsonValue] = {"kind": "owes", "who": "Dana", "link": "https://a.example/1"}


def read(text: str, **rows: list[JsonValue]) -> dict[str, Any]:
    approved = grant(place(), text)
    action = Action(
        tool="post_answer", args={"text": text, "data": {"run": "r_1", **rows}}, target="the thread"
    )
    content = approved.content.model_copy(update={"actions": (action,)})
    return ANSWER.data(replace(approved, content=content))


@pytest.mark.parametrize(
    ("text", "name", "row", "stays"),
    [
        ("salaries.md, page 1\nIt is\n9 percent.", "passages", PASSAGE, True),
        ("page 1\nIt is 9 percent.", "passages", PASSAGE, False),
        ("salaries.md, page 1", "passages", PASSAGE, False),
        ("cannot tell: no-promises: Promise nothing.", "rules", RULE, True),
        ("pass: no-promises: Promise nothing.", "rules", RULE, False),
        ("Owes (Dana)\nhttps://a.example/1", "items", ITEM, True),
        ("Owes\nhttps://a.example/1", "items", ITEM, False),
        ("Owes (Dana)", "items", ITEM, False),
    ],
)
def test_what_an_edit_takes_from_the_text_goes_from_the_data(
    text: str, name: str, row: dict[str, JsonValue], stays: bool
) -> None:
    assert read(text, **{name: [row]}) == {"run": "r_1", name: [row] if stays else []}
