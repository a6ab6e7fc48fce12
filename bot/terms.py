"""Words as search terms: how a text becomes the units that articles and tickets are compared by.

Pure functions. A term is lower case, without accents, cut to its singular; words that carry no
topic in a support ticket are left out. Scripts that are written without spaces (Chinese, Japanese,
Thai and the like) give overlapping pairs of characters. Two neighbours make a pair term
``first_second``: *direct debit* says more than its words apart.
"""

from __future__ import annotations

import itertools
import re
import unicodedata
from collections.abc import Iterable, Iterator

SCAN_LIMIT = 20_000
"""Characters of a text that become terms; what a ticket asks stands before that."""

_TOPICLESS = """
a about above across after afterwards again against all almost alone along already also although
always am among an and another any anybody anyhow anyone anything anyway anywhere are aren
around as ask asked asking at away b back be became because become becomes been before
beforehand behind being below beside besides best between beyond both but by c can cannot cant
cheers could couldn d dear did didn do does doesn doing don done down due during e each either
else elsewhere enough etc even ever every everyone everything everywhere except f few find first
for former from further g get give go going good got greeting h had hadn hardly has hasn have
haven having he hello help hence her here hereby herself hey hi him himself his hope how however
i if in indeed into is isn it its itself j just k keep kindly know l last latter least less let
like ll looking look m made make many may maybe me meanwhile might mine more moreover most
mostly much must my myself n name namely need neither never nevertheless next no nobody none nor
not nothing now nowhere o of off often oh ok okay on once one only onto or other others
otherwise our ours ourselves out over own p part per perhaps please put q question quite r
rather re really regard s said same say see seem seemed seems several she should shouldn show
side since so some somehow someone something sometime sometimes somewhere sorry still such sure
t take team tell than thank thanks that the their theirs them themselves then thence there
therefore these they thing things this those though through throughout thus to together too
toward towards tried try trying u under until up upon us v ve very via w want was wasn way we
well went were weren what whatever when whence whenever where whereas wherever whether which
while whither who whoever whole whom whose why will with within without won would wouldn x y yes
yet you your yours yourself yourselves z
"""
STOP_WORDS: frozenset[str] = frozenset(_TOPICLESS.split())
"""English words without a topic, the small talk of tickets among them."""

_WORD = re.compile(r"[^\W_]+")
_HYPHENATED = re.compile(r"(?<=[^\W\d_])[-\u00ad]\n(?=[^\W\d_])")
"""A word that a hyphen parts at a line's end."""
_UNSEEN = re.compile("[\u00ad\u034f\u061c\u180e\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufeff]")
"""Soft hyphens, and what else stands within a word and is not seen."""
_UNSPACED = re.compile(
    "[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff"
    "\uf900-\ufaff\U00020000-\U0003ffff]+"
)


def fold(text: str) -> str:
    """Lower case, compatibility forms and accents gone, words whole that a line's end parted."""
    whole = _UNSEEN.sub("", _HYPHENATED.sub("", text[:SCAN_LIMIT]))
    plain = unicodedata.normalize("NFKD", whole).casefold()
    plain = "".join(char for char in plain if not unicodedata.combining(char))
    return unicodedata.normalize("NFC", plain)


def singular(word: str) -> str:
    """An English word without its plural ending: ``fee`` for ``fees``."""
    if len(word) <= 3 or not word.endswith("s") or not word.isascii():
        return word
    if word.endswith("ies") and len(word) > 4:
        return word[:-3] + "y"
    if word.endswith("sses"):
        return word[:-2]
    if word.endswith(("ss", "us", "is")):
        return word
    return word[:-1]


def words(text: str) -> list[str]:
    """The topical words of ``text`` in their order, folded and singular."""
    return [
        singular(word)
        for word in _split(fold(text))
        if word not in STOP_WORDS and (len(word) > 1 or not word.isascii() or word.isdigit())
    ]


def terms(text: str) -> list[str]:
    """``words`` and each pair of neighbours among them."""
    return with_pairs(words(text))


def with_pairs(single: list[str]) -> list[str]:
    """The words and ``first_second`` for each two neighbours."""
    return single + list(pairs(single))


def pairs(single: list[str]) -> Iterator[str]:
    for first, second in itertools.pairwise(single):
        yield f"{first}_{second}"


def is_pair(term: str) -> bool:
    return "_" in term


def _split(folded: str) -> Iterable[str]:
    for found in _WORD.finditer(folded):
        word = found.group()
        if word.isascii() or not _UNSPACED.search(word):
            yield word
            continue
        rest = 0
        for run in _UNSPACED.finditer(word):
            if run.start() > rest:
                yield word[rest : run.start()]
            rest = run.end()
            characters = run.group()
            if len(characters) == 1:
                yield characters
            for first, second in itertools.pairwise(characters):
                yield first + second
        if rest < len(word):
            yield word[rest:]
