"""What the local model thinks with: a label model, a few rules for route and priority, and drafts
made of an article's own sentences.

Labels come from likeness to labelled examples (the label's own words where there are none) and to
approved tickets. A draft quotes: each sentence in it that states something stands verbatim in the
article that it names.
"""

from __future__ import annotations

import asyncio
import re
from collections import Counter
from collections.abc import Iterable, Sequence

import numpy as np

from bot.agent.draft_check import sentences
from bot.config_file import ConfigFile
from bot.domain import Confidence, Ticket
from bot.models.local.features import count_features, learn_features
from bot.models.local.model import Guess, LocalDraft, LocalModel, ticket_text
from bot.models.local.regression import fit
from bot.models.local.words import stems
from bot.playbook import Playbook
from bot.words import STOP_WORDS
from tools.spec import Passage, SimilarTicket

HIGH, MEDIUM = 0.85, 0.45
"""Of the label model's probability."""

LEAST_SCORE = 0.08
"""A passage that says less of the ticket than this share answers nothing."""

QUOTED_SENTENCES = 3
LIKE_ENOUGH = 0.45
"""The likeness from which an approved ticket has a say."""

NO_REQUEST = frozenset({"not_a_request", "no_request", "spam", "thanks"})
"""Labels that say that a ticket asks for nothing."""

_URGENT = re.compile(
    r"\b(urgent|urgently|asap|immediately|emergency|fraud|stolen|hacked|dringend|sofort|urgence)\b",
    re.IGNORECASE,
)
_ROUTE_WORDS = {
    "technical": ("bug", "broken", "error", "fault", "outage", "work"),
    "sales": ("price", "quote", "buy", "plan", "upgrade"),
    "security": ("fraud", "hack", "phishing", "stolen", "password"),
    "legal": ("privacy", "gdpr", "contract", "terms"),
}
"""Words of labels that belong to routes of these names."""


async def local_model(file: ConfigFile) -> LocalModel:
    """The local model, ready for every triage playbook of the file. Raises ``ConfigError``."""
    return LocalModel(await asyncio.to_thread(_brains, file))


def _brains(file: ConfigFile) -> dict[str, TextBrain]:
    return {
        name: TextBrain(playbook, ((one.text, one.label) for one in file.examples(playbook)))
        for name, playbook in file.config.playbooks.items()
        if playbook.kind == "triage"
    }


class TextBrain:
    """One playbook's brain. ``examples`` are (text, label) of the playbook's own labels."""

    def __init__(self, playbook: Playbook, examples: Iterable[tuple[str, str]]) -> None:
        self._playbook = playbook
        self._labels = tuple(playbook.labels)
        described = [
            (f"{label.replace('_', ' ')} {words}", label)
            for label, words in playbook.labels.items()
        ]
        taught = [*described, *examples]
        counted = [count_features(text) for text, _ in taught]
        numbers = {label: number for number, label in enumerate(self._labels)}
        targets = np.array([numbers[label] for _, label in taught], np.int64)
        self._space = learn_features(counted)
        self._weights = fit(self._space.rows(counted), targets, len(self._labels))
        self._routes = {label: _route_of(playbook, label) for label in self._labels}

    def guess(self, ticket: Ticket, similar: Sequence[SimilarTicket]) -> Guess:
        text = ticket_text(ticket)
        likely = self._likely(text)
        votes = [one for one in similar if one.score >= LIKE_ENOUGH]
        for one in votes:
            for label in one.labels:
                if label in likely:
                    likely[label] += one.score
        total = sum(likely.values())
        label, points = max(likely.items(), key=lambda item: item[1])
        sure = points / total
        confidence: Confidence = "high" if sure >= HIGH else "medium" if sure >= MEDIUM else "low"
        routes = Counter(
            one.route for one in votes if label in one.labels and one.route in self._playbook.routes
        )
        route = routes.most_common(1)[0][0] if routes else self._routes[label]
        return Guess(
            labels=(label,),
            priority=self._priority(text),
            route=route,
            confidence=confidence,
            reason=f"Its words are most like those of {label} tickets ({sure:.0%}).",
            is_request=label not in NO_REQUEST,
        )

    def draft(self, ticket: Ticket, guess: Guess, passages: Sequence[Passage]) -> LocalDraft | None:
        if not passages or passages[0].score < LEAST_SCORE:
            return None
        best = passages[0]
        quotes = _best_sentences(best.quote, ticket_text(ticket))
        if not quotes:
            return None
        name = " ".join(ticket.author.name.split())[:80].encode("utf-8", "replace").decode()
        greeting = f"Hello {name}," if name else "Hello,"
        body = " ".join(quotes)
        reply = f"{greeting}\n\nthank you for writing.\n\n{body}\n\nKind regards"
        return LocalDraft(reply, tuple((best.article, quote) for quote in quotes))

    def _likely(self, text: str) -> dict[str, float]:
        columns, values = self._space.sparse(count_features(text))
        scores = values @ self._weights[columns] + self._weights[-1]
        raised = np.exp(scores - scores.max())
        return dict(zip(self._labels, (raised / raised.sum()).tolist(), strict=True))

    def _priority(self, text: str) -> str | None:
        names = self._playbook.priorities
        if not names:
            return None
        wanted = ("urgent", "high") if _URGENT.search(text) else ("normal", "medium")
        return next((name for name in wanted if name in names), names[len(names) // 2])


def _route_of(playbook: Playbook, label: str) -> str:
    """The route named like the label, or one whose field the label's words belong to."""
    if label in playbook.routes:
        return label
    words = set(stems(f"{label.replace('_', ' ')} {playbook.labels[label]}"))
    for route in playbook.routes:
        field = set(stems(" ".join((route, *_ROUTE_WORDS.get(route, ())))))
        if field & set(stems(label.replace("_", " "))) or len(field & words) > 1:
            return route
    return "default"


def _best_sentences(passage: str, text: str) -> list[str]:
    """Up to three sentences in a row, around the one that shares most words with the ticket."""
    spans = [
        (start, end) for start, end in sentences(passage) if len(passage[start:end].split()) > 3
    ]
    if not spans:
        return []
    wanted = {word for word in stems(text) if word not in STOP_WORDS}
    shared = [len(wanted & set(stems(passage[start:end]))) for start, end in spans]
    best = shared.index(max(shared))
    first = max(0, min(best, len(spans) - QUOTED_SENTENCES))
    chosen = spans[first : first + QUOTED_SENTENCES]
    return [" ".join(passage[start:end].split()) for start, end in chosen]
