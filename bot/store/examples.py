"""What approvals teach: the newest examples of each playbook."""

from __future__ import annotations

import json
from collections.abc import Sequence

from bot.journal import Entry
from bot.ports import Lesson
from bot.store.codec import pack_bytes, unpack_bytes
from bot.store.entries import KeyList
from bot.store.keys import Keys
from bot.store.wire import Argument, Wire
from tools.spec import MEMORY, SimilarTicket, same_memory

KEPT = 5_000
"""Examples kept of one playbook; beyond, the oldest goes."""
FORGOTTEN = "!"
"""Among a playbook's ids: how often an example was erased."""
_PAGE = 1_000


def lesson_arguments(keys: Keys, listed: KeyList, lesson: Lesson | None) -> list[Argument]:
    """The arguments of ``learn`` (``learn.lua``): the example is kept as its playbook's newest."""
    if lesson is None:
        return [0]
    example = vars(lesson.example) | {"ticket": lesson.ticket}
    packed = pack_bytes(json.dumps(example, separators=(",", ":")).encode())
    learnt = listed.number(keys.learnt(lesson.playbook))
    return [learnt, listed.number(keys.learnt_ids(lesson.playbook)), lesson.ticket, packed, KEPT]


async def examples(
    wire: Wire, keys: Keys, playbook: str, since: int
) -> tuple[int, Sequence[SimilarTicket]]:
    """Examples learnt after ``since``, oldest first, and the cursor to go on from.

    A cursor of another memory (``tools.spec.same_memory``): something was erased since, and these
    are all that is left.
    """
    forgotten = int(await wire.command("HGET", keys.learnt_ids(playbook), FORGOTTEN) or 0)
    memory = forgotten * MEMORY
    since = since - memory if same_memory(since, memory) else 0
    found: list[SimilarTicket] = []
    while True:
        page = await wire.command(
            "XRANGE", keys.learnt(playbook), f"({since}-1", "+", "COUNT", _PAGE
        )
        for entry_id, fields in page:
            since = int(entry_id.partition(b"-")[0])
            found.append(_read(fields[b"x"]))
        if len(page) < _PAGE:
            return memory + since, found


def shown_member(ticket_id: str, to: str) -> str:
    """The member of ``belongs`` that says that a run of ``to`` was shown this ticket's example."""
    return f"s{ticket_id}:{to}"


async def note_shown(wire: Wire, keys: Keys, entries: Sequence[Entry]) -> tuple[Entry, ...]:
    """Note, before they are written, whose examples these entries' texts repeat, so that erasing
    finds them; the entries, without the texts of those whose example was erased meanwhile."""
    shown = [tuple(map(str, _list(entry.data.get("examples")))) for entry in entries]
    members: list[Argument] = []
    for entry, tickets in zip(entries, shown, strict=True):
        for one in tickets if entry.ticket else ():
            members += (0, shown_member(one, str(entry.ticket)))
    if not members:
        return tuple(entries)
    await wire.command("ZADD", keys.belongs, *members)
    checked = []
    for entry, tickets in zip(entries, shown, strict=True):
        if tickets and await wire.command("EXISTS", *map(keys.gone, tickets)):
            entry = entry.model_copy(update={"texts": {}})
        checked.append(entry)
    return tuple(checked)


def _list(value: object) -> Sequence[object]:
    return value if isinstance(value, list) else ()


def _read(packed: bytes) -> SimilarTicket:
    given = json.loads(unpack_bytes(packed))
    return SimilarTicket(**{**given, "labels": tuple(given["labels"])})
