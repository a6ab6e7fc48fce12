"""The text of a message that Teams hands over as HTML."""

from __future__ import annotations

import nh3
from markdownify import markdownify

from bot.plain_text import clean
from handlers.teams_activity import TEXT_BYTES, MessagePayload


def words_of_html(payload: MessagePayload) -> str:
    """A message action's message as plain text, at most 28 KB."""
    body = payload.body
    content = (body.content or "") if body is not None else ""
    if body is not None and body.content_type != "text":
        tags = {"p", "br", "div", "ul", "ol", "li", "blockquote", "pre", "code", "a"}
        safe = nh3.clean(content, tags=tags, attributes={})
        content = markdownify(safe, escape_asterisks=False, escape_underscores=False, strip=["a"])
    raw = clean(content).strip().encode("utf-8", "replace")
    return raw[:TEXT_BYTES].decode("utf-8", "ignore")
