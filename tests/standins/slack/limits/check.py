"""Collecting violations of Slack's limits, and the checks of text and options.

Every number is Slack's own, from docs.slack.dev/reference/block-kit; the section is named
beside it. Lengths are counted in characters (code points), as Slack documents them.
"""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any, Literal

JsonObject = dict[str, Any]
Surface = Literal["message", "modal", "home"]
"""Where blocks are shown: in a message, a modal view or an App Home view."""

TEXT_MAX = 3000  # composition-objects/text-object: text, 1 to 3000
ID_MAX = 255  # blocks: block_id; block-elements: action_id; views: callback_id, external_id
URL_MAX = 3000  # button.url, option.url, image_url
PLACEHOLDER_MAX = 150  # block-elements: placeholder
OPTION_TEXT_MAX = 75  # composition-objects/option-object: text
OPTION_VALUE_MAX = 150  # option-object: value (formerly 75)
OPTION_DESCRIPTION_MAX = 75  # option-object: description
OPTIONS_MAX = 100  # select menus: options and option_groups, and options in a group
GROUP_LABEL_MAX = 75  # composition-objects/option-group-object: label
CONFIRM_TITLE_MAX = 100  # composition-objects/confirmation-dialog-object: title
CONFIRM_TEXT_MAX = 300  # confirmation-dialog-object: text
CONFIRM_BUTTON_MAX = 30  # confirmation-dialog-object: confirm, deny


@dataclass(frozen=True)
class Violation:
    """One thing Slack would refuse, at a JSON pointer, in Slack's manner of words."""

    pointer: str
    message: str

    def in_slacks_words(self) -> str:
        """As it stands in `response_metadata.messages` of an `invalid_blocks` answer."""
        return f"[ERROR] {self.message} [json-pointer:{self.pointer}]"


