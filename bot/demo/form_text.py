"""The edit form as a text for an editor, and back.

    # deskhand: change what you like, save and close. The reply is below the line.
    labels: billing, how_to
    route: billing
    priority: normal
    approve now: yes
    ----
    The reply.

A text without that head is the reply alone: an editor may replace the whole file.
"""

from __future__ import annotations

from bot.forms import EditForm, EditInput, FieldErrors, Option

_MARK = "# deskhand:"
_LINE = "----"
_YES = {"yes": True, "y": True, "no": False, "n": False}


def as_text(form: EditForm) -> str:
    """What the editor opens."""
    head = [f"{_MARK} change what you like, save and close. The reply is below the line."]
    if form.note:
        head.append(f"# {form.note}")
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
        if action.title and len(form.actions) > 1:
            head.append(f"# action {action.index}: {action.title}")
            head.append(f"include {action.index}: {'yes' if action.included else 'no'}")
        head += [f"{field.id}: {_one_line(field.value)}" for field in action.fields]
    head.append(f"approve now: {'yes' if form.approve_now else 'no'}")
    return "\n".join([*head, _LINE, form.reply, ""])


def from_text(form: EditForm, text: str) -> EditInput | FieldErrors:
    """What the saved text says. Names are checked where the decision is; only the form here."""
    head, reply = _split(text)
    given: dict[str, str] = {}
    errors: dict[str, str] = {}
    for line in head:
        name, colon, value = line.partition(":")
        if not colon:
            errors[line.strip()] = f"is no `name: value`; is the line {_LINE} still there?"
        given[name.strip()] = value.strip()
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
        if name not in {"labels", "route", "priority", *flags, *known}:
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
        approve_now=flags.get("approve now", form.approve_now),
    )


def _split(text: str) -> tuple[list[str], str]:
    lines = text.splitlines()
    if not lines or not lines[0].startswith(_MARK) or _LINE not in lines:
        return [], text.strip()
    at = lines.index(_LINE)
    head = [line for line in lines[:at] if line.strip() and not line.startswith("#")]
    return head, "\n".join(lines[at + 1 :]).strip()


def _one_line(value: str) -> str:
    return " ".join(value.split())


def _values(options: tuple[Option, ...]) -> str:
    return ", ".join(option.value for option in options)
