"""robots.txt (RFC 9309), read once an hour for each origin."""

from __future__ import annotations

import asyncio
import re
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from protego import Protego

from bot.ports import Clock
from tools.research.fetch.exchange import Response
from tools.research.fetch.urls import Failed, Refused, Target

AGENT = "Deskhand"
KEPT_SECONDS = 3_600.0
LONGEST = 500 * 1_024
"""Bytes that are read of it; RFC 9309 asks for this many."""

_KEPT = 500
_VERSION = re.compile(r"(?im)^([ \t]*user[- ]?agent[ \t]*:[ \t]*[a-z_-]+)/[^\r\n#]*")
"""What follows our token where somebody has copied it from a log, as ``Deskhand/1.0``."""
_NOTHING = "User-agent: *\nDisallow: /"

Get = Callable[[Target], Awaitable[Response]]


@dataclass(frozen=True)
class Rules:
    """What one origin allows."""

    parsed: Protego

    def allows(self, target: Target) -> bool:
        return bool(self.parsed.can_fetch(target.url, AGENT))

    @property
    def delay(self) -> float:
        return float(self.parsed.crawl_delay(AGENT) or 0.0)


@dataclass
class _Shelf:
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    rules: Rules | None = None
    read_at: float = 0.0


class Robots:
    """The rules of the origins that were asked lately."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._shelves: OrderedDict[str, _Shelf] = OrderedDict()

    async def rules(self, target: Target, get: Get) -> Rules:
        """Those of the target's origin; ``get`` fetches robots.txt there.

        404 and its like allow all. An answer that is an error or does not come allows nothing.
        Raises ``Failed`` where nobody is there at all, ``Refused`` where nobody may be asked."""
        shelf = self._shelves.setdefault(target.origin, _Shelf())
        self._shelves.move_to_end(target.origin)
        while len(self._shelves) > _KEPT:
            self._shelves.popitem(last=False)
        async with shelf.lock:
            now = self._clock.monotonic()
            if shelf.rules is not None and now - shelf.read_at < KEPT_SECONDS:
                return shelf.rules
            rules, keep = await self._read(target, get)
            if keep:
                shelf.rules, shelf.read_at = rules, self._clock.monotonic()
            return rules

    async def _read(self, target: Target, get: Get) -> tuple[Rules, bool]:
        place = Target(target.scheme, target.host, target.port, "/robots.txt")
        try:
            answer = await get(place)
        except Failed as fault:
            if not fault.connected:
                raise
            return Rules(Protego.parse(_NOTHING)), False
        except Refused as refused:
            if refused.url == place.url and refused.reason in ("private_address", "port"):
                raise  # it is the origin itself that may not be asked
            return Rules(Protego.parse(_NOTHING)), False
        if answer.status == 200:
            text = _VERSION.sub(r"\1", answer.body[:LONGEST].decode("utf-8-sig", "replace"))
            return Rules(await asyncio.to_thread(Protego.parse, text)), True
        if 400 <= answer.status < 500 and answer.status != 429:
            return Rules(Protego.parse("")), True
        return Rules(Protego.parse(_NOTHING)), False
