"""What Slack sends to an app: event and interaction payloads, in Slack's real shapes.

Shapes from docs.slack.dev/apis/events-api, /reference/events/message,
/reference/interaction-payloads and /interactivity/implementing-slash-commands.
"""

import re
from collections.abc import Iterator, Mapping, Sequence

from tests.standins.slack.model import (
    Ephemeral,
    JsonObject,
    Message,
    View,
    elements_in,
)
from tests.standins.slack.state import Workspace

VERIFICATION_TOKEN = "deprecated-verification-token"


class CannotSubmit(AssertionError):
    """Slack's client would not let the person send this: nothing reaches the app."""


def event_callback(
    space: Workspace, event: JsonObject, *, event_id: str | None = None
) -> JsonObject:
    """The outer object around an event. `event_id` is unique per event, kept on redelivery."""
    return {
        "token": VERIFICATION_TOKEN,
        "team_id": space.team_id,
        "context_team_id": space.team_id,
        "context_enterprise_id": None,
        "api_app_id": space.app_id,
        "event": event,
        "type": "event_callback",
        "event_id": event_id or f"Ev{space.number():09d}",
        "event_time": int(space.clock.now()),
        "authorizations": [
            {
                "enterprise_id": None,
                "team_id": space.team_id,
                "user_id": space.bot_user,
                "is_bot": True,
                "is_enterprise_install": False,
            }
        ],
        "is_ext_shared_channel": False,
        "event_context": f"4-ctx-{space.number()}",
    }


def _channel_type(space: Workspace, channel: str) -> str:
    found = space.channels[channel]
    if found.is_im:
        return "im"
    return "group" if found.is_private else "channel"


_LINK = re.compile(r"https?://[^\s<>|]+[^\s<>|.,;:!?)\]'\"]")
_MAIL = re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+")


def _pieces(text: str) -> Iterator[JsonObject]:
    """What a person typed, cut into rich text leaves: Slack makes links of what looks so."""
    position = 0
    for found in re.finditer(f"{_LINK.pattern}|{_MAIL.pattern}", text):
        if found.start() > position:
            yield {"type": "text", "text": text[position : found.start()]}
        if found.group().startswith("http"):
            yield {"type": "link", "url": found.group()}
        else:
            yield {"type": "link", "url": f"mailto:{found.group()}", "text": found.group()}
        position = found.end()
    if position < len(text):
        yield {"type": "text", "text": text[position:]}


