"""Untrusted text for Slack, made inert: no mention, no disguised link, no markup, no hidden sign.

Untrusted words stand only in ``plain_text`` objects and in ``rich_text`` leaves: Slack parses
neither. Where there is no way but mrkdwn (a message's top-level ``text``), they are escaped as
Slack asks: ``&``, ``<`` and ``>`` are its only control characters, and ``verbatim`` does not
disarm them (docs.slack.dev/messaging/formatting-message-text).
"""

from __future__ import annotations

import re
from typing import Any

from bot.plain_text import clean
from handlers.inert import cut, is_plain_url, one_line, split_urls

__all__ = ["cut", "is_plain_url", "one_line"]

Json = dict[str, Any]

_MOST_LEAVES = 40
_SLACK_USER = re.compile(r"[UW][A-Z0-9]{2,20}")


def escape(text: str) -> str:
    """``clean`` text for mrkdwn: Slack's three control characters as entities."""
    return clean(text).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def plain(text: str, limit: int = 3000) -> Json:
    """A ``plain_text`` object: never empty, never too long, ``:shortcodes:`` left as they are."""
    words, _ = cut(clean(text).strip() or "–", limit)
    return {"type": "plain_text", "text": words, "emoji": False}


def mrkdwn(trusted: str) -> Json:
    """A ``mrkdwn`` object of our own markup, without any word from elsewhere."""
    return {"type": "mrkdwn", "text": trusted}


# --- rich text --------------------------------------------------------------------------------


def leaf(text: str, **style: bool) -> Json:
    """One ``text`` leaf: literal, whatever stands in it."""
    made: Json = {"type": "text", "text": clean(text) or " "}
    if style:
        made["style"] = dict(style)
    return made


def link(url: str, text: str | None = None) -> Json:
    """A link; without ``text`` it shows its own target. Other words only for our own links."""
    return {"type": "link", "url": url} | ({"text": text} if text else {})


def leaves(text: str, *, linked: bool = False, **style: bool) -> list[Json]:
    """``text`` as leaves; ``linked`` makes plain http(s) URLs links to exactly what is read (see
    ``handlers.inert.split_urls``)."""
    text = clean(text)
    if not text:
        return []
    if not linked:
        return [leaf(text, **style)]
    return [
        link(piece) if is_url else leaf(piece, **style)
        for piece, is_url in split_urls(text, _MOST_LEAVES)
    ]


def is_user_id(some_id: str) -> bool:
    """Whether ``some_id`` can be a Slack member's id, and so may stand in a mention of ours."""
    return _SLACK_USER.fullmatch(some_id) is not None


def section(*elements: Json) -> Json:
    """A run of leaves in a ``rich_text`` block."""
    return {"type": "rich_text_section", "elements": list(elements)}


def quote(*elements: Json) -> Json:
    """The same as a quotation; Slack allows text and links in it, no persons."""
    return {"type": "rich_text_quote", "elements": list(elements)}


def bullets(items: list[list[Json]], indent: int = 0) -> Json:
    """A list with one item for each run of leaves."""
    return {
        "type": "rich_text_list",
        "style": "bullet",
        "indent": indent,
        "elements": [section(*item) for item in items],
    }


def rich(*parts: Json) -> Json:
    """A ``rich_text`` block."""
    return {"type": "rich_text", "elements": list(parts)}
