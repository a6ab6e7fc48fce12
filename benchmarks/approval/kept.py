"""A durable shelf for frameworks that leave saving to their user: one row a job in SQLite, each
write on disk before it returns (WAL, synchronous FULL), as LangGraph's own checkpointer does."""

from __future__ import annotations

import sqlite3
from pathlib import Path


class Shelf:
    """Bytes by name."""

    def __init__(self, folder: Path) -> None:
        self._db = sqlite3.connect(folder / "kept.db", isolation_level=None)
        self._db.execute("PRAGMA journal_mode=WAL")
        self._db.execute("PRAGMA synchronous=FULL")
        self._db.execute("CREATE TABLE kept (name TEXT PRIMARY KEY, value BLOB NOT NULL)")

    def put(self, name: str, value: bytes) -> None:
        self._db.execute("INSERT OR REPLACE INTO kept VALUES (?, ?)", (name, value))

    def get(self, name: str) -> bytes:
        (value,) = self._db.execute("SELECT value FROM kept WHERE name = ?", (name,)).fetchone()
        return bytes(value)

    def close(self) -> None:
        self._db.close()