class Checker:
    """Walks one payload and keeps what Slack would refuse."""

    def __init__(self, surface: Surface) -> None:
        self.surface = surface
        self.found: list[Violation] = []
        self._block_ids: set[str] = set()
        self.focused = 0
        self.has_input = False

    def fail(self, at: str, message: str) -> None:
        self.found.append(Violation(at, message))

    # ---- primitives ------------------------------------------------------------------

    def mapping(self, at: str, value: object) -> JsonObject | None:
        if isinstance(value, dict):
            return value
        self.fail(at, "must be an object")
        return None

    def keys(self, at: str, value: JsonObject, allowed: Collection[str]) -> None:
        """Slack refuses properties it does not know: `invalid additional property`."""
        for key in value:
            if key not in allowed:
                self.fail(at, f"invalid additional property: {key}")

    def string(
        self, at: str, value: object, limit: int, *, minimum: int = 0, required: bool = False
    ) -> None:
        if value is None:
            if required:
                self.fail(at, "missing required field")
            return
        if not isinstance(value, str):
            self.fail(at, "must be a string")
            return
        if len(value) < minimum:
            self.fail(at, f"must be more than {minimum - 1} characters")
        if len(value) > limit:
            self.fail(at, f"must be less than {limit + 1} characters")

    def flag(self, at: str, value: object) -> None:
        if value is not None and not isinstance(value, bool):
            self.fail(at, "must be a boolean")

    def one_of(self, at: str, value: object, allowed: Collection[str]) -> None:
        if value is not None and value not in allowed:
            self.fail(at, f"must be one of {', '.join(sorted(allowed))}")

    def items(self, at: str, value: object, maximum: int, *, minimum: int = 1) -> list[Any]:
        """The items of an array of `minimum` to `maximum`; empty if it is none."""
        if not isinstance(value, list):
            self.fail(at, "must be an array")
            return []
        if len(value) < minimum:
            self.fail(at, f"no fewer than {minimum} items allowed")
        if len(value) > maximum:
            self.fail(at, f"no more than {maximum} items allowed")
        return value

    def whole(self, at: str, value: object, low: int, high: int) -> None:
        if value is None:
            return
        if isinstance(value, bool) or not isinstance(value, int):
            self.fail(at, "must be an integer")
        elif not low <= value <= high:
            self.fail(at, f"must be between {low} and {high}")

    def block_id(self, at: str, value: object) -> None:
        """block_id: at most 255 characters, unique in a message or view (blocks)."""
        self.string(f"{at}/block_id", value, ID_MAX, minimum=1)
        if isinstance(value, str):
            if value in self._block_ids:
                self.fail(f"{at}/block_id", f"duplicate block_id: {value}")
            self._block_ids.add(value)

    # ---- composition objects ---------------------------------------------------------

    def text(
        self,
        at: str,
        value: object,
        *,
        limit: int = TEXT_MAX,
        plain_only: bool = False,
        required: bool = True,
    ) -> None:
        """composition-objects/text-object: never empty; `emoji` only in plain_text,
        `verbatim` only in mrkdwn."""
        if value is None:
            if required:
                self.fail(at, "missing required field: text object")
            return
        text = self.mapping(at, value)
        if text is None:
            return
        kind = text.get("type")
        if kind not in ("plain_text", "mrkdwn") or (plain_only and kind != "plain_text"):
            allowed = "plain_text" if plain_only else "plain_text, mrkdwn"
            self.fail(f"{at}/type", f"must be one of {allowed}")
            return
        extra = "emoji" if kind == "plain_text" else "verbatim"
        self.keys(at, text, ("type", "text", extra))
        self.flag(f"{at}/{extra}", text.get(extra))
        self.string(f"{at}/text", text.get("text"), limit, minimum=1, required=True)

    def confirm(self, at: str, value: object) -> None:
        """composition-objects/confirmation-dialog-object."""
        if value is None:
            return
        dialog = self.mapping(at, value)
        if dialog is None:
            return
        self.keys(at, dialog, ("title", "text", "confirm", "deny", "style"))
        self.text(f"{at}/title", dialog.get("title"), limit=CONFIRM_TITLE_MAX, plain_only=True)
        self.text(f"{at}/text", dialog.get("text"), limit=CONFIRM_TEXT_MAX)
        for name in ("confirm", "deny"):
            self.text(f"{at}/{name}", dialog.get(name), limit=CONFIRM_BUTTON_MAX, plain_only=True)
        self.one_of(f"{at}/style", dialog.get("style"), ("primary", "danger"))

    def option(self, at: str, value: object, *, plain_only: bool, with_url: bool) -> None:
        """composition-objects/option-object: mrkdwn only in radio buttons and checkboxes,
        `url` only in overflow menus."""
        option = self.mapping(at, value)
        if option is None:
            return
        self.keys(at, option, ("text", "value", "description") + (("url",) if with_url else ()))
        self.text(f"{at}/text", option.get("text"), limit=OPTION_TEXT_MAX, plain_only=plain_only)
        self.string(f"{at}/value", option.get("value"), OPTION_VALUE_MAX, minimum=1, required=True)
        self.text(
            f"{at}/description",
            option.get("description"),
            limit=OPTION_DESCRIPTION_MAX,
            plain_only=plain_only,
            required=False,
        )
        self.string(f"{at}/url", option.get("url"), URL_MAX)

    def options(
        self,
        at: str,
        element: JsonObject,
        *,
        maximum: int,
        plain_only: bool = True,
        groups: bool = False,
        with_url: bool = False,
    ) -> list[JsonObject]:
        """All options of an element, from `options` or (select menus) `option_groups`."""
        found: list[JsonObject] = []
        if groups and "option_groups" in element:
            if "options" in element:
                self.fail(at, "options and option_groups are mutually exclusive")
            listed = self.items(f"{at}/option_groups", element["option_groups"], OPTIONS_MAX)
            for number, raw in enumerate(listed):
                where = f"{at}/option_groups/{number}"
                group = self.mapping(where, raw)
                if group is None:
                    continue
                self.keys(where, group, ("label", "options"))
                self.text(
                    f"{where}/label", group.get("label"), limit=GROUP_LABEL_MAX, plain_only=True
                )
                found += self._option_list(
                    f"{where}/options", group.get("options"), OPTIONS_MAX, plain_only, with_url
                )
            return found
        return self._option_list(
            f"{at}/options", element.get("options"), maximum, plain_only, with_url
        )

    def _option_list(
        self, at: str, value: object, maximum: int, plain_only: bool, with_url: bool
    ) -> list[JsonObject]:
        listed = self.items(at, value, maximum)
        for number, raw in enumerate(listed):
            self.option(f"{at}/{number}", raw, plain_only=plain_only, with_url=with_url)
        return [raw for raw in listed if isinstance(raw, dict)]

    def initial(self, at: str, value: object, options: list[JsonObject]) -> None:
        """initial_option: "must exactly match one of the options" (select menus)."""
        if value is not None and value not in options:
            self.fail(at, "must exactly match one of the options")

    def initial_list(self, at: str, value: object, options: list[JsonObject]) -> None:
        """initial_options: a non-empty list of options that are offered."""
        if value is None:
            return
        for number, chosen in enumerate(self.items(at, value, OPTIONS_MAX)):
            self.initial(f"{at}/{number}", chosen, options)
