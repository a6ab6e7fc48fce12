"""``update_crm``: the chosen fields of a lead go into the CRM, if it still holds what was shown."""

from __future__ import annotations

import hashlib
from typing import Annotated, Any, Protocol

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from bot.commands import Outcome, Refused, Succeeded
from bot.domain import Ticket
from tools.crm.records import (
    FIELD_LIMIT,
    Key,
    Kind,
    Record,
    alike,
    clean,
    is_field,
    normal_domain,
    normal_email,
)
from tools.spec import ActionSpec, Grant, Sent

MOST_CHANGES = 30


def _storable(value: str) -> str:
    if clean(value) != value or not value:
        raise ValueError("a value is one line of text, and not empty")
    return value


def _field_name(name: str) -> str:
    if not is_field(name):
        raise ValueError("a field's name is made of small letters, digits and _")
    return name


class FieldChange(BaseModel):
    """One field: what the card showed of the CRM, and what it shall hold."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    field: Annotated[str, AfterValidator(_field_name)]
    shown: str | None
    """None: nothing was there."""
    value: Annotated[str, AfterValidator(_storable)] = Field(max_length=FIELD_LIMIT)


class UpdateCrmArgs(BaseModel):
    """Exactly what is written: the chosen fields, and no others."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Kind
    key: str = Field(description="A company's domain, or a person's e-mail address.")
    changes: tuple[FieldChange, ...] = Field(min_length=1, max_length=MOST_CHANGES)

    @model_validator(mode="after")
    def _one_record_each_field_once(self) -> UpdateCrmArgs:
        normal = normal_domain if self.kind == "company" else normal_email
        if normal(self.key) != self.key:
            raise ValueError(f"{self.key!r} is not the key of a {self.kind}")
        names = [change.field for change in self.changes]
        if len(set(names)) != len(names):
            raise ValueError("a field is named twice")
        if self.record.column in names:
            raise ValueError(f"{self.record.column} is the record's key and is not changed")
        return self

    @property
    def record(self) -> Key:
        return Key(self.kind, self.key)

    @property
    def digest(self) -> str:
        return hashlib.sha256(self.model_dump_json().encode()).hexdigest()


def moved(record: Record | None, args: UpdateCrmArgs) -> str | None:
    """Why it may not be written: the CRM holds something else than the card showed. None: it may.

    The words name the field, and not what it holds: that may be another's."""
    for change in args.changes:
        present = record.value(change.field) if record is not None else None
        if present != change.shown:
            return f"{change.field} has changed in the CRM since the card was made"
    return None


def holds_all(record: Record | None, args: UpdateCrmArgs) -> bool:
    """Whether the CRM holds every value that was to be written."""
    return record is not None and all(
        (held := record.value(change.field)) is not None and alike(change.field, held, change.value)
        for change in args.changes
    )


def receipt(ident: str, args: UpdateCrmArgs) -> str:
    """What was done, in words."""
    return f"crm:{ident}: {', '.join(change.field for change in args.changes)}"


class CrmWriter(Protocol):
    """A CRM that can be written."""

    @property
    def place(self) -> str:
        """Where it is, in words for the card."""
        ...

    async def write(self, args: UpdateCrmArgs, grant: Grant) -> Outcome:
        """All of it or nothing, before the deadline; a remote's failure is an outcome."""
        ...

    async def look_up(self, sent: Sent) -> Succeeded | None:
        """Whether the write under one of these keys is there; None: it is not, or cannot be told.
        Raises ``Unanswered``."""
        ...


class UpdateCrm:
    """``tools.spec.ActionTool`` over one CRM."""

    spec = ActionSpec(
        name="update_crm",
        description="Write the chosen fields of a company or person into the CRM.",
        args_model=UpdateCrmArgs,
    )

    def __init__(self, crm: CrmWriter) -> None:
        self._crm = crm

    def target(self, ticket: Ticket) -> str:
        return self._crm.place

    def resend_seconds(self, ticket: Ticket) -> float:
        # A second write under the same key is never needed: it is looked up instead.
        return 0.0

    async def apply(self, args: Any, grant: Grant) -> Outcome:
        """``args`` is an ``UpdateCrmArgs``."""
        if not isinstance(args, UpdateCrmArgs):
            return Refused("the arguments are not those of update_crm")
        return await self._crm.write(args, grant)

    async def look_up(self, sent: Sent) -> Succeeded | None:
        return await self._crm.look_up(sent)
