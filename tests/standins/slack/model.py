"""What lies in the stand-in's workspace: people, channels, messages, views.

Messages and views are frozen: an update replaces them, so a snapshot that a test holds
stays what a person saw at that moment (a stale button is a click on an old snapshot).
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

JsonObject = dict[str, Any]


class SlackError(Exception):
    """An `ok: false` answer; `code` is Slack's documented error."""

    def __init__(self, code: str, **extra: object) -> None:
        super().__init__(code)
        self.code = code
        self.extra: JsonObject = dict(extra)


@dataclass
class User:
    """A person or bot. Flags as in docs.slack.dev/reference/objects/user-object."""

    id: str
    name: str
    real_name: str
    email: str | None = None
    team_id: str = "T0TEAM"
    deleted: bool = False
    is_bot: bool = False
    is_restricted: bool = False
    is_ultra_restricted: bool = False
    is_stranger: bool = False
    is_admin: bool = False
    tz: str = "Europe/Berlin"

    def as_json(self, *, with_email: bool = True) -> JsonObject:
        profile: JsonObject = {
            "real_name": self.real_name,
            "display_name": self.name,
            "real_name_normalized": self.real_name,
            "team": self.team_id,
        }
        if with_email and self.email is not None:
            profile["email"] = self.email
        user: JsonObject = {
            "id": self.id,
            "team_id": self.team_id,
            "name": self.name,
            "deleted": self.deleted,
            "profile": profile,
            "is_bot": self.is_bot,
            "is_app_user": False,
        }
        if not self.deleted:
            user |= {
                "real_name": self.real_name,
                "tz": self.tz,
                "tz_offset": 3600,
                "is_admin": self.is_admin,
                "is_owner": False,
                "is_restricted": self.is_restricted,
                "is_ultra_restricted": self.is_ultra_restricted,
            }
        # Slack sends is_stranger only for people of other workspaces.
        if self.is_stranger:
            user["is_stranger"] = True
        return user


@dataclass
class Channel:
    """A conversation: public, private, shared with another workspace, or direct (`is_im`)."""

    id: str
    name: str
    members: set[str] = field(default_factory=set)
    is_private: bool = False
    is_ext_shared: bool = False
    is_archived: bool = False
    is_im: bool = False

    def as_json(self, bot_user: str) -> JsonObject:
        base: JsonObject = {
            "id": self.id,
            "is_im": self.is_im,
            "is_archived": self.is_archived,
            "created": 1700000000,
            "context_team_id": "T0TEAM",
        }
        if self.is_im:
            return base | {"user": next(iter(self.members - {bot_user}), bot_user)}
        return base | {
            "name": self.name,
            "name_normalized": self.name,
            "is_channel": not self.is_private,
            "is_group": self.is_private,
            "is_mpim": False,
            "is_private": self.is_private,
            "is_member": bot_user in self.members,
            "is_ext_shared": self.is_ext_shared,
            "is_shared": self.is_ext_shared,
            "is_org_shared": False,
            "is_general": False,
        }


@dataclass
class UserGroup:
    id: str
    handle: str
    users: list[str] = field(default_factory=list)
    disabled: bool = False


def texts_in(value: object) -> Iterator[str]:
    """Every text a reader sees in blocks, in order."""
    if isinstance(value, list):
        for item in value:
            yield from texts_in(item)
    elif isinstance(value, dict):
        for key, item in value.items():
            if key in ("text", "alt_text", "url", "name") and isinstance(item, str):
                yield item
            elif key != "value":
                yield from texts_in(item)


def elements_in(blocks: list[JsonObject]) -> Iterator[tuple[JsonObject, JsonObject]]:
    """Every (block, element) that may carry an action_id."""
    for block in blocks:
        for raw in (
            *(block.get("elements") or []),
            *(block.get("actions") or []),
            block.get("accessory"),
            block.get("element"),
        ):
            if isinstance(raw, dict) and "action_id" in raw:
                yield block, raw
        yield from elements_in([b for b in block.get("child_blocks") or [] if isinstance(b, dict)])


class _HasBlocks:
    """What tests ask of anything that shows blocks."""

    blocks: list[JsonObject]

    @property
    def action_ids(self) -> list[str]:
        """The action ids shown, in order."""
        return [element["action_id"] for _block, element in elements_in(self.blocks)]

    def element(
        self, action_id: str, *, block_id: str | None = None
    ) -> tuple[JsonObject, JsonObject]:
        """(block, element) of an action id. Raises LookupError when it is not shown."""
        for block, element in elements_in(self.blocks):
            if element["action_id"] == action_id and block_id in (None, block.get("block_id")):
                return block, element
        raise LookupError(f"{action_id!r} is not shown, only {self.action_ids}")

    @property
    def block_text(self) -> str:
        """All texts in the blocks, a line each."""
        return "\n".join(texts_in(self.blocks))


