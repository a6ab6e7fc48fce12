"""The edit and reject forms inside a card (``Action.ShowCard``), and what comes back from them.

Pure. Input ids are those of ``bot.forms``; every submitted value is a string. What does not fit is
left out, and so unchanged: cut, it would come back cut, and look like an edit.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from bot.domain import REASON_LIMIT, REPLY_LIMIT
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
from handlers.inert import one_line
from handlers.teams_inert import Json, line, runs, trusted, unmarked

APPROVE: Final = "deskhand.approve"
EDIT: Final = "deskhand.edit"
REJECT: Final = "deskhand.reject"
_TOGGLES: Final = frozenset({"approve_now", "draft_again"})
_ONE: Final = frozenset({"route", "priority", "reason"})
_MOST_VALUES: Final = 200


@dataclass(frozen=True)
class FormRoom:
    """What a form may take of a card. What does not fit is left out, never cut."""

    reply: bool = True
    """Its own input for the reply, which stands in the card already."""
    field: int = 3000
    """Characters of an argument."""
    choices: int = 100


# --- drawing ----------------------------------------------------------------------------------


def edit_card(form: EditForm, room: FormRoom) -> Json:
    """The card inside *Edit*."""
    body: list[Json] = []
    if form.note:
        body.append(line(runs(form.note)))
    if not form.replies:
        pass
    elif room.reply:
        body.append(
            _text("reply", "Reply", form.reply, multiline=True, limit=REPLY_LIMIT, required=False)
        )
    else:
        body.append(trusted("The reply is too long to edit inside a card.", isSubtle=True))
    labels = [option for option in form.labels if "," not in option.value]  # they come back joined
    if made := _choice_set("labels", "Labels", labels, form.chosen_labels, room):
        must = {"isRequired": True, "errorMessage": "Choose at least one label."}
        body.append({**made, "isMultiSelect": True, **must})
    priority = (form.priority,) if form.priority else ()
    body += _optional(_choice_set("route", "Route", form.routes, (form.route,), room))
    body += _optional(_choice_set("priority", "Priority", form.priorities, priority, room))
    for action in form.actions:
        body += _action(action, room)
    body += _include(form.actions)
    body.append(_toggle("approve_now", "Approve now", on=form.approve_now))
    return _form_card(body, "Save", EDIT, form.token)


def reject_card(form: RejectForm) -> Json:
    """The card inside *Reject*."""
    reasons = _choice_set("reason", "Why", form.reasons, (), FormRoom())
    body: list[Json] = [
        {**(reasons or {}), "isRequired": True, "errorMessage": "Choose a reason."},
        _text("words", "In your words", "", multiline=True, limit=given.WORDS_LIMIT,
              required=False),
    ]  # fmt: skip
    if form.may_draft_again:
        words = "Draft again, taking these words into account"
        body.append(_toggle("draft_again", words, on=False))
    return _form_card(body, "Reject", REJECT, form.token)


def reason_asked(form: ReasonForm) -> tuple[Json, Json]:
    """What asks why an approval may go out though the screen has found something, and the button
    that approves with it."""
    words = "Why it may go out all the same"
    asked = _text("reason", words, "", multiline=True, limit=REASON_LIMIT, required=True)
    return asked, {**_save("Approve", APPROVE, form.token), "style": "positive"}


def _form_card(body: list[Json], title: str, verb: str, token: str) -> Json:
    return {"type": "AdaptiveCard", "body": body, "actions": [_save(title, verb, token)]}


def _save(title: str, verb: str, token: str) -> Json:
    """A button that takes along what is filled in on its card."""
    return {"type": "Action.Execute", "title": title, "verb": verb, "data": {"token": token}}


def _text(
    ident: str, label: str, value: str, *, multiline: bool, limit: int, required: bool
) -> Json:
    made: Json = {
        "type": "Input.Text",
        "id": ident,
        "label": label,
        "isMultiline": multiline,
        "maxLength": limit,
    }
    if value:
        # Half a character, as JSON may bring one, cannot be sent.
        made["value"] = value.encode("utf-8", "replace").decode()
    if required:
        made |= {"isRequired": True, "errorMessage": "This must not be empty."}
    return made


def _choice_set(
    ident: str, label: str, options: Sequence[Option], chosen: Sequence[str], room: FormRoom
) -> Json | None:
    """A choice among ``options``, what is chosen before the rest; None where nothing can be
    offered, or not all that is chosen, for it would come back as taken away."""
    offered = [option for option in options if option.value]
    if len(offered) > room.choices:
        offered = sorted(offered, key=lambda option: option.value not in chosen)[: room.choices]
    known = {option.value for option in offered}
    if not offered or not known.issuperset(chosen):
        return None
    made: Json = {
        "type": "Input.ChoiceSet",
        "id": ident,
        "label": label,
        "choices": [
            {"title": unmarked(option.text or option.value, 100), "value": option.value}
            for option in offered
        ],
    }
    if chosen:
        made["value"] = ",".join(chosen)
    return made


def _optional(made: Json | None) -> list[Json]:
    return [made] if made else []


def _toggle(ident: str, title: str, *, on: bool) -> Json:
    return {
        "type": "Input.Toggle",
        "id": ident,
        "title": title,
        "value": "true" if on else "false",
        "wrap": True,
    }


def _action(action: ActionForm, room: FormRoom) -> list[Json]:
    if action.fixed or not action.fields:
        return []
    chosen: list[Json] = []
    if action.choices:
        # What has no box, for want of room, would come back as not ticked: all of them or none.
        options = [Option(one.name, one.text) for one in action.choices]
        ticked = [one.name for one in action.choices if one.chosen]
        ident = f"action.{action.index}.fields"
        boxes = _choice_set(ident, "Write into the CRM", options, ticked, FormRoom())
        chosen = [{**box, "isMultiSelect": True, "wrap": True} for box in _optional(boxes)]
        if ticked:
            must = "Leave at least one. To write nothing, reject it."
            chosen = [{**box, "isRequired": True, "errorMessage": must} for box in chosen]
    title = line(
        runs(f"Action {action.index + 1}: {one_line(action.title)[:200]}"), spacing="Large"
    )
    return [title, *chosen, *(_field(field, room) for field in action.fields)]


def _field(field: FieldForm, room: FormRoom) -> Json:
    limit = max(1, field.max_length)
    if len(field.value) > min(limit, room.field):
        return line(runs(f"{field.title}: too long to edit here", isSubtle=True))
    label = one_line(field.title)[:100] or field.id
    return _text(
        field.id, label, field.value, multiline=field.multiline, limit=limit,
        required=field.required and bool(field.value),
    )  # fmt: skip


def _include(actions: Sequence[ActionForm]) -> list[Json]:
    """What is to be done. Where something is ticked, one box at least must stay so: hosts send
    nothing for a choice of none, and a missing input means unchanged, which would do what a person
    has unticked."""
    open_ones = [action for action in actions if not action.fixed]
    options = [
        Option(str(action.index), f"Action {action.index + 1}: {action.title}")
        for action in open_ones
    ]
    ticked = [str(action.index) for action in open_ones if action.included]
    made = _choice_set("include", "Do", options, ticked, FormRoom())
    if made is None:
        return []
    made |= {"isMultiSelect": True, "style": "expanded", "wrap": True}
    if ticked:
        words = "Leave at least one. To do nothing, reject it."
        made |= {"isRequired": True, "errorMessage": words}
    return [made]


# --- what comes back --------------------------------------------------------------------------


@dataclass(frozen=True)
class Submission:
    """The ``data`` of an ``Action.Execute``: the token, and the inputs by id as strings."""

    token: str
    values: Mapping[str, str]


def parse_submission(data: Any) -> Submission | None:
    """``action.data`` as a client sent it; None where it is not of a card of ours (no object, no
    token, a value that is no string): the answer is then 400."""
    if not isinstance(data, dict) or len(data) > _MOST_VALUES:
        return None
    token = data.get("token")
    if not isinstance(token, str) or not token:
        return None
    values = {key: value for key, value in data.items() if key != "token"}
    if not all(isinstance(key, str) and isinstance(value, str) for key, value in values.items()):
        return None
    return Submission(token, values)


def edit_input(submitted: Submission) -> EditInput:
    """What a submitted edit says. An input that is missing is unchanged."""
    return given.edit_input(_Values(submitted.values))


def approve_input(submitted: Submission) -> ApproveInput | None:
    """The reason of a submitted approval; None: the button alone was pressed."""
    values = _Values(submitted.values)
    return given.approve_input(values) if "reason" in values else None


def reject_input(submitted: Submission) -> RejectInput | FieldErrors:
    """What a submitted rejection says."""
    return given.reject_input(_Values(submitted.values))


def errors_text(errors: FieldErrors) -> str:
    """What is wrong with a form, for a message that leaves the card and what was typed in place."""
    lines = [f"{_named(field)}: {words}" for field, words in errors.errors.items()]
    return "\n".join(["Not saved.", *lines])


def _named(field: str) -> str:
    if field.startswith("action."):
        _, number, name = (*field.split(".", 2), "", "")[:3]
        return f"Action {int(number) + 1 if number.isdecimal() else '?'}, {name.replace('_', ' ')}"
    return {"include": "Do"}.get(field, field.replace("_", " ").capitalize())


class _Values:
    """``handlers.given.Given`` over a card's inputs: choices are joined by commas, a toggle that is
    on is the choice of its own name."""

    def __init__(self, values: Mapping[str, str]) -> None:
        self._values = values

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __contains__(self, key: object) -> bool:
        return key in self._values

    def text(self, key: str) -> str | None:
        return self._values.get(key)

    def chosen(self, key: str) -> list[str]:
        value = self._values.get(key, "")
        if key in _TOGGLES:
            return [key] if value == "true" else []
        if key in _ONE:
            return [value] if value else []
        return [one for one in value.split(",") if one]
