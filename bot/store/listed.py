"""Lists of proposals, oldest first: what waits for a person, for money, or was never answered."""

from __future__ import annotations

from collections.abc import Callable

from bot.ports import Queued
from bot.stats.dims import UNKNOWN, read_cell
from bot.store.keys import Keys
from bot.store.wire import Argument, Wire


async def waiting(wire: Wire, keys: Keys, playbook: str | None, limit: int) -> list[str]:
    """Ids of proposals that wait for a person, those waiting longest first."""
    return (await _oldest(wire, keys, keys.waiting, playbook, limit))[1]


async def queued(wire: Wire, keys: Keys, playbook: str | None, limit: int) -> list[Queued]:
    """The same with their routes, from the index that the figures are counted by: no proposal is
    read. It holds pending ones and handoffs; the route of another is None."""
    ids = await waiting(wire, keys, playbook, limit)
    if not ids:
        return []
    cells, places = await wire.commands(("HGETALL", keys.cells), ("HMGET", keys.opened, *ids))
    named = {number: read_cell(cell.decode()) for cell, number in cells.items()}
    found = []
    for some_id, place in zip(ids, places, strict=True):
        cell = named.get(place.partition(b":")[0]) if place is not None else None
        if cell is None:
            found.append(Queued(some_id, None))
        else:
            route = "default" if cell.route == UNKNOWN else cell.route
            found.append(Queued(some_id, (cell.playbook, route)))
    return found


async def unanswered(
    wire: Wire, keys: Keys, playbook: str | None, limit: int
) -> tuple[int, list[str]]:
    """How many proposals expired with nobody's decision, and the first ``limit`` of them."""
    return await _oldest(wire, keys, keys.unanswered, playbook, limit)


async def for_money(
    wire: Wire, keys: Keys, playbook: str | None, limit: int
) -> tuple[int, list[str]]:
    """How many runs wait for money, and the first ``limit`` of their proposals, oldest first."""
    return await _oldest(wire, keys, keys.for_money, playbook, limit)


async def _oldest(
    wire: Wire, keys: Keys, key_of: Callable[[str], str], playbook: str | None, limit: int
) -> tuple[int, list[str]]:
    """How many stand in a playbook's list, or in all of them, and the first ``limit`` ids."""
    if playbook is None:
        names = sorted(name.decode() for name in await wire.command("SMEMBERS", keys.playbooks))
    else:
        names = [playbook]
    lists = [key_of(name) for name in names]
    if not lists:
        return 0, []
    commands: list[tuple[Argument, ...]] = [("ZCARD", key) for key in lists]
    if limit > 0:
        commands += [("ZRANGE", key, 0, limit - 1, "WITHSCORES") for key in lists]
    answers = await wire.commands(*commands)
    found = [
        (float(answer[at + 1]), answer[at].decode())
        for answer in answers[len(lists) :]
        for at in range(0, len(answer), 2)
    ]
    return sum(answers[: len(lists)]), [some_id for _, some_id in sorted(found)[:limit]]
