"""The edit form of a proposal, and the content that a submitted form makes. Pure."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel, JsonValue, ValidationError

from bot import buttons
from bot.agent.answer import InvalidAnswer, strict_json
from bot.card import arg_text
from bot.domain import (
    REPLY_LIMIT,
    REPLY_TOOLS,
    Action,
    Change,
    Content,
    Lead,
    Mark,
    Person,
    Proposal,
    Ticket,
    repeats_reply,
)
from bot.forms import (
    ActionForm,
    EditForm,
    EditInput,
    FieldErrors,
    FieldForm,
    Option,
    ReasonForm,
    RejectForm,
)
from bot.lead_card import UPDATE_CRM, chosen_in
from bot.lead_edit import edit_lead, edit_update, lead_changes, lead_form
from bot.plain_text import clean, clean_value
from bot.playbook import Playbook
from tools.spec import ActionSpec

REASONS = (
    Option("wrong_label", "Wrong label"),
    Option("wrong_route", "Wrong route"),
    Option("wrong_facts", "Wrong facts"),
    Option("wrong_tone", "Wrong tone"),
    Option("not_a_request", "Not a request"),
    Option("duplicate", "Duplicate"),
    Option("other", "Other"),
)


@dataclass(frozen=True)
class Edited:
    """A valid edit: the new content, what it changed, and the marks that still hold."""

    content: Content
    changes: tuple[Change, ...]
    marks: tuple[Mark, ...]
    lead: Lead | None = None


def edit_form(
    proposal: Proposal,
    playbook: Playbook,
    specs: Mapping[str, ActionSpec],
    by_hand: ActionForm | None = None,
) -> EditForm:
    """The form, filled with the present revision. ``by_hand``: of a lead that nothing was found
    for."""
    content = proposal.content or Content(labels=(), route="default")
    handoff = proposal.state == "handoff"
    if proposal.lead is not None:
        playbook = playbook.model_copy(update={"labels": {}, "priorities": ()})
    return EditForm(
        proposal=proposal.id,
        revision=proposal.revision,
        token=buttons.mint(
            proposal.id, proposal.secret, proposal.revision, "edit", proposal.claimed_at
        ),
        reply=content.reply or "",
        labels=tuple(Option(key, key, words) for key, words in playbook.labels.items()),
        chosen_labels=tuple(label for label in content.labels if label in playbook.labels),
        routes=tuple(Option(key, key) for key in playbook.routes),
        route=content.route if content.route in playbook.routes else "default",
        replies=proposal.lead is None and by_hand is None,
        priorities=tuple(Option(key, key) for key in playbook.priorities),
        priority=content.priority if content.priority in playbook.priorities else None,
        actions=(by_hand,)
        if by_hand is not None
        else tuple(
            lead_form(index, action, proposal.lead, fixed=_has_succeeded(proposal, index))
            if proposal.lead is not None and action.tool == UPDATE_CRM
            else ActionForm(
                index=index,
                title=f"{action.tool}: {action.target}",
                included=action.included,
                fixed=_has_succeeded(proposal, index),
                fields=_fields(index, action, specs),
            )
            for index, action in enumerate(content.actions)
        ),
        approve_now=not handoff,
        note=_note(by_hand is not None) if handoff else "",
    )


def _note(of_a_lead: bool) -> str:
    what = "Type what you know of it" if of_a_lead else "Write the reply by hand"
    return f"{what}. It passes the same approval."


def reject_form(proposal: Proposal) -> RejectForm:
    """The form that asks why."""
    return RejectForm(
        proposal=proposal.id,
        revision=proposal.revision,
        token=buttons.mint(
            proposal.id, proposal.secret, proposal.revision, "reject", proposal.claimed_at
        ),
        reasons=REASONS,
        may_draft_again=True,
    )


def reason_form(proposal: Proposal) -> ReasonForm:
    """The form that asks why what the screen has found may go out."""
    return ReasonForm(
        proposal=proposal.id,
        revision=proposal.revision,
        token=buttons.mint(
            proposal.id, proposal.secret, proposal.revision, "approve", proposal.claimed_at
        ),
        found=tuple(f"Screen: {name}" for name in proposal.hit_names),
    )


def apply_edit(
    proposal: Proposal,
    ticket: Ticket,
    playbook: Playbook,
    specs: Mapping[str, ActionSpec],
    target: Callable[[str, Ticket], str],
    given: EditInput,
    editor: Person | None = None,
) -> Edited | FieldErrors:
    """The content that ``given`` makes of the present one, or what is wrong at which field.
    ``editor`` is named as the source of what they typed."""
    before = proposal.content or Content(labels=(), route="default")
    errors: dict[str, str] = {}

    labels = before.labels if given.labels is None else given.labels
    unknown = [label for label in labels if label not in playbook.labels]
    if unknown:
        errors["labels"] = f"{unknown[0]!r} is not a label of this playbook."
    elif not labels and playbook.labels:
        errors["labels"] = "Choose at least one label."
    route = before.route if given.route is None else given.route
    if route not in playbook.routes and route != before.route:
        errors["route"] = f"{route!r} is not a route of this playbook."
    priority = before.priority if given.priority is None else given.priority
    if priority is not None and priority not in playbook.priorities:
        errors["priority"] = f"{priority!r} is not a priority of this playbook."

    reply = before.reply if given.reply is None else (clean(given.reply).strip() or None)
    if reply is not None and len(reply) > REPLY_LIMIT:
        errors["reply"] = f"A reply has {REPLY_LIMIT} characters at most; this has {len(reply)}."

    offered = before.actions
    says = "post_answer" if ticket.ask is not None else "send_reply"
    if reply is not None and playbook.action(says) and not _replies(offered):
        # What was no request, or a handoff, becomes a reply by the person's own words.
        args: dict[str, JsonValue] = {"text": reply}
        if says == "post_answer":
            args["data"] = {"run": proposal.run.id}
        offered = (*offered, Action(tool=says, args=args, target=target(says, ticket)))
    lead, written_to = proposal.lead, None
    if lead is not None:
        written_to = next(
            (index for index, action in enumerate(offered) if action.tool == UPDATE_CRM), None
        )
    if lead is not None and written_to is not None and not _has_succeeded(proposal, written_to):
        lead = edit_lead(lead, written_to, given, editor, errors)

    def edited(index: int, action: Action) -> Action:
        # Where it would go now: the config may have changed since the card was made.
        now = action.model_copy(update={"target": target(action.tool, ticket)})
        if lead is not None and index == written_to and not _has_succeeded(proposal, index):
            return edit_update(lead, index, now, given)
        return _edit_action(proposal, index, now, reply, given, specs, errors)

    actions = tuple(edited(index, action) for index, action in enumerate(offered))
    if reply is None and any(act.included and _sends_words(act) for act in actions):
        errors.setdefault("reply", "Write a reply, or untick sending it.")
    if reply is None and proposal.state == "handoff" and playbook.kind == "triage":
        errors.setdefault("reply", "Write a reply; a ticket that needs none is closed instead.")
    if errors:
        return FieldErrors(errors)
    content = Content(labels=labels, priority=priority, route=route, reply=reply, actions=actions)
    changes = _changes(before, content)
    if lead is not None and proposal.lead is not None and lead != proposal.lead:
        changes += lead_changes(proposal.lead, lead)
    return Edited(content, changes, _kept_marks(proposal, reply), lead)


def _edit_action(
    proposal: Proposal,
    index: int,
    action: Action,
    reply: str | None,
    given: EditInput,
    specs: Mapping[str, ActionSpec],
    errors: dict[str, str],
) -> Action:
    if _has_succeeded(proposal, index):
        assert proposal.content is not None
        return proposal.content.actions[index]
    known = index < len(proposal.content.actions if proposal.content else ())
    included = action.included
    if given.include is not None and known:
        included = index in given.include
    args: dict[str, JsonValue] = dict(action.args)
    if action.tool in REPLY_TOOLS:
        if reply is None and action.args.get("text") is not None:
            included = False if given.reply is not None else included
        elif reply is None:
            args["text"] = None
        else:
            args["text"] = reply
    spec = specs.get(action.tool)
    if spec is None:
        if included:
            errors["include"] = f"{action.tool} is no longer allowed; untick it."
        return action.model_copy(update={"included": included})
    for name, field in spec.args_model.model_fields.items():
        if repeats_reply(action.tool, name):
            continue  # the reply's own field is the one place where its words are written
        written = given.fields.get(f"action.{index}.{name}")
        if written is not None and written != arg_text(args.get(name)):
            args[name] = _typed(clean(written), field.annotation, args.get(name))
    if included:
        for at, fault in _faults(index, action.tool, spec.args_model, args).items():
            errors.setdefault(at, fault)  # where our own words are there already, they are plainer
    return action.model_copy(update={"args": args, "included": included})


def _faults(
    index: int, tool: str, model: type[BaseModel], args: Mapping[str, Any]
) -> dict[str, str]:
    try:
        model.model_validate(dict(args))
    except ValidationError as invalid:
        faults = {}
        for fault in invalid.errors():
            name = str(fault["loc"][0]) if fault["loc"] else ""
            field = "reply" if repeats_reply(tool, name) else f"action.{index}.{name}"
            faults[field] = f"{fault['msg']}."
        return faults
    return {}


def _typed(written: str, annotation: Any, before: JsonValue) -> JsonValue:
    """A form's text as the schema wants it; what does not convert stays text, for validation to
    name the fault at its field. What was a list or an object is written as JSON."""
    try:
        if isinstance(before, list | dict):
            return clean_value(strict_json(written))
        if annotation is int:
            return int(written)
        if annotation is float:
            number = float(written)
            return number if math.isfinite(number) else written  # JSON knows no other
    except (ValueError, InvalidAnswer):
        return written
    if annotation is bool:
        return {"true": True, "false": False}.get(written.strip().lower(), written)
    return written


def _fields(index: int, action: Action, specs: Mapping[str, ActionSpec]) -> tuple[FieldForm, ...]:
    spec = specs.get(action.tool)
    if spec is None:
        return ()
    forms = []
    for name, field in spec.args_model.model_fields.items():
        if repeats_reply(action.tool, name):
            continue
        value = action.args.get(name)
        text = arg_text(value)
        longest = next((m.max_length for m in field.metadata if hasattr(m, "max_length")), 3000)
        forms.append(
            FieldForm(
                id=f"action.{index}.{name}",
                title=field.title or name.replace("_", " ").capitalize(),
                value=text,
                multiline=longest > 400,
                max_length=min(longest, 3000),
                required=field.is_required(),
            )
        )
    return tuple(forms)


def _changes(before: Content, after: Content) -> tuple[Change, ...]:
    pairs = [
        ("labels", ", ".join(before.labels), ", ".join(after.labels)),
        ("priority", before.priority or "", after.priority or ""),
        ("route", before.route, after.route),
        ("reply", before.reply or "", after.reply or ""),
    ]
    for index, action in enumerate(after.actions):
        was = before.actions[index] if index < len(before.actions) else None
        if was is not None and was.included != action.included:
            pairs.append((f"{action.tool}", _in(was), _in(action)))
        if was is not None and was.target != action.target:
            pairs.append((f"{action.tool} target", was.target, action.target))
        for name, value in action.args.items():
            if action.tool == UPDATE_CRM:
                if name == "changes":
                    pairs.append(("fields", _names(was), _names(action)))
            elif not repeats_reply(action.tool, name):
                old = was.args.get(name) if was else None
                pairs.append((f"{action.tool} {name}", arg_text(old), arg_text(value)))
    return tuple(Change(field=name, before=a, after=b) for name, a, b in pairs if a != b)


def _names(action: Action | None) -> str:
    return ", ".join(chosen_in(action)) if action is not None else ""


def _sends_words(action: Action) -> bool:
    """A null text only tells a webhook's other side that the ticket asked for nothing."""
    return action.tool in REPLY_TOOLS and action.args.get("text") is not None


def _in(action: Action) -> str:
    return "included" if action.included else "left out"


def _kept_marks(proposal: Proposal, reply: str | None) -> tuple[Mark, ...]:
    """The marks whose passages still stand: an edit elsewhere does not support them."""
    before = (proposal.content.reply if proposal.content else None) or ""
    kept = []
    for mark in proposal.marks:
        passage = before[mark.start : mark.end]
        start = (reply or "").find(passage) if passage else -1
        if start >= 0:
            kept.append(Mark(kind=mark.kind, start=start, end=start + len(passage)))
    return tuple(kept)


def _has_succeeded(proposal: Proposal, index: int) -> bool:
    return index < len(proposal.progress) and proposal.progress[index].status == "succeeded"


def _replies(actions: tuple[Action, ...]) -> bool:
    return any(action.tool in REPLY_TOOLS for action in actions)
