"""Money and limits, as values: what a call may cost at worst, what it did cost, what is left.

A model call is paid in two steps: its worst case is reserved before it leaves, and settled to the
real cost after. The store does both atomically against every cap at once (run, playbook, day), so
no number of replicas passes a cap. What nobody has a price for is refused.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import ROUND_UP, Decimal
from typing import Literal

from bot.domain import Frozen

NANO = Decimal("0.000000001")
"""The smallest sum kept: a billionth of a dollar, an integer in the store."""


@dataclass(frozen=True)
class Usage:
    """Tokens of one call. ``input_tokens`` excludes what was read from or written to the cache."""

    input_tokens: int = 0
    output_tokens: int = 0
    cache_read_tokens: int = 0
    cache_write_tokens: int = 0
    searches: int = 0
    """Web searches on the provider's side."""


@dataclass(frozen=True)
class Price:
    """Dollars per million tokens, but for ``search``."""

    input: Decimal
    output: Decimal
    cache_read: Decimal
    cache_write: Decimal
    search: Decimal = Decimal(0)
    """Dollars for one web search on the provider's side; its results are tokens besides."""

    def cost(self, usage: Usage) -> Decimal:
        """What ``usage`` costs, rounded up to a billionth of a dollar."""
        millionths = (
            self.input * usage.input_tokens
            + self.output * usage.output_tokens
            + self.cache_read * usage.cache_read_tokens
            + self.cache_write * usage.cache_write_tokens
            + self.search * usage.searches * 1_000_000
        )
        return (millionths / 1_000_000).quantize(NANO, rounding=ROUND_UP)

    def worst_case(self, input_tokens: int, max_tokens: int, searches: int = 0) -> Decimal:
        """The most that a call of at most these sizes can cost: all of it written to the cache."""
        dearest = max(self.input, self.cache_write)
        millionths = dearest * input_tokens + self.output * max_tokens
        millionths += self.search * searches * 1_000_000
        return (millionths / 1_000_000).quantize(NANO, rounding=ROUND_UP)


Cap = Literal["run", "playbook", "day"]
"""run: the playbook's ``limits.usd`` for one run. playbook: its share of a day. day: all."""


class Reservation(Frozen):
    """Money set aside for one call. Left unsettled (the process died) it counts as spent."""

    id: str
    run: str
    playbook: str
    usd: Decimal
    day: str


@dataclass(frozen=True)
class CapReached:
    """Not reserved: this cap has only ``left`` dollars."""

    cap: Cap
    left: Decimal


AtCap = Literal["local", "wait"]
"""At a day's or playbook's cap. local: the local model drafts, and cards say so. wait: runs wait
until there is money again, the next day or under a raised cap."""


@dataclass(frozen=True)
class Sum:
    """Dollars of one cap's day: ``spent`` is settled, ``reserved`` is for calls on the way."""

    spent: Decimal = Decimal(0)
    reserved: Decimal = Decimal(0)
    cap: Decimal | None = None
    """None: there is none."""
    refused: bool = False
    """A call did not fit under the cap: what is left is too little for one."""

    @property
    def left(self) -> Decimal | None:
        return None if self.cap is None else max(Decimal(0), self.cap - self.spent - self.reserved)

    def reaches(self, share: float) -> bool:
        """Whether that part of the cap is spent, or a call did not fit under it any more."""
        if self.cap is None:
            return False
        return self.refused or self.spent >= self.cap * Decimal(str(share))


@dataclass(frozen=True)
class Spending(Sum):
    """The day's money, all playbooks and replicas together, in dollars."""

    day: str = ""
    """As ``2026-11-22``, in the budget's time zone."""
    playbooks: Mapping[str, Sum] = field(default_factory=dict)
    """Each playbook that has a cap of its own or has used something today."""
    warn_at: float = 0.8
    at_cap: AtCap = "local"
    timezone: str = "UTC"

    def left_for(self, playbook: str) -> Decimal | None:
        """What a run of this playbook may use yet, under both caps; None: there is none."""
        own = self.playbooks.get(playbook, Sum())
        lefts = [left for left in (self.left, own.left) if left is not None]
        return min(lefts, default=None)