@dataclass(frozen=True)
class Message(_HasBlocks):
    """One revision of a message. `revision` counts from 0 and grows with each update."""

    channel: str
    ts: str
    user: str
    text: str
    team: str = "T0TEAM"
    blocks: list[JsonObject] = field(default_factory=list)
    attachments: list[JsonObject] = field(default_factory=list)
    metadata: JsonObject | None = None
    bot_id: str | None = None
    app_id: str | None = None
    thread_ts: str | None = None
    subtype: str | None = None
    files: list[JsonObject] = field(default_factory=list)
    edited: JsonObject | None = None
    reactions: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    unfurl_links: bool | None = None
    unfurl_media: bool | None = None
    revision: int = 0
    deleted: bool = False

    @property
    def is_reply(self) -> bool:
        return self.thread_ts is not None and self.thread_ts != self.ts

    @property
    def payload(self) -> JsonObject:
        """The metadata's event_payload; empty without metadata."""
        found = (self.metadata or {}).get("event_payload")
        return found if isinstance(found, dict) else {}

    @property
    def event_type(self) -> str | None:
        """The metadata's event_type."""
        return (self.metadata or {}).get("event_type")

    @property
    def card_state(self) -> str | None:
        """`state` in the metadata of a Deskhand card."""
        return self.payload.get("state")

    def as_json(self, *, with_metadata: bool = False, reply_count: int = 0) -> JsonObject:
        """As Slack shows it in history, events and interaction payloads."""
        shown: JsonObject = {
            "type": "message",
            "user": self.user,
            "ts": self.ts,
            "text": self.text,
            "team": self.team,
        }
        optional: JsonObject = {
            "subtype": self.subtype,
            "bot_id": self.bot_id,
            "app_id": self.app_id,
            "thread_ts": self.thread_ts,
            "edited": self.edited,
            "blocks": self.blocks,
            "attachments": self.attachments,
            "files": self.files,
            "metadata": self.metadata if with_metadata else None,
            "reactions": [
                {"name": name, "users": list(users), "count": len(users)}
                for name, users in self.reactions.items()
                if users
            ],
        }
        shown |= {name: value for name, value in optional.items() if value}
        if reply_count:
            shown |= {"thread_ts": self.ts, "reply_count": reply_count}
        return shown


@dataclass(frozen=True)
class Ephemeral(_HasBlocks):
    """A message that one person sees until they reload."""

    channel: str
    user: str
    ts: str
    text: str
    via: Literal["chat.postEphemeral", "response_url", "command"]
    """Which way it came: the method, a response_url, or the body of a command's answer."""
    blocks: list[JsonObject] = field(default_factory=list)
    thread_ts: str | None = None
    replace_original: bool | None = None
    """As sent; None when absent."""
    delete_original: bool = False
    response_type: str = "ephemeral"
    """`ephemeral`, or `in_channel` for everyone to see."""


@dataclass(frozen=True)
class View(_HasBlocks):
    """One revision of a modal or App Home view."""

    id: str
    user: str
    kind: Literal["modal", "home"]
    """`modal` (views.open, views.push) or `home` (views.publish)."""
    payload: JsonObject
    blocks: list[JsonObject]
    hash: str
    root_view_id: str
    previous_view_id: str | None = None
    is_open: bool = True
    revision: int = 0
    errors: Mapping[str, str] = field(default_factory=dict)
    """Shown at fields since the last submission (response_action `errors`)."""

    @property
    def callback_id(self) -> str:
        return str(self.payload.get("callback_id", ""))

    @property
    def private_metadata(self) -> str:
        return str(self.payload.get("private_metadata", ""))

    def block(self, block_id: str) -> JsonObject:
        """The block of this id. Raises LookupError when it is not shown."""
        for block in self.blocks:
            if block.get("block_id") == block_id:
                return block
        raise LookupError(f"no block {block_id!r}, only {[b.get('block_id') for b in self.blocks]}")


@dataclass(frozen=True)
class Reaction:
    channel: str
    ts: str
    name: str
    user: str
    added: bool


@dataclass
class Trigger:
    """A trigger_id: usable once, within 3 seconds (interactivity/handling-user-interaction)."""

    user: str
    expires_at: float
    view_id: str | None = None
    used: bool = False


@dataclass
class ResponseUrl:
    """A response_url: 5 uses within 30 minutes (interactivity/handling-user-interaction)."""

    user: str
    channel: str
    expires_at: float
    message_ts: str | None = None
    uses: int = 0
