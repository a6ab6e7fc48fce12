"""What the local model thinks with, one brain for each playbook.

Labels come from likeness to labelled examples (the labels' own words where there are none) and to
approved tickets; priority and *not a request* from rules; the reply from the articles' own
sentences. A ticket that is like nothing known gets a guess and no reply, unless an article fits it
without doubt.
"""

from __future__ import annotations

import asyncio
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from bot.config_file import ConfigFile
from bot.domain import Confidence, Ticket
from bot.models.local import draft as drafting
from bot.models.local.classify import Prediction, train_labels
from bot.models.local.fit import other_words, read_question
from bot.models.local.lead import LeadBrain
from bot.models.local.model import LOOKUPS, QUERY_LIMIT, LocalModel
from bot.models.local.no_request import no_request, says_nothing
from bot.models.local.outcome import Guess, LocalDraft, NoDraft
from bot.models.local.pressing import pressing, priority_of, troubled
from bot.models.local.reading import asked_parts, clean, questions, to_a_machine
from bot.models.local.routing import DEFAULT, routes_of
from bot.models.local.words import shortened
from bot.playbook import Playbook
from tools.spec import Passage, SimilarTicket

NO_REQUEST = frozenset({"not_a_request", "no_request", "spam", "thanks"})
"""Labels that say that a ticket asks for nothing."""

LIKE_ENOUGH = 0.45
"""The likeness from which an approved ticket has a say in the label."""

SAME = 0.8
"""The likeness from which it decides."""

SECOND_LABEL = 0.4
"""The probability that a further question of a ticket needs to add a label."""

MOST_LABELS = 3

_HOW = re.compile(r"\b(?:how|where) (?:do|can|could|should|to|would)\b", re.IGNORECASE)
_ANSWERED = re.compile(r"^(?:\s*(?:re|aw|fwd?|wg)\s*:)+", re.IGNORECASE)

_STEPS = " open press choose select enter"
"""Added to a question that asks how: the passage with the steps says these."""


async def local_model(file: ConfigFile, cache: Path | None = None) -> LocalModel:
    """The local model, ready for every playbook of the file that it can work in. Raises
    ``ConfigError``.

    ``cache``: a folder where trained models are kept, so that the next start is quick.
    """
    leads = {
        name: LeadBrain(playbook)
        for name, playbook in file.config.playbooks.items()
        if playbook.kind == "lead"
    }
    return LocalModel(await asyncio.to_thread(_brains, file, cache), leads)


def _brains(file: ConfigFile, cache: Path | None) -> dict[str, TextBrain]:
    return {
        name: TextBrain(playbook, ((one.text, one.label) for one in file.examples(playbook)), cache)
        for name, playbook in file.config.playbooks.items()
        if playbook.kind == "triage"
    }


