"""Slack's rules for rich_text: docs.slack.dev/reference/block-kit/blocks/rich-text-block."""

from typing import Any

from tests.standins.slack.limits.check import Checker, JsonObject

_STYLES = (
    "bold",
    "italic",
    "strike",
    "code",
    "highlight",
    "client_highlight",
    "unlink",
    "underline",
)

# Leaf element type -> (required keys, optional keys).
_LEAVES: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "text": (("text",), ("style",)),
    "link": (("url",), ("text", "unsafe", "style")),
    "emoji": (("name",), ("unicode", "style", "skin_tone", "url")),
    "user": (("user_id",), ("style",)),
    "usergroup": (("usergroup_id",), ("style",)),
    "channel": (("channel_id",), ("style",)),
    "broadcast": (("range",), ("style",)),
    "color": (("value",), ("style",)),
    "date": (("timestamp", "format"), ("url", "fallback", "style")),
    "team": (("team_id",), ("style",)),
}
# Preformatted text and quotes hold fewer kinds than a section does.
_IN_PREFORMATTED = frozenset({"text", "link"})
_CONTAINERS: dict[str, tuple[str, ...]] = {
    "rich_text_section": ("type", "elements"),
    "rich_text_list": ("type", "elements", "style", "indent", "offset", "border"),
    "rich_text_preformatted": ("type", "elements", "border", "language"),
    "rich_text_quote": ("type", "elements", "border"),
}


def check_rich_text(check: Checker, at: str, block: JsonObject) -> None:
    """A rich_text block: an array of section, list, preformatted and quote objects."""
    if block.get("type") != "rich_text":
        check.fail(f"{at}/type", "must be rich_text")
    check.keys(at, block, ("type", "block_id", "elements"))
    for number, raw in enumerate(check.items(f"{at}/elements", block.get("elements"), 1000)):
        where = f"{at}/elements/{number}"
        element = check.mapping(where, raw)
        if element is not None:
            _container(check, where, element)


def _container(check: Checker, at: str, element: JsonObject) -> None:
    kind = element.get("type")
    if not isinstance(kind, str) or kind not in _CONTAINERS:
        check.fail(f"{at}/type", f"unsupported type: {kind}")
        return
    check.keys(at, element, _CONTAINERS[kind])
    check.whole(f"{at}/border", element.get("border"), 0, 1)
    inner = check.items(f"{at}/elements", element.get("elements"), 10_000, minimum=0)
    if kind == "rich_text_list":
        if element.get("style") not in ("bullet", "ordered"):
            check.fail(f"{at}/style", "must be one of bullet, ordered")
        check.whole(f"{at}/indent", element.get("indent"), 0, 8)
        check.whole(f"{at}/offset", element.get("offset"), 0, 1_000_000)
        for number, raw in enumerate(inner):
            where = f"{at}/elements/{number}"
            section = check.mapping(where, raw)
            if section is None:
                continue
            if section.get("type") != "rich_text_section":
                check.fail(f"{where}/type", "must be rich_text_section")
            else:
                _container(check, where, section)
        return
    allowed = _IN_PREFORMATTED if kind == "rich_text_preformatted" else frozenset(_LEAVES)
    for number, raw in enumerate(inner):
        _leaf(check, f"{at}/elements/{number}", raw, allowed)


def _leaf(check: Checker, at: str, raw: Any, allowed: frozenset[str]) -> None:
    leaf = check.mapping(at, raw)
    if leaf is None:
        return
    kind = leaf.get("type")
    if not isinstance(kind, str) or kind not in allowed:
        check.fail(f"{at}/type", f"unsupported type: {kind}")
        return
    required, optional = _LEAVES[kind]
    check.keys(at, leaf, ("type", *required, *optional))
    for name in required:
        value = leaf.get(name)
        if name == "timestamp":
            check.whole(f"{at}/{name}", value, 0, 99_999_999_999)
            if value is None:
                check.fail(f"{at}/{name}", "missing required field")
        else:
            # "must be more than 0 characters" holds for a text leaf as well.
            check.string(f"{at}/{name}", value, 40_000, minimum=1, required=True)
    if kind == "broadcast":
        check.one_of(f"{at}/range", leaf.get("range"), ("here", "channel", "everyone"))
    style = leaf.get("style")
    if style is not None:
        styled = check.mapping(f"{at}/style", style)
        if styled is not None:
            check.keys(f"{at}/style", styled, _STYLES)
            for name, value in styled.items():
                check.flag(f"{at}/style/{name}", value)
