"""The stand-in's workspace: what Slack keeps, and the rules it enforces on changes."""

import itertools
import secrets
from collections.abc import Callable
from dataclasses import replace

from tests.standins.slack.model import (
    Channel,
    Ephemeral,
    JsonObject,
    Message,
    Reaction,
    ResponseUrl,
    SlackError,
    Trigger,
    User,
    UserGroup,
    View,
)
from tests.standins.wire import Clock, Feed, Signal

TRIGGER_LIFE_S = 3.0  # "expires 3 seconds after"; interactivity/handling-user-interaction
RESPONSE_URL_LIFE_S = 1800.0  # "up to 5 times within 30 minutes"; same page
RESPONSE_URL_USES = 5
VIEW_STACK_MAX = 3  # views.push, push_limit_reached: "Currently the limit is 3"


class Workspace:
    """One team with its people, channels, messages, views and what was shown to whom.

    The feeds (`posted`, `updated`, ...) hold everything of their kind since the start and
    can be waited on; `messages` is the state now.
    """

    def __init__(self, *, clock: Clock, signal: Signal) -> None:
        self.clock = clock
        self.signal = signal
        self.team_id = "T0TEAM"
        self.team_domain = "deskhand-test"
        self.app_id = "A0DESKHAND"
        self.bot_id = "B0DESKHAND"
        self.bot_user = "U0DESKHAND"
        self.users: dict[str, User] = {}
        self.channels: dict[str, Channel] = {}
        self.groups: dict[str, UserGroup] = {}
        self.messages: dict[str, dict[str, Message]] = {}
        self.views: dict[str, View] = {}
        self.triggers: dict[str, Trigger] = {}
        self.response_urls: dict[str, ResponseUrl] = {}
        self._replies: dict[tuple[str, str], list[str]] = {}
        self.thread_status: dict[tuple[str, str], str] = {}
        self.posted: Feed[Message] = Feed("posted", signal)
        self.updated: Feed[Message] = Feed("updated", signal)
        self.deleted: Feed[Message] = Feed("deleted", signal)
        self.ephemerals: Feed[Ephemeral] = Feed("ephemerals", signal)
        self.reactions: Feed[Reaction] = Feed("reactions", signal)
        self.view_changes: Feed[View] = Feed("view_changes", signal)
        self._numbers = itertools.count(1)
        self._last_us = 0

    # ---- identities ------------------------------------------------------------------

    def new_ts(self) -> str:
        """A message timestamp: seconds and six digits, unique and growing."""
        self._last_us = max(int(self.clock.now() * 1_000_000), self._last_us + 1)
        return f"{self._last_us // 1_000_000}.{self._last_us % 1_000_000:06d}"

    def number(self) -> int:
        return next(self._numbers)

    def with_block_ids(self, blocks: list[JsonObject]) -> list[JsonObject]:
        """Slack gives every block without a block_id one of its own."""
        return [
            block if block.get("block_id") else block | {"block_id": f"b{self.number():x}"}
            for block in blocks
        ]

    # ---- people and channels ---------------------------------------------------------

    def add_user(self, user: User) -> User:
        self.users[user.id] = user
        return user

    def add_channel(self, channel: Channel) -> Channel:
        self.channels[channel.id] = channel
        self.messages.setdefault(channel.id, {})
        return channel

    def user(self, user_id: str) -> User:
        if user_id not in self.users:
            raise SlackError("user_not_found")
        return self.users[user_id]

    def visible_channel(self, channel_id: str) -> Channel:
        """A channel the bot can see: private ones only from within."""
        channel = self.channels.get(channel_id)
        hidden = channel is not None and (channel.is_private or channel.is_im)
        if channel is None or (hidden and self.bot_user not in channel.members):
            raise SlackError("channel_not_found")
        return channel

    def joined_channel(self, channel_id: str) -> Channel:
        """A channel the bot may read and write. Raises not_in_channel, is_archived."""
        channel = self.visible_channel(channel_id)
        if self.bot_user not in channel.members:
            raise SlackError("not_in_channel")
        return channel

    def direct_channel(self, user_id: str) -> Channel:
        """The direct conversation of the bot with a person, opened when there is none."""
        if self.user(user_id).deleted:
            raise SlackError("user_disabled")
        channel_id = f"D{user_id[1:]}"
        if channel_id not in self.channels:
            self.add_channel(
                Channel(id=channel_id, name="", members={user_id, self.bot_user}, is_im=True)
            )
        return self.channels[channel_id]

    def destination(self, target: str) -> Channel:
        """Where chat.postMessage posts: a channel id, or a user id for a direct message."""
        if target.startswith(("U", "W")) and target not in self.channels:
            if target not in self.users:
                raise SlackError("channel_not_found")
            return self.direct_channel(target)
        channel = self.joined_channel(target)
        if channel.is_archived:
            raise SlackError("is_archived")
        return channel

    # ---- messages --------------------------------------------------------------------

    def message(self, channel_id: str, ts: str) -> Message:
        found = self.messages.get(channel_id, {}).get(ts)
        if found is None:
            raise SlackError("message_not_found")
        return found

    def current(self, message: Message) -> Message:
        """The newest revision of a message; the snapshot itself, marked, when deleted."""
        held = self.messages.get(message.channel, {}).get(message.ts)
        gone = held is None or held.subtype == "tombstone"
        return replace(message, deleted=True) if held is None or gone else held

    def has_replies(self, channel_id: str, ts: str) -> bool:
        """Whether this message, or the one that it replies to, has begun a thread."""
        held = self.messages.get(channel_id, {}).get(ts)
        root = held.thread_ts if held is not None and held.thread_ts else ts
        return bool(self._replies.get((channel_id, root)))

    def post(self, message: Message) -> Message:
        """Keep a new message. A reply needs its parent, which must be no reply itself."""
        if message.thread_ts is not None:
            parent = self.messages[message.channel].get(message.thread_ts)
            if parent is None or parent.is_reply:
                raise SlackError("cannot_reply_to_message")
            self._replies.setdefault((message.channel, message.thread_ts), []).append(message.ts)
        self.messages.setdefault(message.channel, {})[message.ts] = message
        self.posted.push(message)
        return message

    def update(self, message: Message) -> Message:
        newer = replace(message, revision=message.revision + 1)
        self.messages[message.channel][message.ts] = newer
        self.updated.push(newer)
        return newer

    def delete(self, message: Message) -> Message | None:
        """Delete a message. One with replies leaves a tombstone in its place (returned), so
        that its thread stays: Slack tells of it as of an edit."""
        held = self.messages[message.channel]
        tombstone = None
        if len(self.thread(message.channel, message.ts)) > 1:
            tombstone = Message(
                channel=message.channel,
                ts=message.ts,
                user="USLACKBOT",
                text="This message was deleted.",
                subtype="tombstone",
                thread_ts=message.ts,
                revision=message.revision + 1,
            )
            held[message.ts] = tombstone
        else:
            del held[message.ts]
        self.deleted.push(replace(message, deleted=True))
        return tombstone

    def react(self, channel: str, ts: str, name: str, user: str, *, add: bool) -> Message:
        message = self.message(channel, ts)
        users = message.reactions.get(name, ())
        if add and user in users:
            raise SlackError("already_reacted")
        if not add and user not in users:
            raise SlackError("no_reaction")
        changed = (*users, user) if add else tuple(one for one in users if one != user)
        # A reaction is no edit: the revision stays, and `updated` does not tell of it.
        newer = replace(message, reactions={**message.reactions, name: changed})
        self.messages[channel][ts] = newer
        self.reactions.push(Reaction(channel, ts, name, user, add))
        return newer

    def thread(self, channel: str, ts: str) -> list[Message]:
        """The parent and its replies, oldest first."""
        held = self.messages[channel]
        listed = (ts, *self._replies.get((channel, ts), ()))
        return [held[one] for one in listed if one in held]

    def find(self, predicate: Callable[[Message], bool]) -> list[Message]:
        """All messages now in the workspace for which `predicate` holds, oldest first."""
        found = [m for held in self.messages.values() for m in held.values() if predicate(m)]
        return sorted(found, key=lambda message: message.ts)

    def cards(self, *, proposal: str | None = None, channel: str | None = None) -> list[Message]:
        """Deskhand's cards now shown, oldest first."""
        return self.find(
            lambda m: (
                m.event_type == "deskhand_card"
                and proposal in (None, m.payload.get("proposal"))
                and channel in (None, m.channel)
            )
        )

    # ---- what interactions hand out --------------------------------------------------

    def new_trigger(self, user: str, view_id: str | None = None) -> str:
        trigger_id = f"{self.number()}.{self.team_id[1:]}.{secrets.token_hex(16)}"
        self.triggers[trigger_id] = Trigger(
            user=user, expires_at=self.clock.now() + TRIGGER_LIFE_S, view_id=view_id
        )
        return trigger_id

    def use_trigger(self, trigger_id: object) -> Trigger:
        trigger = self.triggers.get(trigger_id) if isinstance(trigger_id, str) else None
        if trigger is None:
            raise SlackError("invalid_trigger_id")
        if trigger.used:
            raise SlackError("exchanged_trigger_id")
        if self.clock.now() > trigger.expires_at:
            raise SlackError("expired_trigger_id")
        trigger.used = True
        return trigger

    def new_response_url(self, user: str, channel: str, message_ts: str | None) -> str:
        """The path of a fresh response_url on the stand-in's own host and port."""
        key = f"{self.number()}/{secrets.token_urlsafe(18)}"
        self.response_urls[key] = ResponseUrl(
            user=user,
            channel=channel,
            message_ts=message_ts,
            expires_at=self.clock.now() + RESPONSE_URL_LIFE_S,
        )
        return f"/actions/{self.team_id}/{key}"

    def use_response_url(self, key: str) -> ResponseUrl:
        found = self.response_urls.get(key)
        if found is None:
            raise SlackError("invalid_url")
        if self.clock.now() > found.expires_at:
            raise SlackError("expired_url")
        if found.uses >= RESPONSE_URL_USES:
            raise SlackError("used_url")
        found.uses += 1
        return found

    # ---- views -----------------------------------------------------------------------

    def open_view(self, trigger: Trigger, payload: JsonObject, *, push: bool) -> View:
        external_id = payload.get("external_id")
        if external_id and any(
            view.payload.get("external_id") == external_id and view.is_open
            for view in self.views.values()
        ):
            raise SlackError("duplicate_external_id")
        view_id = f"V{self.number():05d}"
        previous = self.views.get(trigger.view_id) if push and trigger.view_id else None
        if push and previous is None:
            raise SlackError("not_found")
        stack = [v for v in self.views.values() if v.is_open and v.user == trigger.user]
        if push and len(stack) >= VIEW_STACK_MAX:
            raise SlackError("push_limit_reached")
        return self._keep_view(
            View(
                id=view_id,
                user=trigger.user,
                kind="modal",
                payload=payload,
                blocks=self.with_block_ids(payload["blocks"]),
                hash=self._view_hash(),
                root_view_id=previous.root_view_id if previous else view_id,
                previous_view_id=previous.id if previous else None,
            )
        )

    def publish_home(self, user: str, payload: JsonObject, expected_hash: str | None) -> View:
        self.user(user)
        view_id = f"VHOME{user}"
        held = self.views.get(view_id)
        if expected_hash and (held is None or held.hash != expected_hash):
            raise SlackError("hash_conflict")
        return self._keep_view(
            View(
                id=view_id,
                user=user,
                kind="home",
                payload=payload,
                blocks=self.with_block_ids(payload["blocks"]),
                hash=self._view_hash(),
                root_view_id=view_id,
                revision=held.revision + 1 if held else 0,
            )
        )

    def find_view(self, view_id: object, external_id: object) -> View:
        for view in self.views.values():
            if not view.is_open:
                continue
            if view.id == view_id or (
                external_id and view.payload.get("external_id") == external_id
            ):
                return view
        raise SlackError("not_found")

    def update_view(self, view: View, payload: JsonObject, expected_hash: object = None) -> View:
        if expected_hash and expected_hash != view.hash:
            raise SlackError("hash_conflict")
        return self._keep_view(
            replace(
                view,
                payload=payload,
                blocks=self.with_block_ids(payload["blocks"]),
                hash=self._view_hash(),
                revision=view.revision + 1,
                errors={},
            )
        )

    def show_errors(self, view: View, errors: JsonObject) -> View:
        """response_action `errors`: each key must be an input block's id of the view."""
        known = {b.get("block_id") for b in view.blocks if b.get("type") == "input"}
        if set(errors) - known:
            raise SlackError("invalid_errors", unknown=sorted(set(errors) - known))
        return self._keep_view(replace(view, errors=errors))

    def close_view(self, view: View, *, whole_stack: bool) -> None:
        for other in list(self.views.values()):
            in_stack = whole_stack and other.root_view_id == view.root_view_id
            if other.is_open and (other.id == view.id or in_stack):
                self._keep_view(replace(other, is_open=False))

    def view_json(self, view: View, values: JsonObject | None = None) -> JsonObject:
        """A view as Slack sends it back; `values` is the state of its inputs."""
        return {
            "id": view.id,
            "team_id": self.team_id,
            "private_metadata": "",
            "callback_id": "",
            "external_id": "",
            "clear_on_close": False,
            "notify_on_close": False,
            "close": None,
            "submit": None,
            **view.payload,
            "blocks": view.blocks,
            "state": {"values": values or {}},
            "hash": view.hash,
            "previous_view_id": view.previous_view_id,
            "root_view_id": view.root_view_id,
            "app_id": self.app_id,
            "app_installed_team_id": self.team_id,
            "bot_id": self.bot_id,
        }

    def _keep_view(self, view: View) -> View:
        self.views[view.id] = view
        self.view_changes.push(view)
        return view

    def _view_hash(self) -> str:
        return f"{int(self.clock.now())}.{secrets.token_hex(4)}"