class TextBrain:
    """One playbook's brain. ``examples`` are (text, label) of the playbook's own labels."""

    def __init__(
        self,
        playbook: Playbook,
        examples: Iterable[tuple[str, str]],
        cache: Path | None = None,
    ) -> None:
        self._playbook = playbook
        self._model = train_labels(tuple(examples), playbook.labels, cache=cache)
        asking = {label: said for label, said in playbook.labels.items() if label not in NO_REQUEST}
        self._routes = dict.fromkeys(playbook.labels, DEFAULT)
        self._routes |= routes_of(asking, tuple(playbook.routes))
        self._fallback = DEFAULT if DEFAULT in playbook.routes else next(iter(playbook.routes))
        self._nothing = next((label for label in playbook.labels if label in NO_REQUEST), None)

    def lookups(self, ticket: Ticket) -> tuple[str, ...]:
        asked, whole = _asked(ticket), _whole(ticket)
        if not asked:
            return ()
        queries = list(asked)
        if len(asked) == 1:
            parts = _parts(ticket)
            queries += [whole, self._others(parts or asked)]
            if len(parts) > 1:
                queries += parts
            elif _HOW.search(whole):
                queries.append((parts or asked)[0] + _STEPS)
        else:
            queries += [self._others((one,)) for one in asked]
        kept = dict.fromkeys(query for query in queries if query.strip())
        return tuple(kept)[:LOOKUPS]

    def _others(self, asked: Sequence[str]) -> str:
        return other_words(read_question("\n".join(asked), self._model.rarity))

    def guess(self, ticket: Ticket, similar: Sequence[SimilarTicket]) -> Guess:
        press = pressing(_whole(ticket))
        if unclear := says_nothing(ticket.subject, clean(ticket.body) or ticket.body):
            label = self._nothing or self._model.predict(_whole(ticket)).label
            return Guess(
                labels=(label,),
                priority=priority_of("normal", self._playbook.priorities),
                route=self._fallback,
                confidence="low",
                reason=unclear,
                in_scope=False,
            )
        if nothing := no_request(ticket.subject, ticket.body):
            label = self._nothing or self._model.predict(_whole(ticket)).label
            return Guess(
                labels=(label,),
                priority=priority_of("low", self._playbook.priorities),
                route=self._routes[label],
                confidence="high" if self._nothing else "medium",
                reason=nothing,
                is_request=False,
            )
        asked = _asked(ticket)
        whole = self._model.predict(_whole(ticket))
        parts = [self._model.predict(part) for part in asked] if len(asked) > 1 else []
        votes = [one for one in similar if one.score >= LIKE_ENOUGH]
        label, confidence, reason = self._choose(whole, votes)
        if press.level != "normal":
            reason += f" {press.why[0].upper()}{press.why[1:]}."
        labels = self._labels(label, parts, votes)
        in_scope = whole.in_scope or bool(votes)
        return Guess(
            labels=labels,
            priority=priority_of(press.level, self._playbook.priorities),
            # What fits no label goes where everything does that fits none.
            route=self._route(labels[0], votes) if in_scope else self._fallback,
            confidence=confidence,
            reason=reason[:1_000],
            is_request=labels[0] not in NO_REQUEST,
            in_scope=in_scope,
            others=tuple(
                (name, self._routes[name]) for name, _ in whole.ranked if name not in labels
            ),
        )

    def draft(
        self, ticket: Ticket, guess: Guess, found: Mapping[str, Sequence[Passage]]
    ) -> LocalDraft | NoDraft:
        if unclear := says_nothing(ticket.subject, clean(ticket.body) or ticket.body):
            return NoDraft(unclear)
        asked, parts = _asked(ticket), _parts(ticket)
        given = [
            drafting.Question(
                _whole(ticket) if len(asked) == 1 else text,
                self._passages(text, asked, ticket, found),
                parts if len(asked) == 1 else (),
            )
            for text in asked
        ]
        drafted = drafting.draft(
            given,
            name=ticket.author.name,
            rarity=self._model.rarity,
            sorry=troubled(_whole(ticket)),
        )
        if isinstance(drafted, drafting.Unfit):
            return NoDraft(drafted.why)
        if not guess.in_scope and not drafted.sure:
            return NoDraft(drafting.NO_ARTICLE)
        first = drafted.quotes[0]
        about = self._model.predict(f"{first.title}\n{first.text}").label
        return LocalDraft(
            drafted.reply,
            tuple((quote.article, quote.text) for quote in drafted.quotes),
            drafted.sure,
            tuple(f"Not answered: {shortened(text, 160)}" for text in drafted.unanswered),
            agrees=about in guess.labels,
        )

    def _passages(
        self,
        text: str,
        asked: Sequence[str],
        ticket: Ticket,
        found: Mapping[str, Sequence[Passage]],
    ) -> tuple[Passage, ...]:
        """What was found for ``text``, each passage once. Of several questions each has its own
        searches; a search for other words than the question's says nothing by its score."""
        ours = {query[:QUERY_LIMIT] for query in self.lookups(ticket)}
        own = {text[:QUERY_LIMIT]} | ({_whole(ticket)[:QUERY_LIMIT]} if len(asked) == 1 else set())
        apart = ours - own - {self._others((text,))} if len(asked) > 1 else set()
        scored: dict[tuple[str, str], Passage] = {}
        for query, passages in found.items():
            if query in apart:
                continue
            counts = query in own or query not in ours
            for passage in passages:
                key = (passage.article, passage.quote)
                score = passage.score if counts else 0.0
                before = scored.get(key)
                if before is None or before.score < score:
                    scored[key] = replace(passage, score=score)
        return tuple(scored.values())

    # --- choosing -----------------------------------------------------------------------------

    def _choose(
        self, whole: Prediction, votes: Sequence[SimilarTicket]
    ) -> tuple[str, Confidence, str]:
        """The label of the whole ticket, with what people approved for tickets like it."""
        points = dict(whole.ranked)
        for one in votes:
            for name in one.labels:
                if name in points:
                    points[name] += one.score / len(one.labels)
        if whole.confidence != "high":
            # The rules found a request: only certainty that there is none may silence it.
            points = {name: value for name, value in points.items() if name not in NO_REQUEST}
        label = max(points, key=lambda name: points[name]) if points else whole.label
        agreed = any(label in one.labels for one in votes)
        decided = any(label in one.labels and one.score >= SAME for one in votes)
        if agreed and label == whole.label:
            sure: Confidence = "high" if decided or whole.confidence == "high" else "medium"
            return label, sure, f"People approved {label} for a ticket like it. {whole.why}"
        if agreed:
            return label, "medium", f"People approved {label} for a ticket like it."
        if label != whole.label:
            return label, "low", f"{label} is a guess. {whole.why}"
        return label, whole.confidence, whole.why

    def _labels(
        self, label: str, parts: Sequence[Prediction], votes: Sequence[SimilarTicket]
    ) -> tuple[str, ...]:
        """The label and those of the ticket's further questions, the first question's first."""
        same = next((one for one in votes if one.score >= SAME and label in one.labels), None)
        if same is not None:
            return tuple(name for name in same.labels if name in self._routes) or (label,)
        clear = [
            part.label
            for part in parts
            if part.in_scope and part.probability >= SECOND_LABEL and part.label not in NO_REQUEST
        ]
        if len(set(clear)) < 2:
            return (label,)
        return tuple(dict.fromkeys(clear))[:MOST_LABELS]

    def _route(self, label: str, votes: Sequence[SimilarTicket]) -> str:
        chosen = Counter(
            one.route for one in votes if label in one.labels and one.route in self._playbook.routes
        )
        return chosen.most_common(1)[0][0] if chosen else self._routes[label]


def _body(ticket: Ticket) -> str:
    """What the customer says to the desk; orders to a machine after it are left out."""
    text = clean(ticket.body)
    ends = to_a_machine(text)
    return text[:ends].strip() if ends else text


def _whole(ticket: Ticket) -> str:
    return f"{ticket.subject}\n{_body(ticket)}".strip()


def _asked(ticket: Ticket) -> tuple[str, ...]:
    return questions(ticket.subject, _body(ticket))


def _parts(ticket: Ticket) -> tuple[str, ...]:
    """The subject, which often says best what it is about, and the sentences that ask."""
    subject = _ANSWERED.sub("", ticket.subject).strip()
    asked = asked_parts(_body(ticket))
    return tuple(dict.fromkeys((subject, *asked))) if subject else asked
