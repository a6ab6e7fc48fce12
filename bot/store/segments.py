"""Segments of the journal: signed files of what no longer lies in the store.

A segment is JSON lines: a head (where it begins, and the link before it), its entries with their
links, a foot (how many, the last link, the signature). It is named by the number of the entry it
begins with, so that writing it again after a crash replaces it. It is on disk, whole, before its
entries leave the store; which segments count is for the store to say (``archived``): a file that
begins after that was written and its entries are still in the store.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import logging
import os
import secrets
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Literal

from bot.journal import GENESIS, Broken, Stored, verify
from bot.store.entries import KeyList, read_entry
from bot.store.kept import keep
from bot.store.keys import Keys
from bot.store.locks import FileLock
from bot.store.scripts import ARCHIVE
from bot.store.wire import Argument, Wire

log = logging.getLogger("deskhand.journal")

AT_ONCE = 2_000
"""Entries of one segment."""
_FORM = "deskhand journal 1"
_ID_BYTES = 8
_PAGE = 500


@dataclass(frozen=True)
class Archived:
    """The chain as far as it lies in files: how many entries, the last one's id, its link."""

    entries: int = 0
    id: str = "0-0"
    link: bytes = GENESIS

    @property
    def until_ms(self) -> int:
        """When the last of them was taken in, by the store's clock."""
        return int(self.id.partition("-")[0])


async def archived(wire: Wire, keys: Keys) -> Archived:
    """How far the journal lies in files."""
    count, last, link = await wire.command("HMGET", keys.archived, "count", "id", "link")
    return Archived() if count is None else Archived(int(count), last.decode(), link)


def segments_folder(data: Path) -> Path:
    """Where the segments lie in a data folder."""
    return data / "journal"


class SegmentFault(Exception):
    """A segment that is not there, or is not what was written. The words name the file."""

    def __init__(self, name: str, why: Literal["segment_missing", "segment_forged"]) -> None:
        super().__init__(name, why)
        self.name = name
        self.why = why