def typed(text: str) -> str:
    """A message's `text` for what a person typed: & < > escaped, links and addresses in
    angle brackets (messaging/formatting-message-text, retrieving messages)."""
    parts: list[str] = []
    for leaf in _pieces(text):
        words = leaf.get("text", "")
        if leaf["type"] == "link":
            url = str(leaf["url"]).replace("&", "&amp;")
            parts.append(f"<{url}|{words}>" if words else f"<{url}>")
        else:
            parts.append(words.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;"))
    return "".join(parts)


def rich_text(text: str, *, mention: str | None = None) -> list[JsonObject]:
    """The blocks Slack puts on what a person typed, after a mention of `mention`."""
    leaves = list(_pieces(f" {text}" if mention and text else text))
    if mention:
        leaves.insert(0, {"type": "user", "user_id": mention})
    if not leaves:
        return []
    return [
        {
            "type": "rich_text",
            "elements": [{"type": "rich_text_section", "elements": leaves}],
        }
    ]


def message_event(space: Workspace, message: Message) -> JsonObject:
    """A new message: top-level, reply, with files, or with a subtype."""
    event = message.as_json()
    for name in ("reactions", "app_id") if message.bot_id is None else ("reactions",):
        event.pop(name, None)
    event |= {
        "channel": message.channel,
        "event_ts": message.ts,
        "channel_type": _channel_type(space, message.channel),
    }
    if message.bot_id is None and message.subtype not in ("channel_join", "channel_topic"):
        event["client_msg_id"] = f"00000000-0000-4000-8000-{message.ts.replace('.', '')[-12:]}"
    if message.is_reply:
        parent = space.messages[message.channel].get(message.thread_ts or "")
        if parent is not None:
            event["parent_user_id"] = parent.user
    return event


def app_mention(message: Message) -> JsonObject:
    """The same message again, as the app's mention."""
    event = message.as_json()
    event.pop("subtype", None)
    return event | {
        "type": "app_mention",
        "channel": message.channel,
        "event_ts": message.ts,
    }


def message_changed(space: Workspace, before: Message, after: Message) -> JsonObject:
    """message/message_changed: edits, and unfurls too, then with the same text."""
    return {
        "type": "message",
        "subtype": "message_changed",
        "message": after.as_json() | {"source_team": space.team_id, "user_team": space.team_id},
        "previous_message": before.as_json(),
        "channel": after.channel,
        "hidden": True,
        "ts": space.new_ts(),
        "event_ts": space.new_ts(),
        "channel_type": _channel_type(space, after.channel),
    }


def message_deleted(space: Workspace, message: Message) -> JsonObject:
    """message/message_deleted."""
    ts = space.new_ts()
    return {
        "type": "message",
        "subtype": "message_deleted",
        "previous_message": message.as_json(),
        "channel": message.channel,
        "hidden": True,
        "deleted_ts": message.ts,
        "event_ts": ts,
        "ts": ts,
        "channel_type": _channel_type(space, message.channel),
    }


# ---- interactions --------------------------------------------------------------------


def _team(space: Workspace) -> JsonObject:
    return {"id": space.team_id, "domain": space.team_domain}


def _user(space: Workspace, user_id: str) -> JsonObject:
    user = space.users.get(user_id)
    name = user.name if user else user_id.lower()
    team = user.team_id if user else space.team_id
    return {"id": user_id, "username": name, "name": name, "team_id": team}


def _interaction(space: Workspace, kind: str, user: str) -> JsonObject:
    return {
        "type": kind,
        "user": _user(space, user),
        "api_app_id": space.app_id,
        "token": VERIFICATION_TOKEN,
        "team": _team(space),
        "enterprise": None,
        "is_enterprise_install": False,
    }


def _channel(space: Workspace, channel: str) -> JsonObject:
    found = space.channels[channel]
    name = "directmessage" if found.is_im else "privategroup" if found.is_private else found.name
    return {"id": channel, "name": name}


def action_of(
    space: Workspace, block: JsonObject, element: JsonObject, chosen: object
) -> JsonObject:
    """One entry of `actions`: what was pressed or chosen."""
    action: JsonObject = {
        "action_id": element["action_id"],
        "block_id": block.get("block_id", ""),
        "type": element["type"],
        "action_ts": space.new_ts(),
    }
    if element["type"] == "button":
        action["text"] = element["text"]
        for name in ("value", "style", "url"):
            if name in element:
                action[name] = element[name]
        return action
    return action | _state_of(element, chosen)


def block_actions(
    space: Workspace,
    user: str,
    shown: Message | Ephemeral | View,
    action: JsonObject,
    *,
    trigger_id: str,
    response_url: str | None,
    values: JsonObject,
) -> JsonObject:
    """interaction-payloads/block_actions-payload, for a message, an ephemeral or a view."""
    payload = _interaction(space, "block_actions", user) | {
        "trigger_id": trigger_id,
        "actions": [action],
    }
    if isinstance(shown, View):
        return payload | {
            "container": {"type": "view", "view_id": shown.id},
            "view": space.view_json(shown, values),
        }
    is_ephemeral = isinstance(shown, Ephemeral)
    container: JsonObject = {
        "type": "message",
        "message_ts": shown.ts,
        "channel_id": shown.channel,
        "is_ephemeral": is_ephemeral,
    }
    if shown.thread_ts:
        container["thread_ts"] = shown.thread_ts
    payload |= {
        "container": container,
        "channel": _channel(space, shown.channel),
        "state": {"values": values},
        "response_url": response_url,
    }
    if isinstance(shown, Message):
        payload["message"] = shown.as_json()
    return payload


def message_shortcut(
    space: Workspace,
    user: str,
    message: Message,
    callback_id: str,
    *,
    trigger_id: str,
    response_url: str,
) -> JsonObject:
    """interaction-payloads/shortcuts: a message action."""
    return _interaction(space, "message_action", user) | {
        "action_ts": space.new_ts(),
        "callback_id": callback_id,
        "trigger_id": trigger_id,
        "response_url": response_url,
        "message_ts": message.ts,
        "channel": _channel(space, message.channel),
        "message": message.as_json(),
    }


def view_submission(
    space: Workspace, user: str, view: View, values: JsonObject, *, trigger_id: str
) -> JsonObject:
    """interaction-payloads/view-interactions-payload: view_submission."""
    return _interaction(space, "view_submission", user) | {
        "trigger_id": trigger_id,
        "view": space.view_json(view, values),
        "response_urls": [],
    }


def view_closed(space: Workspace, user: str, view: View, *, is_cleared: bool) -> JsonObject:
    """view_closed: sent only for a view with notify_on_close."""
    return _interaction(space, "view_closed", user) | {
        "view": space.view_json(view),
        "is_cleared": is_cleared,
    }


def slash_command(
    space: Workspace,
    user: str,
    command: str,
    text: str,
    channel: str,
    *,
    trigger_id: str,
    response_url: str,
) -> JsonObject:
    """interactivity/implementing-slash-commands: the form's fields, all strings."""
    return {
        "token": VERIFICATION_TOKEN,
        "team_id": space.team_id,
        "team_domain": space.team_domain,
        "channel_id": channel,
        "channel_name": _channel(space, channel)["name"],
        "user_id": user,
        "user_name": _user(space, user)["name"],
        "command": command,
        "text": text,
        "api_app_id": space.app_id,
        "is_enterprise_install": "false",
        "response_url": response_url,
        "trigger_id": trigger_id,
    }


# ---- the state of inputs -------------------------------------------------------------

_EMPTY = object()
Overrides = Mapping[str, object]
"""block_id -> what the person typed or chose: a text, an option's value, or a list of them."""

_CHOICES = {
    "users_select": ("selected_user", "initial_user"),
    "channels_select": ("selected_channel", "initial_channel"),
    "conversations_select": ("selected_conversation", "initial_conversation"),
    "multi_users_select": ("selected_users", "initial_users"),
    "multi_channels_select": ("selected_channels", "initial_channels"),
    "multi_conversations_select": ("selected_conversations", "initial_conversations"),
    "datepicker": ("selected_date", "initial_date"),
    "timepicker": ("selected_time", "initial_time"),
    "datetimepicker": ("selected_date_time", "initial_date_time"),
    "rich_text_input": ("rich_text_value", "initial_value"),
}
_TEXTS = ("plain_text_input", "email_text_input", "url_text_input", "number_input")
_ONE_OPTION = ("static_select", "radio_buttons", "external_select", "overflow")
_MANY_OPTIONS = ("multi_static_select", "checkboxes", "multi_external_select")


def _options_of(element: JsonObject) -> list[JsonObject]:
    grouped = [o for group in element.get("option_groups") or [] for o in group["options"]]
    return list(element.get("options") or []) + grouped


def _option(element: JsonObject, value: object) -> JsonObject:
    for option in _options_of(element):
        if option["value"] == value:
            return option
    offered = [option["value"] for option in _options_of(element)]
    raise CannotSubmit(f"{element['action_id']}: {value!r} is not offered, only {offered}")


def _state_of(element: JsonObject, chosen: object = _EMPTY) -> JsonObject:
    """The state of one element, with what it shows at first unless something was chosen."""
    kind = element["type"]
    if kind in _TEXTS:
        value = element.get("initial_value") if chosen is _EMPTY else chosen
        # Slack sends null for a field left empty.
        return {"type": kind, "value": value or None}
    if kind in _ONE_OPTION:
        option = element.get("initial_option")
        if chosen is not _EMPTY:
            option = None if chosen is None else _option(element, chosen)
        return {"type": kind, "selected_option": option}
    if kind in _MANY_OPTIONS:
        options = element.get("initial_options") or []
        if chosen is not _EMPTY:
            picked = chosen if isinstance(chosen, Sequence) and not isinstance(chosen, str) else ()
            # Slack lists ticked options in the order in which they are offered.
            wanted = [_option(element, value) for value in picked]
            options = [option for option in _options_of(element) if option in wanted]
        return {"type": kind, "selected_options": options}
    if kind in _CHOICES:
        name, initial = _CHOICES[kind]
        return {"type": kind, name: element.get(initial) if chosen is _EMPTY else chosen}
    return {"type": kind}


def _is_filled(state: JsonObject) -> bool:
    return any(value for name, value in state.items() if name != "type")


def _check_filled(block: JsonObject, element: JsonObject, state: JsonObject) -> None:
    block_id = block.get("block_id")
    if not block.get("optional") and not _is_filled(state):
        raise CannotSubmit(f"{block_id}: please complete this required field")
    value = state.get("value")
    if isinstance(value, str) and element["type"] == "plain_text_input":
        most = element.get("max_length", 3000)
        if not element.get("min_length", 0) <= len(value) <= most:
            raise CannotSubmit(f"{block_id}: {len(value)} characters, at most {most}")
    most_items = element.get("max_selected_items")
    if most_items and len(state.get("selected_options", [])) > most_items:
        raise CannotSubmit(f"{block_id}: more than {most_items} items")


def state_values(
    blocks: list[JsonObject], overrides: Overrides | None = None, *, submitting: bool = False
) -> JsonObject:
    """`state.values` as Slack builds it: every stateful element's value by block and action id.

    With `submitting`, what Slack's client would refuse raises CannotSubmit: an empty
    required field, a text too long, an option not offered.
    """
    values: JsonObject = {}
    left = dict(overrides or {})
    for block, element in elements_in(blocks):
        if element["type"] in ("button", "overflow", "image"):
            continue
        block_id = block.get("block_id", "")
        chosen = left.pop(block_id, _EMPTY)
        state = _state_of(element, chosen)
        if submitting and block["type"] == "input":
            _check_filled(block, element, state)
        values.setdefault(block_id, {})[element["action_id"]] = state
    if left:
        shown = [block.get("block_id") for block in blocks]
        raise CannotSubmit(f"no input block {sorted(left)}, only {shown}")
    return values
