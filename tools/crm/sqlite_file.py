"""The embedded CRM: one SQLite file, read by any number of processes while one writes."""

from __future__ import annotations

import asyncio
import contextlib
import os
import sqlite3
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from tools.crm.records import CrmUnavailable, Key, Kind, Record

_VERSION = 1
_APPLICATION = 0x44534B48  # "DSKH"
_READ_SECONDS = 5.0
_NAMED = 5

_SCHEMA = """
CREATE TABLE record (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    kind TEXT NOT NULL CHECK (kind IN ('company', 'person')),
    domain TEXT,
    email TEXT,
    updated_at TEXT NOT NULL,
    proposal TEXT
);
CREATE UNIQUE INDEX company_domain ON record (domain) WHERE kind = 'company';
CREATE UNIQUE INDEX person_email ON record (email) WHERE kind = 'person';
CREATE TABLE field (
    record INTEGER NOT NULL REFERENCES record (id),
    name TEXT NOT NULL,
    value TEXT NOT NULL,
    PRIMARY KEY (record, name)
) WITHOUT ROWID;
CREATE TABLE history (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    record INTEGER NOT NULL REFERENCES record (id),
    at TEXT NOT NULL,
    field TEXT NOT NULL,
    old TEXT,
    new TEXT NOT NULL,
    proposal TEXT,
    approved_by TEXT
);
CREATE INDEX history_record ON history (record, id);
CREATE TABLE applied (
    key TEXT PRIMARY KEY,
    proposal TEXT NOT NULL,
    args TEXT NOT NULL,
    receipt TEXT NOT NULL,
    at TEXT NOT NULL
) WITHOUT ROWID;
CREATE INDEX applied_proposal ON applied (proposal, args);
"""
"""``applied``: what each idempotency key has done; ``args`` is the digest of its arguments."""


@dataclass(frozen=True)
class Change:
    """One field of one record, as it was written. ``proposal`` is None for an import."""

    at: str
    field: str
    old: str | None
    new: str
    proposal: str | None
    approved_by: str | None


@contextlib.contextmanager
def reading(path: Path) -> Iterator[sqlite3.Connection | None]:
    """The file, which cannot be written through it; None: there is no file yet.

    Raises ``CrmUnavailable``."""
    with _faults(path):
        if not path.exists():
            yield None
            return
        connection = sqlite3.connect(
            f"{path.absolute().as_uri()}?mode=ro", uri=True, timeout=_READ_SECONDS
        )
        try:
            connection.execute("PRAGMA query_only = ON")
            yield connection if _is_filled(connection, path) else None
        finally:
            connection.close()


