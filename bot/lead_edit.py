"""A lead's fields as a person chooses and types them; the action that writes those. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from pydantic import JsonValue

from bot.domain import Action, Change, Lead, LeadField, Person
from bot.forms import ActionForm, EditInput, FieldChoice, FieldForm
from bot.lead_card import UPDATE_CRM, chosen_in, title_of
from tools.crm.records import FIELD_LIMIT, clean, normal_domain, normal_email

_NORMAL = {"email": normal_email, "domain": normal_domain}
"""What a typed value becomes before it is stored; None: it is none."""


def update_action(lead: Lead, chosen: Sequence[str], target: str) -> Action:
    """The action that writes the chosen fields, as far as the CRM has a place for them; with none
    of them it is left out."""
    changes: list[JsonValue] = [
        {"field": one.name, "shown": one.present, "value": one.value}
        for one in lead.fields
        if one.name in chosen and one.value and one.value != one.present and not one.unplaced
    ]
    return Action(
        tool=UPDATE_CRM,
        args={"kind": lead.kind, "key": lead.key, "changes": changes},
        target=target,
        included=bool(changes),
    )


def lead_form(index: int, action: Action, lead: Lead, *, fixed: bool) -> ActionForm:
    """The part of the edit form that chooses fields. Its box *include* is ticked whatever is
    chosen: with no field ticked there is nothing to do."""
    chosen, offered = chosen_in(action), [one for one in lead.fields if not one.unplaced]
    return ActionForm(
        index=index,
        title=f"{action.tool}: {action.target}",
        included=True,
        fixed=fixed,
        fields=tuple(
            FieldForm(
                id=f"action.{index}.{one.name}",
                title=title_of(one.name),
                value=one.value,
                multiline=len(one.value) > 100,
                max_length=FIELD_LIMIT,
                required=False,
            )
            for one in offered
        ),
        choices=tuple(
            FieldChoice(
                one.name,
                f"{title_of(one.name)}: {one.value}"
                + (f" (overwrites: {one.present})" if one.overwrites else ""),
                one.name in chosen,
            )
            for one in offered
        ),
    )


def edit_lead(
    lead: Lead, index: int, given: EditInput, editor: Person | None, errors: dict[str, str]
) -> Lead:
    """The fields with what was typed: whoever typed a value is its source from then on."""

    def typed(one: LeadField) -> LeadField:
        ident = f"action.{index}.{one.name}"
        written = given.fields.get(ident)
        value = clean(written) if written is not None else one.value
        if value == one.value:
            return one
        if len(value) > FIELD_LIMIT:
            errors[ident] = f"A field has {FIELD_LIMIT} characters at most; this has {len(value)}."
            return one
        normal = _NORMAL.get(one.name)
        if normal is not None and value:
            plain = normal(value)
            if plain is None:
                errors[ident] = (
                    f"This is no {'domain' if one.name == 'domain' else 'e-mail address'}."
                )
                return one
            value = plain
        return one.model_copy(
            update={
                "value": value,
                "source": "",
                "title": "",
                "quote": "",
                "seen_at": None,
                "confidence": "high",
                "typed_by": editor.actor if editor is not None else None,
                "typed_name": editor.name if editor is not None else "",
            }
        )

    return lead.model_copy(update={"fields": tuple(typed(one) for one in lead.fields)})


def edit_update(lead: Lead, index: int, action: Action, given: EditInput) -> Action:
    """The action for the ticked fields, in the order of the card."""
    chosen = given.chosen.get(index, chosen_in(action))
    fresh = update_action(lead, chosen, action.target)
    if given.include is not None and index not in given.include:
        return fresh.model_copy(update={"included": False})
    return fresh


def lead_changes(before: Lead | None, after: Lead) -> tuple[Change, ...]:
    """What was typed, for the card."""
    was = {one.name: one.value for one in before.fields} if before is not None else {}
    return tuple(
        Change(field=now.name, before=was.get(now.name, ""), after=now.value)
        for now in after.fields
        if was.get(now.name, "") != now.value
    )
