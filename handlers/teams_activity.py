"""An activity from Teams, read strictly into frozen types at the edge.

What is named here has its type or the whole is refused; what is not named is never looked at.
botbuilder's own reader takes a number for a ``type`` and raises on a broken entity, so it is not
asked.
Shapes: the Bot Framework activity schema, and learn.microsoft.com, *Conversation basics*.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from typing import Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic.alias_generators import to_camel

from bot.plain_text import clean
from bot.ports.references import ConversationKind
from handlers.guard import Refused

TEXT_BYTES: Final = 28 * 1024
"""A longer text is cut, never refused."""
_OF_THREAD: Final = ";messageid="
_AT = re.compile(r"<at[^>]{0,200}>(.{0,300}?)</at>", re.DOTALL)
_CARDS = ("application/vnd.microsoft.card.", "text/html")


class _In(BaseModel):
    model_config = ConfigDict(
        frozen=True, extra="ignore", strict=True, alias_generator=to_camel, populate_by_name=True
    )


class Account(_In):
    """A person or a bot. ``id`` is Teams' (``29:…``, ``28:…``), the other the directory's."""

    id: str = ""
    name: str | None = None
    aad_object_id: str | None = None
    tenant_id: str | None = None


class ConversationAccount(_In):
    id: str = Field(min_length=1, max_length=1000)
    conversation_type: str | None = None
    tenant_id: str | None = None
    is_group: bool | None = None


class Named(_In):
    """A tenant, team or channel by its id."""

    id: str | None = None


class ChannelNamed(Named):
    """A channel."""

    type: str | None = None
    """``standard``, ``private`` or ``shared``; some clients do not say."""


class ChannelData(_In):
    tenant: Named | None = None
    team: Named | None = None
    channel: ChannelNamed | None = None
    event_type: str | None = None


class Attachment(_In):
    content_type: str | None = None
    name: str | None = None


class Entity(_In):
    type: str | None = None
    mentioned: Account | None = None
    text: str | None = None
    platform: str | None = None
    """Of a ``clientInfo``: where the person writes."""


class Activity(_In):
    """One activity. Everything but the first three may be missing."""

    type: str = Field(min_length=1, max_length=100)
    id: str = Field(min_length=1, max_length=1000)
    conversation: ConversationAccount
    sender: Account | None = Field(None, alias="from")
    recipient: Account | None = None
    service_url: str | None = None
    text: str | None = None
    reply_to_id: str | None = None
    name: str | None = None
    action: str | None = None
    value: Any = None
    channel_data: ChannelData | None = None
    entities: tuple[Entity, ...] | None = Field(None, strict=False)
    attachments: tuple[Attachment, ...] | None = Field(None, strict=False)
    members_added: tuple[Account, ...] | None = Field(None, strict=False)
    members_removed: tuple[Account, ...] | None = Field(None, strict=False)

    @property
    def tenant(self) -> str:
        """The organisation of the conversation, as Teams names it; empty where it does not."""
        named = (
            self.channel_data.tenant.id if self.channel_data and self.channel_data.tenant else ""
        )
        return (named or self.conversation.tenant_id or "").lower()

    @property
    def place(self) -> str:
        """The conversation's id without its thread."""
        return self.conversation.id.partition(_OF_THREAD)[0]

    @property
    def root(self) -> str | None:
        """The thread's first message, in a channel."""
        return self.conversation.id.partition(_OF_THREAD)[2] or None

    @property
    def kind(self) -> ConversationKind:
        named = self.conversation.conversation_type
        if named == "channel" or self.root or (self.channel_data and self.channel_data.channel):
            return "channel"
        # What Teams names otherwise, somebody else may be reading.
        if named == "personal" or (named is None and not self.conversation.is_group):
            return "personal"
        return "group"

    @property
    def shared(self) -> bool | None:
        """Whether other teams, of other organisations too, read this channel; None: not said."""
        channel = self.channel_data.channel if self.channel_data is not None else None
        return None if channel is None or channel.type is None else channel.type == "shared"

    @property
    def in_thread(self) -> bool:
        """Whether it answers in a channel's thread, or may: some clients give an activity another
        id than its message."""
        if self.kind != "channel" or self.root is None:
            return False
        return self.reply_to_id is not None or self.root != self.id

    @property
    def team(self) -> str:
        return (self.channel_data and self.channel_data.team and self.channel_data.team.id) or ""

    @property
    def event(self) -> str:
        return (self.channel_data and self.channel_data.event_type) or ""

    @property
    def bot(self) -> str:
        """Our own id in this conversation."""
        return self.recipient.id if self.recipient is not None else ""

    @property
    def oid(self) -> str | None:
        """The sender's object id, in small letters; None for a bot, or nobody."""
        sender = self.sender
        if sender is None or not sender.aad_object_id or not sender.id:
            return None
        if sender.id.startswith("28:") or sender.id == self.bot:
            return None
        return sender.aad_object_id.lower()

    @property
    def mentions_us(self) -> bool:
        return any(self._is_us(entity) for entity in self.entities or ())

    @property
    def words(self) -> str:
        """What was written, without the mention of the bot; others are named. Cut at 28 KB."""
        text = (self.text or "")[: 2 * TEXT_BYTES]
        for entity in self.entities or ():
            if self._is_us(entity) and entity.text:
                text = text.replace(entity.text, " ")
        # Some clients write the blank after a mention as HTML does, though the text is none.
        text = _AT.sub(r"\1", text).replace("&nbsp;", " ").replace("\xa0", " ")
        text = clean(text).strip()
        raw = text.encode("utf-8", "replace")
        return text if len(raw) <= TEXT_BYTES else raw[:TEXT_BYTES].decode("utf-8", "ignore")

    @property
    def files(self) -> tuple[str, ...]:
        """Names of what came with it; an HTML copy of the text and cards are no files."""
        return tuple(
            one.name or "a file without a name"
            for one in self.attachments or ()
            if not (one.content_type or "").startswith(_CARDS)
        )

    @property
    def fingerprint(self) -> str:
        """Tells one edit of a message from another."""
        return hashlib.sha256((self.text or "").encode("utf-8", "replace")).hexdigest()[:16]

    def _is_us(self, entity: Entity) -> bool:
        return (
            entity.type == "mention"
            and entity.mentioned is not None
            and bool(self.bot)
            and entity.mentioned.id == self.bot
        )


def read_activity(body: Mapping[str, Any]) -> Activity:
    """The activity in a body. Raises ``Refused(400)``."""
    try:
        return Activity.model_validate(body)
    except ValidationError as wrong:
        first = wrong.errors(include_input=False, include_url=False)[0]
        where = ".".join(str(step) for step in first["loc"])
        raise Refused(400, f"{where}: {first['msg']}") from wrong


class AdaptiveAction(_In):
    """``value.action`` of an ``adaptiveCard/action``."""

    type: str | None = None
    verb: str = ""
    data: Any = None


class AdaptiveValue(_In):
    action: AdaptiveAction


class MessageUser(_In):
    id: str | None = None
    display_name: str | None = None


class MessageFrom(_In):
    user: MessageUser | None = None


class MessageBody(_In):
    content_type: Literal["html", "text"] | None = None
    content: str | None = None


class MessagePayload(_In):
    """The message that a message action was used on."""

    id: str = Field(min_length=1, max_length=1000)
    reply_to_id: str | None = None
    body: MessageBody | None = None
    sender: MessageFrom | None = Field(None, alias="from")


class SubmitValue(_In):
    """``value`` of a ``composeExtension/submitAction``."""

    command_id: str | None = None
    message_payload: MessagePayload | None = None
