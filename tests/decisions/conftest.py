"""A room for each test, on the run's own server."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

import bot.decide.saving
from tests.decisions.room import Room, open_room


@pytest.fixture
async def room(redis_url: str) -> AsyncIterator[Room]:
    async with open_room(redis_url) as opened:
        yield opened


@pytest.fixture(autouse=True)
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """A press is decided however busy the machine is; what is about its time has its own clock."""
    monkeypatch.setattr(bot.decide.saving, "DECIDE_SECONDS", 20.0)
