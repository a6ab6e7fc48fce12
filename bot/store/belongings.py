"""Which tickets hold a person's words, or a lead that names them; and what belongs to a ticket."""

from __future__ import annotations

from collections.abc import AsyncIterator

from bot.domain import Proposal, Ticket
from bot.ports import Document, Versioned
from bot.retention import wrote
from bot.store import wakes
from bot.store.codec import unpack_document
from bot.store.documents import belonging, found_in, person_member, proposal_member
from bot.store.keys import Keys
from bot.store.wire import Argument, Wire

_CHUNK = 500


class Belongings:
    """The index ``belongs`` of one tenant, as it is read."""

    def __init__(self, wire: Wire, keys: Keys) -> None:
        self._wire = wire
        self._keys = keys

    async def tickets_of(self, person: str, *, dry_run: bool) -> list[str]:
        """Every ticket of theirs, or about them; ``dry_run``: writing no index."""
        if not dry_run:
            async for _ in self.index_pages():
                pass
        elif not await self._wire.command("EXISTS", self._keys.indexed):
            named = {
                kept.value.ticket
                async for page in self._scan("p_*", Proposal)
                for kept in page
                if person in kept.value.about
            }
            return [
                kept.value.id
                async for page in self._scan("t_*", Ticket)
                for kept in page
                if kept.value.id in named
                or person in kept.value.about
                or any(wrote(one, person) for one in kept.value.people)
            ]
        start = person_member(self._keys, person, "")
        return await self.members(start)

    async def index_pages(self) -> AsyncIterator[None]:
        """Find the tickets from before the indexes were kept, a page between each two yields: once
        in a store's life."""
        if await self._wire.command("EXISTS", self._keys.indexed):
            return
        async for tickets in self._scan("t_*", Ticket):
            operations: list[tuple[Argument, ...]] = []
            for kept in tickets:
                ticket = kept.value
                if not ticket.erased:
                    at = wakes.milliseconds(ticket.last_words_at)
                    operations.append(("ZADD", self._keys.age, "GT", at, ticket.id))
                    if members := belonging(self._keys, ticket):
                        operations.append(("ZADD", self._keys.belongs, *members))
            if operations:
                await self._wire.commands(*operations)
            yield
        async for proposals in self._scan("p_*", Proposal):
            members = [
                part
                for kept in proposals
                if not kept.value.erased
                for part in (
                    *(0, proposal_member(kept.value.ticket, kept.value.id)),
                    *found_in(self._keys, kept.value),
                )
            ]
            if members:
                await self._wire.command("ZADD", self._keys.belongs, *members)
            yield
        await self._wire.command("SET", self._keys.indexed, "")

    async def _scan(
        self, pattern: str, kind: type[Document]
    ) -> AsyncIterator[list[Versioned[Document]]]:
        cursor = b"0"
        while True:
            cursor, found = await self._wire.command(
                "SCAN", cursor, "MATCH", self._keys.prefix + pattern, "COUNT", _CHUNK
            )
            names = [name.decode() for name in found]
            stored = await self._wire.command("MGET", *names) if names else []
            yield [unpack_document(kind, one) for one in stored if one is not None]
            if int(cursor) == 0:
                return

    async def members(self, start: str) -> list[str]:
        """What follows ``start`` in the names of ``belongs`` that begin with it."""
        found = await self._wire.command(
            "ZRANGE", self._keys.belongs, f"[{start}", f"({start}\x7f", "BYLEX"
        )
        return [name.decode().removeprefix(start) for name in found]
