"""What every test has: a real server to store on, and no way out of this machine."""

from __future__ import annotations

import os

import pytest

pytest_plugins = ["tests.fixtures_redis"]

_OUTSIDE = (
    "ANTHROPIC_API_KEY",
    "ANTHROPIC_BASE_URL",
    "SLACK_BOT_TOKEN",
    "SLACK_APP_TOKEN",
    "SLACK_SIGNING_SECRET",
    "SLACK_API_URL",
    "REDIS_URL",
    "DESKHAND_CONFIG",
    "DESKHAND_DATA",
    "DESKHAND_SECRET",
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "ALL_PROXY",
)


@pytest.fixture(autouse=True)
def _nothing_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    """A key or address in a developer's own environment must not reach a test."""
    for name in (*_OUTSIDE, *(name for name in os.environ if name.startswith("OTEL_"))):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)
