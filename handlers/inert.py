"""Untrusted text, made fit to be shown: what holds on every surface, whatever its markup."""

from __future__ import annotations

import re
from collections.abc import Iterator
from urllib.parse import urlsplit

from bot.plain_text import clean

_URL = re.compile(r"https?://[^\s<>\"'`\\]+")
_PLAIN_URL = re.compile(r"https?://[A-Za-z0-9.-]+(?::\d{1,5})?(?:[/?#][!#-;=?-\[\]_a-z~]*)?")
_TRAILING = ".,;:!?)]}*_~"


def one_line(text: str) -> str:
    """``clean`` text with its white space run together."""
    return " ".join(clean(text).split())


def cut(text: str, limit: int) -> tuple[str, bool]:
    """At most ``limit`` characters, the last of them ``…`` if something is missing; and whether."""
    if len(text) <= limit:
        return text, False
    head = text[: max(limit - 1, 0)]
    space = max(head.rfind(" "), head.rfind("\n"))
    if space > limit * 3 // 4:
        head = head[:space]
    return head.rstrip() + "…", True


def is_plain_url(url: str) -> bool:
    """Whether a reader sees where ``url`` leads: http(s), ASCII, no user part, at most 3,000."""
    if len(url) > 3000 or not _PLAIN_URL.fullmatch(url):
        return False
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    return bool(parts.hostname) and parts.username is None and parts.password is None


def split_urls(text: str, most: int) -> Iterator[tuple[str, bool]]:
    """``text`` in its order, as pieces and whether each is a plain URL; none is empty.

    A URL with a user part or with letters outside ASCII stays text: what it shows is not what a
    reader takes it for. So does the rest after ``most`` pieces, for a message has only so much
    room."""
    begin = given = 0
    for found in _URL.finditer(text):
        url = found.group().rstrip(_TRAILING)
        if not is_plain_url(url):
            continue
        if given >= most:
            break
        if found.start() > begin:
            yield text[begin : found.start()], False
            given += 1
        yield url, True
        given += 1
        begin = found.start() + len(url)
    if begin < len(text):
        yield text[begin:], False
