"""Slack's documented limits, written down independently of any SDK.

`slack_sdk`'s models accept much of what Slack refuses (empty texts, duplicate action ids,
more than 50 blocks), so the stand-in judges by these functions only.
"""

import json
import re

from tests.standins.slack.limits.blocks import check_blocks
from tests.standins.slack.limits.check import ID_MAX, Checker, JsonObject, Surface, Violation

__all__ = [
    "VIEW_BYTES_MAX",
    "JsonObject",
    "Surface",
    "Violation",
    "blocks_too_long",
    "message_text_error",
    "metadata_error",
    "validate_blocks",
    "validate_view",
]

POST_TEXT_MAX = 40_000  # chat.postMessage: "messages containing more than 40,000 characters"
UPDATE_TEXT_MAX = 4_000  # chat.update, msg_too_long: "cannot exceed 4,000 characters"
METADATA_MAX = 8_000  # chat.postMessage, metadata_too_large: Slack gives no figure; ours
VIEW_TITLE_MAX = 24  # views: title, submit, close
PRIVATE_METADATA_MAX = 3_000  # views: private_metadata
VIEW_BYTES_MAX = 250_000  # views.open, view_too_large: "greater than 250kb"
# chat.postMessage refuses with msg_blocks_too_long what its blocks hold in all. Slack does
# not document the figure; the maintainers name 12,000 characters of text and "a buffer for
# block containers", and users measured 13,172 to 13,297 (slackapi/bolt-js issue 2509).
MESSAGE_BLOCKS_CHARS_MAX = 13_200

_EVENT_TYPE = re.compile(r"[A-Za-z0-9_.:-]{1,255}")


def validate_blocks(
    blocks: object, surface: Surface = "message", *, refused: frozenset[str] = frozenset()
) -> list[Violation]:
    """What Slack would refuse in these blocks; empty if it would take them."""
    check = Checker(surface)
    check_blocks(check, "/blocks", blocks, refused=refused)
    return check.found


def blocks_too_long(blocks: object) -> bool:
    """Whether a message's blocks are refused as `msg_blocks_too_long`."""
    text = json.dumps(blocks, ensure_ascii=False, separators=(",", ":"))
    return len(text) > MESSAGE_BLOCKS_CHARS_MAX


def message_text_error(text: str, *, update: bool) -> str | None:
    """`msg_too_long`, or None."""
    return "msg_too_long" if len(text) > (UPDATE_TEXT_MAX if update else POST_TEXT_MAX) else None


def metadata_error(metadata: object) -> str | None:
    """The error code for message metadata (messaging/message-metadata), or None."""
    if not isinstance(metadata, dict) or set(metadata) - {"event_type", "event_payload"}:
        return "invalid_metadata_format"
    event_type, payload = metadata.get("event_type"), metadata.get("event_payload")
    if not isinstance(event_type, str) or not _EVENT_TYPE.fullmatch(event_type):
        return "invalid_metadata_format"
    if not isinstance(payload, dict):
        return "invalid_metadata_format"
    if len(json.dumps(payload, ensure_ascii=False)) > METADATA_MAX:
        return "metadata_too_large"
    return None


_VIEW_KEYS: dict[str, tuple[str, ...]] = {
    "modal": (
        "type", "title", "blocks", "close", "submit", "private_metadata", "callback_id",
        "clear_on_close", "notify_on_close", "external_id", "submit_disabled",
    ),
    "home": ("type", "blocks", "private_metadata", "callback_id", "external_id"),
}  # fmt: skip


def validate_view(view: object, *, refused: frozenset[str] = frozenset()) -> list[Violation]:
    """What Slack would refuse in this view (docs.slack.dev/reference/views)."""
    surface: Surface = "home" if isinstance(view, dict) and view.get("type") == "home" else "modal"
    check = Checker(surface)
    payload = check.mapping("/view", view)
    if payload is None:
        return check.found
    kind = payload.get("type")
    if kind not in _VIEW_KEYS:
        check.fail("/view/type", f"unsupported type: {kind}")
        return check.found
    check.keys("/view", payload, _VIEW_KEYS[kind])
    if kind == "modal":
        check.text("/view/title", payload.get("title"), limit=VIEW_TITLE_MAX, plain_only=True)
        for name in ("close", "submit"):
            check.text(
                f"/view/{name}",
                payload.get(name),
                limit=VIEW_TITLE_MAX,
                plain_only=True,
                required=False,
            )
    for name in ("clear_on_close", "notify_on_close", "submit_disabled"):
        check.flag(f"/view/{name}", payload.get(name))
    check.string("/view/private_metadata", payload.get("private_metadata"), PRIVATE_METADATA_MAX)
    check.string("/view/callback_id", payload.get("callback_id"), ID_MAX)
    check.string("/view/external_id", payload.get("external_id"), ID_MAX)
    check_blocks(check, "/view/blocks", payload.get("blocks"), refused=refused)
    if kind == "modal" and check.has_input and payload.get("submit") is None:
        # views: submit "is required when an input block is within the blocks array".
        check.fail("/view/submit", "submit is required when there are input blocks")
    return check.found
