"""HubSpot's CRM API, version 3 (developers.hubspot.com: CRM API, objects and search)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote

from tools.crm.dialect import MARK, NAMED, asked, only, said
from tools.crm.records import CrmUnavailable, Key, Kind, Record, plain_number
from tools.crm.vendor import Api, Reply

_USUAL: dict[Kind, dict[str, str]] = {
    "company": {
        "name": "name",
        "domain": "domain",
        "industry": "industry",
        "size": "numberofemployees",
        "location": "city",
        "summary": "description",
        "phone": "phone",
    },
    "person": {"email": "email", "role": "jobtitle", "phone": "phone", "location": "city"},
}
"""Our fields to HubSpot's own properties; the rest stands in ``crm.map``."""
_NUMBERS = frozenset({"numberofemployees"})


class Hubspot:
    """``Dialect``. Companies are found by ``domain``, contacts by ``email``."""

    vendor = "HubSpot"

    def __init__(self, api: Api, object_name: str, names: Mapping[str, str]) -> None:
        self._api = api
        self._object = object_name
        self.kind: Kind = "person" if object_name == "contacts" else "company"
        self.names: Mapping[str, str] = {**_USUAL[self.kind], **names}
        self._path = f"/crm/v3/objects/{quote(object_name, safe='')}"

    @property
    def place(self) -> str:
        return f"HubSpot, {self._object}"

    def holds(self, kind: Kind, name: str) -> bool:
        return kind == self.kind and name in self.names

    async def find(self, key: Key) -> Record | None:
        if key.kind != self.kind:
            return None
        found = only(self.vendor, key, await self._search(self.names[key.column], key.value, 2))
        # The search tells which record it is; what it says of it may be some seconds old.
        return None if found is None else await self._now(found)

    async def named(self, name: str) -> Sequence[Record]:
        theirs = self.names.get("name" if self.kind == "company" else "person")
        return [] if theirs is None else await self._search(theirs, name, NAMED)

    async def marked(self, proposal: str) -> Record | None:
        theirs = self.names.get(MARK)
        found = [] if theirs is None else await self._search(theirs, proposal, 1)
        return found[0] if found else None

    async def put(
        self, key: Key, record: Record | None, values: Mapping[str, str], seconds: float
    ) -> Reply:
        values = {
            name: (plain_number(value) or value) if name in _NUMBERS else value
            for name, value in values.items()
        }
        if record is None:
            body = {"properties": {self.names[key.column]: key.value, **values}}
            return await self._api.call("POST", self._path, body=body, seconds=seconds)
        path = f"{self._path}/{quote(record.id, safe='')}"
        return await self._api.call("PATCH", path, body={"properties": values}, seconds=seconds)

    def written(self, reply: Reply) -> str | None:
        ident = reply.data.get("id") if isinstance(reply.data, dict) else None
        return str(ident) if ident else None

    def complaint(self, reply: Reply) -> str:
        data = reply.data if isinstance(reply.data, dict) else {}
        return said(f"{data.get('category', '')} {data.get('message', '')}") or "no reason given"

    async def _now(self, found: Record) -> Record | None:
        """The record itself; None: it is gone."""
        names = quote(",".join(sorted(set(self.names.values()))), safe=",")
        path = f"{self._path}/{quote(found.id, safe='')}?properties={names}"
        reply = await asked(self.vendor, self._api.call("GET", path))
        if reply.status == 404:
            return None
        if not reply.well or not isinstance(reply.data, dict):
            raise CrmUnavailable(f"HubSpot answered {reply.status}: {self.complaint(reply)}")
        return self._record(reply.data)

    async def _search(self, theirs: str, value: str, limit: int) -> list[Record]:
        body = {
            "filterGroups": [
                {"filters": [{"propertyName": theirs, "operator": "EQ", "value": value}]}
            ],
            "properties": sorted(set(self.names.values())),
            "limit": limit,
        }
        calling = self._api.call("POST", f"{self._path}/search", body=body)
        reply = await asked(self.vendor, calling)
        if not reply.well:
            words = self.complaint(reply)
            raise CrmUnavailable(f"HubSpot answered {reply.status}: {words}")
        rows = reply.data.get("results") if isinstance(reply.data, dict) else None
        if not isinstance(rows, list):
            raise CrmUnavailable("HubSpot's answer is not one")
        return [self._record(row) for row in rows if isinstance(row, dict)]

    def _record(self, row: Mapping[str, Any]) -> Record:
        held = row.get("properties")
        properties = held if isinstance(held, dict) else {}
        fields = {
            ours: str(properties[theirs])
            for ours, theirs in self.names.items()
            if properties.get(theirs) not in (None, "")
        }
        return Record(
            id=str(row.get("id", "")),
            kind=self.kind,
            domain=fields.pop("domain", None),
            email=fields.pop("email", None),
            proposal=fields.pop(MARK, None),
            fields=fields,
            updated_at=str(row["updatedAt"]) if row.get("updatedAt") else None,
        )
