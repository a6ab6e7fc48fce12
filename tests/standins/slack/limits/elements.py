"""Slack's limits on block elements: docs.slack.dev/reference/block-kit/block-elements."""

import re
from collections.abc import Callable

from tests.standins.slack.limits.check import (
    ID_MAX,
    OPTIONS_MAX,
    PLACEHOLDER_MAX,
    TEXT_MAX,
    URL_MAX,
    Checker,
    JsonObject,
)
from tests.standins.slack.limits.rich_text import check_rich_text

BUTTON_TEXT_MAX = 75  # button-element: text; accessibility_label
BUTTON_VALUE_MAX = 2000  # button-element: value
BOXES_MAX = 10  # checkboxes-element, radio-button-group-element: options
OVERFLOW_MAX = 5  # overflow-menu-element: options
ALT_TEXT_MAX = 2000  # image-element, image-block: alt_text
INPUT_VALUE_MAX = 3000  # plain-text-input-element: min_length and max_length "max 3000"

_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")
_TIME = re.compile(r"([01]\d|2[0-3]):[0-5]\d")
_COMMON = ("type", "action_id", "confirm", "focus_on_load", "placeholder")


def check_element(check: Checker, at: str, value: object, allowed: frozenset[str]) -> str | None:
    """Check one element; only types in `allowed` may stand here. Returns its action_id."""
    element = check.mapping(at, value)
    if element is None:
        return None
    kind = element.get("type")
    if not isinstance(kind, str) or kind not in _ELEMENTS or kind not in allowed:
        check.fail(f"{at}/type", f"unsupported type: {kind}")
        return None
    _ELEMENTS[kind](check, at, element)
    action_id = element.get("action_id")
    check.string(f"{at}/action_id", action_id, ID_MAX, minimum=1)
    check.confirm(f"{at}/confirm", element.get("confirm"))
    check.text(
        f"{at}/placeholder",
        element.get("placeholder"),
        limit=PLACEHOLDER_MAX,
        plain_only=True,
        required=False,
    )
    check.flag(f"{at}/focus_on_load", element.get("focus_on_load"))
    if element.get("focus_on_load") is True:
        # "Only one element can be set to true" in a view (each element's focus_on_load).
        check.focused += 1
        if check.focused > 1:
            check.fail(f"{at}/focus_on_load", "only one element may have focus_on_load")
    return action_id if isinstance(action_id, str) else None


def _button(check: Checker, at: str, element: JsonObject) -> None:
    check.keys(
        at,
        element,
        ("type", "text", "action_id", "url", "value", "style", "confirm",
         "accessibility_label", "agent_prompt"),
    )  # fmt: skip
    check.text(f"{at}/text", element.get("text"), limit=BUTTON_TEXT_MAX, plain_only=True)
    check.string(f"{at}/url", element.get("url"), URL_MAX)
    check.string(f"{at}/value", element.get("value"), BUTTON_VALUE_MAX)
    check.one_of(f"{at}/style", element.get("style"), ("primary", "danger"))
    check.string(f"{at}/accessibility_label", element.get("accessibility_label"), BUTTON_TEXT_MAX)


def _checkboxes(check: Checker, at: str, element: JsonObject) -> None:
    check.keys(at, element, (*_COMMON, "options", "initial_options"))
    options = check.options(at, element, maximum=BOXES_MAX, plain_only=False)
    check.initial_list(f"{at}/initial_options", element.get("initial_options"), options)


def _radio_buttons(check: Checker, at: str, element: JsonObject) -> None:
    check.keys(at, element, (*_COMMON, "options", "initial_option"))
    options = check.options(at, element, maximum=BOXES_MAX, plain_only=False)
    check.initial(f"{at}/initial_option", element.get("initial_option"), options)


def _static_select(check: Checker, at: str, element: JsonObject) -> None:
    check.keys(at, element, (*_COMMON, "options", "option_groups", "initial_option"))
    options = check.options(at, element, maximum=OPTIONS_MAX, groups=True)
    check.initial(f"{at}/initial_option", element.get("initial_option"), options)


def _multi_static_select(check: Checker, at: str, element: JsonObject) -> None:
    check.keys(
        at,
        element,
        (*_COMMON, "options", "option_groups", "initial_options", "max_selected_items"),
    )
    options = check.options(at, element, maximum=OPTIONS_MAX, groups=True)
    check.initial_list(f"{at}/initial_options", element.get("initial_options"), options)
    most = element.get("max_selected_items")
    check.whole(f"{at}/max_selected_items", most, 1, 10_000)
    chosen = element.get("initial_options")
    if isinstance(most, int) and isinstance(chosen, list) and len(chosen) > most:
        check.fail(f"{at}/initial_options", "more than max_selected_items")


