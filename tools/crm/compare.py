"""What a lead's fields would change in the CRM, for the card."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from tools.crm.records import FIELD_LIMIT, FIELDS, Record, alike, clean


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
