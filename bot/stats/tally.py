"""What one run's model calls came to: the run's end says it, and so the route that it ended in."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from decimal import Decimal

from bot.agent.calls import Money
from bot.budget import CapReached, Reservation
from bot.journal import Entry


class Tally:
    """Passes a run's payments and entries on, and sums its model calls by the way.

    Raises what the store raises, and sums all the same: the calls were made."""

    def __init__(self, money: Money, record: Callable[[Sequence[Entry]], Awaitable[None]]) -> None:
        self._money = money
        self._record = record
        self._calls = self._into = self._out = self._cached = 0
        self._usd = Decimal(0)

    async def reserve(
        self, run: str, playbook: str, usd: Decimal, run_cap: Decimal, lost: Entry | None = None
    ) -> Reservation | CapReached:
        return await self._money.reserve(run, playbook, usd, run_cap, lost)

    async def settle(
        self, reservation: Reservation | None, usd: Decimal, entries: Sequence[Entry] = ()
    ) -> None:
        self.add(entries)
        await self._money.settle(reservation, usd, entries)

    async def release(self, reservation: Reservation) -> None:
        await self._money.release(reservation)

    async def record(self, entries: Sequence[Entry]) -> None:
        self.add(entries)
        await self._record(entries)

    def add(self, entries: Sequence[Entry]) -> None:
        """Sum the model calls among these."""
        for entry in entries:
            if entry.kind == "model_call":
                self._add(entry)

    def _add(self, entry: Entry) -> None:
        into, out, cached, written = (
            value if isinstance(value := entry.data.get(name), int) else 0
            for name in ("tokens_in", "tokens_out", "cache_read", "cache_write")
        )
        self._calls += 1
        self._into += into + cached + written
        self._out += out
        self._cached += cached
        self._usd += Decimal(str(entry.data.get("cost_usd") or 0))

    @property
    def usd(self) -> Decimal:
        """What the calls cost."""
        return self._usd

    def data(self) -> dict[str, int | str]:
        """For the entry that ends the run. ``tokens_in`` includes what the cache had."""
        return {
            "calls": self._calls,
            "tokens_in": self._into,
            "tokens_out": self._out,
            "tokens_cached": self._cached,
            "run_usd": str(self._usd),
        }
