"""The import contract is complete: no module of bot or tools is left without its place."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[1]


def rooms(package: str) -> set[str]:
    """The modules and packages at the top of one of ours."""
    found = (ROOT / package).iterdir()
    return {
        f"{package}.{path.stem}"
        for path in found
        if (path.suffix == ".py" and path.stem != "__init__") or (path / "__init__.py").exists()
    }


def test_every_room_stands_on_one_floor_of_the_contract() -> None:
    file = tomllib.loads((ROOT / "pyproject.toml").read_text())
    contract, *_ = file["tool"]["importlinter"]["contracts"]
    placed = [name for floor in contract["layers"] for name in re.split(r"[\s:|]+", floor)]
    assert len(placed) == len(set(placed))
    assert set(placed) - {"handlers"} == rooms("bot") | rooms("tools")
