"""Reports of evaluations and replays in the data folder: they go with the words that they hold.

A report says itself whose words it holds: its page names the tickets and their authors, a labelled
file has them in its lines. Whoever erases removes each report that names what is erased; it can be
made again. What an operator had written elsewhere is theirs.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Collection, Iterator
from datetime import datetime
from pathlib import Path
from urllib.parse import unquote

_HOLDS = re.compile(r'<meta name="deskhand-holds" content="([^"]*)">')
_OF_A_LINE = re.compile(r'"(?:id|email)": ?"([^"]+)"')
_IDENT = re.compile(r"\b[tpr]_\w+")


def reports_folder(data: Path) -> Path:
    """Where reports lie in a data folder, unless the operator names another place."""
    return data / "eval"


class Reports:
    """The reports of one folder, and whatever else lies in it."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._read: dict[Path, tuple[tuple[int, int, int], frozenset[str]]] = {}
        """The names in each file, as long as it is the same one: a sweep asks for each ticket."""
        self._would: set[Path] = set()

    async def remove(self, names: Collection[str], *, dry_run: bool = False) -> int:
        """Remove the reports that hold one of these tickets, runs or people; how many. With
        ``dry_run`` only count, each once."""
        return await asyncio.to_thread(self._remove, names, dry_run)

    async def remove_older(self, before: datetime) -> int:
        """Remove what was written before then: all words in it are older still; how many."""
        return await asyncio.to_thread(self._remove_older, before.timestamp())

    def _remove(self, names: Collection[str], dry_run: bool) -> int:
        wanted = {name.casefold() for name in names if name}
        found = {path for path in self._files() if wanted & self._names(path)}
        if dry_run:
            fresh = found - self._would
            self._would |= fresh
            return len(fresh)
        for path in found:
            path.unlink(missing_ok=True)
            self._read.pop(path, None)
        return len(found)

    def _remove_older(self, before: float) -> int:
        old = [path for path in self._files() if path.lstat().st_mtime < before]
        for path in old:
            path.unlink(missing_ok=True)
        return len(old)

    def _files(self) -> Iterator[Path]:
        return (path for path in self._folder.rglob("*") if path.is_file())

    def _names(self, path: Path) -> frozenset[str]:
        try:
            about = path.stat()
            version = (about.st_ino, about.st_mtime_ns, about.st_size)
            known = self._read.get(path)
            if known is None or known[0] != version:
                text = path.read_text(encoding="utf-8", errors="replace")
                known = self._read[path] = (version, _names_in(text))
        except FileNotFoundError:
            return frozenset()  # removed, or written anew under another name, meanwhile
        return known[1]


def _names_in(text: str) -> frozenset[str]:
    held = (unquote(name) for page in _HOLDS.findall(text) for name in page.split())
    # Ids anywhere: pages of an earlier version name no more than their runs.
    return frozenset(
        name.casefold() for name in (*held, *_OF_A_LINE.findall(text), *_IDENT.findall(text))
    )
