"""The record on Redis: appending, sealing, verifying and reading the journal.

Entries are appended by the scripts that change what they tell of. Sealing comes after, by whoever
is first (see ``bot.journal``): the seal moves by compare-and-swap, so a second sealer changes
nothing, and the figures that are counted with it are counted once.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from operator import itemgetter
from typing import Protocol

from bot.journal import GENESIS, Broken, Entry, Stored, Verified, link
from bot.journal import verify as verify_links
from bot.stats import asks, fold
from bot.stats.dims import Cell, Counts, read_cell
from bot.stats.fold import Count
from bot.stats.windows import Span, buckets, buckets_of
from bot.store.entries import (
    KeyList,
    Line,
    entry_arguments,
    read_entry,
    read_index,
    read_texts,
)
from bot.store.kept import kept_of
from bot.store.keys import Keys
from bot.store.owed import REMEMBERED_SECONDS
from bot.store.scripts import RECORD, SEAL, TELL
from bot.store.segments import Archived, SegmentFault, Segments, archived, order_of
from bot.store.wire import Argument, Wire

_PAGE = 500
_FIRST = "0-0"


class Fold(Protocol):
    """What entries add to the figures. Pure."""

    def asks(self, entry: Entry) -> bool:
        """Whether this entry is folded with the ones of its case before it."""
        ...

    def fold(self, line: Line, earlier: Sequence[Line]) -> Sequence[Count]:
        """What this entry adds, and when."""
        ...


class Figures:
    """The figures of ``bot.stats``."""

    def asks(self, entry: Entry) -> bool:
        return asks(entry)

    def fold(self, line: Line, earlier: Sequence[Line]) -> Sequence[Count]:
        return fold(line, earlier)


FIGURES: Fold = Figures()


@dataclass(frozen=True)
class Head:
    """The chain as far as it is sealed: how many entries, the last one's id, the last link."""

    entries: int = 0
    id: str = _FIRST
    link: bytes = GENESIS


