"""The answer to an ask as a Slack message: Slack takes it, and nothing in it comes alive."""

from __future__ import annotations

from decimal import Decimal

from hypothesis import given, settings

from bot.domain import Answer, Passage
from handlers.slack_answer import answer_message
from tests.domain.test_answer_words import answers
from tests.standins.slack.limits import (
    blocks_too_long,
    message_text_error,
    metadata_error,
    validate_blocks,
)


@settings(max_examples=60, deadline=None)
@given(answers)
def test_slack_takes_any_answer(answer: Answer) -> None:
    drawn = answer_message(answer, "r_1", "local", Decimal(0))
    assert validate_blocks(drawn.blocks) == []
    assert not blocks_too_long(drawn.blocks)
    assert message_text_error(drawn.text, update=True) is None
    assert metadata_error(drawn.metadata) is None


def test_the_largest_answer_keeps_every_quote() -> None:
    hostile = "<!channel> <@U0AGENT> <https://evil.example|bank> *bold* " * 7
    passage = Passage(file="a" * 100 + ".md", page=7, quote=hostile[:400], why="holds " * 80)
    drawn = answer_message(Answer(kind="research", passages=(passage,) * 20), "r_1", "", Decimal(0))
    shown = str(drawn.blocks)
    assert shown.count("<!channel>") >= 20, "literal, in leaves alone"
    assert "'type': 'link'" not in shown
    assert "mrkdwn" not in shown
    assert "<!channel>" not in drawn.text
    assert "<https" not in drawn.text
