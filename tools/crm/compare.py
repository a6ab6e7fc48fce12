"""What a lead's fields would change in the CRM: for the card, and for the action's arguments."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from tools.crm.records import FIELD_LIMIT, FIELDS, Key, Record, alike, clean


@dataclass(frozen=True)
class Compared:
    """One field beside what the CRM holds."""

    field: str
    present: str | None
    proposed: str
    state: Literal["same", "empty", "overwrite"]
    """same: nothing to change, and not offered. empty: chosen at first. overwrite: only by hand."""


def compare(record: Record | None, proposed: Mapping[str, str]) -> tuple[Compared, ...]:
    """Each proposed field beside the record's, in the card's order; empty proposals are left out.

    The field that is the record's own key is never among those to write."""
    order = {name: place for place, name in enumerate(FIELDS)}
    rows = []
    for name in sorted(proposed, key=lambda name: (order.get(name, len(order)), name)):
        value = clean(proposed[name])[:FIELD_LIMIT]
        if not value:
            continue
        present = record.value(name) if record is not None else None
        if present is not None and alike(name, present, value):
            rows.append(Compared(name, present, value, "same"))
        else:
            rows.append(Compared(name, present, value, "overwrite" if present else "empty"))
    return tuple(rows)


def chosen_at_first(rows: Sequence[Compared]) -> tuple[str, ...]:
    """The fields that are ticked before anybody chose: those that are empty in the CRM."""
    return tuple(row.field for row in rows if row.state == "empty")


def update_args(
    key: Key, rows: Sequence[Compared], chosen: Collection[str]
) -> dict[str, object] | None:
    """The arguments of ``update_crm`` for the chosen fields; None: nothing to change."""
    changes = [
        {"field": row.field, "shown": row.present, "value": row.proposed}
        for row in rows
        if row.field in chosen and row.state != "same" and row.field != key.column
    ]
    if not changes:
        return None
    return {"kind": key.kind, "key": key.value, "changes": changes}