def fixture_world(space: Workspace) -> Workspace:
    """The world of the tests: a team, three channels, everybody who may and may not act."""
    people = [
        User("U0CUSTOMER", "carla", "Carla Customer", "carla@customer.example"),
        User("U0CUSTOMER2", "cem", "Cem Customer", "cem@customer.example"),
        User("U0AGENT", "alex", "Alex Agent", "alex@deskhand.example"),
        User("U0AGENT2", "ana", "Ana Agent", "ana@deskhand.example"),
        User("U0MANAGER", "mina", "Mina Manager", "mina@deskhand.example", is_admin=True),
        User("U0GUEST", "gus", "Gus Guest", "gus@guest.example",
             is_restricted=True, is_ultra_restricted=True),
        User("U0STRANGER", "sam", "Sam Stranger", "sam@other.example",
             team_id="T0OTHER", is_stranger=True),
        User("U0BOT", "otherbot", "Other Bot", None, is_bot=True),
        User("U0GONE", "gina", "Gina Gone", "gina@deskhand.example", deleted=True),
        User("U0NOBODY", "nora", "Nora Nobody", "nora@deskhand.example"),
        User(space.bot_user, "deskhand", "Deskhand", None, is_bot=True),
    ]  # fmt: skip
    for person in people:
        space.add_user(person)
    everyone = {person.id for person in people if not person.deleted}
    for channel_id, name in (
        ("C0SUPPORT", "support"),
        ("C0BILLING", "billing"),
        ("C0TRIAGE", "triage"),
        ("C0SALES", "sales"),
    ):
        space.add_channel(Channel(channel_id, name, set(everyone)))
    space.add_channel(Channel("C0ELSEWHERE", "elsewhere", everyone - {space.bot_user}))
    space.add_channel(Channel("C0SECRET", "secret", {"U0MANAGER"}, is_private=True))
    space.add_channel(Channel("C0SHARED", "shared", set(everyone), is_ext_shared=True))
    space.groups["S0BILLING"] = UserGroup("S0BILLING", "billing-team", ["U0AGENT2"])
    return space
