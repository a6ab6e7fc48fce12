"""Slack's limits on blocks: docs.slack.dev/reference/block-kit/blocks."""

from collections.abc import Callable

from tests.standins.slack.limits.check import TEXT_MAX, URL_MAX, Checker, JsonObject, Surface
from tests.standins.slack.limits.elements import (
    IN_ACTIONS,
    IN_CONTEXT_ACTIONS,
    IN_INPUT,
    IN_SECTION,
    check_element,
    check_image_source,
)
from tests.standins.slack.limits.rich_text import check_rich_text

MESSAGE_BLOCKS_MAX = 50  # blocks: "up to 50 blocks in each message"
VIEW_BLOCKS_MAX = 100  # blocks: "up to 100 blocks in modals or Home tabs"
FIELDS_MAX = 10  # section-block: fields
FIELD_TEXT_MAX = 2000  # section-block: each field
HEADER_MAX = 150  # header-block: text, plain_text
ACTIONS_MAX = 25  # actions-block: elements
CONTEXT_MAX = 10  # context-block: elements
CONTEXT_ACTIONS_MAX = 5  # context-actions-block: elements
LABEL_MAX = 2000  # input-block: label and hint
IMAGE_TITLE_MAX = 2000  # image-block: title
MARKDOWN_MAX = 12_000  # markdown-block: "limit 12,000 characters", all of a payload's together
TABLE_ROWS_MAX = 100  # table-block: rows
TABLE_COLUMNS_MAX = 20  # table-block: cells in a row


def check_blocks(check: Checker, at: str, blocks: object, *, refused: frozenset[str]) -> None:
    """All blocks of a message or view. Types in `refused` are treated as unknown, so a
    test can see the product fall back where a workspace lacks a newer block."""
    most = MESSAGE_BLOCKS_MAX if check.surface == "message" else VIEW_BLOCKS_MAX
    minimum = 0 if check.surface == "message" else 1
    markdown = tables = charts = 0
    for number, raw in enumerate(check.items(at, blocks, most, minimum=minimum)):
        where = f"{at}/{number}"
        block = check.mapping(where, raw)
        if block is None:
            continue
        kind = block.get("type")
        if not isinstance(kind, str) or kind not in _BLOCKS or kind in refused:
            check.fail(f"{where}/type", f"unsupported type: {kind}")
            continue
        if check.surface not in _SURFACES.get(kind, _ANYWHERE):
            check.fail(f"{where}/type", f"{kind} is not supported in a {check.surface}")
            continue
        check.block_id(where, block.get("block_id"))
        _BLOCKS[kind](check, where, block)
        if kind == "markdown" and isinstance(block.get("text"), str):
            markdown += len(block["text"])
        tables += kind == "table"
        charts += kind == "data_visualization"
    if markdown > MARKDOWN_MAX:
        check.fail(at, f"markdown text must be less than {MARKDOWN_MAX + 1} characters in all")
    if tables > 1:
        check.fail(at, "only one table block is allowed in a message")
    if charts > 2:
        check.fail(at, "at most two data_visualization blocks are allowed in a message")


def _section(check: Checker, at: str, block: JsonObject) -> None:
    check.keys(at, block, ("type", "block_id", "text", "fields", "accessory", "expand"))
    if block.get("text") is None and block.get("fields") is None:
        check.fail(at, "one of text and fields is required")
    check.text(f"{at}/text", block.get("text"), limit=TEXT_MAX, required=False)
    if "fields" in block:
        for number, field in enumerate(check.items(f"{at}/fields", block["fields"], FIELDS_MAX)):
            check.text(f"{at}/fields/{number}", field, limit=FIELD_TEXT_MAX)
    if "accessory" in block:
        check_element(check, f"{at}/accessory", block["accessory"], IN_SECTION)


def _header(check: Checker, at: str, block: JsonObject) -> None:
    check.keys(at, block, ("type", "block_id", "text", "level"))
    check.text(f"{at}/text", block.get("text"), limit=HEADER_MAX, plain_only=True)


def _divider(check: Checker, at: str, block: JsonObject) -> None:
    check.keys(at, block, ("type", "block_id"))


def _image(check: Checker, at: str, block: JsonObject) -> None:
    check.keys(at, block, ("type", "block_id", "image_url", "slack_file", "alt_text", "title"))
    check_image_source(check, at, block)
    check.text(
        f"{at}/title",
        block.get("title"),
        limit=IMAGE_TITLE_MAX,
        plain_only=True,
        required=False,
    )


def _elements(
    check: Checker, at: str, block: JsonObject, most: int, allowed: frozenset[str]
) -> None:
    """Interactive elements: "action_id should be unique among all other action_ids in the
    containing block" (each element's action_id)."""
    check.keys(at, block, ("type", "block_id", "elements"))
    seen: set[str] = set()
    for number, raw in enumerate(check.items(f"{at}/elements", block.get("elements"), most)):
        where = f"{at}/elements/{number}"
        action_id = check_element(check, where, raw, allowed)
        if action_id is not None and action_id in seen:
            check.fail(f"{where}/action_id", f"action_id already exists: {action_id}")
        if action_id is not None:
            seen.add(action_id)


