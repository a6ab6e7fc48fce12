"""Writing the embedded CRM: one transaction for each approval, and for each import."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol

from bot.commands import Outcome, Refused, Succeeded, Uncertain
from tools.actions.update_crm import UpdateCrmArgs, moved, receipt
from tools.crm.records import CrmUnavailable, Key
from tools.crm.rows import Row
from tools.crm.sqlite_file import find, reading, writing
from tools.spec import Grant, Sent, Unanswered

_IMPORT_SECONDS = 30.0


class Times(Protocol):
    """The clock's two readings: aware UTC, and seconds for spans."""

    def now(self) -> datetime: ...

    def monotonic(self) -> float: ...


class SqliteWriter:
    """``CrmWriter`` over the file.

    ``applied`` remembers each key and each proposal's arguments in the same transaction as the
    write, so that the same approval carried out twice is one write, and its end can be looked up
    after a crash."""

    def __init__(self, path: Path, clock: Times) -> None:
        self._path = path
        self._clock = clock

    @property
    def place(self) -> str:
        return f"the CRM file {self._path}"

    async def write(self, args: UpdateCrmArgs, grant: Grant) -> Outcome:
        return await asyncio.to_thread(self._write, args, grant)

    async def look_up(self, sent: Sent) -> Succeeded | None:
        def look() -> Succeeded | None:
            with reading(self._path) as connection:
                done = None if connection is None else _done(connection, sent)
                return None if done is None else Succeeded(done)

        try:
            return await asyncio.to_thread(look)
        except CrmUnavailable as fault:
            raise Unanswered(str(fault)) from fault

    def _write(self, args: UpdateCrmArgs, grant: Grant) -> Outcome:
        left = grant.deadline - self._clock.monotonic()
        if left <= 0:
            return Refused("the time to write it was over before anything was written")
        committing = False
        try:
            with writing(self._path, left) as connection:
                done = _done(connection, grant, args.digest)
                if done is not None:
                    return Succeeded(done)
                record = find(connection, args.record)
                why = moved(record, args)
                if why is not None:
                    return Refused(why)
                at = _stamp(self._clock.now())
                values = {change.field: change.value for change in args.changes}
                ident, _ = upsert(
                    connection, args.record, values, at, grant.proposal, grant.approved_by.actor.id
                )
                said = receipt(str(ident), args)
                connection.execute(
                    "INSERT INTO applied VALUES (?, ?, ?, ?, ?)",
                    (grant.key, grant.proposal, args.digest, said, at),
                )
                # The file may have hung meanwhile, and a person may be about to send again.
                if self._clock.monotonic() >= grant.deadline:
                    return Refused("the time to write it was over before it was written")
                committing = True
                connection.execute("COMMIT")
                return Succeeded(said)
        except CrmUnavailable as fault:
            return Uncertain(str(fault)) if committing else Refused(str(fault))


def _done(connection: sqlite3.Connection, sent: Sent, digest: str | None = None) -> str | None:
    """What was done under one of the keys, or by the same proposal with the same arguments."""
    for key in (sent.key, *sent.earlier_keys):
        row = connection.execute("SELECT receipt FROM applied WHERE key = ?", (key,)).fetchone()
        if row is not None:
            return str(row[0])
    row = connection.execute(
        "SELECT receipt FROM applied WHERE proposal = ? AND args = ?", (sent.proposal, digest)
    ).fetchone()
    return None if row is None else str(row[0])


def upsert(
    connection: sqlite3.Connection,
    key: Key,
    values: Mapping[str, str],
    at: str,
    proposal: str | None,
    approved_by: str | None,
) -> tuple[int, int]:
    """Write ``values`` into the record of ``key``, with their history, inside the caller's
    transaction. The record's id, and how many values were not there before."""
    record = find(connection, key)
    if record is None:
        cursor = connection.execute(
            "INSERT INTO record (kind, domain, email, updated_at, proposal) VALUES (?, ?, ?, ?, ?)",
            (
                key.kind,
                key.value if key.kind == "company" else None,
                key.value if key.kind == "person" else None,
                at,
                proposal,
            ),
        )
        ident = int(cursor.lastrowid or 0)
    else:
        ident = int(record.id)
    written = 0
    for name, value in values.items():
        old = record.value(name) if record is not None else None
        if old == value:
            continue
        if name in ("domain", "email"):
            column = "domain" if name == "domain" else "email"
            connection.execute(
                f"UPDATE record SET {column} = ? WHERE id = ?",  # noqa: S608 -- one of the two
                (value, ident),
            )
        else:
            connection.execute(
                "INSERT OR REPLACE INTO field VALUES (?, ?, ?)", (ident, name, value)
            )
        connection.execute(
            "INSERT INTO history (record, at, field, old, new, proposal, approved_by)"
            " VALUES (?, ?, ?, ?, ?, ?, ?)",
            (ident, at, name, old, value, proposal, approved_by),
        )
        written += 1
    if written and record is not None:
        connection.execute(
            "UPDATE record SET updated_at = ?, proposal = ? WHERE id = ?", (at, proposal, ident)
        )
    return ident, written


@dataclass(frozen=True)
class Imported:
    """How many records an import made, changed and left alone."""

    created: int
    updated: int
    unchanged: int


def import_rows(path: Path, rows: Iterable[Row], now: datetime) -> Imported:
    """Take in every row, or none. Raises ``CrmUnavailable``."""
    created = updated = unchanged = 0
    with writing(path, _IMPORT_SECONDS) as connection:
        at = _stamp(now)
        for row in rows:
            known = find(connection, row.key) is not None
            _, written = upsert(connection, row.key, row.values, at, None, None)
            created += not known
            updated += known and written > 0
            unchanged += known and written == 0
        connection.execute("COMMIT")
    return Imported(created, updated, unchanged)


def _stamp(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
