"""What an activity's words ask for."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from handlers.teams_activity import read_activity
from handlers.teams_events import Asked, Ignored, Intake, Parsed, Setting, parse

CHANNEL, US = "19:support@thread.tacv2", "28:bot"
LISTENS = Setting("tenant", {CHANNEL: "support"}, "support", frozenset({"triage"}))


def said(text: str, setting: Setting = LISTENS, **more: Any) -> Parsed:
    """What a mention with these words is, as a post of its own in the channel."""
    activity = {
        "type": "message",
        "id": "1",
        "from": {"id": "29:dana", "aadObjectId": "0a"},
        "recipient": {"id": US},
        "conversation": {"id": f"{CHANNEL};messageid=1", "conversationType": "channel"},
        "text": text,
        "entities": [{"type": "mention", "mentioned": {"id": US}, "text": "<at>Deskhand</at>"}],
        **more,
    }
    return parse(read_activity(activity), setting, datetime(2026, 11, 23, tzinfo=UTC), "t")


@pytest.mark.parametrize(
    "text",
    [
        "<at>Deskhand</at> agent status 7d",
        "<at>Deskhand</at>&nbsp;agent status 7d\r\n",
        "<at>Deskhand</at>\xa0/agent\xa0status 7d",
        "<at>Deskhand</at>\nAgent\nstatus 7d",
        "agent\tstatus 7d <at>Deskhand</at>",
        "<at>Deskhand</at> / agent status 7d",
    ],
)
def test_a_command_is_one_whatever_stands_between_its_words(text: str) -> None:
    asked = said(text)
    assert isinstance(asked, Asked)
    assert asked.text == "status 7d"


@pytest.mark.parametrize("text", ["agents are rude", "my agent status", "status"])
def test_other_words_are_a_customers(text: str) -> None:
    made = said(f"<at>Deskhand</at> {text}")
    assert isinstance(made, Intake)
    assert made.delivery.kind == "message"
    assert made.delivery.playbook == "support"


def test_where_nobody_listens_words_to_us_are_asked_about() -> None:
    nowhere = Setting("tenant", {}, "support", frozenset({"triage"}))
    made = said("<at>Deskhand</at> what is it?", nowhere)
    assert isinstance(made, Intake)
    assert made.only_if_followed
    assert made.otherwise == Asked("help", made.otherwise.actor)  # type: ignore[union-attr]
    asks = Setting("tenant", {}, "support", frozenset({"triage", "research"}))
    made = said("<at>Deskhand</at> what is it?", asks)
    assert isinstance(made, Intake)
    assert made.otherwise.ask.words == "what is it?"  # type: ignore[union-attr]
    assert isinstance(said("what is it?", nowhere, entities=[]), Intake | Ignored)
