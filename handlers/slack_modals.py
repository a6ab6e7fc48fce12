"""Edit and reject forms as Slack modals, and what comes back from them.

Pure. Limits are those of docs.slack.dev/reference/block-kit: 100 blocks, 100 options, 75
characters in an option, ten boxes an element, 3,000 characters in an input. What does not fit is
cut where it is only read, and left out (so: unchanged) where it would be saved.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from bot.domain import REASON_LEAST, REASON_LIMIT, REPLY_LIMIT
from bot.forms import (
    ActionForm,
    ApproveInput,
    EditForm,
    EditInput,
    FieldErrors,
    FieldForm,
    Option,
    ReasonForm,
    RejectForm,
    RejectInput,
)
from handlers import given
from handlers.slack_inert import one_line

EDIT: Final = "deskhand.edit"
REJECT: Final = "deskhand.reject"
APPROVE: Final = "deskhand.approve"
"""The modals' callback ids."""
VALUE: Final = "value"
"""The action id of every input element."""

_BLOCKS, _OPTIONS, _BOXES = 100, 100, 10
_INPUT, _OPTION_TEXT, _OPTION_VALUE, _LABEL, _SECTION = 3000, 75, 150, 2000, 3000
Json = dict[str, Any]


@dataclass(frozen=True)
class Carried:
    """What a modal carries in its ``private_metadata``, so that a submission finds back.

    ``channel`` and ``thread`` say where its presser is told something in private; they authorise
    nothing, ``token`` alone is checked."""

    token: str
    channel: str | None = None
    thread: str | None = None

    def dump(self) -> str:
        return json.dumps({"token": self.token, "channel": self.channel, "thread": self.thread})

    @classmethod
    def load(cls, text: Any) -> Carried:
        """What ``dump`` wrote; of anything else, a token that nobody knows."""
        try:
            found = json.loads(text) if isinstance(text, str) else {}
        except (ValueError, RecursionError):
            found = {}
        if not isinstance(found, dict):
            found = {}
        token, channel, thread = (found.get(key) for key in ("token", "channel", "thread"))
        return cls(
            token if isinstance(token, str) else "",
            channel if isinstance(channel, str) else None,
            thread if isinstance(thread, str) else None,
        )


def edit_view(form: EditForm, carried: Carried) -> Json:
    """The modal of an edit."""
    head: list[Json] = []
    if form.note:
        head.append(_section(form.note))
    if form.replies:
        head.append(
            _input(
                "reply",
                "Reply",
                _text(form.reply, multiline=True, max_length=REPLY_LIMIT),
                optional=True,
            )
        )
    if form.labels:
        head.append(_input("labels", "Labels", _many(form.labels, form.chosen_labels)))
    if form.routes:
        head.append(_input("route", "Route", _one(form.routes, form.route)))
    if form.priorities:
        head.append(
            _input(
                "priority",
                "Priority",
                _one(form.priorities, form.priority),
                optional=form.priority is None,
            )
        )
    tail = _include(form.actions)
    now = {"text": _plain("Approve now"), "value": "approve_now"}
    tail.append(
        _input(
            "approve_now",
            "When saved",
            _boxes([now], [now] if form.approve_now else []),
            optional=True,
        )
    )
    room = _BLOCKS - len(head) - len(tail)
    fields = [block for action in form.actions for block in _action(action)]
    return {
        "type": "modal",
        "callback_id": EDIT,
        "title": _plain(form.title),
        "submit": _plain("Save"),
        "close": _plain("Cancel"),
        "private_metadata": carried.dump(),
        "blocks": [*head, *fields[:room], *tail],
    }


def reject_view(form: RejectForm, carried: Carried) -> Json:
    """The modal of a rejection."""
    blocks = [
        _input("reason", "Why", _one(form.reasons, None)),
        _input("words", "In your words", _text("", multiline=True, max_length=3000), optional=True),
    ]
    if form.may_draft_again:
        again = {
            "text": _plain("Draft again"),
            "description": _plain("A new draft that takes your words into account"),
            "value": "draft_again",
        }
        blocks.append(_input("draft_again", "And then", _boxes([again], []), optional=True))
    return {
        "type": "modal",
        "callback_id": REJECT,
        "title": _plain("Reject the draft"),
        "submit": _plain("Reject"),
        "close": _plain("Cancel"),
        "private_metadata": carried.dump(),
        "blocks": blocks,
    }


def reason_view(form: ReasonForm, carried: Carried) -> Json:
    """The modal that asks why what the screen has found may go out."""
    reason = _text("", multiline=True, max_length=REASON_LIMIT)
    return {
        "type": "modal",
        "callback_id": APPROVE,
        "title": _plain("Approve all the same"),
        "submit": _plain("Approve"),
        "close": _plain("Cancel"),
        "private_metadata": carried.dump(),
        "blocks": [
            _section("\n".join(one_line(line) for line in form.found)),
            _input("reason", "Why may it go out?", {**reason, "min_length": REASON_LEAST}),
        ],
    }


def approve_input(values: Any) -> ApproveInput:
    """What ``view.state.values`` of an approval with its reason says."""
    return given.approve_input(_Values(values))


def edit_input(values: Any) -> EditInput:
    """What ``view.state.values`` of an edit says. A block that is not there is unchanged."""
    return given.edit_input(_Values(values))


def reject_input(values: Any) -> RejectInput | FieldErrors:
    """What ``view.state.values`` of a rejection says."""
    return given.reject_input(_Values(values))


