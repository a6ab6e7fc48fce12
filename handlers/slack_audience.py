"""Who would read what is shared to a channel."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any, Final

from slack_sdk.web.async_client import AsyncWebClient

from bot.domain import Actor
from bot.ports import LookUpFailed
from handlers.slack_client import SlackFault, SlackLost, SlackRefused, call
from handlers.slack_people import SlackPeople

_ASK_SECONDS: Final = 3.0
_ASKED_ONE_BY_ONE: Final = 40
"""Members of a channel up to which each is looked up, and remembered for ten minutes."""
_PAGE: Final = 200
_MOST_PAGES: Final = 100
_FOR: Final = "Figures are for the members of this workspace"
_UNSEEN: Final = frozenset({"channel_not_found", "not_in_channel", "missing_scope"})


async def why_not_shared(client: AsyncWebClient, channel: str | None) -> str | None:
    """Why figures may not be shown in ``channel``, as a sentence; None: they may.

    Another organisation's people would read them where the channel is shared with it. What cannot
    be found out is a reason, too. Guests of our own workspace are told of before the button is
    pressed (``slack_figures.share_button``)."""
    try:
        body = await call(client.conversations_info(channel=channel or ""), _ASK_SECONDS)
    except SlackRefused as refused:
        if refused.code in _UNSEEN:
            return (
                f"{_FOR}, and I cannot see whether others share this channel. Invite me to it, and"
                " share again."
            )
        return _not_told()
    except SlackFault:
        return _not_told()
    info = body.get("channel")
    if not isinstance(info, dict):
        return _not_told()
    if _is_shared(info):
        return f"{_FOR}, and another organisation shares this channel. Nothing was shared."
    return None


async def has_guests(client: AsyncWebClient, people: SlackPeople, channel: str) -> bool:
    """Whether guests, or people of other organisations, read this channel. Raises a ``SlackFault``.

    Each member of a small channel is asked for; a large one is compared with the whole directory.
    Whoever cannot be told to be a full member of ours counts as a guest."""
    body = await call(client.conversations_info(channel=channel), _ASK_SECONDS)
    info = body.get("channel")
    if not isinstance(info, dict):
        raise SlackLost("an answer without the channel")
    if _is_shared(info):
        return True
    members: list[str] = []
    async for page in _pages(client.conversations_members, "members", channel=channel):
        members += [str(one) for one in page]
    if len(members) > _ASKED_ONE_BY_ONE:
        try:
            return not (await _ours(client, people)).issuperset(members)
        except SlackRefused:
            return True
    found = await asyncio.gather(*(_is_guest(people, one) for one in members))
    return any(found)


async def _is_guest(people: SlackPeople, user: str) -> bool:
    try:
        person = await people.named(Actor(surface="slack", team="", id=user))
    except LookUpFailed:
        return True
    return person.standing in ("guest", "external")


async def _ours(client: AsyncWebClient, people: SlackPeople) -> set[str]:
    """Everybody who is no guest, bots and those who have left included."""
    found: set[str] = set()
    async for page in _pages(client.users_list, "members"):
        for user in page:
            if isinstance(user, dict) and await people.is_ours(user):
                found.add(str(user.get("id")))
    return found


async def _pages(ask: Any, key: str, **arguments: str) -> AsyncIterator[list[Any]]:
    """Every page of a list. Raises a ``SlackFault``, also for one without an end."""
    cursor = ""
    for _ in range(_MOST_PAGES):
        body = await call(ask(limit=_PAGE, cursor=cursor, **arguments), _ASK_SECONDS)
        page = body.get(key)
        yield page if isinstance(page, list) else []
        metadata = body.get("response_metadata")
        cursor = (metadata.get("next_cursor") or "") if isinstance(metadata, dict) else ""
        if not cursor:
            return
    raise SlackLost(f"more than {_MOST_PAGES} pages")


def _is_shared(info: dict[str, Any]) -> bool:
    names = ("is_ext_shared", "is_shared", "is_pending_ext_shared")
    return any(info.get(name) for name in names)


def _not_told() -> str:
    return f"{_FOR}, and Slack did not say whether others share this channel. Please try again."
