"""Salesforce's REST API (developer.salesforce.com, "sObject Rows by External ID", "Query",
"Conditional Request Headers")."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote

from tools.crm.dialect import MARK, NAMED, asked, said
from tools.crm.records import CrmUnavailable, Key, Kind, Record, plain_number
from tools.crm.vendor import Api, Reply

_PEOPLE = frozenset({"Contact", "Lead"})
_USUAL: dict[Kind, dict[str, str]] = {
    "company": {
        "name": "Name",
        "industry": "Industry",
        "size": "NumberOfEmployees",
        "location": "BillingCity",
        "summary": "Description",
        "phone": "Phone",
    },
    "person": {"person": "LastName", "role": "Title", "phone": "Phone"},
}
_NUMBERS = frozenset({"NumberOfEmployees"})


class Salesforce:
    """``Dialect``. A record is found by its external id, which holds the domain or the address."""

    vendor = "Salesforce"

    def __init__(
        self,
        api: Api,
        object_name: str,
        external_id: str,
        api_version: str,
        names: Mapping[str, str],
    ) -> None:
        self._api = api
        self._object = object_name
        self._external_id = external_id
        self._root = f"/services/data/{api_version}"
        self.kind: Kind = "person" if object_name in _PEOPLE else "company"
        column = "domain" if self.kind == "company" else "email"
        self.names: Mapping[str, str] = {**_USUAL[self.kind], **names, column: external_id}

    @property
    def place(self) -> str:
        return f"Salesforce, {self._object}"

    def holds(self, kind: Kind, name: str) -> bool:
        return kind == self.kind and name in self.names

    async def find(self, key: Key) -> Record | None:
        if key.kind != self.kind:
            return None
        fields = quote(",".join(["Id", *sorted(set(self.names.values()))]), safe=",")
        calling = self._api.call("GET", f"{self._row(key)}?fields={fields}")
        reply = await asked(self.vendor, calling)
        if reply.status == 404:
            return None
        if reply.status == 300:
            raise CrmUnavailable(
                f"Salesforce has several records for {key.value}; merge them there"
            )
        if not reply.well or not isinstance(reply.data, dict):
            raise CrmUnavailable(f"Salesforce answered {reply.status}: {self.complaint(reply)}")
        return self._record(reply.data, reply.headers.get("etag"))

    async def named(self, name: str) -> Sequence[Record]:
        theirs = self.names.get("name" if self.kind == "company" else "person")
        return [] if theirs is None else await self._query(theirs, name, NAMED)

    async def marked(self, proposal: str) -> Record | None:
        theirs = self.names.get(MARK)
        found = [] if theirs is None else await self._query(theirs, proposal, 1)
        return found[0] if found else None

    async def put(
        self, key: Key, record: Record | None, values: Mapping[str, str], seconds: float
    ) -> Reply:
        """An upsert by the external id: the same request twice is one record. Where Salesforce gave
        an ETag with the record (it does for accounts), it refuses one that changed since (412)."""
        body = {
            name: int(number) if name in _NUMBERS and (number := plain_number(value)) else value
            for name, value in values.items()
        }
        version = record.version if record is not None else None
        headers = {"If-Match": version} if version is not None else {}
        return await self._api.call(
            "PATCH", self._row(key), body=body, headers=headers, seconds=seconds
        )

    def written(self, reply: Reply) -> str | None:
        if reply.data is None:
            return ""  # 204: updated, and nothing more to say
        if not isinstance(reply.data, dict) or reply.data.get("success") is False:
            return None
        return str(reply.data.get("id", ""))

    def complaint(self, reply: Reply) -> str:
        data = reply.data
        rows = data if isinstance(data, list) else data.get("errors") if _is_row(data) else None
        first = rows[0] if isinstance(rows, list) and rows and _is_row(rows[0]) else {}
        words = f"{first.get('errorCode', first.get('statusCode', ''))} {first.get('message', '')}"
        return said(words) or "no reason given"

    def _row(self, key: Key) -> str:
        parts = (self._object, self._external_id, key.value)
        return f"{self._root}/sobjects/" + "/".join(quote(part, safe="") for part in parts)

    async def _query(self, theirs: str, value: str, limit: int) -> list[Record]:
        literal = value.replace("\\", "\\\\").replace("'", "\\'")
        names = ", ".join(["Id", *sorted(set(self.names.values()))])
        # SOQL has no parameters over REST; in a literal, backslash and quote alone are special.
        where = f"WHERE {theirs} = '{literal}' LIMIT {limit}"
        soql = f"SELECT {names} FROM {self._object} {where}"  # noqa: S608 -- the literal is escaped
        calling = self._api.call("GET", f"{self._root}/query?q={quote(soql, safe='')}")
        reply = await asked(self.vendor, calling)
        rows = reply.data.get("records") if _is_row(reply.data) else None
        if not reply.well or not isinstance(rows, list):
            raise CrmUnavailable(f"Salesforce answered {reply.status}: {self.complaint(reply)}")
        return [self._record(row) for row in rows if _is_row(row)]

    def _record(self, row: Mapping[str, Any], version: str | None = None) -> Record:
        fields = {
            ours: str(row[theirs])
            for ours, theirs in self.names.items()
            if row.get(theirs) not in (None, "")
        }
        return Record(
            id=str(row.get("Id", "")),
            kind=self.kind,
            domain=fields.pop("domain", None),
            email=fields.pop("email", None),
            proposal=fields.pop(MARK, None),
            fields=fields,
            version=version,
        )


def _is_row(value: object) -> bool:
    return isinstance(value, dict)
