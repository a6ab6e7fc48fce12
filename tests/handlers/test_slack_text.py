"""Slack's markup as plain text."""

from __future__ import annotations

import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handlers.slack_text import files_of, plain, strip_mention, unescape, words_after_mention

BOT = "U0DESKHAND"


@pytest.mark.parametrize(
    ("markup", "text"),
    [
        ("plain", "plain"),
        ("a &lt; b &amp;&amp; c &gt; d", "a < b && c > d"),
        ("&amp;lt;", "&lt;"),
        ("<@U1> and <@U1|ann>", "@U1 and @ann"),
        ("<#C1> <#C1|general> <#C1|>", "#C1 #general #C1"),
        ("<!here> <!channel>", "@here @channel"),
        ("<!subteam^S1> <!subteam^S1|@billing>", "@subteam @billing"),
        ("<!date^1392734382^{date}|Feb 18>", "Feb 18"),
        ("<https://a.example/x?y=1&amp;z=2>", "https://a.example/x?y=1&z=2"),
        ("<https://a.example|click &amp; see>", "click & see (https://a.example)"),
        ("<http://a.example|a.example>", "a.example"),
        ("<https://a.example/|a.example>", "a.example"),
        (
            "<https://evil.example|https://good.example>",
            "https://good.example (https://evil.example)",
        ),
        ("<mailto:d@a.example|d@a.example>", "d@a.example"),
        ("<mailto:d@a.example|Dana>", "Dana (d@a.example)"),
        ("<tel:+491|+491>", "+491"),
        ("a < b", "a < b"),
        ("<>", ""),
        ("<|>", ""),
        ("*bold* _it_ `code`", "*bold* _it_ `code`"),
    ],
)
def test_markup_is_what_was_typed(markup: str, text: str) -> None:
    assert unescape(markup) == text


@pytest.mark.parametrize(
    ("message", "text"),
    [
        ({"text": "words", "blocks": [{"type": "rich_text"}]}, "words"),
        ({}, ""),
        ({"text": " "}, ""),
        (
            {
                "blocks": [
                    {
                        "type": "rich_text",
                        "elements": [
                            {
                                "type": "rich_text_section",
                                "elements": [
                                    {"type": "text", "text": "see "},
                                    {"type": "link", "url": "https://a.example"},
                                    {"type": "text", "text": " "},
                                    {"type": "link", "url": "https://a.example", "text": "here"},
                                    {"type": "emoji", "name": "wave"},
                                    {"type": "user", "user_id": "U1"},
                                    {"type": "channel", "channel_id": "C1"},
                                    {"type": "broadcast", "range": "here"},
                                ],
                            },
                            {
                                "type": "rich_text_list",
                                "elements": [
                                    {
                                        "type": "rich_text_section",
                                        "elements": [{"type": "text", "text": "one"}],
                                    }
                                ],
                            },
                        ],
                    },
                    {"type": "section", "text": {"type": "mrkdwn", "text": "a &amp; b"}},
                    {"type": "markdown", "text": "# head"},
                    {"type": "divider"},
                ]
            },
            "see https://a.example here (https://a.example):wave:@U1#C1\none\na & b\n# head",
        ),
        (
            {"text": "look", "attachments": [{"is_share": True, "text": "said &lt;before&gt;"}]},
            "look\nsaid <before>",
        ),
        ({"text": "look", "attachments": [{"from_url": "https://x", "text": "preview"}]}, "look"),
    ],
)
def test_a_messages_words(message: dict[str, Any], text: str) -> None:
    assert plain(message) == text


@pytest.mark.parametrize(
    ("text", "anywhere", "first"),
    [
        (f"<@{BOT}> triage", "triage", "triage"),
        (f"  <@{BOT}|deskhand>: triage now", "triage now", "triage now"),
        (f"hey <@{BOT}> triage", "triage", None),
        (f"<@{BOT}>", "", ""),
        ("<@U1> triage", None, None),
        (f"<@{BOT}X> triage", None, None),
        (f"<@{BOT}> enrich <http://acme.example|acme.example>", "enrich acme.example",
         "enrich acme.example"),
    ],
)  # fmt: skip
def test_the_words_after_a_mention(text: str, anywhere: str | None, first: str | None) -> None:
    assert words_after_mention(text, BOT, first_only=False) == anywhere
    assert words_after_mention(text, BOT, first_only=True) == first


def test_our_own_mention_at_the_beginning_is_no_part_of_the_words() -> None:
    assert strip_mention(f"@{BOT} my hub is offline", BOT) == "my hub is offline"
    assert strip_mention(f"ask @{BOT}", BOT) == f"ask @{BOT}"
    assert strip_mention(f"@{BOT}2 x", BOT) == f"@{BOT}2 x"


def test_files_have_names() -> None:
    files = [{"name": "a.pdf"}, {"title": "b"}, {"name": 5}, "x", {}]
    unnamed = "a file without a name"
    assert files_of({"files": files}) == ("a.pdf", "b", unnamed, unnamed)
    assert files_of({"files": "x"}) == ()


@given(st.text("<>@#!|&;amplt^UC1: \n") | st.text())
def test_no_text_raises_or_leaves_an_entity_half_read(text: str) -> None:
    assert isinstance(unescape(text), str)
    escaped = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    assert unescape(escaped) == text


def test_a_long_hostile_text_takes_no_long_time() -> None:
    before = time.process_time()
    for text in ("<" * 200_000, "<a|" * 60_000, "&" * 200_000, "<@" + "x" * 200_000):
        unescape(text)
        words_after_mention(text, BOT, first_only=False)
    assert time.process_time() - before < 2
