"""What is known of a lead: fields beside what the CRM holds, each with the source it rests on."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from bot.domain.names import Confidence, Frozen
from bot.domain.tickets import Actor


class LeadField(Frozen):
    """One field as it is proposed."""

    name: str
    """Its key, as ``industry``."""
    value: str
    present: str | None = None
    """What the CRM held when the card was made; None: nothing."""
    source: str = ""
    """The page's URL, or the id of a record, as ``crm:12``; empty where a person typed it."""
    title: str = ""
    quote: str = ""
    """Stands verbatim (white space folded) in what was read under ``source``."""
    seen_at: datetime | None = None
    confidence: Confidence = "medium"
    unplaced: bool = False
    """The CRM has no place for it, so that it is shown and never written."""
    typed_by: Actor | None = None
    typed_name: str = ""

    @property
    def overwrites(self) -> bool:
        """Whether the CRM holds something else."""
        return bool(self.present)


class Lead(Frozen):
    """A company or a person at work, as a card shows it.

    Which fields are chosen stands in the action that would write them, for that is what an
    approval covers."""

    kind: Literal["company", "person"]
    key: str
    """The company's domain or the person's e-mail address."""
    fields: tuple[LeadField, ...] = ()
    """Those that differ from the CRM, in the order of a card."""
    same: tuple[str, ...] = ()
    """Keys of fields that the CRM holds already, word for word."""
    struck: tuple[str, ...] = ()
    """What was taken out of the answer, and why, as ``size: its quote does not stand there``."""
    missed: tuple[str, ...] = ()
    """Pages that were refused or failed, each with its reason."""

    def field(self, name: str) -> LeadField | None:
        return next((one for one in self.fields if one.name == name), None)
