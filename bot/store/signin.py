"""What signing in to the console keeps in the store: single-use links, and sessions ended early.

A link's token is never stored, only its SHA-256: who reads the store cannot sign in with it. A
session is a signed cookie that no server keeps; one that its person has ended is remembered until
it would have run out.
"""

from __future__ import annotations

import hashlib

from bot.domain import Actor
from bot.store.keys import Keys
from bot.store.wire import Wire


class SignIns:
    """``handlers.console.parts.SignIns`` on Redis. Each method is one round trip."""

    def __init__(self, wire: Wire, keys: Keys) -> None:
        self._wire = wire
        self._prefix = keys.prefix

    async def keep(self, token: str, actor: Actor, seconds: int) -> None:
        """From now on, and for ``seconds``, ``token`` lets ``actor`` in once."""
        await self._wire.command("SET", self._link(token), actor.model_dump_json(), "EX", seconds)

    async def known(self, token: str) -> bool:
        """Whether the token would let somebody in. Consumes nothing."""
        return bool(await self._wire.command("EXISTS", self._link(token)))

    async def consume(self, token: str) -> Actor | None:
        """Whom the token lets in; never a second time, however many ask at once."""
        found = await self._wire.command("GETDEL", self._link(token))
        return None if found is None else Actor.model_validate_json(found)

    async def end(self, session: str, seconds: int) -> None:
        """This session counts no more; ``seconds``: until it would have run out."""
        await self._wire.command("SET", self._ended(session), "", "EX", max(1, seconds))

    async def ended(self, session: str) -> bool:
        return await self._wire.command("GET", self._ended(session)) is not None

    def _link(self, token: str) -> str:
        return f"{self._prefix}link:{_hashed(token)}"

    def _ended(self, session: str) -> str:
        return f"{self._prefix}signed-out:{_hashed(session)}"


def _hashed(secret: str) -> str:
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()