class Record:
    """The journal of one tenant."""

    def __init__(self, wire: Wire, keys: Keys, fold: Fold = FIGURES) -> None:
        self._wire = wire
        self._keys = keys
        self._fold = fold
        self._known = Head()
        """The seal as this process last saw it; wrong at worst, and then the swap fails."""

    async def append(self, entries: Sequence[Entry]) -> None:
        """Append entries that go with no change of state, in order, in one atomic step."""
        if not entries:
            return
        listed = KeyList([self._keys.journal, self._keys.texts])
        arguments = entry_arguments(entries, self._keys, listed)
        await self._wire.run(RECORD, listed.keys, arguments)

    async def append_once(self, ident: str, entries: Sequence[Entry]) -> None:
        """``append``, unless it was done under this id within the last hour."""
        listed = KeyList([self._keys.journal, self._keys.texts, self._keys.told(ident)])
        arguments = entry_arguments(entries, self._keys, listed)
        await self._wire.run(TELL, listed.keys, (REMEMBERED_SECONDS, *arguments))

    # --- sealing ------------------------------------------------------------------------------

    async def head(self) -> Head:
        """The chain as far as it is sealed."""
        count, last, head = await self._wire.command(
            "HMGET", self._keys.sealed, "count", "id", "head"
        )
        if last is None:
            return Head()
        return Head(int(count), last.decode(), head)

    async def seal(self) -> int:
        """Seal what is not sealed yet; the answer is how many entries this call sealed.

        Where another process seals at the same time, one of the two is too late and seals nothing.
        """
        done = 0
        while True:
            # Others in this process seal too, and move what is known while we wait.
            before = self._known
            page = await self._entries(before.id, "+", _PAGE)
            if page and not await self._seal(before, page):
                self._known = await self.head()
                if before.entries > self._known.entries:
                    raise RuntimeError(
                        f"the journal's seal went back from {before.entries} to"
                        f" {self._known.entries} entries"
                    )
                continue
            done += len(page)
            if len(page) < _PAGE:
                return done

    async def _seal(self, before: Head, page: Sequence[tuple[str, bytes]]) -> bool:
        last = before.link
        links: list[Argument] = []
        lines = []
        for entry_id, raw in page:
            last = link(last, entry_id, raw)
            links += (entry_id, last)
            lines.append(Line(entry_id, read_entry(raw)))
        after = Head(before.entries + len(page), page[-1][0], last)
        keys = KeyList([self._keys.sealed, self._keys.chain, self._keys.cells])
        counted = self._counted(await self._folded(lines), keys)
        arguments: list[Argument] = [
            before.id,
            after.id,
            after.entries,
            after.link,
            len(page),
            *links,
            *counted,
        ]
        if not await self._wire.run(SEAL, keys.keys, arguments):
            return False
        self._known = after
        return True

    async def _folded(self, lines: Sequence[Line]) -> list[Count]:
        counts: list[Count] = []
        for line in lines:
            earlier: Sequence[Line] = ()
            case = line.entry.ticket or line.entry.proposal
            if case and self._fold.asks(line.entry):
                earlier = await self._before(line, case)
            counts += self._fold.fold(line, earlier)
        return counts

    async def _before(self, line: Line, case: str) -> list[Line]:
        """The entries of its case before this one; of those that are archived, what may go back."""
        found = {one.id: one for one in await self.of_case(case)}
        if line.entry.proposal:
            # After the journal: what leaves that is kept here first.
            for one in await kept_of(self._wire, self._keys, line.entry.proposal):
                found[one.id] = one
        return [
            found[one] for one in sorted(found, key=order_of) if order_of(one) < order_of(line.id)
        ]

    def _counted(self, counts: Iterable[Count], keys: KeyList) -> list[Argument]:
        """The last part of ``seal.lua``'s arguments; each bucket's key goes into ``keys``."""
        cells: dict[Cell, int] = {}
        minutes: dict[datetime, dict[tuple[int, str], int]] = defaultdict(dict)
        # An entry's counts stand together, and most have a time and a cell of one entry.
        for (at, cell), same in groupby(counts, key=itemgetter(0, 1)):
            which = cells.setdefault(cell, len(cells) + 1)
            minute = minutes[at.replace(second=0, microsecond=0)]
            for count in same:
                what = which, count.figure
                minute[what] = minute.get(what, 0) + count.by
        buckets: dict[int, int] = {}
        sums: dict[tuple[int, int, str], int] = {}
        for at, minute in minutes.items():
            for name, kept in buckets_of(at):
                bucket = keys.number(self._keys.figures(name))
                buckets[bucket] = 0 if kept is None else int(kept.total_seconds())
                for (which, figure), by in minute.items():
                    sums[bucket, which, figure] = sums.get((bucket, which, figure), 0) + by
        arguments: list[Argument] = [len(buckets)]
        for bucket, seconds in buckets.items():
            arguments += (bucket, seconds)
        arguments += (len(cells), *(cell.key for cell in cells))
        for (bucket, which, figure), by in sums.items():
            if by:
                arguments += (bucket, which, figure, by)
        return arguments

    async def first_to_sign(self, hour: str) -> bool:
        """Whether the head of this hour is ours to sign: of all processes, the first who asks."""
        signed = self._keys.signed(hour)
        return await self._wire.command("SET", signed, "", "NX", "EX", 7200) is not None

    # --- verifying ----------------------------------------------------------------------------

    async def verify(
        self,
        vouched: tuple[int, bytes] | None = None,
        progress: Callable[[int], None] = lambda _: None,
        segments: Segments | None = None,
    ) -> Verified | Broken:
        """Seal, then follow the whole chain; the first entry that does not fit is named.

        ``vouched`` is a head that was signed and kept elsewhere (``bot.journal.read_head``): the
        chain must have passed through it. ``progress`` is told how many entries are done. Archived
        entries are followed in the files of ``segments``; without it, the chain is taken to begin
        where the store says that the files end.
        """
        while True:
            files = await archived(self._wire, self._keys)
            found = await self._verify(files, vouched, progress, segments)
            if isinstance(found, Verified) or await archived(self._wire, self._keys) == files:
                return found
            # What was missing in the store has moved to a file meanwhile.

    async def _verify(
        self,
        files: Archived,
        vouched: tuple[int, bytes] | None,
        progress: Callable[[int], None],
        segments: Segments | None,
    ) -> Verified | Broken:
        await self.seal()
        sealed = await self.head()
        done, last, cursor = 0, GENESIS, _FIRST
        first: str | None = None
        unreadable = 0
        if segments is None:
            done, last, cursor = files.entries, files.link, files.id
        pages = self._pages(files, sealed.id, segments)
        while True:
            try:
                page = await anext(pages, None)
            except SegmentFault as fault:
                return Broken(fault.name, done, fault.why)
            if page is None:
                break
            for part in _split(page, done, vouched):
                found = verify_links(part, last)
                if isinstance(found, Broken):
                    return Broken(found.id, done + found.position, found.why)
                done, last, cursor = done + found.entries, found.head, part[-1].id
                others = [one.id for one in part if read_entry(one.raw).kind == "unreadable"]
                first, unreadable = first or next(iter(others), None), unreadable + len(others)
                if vouched is not None and done == vouched[0] and last != vouched[1]:
                    return Broken(cursor, done - 1, "altered")
            progress(done)
        if done != sealed.entries or last != sealed.link:
            return Broken(sealed.id, done, "missing")
        if vouched is not None and done < vouched[0]:
            return Broken(sealed.id, done, "missing")
        return Verified(done, last, unreadable, first)

    async def _pages(
        self, files: Archived, upto: str, segments: Segments | None
    ) -> AsyncIterator[list[Stored]]:
        """The archived entries, then those of the store. Raises ``SegmentFault``."""
        if segments is not None:
            archive = segments.pages(files)
            while (page := await asyncio.to_thread(next, archive, None)) is not None:
                yield page
        cursor = files.id
        while cursor != upto:
            page = await self._stored_page(cursor, upto)
            if not page:
                return
            yield page
            cursor = page[-1].id

    async def _stored_page(self, after: str, upto: str) -> list[Stored]:
        """Entries and links together, in order; where one of the two is missing, it is empty."""
        entries = dict(await self._entries(after, upto, _PAGE))
        end = next(reversed(entries)) if len(entries) == _PAGE else upto
        answer = await self._wire.command("XRANGE", self._keys.chain, f"({after}", end)
        links = {entry_id.decode(): fields[b"l"] for entry_id, fields in answer}
        return [
            Stored(entry_id, entries.get(entry_id, b""), links.get(entry_id))
            for entry_id in sorted(entries.keys() | links.keys(), key=order_of)
        ]

    # --- reading ------------------------------------------------------------------------------

    async def of_case(self, case: str) -> list[Line]:
        """A ticket's entries, oldest first (or those of a proposal that names no ticket)."""
        packed = await self._wire.command("GET", self._keys.entries(case))
        ids = read_index(packed or b"")
        if not ids:
            return []
        answers = await self._wire.commands(
            *(("XRANGE", self._keys.journal, one, one) for one in ids)
        )
        return [_line(answer[0]) for answer in answers if answer]

    async def since(self, at: datetime, limit: int = 1_000) -> list[Line]:
        """Entries from ``at`` on, oldest first."""
        start = int(at.timestamp() * 1000)
        answer = await self._wire.command("XRANGE", self._keys.journal, start, "+", "COUNT", limit)
        return [_line(item) for item in answer]

    async def walk(self, at: datetime) -> AsyncIterator[list[Line]]:
        """Every entry from ``at`` on, oldest first, by the page: so long a journal as one likes."""
        start = str(int(at.timestamp() * 1000))
        while True:
            answer = await self._wire.command(
                "XRANGE", self._keys.journal, start, "+", "COUNT", _PAGE
            )
            lines = [_line(item) for item in answer]
            if lines:
                yield lines
                start = f"({lines[-1].id}"
            if len(lines) < _PAGE:
                return

    async def texts(self, ids: Iterable[str]) -> dict[str, dict[str, str]]:
        """The personal texts of these entries, by entry id and name; erased ones are not there."""
        wanted = list(ids)
        if not wanted:
            return {}
        answers = await self._wire.command("HMGET", self._keys.texts, *wanted)
        return {
            entry_id: {name: text for name, (_salt, text) in read_texts(packed).items()}
            for entry_id, packed in zip(wanted, answers, strict=True)
            if packed is not None
        }

    async def counted(self, spans: Sequence[Span], now: datetime) -> list[Counts]:
        """What was counted in each of these spans, cell by cell, in one round trip: a look at each
        bucket that one of them is made of."""
        made_of = [list(buckets(span, now)) for span in spans]
        names = list(dict.fromkeys(name for each in made_of for name in each))
        cells, *answers = await self._wire.commands(
            ("HGETALL", self._keys.cells),
            *(("HGETALL", self._keys.figures(name)) for name in names),
        )
        numbered = {number: read_cell(name.decode()) for name, number in cells.items()}
        found = dict(zip(names, answers, strict=True))
        known: dict[bytes, tuple[Cell, str]] = {}
        return [_summed([found[name] for name in each], numbered, known) for each in made_of]

    async def _entries(self, after: str, upto: str, count: int) -> list[tuple[str, bytes]]:
        answer = await self._wire.command(
            "XRANGE", self._keys.journal, f"({after}", upto, "COUNT", count
        )
        return [(entry_id.decode(), fields[b"e"]) for entry_id, fields in answer]


