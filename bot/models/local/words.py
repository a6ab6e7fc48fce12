"""A ticket's words for the label model: every word counts, *not* above all, cut to its stem."""

from __future__ import annotations

import re
from functools import lru_cache

from bot.terms import fold

_TOKEN = re.compile(r"[^\W_]+")
_APOSTROPHE = re.compile(r"[’ʼ`´]")
_SHORT_FORMS = (
    (re.compile(r"\bcan['\s]?t\b"), "can not"),
    (re.compile(r"\bcannot\b"), "can not"),
    (re.compile(r"\bwon't\b"), "will not"),
    (re.compile(r"(?<=[a-z])n't\b"), " not"),
    (re.compile(r"\b(do|does|did|is|was|are|were|have|has|had|could|would|should)nt\b"), r"\1 not"),
    (re.compile(r"'(?:s|m|ve|re|ll|d)\b"), ""),
)
_VOWEL = re.compile(r"[aeiouy]")
_DOUBLED = re.compile(r"([bdfgmnprt])\1$")


def stems(text: str) -> list[str]:
    """The words of ``text`` in their order, folded, short forms opened, endings cut."""
    folded = fold(_APOSTROPHE.sub("'", text))
    for pattern, opened in _SHORT_FORMS:
        folded = pattern.sub(opened, folded)
    return [stem(word) for word in _TOKEN.findall(folded)]


def plain_words(text: str) -> list[str]:
    """The words of ``text`` in their order, folded, with their endings."""
    return _TOKEN.findall(fold(text))


def spelled(text: str) -> list[str]:
    """The words of ``text`` in their order and lower case, as a person would quote them."""
    return _TOKEN.findall(text.casefold())


@lru_cache(maxsize=50_000)
def stem(word: str) -> str:
    """An English word without the endings of number, tense and manner.

    It need not be a word, only the same for *refund*, *refunds*, *refunded* and *refunding*.
    """
    if len(word) <= 3 or not word.isascii() or not word.isalpha():
        return word
    word = _without_plural(word)
    for ending in ("ingly", "edly", "ing", "ed"):
        rest = word[: -len(ending)]
        if word.endswith(ending) and len(rest) >= 3 and _VOWEL.search(rest):
            return _repaired(rest)
    if word.endswith("ly") and len(word) > 5:
        word = word[:-2]
    if word.endswith("e") and len(word) > 4:
        return word[:-1]
    if word.endswith("y") and len(word) > 3 and word[-2] not in "aeiou":
        return word[:-1] + "i"
    return word


def _without_plural(word: str) -> str:
    if word.endswith("ies") and len(word) > 4:
        return word[:-3] + "y"
    if word.endswith(("sses", "shes", "ches", "xes")):
        return word[:-2]
    if word.endswith("s") and not word.endswith(("ss", "us", "is")):
        return word[:-1]
    return word


def _repaired(rest: str) -> str:
    """``stopp`` is ``stop``, ``applyi`` is ``apply``; a final e never stays."""
    if _DOUBLED.search(rest):
        return rest[:-1]
    if rest.endswith("e") and len(rest) > 4:
        return rest[:-1]
    if rest.endswith("y") and rest[-2] not in "aeiou":
        return rest[:-1] + "i"
    return rest


def shortened(text: str, limit: int) -> str:
    """In one line of at most ``limit`` characters; the last is ``…`` if something is missing."""
    folded = " ".join(text.split())
    return folded if len(folded) <= limit else folded[: limit - 1].rstrip() + "…"
