"""Untrusted text for Adaptive Cards, made inert: no link with other words, no image, no mention.

A ``TextBlock`` and the title of a choice read Markdown; a ``TextRun`` in a ``RichTextBlock`` does
not (adaptivecards.io/explorer/TextRun.html). So words from outside stand in ``TextRun`` alone, and
``TextBlock`` holds only our own. What is left to break is ``{{DATE(…)}}`` and ``{{TIME(…)}}``,
which a renderer replaces in a run too. ``<at>`` mentions nobody where no ``mention`` entity stands
beside it, and we never send one.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import Any, Final

from bot.card import Who, Words
from bot.plain_text import clean
from handlers.inert import cut, one_line, split_urls

Json = dict[str, Any]

ACTIVITY_BYTES: Final = 28 * 1024
"""Of an activity as compact UTF-8 JSON (learn.microsoft.com, *Format your bot messages*)."""
ACTIVITY_UTF16: Final = 40_000
"""Of the same as UTF-16, which is what the service counts before it answers 413."""

_ENVELOPE: Final = 1024
"""Kept free for what the connector adds: ids, the conversation, the sender."""

_FUNCTION = re.compile(r"(?<=\{)(?=\{\s*(?:DATE|TIME)\s*\()", re.IGNORECASE)
_MOST_SPLITS = 20
_MOST_PIECES = 30
_GUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
_LIKENESS: Final = str.maketrans("*[]`<>\\~&|!{}", "∗()'‹›∖∼＆¦ǃ❴❵")
_START = re.compile(r"(?:[#+=-]+|\d+[.)])")
_START_LIKENESS: Final = str.maketrans("#+=-.)", "＃＋＝‐․﹚")
_EDGE_UNDERSCORE = re.compile(r"(?<![^\W_])_|_(?![^\W_])")


# --- text runs --------------------------------------------------------------------------------


def runs(text: str, *, linked: bool = False, **style: Any) -> list[Json]:
    """``text`` as ``TextRun``s, literal whatever stands in it; none for no text.

    ``style`` is a ``TextRun``'s own (weight, color, italic, strikethrough, highlight, isSubtle,
    size). ``linked`` makes plain http(s) URLs links to exactly what is read."""
    text = clean(text)
    if not linked:
        return _literal(text, style)
    made: list[Json] = []
    for piece, is_url in split_urls(text, _MOST_PIECES):
        made += [link(piece)] if is_url else _literal(piece, style)
    return made


def link(url: str, words: str | None = None) -> Json:
    """A link; without ``words`` it shows its own target. Other words only for our own links."""
    return {
        "type": "TextRun",
        "text": words or url,
        "selectAction": {"type": "Action.OpenUrl", "url": url},
    }


def bold(text: str, **style: Any) -> list[Json]:
    """``runs`` in bold."""
    return runs(text, weight="Bolder", **style)


def line(*parts: Sequence[Json], **block: Any) -> Json:
    """One ``RichTextBlock`` of runs; ``block`` holds its own properties. Never without a run."""
    inlines = [run for part in parts for run in part]
    return {"type": "RichTextBlock", "inlines": inlines or runs("–"), **block}


def _literal(text: str, style: Json) -> list[Json]:
    parts = _FUNCTION.split(text, maxsplit=_MOST_SPLITS)
    # What would take too many runs is held apart by a character that nobody sees.
    parts[-1] = _FUNCTION.sub("\u200c", parts[-1])
    return [{"type": "TextRun", "text": part, **style} for part in parts if part]


# --- our own words ----------------------------------------------------------------------------


def trusted(markdown: str, **block: Any) -> Json:
    """A ``TextBlock`` of our own Markdown, without any word from elsewhere."""
    return {"type": "TextBlock", "text": markdown, "wrap": True, **block}


def heading(words: str, **block: Any) -> Json:
    """A part's title in our own words."""
    return trusted(words, weight="Bolder", spacing="Medium", **block)


def unmarked(text: str, limit: int) -> str:
    """One line for a choice's title, a toggle's, or a card's ``fallbackText``, which some hosts
    read as Markdown and others do not: what Markdown acts on is replaced by its likeness, so that
    all show the same."""
    words, _ = cut(_EDGE_UNDERSCORE.sub("‗", one_line(text).translate(_LIKENESS)), limit)
    start = _START.match(words)
    if start:
        words = start.group().translate(_START_LIKENESS) + words[start.end() :]
    return words or "–"


# --- persons ----------------------------------------------------------------------------------


def person(who: Who) -> str:
    """A person by name, and where they decided if that was elsewhere. Nobody is mentioned."""
    name, _ = cut(one_line(who.name), 80)
    where = {"slack": "Slack", "teams": "Teams", "console": "the console"}.get(who.actor.surface)
    if _GUID.fullmatch(name):
        # A directory's id tells a reader nothing; its beginning is enough for an operator.
        return f"{where or 'user'} user {name[:8]}…"
    if who.actor.surface == "teams":
        return name or "somebody"
    return f"{name or 'somebody'} in {where}" if where else name or "somebody"


def words_text(words: Words) -> str:
    """A line with persons in it as plain text."""
    return "".join(one if isinstance(one, str) else person(one) for one in words)


# --- size -------------------------------------------------------------------------------------


def wire(activity: Json) -> bytes:
    """An activity as it should be sent, and as it is measured: compact UTF-8 JSON."""
    return json.dumps(activity, ensure_ascii=False, separators=(",", ":")).encode()


def fits(activity: Json) -> bool:
    """Whether Teams takes it, with what the connector adds."""
    sent = wire(activity)
    units = len(sent.decode().encode("utf-16-le"))
    return len(sent) <= ACTIVITY_BYTES - _ENVELOPE and units <= ACTIVITY_UTF16 - 2 * _ENVELOPE
