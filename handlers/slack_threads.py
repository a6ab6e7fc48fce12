"""A Slack thread for somebody who asks about it, if they may read it at that moment.

What a bot can read says nothing of what a person can: their own access is looked up each time, and
whatever cannot be found out refuses, in the same words whether the conversation exists or not.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Callable, Mapping
from datetime import UTC, datetime
from typing import Any, Final
from urllib.parse import parse_qs, urlsplit

from slack_sdk.web.async_client import AsyncWebClient

from bot.domain import Actor, Place
from bot.ports import LookUpFailed
from bot.ports.conversations import Conversation, NotShown, Said
from handlers.slack_client import SlackFault, SlackIdentity, Us, call
from handlers.slack_inert import one_line
from handlers.slack_messages import SlackMessages
from handlers.slack_people import SlackPeople
from handlers.slack_text import files_of, plain

REFUSED: Final = NotShown(
    "I cannot show you that conversation: it does not exist, you cannot read it, I cannot, or "
    "Slack did not say."
)
UNREADABLE: Final = NotShown(
    "I could not read that conversation. Invite me to the channel if I am not in it, and ask again."
)

_PAGES: Final = 15
_MEMBER_PAGES: Final = 20
_MEMBERS_A_PAGE: Final = 1000
_LOOK_SECONDS: Final = 3.0
_SHARED: Final = ("is_shared", "is_ext_shared", "is_org_shared", "is_pending_ext_shared")
_CLOSED: Final = ("is_private", "is_group", "is_im", "is_mpim")
_WORDS: Final = frozenset({None, "file_share", "thread_broadcast", "me_message", "bot_message"})
"""Subtypes of messages that say something; the others tell that something happened."""
_PERMALINK: Final = re.compile(r"/archives/([A-Z0-9]+)/p(\d{10})(\d{6})/?\Z")
_TS: Final = re.compile(r"\d{10}\.\d{6}\Z")
_MENTION: Final = re.compile(r"<@([UW][A-Z0-9]+)(?:\|[^<>]*)?>")


class SlackThreads:
    """``bot.ports.conversations.Threads`` for one workspace."""

    def __init__(
        self, client: AsyncWebClient, identity: SlackIdentity, people: SlackPeople
    ) -> None:
        self._client = client
        self._identity = identity
        self._people = people
        self._messages = SlackMessages(client)

    async def locate(self, link: str) -> Place | NotShown | None:
        """Form: https://docs.slack.dev/reference/methods/chat.getPermalink."""
        try:
            parts = urlsplit(link)
        except ValueError:  # no address at all, as https://[x is none
            return None
        found = _PERMALINK.search(parts.path)
        if found is None or parts.scheme != "https":
            return None
        try:
            us = await self._identity.us(_LOOK_SECONDS)
        except SlackFault:
            return REFUSED
        ts = f"{found[2]}.{found[3]}"
        root = parse_qs(parts.query).get("thread_ts", [ts])[0]
        ours = parts.netloc == urlsplit(us.url).netloc and parts.path == found[0]
        if not ours or not _TS.fullmatch(root):
            return REFUSED
        return Place(surface="slack", place=found[1], thread=root, message=ts)

    async def read(
        self, asker: Actor, place: Place, *, without: str | None = None
    ) -> Conversation | NotShown:
        root = place.thread or place.message
        try:
            if root is None or not await self._may_read(asker, place.place):
                return REFUSED
        except (LookUpFailed, SlackFault):
            return REFUSED
        longer: list[bool] = []
        try:
            us = await self._identity.us()
            # By id: Slack may say a thread's first message again on each page.
            found = {
                one["ts"]: one
                async for one in self._thread(place.place, root, lambda: longer.append(True))
            }
        except SlackFault:
            return UNREADABLE
        kept = [one for ts, one in found.items() if ts != without and _says(one, us)]
        names = await self._names(kept, us.team)
        said = tuple(_said(one, place.place, us, names) for one in kept)
        return Conversation(
            title="a Slack thread",
            said=tuple(one for one in said if one.text or one.files),
            names=frozenset(names.values()),
            notes=(f"not read: what follows the first {len(found)} messages",) if longer else (),
        )

    # --- who may read it ----------------------------------------------------------------------

    async def _may_read(self, asker: Actor, channel: str) -> bool:
        """Raises ``LookUpFailed`` or a ``SlackFault`` where that cannot be found out."""
        if asker.surface != "slack":
            return False
        person = await self._people.person(asker)
        if person.standing in ("bot", "deleted"):
            return False
        pending = self._client.conversations_info(channel=channel)
        info = (await call(pending, _LOOK_SECONDS)).get("channel")
        if not isinstance(info, dict) or info.get("id") != channel:
            return False
        closed = any(info.get(name) for name in (*_CLOSED, *_SHARED))
        if person.standing == "member" and info.get("is_channel") is True and not closed:
            return True
        async for member in self._members(channel):
            if member == asker.id:
                return True
        return False

    async def _members(self, channel: str) -> AsyncIterator[str]:
        cursor: str | None = None
        for _ in range(_MEMBER_PAGES):
            pending = self._client.conversations_members(
                channel=channel, cursor=cursor, limit=_MEMBERS_A_PAGE
            )
            body = await call(pending, _LOOK_SECONDS)
            for member in body.get("members") or ():
                yield str(member)
            metadata = body.get("response_metadata")
            cursor = metadata.get("next_cursor") if isinstance(metadata, dict) else None
            if not cursor:
                return

    # --- what stands in it --------------------------------------------------------------------

    async def _thread(
        self, channel: str, root: str, more: Callable[[], None]
    ) -> AsyncIterator[dict[str, Any]]:
        """The messages from the root on; ``more`` is called where there are others. A reply's own
        address may not name its root; Slack then gives the reply alone, which names it."""
        first = True
        async for message in self._messages.read(channel, root, pages=_PAGES, more=more):
            above = message.get("thread_ts")
            if first and isinstance(above, str) and above != root:
                async for other in self._messages.read(channel, above, pages=_PAGES, more=more):
                    yield other
                return
            first = False
            yield message

    async def _names(self, messages: list[dict[str, Any]], team: str) -> dict[str, str]:
        """Everybody who speaks or is mentioned, by id. Whom Slack does not name goes by their id:
        a name decides nothing."""
        users = {str(one["user"]) for one in messages if one.get("user") and not one.get("bot_id")}
        for one in messages:
            users.update(_MENTION.findall(str(one.get("text") or "")))

        async def name(user: str) -> str:
            try:
                known = await self._people.named(Actor(surface="slack", team=team, id=user))
            except LookUpFailed:
                return user
            return one_line(known.name) or user

        listed = sorted(users)
        return dict(zip(listed, await asyncio.gather(*map(name, listed)), strict=True))


