"""Slack's Web API methods on the workspace: reading people, channels and histories.

Errors are those listed on each method's page under docs.slack.dev/reference/methods.
"""

import base64
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

from tests.standins.slack.model import JsonObject, Message, SlackError
from tests.standins.slack.state import Workspace

TokenKind = Literal["bot", "app"]


@dataclass
class Call:
    """One Web API request, parsed: `args` have JSON strings of form bodies decoded."""

    space: Workspace
    method: str
    args: JsonObject
    base_url: str
    refused_blocks: frozenset[str] = field(default_factory=frozenset)

    def text(self, name: str, *, default: str | None = None) -> str:
        """A required string argument, or `default`. Raises invalid_arguments."""
        value = self.args.get(name, default)
        if value is None or value == "":
            if default is not None:
                return default
            raise SlackError(
                "invalid_arguments",
                response_metadata={"messages": [f"[ERROR] missing required field: {name}"]},
            )
        if isinstance(value, bool) or not isinstance(value, str | int | float):
            raise SlackError("invalid_arguments")
        return str(value)

    def flag(self, name: str) -> bool:
        """A boolean argument: JSON true, or 1/true/t in a form."""
        return self.args.get(name) in (True, 1, "1", "true", "True", "t")

    def whole(self, name: str, default: int, high: int) -> int:
        try:
            value = int(self.args.get(name, default) or default)
        except (TypeError, ValueError):
            raise SlackError("invalid_arguments") from None
        if value < 1:
            raise SlackError("invalid_limit")
        return min(value, high)


Method = Callable[[Call], JsonObject]


@dataclass(frozen=True)
class Entry:
    """A method with the bot scopes of which one is needed, and its tier's calls a minute."""

    run: Method
    scopes: tuple[str, ...] = ()
    per_minute: int = 50
    token: TokenKind = "bot"


def page(items: list[JsonObject], call: Call, default: int = 100) -> tuple[list[JsonObject], str]:
    """One page and the next cursor (empty at the end); apis/web-api/pagination."""
    limit = call.whole("limit", default, 999)
    cursor = call.args.get("cursor")
    start = 0
    if cursor:
        try:
            start = int(base64.b64decode(str(cursor), validate=True).decode().removeprefix("at:"))
        except (ValueError, UnicodeDecodeError):
            raise SlackError("invalid_cursor") from None
    more = start + limit < len(items)
    following = base64.b64encode(f"at:{start + limit}".encode()).decode() if more else ""
    return items[start : start + limit], following


# ---- identity, people, groups --------------------------------------------------------


def auth_test(call: Call) -> JsonObject:
    space = call.space
    return {
        "url": f"https://{space.team_domain}.slack.com/",
        "team": "Deskhand Test",
        "user": "deskhand",
        "team_id": space.team_id,
        "user_id": space.bot_user,
        "bot_id": space.bot_id,
        "is_enterprise_install": False,
    }


def users_info(call: Call) -> JsonObject:
    return {"user": call.space.user(call.text("user")).as_json()}


def users_list(call: Call) -> JsonObject:
    members = [user.as_json() for user in call.space.users.values()]
    shown, cursor = page(members, call)
    return {"members": shown, "response_metadata": {"next_cursor": cursor}}


def users_lookup_by_email(call: Call) -> JsonObject:
    email = call.text("email").lower()
    for user in call.space.users.values():
        if user.email and user.email.lower() == email and not user.deleted:
            return {"user": user.as_json()}
    raise SlackError("users_not_found")


def usergroups_users_list(call: Call) -> JsonObject:
    group = call.space.groups.get(call.text("usergroup"))
    if group is None:
        raise SlackError("no_such_subteam")
    if group.disabled and not call.flag("include_disabled"):
        raise SlackError("no_such_subteam")
    return {"users": list(group.users)}


def usergroups_list(call: Call) -> JsonObject:
    return {
        "usergroups": [
            {"id": group.id, "handle": group.handle, "users": list(group.users)}
            for group in call.space.groups.values()
            if not group.disabled
        ]
    }


def bots_info(call: Call) -> JsonObject:
    space = call.space
    if call.text("bot") != space.bot_id:
        raise SlackError("bot_not_found")
    return {
        "bot": {
            "id": space.bot_id,
            "name": "deskhand",
            "app_id": space.app_id,
            "user_id": space.bot_user,
            "deleted": False,
        }
    }


def team_info(call: Call) -> JsonObject:
    space = call.space
    return {"team": {"id": space.team_id, "name": "Deskhand Test", "domain": space.team_domain}}


# ---- conversations -------------------------------------------------------------------


def conversations_info(call: Call) -> JsonObject:
    channel = call.space.visible_channel(call.text("channel"))
    return {"channel": channel.as_json(call.space.bot_user)}


