"""Slack's Web API methods that change something: messages, reactions, views.

Errors are those listed on each method's page under docs.slack.dev/reference/methods.
"""

import json
import re
from dataclasses import replace

from tests.standins.slack.limits import (
    VIEW_BYTES_MAX,
    Violation,
    blocks_too_long,
    message_text_error,
    metadata_error,
    validate_blocks,
    validate_view,
)
from tests.standins.slack.methods import Call, Entry
from tests.standins.slack.model import Ephemeral, JsonObject, Message, SlackError, View
from tests.standins.slack.state import Workspace

_EMOJI = re.compile(r"[a-z0-9_+'\-]{1,100}(::skin-tone-[2-6])?")
ATTACHMENTS_MAX = 100  # chat.postMessage, too_many_attachments: "a maximum of 100"
REACTIONS_MAX = 23  # reactions.add, too_many_emoji: 23 different emoji on one message


def refuse(code: str, violations: list[Violation]) -> SlackError:
    """An answer like Slack's: the code, and what is wrong where."""
    words = [violation.in_slacks_words() for violation in violations]
    return SlackError(code, errors=words, response_metadata={"messages": words})


def checked_blocks(value: object, refused: frozenset[str]) -> list[JsonObject]:
    """Blocks that Slack would take in a message. Raises SlackError."""
    if value is None or value == "":
        return []
    if not isinstance(value, list):
        raise SlackError("invalid_blocks_format")
    violations = validate_blocks(value, refused=refused)
    if violations:
        raise refuse("invalid_blocks", violations)
    if blocks_too_long(value):
        raise SlackError("msg_blocks_too_long")
    return value


def _checked_content(call: Call, *, update: bool) -> tuple[str, list[JsonObject]]:
    """Text and blocks of a message, judged by the limits."""
    text = call.args.get("text")
    markdown = call.args.get("markdown_text")
    if text is not None and not isinstance(text, str):
        raise SlackError("invalid_arguments")
    if markdown is not None:
        # markdown_text: "should not be used in conjunction with blocks or text", 12,000.
        if text or call.args.get("blocks"):
            raise SlackError("markdown_text_conflict")
        if not isinstance(markdown, str) or len(markdown) > 12_000:
            raise SlackError("msg_too_long")
        text = markdown
    blocks = checked_blocks(call.args.get("blocks"), call.refused_blocks)
    too_long = message_text_error(text or "", update=update)
    if too_long:
        raise SlackError(too_long)
    return text or "", blocks


def _checked_metadata(call: Call) -> JsonObject | None:
    metadata = call.args.get("metadata")
    if metadata is None or metadata == "":
        return None
    if metadata == {}:
        return {}
    code = metadata_error(metadata)
    if code:
        raise SlackError(code)
    return dict(metadata)


def _tri(call: Call, name: str) -> bool | None:
    return call.flag(name) if name in call.args else None


# ---- chat ----------------------------------------------------------------------------


def chat_post_message(call: Call) -> JsonObject:
    space = call.space
    channel = space.destination(call.text("channel"))
    text, blocks = _checked_content(call, update=False)
    attachments = call.args.get("attachments") or []
    if not isinstance(attachments, list) or len(attachments) > ATTACHMENTS_MAX:
        raise SlackError("too_many_attachments")
    metadata = _checked_metadata(call)
    if not text and not blocks and not attachments:
        raise SlackError("no_text")
    thread_ts = call.args.get("thread_ts") or None
    message = space.post(
        Message(
            channel=channel.id,
            ts=space.new_ts(),
            user=space.bot_user,
            text=text,
            team=space.team_id,
            blocks=space.with_block_ids(blocks),
            attachments=attachments,
            metadata=metadata or None,
            bot_id=space.bot_id,
            app_id=space.app_id,
            thread_ts=str(thread_ts) if thread_ts else None,
            subtype="thread_broadcast" if call.flag("reply_broadcast") and thread_ts else None,
            unfurl_links=_tri(call, "unfurl_links"),
            unfurl_media=_tri(call, "unfurl_media"),
        )
    )
    return {"channel": channel.id, "ts": message.ts, "message": message.as_json(with_metadata=True)}


