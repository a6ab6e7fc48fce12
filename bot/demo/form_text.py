"""The edit form as a text for an editor, and back.

    # deskhand: change what you like, save and close. The reply is below the line.
    labels: billing, how_to
    route: billing
    priority: normal
    approve now: yes
    ----
    The reply.

A text without that head is the reply alone: an editor may replace the whole file. A lead has no
reply, and a box before each field:

    # deskhand: [x] is written into the CRM, [ ] is not. Change boxes and values, save and close.
    [x] industry: Glasshouse horticulture
    # Size: 64 (overwrites: 40)
    [ ] size: 64
    approve now: yes
"""

from __future__ import annotations

import re

from bot.forms import ActionForm, EditForm, EditInput, FieldChoice, FieldErrors, Option

_MARK = "# deskhand:"
_LINE = "----"
_YES = {"yes": True, "y": True, "no": False, "n": False}
_BOX = re.compile(r"\[\s*([xX]?)\s*\]\s*")


def as_text(form: EditForm) -> str:
    """What the editor opens."""
    if form.replies:
        head = [f"{_MARK} change what you like, save and close. The reply is below the line."]
    else:
        head = [
            f"{_MARK} [x] is written into the CRM, [ ] is not. Change boxes and values, save and"
            " close."
        ]
    if form.note:
        head.append(f"# {form.note}")
    if form.replies:
        head.append(f"# labels: {_values(form.labels)}")
        head.append(f"labels: {', '.join(form.chosen_labels)}")
        head.append(f"# routes: {_values(form.routes)}")
        head.append(f"route: {form.route}")
    if form.priorities:
        head.append(f"# priorities: {_values(form.priorities)}")
        head.append(f"priority: {form.priority or ''}")
    for action in form.actions:
        if action.fixed:
            continue
        if action.choices:
            head += _boxes(action)
            continue
        if action.title and len(form.actions) > 1:
            head.append(f"# action {action.index}: {action.title}")
            head.append(f"include {action.index}: {'yes' if action.included else 'no'}")
        head += [f"{field.id}: {_one_line(field.value)}" for field in action.fields]
    head.append(f"approve now: {'yes' if form.approve_now else 'no'}")
    return "\n".join([*head, _LINE, form.reply, ""] if form.replies else [*head, ""])


def from_text(form: EditForm, text: str) -> EditInput | FieldErrors:
    """What the saved text says. Names are checked where the decision is; only the form here."""
    head, reply = _split(text) if form.replies else (_told(text.splitlines()), None)
    boxes = {
        one.name: action.index
        for action in form.actions
        if not action.fixed
        for one in action.choices
    }
    ticked: dict[int, list[str]] = {index: [] for index in boxes.values()}
    given: dict[str, str] = {}
    errors: dict[str, str] = {}
    for line in head:
        box = _BOX.match(line)
        name, colon, value = line[box.end() if box else 0 :].partition(":")
        name = name.strip()
        if not colon:
            still = f"; is the line {_LINE} still there?" if form.replies else ""
            errors[line.strip()] = f"is no `name: value`{still}"
        if name in boxes:
            if box is None:
                errors[name] = "has lost its box: [x] or [ ]"
            elif box[1]:
                ticked[boxes[name]].append(name)
            name = f"action.{boxes[name]}.{name}"
        given[name] = value.strip()
    flags: dict[str, bool] = {}
    for name, value in given.items():
        if name == "approve now" or name.startswith("include "):
            if value.lower() not in _YES:
                errors[name] = "is yes or no"
            flags[name] = _YES.get(value.lower(), False)
    included = tuple(
        action.index
        for action in form.actions
        if flags.get(f"include {action.index}", action.included)
    )
    known = {field.id: _one_line(field.value) for act in form.actions for field in act.fields}
    for name in given:
        if name not in {"labels", "route", "priority", *flags, *known, *errors}:
            errors[name] = "is not a field here"
    if errors:
        return FieldErrors(errors)
    labels = given.get("labels")
    return EditInput(
        reply=reply,
        labels=None
        if labels is None
        else tuple(part for part in (word.strip() for word in labels.split(",")) if part),
        route=given.get("route"),
        priority=given.get("priority") or None,
        # Only what was changed: a value of several lines stands on one line here.
        fields={n: value for n, value in given.items() if n in known and value != known[n]},
        include=included if form.actions else None,
        chosen={index: tuple(names) for index, names in ticked.items()},
        approve_now=flags.get("approve now", form.approve_now),
    )


def choices_of(form: EditForm) -> tuple[FieldChoice, ...]:
    """The fields of a lead that may be chosen."""
    return tuple(one for action in form.actions if not action.fixed for one in action.choices)


def with_boxes(form: EditForm, text: str, numbers: str) -> str | None:
    """``text`` with the boxes ticked that ``numbers`` name (``1 3 4``, as ``choices_of`` counts)
    and no others; None: these are no such numbers."""
    names = [one.name for one in choices_of(form)]
    given = re.split(r"[\s,]+", numbers.strip())
    if not all(one.isascii() and one.isdigit() and 0 < int(one) <= len(names) for one in given):
        return None
    wanted = {names[int(one) - 1] for one in given}

    def line(old: str) -> str:
        box = _BOX.match(old)
        name = old[box.end() :].partition(":")[0].strip() if box else ""
        return f"[{'x' if name in wanted else ' '}] {old[box.end() :]}" if box else old

    return "\n".join(map(line, text.split("\n")))


def _boxes(action: ActionForm) -> list[str]:
    lines = []
    for choice, field in zip(action.choices, action.fields, strict=True):
        if choice.text != f"{field.title}: {field.value}":
            lines.append(f"# {_one_line(choice.text)}")
        lines.append(f"[{'x' if choice.chosen else ' '}] {choice.name}: {_one_line(field.value)}")
    return lines


def _split(text: str) -> tuple[list[str], str]:
    lines = text.splitlines()
    if not lines or not lines[0].startswith(_MARK) or _LINE not in lines:
        return [], text.strip()
    at = lines.index(_LINE)
    return _told(lines[:at]), "\n".join(lines[at + 1 :]).strip()


def _told(lines: list[str]) -> list[str]:
    """Without what is empty or said by us."""
    return [line for line in lines if line.strip() and not line.startswith("#")]


def _one_line(value: str) -> str:
    return " ".join(value.split())


def _values(options: tuple[Option, ...]) -> str:
    return ", ".join(option.value for option in options)
