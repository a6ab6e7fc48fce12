"""What differs between the CRMs behind an HTTP API, as one port; reading them is the same."""

from __future__ import annotations

from collections.abc import Awaitable, Mapping, Sequence
from typing import Protocol

from tools.crm.records import CrmReader, CrmUnavailable, Key, Kind, Record
from tools.crm.vendor import Lost, NotSent, Reply

NAMED = 5
"""Records of one name that are read."""
MARK = "proposal"
"""In ``crm.map``: the property that takes the proposal's id, so that a write whose answer was lost
can be found again, by another process too."""


class Dialect(CrmReader, Protocol):
    """One CRM's API, with one token."""

    @property
    def vendor(self) -> str:
        """Its name, for people."""
        ...

    @property
    def place(self) -> str:
        """Where records are, in words for a card."""
        ...

    @property
    def kind(self) -> Kind:
        """Of the records in the configured object."""
        ...

    @property
    def names(self) -> Mapping[str, str]:
        """Our fields to theirs; what is not in it cannot be written."""
        ...

    async def marked(self, proposal: str) -> Record | None:
        """The record that carries the proposal's id; None: there is none, or no such property."""
        ...

    async def put(
        self, key: Key, record: Record | None, values: Mapping[str, str], seconds: float
    ) -> Reply:
        """Write their properties into ``record``, or into a new one. Raises as ``Api.call``."""
        ...

    def written(self, reply: Reply) -> str | None:
        """The record's id in a good answer; None: the answer says that nothing was written."""
        ...

    def complaint(self, reply: Reply) -> str:
        """Why it was refused, in the CRM's own words."""
        ...


async def asked(vendor: str, calling: Awaitable[Reply]) -> Reply:
    """A read's answer. Raises ``CrmUnavailable``: nothing is known then, and nothing was done."""
    try:
        return await calling
    except (NotSent, Lost) as fault:
        raise CrmUnavailable(f"{vendor}: {fault}") from fault


def said(text: object) -> str:
    """A vendor's words on one short line."""
    return " ".join(str(text).split())[:200]


def only(vendor: str, key: Key, found: Sequence[Record]) -> Record | None:
    """The one record of ``key``. Raises ``CrmUnavailable`` for two: neither may be guessed."""
    if len(found) > 1:
        raise CrmUnavailable(f"{vendor} has several records for {key.value}; merge them there")
    return found[0] if found else None