def _actions(check: Checker, at: str, block: JsonObject) -> None:
    _elements(check, at, block, ACTIONS_MAX, IN_ACTIONS)


def _context_actions(check: Checker, at: str, block: JsonObject) -> None:
    _elements(check, at, block, CONTEXT_ACTIONS_MAX, IN_CONTEXT_ACTIONS)


def _context(check: Checker, at: str, block: JsonObject) -> None:
    check.keys(at, block, ("type", "block_id", "elements"))
    for number, raw in enumerate(check.items(f"{at}/elements", block.get("elements"), CONTEXT_MAX)):
        where = f"{at}/elements/{number}"
        if isinstance(raw, dict) and raw.get("type") in ("plain_text", "mrkdwn"):
            check.text(where, raw)
        else:
            check_element(check, where, raw, frozenset({"image"}))


def _input(check: Checker, at: str, block: JsonObject) -> None:
    check.keys(
        at,
        block,
        ("type", "block_id", "label", "element", "hint", "optional", "dispatch_action"),
    )
    check.has_input = True
    check.text(f"{at}/label", block.get("label"), limit=LABEL_MAX, plain_only=True)
    check.text(f"{at}/hint", block.get("hint"), limit=LABEL_MAX, plain_only=True, required=False)
    check.flag(f"{at}/optional", block.get("optional"))
    check.flag(f"{at}/dispatch_action", block.get("dispatch_action"))
    check_element(check, f"{at}/element", block.get("element"), IN_INPUT)


def _markdown(check: Checker, at: str, block: JsonObject) -> None:
    check.keys(at, block, ("type", "block_id", "text"))
    check.string(f"{at}/text", block.get("text"), MARKDOWN_MAX, minimum=1, required=True)


def _file(check: Checker, at: str, block: JsonObject) -> None:
    check.keys(at, block, ("type", "block_id", "external_id", "source"))
    check.string(f"{at}/external_id", block.get("external_id"), TEXT_MAX, required=True)
    if block.get("source") != "remote":
        check.fail(f"{at}/source", "must be remote")


def _video(check: Checker, at: str, block: JsonObject) -> None:
    check.text(f"{at}/title", block.get("title"), limit=200, plain_only=True)
    for name in ("alt_text", "video_url", "thumbnail_url"):
        check.string(f"{at}/{name}", block.get(name), URL_MAX, minimum=1, required=True)
    check.string(f"{at}/author_name", block.get("author_name"), 50)


def _table(check: Checker, at: str, block: JsonObject) -> None:
    check.keys(at, block, ("type", "block_id", "rows", "column_settings"))
    for number, row in enumerate(check.items(f"{at}/rows", block.get("rows"), TABLE_ROWS_MAX)):
        where = f"{at}/rows/{number}"
        for column, raw in enumerate(check.items(where, row, TABLE_COLUMNS_MAX)):
            cell = check.mapping(f"{where}/{column}", raw)
            if cell is None:
                continue
            if cell.get("type") == "rich_text":
                check_rich_text(check, f"{where}/{column}", cell)
            elif cell.get("type") != "raw_text":
                check.fail(f"{where}/{column}/type", "must be one of raw_text, rich_text")


def _data_table(check: Checker, at: str, block: JsonObject) -> None:
    """data-table-block: a header row and up to 100 more, all of one length."""
    check.keys(
        at,
        block,
        ("type", "block_id", "rows", "caption", "page_size", "row_header_column_index"),
    )
    check.string(f"{at}/caption", block.get("caption"), TEXT_MAX, minimum=1, required=True)
    check.whole(f"{at}/page_size", block.get("page_size"), 1, TABLE_ROWS_MAX)
    rows = check.items(f"{at}/rows", block.get("rows"), TABLE_ROWS_MAX + 1, minimum=2)
    width = len(rows[0]) if rows and isinstance(rows[0], list) else 0
    for number, row in enumerate(rows):
        where = f"{at}/rows/{number}"
        cells = check.items(where, row, TABLE_COLUMNS_MAX)
        if len(cells) != width:
            check.fail(where, "all rows must have the same number of cells")
        allowed = ("raw_text", "raw_number", "rich_text") if number else ("raw_text", "raw_number")
        for column, cell in enumerate(cells):
            kind = cell.get("type") if isinstance(cell, dict) else None
            check.one_of(f"{where}/{column}/type", kind or "none", allowed)


