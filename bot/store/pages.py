"""The journal by the page, newest first: read by index, so a page costs the same at any length.

An entry is found by its id, which is its time, or through its ticket's list of ids. Nothing here
walks the whole journal; a search for what has no index (a kind, a playbook, an actor) looks through
so many entries at most and says how far it came.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from bot.journal import GENESIS, Broken, Entry, Stored, Verified, verify
from bot.store.entries import Line, read_entry, read_index
from bot.store.keys import Keys
from bot.store.segments import Archived, archived, order_of
from bot.store.wire import Wire

LOOKED_THROUGH = 3_000
"""Entries that one search reads at most."""
_CHUNK = 500
_ID_BYTES = 8


@dataclass(frozen=True)
class Page:
    """Entries, newest first, and how the chain fits them."""

    lines: tuple[Line, ...]
    older: str | None
    """Where the next page begins (its entries are older than this id); None: there are no more."""
    chain: Verified | Broken | None
    """What became of checking the links of exactly these entries and those read between them; None
    where there was nothing to check."""
    unsealed: int = 0
    """Entries of the page that are not sealed yet: at most a second old."""
    looked_through: int = 0


class JournalPages:
    """Reads the journal of one tenant."""

    def __init__(self, wire: Wire, keys: Keys) -> None:
        self._wire = wire
        self._keys = keys

    async def length(self) -> int:
        """How many entries there are, archived ones included."""
        stored = int(await self._wire.command("XLEN", self._keys.journal))
        return stored + (await archived(self._wire, self._keys)).entries

    async def archived(self) -> Archived:
        """What is no longer here, but in signed files: always the oldest entries."""
        return await archived(self._wire, self._keys)

    async def newest(
        self,
        before: str | None,
        count: int,
        wanted: Callable[[Entry], bool] | None = None,
        may_be: Callable[[bytes], bool] = lambda _: True,
    ) -> Page:
        """Up to ``count`` entries older than ``before`` (None: from the end), and their chain.

        ``wanted``: only these, of the ``LOOKED_THROUGH`` entries before ``before``. ``may_be``
        tells from its bytes of an entry that it is none of them, which is cheaper than reading it.
        """
        read: list[tuple[str, bytes]] = []
        found: list[Line] = []
        end = "+" if before is None else f"({before}"
        # One more than a page says whether there is another.
        size = count + 1 if wanted is None else _CHUNK
        while len(found) < count and len(read) < LOOKED_THROUGH:
            answer = await self._wire.command(
                "XREVRANGE", self._keys.journal, end, "-", "COUNT", size
            )
            for raw_id, fields in answer:
                if len(found) == count:
                    return await self._page(found, read, read[-1][0])
                entry_id, raw = raw_id.decode(), fields[b"e"]
                read.append((entry_id, raw))
                if wanted is not None and not may_be(raw):
                    continue
                entry = read_entry(raw)
                if wanted is None or wanted(entry):
                    found.append(Line(entry_id, entry))
            if len(answer) < size:
                return await self._page(found, read, None)
            end = f"({read[-1][0]}"
        return await self._page(found, read, read[-1][0] if read else None)

    async def of_case(self, case: str, before: int | None, count: int) -> tuple[Page, int | None]:
        """A ticket's entries by their place in its list: those before ``before``, newest first.

        The second answer is where the next page begins, None where there is none. Their links are
        checked one by one against the link before each.
        """
        key = self._keys.entries(case)
        total = int(await self._wire.command("STRLEN", key)) // _ID_BYTES
        end = total if before is None else min(before, total)
        start = max(0, end - count)
        if start >= end:
            return Page((), None, None), None
        packed = await self._wire.command("GETRANGE", key, start * _ID_BYTES, end * _ID_BYTES - 1)
        ids = read_index(packed)
        answers = await self._wire.commands(
            *(("XRANGE", self._keys.journal, one, one) for one in ids)
        )
        read = [
            (one, answer[0][1][b"e"]) for one, answer in zip(ids, answers, strict=True) if answer
        ]
        chain, unsealed = await self._each(read)
        lines = tuple(Line(one, read_entry(raw)) for one, raw in reversed(read))
        return Page(lines, None, chain, unsealed, len(read)), start or None

    async def _page(
        self, found: Sequence[Line], read: Sequence[tuple[str, bytes]], older: str | None
    ) -> Page:
        chain, unsealed = await self._run(list(reversed(read)))
        return Page(tuple(found), older, chain, unsealed, len(read))

    async def _run(self, read: list[tuple[str, bytes]]) -> tuple[Verified | Broken | None, int]:
        """Check a run of neighbours, oldest first, from the link before the first of them."""
        if not read:
            return None, 0
        first, last = read[0][0], read[-1][0]
        # Not at one moment: what is archived meanwhile may lack its link, or the one before it.
        before, links = await self._wire.commands(
            ("XREVRANGE", self._keys.chain, f"({first}", "-", "COUNT", 1),
            ("XRANGE", self._keys.chain, first, last),
        )
        known = {entry_id.decode(): fields[b"l"] for entry_id, fields in links}
        files = await archived(self._wire, self._keys)
        here = [(one, raw) for one, raw in read if order_of(one) > order_of(files.id)]
        sealed = len(here)
        while sealed and here[sealed - 1][0] not in known:
            sealed -= 1  # the newest may not be sealed yet
        stored = [Stored(one, raw, known.get(one)) for one, raw in here[:sealed]]
        whole = len(here) == len(read)
        start = before[0][1][b"l"] if before and whole else files.link
        return (verify(stored, start) if stored else None), len(here) - sealed

    async def _each(
        self, read: Sequence[tuple[str, bytes]]
    ) -> tuple[Verified | Broken | None, int]:
        """Check entries that are no neighbours, each from the link before it."""
        commands: list[tuple[str | int, ...]] = []
        for one, _ in read:
            commands.append(("XREVRANGE", self._keys.chain, one, "-", "COUNT", 2))
        checked, unsealed = 0, 0
        head = GENESIS
        answers = await self._wire.commands(*commands) if commands else []
        files = await archived(self._wire, self._keys)
        for (one, raw), answer in zip(read, answers, strict=True):
            if order_of(one) <= order_of(files.id):
                continue  # archived meanwhile
            if not answer or answer[0][0].decode() != one:
                unsealed += 1
                continue
            start = answer[1][1][b"l"] if len(answer) > 1 else files.link
            outcome = verify([Stored(one, raw, answer[0][1][b"l"])], start)
            if isinstance(outcome, Broken):
                return Broken(one, checked, outcome.why), unsealed
            checked, head = checked + 1, outcome.head
        return (Verified(checked, head) if checked else None), unsealed
