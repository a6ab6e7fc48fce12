"""What every test has: a real server to store on, and no way out of this machine."""

from __future__ import annotations

import os

import pytest
from hypothesis import settings

pytest_plugins = ["tests.fixtures_redis"]

# As Hypothesis does where it sees a CI: examples do not change from run to run, and none fails for
# a machine that stands still for 200 ms. ``--hypothesis-profile=default`` looks for new ones.
settings.load_profile("ci")

_OURS = ("ANTHROPIC_", "DESKHAND_", "MICROSOFT_", "OTEL_", "SLACK_")
_OUTSIDE = ("REDIS_URL", "PORT", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY")


@pytest.fixture(autouse=True)
def _nothing_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    """A key or address in a developer's own environment must not reach a test."""
    for name in tuple(os.environ):
        if name.upper() in _OUTSIDE or name.startswith(_OURS):
            monkeypatch.delenv(name)
