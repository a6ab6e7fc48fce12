"""A long answer in Slack: as much of each item as a message takes, and never one without words."""

from __future__ import annotations

import json
from decimal import Decimal

import pytest

from bot.domain import Answer
from bot.domain.answers import Item
from handlers.slack_answer import answer_blocks

LINK = "https://acme.slack.example/archives/C0SUPPORT/p1700000000000000?thread_ts=1700000000.000100"
OUT_THERE = "https://github.example/acme/pump/pull/7?" + "page=1&" * 60


@pytest.mark.parametrize("size", [10, 400, 4_000])
@pytest.mark.parametrize("link", [LINK, OUT_THERE])
@pytest.mark.parametrize("name", ["Ana", "Ana " * 100])
def test_a_summary_keeps_words_in_every_item_that_is_shown(size: int, name: str, link: str) -> None:
    words = ("released <&> " * 400)[:size]
    items = tuple(Item(kind="changed", who=name, words=words, link=link) for _ in range(40))
    blocks = answer_blocks(Answer(kind="summary", items=items), "claude-x", Decimal(1))
    shown = [block for block in blocks if "released" in json.dumps(block)]
    assert len(shown) >= 15
    assert len([block for block in blocks if "Changed" in json.dumps(block)]) == len(shown)