def _data_visualization(check: Checker, at: str, block: JsonObject) -> None:
    """data-visualization-block: a title of 50 characters; 1 to 6 segments or series."""
    check.keys(at, block, ("type", "block_id", "title", "chart"))
    check.string(f"{at}/title", block.get("title"), 50, minimum=1, required=True)
    chart = check.mapping(f"{at}/chart", block.get("chart"))
    if chart is None:
        return
    check.one_of(f"{at}/chart/type", chart.get("type", "none"), ("pie", "bar", "area", "line"))
    name = "segments" if chart.get("type") == "pie" else "series"
    check.items(f"{at}/chart/{name}", chart.get(name), 6)
    if name == "series":
        check.mapping(f"{at}/chart/axis_config", chart.get("axis_config"))


def _alert(check: Checker, at: str, block: JsonObject) -> None:
    check.keys(at, block, ("type", "block_id", "text", "level"))
    check.text(f"{at}/text", block.get("text"), limit=200)
    check.one_of(
        f"{at}/level", block.get("level"), ("default", "info", "warning", "error", "success")
    )


def _card(check: Checker, at: str, block: JsonObject) -> None:
    # card-block: title and subtitle 150, body 200, at most 3 actions; one of image, title,
    # actions and body.
    if not any(block.get(name) for name in ("hero_image", "title", "actions", "body")):
        check.fail(at, "one of hero_image, title, actions and body is required")
    for name, limit in (("title", 150), ("subtitle", 150), ("body", 200)):
        check.text(f"{at}/{name}", block.get(name), limit=limit, required=False)
    buttons = check.items(f"{at}/actions", block["actions"], 3) if "actions" in block else []
    for number, raw in enumerate(buttons):
        check_element(check, f"{at}/actions/{number}", raw, IN_ACTIONS)


def _container(check: Checker, at: str, block: JsonObject) -> None:
    # container-block: at most 10 child blocks, title and subtitle 150.
    if block.get("title") is None and block.get("rich_text_title") is None:
        check.fail(at, "one of title and rich_text_title is required")
    for name in ("title", "subtitle"):
        check.text(f"{at}/{name}", block.get(name), limit=150, required=False)
    for number, raw in enumerate(check.items(f"{at}/child_blocks", block.get("child_blocks"), 10)):
        where = f"{at}/child_blocks/{number}"
        child = check.mapping(where, raw)
        if child is None:
            continue
        kind = child.get("type")
        if not isinstance(kind, str) or kind not in _BLOCKS or kind == "container":
            check.fail(f"{where}/type", f"unsupported type: {kind}")
            continue
        check.block_id(where, child.get("block_id"))
        _BLOCKS[kind](check, where, child)


def _task(check: Checker, at: str, block: JsonObject) -> None:
    check.string(f"{at}/task_id", block.get("task_id"), TEXT_MAX, minimum=1, required=True)
    check.string(f"{at}/title", block.get("title"), TEXT_MAX, minimum=1, required=True)
    # task-card-block: a finished task is `complete`, not `completed`.
    check.one_of(
        f"{at}/status", block.get("status"), ("pending", "in_progress", "complete", "error")
    )


def _plan(check: Checker, at: str, block: JsonObject) -> None:
    check.string(f"{at}/title", block.get("title"), TEXT_MAX, minimum=1, required=True)
    tasks = block.get("tasks")
    for number, raw in enumerate(tasks if isinstance(tasks, list) else []):
        task = check.mapping(f"{at}/tasks/{number}", raw)
        if task is not None:
            _task(check, f"{at}/tasks/{number}", task)


def _carousel(check: Checker, at: str, block: JsonObject) -> None:
    for number, raw in enumerate(check.items(f"{at}/elements", block.get("elements"), 10)):
        card = check.mapping(f"{at}/elements/{number}", raw)
        if card is not None:
            _card(check, f"{at}/elements/{number}", card)


_ANYWHERE: frozenset[Surface] = frozenset({"message", "modal", "home"})
_MESSAGES: frozenset[Surface] = frozenset({"message"})
_MODALS: frozenset[Surface] = frozenset({"modal"})
_SURFACES: dict[str, frozenset[Surface]] = {
    "alert": _MODALS,
    "data_table": _MESSAGES,
    "data_visualization": _MESSAGES,
    "file": _MESSAGES,
    "markdown": _MESSAGES,
    "context_actions": _MESSAGES,
    "plan": _MESSAGES,
    "table": _MESSAGES,
    "task_card": _MESSAGES,
}
_BLOCKS: dict[str, Callable[[Checker, str, JsonObject], None]] = {
    "actions": _actions,
    "alert": _alert,
    "card": _card,
    "carousel": _carousel,
    "container": _container,
    "context": _context,
    "context_actions": _context_actions,
    "data_table": _data_table,
    "data_visualization": _data_visualization,
    "divider": _divider,
    "file": _file,
    "header": _header,
    "image": _image,
    "input": _input,
    "markdown": _markdown,
    "plan": _plan,
    "rich_text": check_rich_text,
    "section": _section,
    "table": _table,
    "task_card": _task,
    "video": _video,
}
