"""Time, injected."""

from __future__ import annotations

from datetime import datetime
from typing import Protocol


class Clock(Protocol):
    """Time, injected. ``now`` is aware UTC; ``monotonic`` is in seconds."""

    def now(self) -> datetime: ...

    def monotonic(self) -> float: ...
