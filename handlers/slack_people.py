"""Slack's directory: who somebody is at this moment, and whether they are in a user group."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Sequence
from typing import Any, Literal

from slack_sdk.web.async_client import AsyncWebClient

from bot.domain import Actor, Person
from bot.ports import LookUpFailed
from handlers.recent import Monotonic, Recent
from handlers.slack_client import SlackFault, SlackIdentity, SlackRefused, call
from handlers.slack_inert import one_line

PERSON_SECONDS = 4.0
"""An answer is used this long, counted from when it was asked for: under the 5 s allowed, so that
the decision it leads to still falls within them."""
GROUP_SECONDS = 50.0
"""The same for a user group: under the 60 s allowed."""
LOOK_UP_SECONDS = 1.5
"""A look-up that takes longer has failed: a click has three seconds in all."""
_NAME_SECONDS = 600.0
"""Names in a thread that a model reads may be this old; they decide nothing."""

Standing = Literal["member", "guest", "external", "bot", "deleted"]


class SlackPeople:
    """``bot.ports.Directory`` for Slack. Whatever it cannot find out, it does not vouch for."""

    def __init__(self, client: AsyncWebClient, identity: SlackIdentity, clock: Monotonic) -> None:
        self._client = client
        self._identity = identity
        self._persons: Recent[Person] = Recent(PERSON_SECONDS, clock)
        self._groups: Recent[frozenset[str]] = Recent(GROUP_SECONDS, clock)
        self._names: Recent[Person] = Recent(_NAME_SECONDS, clock)

    async def person(self, actor: Actor) -> Person:
        """No answer older than 5 s. Raises ``LookUpFailed``."""
        return await self._persons.get(actor.key, lambda: self._look_up(actor))

    async def named(self, actor: Actor) -> Person:
        """The same for showing a name only: up to ten minutes old. Raises ``LookUpFailed``."""
        return await self._names.get(actor.key, lambda: self.person(actor))

    async def in_groups(self, actor: Actor, groups: Sequence[str]) -> bool:
        """Whether they are in any of ``groups``, no answer older than 60 s.

        One group that says yes is enough. Raises ``LookUpFailed`` when none does and one of them
        could not be asked."""
        asked = [self._groups.get(group, lambda group=group: self._members(group))  # type: ignore[misc]  # mypy cannot infer a lambda's default
                 for group in dict.fromkeys(groups)]  # fmt: skip
        found = await asyncio.gather(*asked, return_exceptions=True)
        if any(isinstance(one, frozenset) and actor.id in one for one in found):
            return True
        for one in found:
            if isinstance(one, BaseException):
                raise one
        return False

    async def is_ours(self, user: dict[str, Any]) -> bool:
        """Whether a user, as ``users.list`` has them, is no guest and of this workspace."""
        us = await self._identity.us()
        standing = _standing(Actor(surface="slack", team="", id=str(user.get("id"))), user, us.team)
        return standing not in ("guest", "external")

    async def members(self, groups: Collection[str]) -> frozenset[str]:
        """The people of these user groups now. Raises ``LookUpFailed``."""
        found = [await self._members(group) for group in dict.fromkeys(groups)]
        return frozenset().union(*found)

    async def _look_up(self, actor: Actor) -> Person:
        try:
            async with asyncio.timeout(LOOK_UP_SECONDS):
                us = await self._identity.us()
                body = await call(self._client.users_info(user=actor.id), LOOK_UP_SECONDS)
        except (SlackFault, TimeoutError) as fault:
            raise LookUpFailed(f"Slack did not say who {actor.id} is: {fault}") from fault
        user = body.get("user")
        if not isinstance(user, dict) or user.get("id") != actor.id:
            raise LookUpFailed(f"Slack answered about {actor.id} with something else")
        profile = user.get("profile")
        return _person(actor, user, profile if isinstance(profile, dict) else {}, us.team)

    async def _members(self, group: str) -> frozenset[str]:
        try:
            pending = self._client.usergroups_users_list(usergroup=group)
            body = await call(pending, LOOK_UP_SECONDS)
        except SlackRefused as refused:
            if refused.code == "no_such_subteam":
                # Deleted or switched off: nobody is in it.
                return frozenset()
            raise LookUpFailed(f"Slack refused the members of {group}: {refused}") from refused
        except SlackFault as fault:
            raise LookUpFailed(f"Slack did not say who is in {group}: {fault}") from fault
        users = body.get("users")
        if not isinstance(users, list):
            raise LookUpFailed(f"Slack answered about {group} with something else")
        return frozenset(str(user) for user in users)


def _person(actor: Actor, user: dict[str, Any], profile: dict[str, Any], team: str) -> Person:
    names = (
        profile.get("real_name"),
        user.get("real_name"),
        profile.get("display_name"),
        user.get("name"),
    )
    name = next((shown for one in names if one and (shown := one_line(str(one)))), actor.id)
    email = profile.get("email")
    return Person(
        actor=actor,
        name=name,
        email=str(email) if email else None,
        standing=_standing(actor, user, team),
    )


def _standing(actor: Actor, user: dict[str, Any], team: str) -> Standing:
    """Fails closed: somebody whose team Slack does not name is not one of ours."""
    if user.get("deleted"):
        return "deleted"
    if user.get("is_bot") or actor.id == "USLACKBOT":
        return "bot"
    # In an Enterprise organisation a member's own team may be another workspace of it.
    grid = user.get("enterprise_user")
    teams = grid.get("teams") if isinstance(grid, dict) else None
    ours = user.get("team_id") == team or (isinstance(teams, list) and team in teams)
    if user.get("is_stranger") or not team or not ours or actor.team not in ("", team):
        return "external"
    if user.get("is_restricted") or user.get("is_ultra_restricted"):
        return "guest"
    return "member"
