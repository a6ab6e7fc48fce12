"""Asks that nobody could tell the meaning of, kept until their asker has said it with a button.

A token is never stored, only its SHA-256: who reads the store cannot press for somebody else. What
is kept forgets itself after an hour, and before that when its asker's words are erased.
"""

from __future__ import annotations

import hashlib

from bot.domain import Delivery
from bot.retention import wrote
from bot.store.codec import BRIEFLY, pack, unpack
from bot.store.keys import Keys
from bot.store.wire import Wire

ASKED_BACK_SECONDS = 3600
"""How long a button of *what do you mean* works."""


_PART = "asked-back:"


async def asked_by(wire: Wire, keys: Keys, person: str) -> list[str]:
    """The keys under which this person's asks are kept; found by a scan, for they have no index."""
    found, cursor = list[str](), b"0"
    while True:
        pattern = f"{keys.prefix}{_PART}*"
        cursor, page = await wire.command("SCAN", cursor, "MATCH", pattern, "COUNT", 1_000)
        kept = await wire.command("MGET", *page) if page else []
        for name, packed in zip(page, kept, strict=True):
            ask = unpack(Delivery, packed) if packed is not None else None
            if ask and (wrote(ask.author, person) or (ask.asker and ask.asker.id == person)):
                found.append(name.decode())
        if int(cursor) == 0:
            return found


class RedisAskedBack:
    """``bot.ports.AskedBack`` on Redis. Each method is one round trip."""

    def __init__(self, wire: Wire, keys: Keys) -> None:
        self._wire = wire
        self._prefix = keys.prefix

    async def keep(self, token: str, delivery: Delivery) -> None:
        packed = pack(delivery, BRIEFLY)
        await self._wire.command("SET", self._key(token), packed, "EX", ASKED_BACK_SECONDS)

    async def find(self, token: str) -> Delivery | None:
        packed = await self._wire.command("GET", self._key(token))
        return None if packed is None else unpack(Delivery, packed)

    def _key(self, token: str) -> str:
        hashed = hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()
        return f"{self._prefix}{_PART}{hashed}"
