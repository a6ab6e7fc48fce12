"""A room for each test, on the run's own server."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from tests.decisions.room import Room, open_room


@pytest.fixture
async def room(redis_url: str) -> AsyncIterator[Room]:
    async with open_room(redis_url) as opened:
        yield opened
