"""The running rig as a fixture."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from tests.handlers.rig import Rig, running_rig
from tests.standins.slack import SlackStandin, slack_standin


@pytest.fixture
async def slack() -> AsyncIterator[SlackStandin]:
    async with slack_standin() as running:
        yield running


@pytest.fixture
async def rig(slack: SlackStandin, redis_url: str) -> AsyncIterator[Rig]:
    async with running_rig(slack, redis_url) as running:
        yield running
