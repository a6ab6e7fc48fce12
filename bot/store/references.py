"""Conversation references on Redis: one hash, so that all of them go with the tenant."""

from __future__ import annotations

import json
from collections.abc import Sequence

from bot.ports.references import Conversation, Member
from bot.store.keys import Keys
from bot.store.wire import Wire

REPLY_SECONDS = 30 * 24 * 3600
"""How long a reply's message is known for one."""


class RedisReferences:
    """``bot.ports.references.References``. Fields: ``c:`` and a conversation's id, ``m:`` and an
    object id, ``s:`` and a team's id (or nothing) with the address last seen."""

    def __init__(self, wire: Wire, keys: Keys) -> None:
        self._wire = wire
        self._keys = keys
        self._key = keys.references

    async def keep(self, conversation: Conversation | None, member: Member | None) -> None:
        fields: list[str] = []
        if member is not None:
            fields += [f"m:{member.oid}", member.model_dump_json()]
        if conversation is not None:
            fields += [f"c:{conversation.id}", conversation.model_dump_json()]
            if not conversation.gone:
                at = json.dumps([conversation.service_url, conversation.bot])
                teams = dict.fromkeys((conversation.team, ""))
                fields += [part for team in teams for part in (f"s:{team}", at)]
        if fields:
            await self._wire.command("HSET", self._key, *fields)

    async def conversation(self, ident: str) -> Conversation | None:
        found = await self._wire.command("HGET", self._key, f"c:{ident}")
        return None if found is None else Conversation.model_validate_json(found)

    async def member(self, oid: str) -> Member | None:
        found = await self._wire.command("HGET", self._key, f"m:{oid}")
        return None if found is None else Member.model_validate_json(found)

    async def forget(self, oid: str) -> None:
        known = await self.member(oid)
        if known is not None:
            await self._wire.command("HDEL", self._key, f"m:{oid}", f"c:{known.chat}")

    async def address(self, team: str = "") -> tuple[str, str] | None:
        found = await self._wire.command("HMGET", self._key, f"s:{team}", "s:")
        at = next((one for one in found if one is not None), None)
        if at is None:
            return None
        service_url, bot = json.loads(at)
        return service_url, bot

    async def replied(self, conversation: str, message: str, proposal: str) -> None:
        key = self._keys.reply(conversation, message)
        await self._wire.command("SET", key, proposal, "EX", REPLY_SECONDS)

    async def proposal_of(self, conversation: str, message: str) -> str | None:
        found = await self._wire.command("GET", self._keys.reply(conversation, message))
        return None if found is None else str(found, "ascii")

    async def conversations(self) -> Sequence[Conversation]:
        found = await self._wire.command("HGETALL", self._key)
        return [
            Conversation.model_validate_json(value)
            for name, value in found.items()
            if name.startswith(b"c:")
        ]
