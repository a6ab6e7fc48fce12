"""Fixtures of the stand-ins' own tests."""

from collections.abc import AsyncIterator

import pytest

from tests.standins.bench import Bench, running_bench


@pytest.fixture
async def bench() -> AsyncIterator[Bench]:
    async with running_bench() as one:
        yield one
