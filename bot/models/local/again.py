"""*Draft again*: why a person rejected the last draft, and what the local model can do about it.

It only quotes articles. So it can take another passage, label, route or outcome, and look up the
person's words; it cannot change a tone. What it has drafted before it knows by drafting it again:
the same ticket and passages give the same draft.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from bot.domain import Confidence, Ticket
from bot.models.local.outcome import Guess, LocalDraft, NoDraft
from bot.ports import Prompt
from tools.spec import Passage

_REASONS = {
    "wrong_label": "wrong label",
    "wrong_route": "wrong route",
    "wrong_facts": "wrong facts",
    "wrong_tone": "wrong tone",
    "not_a_request": "not a request",
    "duplicate": "duplicate",
    "other": "another reason",
}
"""The reasons of the reject form, in words."""

WORDS_LIMIT = 500
"""Characters of a person's words that are looked up."""

Found = Mapping[str, Sequence[Passage]]
Made = LocalDraft | NoDraft
Draft = Callable[[Ticket, Found], Made | None]


@dataclass(frozen=True)
class Feedback:
    """A rejected draft. ``times`` is how many drafts of this generation there were, at least 1."""

    reason: str
    words: str
    times: int

    @property
    def said(self) -> str:
        return _REASONS.get(self.reason, self.reason)


def feedback_of(prompt: Prompt) -> Feedback | None:
    """Why the last draft was rejected; None: this is the first."""
    if not prompt.feedback:
        return None
    reason, *words = prompt.feedback
    times = max(1, prompt.ticket.runs - prompt.ticket.generation)
    return Feedback(reason, "\n".join(words).strip()[:WORDS_LIMIT], times)


def guess_again(guess: Guess, feedback: Feedback) -> Guess:
    """Another label or route where that was wrong; never sure of itself any more."""
    confidence: Confidence = "medium" if guess.confidence == "high" else guess.confidence
    again = replace(guess, confidence=confidence)
    others = guess.others
    if feedback.reason == "wrong_label" and others:
        label, route = others[min(feedback.times, len(others)) - 1]
        words = f"{', '.join(guess.labels)} was rejected, so this is the next likely label."
        return replace(again, labels=(label,), route=route, confidence="low", reason=words)
    if feedback.reason == "wrong_route":
        routes = [route for route in dict.fromkeys(r for _, r in others) if route != guess.route]
        if routes:
            words = f"The route {guess.route} was rejected, so this is the next likely one."
            route = routes[min(feedback.times, len(routes)) - 1]
            return replace(again, route=route, confidence="low", reason=words)
    if feedback.reason == "not_a_request":
        words = "A person at the desk said that it asks for nothing."
        return replace(again, is_request=False, reason=words)
    return again


def heard(ticket: Ticket, feedback: Feedback) -> Ticket:
    """The ticket with the person's words, who often name what the right answer is about."""
    if not feedback.words:
        return ticket
    subject = f"{ticket.subject} {feedback.words}".strip()
    return ticket.model_copy(update={"subject": subject[:WORDS_LIMIT]})


def draft_again(ticket: Ticket, draft: Draft, found: Found, feedback: Feedback) -> Made:
    """A draft of other passages than the rejected ones. ``draft`` makes one of a ticket and what
    was found for it."""
    if feedback.reason == "wrong_tone":
        return NoDraft(
            "The last draft's tone was rejected. The local model only quotes articles and cannot"
            " word them otherwise."
        )
    if feedback.reason in ("wrong_label", "wrong_route"):
        # Its words were not what was wrong, and the card says so.
        same = draft(ticket, found)
        if isinstance(same, LocalDraft):
            words = f"The reply is the last one: it was rejected for its {feedback.said[6:]} only."
            return replace(same, note=words, sure=False)
        return same or NoDraft("No article fits this ticket.")
    # The rejected drafts knew nothing of the words, nor of what was found for them.
    left = {query: tuple(own) for query, own in found.items() if query != feedback.words}
    rejected: list[LocalDraft] = []
    while len(rejected) < feedback.times and isinstance(made := draft(ticket, left), LocalDraft):
        rejected.append(made)
        left = {query: _without(made, own) for query, own in left.items()}
    if len(rejected) == feedback.times:
        for one in rejected:
            found = {query: _without(one, own) for query, own in found.items()}
        other = draft(heard(ticket, feedback), found)
        if isinstance(other, LocalDraft):
            words = f"It quotes other passages than the last draft, rejected for {feedback.said}."
            return replace(other, note=words, sure=False)
    return NoDraft(
        f"The last draft was rejected ({feedback.said}), and the local model has nothing else: no"
        " other passage fits this ticket."
    )


def _without(draft: LocalDraft, passages: Sequence[Passage]) -> tuple[Passage, ...]:
    return tuple(
        one
        for one in passages
        if not any(one.article == article and text in one.quote for article, text in draft.quotes)
    )