def _own_message(call: Call, refusal: str) -> Message:
    channel = call.space.joined_channel(call.text("channel"))
    message = call.space.message(channel.id, call.text("ts"))
    if message.bot_id != call.space.bot_id:
        raise SlackError(refusal)
    return message


def chat_update(call: Call) -> JsonObject:
    """chat.update: with `text` and no `blocks` the blocks go; without `text` they stay.
    Metadata stays unless given, an empty object removes it."""
    space = call.space
    message = _own_message(call, "cant_update_message")
    text, blocks = _checked_content(call, update=True)
    metadata = _checked_metadata(call)
    if not text and not blocks and not call.args.get("attachments"):
        raise SlackError("no_text")
    keeps_blocks = call.args.get("blocks") is None and not text
    newer = space.update(
        replace(
            message,
            text=text or message.text,
            blocks=message.blocks if keeps_blocks else space.with_block_ids(blocks),
            metadata=message.metadata if metadata is None else (metadata or None),
            edited={"user": space.bot_user, "ts": space.new_ts()} if not blocks else None,
        )
    )
    return {
        "channel": newer.channel,
        "ts": newer.ts,
        "text": newer.text,
        "message": newer.as_json(with_metadata=True),
    }


def chat_delete(call: Call) -> JsonObject:
    message = _own_message(call, "cant_delete_message")
    call.space.delete(message)
    return {"channel": message.channel, "ts": message.ts}


def chat_post_ephemeral(call: Call) -> JsonObject:
    space = call.space
    channel = space.joined_channel(call.text("channel"))
    user = call.text("user")
    if user not in channel.members:
        raise SlackError("user_not_in_channel")
    text, blocks = _checked_content(call, update=False)
    if not text and not blocks:
        raise SlackError("no_text")
    shown = Ephemeral(
        channel=channel.id,
        user=user,
        ts=space.new_ts(),
        text=text,
        via="chat.postEphemeral",
        blocks=space.with_block_ids(blocks),
        thread_ts=call.args.get("thread_ts"),
    )
    # "Ephemeral messages in threads are only shown if there is already an active thread."
    if shown.thread_ts is None or space.has_replies(channel.id, shown.thread_ts):
        space.ephemerals.push(shown)
    return {"message_ts": shown.ts}


def permalink(space: Workspace, message: Message) -> str:
    link = (
        f"https://{space.team_domain}.slack.com/archives/{message.channel}"
        f"/p{message.ts.replace('.', '')}"
    )
    if message.is_reply:
        link += f"?thread_ts={message.thread_ts}&cid={message.channel}"
    return link


def chat_get_permalink(call: Call) -> JsonObject:
    channel = call.space.visible_channel(call.text("channel"))
    message = call.space.message(channel.id, call.text("message_ts"))
    return {"channel": channel.id, "permalink": permalink(call.space, message)}


# ---- reactions, status ---------------------------------------------------------------


def _react(call: Call, *, add: bool) -> JsonObject:
    name = call.text("name")
    if not _EMOJI.fullmatch(name):
        raise SlackError("invalid_name")
    if "channel" not in call.args or "timestamp" not in call.args:
        raise SlackError("no_item_specified")
    channel = call.space.joined_channel(call.text("channel"))
    message = call.space.message(channel.id, call.text("timestamp"))
    if add and name not in message.reactions and len(message.reactions) >= REACTIONS_MAX:
        raise SlackError("too_many_emoji")
    call.space.react(channel.id, message.ts, name, call.space.bot_user, add=add)
    return {}


def reactions_add(call: Call) -> JsonObject:
    return _react(call, add=True)


def reactions_remove(call: Call) -> JsonObject:
    return _react(call, add=False)


def reactions_get(call: Call) -> JsonObject:
    channel = call.space.joined_channel(call.text("channel"))
    message = call.space.message(channel.id, call.text("timestamp"))
    return {"type": "message", "channel": channel.id, "message": message.as_json()}


def assistant_threads_set_status(call: Call) -> JsonObject:
    channel = call.space.visible_channel(call.text("channel_id"))
    thread_ts = call.text("thread_ts")
    status = call.args.get("status")
    if not isinstance(status, str):
        raise SlackError("invalid_arguments")
    call.space.message(channel.id, thread_ts)
    call.space.thread_status[(channel.id, thread_ts)] = status
    call.space.signal.notify()
    return {}


