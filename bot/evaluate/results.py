"""What an evaluation came to, as values; nothing here needs pydantic-evals."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, NamedTuple

from bot.domain import Confidence
from bot.evaluate.cases import LabelledTicket
from bot.evaluate.given import Given

NO_LABELS = "(none)"
"""Stands in the confusion table for an empty set."""


class Bin(NamedTuple):
    """A stated confidence, as the range of probabilities that it claims."""

    confidence: Confidence
    start: float
    end: float


BINS = (Bin("low", 0.0, 0.7), Bin("medium", 0.7, 0.95), Bin("high", 0.95, 1.0))
"""*high* is meant to be right 95 times in a hundred, *medium* begins where the local model's does
(``bot.models.local.calibration``)."""


@dataclass(frozen=True)
class Scored:
    """One case with what its run gave."""

    case: LabelledTicket
    given: Given
    seconds: float
    label_right: bool | None
    """None: not scored. Right is the whole set."""
    route_right: bool | None

    @property
    def wrong(self) -> bool:
        return self.label_right is False or self.route_right is False


@dataclass(frozen=True)
class Failed:
    """A case whose run broke: it gave nothing that could be scored."""

    case: LabelledTicket
    why: str


@dataclass(frozen=True)
class Evaluation:
    """All of it. ``figures`` is the object that ``eval.json`` holds."""

    scored: tuple[Scored, ...]
    failed: tuple[Failed, ...]
    figures: dict[str, Any]

    @property
    def degraded(self) -> int:
        """Answers of the local model in place of one that could not be had."""
        return sum(one.given.degraded for one in self.scored)


def set_name(labels: Iterable[str]) -> str:
    """A set of labels as one name."""
    return ", ".join(sorted(labels)) or NO_LABELS
