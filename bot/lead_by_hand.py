"""A lead that no run has found anything for, its fields typed by a person. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from bot.domain import Lead, LeadField, Person
from bot.forms import ActionForm, EditInput, FieldErrors, FieldForm
from bot.lead_card import UPDATE_CRM, title_of
from tools.crm.compare import compare
from tools.crm.records import (
    FIELD_LIMIT,
    FIELDS,
    OF_A_PERSON,
    CrmReader,
    Key,
    Record,
    clean,
    is_barred,
    normal_domain,
)

_LONG = frozenset({"summary", "technologies", "contacts", "news", "fit", "next_step"})


@dataclass(frozen=True)
class Typed:
    """Whom it is about, and what was typed. ``values`` are clean and not empty."""

    key: Key
    values: Mapping[str, str]


def names_of(key: Key | None, crm: CrmReader) -> tuple[str, ...]:
    """The fields that may be typed: those that the CRM has a place for, but the record's own key.
    Without a ``key`` the domain comes first."""
    kind = key.kind if key is not None else "company"
    besides = {"email"} if kind == "person" else {"domain", *OF_A_PERSON}
    names = tuple(name for name in FIELDS if name not in besides and crm.holds(kind, name))
    return ("domain", *names) if names and key is None else names


def hand_fields(key: Key | None, names: Sequence[str], target: str) -> ActionForm:
    """The part of the edit form to type ``names`` in."""
    return ActionForm(
        index=0,
        title=f"{UPDATE_CRM}: {target}",
        included=True,
        fixed=False,
        fields=tuple(
            FieldForm(
                id=f"action.0.{name}",
                title=title_of(name),
                value="",
                multiline=name in _LONG,
                max_length=FIELD_LIMIT,
                required=key is None and name == "domain",
            )
            for name in names
        ),
    )


def typed(
    key: Key | None, names: Sequence[str], given: EditInput, barred: Sequence[str]
) -> Typed | FieldErrors:
    """What a submitted form says, or what is wrong at which field. ``barred``: the playbook's
    ``do_not_enrich``. Fields that were not offered are not looked at."""
    errors: dict[str, str] = {}
    written = {name: clean(given.fields.get(f"action.0.{name}", "")) for name in names}
    values = {name: value for name, value in written.items() if value}
    for name, value in values.items():
        if len(value) > FIELD_LIMIT:
            errors[f"action.0.{name}"] = (
                f"A field has {FIELD_LIMIT} characters at most; this has {len(value)}."
            )
    if "domain" in values:
        domain = normal_domain(values["domain"])
        if domain is None:
            errors["action.0.domain"] = "This is no domain."
        elif is_barred(Key("company", domain), barred):
            errors["action.0.domain"] = "It is on the list of do_not_enrich."
        else:
            values["domain"] = domain
    if key is None and "domain" in values:
        key = Key("company", values.pop("domain"))
    elif key is None:
        errors["action.0.domain"] = "Write the company's domain: the CRM knows it by that."
    if not values and not errors:
        errors[f"action.0.{names[0]}"] = "Type at least one field."
    if errors or key is None:
        return FieldErrors(errors)
    return Typed(key, values)


def typed_fields(found: Typed, record: Record | None, editor: Person) -> Lead:
    """The fields beside what the CRM holds, their source being who typed them."""
    rows = compare(record, found.values)
    return Lead(
        kind=found.key.kind,
        key=found.key.value,
        fields=tuple(
            LeadField(
                name=row.field,
                value=row.proposed,
                present=row.present,
                confidence="high",
                typed_by=editor.actor,
                typed_name=editor.name,
            )
            for row in rows
            if row.state != "same"
        ),
        same=tuple(row.field for row in rows if row.state == "same"),
    )
