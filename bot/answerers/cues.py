"""Sentences of a conversation that cue words pick out, where no model can be had.

It understands nothing: each item is a sentence as it stands, under the kind that its words are the
usual ones of, and says so to whoever reads it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Final

from bot.domain import Item
from bot.ports.conversations import Said
from bot.wording import fold, sentences

_LONGEST: Final = 300
_DECIDED: Final = re.compile(
    r"\b(?:(?:we|i)(?:['’]ve| have)? (?:decided|agreed)|decision:|it is decided|agreed|"
    r"(?:let['’]s|we(?:['’]ll| will)) go (?:with|ahead)|we(?:['’]re| are) going with|"
    r"approved)(?!\w)",
    re.IGNORECASE,
)
_OWN_PROMISE: Final = re.compile(r"\b(?:i['’]ll|i will|i am going to|i['’]m going to)\b", re.I)
_ASKED_OF: Final = re.compile(
    r"@([^\W\d_][\w'’-]*(?: [A-Z][\w'’-]*)?)[,:]?\s+"
    r"(?:please|can you|could you|will|writes?|sends?|checks?)\b"
)
_CHANGED: Final = re.compile(
    r"\b(?:(?:is|are|was|were|has been|have been) (?:now )?(?:changed|moved|merged|released|fixed|"
    r"removed|renamed|replaced|updated|cancelled|postponed|back|done)|no longer|(?:we|i)(?:['’]ve|"
    r" have)? (?:changed|moved|merged|released|fixed|removed|renamed|replaced|updated))\b",
    re.IGNORECASE,
)


def found_by_cues(said: Sequence[Said]) -> tuple[Item, ...]:
    """Items by kind, each with its own message's link."""
    found = [item for at, one in enumerate(said) for item in _items(one, said[at + 1 :])]
    order = ("changed", "decided", "open", "owes")
    return tuple(sorted(found, key=lambda item: order.index(item.kind)))


def _items(one: Said, later: Sequence[Said]) -> Iterator[Item]:
    for begin, end in sentences(one.text):
        words = fold(one.text[begin:end])
        if not one.link or len(words) > _LONGEST:
            continue
        asked_of = _ASKED_OF.search(words)
        if words.endswith("?") and asked_of is None:
            # Whoever speaks next may have answered it; nobody has answered what stands last.
            if all(other.author == one.author for other in later):
                yield Item(kind="open", who=one.author, words=words, link=one.link)
        elif _DECIDED.search(words):
            yield Item(kind="decided", who=one.author, words=words, link=one.link)
        elif asked_of is not None:
            yield Item(kind="owes", who=asked_of[1], words=words, link=one.link)
        elif _OWN_PROMISE.search(words):
            yield Item(kind="owes", who=one.author, words=words, link=one.link)
        elif _CHANGED.search(words):
            yield Item(kind="changed", who=one.author, words=words, link=one.link)
