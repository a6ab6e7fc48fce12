"""Journal entries on their way into the store and out of it."""

from __future__ import annotations

import json
import secrets
import struct
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import cast

from bot.journal import Entry, salted
from bot.store.codec import pack_bytes, unpack_bytes
from bot.store.keys import Keys

_SALT_BYTES = 16
_ABOUT = ("kind", "ticket", "run", "proposal", "playbook", "actor")
_ID = struct.Struct(">6sH")


@dataclass(frozen=True)
class Line:
    """An entry read back. ``entry.texts`` holds the salted hashes, never the texts."""

    id: str
    entry: Entry

    @property
    def at(self) -> datetime:
        """When the store took it in, by the store's own clock."""
        return datetime.fromtimestamp(int(self.id.partition("-")[0]) / 1000, UTC)


@dataclass
class KeyList:
    """The keys of one script call, each once, by number (from 1, as Lua counts)."""

    keys: list[str] = field(default_factory=list)
    _numbers: dict[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for number, key in enumerate(self.keys, 1):
            self._numbers.setdefault(key, number)

    def number(self, key: str) -> int:
        """The number of ``key``, which is added if it is not there."""
        known = self._numbers.get(key)
        if known is None:
            self.keys.append(key)
            known = self._numbers[key] = len(self.keys)
        return known


def entry_arguments(
    entries: Iterable[Entry], keys: Keys, listed: KeyList
) -> list[str | bytes | int]:
    """The arguments of ``append_all`` (``append.lua``); the indexes' keys go into ``listed``."""
    arguments: list[str | bytes | int] = [0]
    count = 0
    for entry in entries:
        count += 1
        case = entry.ticket or entry.proposal
        arguments.append(listed.number(keys.entries(case)) if case else 0)
        arguments += pack_entry(entry)
    arguments[0] = count
    return arguments


def pack_entry(entry: Entry) -> tuple[bytes, bytes]:
    """The bytes that the chain covers, and the texts with their salts (empty: none)."""
    if not entry.texts:
        return entry.model_dump_json(exclude_defaults=True).encode(), b""
    kept: dict[str, tuple[str, str]] = {}
    hashes: dict[str, str] = {}
    for name, text in entry.texts.items():
        salt = secrets.token_bytes(_SALT_BYTES)
        kept[name] = (salt.hex(), text)
        hashes[name] = salted(salt, text)
    line = entry.model_copy(update={"texts": hashes})
    # ASCII: a lone surrogate in a customer's text must not be what stops the journal.
    beside = json.dumps(kept, separators=(",", ":")).encode()
    return line.model_dump_json(exclude_defaults=True).encode(), pack_bytes(beside)


def read_entry(raw: bytes) -> Entry:
    """An entry from its bytes; of kind ``unreadable`` where another version wrote it.

    After a rollback there may be any number of such. The chain covers bytes and not what they say,
    so they are sealed and followed like all others, and count as nothing."""
    try:
        return Entry.model_validate_json(raw)
    except ValueError:
        return _unreadable(raw)


def _unreadable(raw: bytes) -> Entry:
    """With as much of it as any version's entry has, so that it is found with its ticket."""
    try:
        found = json.loads(raw)
    except ValueError:
        found = None
    known = found if isinstance(found, dict) else {}
    about = {name: known[name] for name in _ABOUT if isinstance(known.get(name), str)}
    data = {"written_as": about.pop("kind")} if "kind" in about else {}
    return Entry.model_validate({**about, "kind": "unreadable", "data": data})


def read_texts(packed: bytes) -> dict[str, tuple[bytes, str]]:
    """Texts by name, each with its salt."""
    kept = cast("dict[str, tuple[str, str]]", json.loads(unpack_bytes(packed)))
    return {name: (bytes.fromhex(salt), text) for name, (salt, text) in kept.items()}


def read_index(packed: bytes) -> Sequence[str]:
    """The entry ids of a case, oldest first."""
    ids = []
    for ms, number in _ID.iter_unpack(packed[: len(packed) - len(packed) % _ID.size]):
        ids.append(f"{int.from_bytes(ms, 'big')}-{number}")
    return ids
