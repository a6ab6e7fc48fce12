"""``similar_tickets``: earlier tickets whose proposals were approved. Approvals teach it.

The store holds them masked (``bot.masking``), and only of the ticket's own playbook. Each process
keeps the newest in memory and fetches what was learnt since with each question: one small round
trip. It begins anew now and then, and at once when an example was erased.
"""

from __future__ import annotations

import heapq
import math
import re
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field

from pydantic import BaseModel, ConfigDict

from bot.masking import rescored
from bot.ports import Clock
from bot.words import STOP_WORDS
from tools.spec import Findings, ReadContext, SimilarTicket, same_memory

Examples = Callable[[str, int], Awaitable[tuple[int, Sequence[SimilarTicket]]]]
"""``Store.examples``: (playbook, cursor) to (new cursor, learnt since)."""

KEPT = 1_000
"""The newest examples of a playbook that are compared; the cost of a question stays flat."""

SHOWN = 3
LEAST_SCORE = 0.15
REBUILD_SECONDS = 300.0
_ITSELF = 5
"""So many of the nearest may be the ticket itself."""
_SAME = 0.7
"""The share of common words from which two texts are one; masking has taken some."""
TEXT_SHOWN = 300
REPLY_SHOWN = 400

_WORD = re.compile(r"[^\W\d_]{2,}")
_PLACEHOLDER = re.compile(r"\[[a-z]+\]")


class SimilarTicketsArgs(BaseModel):
    """Nothing: the ticket itself is compared."""

    model_config = ConfigDict(frozen=True, extra="forbid")


@dataclass
class _Shelf:
    """One playbook's examples with an inverted index. ``postings`` point into ``examples``."""

    made_at: float
    cursor: int = 0
    examples: list[SimilarTicket] = field(default_factory=list)
    postings: dict[str, list[int]] = field(default_factory=dict)

    def add(self, learnt: Sequence[SimilarTicket]) -> None:
        for example in learnt[-KEPT:]:
            for word in _words(example.text):
                self.postings.setdefault(word, []).append(len(self.examples))
            self.examples.append(example)
        if len(self.examples) > 2 * KEPT:
            newest, self.examples, self.postings = self.examples[-KEPT:], [], {}
            self.add(newest)

    def closest(self, text: str, limit: int) -> list[SimilarTicket]:
        """The examples that share most of the text's weight, best first; score from 0 to 1."""
        count, words = len(self.examples), _words(text)
        weights = {
            word: math.log(1 + count / len(found))
            for word in words
            if (found := self.postings.get(word))
        }
        # Words that nobody used before weigh too: a text mostly of them is like none of these.
        unseen = len(words) - len(weights)
        total = sum(weights.values()) + unseen * math.log(1 + count)
        scores: dict[int, float] = {}
        for word, weight in weights.items():
            for at in self.postings[word]:
                scores[at] = scores.get(at, 0.0) + weight
        best = heapq.nlargest(limit, scores.items(), key=lambda item: (item[1], item[0]))
        return [
            rescored(self.examples[at], round(points / total, 4))
            for at, points in best
            if points / total >= LEAST_SCORE
        ]


class SimilarTickets:
    """The read tool over what approvals have taught."""

    def __init__(self, examples: Examples, clock: Clock, *, without_itself: bool = False) -> None:
        """``without_itself``: leave out what is (all but) the very ticket that asks. Past tickets
        that are run again would else be told what became of them."""
        self._examples = examples
        self._clock = clock
        self._without_itself = without_itself
        self._shelves: dict[str, _Shelf] = {}

    @property
    def name(self) -> str:
        return "similar_tickets"

    @property
    def description(self) -> str:
        return (
            "Earlier tickets like this one that people approved: their labels, route and priority, "
            "and a masked reply for its tone. They supply no facts. Takes no arguments."
        )

    @property
    def doing(self) -> str:
        return "Looking at earlier tickets"

    @property
    def args_model(self) -> type[BaseModel]:
        return SimilarTicketsArgs

    async def read(self, args: SimilarTicketsArgs, context: ReadContext) -> Findings:
        """Raises ``StoreUnavailable``."""
        ticket = context.ticket
        text = f"{ticket.subject}\n{ticket.body}"
        if self._without_itself:
            near = await self.closest(context.playbook, text, SHOWN + _ITSELF)
            similar = tuple(one for one in near if not _same(one.text, text))[:SHOWN]
        else:
            similar = await self.closest(context.playbook, text, SHOWN)
        return Findings("\n\n".join(map(_shown, similar)), similar=similar)

    async def closest(self, playbook: str, text: str, limit: int) -> tuple[SimilarTicket, ...]:
        """The approved tickets of ``playbook`` most like ``text``."""
        shelf = await self._shelf(playbook)
        return tuple(shelf.closest(text[:6_000], limit))

    async def _shelf(self, playbook: str) -> _Shelf:
        now = self._clock.monotonic()
        shelf = self._shelves.get(playbook)
        if shelf is None or now - shelf.made_at > REBUILD_SECONDS:
            shelf = _Shelf(now)
        before = shelf.cursor
        cursor, learnt = await self._examples(playbook, before)
        # Another question may have taken the same examples while this one waited.
        if shelf.cursor == before:
            if not same_memory(before, cursor):
                shelf = _Shelf(now)  # something was erased: this is all that is left
            shelf.add(learnt)
            shelf.cursor = cursor
        self._shelves[playbook] = shelf
        return shelf


def _same(example: str, text: str) -> bool:
    ours, theirs = _words(example), _words(text)
    return len(ours & theirs) >= _SAME * len(ours | theirs)


def _words(text: str) -> frozenset[str]:
    plain = _PLACEHOLDER.sub(" ", text).casefold()
    return frozenset(word for word in _WORD.findall(plain) if word not in STOP_WORDS)


def _shown(example: SimilarTicket) -> str:
    lines = [
        f"labels: {', '.join(example.labels)}; route: {example.route}; "
        f"priority: {example.priority or 'none'}",
        f"ticket: {_flat(example.text, TEXT_SHOWN)}",
        f"reply: {_flat(example.reply, REPLY_SHOWN) if example.reply else 'none'}",
    ]
    return "\n".join(lines)


def _flat(text: str, limit: int) -> str:
    return " ".join(text.split())[:limit]