class Segments:
    """The files of one folder. All of it blocks."""

    def __init__(self, folder: Path, secret: str) -> None:
        self.folder = folder
        self._secret = secret.encode()

    def make(self) -> None:
        """Make the folder, for its owner alone."""
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)

    def ident(self) -> str:
        """The folder's own name, made when it is first asked for: two machines that write to one
        store must not each keep half of its journal."""
        path = self.folder / "folder"
        self.make()
        with suppress(FileNotFoundError):
            return path.read_text(encoding="ascii")
        self._replace(path, secrets.token_hex(8).encode())
        return path.read_text(encoding="ascii")

    def write(self, start: int, before: bytes, entries: Sequence[Stored]) -> Path:
        """One segment, whole and on disk when this returns."""
        head = {"form": _FORM, "from": start, "before": before.hex()}
        lines = [head]
        lines += [
            {"id": one.id, "link": (one.link or b"").hex(), "entry": one.raw.decode()}
            for one in entries
        ]
        body = b"".join(json.dumps(line, separators=(",", ":")).encode() + b"\n" for line in lines)
        foot = {
            "entries": len(entries),
            "head": (entries[-1].link or b"").hex(),
            "signature": self._sign(body),
        }
        path = self.folder / _name(start)
        self._replace(path, body + json.dumps(foot, separators=(",", ":")).encode() + b"\n")
        return path

    def pages(self, upto: Archived) -> Iterator[list[Stored]]:
        """All archived entries in order, oldest first. Raises ``SegmentFault``.

        That the links fit is for the caller to check; that these are the files that were written,
        one behind the other and up to ``upto``, is checked here.
        """
        done, last = 0, GENESIS
        while done < upto.entries:
            entries = self._read(done, last)
            done, last = done + len(entries), entries[-1].link or b""
            if done > upto.entries:
                raise SegmentFault(_name(done - len(entries)), "segment_forged")
            yield entries
        if last != upto.link:
            raise SegmentFault(_name(done), "segment_forged")

    def _read(self, start: int, before: bytes) -> list[Stored]:
        name = _name(start)
        try:
            raw = (self.folder / name).read_bytes()
        except FileNotFoundError:
            raise SegmentFault(name, "segment_missing") from None
        lines = raw.splitlines(keepends=True)
        try:
            foot = json.loads(lines[-1])
            body = b"".join(lines[:-1])
            if not hmac.compare_digest(self._sign(body), str(foot["signature"])):
                raise SegmentFault(name, "segment_forged")
            head, *kept = (json.loads(line) for line in lines[:-1])
            entries = [
                Stored(one["id"], one["entry"].encode(), bytes.fromhex(one["link"])) for one in kept
            ]
            fits = (head["form"], head["from"], head["before"]) == (_FORM, start, before.hex())
        except (ValueError, KeyError, IndexError, TypeError):
            raise SegmentFault(name, "segment_forged") from None
        if not fits or not entries or foot["entries"] != len(entries):
            raise SegmentFault(name, "segment_forged")
        return entries

    def _sign(self, body: bytes) -> str:
        # The prefix keeps it apart from a signed head (``bot.journal.sign_head``).
        return hmac.new(
            self._secret, b"segment:" + hashlib.sha256(body).digest(), hashlib.sha256
        ).hexdigest()

    def _replace(self, path: Path, content: bytes) -> None:
        """The whole file or, after a crash at any point, none of it."""
        fresh = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
        descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            fresh.replace(path)
        except BaseException:
            fresh.unlink(missing_ok=True)
            raise
        folder = os.open(self.folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


class Archive:
    """Moves old entries from the store to segments."""

    def __init__(self, wire: Wire, keys: Keys, segments: Segments) -> None:
        self._wire = wire
        self._keys = keys
        self._segments = segments

    async def step(self, before: datetime) -> int:
        """Move one segment's worth of sealed entries from before then; how many. Fewer than
        ``AT_ONCE``: there is nothing more to move now.

        Never two at once: the folder is locked, and the store says whose folder it is."""
        await asyncio.to_thread(self._segments.make)
        lock = FileLock(self._segments.folder, folder=True)
        try:
            if not lock.try_exclusive():
                return 0
            # Under the lock: of two that made the name at once, one would keep a name of its own.
            ident = await asyncio.to_thread(self._segments.ident)
            # Undone by a crash of the server it would let a second folder in, so it is the first.
            await self._wire.command("HSETNX", self._keys.archived, "folder", ident)
            owner = await self._wire.command("HGET", self._keys.archived, "folder")
            if owner.decode() != ident:
                log.warning(
                    "the journal's segments are kept in another machine's folder; this one writes"
                    " none"
                )
                return 0
            return await self._move(before)
        finally:
            lock.close()

    async def _move(self, before: datetime) -> int:
        known = await archived(self._wire, self._keys)
        entries = await self._sealed(known, int(before.timestamp() * 1000) - 1)
        if not entries:
            return 0
        found = verify(entries, known.link)
        if isinstance(found, Broken):
            log.error("the journal is broken at %s: nothing is archived", found.id)
            return 0
        await keep(self._wire, self._keys, entries)
        await asyncio.to_thread(self._segments.write, known.entries, known.link, entries)
        cases = Counter(
            self._keys.entries(case)
            for case in (_case(one.raw) for one in entries)
            if case is not None
        )
        keys = self._keys
        listed = KeyList([keys.archived, keys.journal, keys.chain, keys.texts, *cases])
        last = entries[-1]
        arguments: list[Argument] = [
            known.entries,
            known.entries + len(entries),
            last.id,
            found.head,
            _after(last.id),
            len(entries),
            *(one.id for one in entries),
            *(count * _ID_BYTES for count in cases.values()),
        ]
        moved = await self._wire.run(ARCHIVE, listed.keys, arguments)
        return len(entries) if moved else 0

    async def _sealed(self, known: Archived, last_ms: int) -> list[Stored]:
        sealed = await self._wire.command("HGET", self._keys.sealed, "id")
        if sealed is None or last_ms < known.until_ms:
            return []
        found: list[Stored] = []
        upto = min(sealed.decode(), f"{last_ms}-{2**32}", key=order_of)
        cursor = known.id
        while len(found) < AT_ONCE and order_of(cursor) < order_of(upto):
            entries = await self._wire.command(
                "XRANGE", self._keys.journal, f"({cursor}", upto, "COUNT", _PAGE
            )
            if not entries:
                break
            end = entries[-1][0].decode()
            links: dict[bytes, Any] = dict(
                await self._wire.command("XRANGE", self._keys.chain, f"({cursor}", end)
            )
            found += [
                Stored(one.decode(), fields[b"e"], links.get(one, {}).get(b"l"))
                for one, fields in entries
            ]
            cursor = end
        return found


def _case(raw: bytes) -> str | None:
    entry = read_entry(raw)
    return entry.ticket or entry.proposal


def _name(start: int) -> str:
    return f"{start:012d}.jsonl"


def order_of(entry_id: str) -> tuple[int, int]:
    """An entry's id as what it sorts by."""
    ms, _, number = entry_id.partition("-")
    return int(ms), int(number)


def _after(entry_id: str) -> str:
    ms, number = order_of(entry_id)
    return f"{ms}-{number + 1}"
