"""Slack's markup as plain text: what a person typed, without what Slack made of it.

The rules are docs.slack.dev/messaging/formatting-message-text: ``&``, ``<`` and ``>`` are escaped,
everything else in angle brackets is a reference or a link.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

_TOKEN = re.compile(r"<([^<>]*)>|&(amp|lt|gt);")
_ENTITIES = {"amp": "&", "lt": "<", "gt": ">"}


def unescape(text: str) -> str:
    """Plain text from Slack's ``mrkdwn``: entities, people, channels, groups, dates, links."""
    if "<" not in text and "&" not in text:
        return text
    return _TOKEN.sub(_token, text)


def _token(found: re.Match[str]) -> str:
    if found[2]:
        return _ENTITIES[found[2]]
    target, _, label = found[1].partition("|")
    label, target = _entities(label), _entities(target)
    match target[:1]:
        case "@":
            return f"@{label.removeprefix('@')}" if label else target
        case "#":
            return f"#{label.removeprefix('#')}" if label else target
        case "!":
            return _special(target, label)
    bare = target.removeprefix("mailto:").removeprefix("tel:")
    if not label or label in (bare, target):
        return bare
    # What Slack links by itself keeps the words that were typed: <http://a.example|a.example>.
    if bare.rstrip("/").removeprefix("https://").removeprefix("http://") == label.rstrip("/"):
        return label
    return f"{label} ({bare})"


def _special(target: str, label: str) -> str:
    if label:
        return label if target.startswith("!date") or label.startswith("@") else f"@{label}"
    return "@" + target[1:].partition("^")[0]


def _entities(text: str) -> str:
    return text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")


def plain(message: Mapping[str, Any]) -> str:
    """A message's words. Its ``text``; without one, what its blocks or shared messages say."""
    text = message.get("text")
    parts = [unescape(text)] if isinstance(text, str) and text.strip() else []
    if not parts:
        parts += ["".join(_block_texts(message.get("blocks"))).strip("\n")]
    for attachment in _dicts(message.get("attachments")):
        # A message that somebody forwards; an unfurled link's preview is not their words.
        if attachment.get("is_share") is True:
            shared = attachment.get("text") or attachment.get("fallback")
            parts += [unescape(shared)] if isinstance(shared, str) else []
    return "\n".join(part for part in parts if part)


def files_of(message: Mapping[str, Any]) -> tuple[str, ...]:
    """Names of the files that came with it."""
    names = (file.get("name") or file.get("title") for file in _dicts(message.get("files")))
    return tuple(name if isinstance(name, str) else "a file without a name" for name in names)


def words_after_mention(text: str, user: str, *, first_only: bool) -> str | None:
    """What follows the first mention of ``user``, as plain text, or None without one.

    ``first_only``: only where the mention begins the text."""
    found = re.search(rf"<@{re.escape(user)}(\|[^<>]*)?>", text)
    if found is None or (first_only and text[: found.start()].strip()):
        return None
    return unescape(text[found.end() :]).strip().lstrip(":,").strip()


def strip_mention(text: str, user: str) -> str:
    """Plain text without a mention of ``user`` at its beginning."""
    return re.sub(rf"\A\s*@{re.escape(user)}\b[:,]?\s*", "", text)


def _dicts(value: Any) -> Iterator[Mapping[str, Any]]:
    if isinstance(value, list):
        yield from (item for item in value if isinstance(item, dict))


def _block_texts(blocks: Any) -> Iterator[str]:
    for block in _dicts(blocks):
        match block.get("type"):
            case "rich_text" | "rich_text_list" | "rich_text_quote" | "context":
                yield from _block_texts(block.get("elements"))
            case "rich_text_section" | "rich_text_preformatted":
                yield from _block_texts(block.get("elements"))
                yield "\n"
            case "section" | "header" | "markdown":
                yield from _block_texts([block.get("text")])
                yield from _block_texts(block.get("fields"))
                if isinstance(raw := block.get("text"), str):
                    yield raw
                yield "\n"
            case "text" | "plain_text" | "mrkdwn" | "link" | "emoji" | "user" | "channel":
                yield _leaf(block)


def _leaf(element: Mapping[str, Any]) -> str:
    def word(key: str) -> str:
        value = element.get(key)
        return value if isinstance(value, str) else ""

    match element.get("type"):
        case "mrkdwn":
            return unescape(word("text"))
        case "link":
            url, label = word("url"), word("text")
            return f"{label} ({url})" if label and label != url else url
        case "emoji":
            return f":{word('name')}:"
        case "user":
            return f"@{word('user_id')}"
        case "channel":
            return f"#{word('channel_id')}"
        case _:
            return word("text")
