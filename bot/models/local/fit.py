"""How well a passage answers a question: the share of what is asked that it speaks of.

The search finds articles by the words they share with a ticket; this looks closer, at one question
and one passage. Other forms of a word and words of the same group count nearly as much as the same
word; a word of the title or the heading says what a passage is about, and counts more than one in
passing; rare words weigh more than those every ticket uses.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

from bot.models.local.synonyms import forms, groups_at, root, roots, words_of
from bot.terms import STOP_WORDS
from tools.spec import Passage

Rarity = Callable[[str], float]
"""How rare a root is among the desk's tickets, from 0 (in nearly all) to 1 (in none)."""

IN_BODY = 0.6
"""What a word counts that stands in the passage alone; in title or heading it counts whole."""

IN_OWN_BODY = 0.8
"""The same where the passages of one article are compared, which all have its title."""

AKIN = 0.85
"""What a word of the same group counts beside the word itself."""

NAME_WEIGHT = 1.5
"""Of a name, beside another word: an article that never says *Matter* does not answer for it."""

SHORT = 20
"""Words of a question in which names count for more."""

PHRASE_WEIGHT = 0.75
"""Of *not work* or *send back*, which say more than their words do."""

OTHER_WORDS = 50
"""Words of the same groups and other forms that are looked up."""

_WEAK_WEIGHT = 0.5
_EVERYDAY = """
change set use need want work get add new open old problem issue question like know say tell way
happen turn come send take bring right day today yesterday time possible able try start account
support customer service thing item long receive arrive answer hour page site device other still
reply write message last month week year see show check lot great morning number buy bought
since mean idea offer stop
"""
_WEAK = frozenset(map(root, _EVERYDAY.split()))
"""Roots that stand in tickets and articles about anything."""

_CARRIED = frozenset(map(root, ("send", "sent", "bring", "work", "turn", "switch", "money")))
_STOP = frozenset(map(root, STOP_WORDS | {"time", "urgent", "urgently", "asap"}))
_NAME = re.compile(r"(?<=[a-z,;:)’'] )[A-Z][a-zA-Z-]+")
_HEADING = re.compile(r"^[ \t]*#{1,6}[ \t]+(.+?)[ \t]*#*[ \t]*$", re.MULTILINE)


@dataclass(frozen=True)
class Unit:
    """One thing that is asked about: a word or a phrase, and the groups that it belongs to."""

    roots: tuple[str, ...]
    groups: frozenset[int]
    weight: float


@dataclass(frozen=True)
class Asked:
    """A question, read."""

    units: tuple[Unit, ...]

    @property
    def weight(self) -> float:
        return sum(unit.weight for unit in self.units)


@dataclass(frozen=True)
class Fit:
    """How a passage answers, from 0 to 1."""

    share: float
    """Of what was asked, by weight, in its title, heading or text."""
    own: float
    """The same without the title: what tells one passage of an article from another."""
    topic: float
    """The share that title and heading name."""


NONE = Fit(0.0, 0.0, 0.0)


def plainly_rare(_root: str) -> float:
    """Where nothing is known of the desk's words, all are alike."""
    return 1.0


def read_question(text: str, rarity: Rarity = plainly_rare) -> Asked:
    """What ``text`` asks about. A phrase that names a group is one thing, not its words."""
    said = roots(text)
    # In a story a capital may stand for anything; in a short question it is what is asked about.
    short = len(said) <= SHORT
    names = {root(name.casefold()) for name in _NAME.findall(text)} if short else set()
    named: dict[int, list[tuple[int, int]]] = {}
    for first, after, group in groups_at(said):
        named.setdefault(first, []).append((after, group))
    units: dict[tuple[str, ...], Unit] = {}
    place = 0
    while place < len(said):
        here = named.get(place, [])
        after = max((end for end, _ in here), default=place + 1)
        unit = tuple(said[place:after])
        telling = [at for at in range(place, after) if said[at] not in _STOP]
        groups = frozenset(group for end, group in here if end == after)
        if (telling or groups) and not (after - place == 1 and len(said[place]) < 2):
            weight = max((_weight(said[at], names, rarity) for at in telling), default=0.0)
            if len(unit) > 1 and groups and _CARRIED & set(unit):
                weight = max(weight, PHRASE_WEIGHT)
            units.setdefault(unit, Unit(unit, groups, weight or 0.5 * _WEAK_WEIGHT))
        place = after
    return Asked(tuple(units.values()))


def _weight(one: str, names: set[str], rarity: Rarity) -> float:
    weight = 0.5 + 0.5 * min(1.0, max(0.0, rarity(one)))
    if one in _WEAK or any(char.isdigit() for char in one):
        return weight * _WEAK_WEIGHT
    return weight * NAME_WEIGHT if one in names else weight


def fit(asked: Asked, passage: Passage) -> Fit:
    """How well ``passage`` answers."""
    if not asked.units:
        return NONE
    share = own = topic = 0.0
    for unit in asked.units:
        held = holds(unit, passage)
        head = max(held.title, held.heading)
        share += unit.weight * max(head, IN_BODY * held.body)
        own += unit.weight * max(held.heading, IN_OWN_BODY * held.body)
        topic += unit.weight * head
    whole = asked.weight
    return Fit(share / whole, own / whole, topic / whole)


@dataclass(frozen=True)
class Held:
    """Where a passage speaks of a unit: 1 in the same words, less in others, 0 not at all."""

    title: float
    heading: float
    body: float

    @property
    def best(self) -> float:
        return max(self.title, self.heading, self.body)


def holds(unit: Unit, passage: Passage) -> Held:
    """Where ``passage`` speaks of ``unit``."""
    titled, headed, body = _read(passage.title, passage.quote)
    return Held(titled.holds(unit), headed.holds(unit), body.holds(unit))


def other_words(asked: Asked) -> str:
    """Words that an article on the same may use: of the same groups, and other forms."""
    words: dict[str, None] = {}
    for unit in sorted(asked.units, key=lambda unit: -unit.weight):
        for group in sorted(unit.groups):
            words.update(dict.fromkeys(words_of(group)))
        if len(unit.roots) == 1 and len(unit.roots[0]) > 3:
            words.update(dict.fromkeys(forms(unit.roots[0])))
    return " ".join(list(words)[:OTHER_WORDS])


@dataclass(frozen=True)
class _Said:
    """What a text says, as roots and groups."""

    roots: frozenset[str]
    groups: frozenset[int]

    def holds(self, unit: Unit) -> float:
        if all(one in self.roots for one in unit.roots):
            return 1.0
        return AKIN if unit.groups & self.groups else 0.0


@lru_cache(maxsize=2_000)
def _read(title: str, quote: str) -> tuple[_Said, _Said, _Said]:
    """What title, heading and text of a passage say."""
    headed = "\n".join(_HEADING.findall(quote))
    return _said(title), _said(headed), _said(_HEADING.sub("", quote))


def _said(text: str) -> _Said:
    said = roots(text)
    return _Said(frozenset(said), frozenset(group for _, _, group in groups_at(said)))
