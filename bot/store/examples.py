"""What approvals teach: the newest examples of each playbook."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict

from bot.store.codec import pack_bytes, unpack_bytes
from bot.store.keys import Keys
from bot.store.scripts import LEARN
from bot.store.wire import Wire
from tools.spec import SimilarTicket

KEPT = 5_000
"""Examples kept of one playbook; beyond, the oldest goes."""
_PAGE = 1_000


async def learn(wire: Wire, keys: Keys, playbook: str, ticket: str, example: SimilarTicket) -> None:
    """Keep ``example`` as the newest; an earlier one of the same ticket goes."""
    packed = pack_bytes(json.dumps(asdict(example), separators=(",", ":")).encode())
    await wire.run(
        LEARN, (keys.learnt(playbook), keys.learnt_ids(playbook)), (ticket, packed, KEPT)
    )


async def examples(
    wire: Wire, keys: Keys, playbook: str, since: int
) -> tuple[int, Sequence[SimilarTicket]]:
    """Examples learnt after ``since``, oldest first, and the cursor to go on from."""
    found: list[SimilarTicket] = []
    while True:
        page = await wire.command(
            "XRANGE", keys.learnt(playbook), f"({since}-1", "+", "COUNT", _PAGE
        )
        for entry_id, fields in page:
            since = int(entry_id.partition(b"-")[0])
            found.append(_read(fields[b"x"]))
        if len(page) < _PAGE:
            return since, found


def _read(packed: bytes) -> SimilarTicket:
    given = json.loads(unpack_bytes(packed))
    return SimilarTicket(**{**given, "labels": tuple(given["labels"])})
