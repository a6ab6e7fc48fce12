"""Run ``deskhand`` as a person does: in a process of its own while a test's stand-ins serve, or in
this one where it only refuses."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from bot.cli import run
from tests.cli.terminal import ROOT


@dataclass(frozen=True)
class Said:
    """How the command ended and what it printed."""

    code: int
    stdout: str
    stderr: str

    @property
    def data(self) -> Any:
        return json.loads(self.stdout)

    @property
    def rows(self) -> list[Any]:
        return [json.loads(line) for line in self.stdout.splitlines()]


async def deskhand(
    folder: Path, *arguments: str, environment: Mapping[str, str] | None = None
) -> Said:
    """Run it in ``folder``, with its data folder there."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "bot", *arguments),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        cwd=folder,
        env={
            "PATH": os.environ["PATH"],
            "PYTHONPATH": str(ROOT),
            "HOME": str(folder),
            "DESKHAND_DATA": str(folder / "data"),
            **(environment or {}),
        },
    )
    try:
        stdout, stderr = await process.communicate()
    except asyncio.CancelledError:
        process.kill()
        await process.wait()
        raise
    assert process.returncode is not None
    return Said(process.returncode, stdout.decode(), stderr.decode())


def lines(path: Path, *rows: Any) -> Path:
    """A file of these JSON lines; a ``bytes`` row stands as it is."""
    written = (row if isinstance(row, bytes) else json.dumps(row).encode() for row in rows)
    path.write_bytes(b"\n".join(written) + b"\n")
    return path


def refused(arguments: Sequence[str], capsys: pytest.CaptureFixture[str]) -> str:
    """The one line with which a command in this process refuses to begin."""
    assert run([*arguments]) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.count("\n") == 1, said.err
    return said.err
