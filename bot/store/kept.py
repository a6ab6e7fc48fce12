"""What the figures may yet take back of entries that are archived.

An action that is unknown today may turn out to have succeeded in a month. Its entry has then moved
to a file, and the figures are kept without files. So the few entries of a proposal that a later one
may take back (an approval, a failure, an unknown) stay here, without texts, until it is settled.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Collection, Sequence

from bot.journal import Stored
from bot.stats import may_go_back
from bot.store.entries import Line, read_entry
from bot.store.keys import Keys
from bot.store.wire import Wire

_UNSETTLED = (b"approved", b"executing", b"unknown", b"failed")
"""States in which what was counted may change."""
_PAGE = 500


async def keep(wire: Wire, keys: Keys, entries: Sequence[Stored]) -> None:
    """Keep what is needed of entries that are about to leave the store, and forget what no longer
    is. One at a time, as archiving is; doing it again changes nothing."""
    found: dict[str, dict[str, str]] = defaultdict(dict)
    for one in entries:
        entry = read_entry(one.raw)
        if entry.proposal and may_go_back(entry):
            found[entry.proposal][one.id] = one.raw.decode()
    before = {name.decode() for name in await wire.command("HKEYS", keys.kept)}
    unsettled = await _unsettled(wire, keys, before | found.keys())
    for proposal in sorted(unsettled & found.keys()):
        packed = await wire.command("HGET", keys.kept, proposal)
        lines = (json.loads(packed) if packed else {}) | found[proposal]
        await wire.command("HSET", keys.kept, proposal, json.dumps(lines, separators=(",", ":")))
    settled = sorted(before - unsettled)
    for at in range(0, len(settled), _PAGE):
        await wire.command("HDEL", keys.kept, *settled[at : at + _PAGE])


async def kept_of(wire: Wire, keys: Keys, proposal: str) -> list[Line]:
    """The archived entries of a proposal that may be taken back, oldest first."""
    packed = await wire.command("HGET", keys.kept, proposal)
    lines: dict[str, str] = json.loads(packed) if packed else {}
    return [Line(one, read_entry(raw.encode())) for one, raw in lines.items()]


async def _unsettled(wire: Wire, keys: Keys, proposals: Collection[str]) -> set[str]:
    names, found = sorted(proposals), set[str]()
    for at in range(0, len(names), _PAGE):
        page = names[at : at + _PAGE]
        # The state stands before the document (``bot.store.codec``): it need not be unpacked.
        heads = await wire.commands(*(("GETRANGE", keys.document(one), 0, 63) for one in page))
        for name, head in zip(page, heads, strict=True):
            _version, _, rest = head.partition(b" ")
            if rest.partition(b" ")[0] in _UNSETTLED:
                found.add(name)
    return found
