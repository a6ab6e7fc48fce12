"""A lead as its card shows it: each field beside what the CRM held, with the source it rests on."""

from __future__ import annotations

from bot.card import LeadRow, LeadView, Who
from bot.domain import Action, Content, Lead, LeadField

UPDATE_CRM = "update_crm"
"""The action that writes a lead's fields."""

TITLES = {"next_step": "Next step", "email": "E-mail"}
"""Of fields whose key does not read well."""


def title_of(name: str) -> str:
    """A field's name as a person reads it."""
    return TITLES.get(name) or name.replace("_", " ").capitalize()


def chosen_in(action: Action) -> tuple[str, ...]:
    """The fields that an ``update_crm`` would write."""
    changes = action.args.get("changes")
    rows = changes if isinstance(changes, (list, tuple)) else ()
    return tuple(str(row["field"]) for row in rows if isinstance(row, dict) and "field" in row)


def lead_view(lead: Lead, content: Content | None) -> LeadView:
    """``content``: of the same proposal; its action says what is chosen."""
    actions = content.actions if content is not None else ()
    writing = next((one for one in actions if one.tool == UPDATE_CRM), None)
    chosen = chosen_in(writing) if writing is not None and writing.included else ()
    return LeadView(
        kind=lead.kind,
        key=lead.key,
        rows=tuple(_row(one, one.name in chosen) for one in lead.fields),
        same=tuple(map(title_of, lead.same)),
        struck=lead.struck,
        missed=lead.missed,
        note=_note(lead, writing),
    )


def _note(lead: Lead, writing: Action | None) -> str:
    if not lead.fields:
        return "nothing to change: the CRM holds all of it already"
    if all(one.unplaced for one in lead.fields):
        return f"the CRM has no place for any of it, so nothing is written ({lead.kind})"
    if writing is None:
        return "this playbook writes nothing into the CRM"
    if not writing.included:
        return "no field is chosen, so nothing is written; choose with Edit"
    return ""


def _row(one: LeadField, chosen: bool) -> LeadRow:
    typed = one.typed_by is not None or not one.source
    return LeadRow(
        name=one.name,
        title=title_of(one.name),
        present=one.present,
        proposed=one.value,
        chosen=chosen,
        source=("typed by ", Who(one.typed_by, one.typed_name or one.typed_by.id))
        if one.typed_by is not None
        else (one.source or "typed by hand",),
        url=one.source if "://" in one.source and not typed else None,
        quote=one.quote,
        seen=f"{one.seen_at:%Y-%m-%d}" if one.seen_at is not None else "",
        confidence="" if typed else one.confidence,
        unplaced=one.unplaced,
    )