class _Values:
    """``view.state.values``, whose shape is trusted for nothing."""

    def __init__(self, values: Any) -> None:
        self._values: Mapping[str, Any] = values if isinstance(values, dict) else {}

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __contains__(self, key: object) -> bool:
        return key in self._values

    def _state(self, key: str) -> Mapping[str, Any]:
        block = self._values.get(key)
        state = block.get(VALUE) if isinstance(block, dict) else None
        return state if isinstance(state, dict) else {}

    def text(self, key: str) -> str | None:
        """None where the block is missing; an emptied input comes as null and is ``""``."""
        if key not in self._values:
            return None
        value = self._state(key).get("value")
        return value if isinstance(value, str) else ""

    def chosen(self, key: str) -> list[str]:
        """The values chosen in a select or ticked in boxes."""
        state = self._state(key)
        options = state.get("selected_options")
        if not isinstance(options, list):
            options = [state.get("selected_option")]
        values = (option.get("value") for option in options if isinstance(option, dict))
        return [value for value in values if isinstance(value, str)]


def _action(action: ActionForm) -> list[Json]:
    title = _title(action)
    if action.fixed:
        return [_section(f"{title} (done)")]
    offered = [field for field in action.fields if len(field.value) <= _limit(field)]
    left_out = [field for field in action.fields if len(field.value) > _limit(field)]
    blocks = [_section(title)] if action.fields else []
    blocks += _choices(action)
    blocks += [
        _input(
            field.id,
            field.title,
            _text(field.value, multiline=field.multiline, max_length=_limit(field)),
            optional=not field.required,
        )
        for field in offered
    ]
    # Cut, it would come back cut, and look like an edit.
    blocks += [_section(f"{field.title}: too long to edit here") for field in left_out]
    return blocks


def _choices(action: ActionForm) -> list[Json]:
    """The boxes that choose a lead's fields, ten an element."""
    blocks = []
    for number, start in enumerate(range(0, len(action.choices), _BOXES), 1):
        part = action.choices[start : start + _BOXES]
        options: list[Json] = [
            {"text": _plain(_cut(one_line(one.text), _OPTION_TEXT)), "value": one.name}
            for one in part
        ]
        ticked = [option for one, option in zip(part, options, strict=True) if one.chosen]
        ident = f"action.{action.index}.fields"
        block_id = ident if number == 1 else f"{ident}.{number}"
        label = "Write into the CRM" if number == 1 else "And"
        blocks.append(_input(block_id, label, _boxes(options, ticked), optional=True))
    return blocks


def _title(action: ActionForm) -> str:
    return f"{action.index + 1}. {one_line(action.title)}"


def _limit(field: FieldForm) -> int:
    return max(1, min(field.max_length, _INPUT))


def _include(actions: Sequence[ActionForm]) -> list[Json]:
    open_ones = [action for action in actions if not action.fixed]
    blocks = []
    for number, start in enumerate(range(0, len(open_ones), _BOXES), 1):
        part = open_ones[start : start + _BOXES]
        options = [
            {
                "text": _plain(_cut(_title(action), _OPTION_TEXT)),
                "value": str(action.index),
            }
            for action in part
        ]
        ticked = [option for action, option in zip(part, options, strict=True) if action.included]
        block_id = "include" if number == 1 else f"include.{number}"
        blocks.append(_input(block_id, "Do", _boxes(options, ticked), optional=True))
    return blocks


def _input(block_id: str, label: str, element: Json, *, optional: bool = False) -> Json:
    return {
        "type": "input",
        "block_id": block_id,
        "label": _plain(_cut(label, _LABEL)),
        "element": element,
        "optional": optional,
    }


def _text(value: str, *, multiline: bool, max_length: int) -> Json:
    element: Json = {
        "type": "plain_text_input",
        "action_id": VALUE,
        "multiline": multiline,
        "max_length": max_length,
    }
    if value:
        element["initial_value"] = value[:max_length]
    return element


def _one(options: Sequence[Option], chosen: str | None) -> Json:
    offered = _offered(options, [chosen] if chosen is not None else [])
    element: Json = {"type": "static_select", "action_id": VALUE, "options": offered}
    if first := [option for option in offered if option["value"] == chosen]:
        element["initial_option"] = first[0]
    return element


def _many(options: Sequence[Option], chosen: Sequence[str]) -> Json:
    offered = _offered(options, chosen)
    element: Json = {"type": "multi_static_select", "action_id": VALUE, "options": offered}
    if first := [option for option in offered if option["value"] in chosen]:
        element["initial_options"] = first
    return element


def _boxes(options: list[Json], ticked: list[Json]) -> Json:
    element: Json = {"type": "checkboxes", "action_id": VALUE, "options": options}
    if ticked:
        element["initial_options"] = ticked
    return element


def _offered(options: Sequence[Option], chosen: Sequence[str]) -> list[Json]:
    """At most a hundred, what is chosen before the rest; too long a key cannot be offered."""
    fitting = [option for option in options if 0 < len(option.value) <= _OPTION_VALUE]
    if len(fitting) > _OPTIONS:
        fitting.sort(key=lambda option: option.value not in chosen)
    return [_option(option) for option in fitting[:_OPTIONS]]


def _option(option: Option) -> Json:
    drawn: Json = {
        "text": _plain(_cut(option.text or option.value, _OPTION_TEXT)),
        "value": option.value,
    }
    if option.description:
        drawn["description"] = _plain(_cut(option.description, _OPTION_TEXT))
    return drawn


def _section(text: str) -> Json:
    return {"type": "section", "text": _plain(_cut(text, _SECTION))}


def _plain(text: str) -> Json:
    # Without ``emoji: false`` Slack draws :words: between colons as pictures.
    return {"type": "plain_text", "text": text, "emoji": False}


def _cut(text: str, limit: int) -> str:
    return text if len(text) <= limit else text[: limit - 1] + "…"