def _says(message: Mapping[str, Any], us: Us) -> bool:
    """Whether somebody says something with it: a person, or another app."""
    return message.get("subtype") in _WORDS and not us.wrote(dict(message))


def _said(message: dict[str, Any], channel: str, us: Us, names: Mapping[str, str]) -> Said:
    ts, thread = str(message["ts"]), message.get("thread_ts")
    text = message.get("text")
    if isinstance(text, str):
        # Ids mean nothing to who reads; a name that looks like markup is none by now.
        named = _MENTION.sub(lambda found: "@" + _plainly(names.get(found[1], found[1])), text)
        message = {**message, "text": named}
    return Said(
        link=us.permalink(channel, ts, thread if isinstance(thread, str) else None) or "",
        author=_author(message, names),
        text=plain(message).strip(),
        at=datetime.fromtimestamp(float(ts), UTC),
        files=files_of(message),
    )


def _author(message: Mapping[str, Any], names: Mapping[str, str]) -> str:
    user = str(message.get("user") or "")
    if user in names and not message.get("bot_id"):
        return names[user]
    profile = message.get("bot_profile")
    given = profile.get("name") if isinstance(profile, dict) else None
    return one_line(str(given or message.get("username") or "")) or "an app"


def _plainly(name: str) -> str:
    return name.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
