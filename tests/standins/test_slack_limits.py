"""The stand-in's own rules, limit by limit: the last value taken, the first one refused."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.standins.slack.limits import (
    blocks_too_long,
    message_text_error,
    metadata_error,
    validate_blocks,
    validate_view,
)

Json = dict[str, Any]


def plain(text: str) -> Json:
    return {"type": "plain_text", "text": text}


def mrkdwn(text: str) -> Json:
    return {"type": "mrkdwn", "text": text}


def section(**fields: Any) -> Json:
    return {"type": "section", "text": mrkdwn("words"), **fields}


def button(**fields: Any) -> Json:
    return {"type": "button", "action_id": "press", "text": plain("Press"), **fields}


def actions(*elements: Json) -> Json:
    return {"type": "actions", "elements": list(elements)}


def option(value: str = "a", text: str = "A", **fields: Any) -> Json:
    return {"text": plain(text), "value": value, **fields}


def options(count: int) -> list[Json]:
    return [option(f"v{number}") for number in range(count)]


def select(**fields: Any) -> Json:
    return {"type": "static_select", "action_id": "pick", "options": options(3), **fields}


def multi(**fields: Any) -> Json:
    return {"type": "multi_static_select", "action_id": "many", "options": options(3), **fields}


def boxes(count: int, **fields: Any) -> Json:
    return {"type": "checkboxes", "action_id": "tick", "options": options(count), **fields}


def text_input(**fields: Any) -> Json:
    return {"type": "plain_text_input", "action_id": "value", **fields}


def asked(element: Json, **fields: Any) -> Json:
    return {"type": "input", "label": plain("Label"), "element": element, **fields}


def confirm(**fields: Any) -> Json:
    texts = {"title": plain("T"), "text": plain("X"), "confirm": plain("Y"), "deny": plain("N")}
    return {**texts, **fields}


def rich(*elements: Json) -> Json:
    return {"type": "rich_text", "elements": list(elements)}


def rich_section(*leaves: Json) -> Json:
    return {"type": "rich_text_section", "elements": list(leaves)}


def modal(*blocks: Json, **fields: Any) -> Json:
    return {"type": "modal", "title": plain("Edit"), "blocks": list(blocks), **fields}


def words(count: int) -> str:
    return "x" * count


def alt(**fields: Any) -> Json:
    return {"type": "image", "image_url": "https://x.example/", "alt_text": "x", **fields}


def context(*elements: Json) -> Json:
    return {"type": "context", "elements": list(elements)}


def group(count: int, label: str = "Group") -> Json:
    return {"label": plain(label), "options": options(count)}


def grouped(*groups: Json, **fields: Any) -> Json:
    return {"type": "static_select", "action_id": "g", "option_groups": list(groups), **fields}


def radio(count: int) -> Json:
    return {"type": "radio_buttons", "action_id": "r", "options": options(count)}


def overflow(count: int) -> Json:
    return {"type": "overflow", "action_id": "o", "options": options(count)}


def first_option(**fields: Any) -> Json:
    return actions(select(options=[option(**fields)]))


def many_buttons(count: int) -> Json:
    return actions(*(button(action_id=f"b{number}") for number in range(count)))


def rich_list(*items: Json, style: str = "bullet") -> Json:
    return rich({"type": "rich_text_list", "style": style, "elements": list(items)})


def table(columns: int) -> Json:
    return {"type": "table", "rows": [[{"type": "raw_text", "text": "x"}] * columns]}


def data_table(rows: int, columns: int) -> Json:
    row = [{"type": "raw_text", "text": "x"}] * columns
    return {"type": "data_table", "caption": "Figures", "rows": [row] * rows}


def pie(segments: int) -> Json:
    chart = {"type": "pie", "segments": [{"label": "a", "value": 1}] * segments}
    return {"type": "data_visualization", "title": "Shares", "chart": chart}


def confirming(**fields: Any) -> Json:
    return actions(button(confirm=confirm(**fields)))


# A block built for a length or a count, the greatest that Slack takes, where it complains.
BOUNDS: list[tuple[Callable[[int], Json], int, str]] = [
    (lambda n: section(text=mrkdwn(words(n))), 3000, "/text/text"),
    (lambda n: section(fields=[plain("x")] * n), 10, "/fields"),
    (lambda n: section(fields=[plain(words(n))]), 2000, "/fields/0/text"),
    (lambda n: section(block_id=words(n)), 255, "/block_id"),
    (lambda n: {"type": "header", "text": plain(words(n))}, 150, "/text/text"),
    (lambda n: {"type": "markdown", "text": words(n)}, 12_000, "/text"),
    (lambda n: actions(button(text=plain(words(n)))), 75, "/elements/0/text/text"),
    (lambda n: actions(button(value=words(n))), 2000, "/elements/0/value"),
    (lambda n: actions(button(url=words(n))), 3000, "/elements/0/url"),
    (lambda n: actions(button(action_id=words(n))), 255, "/elements/0/action_id"),
    (many_buttons, 25, "/elements"),
    (lambda n: context(*[plain("x")] * n), 10, "/elements"),
    (lambda n: alt(alt_text=words(n)), 2000, "/alt_text"),
    (lambda n: alt(title=plain(words(n))), 2000, "/title/text"),
    (lambda n: actions(boxes(n)), 10, "/elements/0/options"),
    (lambda n: actions(radio(n)), 10, "/elements/0/options"),
    (lambda n: actions(overflow(n)), 5, "/elements/0/options"),
    (lambda n: actions(select(options=options(n))), 100, "/elements/0/options"),
    (lambda n: first_option(text=words(n)), 75, "/elements/0/options/0/text/text"),
    (lambda n: first_option(value=words(n)), 150, "/elements/0/options/0/value"),
    (
        lambda n: first_option(description=plain(words(n))),
        75,
        "/elements/0/options/0/description/text",
    ),
    (
        lambda n: actions(grouped(group(1, words(n)))),
        75,
        "/elements/0/option_groups/0/label/text",
    ),
    (lambda n: actions(grouped(group(n))), 100, "/elements/0/option_groups/0/options"),
    (lambda n: actions(grouped(*[group(1)] * n)), 100, "/elements/0/option_groups"),
    (lambda n: actions(select(placeholder=plain(words(n)))), 150, "/elements/0/placeholder/text"),
    (lambda n: confirming(title=plain(words(n))), 100, "/elements/0/confirm/title/text"),
    (lambda n: confirming(text=plain(words(n))), 300, "/elements/0/confirm/text/text"),
    (lambda n: confirming(confirm=plain(words(n))), 30, "/elements/0/confirm/confirm/text"),
    (lambda n: confirming(deny=plain(words(n))), 30, "/elements/0/confirm/deny/text"),
    (lambda n: asked(text_input(), label=plain(words(n))), 2000, "/label/text"),
    (lambda n: asked(text_input(), hint=plain(words(n))), 2000, "/hint/text"),
    (lambda n: asked(text_input(initial_value=words(n))), 3000, "/element/initial_value"),
    (
        lambda n: asked(text_input(initial_value=words(n), max_length=9)),
        9,
        "/element/initial_value",
    ),
    (lambda n: asked(text_input(max_length=n)), 3000, "/element/max_length"),
    (lambda n: actions(multi(initial_options=options(n))), 3, "/elements/0/initial_options/3"),
    (
        lambda n: actions(multi(initial_options=options(n), max_selected_items=2)),
        2,
        "/elements/0/initial_options",
    ),
    (table, 20, "/rows/0"),
    (lambda n: data_table(n, 3), 101, "/rows"),
    (lambda n: data_table(3, n), 20, "/rows/0"),
    (pie, 6, "/chart/segments"),
]
TEXT_LEAF: Json = {"type": "text", "text": "x"}


@pytest.mark.parametrize(("build", "most", "at"), BOUNDS, ids=[f"{b[2]}<={b[1]}" for b in BOUNDS])
def test_a_block_is_taken_up_to_its_limit_and_refused_beyond(
    build: Callable[[int], Json], most: int, at: str
) -> None:
    assert validate_blocks([build(most)]) == []
    assert f"/blocks/0{at}" in [found.pointer for found in validate_blocks([build(most + 1)])]


# A block that Slack takes, one it refuses, and where it complains.
RULES: dict[str, tuple[Json, Json, str]] = {
    "a text is never empty": (
        section(text=mrkdwn("x")),
        section(text=mrkdwn("")),
        "/text/text",
    ),
    "a text is plain_text or mrkdwn": (
        section(text=plain("x")),
        section(text={"type": "markdown", "text": "x"}),
        "/text/type",
    ),
    "a section has text or fields": (
        {"type": "section", "fields": [plain("x")]},
        {"type": "section"},
        "",
    ),
    "an accessory is an element for sections": (
        section(accessory=button()),
        section(accessory=text_input()),
        "/accessory/type",
    ),
    "emoji belongs to plain_text": (
        section(text={**plain("x"), "emoji": True}),
        section(text={**mrkdwn("x"), "emoji": True}),
        "/text",
    ),
    "verbatim belongs to mrkdwn": (
        section(text={**mrkdwn("x"), "verbatim": True}),
        section(text={**plain("x"), "verbatim": True}),
        "/text",
    ),
    "no property is unknown": (section(), section(colour="red"), ""),
    "no block is unknown": ({"type": "divider"}, {"type": "confetti"}, "/type"),
    "a header is plain_text": (
        {"type": "header", "text": plain("x")},
        {"type": "header", "text": mrkdwn("x")},
        "/text/type",
    ),
    "a button's text is plain_text": (
        actions(button()),
        actions(button(text=mrkdwn("x"))),
        "/elements/0/text/type",
    ),
    "a button's style is known": (
        actions(button(style="danger")),
        actions(button(style="loud")),
        "/elements/0/style",
    ),
    "an action_id stands once in its block": (
        actions(button(), button(action_id="b")),
        actions(button(), button()),
        "/elements/1/action_id",
    ),
    "actions hold at least one element": (actions(button()), actions(), "/elements"),
    "actions hold no text input": (
        actions(select()),
        actions(text_input()),
        "/elements/0/type",
    ),
    "a context holds no button": (
        context(mrkdwn("x")),
        context(button()),
        "/elements/0/type",
    ),
    "a context's text is not empty": (
        context(mrkdwn("x")),
        context(mrkdwn("")),
        "/elements/0/text",
    ),
    "an image has an alternative text": (alt(), alt(alt_text=None), "/alt_text"),
    "an image has one source": (alt(), alt(image_url=None), ""),
    "ticked boxes are offered": (
        actions(boxes(3, initial_options=[option("v1")])),
        actions(boxes(3, initial_options=[option("other")])),
        "/elements/0/initial_options/0",
    ),
    "initial_options is left out, not empty": (
        actions(boxes(3)),
        actions(boxes(3, initial_options=[])),
        "/elements/0/initial_options",
    ),
    "a select has an option": (
        actions(select()),
        actions(select(options=[])),
        "/elements/0/options",
    ),
    "an initial option is offered": (
        actions(select(initial_option=option("v2"))),
        actions(select(initial_option=option("v9"))),
        "/elements/0/initial_option",
    ),
    "an initial option is exactly one offered": (
        actions(select(initial_option=option("v2"))),
        actions(select(initial_option=option("v2", "B"))),
        "/elements/0/initial_option",
    ),
    "an initial option may come from a group": (
        actions(grouped(group(2), initial_option=option("v1"))),
        actions(grouped(group(2), initial_option=option("v7"))),
        "/elements/0/initial_option",
    ),
    "groups exclude options": (
        actions(select()),
        actions(select(option_groups=[group(1)])),
        "/elements/0",
    ),
    "a select's option is plain_text": (
        first_option(),
        actions(select(options=[{"text": mrkdwn("x"), "value": "a"}])),
        "/elements/0/options/0/text/type",
    ),
    "an option has a value": (
        first_option(),
        first_option(value=""),
        "/elements/0/options/0/value",
    ),
    "a confirmation has a title": (
        confirming(),
        confirming(title=None),
        "/elements/0/confirm/title",
    ),
    "an input holds no button": (asked(text_input()), asked(button()), "/element/type"),
    "rich text holds containers": (
        rich(rich_section(TEXT_LEAF)),
        rich(TEXT_LEAF),
        "/elements/0/type",
    ),
    "a rich link has a url": (
        rich(rich_section({"type": "link", "url": "u"})),
        rich(rich_section({"type": "link"})),
        "/elements/0/elements/0/url",
    ),
    "a rich text leaf is not empty": (
        rich(rich_section(TEXT_LEAF)),
        rich(rich_section({"type": "text", "text": ""})),
        "/elements/0/elements/0/text",
    ),
    "a rich leaf is known": (
        rich(rich_section({"type": "emoji", "name": "eyes"})),
        rich(rich_section({"type": "junk"})),
        "/elements/0/elements/0/type",
    ),
    "a rich style is known": (
        rich(rich_section({**TEXT_LEAF, "style": {"bold": True}})),
        rich(rich_section({**TEXT_LEAF, "style": {"big": True}})),
        "/elements/0/elements/0/style",
    ),
    "a rich list has a style": (
        rich_list(rich_section()),
        rich_list(rich_section(), style="dots"),
        "/elements/0/style",
    ),
    "a rich list holds sections": (
        rich_list(rich_section()),
        rich_list(TEXT_LEAF),
        "/elements/0/elements/0/type",
    ),
    "preformatted text holds no mention": (
        rich({"type": "rich_text_preformatted", "elements": [TEXT_LEAF]}),
        rich({"type": "rich_text_preformatted", "elements": [{"type": "user", "user_id": "U1"}]}),
        "/elements/0/elements/0/type",
    ),
    "an alert belongs to modals": (
        {"type": "divider"},
        {"type": "alert", "text": plain("x")},
        "/type",
    ),
    "a data table is no ragged one": (
        data_table(2, 2),
        {**data_table(2, 2), "rows": [*data_table(2, 2)["rows"], data_table(1, 1)["rows"][0]]},
        "/rows/2",
    ),
    "a finished task is complete": (
        {"type": "task_card", "task_id": "1", "title": "T", "status": "complete"},
        {"type": "task_card", "task_id": "1", "title": "T", "status": "completed"},
        "/status",
    ),
}


@pytest.mark.parametrize("rule", RULES)
def test_a_block_keeps_slacks_rules(rule: str) -> None:
    good, bad, at = RULES[rule]
    assert validate_blocks([good]) == []
    assert f"/blocks/0{at}" in [found.pointer for found in validate_blocks([bad])]


def test_a_message_has_at_most_50_blocks_and_a_view_100() -> None:
    assert validate_blocks([{"type": "divider"}] * 50) == []
    assert [v.pointer for v in validate_blocks([{"type": "divider"}] * 51)] == ["/blocks"]
    assert validate_view(modal(*[{"type": "divider"}] * 100)) == []
    assert [v.pointer for v in validate_view(modal(*[{"type": "divider"}] * 101))] == [
        "/view/blocks"
    ]


def test_block_ids_are_unique_in_the_message_and_the_view() -> None:
    twice = [{"type": "divider", "block_id": "same"}] * 2
    assert [v.pointer for v in validate_blocks(twice)] == ["/blocks/1/block_id"]
    assert [v.pointer for v in validate_view(modal(*twice))] == ["/view/blocks/1/block_id"]


def test_the_same_action_id_may_stand_in_two_blocks() -> None:
    assert validate_blocks([actions(button()), actions(button())]) == []


def test_markdown_is_counted_over_the_whole_message() -> None:
    half = {"type": "markdown", "text": "x" * 6000}
    assert validate_blocks([half, half]) == []
    assert validate_blocks([half, half, half]) != []


def test_a_block_type_the_workspace_lacks_is_refused() -> None:
    assert validate_blocks([table(1)]) == []
    refused = validate_blocks([table(1)], refused=frozenset({"table"}))
    assert [violation.pointer for violation in refused] == ["/blocks/0/type"]


@pytest.mark.parametrize("junk", [None, "text", 7, {}, [None], [[]], [{}], [{"type": 3}]])
def test_junk_instead_of_blocks_is_refused_not_crashed_on(junk: object) -> None:
    assert validate_blocks(junk) != []


FOCUSED = asked(text_input(focus_on_load=True))
SUBMIT = plain("OK")
# What is put on a view that Slack takes, on one it refuses, and where it complains.
VIEW_RULES: list[tuple[Json, Json, str]] = [
    ({"title": plain(words(24))}, {"title": plain(words(25))}, "/view/title/text"),
    ({}, {"title": None}, "/view/title"),
    ({"submit": plain(words(24))}, {"submit": plain(words(25))}, "/view/submit/text"),
    ({"close": plain(words(24))}, {"close": plain(words(25))}, "/view/close/text"),
    (
        {"private_metadata": words(3000)},
        {"private_metadata": words(3001)},
        "/view/private_metadata",
    ),
    ({"callback_id": words(255)}, {"callback_id": words(256)}, "/view/callback_id"),
    ({"external_id": words(255)}, {"external_id": words(256)}, "/view/external_id"),
    ({}, {"blocks": []}, "/view/blocks"),
    ({}, {"colour": "red"}, "/view"),
    ({}, {"type": "popup"}, "/view/type"),
    ({}, {"blocks": [{"type": "markdown", "text": "x"}]}, "/view/blocks/0/type"),
    (
        {"blocks": [{"type": "alert", "text": plain(words(200))}]},
        {"blocks": [{"type": "alert", "text": plain(words(201))}]},
        "/view/blocks/0/text/text",
    ),
    (
        {"submit": SUBMIT, "blocks": [FOCUSED]},
        {"submit": SUBMIT, "blocks": [FOCUSED, FOCUSED]},
        "/view/blocks/1/element/focus_on_load",
    ),
    (
        {"submit": SUBMIT, "blocks": [asked(text_input())]},
        {"blocks": [asked(text_input())]},
        "/view/submit",
    ),
]


@pytest.mark.parametrize(("good", "bad", "at"), VIEW_RULES, ids=[rule[2] for rule in VIEW_RULES])
def test_a_view_keeps_slacks_rules(good: Json, bad: Json, at: str) -> None:
    base = modal({"type": "divider"})
    assert validate_view({**base, **good}) == []
    assert at in [found.pointer for found in validate_view({**base, **bad})]


def test_texts_and_metadata_have_limits_of_their_own() -> None:
    assert message_text_error("x" * 40_000, update=False) is None
    assert message_text_error("x" * 40_001, update=False) == "msg_too_long"
    assert message_text_error("x" * 4_000, update=True) is None
    assert message_text_error("x" * 4_001, update=True) == "msg_too_long"
    assert metadata_error({"event_type": "deskhand_card", "event_payload": {"a": 1}}) is None
    assert metadata_error({"event_type": "x", "event_payload": "text"}) == "invalid_metadata_format"
    assert metadata_error({"event_type": "x y", "event_payload": {}}) == "invalid_metadata_format"
    assert metadata_error({"event_payload": {}}) == "invalid_metadata_format"
    big = {"event_type": "x", "event_payload": {"a": "x" * 8_000}}
    assert metadata_error(big) == "metadata_too_large"


def test_all_blocks_of_a_message_together_have_a_limit() -> None:
    assert not blocks_too_long([section(text=mrkdwn("x" * 3000))] * 4)
    assert blocks_too_long([section(text=mrkdwn("x" * 3000))] * 5)
