"""A window is made of whole buckets, few of them, and right to the minute at its edge."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest

from bot.stats.windows import SPANS, Span, Window, buckets, buckets_of, steps, window_span

NOW = datetime(2026, 11, 22, 14, 37, 21, tzinfo=UTC)
WINDOWS: tuple[Window, ...] = ("24h", "7d", "30d")


def covered(span: Span, now: datetime = NOW) -> list[tuple[datetime, datetime]]:
    """The buckets as times."""
    found = []
    for name in buckets(span, now):
        form = {10: "%Y-%m-%d", 13: "%Y-%m-%dT%H", 16: "%Y-%m-%dT%H:%M"}[len(name)]
        size = {10: timedelta(days=1), 13: timedelta(hours=1), 16: timedelta(minutes=1)}[len(name)]
        start = datetime.strptime(name, form).replace(tzinfo=UTC)
        found.append((start, start + size))
    return found


@pytest.mark.parametrize("window", WINDOWS)
@pytest.mark.parametrize("before", [0, 1])
def test_buckets_follow_one_another_and_begin_at_the_edge(window: Window, before: int) -> None:
    span = window_span(window, NOW, before)
    parts = covered(span)
    for (_, end), (start, _) in pairwise(parts):
        assert end == start
    exact = not (before and window == "30d")
    edge = timedelta(minutes=1) if exact else timedelta(hours=1)
    asked_from = NOW - SPANS[window] * (before + 1)
    assert asked_from - edge < parts[0][0] <= asked_from
    if before:
        assert parts[-1][1] == window_span(window, NOW).start
    else:
        assert parts[-1][1] > NOW
    assert len(parts) < 200


@pytest.mark.parametrize("window", WINDOWS)
@pytest.mark.parametrize("now", [NOW, NOW.replace(hour=0, minute=0, second=0)])
def test_steps_are_the_window(window: Window, now: datetime) -> None:
    spans = steps(window, now)
    whole = window_span(window, now)
    assert spans[0].start == whole.start
    assert spans[-1].end is None
    for earlier, later in pairwise(spans):
        assert earlier.end == later.start
    assert len(spans) in ({"24h": 24, "7d": 7, "30d": 30}[window] + extra for extra in (0, 1))
    once = [part for span in spans for part in covered(span, now)]
    before_now = [part for part in once if part[0] <= now]
    assert len(set(before_now)) == len(before_now)


def test_the_edge_is_to_the_minute() -> None:
    edge = NOW - timedelta(hours=24)
    inside = list(buckets(window_span("24h", NOW), NOW))
    for minutes, counted in ((-2, False), (-1, False), (0, True), (1, True), (30, True)):
        names = {name for name, _ in buckets_of(edge + timedelta(minutes=minutes))}
        assert len(names.intersection(inside)) == counted


def test_a_store_whose_clock_is_ahead_is_counted_too() -> None:
    ahead = NOW.replace(hour=23, minute=59, second=50) + timedelta(seconds=20)
    names = {name for name, _ in buckets_of(ahead)}
    now = NOW.replace(hour=23, minute=59, second=50)
    assert names.intersection(buckets(window_span("24h", now), now))


def test_days_are_kept_for_good() -> None:
    kept = [seconds for _, seconds in buckets_of(NOW)]
    assert kept[2] is None
    assert kept[0] is not None
    assert kept[0] > SPANS["30d"]


@pytest.mark.parametrize("day", [(2026, 3, 29), (2026, 10, 25)])
def test_a_window_is_as_long_where_the_clock_changes(day: tuple[int, int, int]) -> None:
    berlin = ZoneInfo("Europe/Berlin")
    for hour in (0, 1, 2, 3, 12, 23):
        local = datetime(*day, hour, 30, tzinfo=berlin)
        now = local.astimezone(UTC)
        for window in WINDOWS:
            assert list(buckets(window_span(window, local), local)) == list(
                buckets(window_span(window, now), now)
            )
            assert now - window_span(window, local).start == SPANS[window]
