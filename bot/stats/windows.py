"""Windows of time, and the buckets that make one up.

Counts are kept by the minute, the hour and the day (UTC), each entry in all three. A window is made
of as few buckets as can be: minutes at its edges, then hours, then days. So a window is right to
the minute at its edge, whatever its length, and costs at most 59 minutes, 23 hours and its days,
at each edge, however much happened in it.

Minutes are kept for 31 days: the far edge of the 30 days *before* the last 30 is right to the hour.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Literal, get_args

Window = Literal["24h", "7d", "30d"]
"""Rolling, up to now."""

SPANS: dict[Window, timedelta] = {
    "24h": timedelta(hours=24),
    "7d": timedelta(days=7),
    "30d": timedelta(days=30),
}

_MINUTE, _HOUR, _DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
MINUTES_KEPT = timedelta(days=31)
HOURS_KEPT = timedelta(days=62)
"""Days are kept for good: figures outlive texts and journal."""


def window_of(text: str) -> Window | None:
    """The window that ``text`` names, or None."""
    return next((window for window in get_args(Window) if window == text), None)


@dataclass(frozen=True)
class Span:
    """From ``start`` up to and without ``end``; None: up to now and whatever is later."""

    start: datetime
    end: datetime | None = None


def window_span(window: Window, now: datetime, before: int = 0) -> Span:
    """The window that ends now, or, ``before`` windows earlier, the one that ended then."""
    end = _floor(now, _MINUTE)
    start = end - SPANS[window] * (before + 1)
    return Span(start, start + SPANS[window] if before else None)


def steps(window: Window, now: datetime) -> list[Span]:
    """The window cut at whole hours (24h) or days (7d, 30d) of UTC. The first and the last step are
    shorter; together they are exactly the window."""
    whole = window_span(window, now)
    size = _HOUR if window == "24h" else _DAY
    cuts = [whole.start]
    at = _floor(whole.start, size) + size
    while at <= now:
        cuts.append(at)
        at += size
    return [*map(Span, cuts, cuts[1:]), Span(cuts[-1])]


def buckets(span: Span, now: datetime) -> Iterator[str]:
    """The names of the buckets that make up ``span``, from the first to the last."""
    exact = span.start >= now - MINUTES_KEPT
    at = _floor(span.start, _MINUTE if exact else _HOUR)
    # An open span takes what is not over yet whole, and an hour more for a store whose clock is
    # ahead of ours.
    opened = span.end is None
    end = now + _HOUR if span.end is None else span.end
    while at < end:
        for size, name in ((_DAY, _day), (_HOUR, _hour), (_MINUTE, _minute)):
            if at == _floor(at, size) and (opened or at + size <= end or size == _MINUTE):
                yield name(at)
                at += size
                break


def buckets_of(at: datetime) -> tuple[tuple[str, timedelta | None], ...]:
    """The buckets that an event belongs to, and how long each is kept; None: for good."""
    at = at.astimezone(UTC)
    return ((_minute(at), MINUTES_KEPT + _DAY), (_hour(at), HOURS_KEPT + _DAY), (_day(at), None))


def _floor(at: datetime, size: timedelta) -> datetime:
    at = at.astimezone(UTC)
    if size == _DAY:
        return at.replace(hour=0, minute=0, second=0, microsecond=0)
    if size == _HOUR:
        return at.replace(minute=0, second=0, microsecond=0)
    return at.replace(second=0, microsecond=0)


def _day(at: datetime) -> str:
    return f"{at:%Y-%m-%d}"


def _hour(at: datetime) -> str:
    return f"{at:%Y-%m-%dT%H}"


def _minute(at: datetime) -> str:
    return f"{at:%Y-%m-%dT%H:%M}"
