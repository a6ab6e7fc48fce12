"""Deliveries: saved before they are answered, each once."""

from __future__ import annotations

from collections.abc import Sequence

from bot.domain import Delivery
from bot.ports import Arrival, Wake
from bot.store import wakes
from bot.store.codec import BRIEFLY, pack, unpack
from bot.store.keys import Keys
from bot.store.scripts import ACCEPT
from bot.store.wire import Wire

SEEN_SECONDS = 7 * 24 * 3600
"""How long an id is known: as long as anybody sends the same delivery again."""


async def accept(
    wire: Wire, keys: Keys, delivery: Delivery, now_ms: int, token: str | None = None
) -> bool:
    """Save ``delivery``, its ids as seen, and its wake, in one step; False: one id is known.

    With ``token`` its job is taken up in the same step. A delivery whose answer was lost is saved
    all the same, and known when it is sent again.
    """
    seen = {keys.seen(one): None for one in (delivery.id, *delivery.aliases)}
    lease = wakes.leased(now_ms)
    arguments = (
        delivery.id,
        pack(delivery, BRIEFLY),
        wakes.member(Wake("deliver", delivery.id)),
        wakes.told(now_ms) if token is None else lease,
        SEEN_SECONDS,
        "" if token is None else f"{lease} {token}",
    )
    return bool(await wire.run_safely(ACCEPT, (keys.inbox, keys.due, keys.held, *seen), arguments))


async def delivery(wire: Wire, keys: Keys, delivery_id: str) -> Delivery | None:
    """A delivery that is not done yet."""
    packed = await wire.command("HGET", keys.inbox, delivery_id)
    return None if packed is None else unpack(Delivery, packed)


async def arrived(wire: Wire, keys: Keys, names: Sequence[str]) -> Arrival:
    """How far the deliveries of these ids or aliases are: the least of them."""
    if not names:
        return "unseen"
    seen = await wire.command("MGET", *(keys.seen(name) for name in names))
    # An id's own key is empty; an alias's holds the id.
    ids = [
        name if not found else found.decode()
        for name, found in zip(names, seen, strict=True)
        if found is not None
    ]
    waiting = await wire.commands(*(("HEXISTS", keys.inbox, one) for one in ids)) if ids else []
    if any(waiting):
        return "waiting"
    return "done" if len(ids) == len(names) else "unseen"


async def alias_of(wire: Wire, keys: Keys, name: str) -> str | None:
    """The delivery by whose alias ``name`` is known."""
    found = await wire.command("GET", keys.seen(name))
    return found.decode() if found else None
