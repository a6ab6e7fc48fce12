"""The figures of a sitting."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal

from bot.card import CardView


@dataclass
class Tally:
    """What a sitting came to. Grows with each card."""

    approved: int = 0
    edited: int = 0
    rejected: int = 0
    skipped: int = 0
    handoffs: int = 0
    seconds: list[float] = field(default_factory=list)
    cost_usd: Decimal = Decimal(0)
    seen: set[str] = field(default_factory=set)

    def saw(self, card: CardView) -> None:
        """Count a card the first time it is shown."""
        if card.proposal not in self.seen:
            self.seen.add(card.proposal)
            self.cost_usd += card.cost_usd
            self.handoffs += card.state == "handoff"

    @property
    def words(self) -> str:
        return (
            f"approved {self.approved}, edited {self.edited}, rejected {self.rejected}, "
            f"skipped {self.skipped}, handoffs {self.handoffs}"
        )