def _line(item: tuple[bytes, Mapping[bytes, bytes]]) -> Line:
    return Line(item[0].decode(), read_entry(item[1][b"e"]))


def _summed(
    answers: Sequence[Mapping[bytes, bytes]],
    numbered: Mapping[bytes, Cell],
    known: dict[bytes, tuple[Cell, str]],
) -> Mapping[Cell, Mapping[str, int]]:
    """Sums over buckets. ``known`` are the fields that were read before: each is read once, for
    there are the same few in every bucket."""
    raw: dict[bytes, int] = defaultdict(int)
    for answer in answers:
        for field, number in answer.items():
            raw[field] += int(number)
    sums: dict[Cell, dict[str, int]] = defaultdict(dict)
    for field, total in raw.items():
        read = known.get(field)
        if read is None:
            cell, _, figure = field.partition(b":")
            read = known[field] = (numbered[cell], figure.decode())
        sums[read[0]][read[1]] = total
    return sums


def _split(
    page: list[Stored], done: int, vouched: tuple[int, bytes] | None
) -> Iterable[list[Stored]]:
    """The page in one piece, or in two where the vouched head lies within it."""
    cut = 0 if vouched is None else vouched[0] - done
    if 0 < cut < len(page):
        return (page[:cut], page[cut:])
    return (page,)