def conversations_list(call: Call) -> JsonObject:
    space = call.space
    kinds = str(call.args.get("types") or "public_channel").split(",")
    seen = [
        channel.as_json(space.bot_user)
        for channel in space.channels.values()
        if (channel.is_im and "im" in kinds)
        or (channel.is_private and "private_channel" in kinds and space.bot_user in channel.members)
        or (not channel.is_im and not channel.is_private and "public_channel" in kinds)
    ]
    shown, cursor = page(seen, call)
    return {"channels": shown, "response_metadata": {"next_cursor": cursor}}


def conversations_members(call: Call) -> JsonObject:
    channel = call.space.visible_channel(call.text("channel"))
    members: list[JsonObject] = [{"id": member} for member in sorted(channel.members)]
    shown, cursor = page(members, call)
    return {
        "members": [member["id"] for member in shown],
        "response_metadata": {"next_cursor": cursor},
    }


def conversations_open(call: Call) -> JsonObject:
    users = [one for one in str(call.args.get("users") or "").split(",") if one]
    if not users:
        channel = call.space.visible_channel(call.text("channel"))
    elif len(users) > 1:
        # A conversation of several people is another kind (mpim) that Deskhand never opens.
        raise SlackError("not_enough_users")
    else:
        if users[0] == call.space.bot_user:
            raise SlackError("cannot_dm_bot")
        channel = call.space.direct_channel(users[0])
    return {"channel": {"id": channel.id}}


def conversations_join(call: Call) -> JsonObject:
    channel = call.space.visible_channel(call.text("channel"))
    if channel.is_private or channel.is_im:
        raise SlackError("method_not_supported_for_channel_type")
    channel.members.add(call.space.bot_user)
    return {"channel": channel.as_json(call.space.bot_user)}


def _shown(message: Message, call: Call) -> JsonObject:
    replies = 0
    if not message.is_reply:
        replies = len(call.space.thread(message.channel, message.ts)) - 1
    # Metadata is left out unless asked for (conversations.history, include_all_metadata).
    return message.as_json(with_metadata=call.flag("include_all_metadata"), reply_count=replies)


def _in_window(message: Message, call: Call) -> bool:
    oldest, latest = call.args.get("oldest"), call.args.get("latest")
    inclusive = call.flag("inclusive")
    ts = float(message.ts)
    if oldest and (ts < float(oldest) or (not inclusive and message.ts == str(oldest))):
        return False
    return not (latest and (ts > float(latest) or (not inclusive and message.ts == str(latest))))


def conversations_history(call: Call) -> JsonObject:
    channel = call.space.joined_channel(call.text("channel"))
    listed = [
        message
        for message in reversed(call.space.messages[channel.id].values())
        if (not message.is_reply or message.subtype == "thread_broadcast")
        and _in_window(message, call)
    ]
    shown, cursor = page([{"ts": message.ts} for message in listed], call)
    held = call.space.messages[channel.id]
    return {
        "messages": [_shown(held[one["ts"]], call) for one in shown],
        "has_more": bool(cursor),
        "pin_count": 0,
        "response_metadata": {"next_cursor": cursor},
    }


def conversations_replies(call: Call) -> JsonObject:
    channel = call.space.joined_channel(call.text("channel"))
    ts = call.text("ts")
    if ts not in call.space.messages[channel.id]:
        raise SlackError("thread_not_found")
    listed = [
        message
        for message in call.space.thread(channel.id, ts)
        if message.ts == ts or _in_window(message, call)
    ]
    shown, cursor = page([{"ts": message.ts} for message in listed], call, default=1000)
    held = call.space.messages[channel.id]
    return {
        "messages": [_shown(held[one["ts"]], call) for one in shown],
        "has_more": bool(cursor),
        "response_metadata": {"next_cursor": cursor},
    }


READING: dict[str, Entry] = {
    "auth.test": Entry(auth_test, per_minute=600),
    "bots.info": Entry(bots_info, ("users:read",), 50),
    "conversations.history": Entry(
        conversations_history, ("channels:history", "groups:history", "im:history"), 50
    ),
    "conversations.info": Entry(
        conversations_info, ("channels:read", "groups:read", "im:read"), 50
    ),
    "conversations.join": Entry(conversations_join, ("channels:join",), 50),
    "conversations.list": Entry(
        conversations_list, ("channels:read", "groups:read", "im:read"), 20
    ),
    "conversations.members": Entry(
        conversations_members, ("channels:read", "groups:read", "im:read"), 100
    ),
    "conversations.open": Entry(conversations_open, ("im:write",), 50),
    "conversations.replies": Entry(
        conversations_replies, ("channels:history", "groups:history", "im:history"), 50
    ),
    "team.info": Entry(team_info, ("team:read",), 50),
    "usergroups.list": Entry(usergroups_list, ("usergroups:read",), 20),
    "usergroups.users.list": Entry(usergroups_users_list, ("usergroups:read",), 20),
    "users.info": Entry(users_info, ("users:read",), 100),
    "users.list": Entry(users_list, ("users:read",), 20),
    "users.lookupByEmail": Entry(users_lookup_by_email, ("users:read.email",), 50),
}
