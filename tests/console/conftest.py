"""The product at work, with people in Slack and at the console."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.live.product import Live, live


@pytest.fixture
async def desk(tmp_path: Path, redis_url: str) -> AsyncIterator[Live]:
    async with live(tmp_path, redis_url) as running:
        yield running
