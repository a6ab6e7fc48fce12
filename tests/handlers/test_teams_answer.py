"""Answers to asks in Teams: as much of each as Teams takes, and never an item without its words."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from bot.domain import Answer
from bot.domain.answers import Item
from handlers.teams_answer import answer_activity
from handlers.teams_inert import fits
from tests.handlers.teams_schema import activity_faults

LINK = "https://acme.slack.example/archives/C0SUPPORT/p1700000000000000?thread_ts=1700000000.000100"


def items_of(activity: dict[str, Any]) -> list[str]:
    """The words of each item."""
    (card,) = activity["attachments"]
    return [
        " ".join(
            run["text"]
            for block in one["items"]
            if block["type"] == "RichTextBlock"
            for run in block["inlines"]
        )
        for one in card["content"]["body"]
        if one["type"] == "Container"
    ]


@pytest.mark.parametrize("count", [1, 5, 20, 40])
@pytest.mark.parametrize("size", [10, 400])
def test_a_summary_keeps_words_in_every_item_that_is_shown(count: int, size: int) -> None:
    words = ("released " * 50)[:size]
    items = tuple(Item(kind="changed", who="Ana", words=words, link=LINK) for _ in range(count))
    made = answer_activity(Answer(kind="summary", items=items), "r_1", "claude-x", Decimal(1))
    assert fits(made)
    assert not activity_faults(made)
    shown = items_of(made)
    assert len(shown) >= min(count, 8)
    assert all(one.count("released") >= min(size, 60) // 9 for one in shown)