def _overflow(check: Checker, at: str, element: JsonObject) -> None:
    check.keys(at, element, ("type", "action_id", "options", "confirm"))
    check.options(at, element, maximum=OVERFLOW_MAX, with_url=True)


def _entity_select(initial: str) -> Callable[[Checker, str, JsonObject], None]:
    """users_select, channels_select, conversations_select and their multi forms."""

    def run(check: Checker, at: str, element: JsonObject) -> None:
        check.keys(
            at,
            element,
            (*_COMMON, initial, "max_selected_items", "filter", "response_url_enabled",
             "default_to_current_conversation"),
        )  # fmt: skip
        check.whole(f"{at}/max_selected_items", element.get("max_selected_items"), 1, 10_000)

    return run


def _external_select(check: Checker, at: str, element: JsonObject) -> None:
    check.keys(
        at,
        element,
        (*_COMMON, "min_query_length", "initial_option", "initial_options", "max_selected_items"),
    )
    check.whole(f"{at}/min_query_length", element.get("min_query_length"), 0, 10_000)


def _plain_text_input(check: Checker, at: str, element: JsonObject) -> None:
    check.keys(
        at,
        element,
        (*_COMMON, "initial_value", "multiline", "min_length", "max_length",
         "dispatch_action_config"),
    )  # fmt: skip
    low, high = element.get("min_length"), element.get("max_length")
    check.whole(f"{at}/min_length", low, 0, INPUT_VALUE_MAX)
    check.whole(f"{at}/max_length", high, 1, INPUT_VALUE_MAX)
    check.flag(f"{at}/multiline", element.get("multiline"))
    if isinstance(low, int) and isinstance(high, int) and low > high:
        check.fail(f"{at}/min_length", "must be no greater than max_length")
    # An initial value longer than the field could hold is refused, so the bound is
    # max_length where one is given, else the greatest a field has.
    bound = high if isinstance(high, int) and 0 < high <= INPUT_VALUE_MAX else INPUT_VALUE_MAX
    check.string(f"{at}/initial_value", element.get("initial_value"), bound)


def _short_input(check: Checker, at: str, element: JsonObject) -> None:
    check.keys(at, element, (*_COMMON, "initial_value", "dispatch_action_config"))
    check.string(f"{at}/initial_value", element.get("initial_value"), INPUT_VALUE_MAX)


def _is_number(value: object) -> bool:
    return isinstance(value, str) and re.fullmatch(r"-?\d+(\.\d+)?", value) is not None


def _number_input(check: Checker, at: str, element: JsonObject) -> None:
    check.keys(
        at,
        element,
        (*_COMMON, "is_decimal_allowed", "initial_value", "min_value", "max_value",
         "dispatch_action_config"),
    )  # fmt: skip
    if not isinstance(element.get("is_decimal_allowed"), bool):
        check.fail(f"{at}/is_decimal_allowed", "missing required field")
    for name in ("initial_value", "min_value", "max_value"):
        value = element.get(name)
        check.string(f"{at}/{name}", value, TEXT_MAX, minimum=1)
        if isinstance(value, str) and not _is_number(value):
            check.fail(f"{at}/{name}", "must be a number")
    low, high = element.get("min_value"), element.get("max_value")
    if _is_number(low) and _is_number(high) and float(str(low)) > float(str(high)):
        check.fail(f"{at}/min_value", "must be no greater than max_value")


def _date_picker(check: Checker, at: str, element: JsonObject) -> None:
    check.keys(at, element, (*_COMMON, "initial_date"))
    _pattern(check, f"{at}/initial_date", element.get("initial_date"), _DATE, "YYYY-MM-DD")


def _time_picker(check: Checker, at: str, element: JsonObject) -> None:
    check.keys(at, element, (*_COMMON, "initial_time", "timezone"))
    _pattern(check, f"{at}/initial_time", element.get("initial_time"), _TIME, "HH:mm")


def _date_time_picker(check: Checker, at: str, element: JsonObject) -> None:
    check.keys(at, element, ("type", "action_id", "initial_date_time", "confirm", "focus_on_load"))
    # datetime-picker-element: a UNIX timestamp of 10 digits.
    when = element.get("initial_date_time")
    check.whole(f"{at}/initial_date_time", when, 1_000_000_000, 9_999_999_999)


def _pattern(check: Checker, at: str, value: object, pattern: re.Pattern[str], words: str) -> None:
    if value is not None and not (isinstance(value, str) and pattern.fullmatch(value)):
        check.fail(at, f"must have the form {words}")


def check_image_source(check: Checker, at: str, element: JsonObject) -> None:
    """image-element and image-block: one source, and alt_text always."""
    sources = [name for name in ("image_url", "slack_file") if element.get(name) is not None]
    if len(sources) != 1:
        check.fail(at, "exactly one of image_url and slack_file is required")
    check.string(f"{at}/image_url", element.get("image_url"), URL_MAX, minimum=1)
    check.string(f"{at}/alt_text", element.get("alt_text"), ALT_TEXT_MAX, minimum=1, required=True)


