"""What waits for a person, put right: proposals that a release before this one has left uncounted.

The counts are kept by the step that changes a proposal. One that was saved by a release that did
not keep them, last before an upgrade or by a replica that is not upgraded yet, stands wrong there
until its next change. Saving it once more as it is puts it right; doing so again changes nothing.
"""

from __future__ import annotations

from typing import Protocol

from bot.domain import WAITING_STATES, Proposal
from bot.ports import Commit, Conflict, Versioned
from bot.store.keys import Keys
from bot.store.wire import Wire

_AT_ONCE = 500


class Proposals(Protocol):
    """The part of the store that is needed here."""

    async def proposal(self, proposal_id: str) -> Versioned[Proposal] | None: ...

    async def commit(self, change: Commit) -> object: ...


async def count_anew(wire: Wire, keys: Keys, store: Proposals) -> int:
    """Compare what is counted with what waits; how many stood wrong. Raises ``StoreUnavailable``.

    What stands right is only looked at, hundreds at a time."""
    counted = {name.decode() for name in await wire.command("HKEYS", keys.opened)}
    waits = set[str]()
    for playbook in await wire.command("SMEMBERS", keys.playbooks):
        listed, start = keys.waiting(playbook.decode()), 0
        while page := await wire.command("ZRANGE", listed, start, start + _AT_ONCE - 1):
            waits.update(name.decode() for name in page)
            start += _AT_ONCE
    wrong = 0
    # In the list there are failed and unknown ones besides, which are not counted as waiting.
    for proposal_id in sorted(waits ^ counted):
        found = await store.proposal(proposal_id)
        if found is None or (found.value.state in WAITING_STATES) == (proposal_id in counted):
            continue
        # Whoever was faster has counted it with their own change.
        saved = await store.commit(Commit(proposals=(found,)))
        wrong += not isinstance(saved, Conflict)
    return wrong
