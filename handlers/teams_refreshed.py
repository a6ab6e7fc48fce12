"""Whose view of a card refreshes by itself, so that approvers see their buttons at first sight.

Nothing depends on it: whoever is left out presses *Decide*. So what Teams or Graph does not say in
time is done without.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Collection, Sequence
from typing import Final

from bot.playbook import Approvers
from bot.ports import LookUpFailed
from bot.ports.references import References
from handlers.recent import Monotonic, Recent
from handlers.teams_card import REFRESHED_FOR
from handlers.teams_connector import Thread
from handlers.teams_roster import Rosters

log = logging.getLogger("deskhand.teams")

GROUPS_SECONDS: Final = 600.0
"""For so long it is taken for known who is in a group."""
WAIT_SECONDS: Final = 2.0
"""A card waits no longer for that."""


class Refreshed:
    """The roster's ids of a card's approvers."""

    def __init__(
        self,
        rosters: Rosters,
        references: References,
        members: Callable[[Collection[str]], Awaitable[Collection[str]]],
        clock: Monotonic,
    ) -> None:
        """``members``: the people of groups, by object id. Raises ``LookUpFailed``."""
        self._rosters = rosters
        self._references = references
        self._members = members
        self._groups: Recent[Collection[str]] = Recent(GROUPS_SECONDS, clock)

    async def ids(self, approvers: Approvers, at: Thread) -> list[str]:
        """Of those who are there; where Teams does not say who is, of those the bot has heard of.
        Raises ``StoreUnavailable``."""
        named, groups = approvers.users("teams"), approvers.groups("teams")
        if not (named or groups):
            return []
        listed, in_groups = await asyncio.gather(self._rosters.known(at), self._in_groups(groups))
        who = list(dict.fromkeys((*named, *sorted(in_groups))))
        there = {one.oid: one.id for one in listed}
        if there:
            return [there[oid] for oid in who if there.get(oid)][:REFRESHED_FOR]
        found = await asyncio.gather(*(self._references.member(oid) for oid in who[:REFRESHED_FOR]))
        return [member.id for member in found if member is not None]

    async def _in_groups(self, groups: Sequence[str]) -> Collection[str]:
        if not groups:
            return ()

        async def ask() -> Collection[str]:
            try:
                return await self._members(groups)
            except LookUpFailed as failed:
                log.info("deskhand: a group's approvers press Decide: %s", failed)
                return ()

        try:
            async with asyncio.timeout(WAIT_SECONDS):
                return await self._groups.get("\n".join(sorted(groups)), ask)
        except TimeoutError:
            return ()