def _image(check: Checker, at: str, element: JsonObject) -> None:
    check.keys(at, element, ("type", "image_url", "slack_file", "alt_text"))
    check_image_source(check, at, element)


def _rich_text_input(check: Checker, at: str, element: JsonObject) -> None:
    check.keys(at, element, (*_COMMON, "initial_value", "dispatch_action_config"))
    initial = element.get("initial_value")
    if initial is not None:
        block = check.mapping(f"{at}/initial_value", initial)
        if block is not None:
            check_rich_text(check, f"{at}/initial_value", block)


def _file_input(check: Checker, at: str, element: JsonObject) -> None:
    check.keys(at, element, ("type", "action_id", "filetypes", "max_files"))
    check.whole(f"{at}/max_files", element.get("max_files"), 1, 10)


def _feedback_buttons(check: Checker, at: str, element: JsonObject) -> None:
    # feedback-buttons-element: text of each at most 75, value at most 2000.
    check.keys(at, element, ("type", "action_id", "positive_button", "negative_button"))
    for name in ("positive_button", "negative_button"):
        button = check.mapping(f"{at}/{name}", element.get(name))
        if button is not None:
            check.text(
                f"{at}/{name}/text", button.get("text"), limit=BUTTON_TEXT_MAX, plain_only=True
            )
            check.string(f"{at}/{name}/value", button.get("value"), BUTTON_VALUE_MAX, required=True)


def _icon_button(check: Checker, at: str, element: JsonObject) -> None:
    check.keys(
        at,
        element,
        ("type", "action_id", "icon", "text", "value", "confirm", "accessibility_label",
         "visible_to_user_ids"),
    )  # fmt: skip
    check.one_of(f"{at}/icon", element.get("icon"), ("trash",))
    check.text(f"{at}/text", element.get("text"), limit=BUTTON_TEXT_MAX, plain_only=True)
    check.string(f"{at}/value", element.get("value"), BUTTON_VALUE_MAX)


def _workflow_button(check: Checker, at: str, element: JsonObject) -> None:
    check.text(f"{at}/text", element.get("text"), limit=BUTTON_TEXT_MAX, plain_only=True)
    check.mapping(f"{at}/workflow", element.get("workflow"))


_ELEMENTS: dict[str, Callable[[Checker, str, JsonObject], None]] = {
    "button": _button,
    "channels_select": _entity_select("initial_channel"),
    "checkboxes": _checkboxes,
    "conversations_select": _entity_select("initial_conversation"),
    "datepicker": _date_picker,
    "datetimepicker": _date_time_picker,
    "email_text_input": _short_input,
    "external_select": _external_select,
    "feedback_buttons": _feedback_buttons,
    "file_input": _file_input,
    "icon_button": _icon_button,
    "image": _image,
    "multi_channels_select": _entity_select("initial_channels"),
    "multi_conversations_select": _entity_select("initial_conversations"),
    "multi_external_select": _external_select,
    "multi_static_select": _multi_static_select,
    "multi_users_select": _entity_select("initial_users"),
    "number_input": _number_input,
    "overflow": _overflow,
    "plain_text_input": _plain_text_input,
    "radio_buttons": _radio_buttons,
    "rich_text_input": _rich_text_input,
    "static_select": _static_select,
    "timepicker": _time_picker,
    "url_text_input": _short_input,
    "users_select": _entity_select("initial_user"),
    "workflow_button": _workflow_button,
}

_SELECTS = frozenset(
    {"static_select", "external_select", "users_select", "conversations_select", "channels_select"}
)
_MULTI_SELECTS = frozenset(f"multi_{name}" for name in _SELECTS)
_PICKERS = frozenset({"checkboxes", "radio_buttons", "datepicker", "timepicker"})

IN_SECTION = (
    _SELECTS | _MULTI_SELECTS | _PICKERS | {"button", "image", "overflow", "workflow_button"}
)
"""section-block: accessory."""
IN_ACTIONS = _SELECTS | _MULTI_SELECTS | _PICKERS | {
    "button", "overflow", "datetimepicker", "rich_text_input", "workflow_button",
}  # fmt: skip
"""actions-block: elements."""
IN_INPUT = _SELECTS | _MULTI_SELECTS | _PICKERS | {
    "datetimepicker", "email_text_input", "file_input", "number_input", "plain_text_input",
    "rich_text_input", "url_text_input",
}  # fmt: skip
"""input-block: element."""
IN_CONTEXT_ACTIONS = frozenset({"feedback_buttons", "icon_button"})
"""context-actions-block: elements."""
