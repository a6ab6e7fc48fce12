"""Names for people who stand somewhere by their id alone. They are shown and decide nothing.

A directory may be a network away, so a page or a card asks for all its names at once, waits for a
moment only, and goes on with ids where nobody has answered by then.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import replace
from typing import Final

from bot.card import CardView, Who, Words
from bot.domain import Actor, SurfaceName
from bot.ports import Directory, LookUpFailed
from handlers.recent import Monotonic

_KEPT_SECONDS: Final = 600.0
_WAIT_SECONDS: Final = 0.25
_MOST: Final = 5_000
_AT_ONCE: Final = 40
_SURFACES: Final[tuple[SurfaceName, ...]] = ("slack", "teams", "webhook", "terminal", "console")


class Names:
    """The names of one process, by actor, for ten minutes each."""

    def __init__(
        self,
        directories: Mapping[SurfaceName, Directory],
        clock: Monotonic,
        heard_of: Callable[[Actor], Awaitable[str | None]] | None = None,
    ) -> None:
        """``heard_of``: what somebody is called, where their directory does not say."""
        self._directories = directories
        self._clock = clock
        self._heard_of = heard_of
        self._known: dict[str, tuple[float, str]] = {}
        self._asking: dict[str, asyncio.Task[None]] = {}

    async def learn(self, keys: Iterable[str | None]) -> None:
        """Look these actors (``slack:T0TEAM:U0AGENT``) up, as far as that is soon done."""
        now = self._clock.monotonic()
        for key in list(dict.fromkeys(key for key in keys if key))[:_AT_ONCE]:
            known = self._known.get(key)
            if (known is None or known[0] < now) and key not in self._asking:
                asked = asyncio.create_task(self._ask(key), name="deskhand-name")
                self._asking[key] = asked
                asked.add_done_callback(lambda _, key=key: self._asking.pop(key, None))  # type: ignore[misc]  # mypy cannot infer a lambda's default
        if self._asking:
            await asyncio.wait(set(self._asking.values()), timeout=_WAIT_SECONDS)

    def of(self, key: str | None) -> str:
        """The name as far as it is known; else the id."""
        if not key:
            return ""
        known = self._known.get(key)
        return known[1] if known is not None else key.rpartition(":")[2] or key

    async def put(self, words: Words) -> Words:
        """``words`` with names for those who stand in it by their id."""
        people = _unnamed(words)
        await self.learn(who.actor.key for who in people)
        return tuple(
            Who(part.actor, self.of(part.actor.key))
            if isinstance(part, Who) and part in people
            else part
            for part in words
        )

    async def on(self, card: CardView) -> CardView:
        """The card with names for them."""
        who = card.handoff.who if card.handoff is not None else ()
        if not any(map(_unnamed, (who, *card.notices))):
            return card
        await self.learn(one.actor.key for words in (who, *card.notices) for one in _unnamed(words))
        handoff = card.handoff and replace(card.handoff, who=await self.put(who))
        notices = [await self.put(words) for words in card.notices]
        return replace(card, handoff=handoff, notices=tuple(notices))

    async def _ask(self, key: str) -> None:
        surface, _, rest = key.partition(":")
        team, _, ident = rest.partition(":")
        named = next((one for one in _SURFACES if one == surface), None)
        directory = self._directories.get(named) if named else None
        name = ident
        if directory is not None and named is not None:
            actor = Actor(surface=named, team=team, id=ident)
            try:
                name = (await directory.person(actor)).name or ident
            except LookUpFailed:
                heard = await self._heard_of(actor) if self._heard_of is not None else None
                if heard is None:
                    return  # asked again by the next page
                name = heard
        if len(self._known) >= _MOST:
            self._known.clear()
        self._known[key] = (self._clock.monotonic() + _KEPT_SECONDS, name or key)


def _unnamed(words: Words) -> list[Who]:
    return [part for part in words if isinstance(part, Who) and part.name == part.actor.id]