@contextlib.contextmanager
def writing(path: Path, seconds: float) -> Iterator[sqlite3.Connection]:
    """The file for one transaction, made where it is missing; waits ``seconds`` for its turn.

    It begins with the only lock to write, so that what is read in it stays so. Leaving it without
    ``COMMIT`` rolls back. Raises ``CrmUnavailable``."""
    with _faults(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        with contextlib.suppress(FileExistsError):
            os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
        connection = sqlite3.connect(path, timeout=max(0.01, seconds), isolation_level=None)
        try:
            _is_filled(connection, path)  # before anything of another's file is changed
            _wal(connection, seconds)
            connection.execute("PRAGMA synchronous = FULL")
            connection.execute("PRAGMA foreign_keys = ON")
            connection.execute("BEGIN IMMEDIATE")
            if not _is_filled(connection, path):
                for statement in _SCHEMA.split(";"):
                    connection.execute(statement)
                connection.execute(f"PRAGMA application_id = {_APPLICATION}")
                connection.execute(f"PRAGMA user_version = {_VERSION}")
                connection.execute("COMMIT")
                connection.execute("BEGIN IMMEDIATE")
            yield connection
        finally:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            connection.close()


def _wal(connection: sqlite3.Connection, seconds: float) -> None:
    # Changing the mode needs the file for oneself and does not wait for it.
    until = time.monotonic() + seconds
    while connection.execute("PRAGMA journal_mode").fetchone()[0] != "wal":
        try:
            connection.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError:
            if time.monotonic() > until:
                raise
            time.sleep(0.01)


def _is_filled(connection: sqlite3.Connection, path: Path) -> bool:
    """Whether our tables are there; a file of another's, or of another version, is refused."""
    application = connection.execute("PRAGMA application_id").fetchone()[0]
    version = connection.execute("PRAGMA user_version").fetchone()[0]
    if (application, version) == (_APPLICATION, _VERSION):
        return True
    tables = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
    if (application, version, tables) != (0, 0, 0):
        raise CrmUnavailable(f"{path} is not a CRM file of this version of Deskhand")
    return False  # made a moment ago


@contextlib.contextmanager
def _faults(path: Path) -> Iterator[None]:
    try:
        yield
    except (sqlite3.Error, OSError) as fault:
        raise CrmUnavailable(f"the CRM file {path} cannot be used: {fault}") from fault


def find(connection: sqlite3.Connection, key: Key) -> Record | None:
    """The record of ``key``."""
    where = "kind = ? AND domain = ?" if key.kind == "company" else "kind = ? AND email = ?"
    found = _records(connection, where, (key.kind, key.value))
    return found[0] if found else None


def by_id(connection: sqlite3.Connection, ident: int) -> Record | None:
    found = _records(connection, "id = ?", (ident,))
    return found[0] if found else None


def everything(connection: sqlite3.Connection) -> Sequence[Record]:
    """Every record, by id."""
    return _records(connection, "true", ())


def named(connection: sqlite3.Connection, name: str) -> Sequence[Record]:
    """The first few records of that name, in any case."""
    where = (
        "id IN (SELECT record FROM field WHERE name IN ('name', 'person')"
        " AND value = ? COLLATE NOCASE ORDER BY record LIMIT ?)"
    )
    return _records(connection, where, (name, _NAMED))


def history(connection: sqlite3.Connection, ident: str) -> Sequence[Change]:
    """What was written to a record, oldest first."""
    rows = connection.execute(
        "SELECT at, field, old, new, proposal, approved_by FROM history WHERE record = ?"
        " ORDER BY id",
        (int(ident),),
    )
    return [Change(*row) for row in rows]


def _records(connection: sqlite3.Connection, where: str, given: tuple[object, ...]) -> list[Record]:
    fields: dict[int, dict[str, str]] = {}
    rows = connection.execute(
        # ``where`` is one of the conditions above, never anything from outside.
        f"SELECT record, name, value FROM field WHERE record IN"  # noqa: S608
        f" (SELECT id FROM record WHERE {where}) ORDER BY record, name",
        given,
    )
    for ident, name, value in rows:
        fields.setdefault(ident, {})[name] = value
    found = connection.execute(
        "SELECT id, kind, domain, email, updated_at, proposal FROM record"  # noqa: S608
        f" WHERE {where} ORDER BY id",
        given,
    )
    return [
        Record(str(ident), _kind(kind), domain, email, fields.get(ident, {}), at, proposal)
        for ident, kind, domain, email, at, proposal in found
    ]


def _kind(text: str) -> Kind:
    return "company" if text == "company" else "person"


class SqliteReader:
    """``CrmReader`` over the file."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def holds(self, kind: Kind, name: str) -> bool:
        return True

    async def find(self, key: Key) -> Record | None:
        def look() -> Record | None:
            with reading(self._path) as connection:
                return None if connection is None else find(connection, key)

        return await asyncio.to_thread(look)

    async def named(self, name: str) -> Sequence[Record]:
        def look() -> Sequence[Record]:
            with reading(self._path) as connection:
                return [] if connection is None else named(connection, name)

        return await asyncio.to_thread(look)
