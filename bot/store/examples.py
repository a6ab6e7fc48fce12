"""What approvals teach: the newest examples of each playbook."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict

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
    packed = pack_bytes(json.dumps(asdict(lesson.example), separators=(",", ":")).encode())
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


def _read(packed: bytes) -> SimilarTicket:
    given = json.loads(unpack_bytes(packed))
    return SimilarTicket(**{**given, "labels": tuple(given["labels"])})
