"""A folder of one's own for commands that run in the test's process."""

from __future__ import annotations

from pathlib import Path

import pytest


@pytest.fixture
def at_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that a command in this process takes for its own, with its data folder there."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DESKHAND_DATA", str(tmp_path / "data"))
    return tmp_path
