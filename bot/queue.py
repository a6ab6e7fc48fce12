"""What waits for a person, looked through for one of them.

Whose a proposal is stands in an index beside it, so others' cards cost nothing however many there
are; only those that are shown are read. All of it is bounded, and the answer says where it was cut.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Final, Protocol

from bot.domain import Proposal, State
from bot.ports import Case, Queued, Versioned

LOOKED_THROUGH: Final = 10_000
"""Of what waits longest, so many are looked at."""
_READ: Final = 500
"""Of those whose route stands in no index, so many are read to know it."""
_AT_ONCE: Final = 25
_WAITS: Final[frozenset[State]] = frozenset({"pending", "handoff", "failed", "unknown"})

Theirs = Callable[[str, str], Awaitable[bool]]
"""Whether a playbook's route is one that is looked for."""


class QueueStore(Protocol):
    """The part of the store that is looked through."""

    async def queued(self, playbook: str | None = None, limit: int = 200) -> Sequence[Queued]: ...

    async def for_money(
        self, playbook: str | None = None, limit: int = 0
    ) -> tuple[int, Sequence[str]]:
        """How many runs wait for money, and the first ``limit`` of their proposals."""
        ...

    async def proposal(self, proposal_id: str) -> Versioned[Proposal] | None: ...

    async def case(self, proposal_id: str) -> Case | None: ...


@dataclass
class Looked:
    """What was found. ``cases`` are the oldest of ``total``; ``others`` are counted by playbook and
    route; ``whole``: everything was looked at, so that what is not here does not wait."""

    cases: list[Case] = field(default_factory=list)
    total: int = 0
    others: Counter[tuple[str, str]] = field(default_factory=Counter)
    whole: bool = True


def route_of(proposal: Proposal) -> tuple[str, str]:
    """Its playbook and route."""
    return proposal.playbook, proposal.content.route if proposal.content else "default"


async def look_through(
    store: QueueStore, theirs: Theirs, limit: int, playbook: str | None = None
) -> Looked:
    """What waits for a decision in their routes, oldest first. Raises ``StoreUnavailable``."""
    queued = await store.queued(playbook, LOOKED_THROUGH)
    untold = [one.proposal for one in queued if one.route is None]
    read = await _read(store, untold[:_READ])
    looked = Looked(whole=len(queued) < LOOKED_THROUGH and len(untold) <= _READ)
    is_theirs = _asked_once(theirs)
    mine: list[str] = []
    for one in queued:
        route = one.route
        if route is None:
            found = read.get(one.proposal)
            if found is None or found.state not in _WAITS:
                continue  # decided since the index was read, or beyond what is read
            route = route_of(found)
        if await is_theirs(*route):
            mine.append(one.proposal)
        else:
            looked.others[route] += 1
    looked.total = len(mine)
    for start in range(0, len(mine), _AT_ONCE):
        if len(looked.cases) >= limit:
            break
        for case in await asyncio.gather(*map(store.case, mine[start : start + _AT_ONCE])):
            if case is None or case.proposal.value.state not in _WAITS:
                looked.total -= 1  # decided since
            elif await is_theirs(*(route := route_of(case.proposal.value))):
                looked.cases.append(case)
            else:
                looked.total -= 1  # moved since
                looked.others[route] += 1
    del looked.cases[limit:]
    return looked


async def look_for_money(
    store: QueueStore, theirs: Theirs, limit: int, playbook: str | None = None
) -> Looked:
    """The same for what waits for money: its drafts, whose ``others`` are not counted."""
    total, ids = await store.for_money(playbook, _READ)
    looked = Looked(whole=total <= _READ)
    is_theirs = _asked_once(theirs)
    for start in range(0, len(ids), _AT_ONCE):
        if len(looked.cases) >= limit:
            break
        for case in await asyncio.gather(*map(store.case, ids[start : start + _AT_ONCE])):
            if case is None or case.proposal.value.run.unpaid is None:
                continue
            if await is_theirs(*route_of(case.proposal.value)):
                looked.cases.append(case)
    del looked.cases[limit:]
    looked.total = len(looked.cases)
    return looked


async def _read(store: QueueStore, ids: Sequence[str]) -> dict[str, Proposal]:
    read: dict[str, Proposal] = {}
    for start in range(0, len(ids), _AT_ONCE):
        for found in await asyncio.gather(*map(store.proposal, ids[start : start + _AT_ONCE])):
            if found is not None:
                read[found.value.id] = found.value
    return read


def _asked_once(theirs: Theirs) -> Theirs:
    known: dict[tuple[str, str], bool] = {}

    async def is_theirs(playbook: str, route: str) -> bool:
        if (playbook, route) not in known:
            known[playbook, route] = await theirs(playbook, route)
        return known[playbook, route]

    return is_theirs