def assistant_threads_set_prompts(call: Call) -> JsonObject:
    call.space.visible_channel(call.text("channel_id"))
    prompts = call.args.get("prompts")
    # assistant.threads.setSuggestedPrompts: at most 4 prompts.
    if not isinstance(prompts, list) or not 1 <= len(prompts) <= 4:
        raise SlackError("invalid_arguments")
    return {}


# ---- views ---------------------------------------------------------------------------


def checked_view(value: object, kind: str, refused: frozenset[str]) -> JsonObject:
    """A view that Slack would take. Raises SlackError."""
    violations = validate_view(value, refused=refused)
    if violations or not isinstance(value, dict):
        raise refuse("invalid_arguments", violations)
    if value["type"] != kind:
        raise SlackError("invalid_arguments")
    if len(json.dumps(value, ensure_ascii=False).encode("utf-8", "replace")) > VIEW_BYTES_MAX:
        raise SlackError("view_too_large")
    return value


def _shown_view(call: Call, view: View) -> JsonObject:
    return {"view": call.space.view_json(view)}


def views_open(call: Call) -> JsonObject:
    view = checked_view(call.args.get("view"), "modal", call.refused_blocks)
    trigger = call.space.use_trigger(call.args.get("trigger_id"))
    return _shown_view(call, call.space.open_view(trigger, view, push=False))


def views_push(call: Call) -> JsonObject:
    view = checked_view(call.args.get("view"), "modal", call.refused_blocks)
    trigger = call.space.use_trigger(call.args.get("trigger_id"))
    return _shown_view(call, call.space.open_view(trigger, view, push=True))


def views_update(call: Call) -> JsonObject:
    found = call.space.find_view(call.args.get("view_id"), call.args.get("external_id"))
    view = checked_view(call.args.get("view"), found.kind, call.refused_blocks)
    return _shown_view(call, call.space.update_view(found, view, call.args.get("hash")))


def views_publish(call: Call) -> JsonObject:
    view = checked_view(call.args.get("view"), "home", call.refused_blocks)
    expected = call.args.get("hash")
    return _shown_view(call, call.space.publish_home(call.text("user_id"), view, expected))


def blocks_validate(call: Call) -> JsonObject:
    """blocks.validate: exactly one of blocks, message, view; findings in `errors`."""
    given = [name for name in ("blocks", "message", "view") if call.args.get(name) is not None]
    if len(given) != 1:
        raise SlackError("invalid_arguments")
    value = call.args[given[0]]
    if given[0] == "view":
        violations = validate_view(value, refused=call.refused_blocks)
    elif given[0] == "message" and isinstance(value, dict):
        violations = validate_blocks(value.get("blocks") or [], refused=call.refused_blocks)
    else:
        violations = validate_blocks(value, refused=call.refused_blocks)
    if violations:
        raise SlackError(
            f"invalid_{given[0]}",
            errors=[
                {
                    "pointer": violation.pointer.removeprefix(f"/{given[0]}"),
                    "code": "failed_constraint",
                    "message": violation.message,
                }
                for violation in violations
            ],
        )
    return {}


WRITING: dict[str, Entry] = {
    "assistant.threads.setStatus": Entry(
        assistant_threads_set_status, ("assistant:write", "chat:write"), 600
    ),
    "assistant.threads.setSuggestedPrompts": Entry(
        assistant_threads_set_prompts, ("assistant:write",), 600
    ),
    "blocks.validate": Entry(blocks_validate, (), 50),
    "chat.delete": Entry(chat_delete, ("chat:write",), 50),
    "chat.getPermalink": Entry(chat_get_permalink, (), 600),
    "chat.postEphemeral": Entry(chat_post_ephemeral, ("chat:write",), 100),
    "chat.postMessage": Entry(chat_post_message, ("chat:write",), 600),
    "chat.update": Entry(chat_update, ("chat:write",), 50),
    "reactions.add": Entry(reactions_add, ("reactions:write",), 50),
    "reactions.get": Entry(reactions_get, ("reactions:read",), 50),
    "reactions.remove": Entry(reactions_remove, ("reactions:write",), 20),
    "views.open": Entry(views_open, (), 100),
    "views.publish": Entry(views_publish, (), 100),
    "views.push": Entry(views_push, (), 100),
    "views.update": Entry(views_update, (), 100),
}
