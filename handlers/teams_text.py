"""The text of a message that Teams hands over as HTML."""

from __future__ import annotations

import re
from html import unescape
from typing import Final

import nh3

from bot.plain_text import clean
from handlers.teams_activity import TEXT_BYTES, MessagePayload

_MARKUP: Final = 64 * 1024
"""Characters of HTML that are read: reading elements within elements costs more than their number.
"""
_BLOCKS: Final = ("p", "div", "ul", "ol", "blockquote", "pre")
_BREAK = re.compile(r"<br>\s*")
_ITEM = re.compile(r"<li>\s*")
_BLOCK = re.compile(rf"</?(?:{'|'.join(_BLOCKS)})>\s*")


def words_of_html(payload: MessagePayload) -> str:
    """A message action's message as plain text, at most 28 KB."""
    body = payload.body
    content = (body.content or "") if body is not None else ""
    if body is not None and body.content_type != "text":
        content = _plain(content[:_MARKUP])
    raw = clean(content).strip().encode("utf-8", "replace")
    return raw[:TEXT_BYTES].decode("utf-8", "ignore")


def _plain(html: str) -> str:
    """Paragraphs a line apart, an item a line. No element is followed into another, for nobody
    limits how deep they lie."""
    tags = {"br", "li", *_BLOCKS}
    marked = nh3.clean(html, tags=tags, attributes={}).replace("</li>", "")
    for pattern, sign in ((_BREAK, "\n"), (_ITEM, "\n- "), (_BLOCK, "\n\n")):
        marked = pattern.sub(sign, marked)
    text = "\n".join(line.rstrip() for line in unescape(marked).replace("\xa0", " ").split("\n"))
    return re.sub(r"\n{3,}", "\n\n", text)
