"""Messages in Slack: posting, changing, reading. Every error is a ``SlackFault``."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from typing import Any

from slack_sdk.web.async_client import AsyncWebClient

from bot.domain import Place
from bot.ports import MaybePosted, MessageGone, NotPosted, NotRead, SurfaceError
from handlers.slack_blocks import CardMessage
from handlers.slack_client import (
    CALL_SECONDS,
    SlackFault,
    SlackLimited,
    SlackLost,
    SlackNotReached,
    SlackRefused,
    call,
)
from handlers.slack_inert import is_user_id

GONE = frozenset({"message_not_found", "cant_update_message", "cant_delete_message"})
"""The message is not there, or not ours any more."""

_LATER = frozenset({"request_timeout", "team_added_to_org", "not_reached"})
"""Refusals that pass by themselves; of all others it is useless to ask again."""

_PAGE = 200


class SlackMessages:
    """The few calls that everything outbound is made of."""

    def __init__(self, client: AsyncWebClient) -> None:
        self._client = client

    async def post(self, place: Place, drawn: CardMessage, seconds: float = CALL_SECONDS) -> Place:
        """Post into a conversation, a thread, or (by a person's id) a direct conversation."""
        body = await call(
            self._client.chat_postMessage(
                channel=place.place,
                thread_ts=place.thread,
                text=drawn.text,
                blocks=drawn.blocks,
                metadata=drawn.metadata or None,
                # Nothing in a text is to become a mention, a link or a preview by itself.
                parse="none",
                link_names=False,
                unfurl_links=False,
                unfurl_media=False,
            ),
            seconds,
        )
        # A person's id as the channel comes back as that of the conversation with them.
        channel, ts = str(body.get("channel") or place.place), body.get("ts")
        if not isinstance(ts, str):
            raise SlackLost("an answer without the message's ts")
        return Place(surface="slack", place=channel, thread=place.thread, message=ts)

    async def whisper(self, place: Place, user: str, drawn: CardMessage) -> None:
        """Show to one person alone, in a conversation or thread that they are in."""
        await call(
            self._client.chat_postEphemeral(
                channel=place.place,
                user=user,
                thread_ts=place.thread,
                text=drawn.text,
                blocks=drawn.blocks,
                parse="none",
                link_names=False,
            )
        )

    async def update(self, message: Place, drawn: CardMessage) -> None:
        """Replace text, blocks and metadata of one of our own messages."""
        await call(
            self._client.chat_update(
                channel=message.place,
                ts=message.message or "",
                text=drawn.text,
                blocks=drawn.blocks,
                metadata=drawn.metadata or None,
                parse="none",
                link_names=False,
            )
        )

    async def delete(self, message: Place) -> None:
        """Delete one of our own messages; one that is gone is well."""
        pending = self._client.chat_delete(channel=message.place, ts=message.message or "")
        try:
            await call(pending)
        except SlackRefused as refused:
            if refused.code not in GONE:
                raise

    async def read(
        self,
        channel: str,
        thread: str | None,
        *,
        pages: int,
        seconds: float = CALL_SECONDS,
        more: Callable[[], None] | None = None,
    ) -> AsyncIterator[dict[str, Any]]:
        """A channel's messages, newest first, or a thread's, oldest first, with metadata: at most
        ``pages`` times 200 of them. ``seconds`` is for each page; ``more`` is called where there
        are more than these."""
        cursor: str | None = None
        for _ in range(pages):
            if thread is None:
                pending = self._client.conversations_history(
                    channel=channel, cursor=cursor, limit=_PAGE, include_all_metadata=True
                )
            else:
                pending = self._client.conversations_replies(
                    channel=channel,
                    ts=thread,
                    cursor=cursor,
                    limit=_PAGE,
                    include_all_metadata=True,
                )
            body = await call(pending, seconds)
            for message in body.get("messages") or ():
                if isinstance(message, dict) and isinstance(message.get("ts"), str):
                    yield message
            metadata = body.get("response_metadata")
            cursor = metadata.get("next_cursor") if isinstance(metadata, dict) else None
            if not cursor:
                return
        if more is not None:
            more()

    async def channel(self, place: str) -> str:
        """The id of a conversation; a person's is that of the direct one with them."""
        if not is_user_id(place):
            return place
        body = await call(self._client.conversations_open(users=place))
        channel = body.get("channel")
        return str(channel["id"]) if isinstance(channel, dict) and channel.get("id") else place

    async def permalink(self, message: Place) -> str | None:
        """The address of a message."""
        if message.message is None:
            return None
        body = await call(
            self._client.chat_getPermalink(channel=message.place, message_ts=message.message)
        )
        return str(body["permalink"]) if body.get("permalink") else None


def payload(message: dict[str, Any], event_type: str) -> dict[str, Any]:
    """What metadata of this type says; empty where there is none."""
    metadata = message.get("metadata")
    if not isinstance(metadata, dict) or metadata.get("event_type") != event_type:
        return {}
    found = metadata.get("event_payload")
    return found if isinstance(found, dict) else {}


def surface_error(fault: SlackFault) -> SurfaceError:
    """What a call that posts or changes a message came to, in the words of the port."""
    match fault:
        case SlackLimited():
            return NotPosted(str(fault), final=False, retry_after_seconds=fault.retry_after_seconds)
        case SlackNotReached():
            return NotPosted(f"Slack cannot be reached: {fault}", final=False)
        case SlackRefused() if fault.code in GONE:
            return MessageGone(str(fault))
        case SlackRefused():
            return NotPosted(str(fault), final=fault.code not in _LATER)
        case _:
            return MaybePosted(str(fault))


def read_error(fault: SlackFault) -> NotRead:
    """What a call that only reads came to, in the words of the port: it may always be repeated."""
    match fault:
        case SlackLimited():
            return NotRead(str(fault), final=False, retry_after_seconds=fault.retry_after_seconds)
        case SlackRefused():
            return NotRead(str(fault), final=fault.code not in _LATER)
        case _:
            return NotRead(str(fault), final=False)
