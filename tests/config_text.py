"""Config files written for a test, and what is said of them."""

from __future__ import annotations

from pathlib import Path

import pytest

from bot.config_file import ConfigFile, load
from bot.faults import ConfigError

SMALL = """\
playbooks:
  support:
    labels: {billing: "Money", bug: "Broken"}
    routes: {default: {approvers: {slack_users: [U0AGENT, U0OTHER]}}}
"""


def parse(tmp_path: Path, text: str, **options: object) -> ConfigFile:
    path = tmp_path / "deskhand.yaml"
    path.write_text(text, encoding="utf-8")
    return load(path, **options)  # type: ignore[arg-type]  # the tests vary the keywords


def faults(tmp_path: Path, text: str, **options: object) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        parse(tmp_path, text, **options)
    return [line.replace(str(tmp_path) + "/", "") for line in caught.value.lines]
