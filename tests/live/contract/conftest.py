"""A desk on each surface in turn: a test here runs on all of them."""

from __future__ import annotations

import copy
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.live.contract.chat import Chat
from tests.live.contract.slack_chat import SlackChat
from tests.live.contract.teams_chat import TeamsChat
from tests.live.product import CONFIG, live
from tests.live.teams_product import teams_config, teams_live

Opens = Callable[..., AbstractAsyncContextManager[Chat]]
"""Starts a desk. Takes keys of its playbook as a mapping, and of the config's top by name."""


@pytest.fixture(params=["slack", "teams"])
def surface(request: pytest.FixtureRequest) -> str:
    """``slack``, ``slack over a socket`` or ``teams``."""
    return str(request.param)


@pytest.fixture
def opens(surface: str, tmp_path: Path, redis_url: str) -> Opens:
    @asynccontextmanager
    async def start(support: Mapping[str, Any] | None = None, **top: Any) -> AsyncIterator[Chat]:
        config = teams_config() if surface == "teams" else copy.deepcopy(CONFIG)
        config["playbooks"]["support"] |= support or {}
        config |= top
        if surface == "teams":
            async with teams_live(tmp_path, redis_url, config=config) as there:
                yield TeamsChat(there.teams, there.people, there.product, there.model)
        else:
            async with live(
                tmp_path, redis_url, config=config, door="http" if surface == "slack" else "socket"
            ) as here:
                yield SlackChat(here.slack, here.people, here.product, here.model)

    return start


@pytest.fixture
async def chat(opens: Opens) -> AsyncIterator[Chat]:
    async with opens() as chat:
        yield chat
