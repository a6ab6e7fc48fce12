"""What an event is taken for, case by case."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handlers.slack_client import Us
from handlers.slack_events import (
    Ignored,
    Intake,
    Parsed,
    Setting,
    Whisper,
    parse_event,
    parse_shortcut,
)

US = Us(team="T1", user="U0BOT", bot="B0BOT", url="")
SETTING = Setting(US, {"C1": "support", "C2": "sales"}, "support")
NOW = datetime(2026, 11, 22, tzinfo=UTC)


def parsed(event: dict[str, Any], setting: Setting = SETTING, **outer: Any) -> Parsed:
    body = {"type": "event_callback", "event_id": "Ev1", "team_id": "T1", "event": event}
    return parse_event(body | outer, setting, NOW, "a" * 32)


def message(**fields: Any) -> dict[str, Any]:
    given = {"type": "message", "channel": "C1", "user": "U1", "ts": "5.0", "text": "hello"}
    return {key: value for key, value in (given | fields).items() if value is not None}


def changed(before: dict[str, Any], after: dict[str, Any], **fields: Any) -> dict[str, Any]:
    return {
        "type": "message",
        "subtype": "message_changed",
        "channel": "C1",
        "message": after,
        "previous_message": before,
        **fields,
    }


def kind_of(found: Parsed) -> str:
    match found:
        case Intake(delivery):
            return delivery.kind
        case Whisper(about):
            return about
        case Ignored():
            return "ignored"


@pytest.mark.parametrize(
    ("event", "kind"),
    [
        (message(), "message"),
        (message(subtype="file_share", files=[{"name": "a"}]), "message"),
        (message(subtype="me_message"), "message"),
        (message(subtype="thread_broadcast", thread_ts="1.0"), "message"),
        (message(thread_ts="5.0"), "message"),
        (message(thread_ts="1.0"), "message"),
        (message(subtype="bot_message", bot_id="B1"), "ignored"),
        (message(bot_id="B1"), "ignored"),
        (message(user="U0BOT"), "ignored"),
        (message(user="USLACKBOT"), "ignored"),
        (message(user=None), "ignored"),
        (message(subtype="channel_join"), "ignored"),
        (message(subtype="channel_topic"), "ignored"),
        (message(subtype="message_replied"), "ignored"),
        (message(subtype="assistant_app_thread"), "ignored"),
        (message(channel="C9"), "ignored"),
        (message(channel="C9", thread_ts="5.0"), "ignored"),
        (message(channel="C9", thread_ts="1.0"), "message"),
        (message(text="<@U0BOT> triage", thread_ts="1.0"), "ignored"),
        (message(text="<@U0BOT> help me"), "ignored"),
        (message(text="dear <@U0BOT> help me"), "message"),
        (message(text="<@U0BOT> helpless"), "message"),
        (message(text="<@U0BOT>"), "message"),
        ({"type": "reaction_added", "channel": "C1"}, "ignored"),
        ({"type": "app_home_opened", "channel": "D1", "user": "U1"}, "ignored"),
    ],
)
def test_messages(event: dict[str, Any], kind: str) -> None:
    assert kind_of(parsed(event)) == kind


@pytest.mark.parametrize(
    ("before", "after", "kind"),
    [
        (message(), message(text="bye"), "edit"),
        (message(), message(), "ignored"),
        (message(), message(attachments=[{"title": "preview"}]), "ignored"),
        (message(), message(thread_ts="5.0", reply_count=1), "ignored"),
        (message(), message(subtype="tombstone", user="USLACKBOT"), "delete"),
        (message(bot_id="B1"), message(subtype="tombstone", user="USLACKBOT"), "ignored"),
        (message(bot_id="B0BOT"), message(bot_id="B0BOT", text="card 2"), "ignored"),
        (message(user="U0BOT"), message(user="U0BOT", text="card 2"), "ignored"),
        (message(), message(ts=None), "ignored"),
        ({}, message(), "edit"),
    ],
)
def test_changes(before: dict[str, Any], after: dict[str, Any], kind: str) -> None:
    assert kind_of(parsed(changed(before, after))) == kind


def test_an_edit_in_a_thread_names_thread_and_message() -> None:
    found = parsed(changed(message(), message(text="bye", thread_ts="1.0")))
    assert isinstance(found, Intake)
    origin = found.delivery.origin
    assert (origin.thread, origin.message, found.delivery.text) == ("1.0", "5.0", "bye")


def test_what_a_message_follows_is_named_as_that_is_known() -> None:
    """So that it can wait for what is durable and not worked in yet."""

    def follows(event: dict[str, Any]) -> tuple[str, ...]:
        found = parsed(event)
        assert isinstance(found, Intake)
        return found.delivery.follows

    root = parsed(message(ts="1.0"))
    assert isinstance(root, Intake)
    known = root.delivery.aliases
    assert follows(message(ts="1.0")) == follows(message(ts="1.0", thread_ts="1.0")) == ()
    assert follows(message(thread_ts="1.0")) == known
    assert follows(changed(message(ts="1.0"), message(ts="1.0", text="bye"))) == known
    own = parsed(message())
    assert isinstance(own, Intake)
    edited = changed(message(thread_ts="1.0"), message(thread_ts="1.0", text="bye"))
    assert follows(edited) == (*known, *own.delivery.aliases)


def test_a_deletion_without_what_was_deleted_still_counts() -> None:
    event = {"type": "message", "subtype": "message_deleted", "channel": "C1", "deleted_ts": "5.0"}
    found = parsed(event)
    assert isinstance(found, Intake)
    assert found.delivery.kind == "delete"
    ours = event | {"previous_message": message(bot_id="B0BOT", user="U0BOT")}
    assert kind_of(parsed(ours)) == "ignored"


@pytest.mark.parametrize(
    ("text", "fields", "kind", "verb"),
    [
        ("<@U0BOT> triage", {"thread_ts": "1.0"}, "ask", None),
        ("<@U0BOT> TRIAGE!", {"thread_ts": "1.0"}, "ask", None),
        ("<@U0BOT>, triage this please", {"thread_ts": "1.0", "channel": "C9"}, "ask", None),
        ("hey <@U0BOT> triage", {"thread_ts": "1.0"}, "ask", None),
        ("<@U0BOT> triage", {}, "usage", "triage"),
        ("<@U0BOT> triage", {"thread_ts": "5.0"}, "usage", "triage"),
        ("<@U0BOT> help", {}, "help", "help"),
        ("<@U0BOT> Enrich acme.example", {}, "not_configured", "enrich"),
        ("<@U0BOT> summarize", {"thread_ts": "1.0"}, "not_configured", "summarize"),
        ("<@U0BOT> screen", {"thread_ts": "1.0"}, "not_configured", "screen"),
        ("<@U0BOT> research x", {"channel": "C9"}, "not_configured", "research"),
        ("<@U0BOT> triage", {"thread_ts": "1.0", "user_team": "T9"}, "ask", None),
        ("<@U0BOT> enrich x", {"team": "T9"}, "not_configured", "enrich"),
        ("<@U0BOT> my hub is offline", {}, "message", None),
        ("dear <@U0BOT> help", {}, "message", None),
        ("<@U0BOT> thanks", {"thread_ts": "1.0"}, "message", None),
        ("<@U0BOT> thanks", {"channel": "C9"}, "help", "help"),
        ("<@U0BOT>", {"channel": "C9"}, "help", "help"),
        ("<@U0BOT> triage", {"thread_ts": "1.0", "bot_id": "B1"}, "ignored", None),
    ],
)
def test_mentions(text: str, fields: dict[str, Any], kind: str, verb: str | None) -> None:
    found = parsed(message(type="app_mention", text=text, **fields))
    assert kind_of(found) == kind
    if isinstance(found, Whisper):
        assert found.verb == verb
        assert found.user == "U1"


def test_free_words_in_a_thread_elsewhere_are_its_tickets_or_get_help() -> None:
    found = parsed(
        message(type="app_mention", text="<@U0BOT> thanks", channel="C9", thread_ts="1.0")
    )
    assert isinstance(found, Intake)
    assert found.only_if_followed
    assert found.otherwise == Whisper("help", "C9", "U1", "1.0")


def test_an_ask_takes_the_playbook_that_listens_there_else_the_first() -> None:
    for channel, playbook in (("C2", "sales"), ("C9", "support")):
        found = parsed(
            message(
                type="app_mention", text="<@U0BOT> triage", channel=channel, thread_ts="1.0",
                parent_user_id="U7",
            )
        )  # fmt: skip
        assert isinstance(found, Intake)
        assert found.delivery.playbook == playbook
        assert found.delivery.author.id == "U7"
        assert found.delivery.asker is not None
        assert found.delivery.asker.id == "U1"


@pytest.mark.parametrize(
    ("outer", "taken"),
    [
        ({}, True),
        ({"team_id": "T9"}, False),
        ({"team_id": "T9", "context_team_id": "T1"}, True),
        ({"team_id": "T9", "authorizations": [{"team_id": "T1"}]}, True),
        ({"team_id": "T9", "authorizations": [{"team_id": "T9"}]}, False),
        ({"team_id": "T9", "authorizations": "T1"}, False),
        ({"team_id": "T9", "is_ext_shared_channel": True}, True),
        ({"team_id": None}, False),
    ],
)
def test_whose_event_it_is(outer: dict[str, Any], taken: bool) -> None:
    assert isinstance(parsed(message(), **outer), Intake) is taken


def test_an_externals_message_names_their_team() -> None:
    found = parsed(message(team="T1", user_team="T9"), is_ext_shared_channel=True)
    assert isinstance(found, Intake)
    assert found.delivery.author.key == "slack:T9:U1"


def shortcut(**fields: Any) -> dict[str, Any]:
    given = {
        "type": "message_action",
        "callback_id": "deskhand.triage",
        "action_ts": "9.0",
        "user": {"id": "U5", "team_id": "T1"},
        "channel": {"id": "C9"},
        "message": message(channel=None, thread_ts="1.0"),
    }
    return given | fields


def test_a_shortcut_is_an_ask_for_that_message() -> None:
    found = parse_shortcut(shortcut(), SETTING, NOW, "a" * 32)
    assert isinstance(found, Intake)
    asked = found.delivery
    assert (asked.origin.thread, asked.origin.message) == ("1.0", "5.0")
    assert asked.author.id == "U1"
    again = parse_shortcut(shortcut(action_ts="10.0"), SETTING, NOW, "a" * 32)
    assert isinstance(again, Intake)
    assert again.delivery.id != asked.id


@pytest.mark.parametrize(
    ("fields", "about"),
    [
        ({"user": {"id": "U5", "team_id": "T9"}}, "may_not"),
        ({"message": message(bot_id="B0BOT")}, "usage"),
        ({"message": message(user="U0BOT")}, "usage"),
        ({"message": {}}, "ignored"),
        ({"channel": "C9"}, "ignored"),
        ({"user": None}, "ignored"),
    ],
)
def test_shortcuts_that_ask_nothing(fields: dict[str, Any], about: str) -> None:
    assert kind_of(parse_shortcut(shortcut(**fields), SETTING, NOW, "")) == about


def test_another_apps_message_may_be_asked_for() -> None:
    asked = shortcut(message=message(user=None, bot_id="B7", text="from a form"))
    found = parse_shortcut(asked, SETTING, NOW, "")
    assert isinstance(found, Intake)
    assert found.delivery.author.id == "B7"


KEYS = st.sampled_from(
    ["type", "subtype", "channel", "user", "ts", "thread_ts", "text", "team", "bot_id", "blocks"]
) | st.sampled_from(
    ["message", "previous_message", "deleted_ts", "files", "attachments", "elements", "url"]
)
WORDS = st.sampled_from(
    ["message", "app_mention", "message_changed", "message_deleted", "C1", "C9", "U1", "5.0", ""]
) | st.sampled_from(
    ["<@U0BOT> triage", "<@U0BOT> help", "tombstone", "rich_text", "section", "link"]
)


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | WORDS | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(KEYS, inner),
        max_leaves=25,
    )
)
def test_no_shape_of_an_event_raises(event: Any) -> None:
    base = event if isinstance(event, dict) else {"text": event}
    for kind in ("message", "app_mention"):
        found = parsed({"channel": "C1", "user": "U1", "ts": "5.0", **base, "type": kind})
        assert isinstance(found, Intake | Whisper | Ignored)
    assert isinstance(
        parse_shortcut(shortcut(message=base), SETTING, NOW, ""), Intake | Whisper | Ignored
    )
