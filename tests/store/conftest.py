"""What most of the store's tests begin with."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest

from bot.store import wakes, worker
from tests.store.make import Desk, open_desk


@pytest.fixture
async def desk(redis_url: str) -> AsyncIterator[Desk]:
    async with open_desk(redis_url) as opened:
        yield opened


@pytest.fixture
def short_lease(monkeypatch: pytest.MonkeyPatch) -> None:
    """A lease of 0.6 s, and half a second until a wake is told again."""
    monkeypatch.setattr(wakes, "LEASE_MS", 600)
    monkeypatch.setattr(wakes, "HIDDEN_MS", 500)
    monkeypatch.setattr(worker, "_LEASE", timedelta(milliseconds=600))
    monkeypatch.setattr(worker, "_RENEW_SECONDS", 0.2)
