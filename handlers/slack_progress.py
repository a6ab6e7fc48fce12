"""What a customer sees on their own message: one reaction, and one line in the thread."""

from __future__ import annotations

import asyncio
import logging
from collections import OrderedDict
from typing import Any

from slack_sdk.web.async_client import AsyncWebClient

from bot.domain import Place
from bot.ports import Progress
from handlers import slack_inert as inert
from handlers.slack_blocks import CardMessage
from handlers.slack_client import SlackIdentity, SlackLost, SlackRefused, call
from handlers.slack_messages import GONE, SlackMessages, payload

log = logging.getLogger("deskhand.slack")

STATUS_EVENT = "deskhand_status"
"""The metadata's event type of a status line."""

REACTIONS = {
    "working": "eyes",
    "done": "white_check_mark",
    "refused": "x",
    "unsure": "hourglass_flowing_sand",
}

_NO_MESSAGE = frozenset({"message_not_found", "thread_not_found", "bad_timestamp"})
_THREAD_PAGES = 5
_REMEMBERED = 2000


class SlackProgress:
    """Reactions and status lines. Errors are ``SlackFault``; doing it again is harmless."""

    def __init__(
        self, client: AsyncWebClient, identity: SlackIdentity, messages: SlackMessages
    ) -> None:
        self._client = client
        self._identity = identity
        self._messages = messages
        # Threads in which a line may stand whose answer was lost.
        self._doubtful: OrderedDict[str, None] = OrderedDict()

    async def react(self, origin: Place, now: Progress) -> None:
        """One reaction at a time: what was there goes before what is now comes."""
        ts = origin.message or origin.thread
        wanted = REACTIONS.get(now.reaction, "")
        if ts is None or now.was == now.reaction:
            return
        if now.was is None:
            others = set(REACTIONS.values())
        else:
            others = {REACTIONS.get(now.was, "")}
            if now.was == "":
                # A process that died between setting 👀 and saving so left one that nobody noted.
                others.add("eyes")
        for name in sorted(others - {wanted, ""}):
            pending = self._client.reactions_remove(channel=origin.place, timestamp=ts, name=name)
            await self._settled(pending, "no_reaction")
        if wanted:
            pending = self._client.reactions_add(channel=origin.place, timestamp=ts, name=wanted)
            await self._settled(pending, "already_reacted")

    async def show(self, origin: Place, now: Progress, line: Place | None) -> Place | None:
        """The status line with these words, edited in place; without words it goes."""
        words = now.line
        if line is None and (now.was is None or origin.key in self._doubtful):
            line = await self._find(origin)
        self._doubtful.pop(origin.key, None)
        if not words:
            if line is not None:
                await self._messages.delete(line)
            return None
        drawn = CardMessage(
            text=inert.escape(words),
            blocks=[{"type": "context", "elements": [inert.plain(words, 2000)]}],
            metadata={"event_type": STATUS_EVENT, "event_payload": {"ticket": origin.key}},
        )
        if line is not None:
            try:
                await self._messages.update(line, drawn)
            except SlackRefused as refused:
                if refused.code not in GONE:
                    raise
            else:
                return line
        root = origin.thread or origin.message
        thread = Place(surface="slack", place=origin.place, thread=root)
        try:
            return await self._messages.post(thread, drawn)
        except asyncio.CancelledError:
            self._doubt(origin)
            raise
        except SlackLost:
            self._doubt(origin)
            found = await self._find(origin)
            if found is None:
                raise
            self._doubtful.pop(origin.key, None)
            return found

    def _doubt(self, origin: Place) -> None:
        self._doubtful[origin.key] = None
        while len(self._doubtful) > _REMEMBERED:
            self._doubtful.popitem(last=False)

    async def _settled(self, pending: Any, normal: str) -> None:
        """Change a reaction. What is so already is well, and so is a message that is gone."""
        try:
            await call(pending)
        except SlackRefused as refused:
            if refused.code != normal and refused.code not in _NO_MESSAGE:
                # A reaction is an ornament: a missing scope must not stop the ticket.
                log.warning("a reaction was refused: %s", refused)

    async def _find(self, origin: Place) -> Place | None:
        root = origin.thread or origin.message
        us = await self._identity.us()
        async for message in self._messages.read(origin.place, root, pages=_THREAD_PAGES):
            if us.wrote(message) and payload(message, STATUS_EVENT).get("ticket") == origin.key:
                ts = str(message["ts"])
                return Place(surface="slack", place=origin.place, thread=root, message=ts)
        return None
