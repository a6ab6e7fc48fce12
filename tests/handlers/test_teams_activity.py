"""What an activity is, whoever wrote it."""

from __future__ import annotations

from typing import Any

import pytest

from handlers.teams_activity import read_activity


@pytest.mark.parametrize(
    ("conversation", "kind"),
    [
        ({"conversationType": "personal"}, "personal"),
        ({"conversationType": "personal", "isGroup": False}, "personal"),
        ({}, "personal"),
        ({"isGroup": True}, "group"),
        ({"conversationType": "groupChat"}, "group"),
        ({"conversationType": "channel"}, "channel"),
        # Answers to one person may hold texts: what is not known to be their own chat is none.
        ({"conversationType": "meeting"}, "group"),
        ({"conversationType": "GroupChat", "isGroup": True}, "group"),
        ({"conversationType": ""}, "group"),
    ],
)
def test_only_what_is_named_so_is_a_persons_own_chat(
    conversation: dict[str, Any], kind: str
) -> None:
    activity = {"type": "message", "id": "1", "conversation": {"id": "a:1", **conversation}}
    assert read_activity(activity).kind == kind
