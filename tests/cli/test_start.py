"""``start.py``: what can be said of it without a network."""

from __future__ import annotations

import ast
import importlib.util
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

START = Path(__file__).parent.parent.parent / "start.py"


@pytest.fixture
def start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The script as a module, on a folder of its own."""
    spec = importlib.util.spec_from_file_location("start", START)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    for name in ("uv.lock", "pyproject.toml"):
        (tmp_path / name).write_text(name)
    (tmp_path / ".venv").mkdir()
    monkeypatch.setattr(module, "ROOT", str(tmp_path))
    monkeypatch.setattr(module, "STAMP", str(tmp_path / ".venv" / "stamp"))
    return module


def test_a_python_of_2016_can_read_it() -> None:
    ast.parse(START.read_text(), feature_version=(3, 6))


def test_a_python_that_does_not_fit_is_named(
    start: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(start, "OLDEST", (4, 1))
    monkeypatch.setattr(start, "NEWEST", (4, 2))
    with pytest.raises(start.Stuck) as stuck:
        start._use_a_fitting_python()
    assert "needs Python 4.1 to 4.2" in str(stuck.value)
    assert "apt install" in str(stuck.value)


def test_what_is_installed_already_is_known(start: ModuleType, tmp_path: Path) -> None:
    wanted = start._fingerprint((3, 11))
    assert not start._installed(wanted, for_tests=False)
    stamp = tmp_path / ".venv" / "stamp"
    stamp.write_text(f"{wanted} run\n")
    assert start._installed(wanted, for_tests=False)
    assert not start._installed(wanted, for_tests=True)
    stamp.write_text(f"{wanted} test\n")
    assert start._installed(wanted, for_tests=False)
    assert start._installed(wanted, for_tests=True)
    (tmp_path / "uv.lock").write_text("newer")
    assert not start._installed(start._fingerprint((3, 11)), for_tests=False)
    stamp.write_text("damaged")
    assert not start._installed(wanted, for_tests=False)


def test_without_a_command_it_says_what_it_does() -> None:
    said = subprocess.run([sys.executable, str(START)], capture_output=True, check=False)
    assert said.returncode == 2
    assert b"start.py demo" in said.stdout
