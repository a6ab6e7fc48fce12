"""What a run gave, whether it has just ended or lies in the store: the same words for both."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Literal, assert_never

from bot.agent.run import Cancelled, Drafted, RunOutcome, Stopped, Unpaid
from bot.domain import Action, Citation, Confidence


@dataclass(frozen=True)
class Given:
    """How a run ended."""

    outcome: Literal["proposal", "handoff"]
    labels: tuple[str, ...]
    """Of a handoff: the guess, where one was made."""
    priority: str | None
    route: str | None
    reply: str | None
    citations: tuple[Citation, ...]
    actions: tuple[Action, ...]
    confidence: Confidence | None
    model: str
    prompt_version: str
    cost_usd: Decimal
    reason: str
    """Why this draft, or why a handoff (its ``HandoffReason``)."""
    degraded: bool = False
    """The local model stood in for one that could not be had."""

    @property
    def articles(self) -> tuple[str, ...]:
        """Ids of the articles that a supported citation names, each once."""
        return tuple(dict.fromkeys(one.article for one in self.citations if one.supported))

    def as_json(self) -> dict[str, Any]:
        """The line of ``deskhand triage`` without its id, and the prompt's version."""
        return {
            "outcome": self.outcome,
            "labels": list(self.labels),
            "priority": self.priority,
            "route": self.route,
            "reply": self.reply,
            "citations": [one.model_dump(mode="json") for one in self.citations],
            "actions": [one.model_dump(mode="json") for one in self.actions],
            "confidence": self.confidence,
            "model": self.model,
            "prompt_version": self.prompt_version,
            "cost_usd": float(self.cost_usd),
            "reason": self.reason,
        }


def given_by(outcome: RunOutcome, prompt_version: str) -> Given:
    """What has just ended. Raises ``TypeError`` for a run that is not at its end: nobody cancels
    one here, and none waits for money."""
    confidence: Confidence | None
    match outcome:
        case Drafted():
            citations, confidence, reason = outcome.citations, outcome.confidence, outcome.why
            degraded = outcome.degraded
        case Stopped():
            citations, confidence, reason = (), outcome.confidence, outcome.handoff.reason
            degraded = any(notice.kind == "degraded" for notice in outcome.notices)
        case Cancelled() | Unpaid():
            raise TypeError(f"a run that ended as {type(outcome).__name__} gave nothing")
        case _:
            assert_never(outcome)
    content = outcome.content
    return Given(
        outcome="proposal" if isinstance(outcome, Drafted) else "handoff",
        labels=content.labels,
        priority=content.priority,
        route=content.route,
        reply=content.reply,
        citations=citations,
        actions=content.actions,
        confidence=confidence,
        model=outcome.model,
        prompt_version=prompt_version,
        cost_usd=outcome.cost_usd,
        reason=reason,
        degraded=degraded,
    )
