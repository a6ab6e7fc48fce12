"""Reports and labelled files hold customers' words: only their owner may read them."""

from __future__ import annotations

import os
from pathlib import Path

from bot.faults import OperatorError


def ready_folder(folder: Path) -> None:
    """Make the folder, before anything is paid for. Raises ``OperatorError``."""
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as fault:
        raise OperatorError(
            f"--out: {folder} cannot be made ({fault.strerror}); name a folder of yours"
        ) from fault
    if not os.access(folder, os.W_OK | os.X_OK):
        raise OperatorError(f"--out: {folder} cannot be written to; name a folder of yours")


def write_private(path: Path, text: str) -> None:
    """Write a file that nobody else may read, whole or not at all. Raises ``OperatorError``."""
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        opened = os.open(beside, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o600)
        with os.fdopen(opened, "wb") as file:
            # A lone surrogate in a customer's text must not be what loses the report.
            file.write(text.encode("utf-8", "replace"))
        os.replace(beside, path)
    except OSError as fault:
        beside.unlink(missing_ok=True)
        raise OperatorError(
            f"{path}: cannot be written ({fault.strerror}); name another with --out"
        ) from fault
