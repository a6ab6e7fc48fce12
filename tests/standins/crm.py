"""HubSpot and Salesforce on loopback, as far as Deskhand speaks to them.

Each request is held against the vendor's documented form: method, path, token, content type, the
body's keys and the properties there are. What does not fit is answered as the vendor does and kept
in ``violations``, which a test finds empty. `log` has every request; `faults` as for the others, by
name: ``search``, ``read``, ``create``, ``update`` (HubSpot), ``get``, ``upsert``, ``query``
(Salesforce).
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote

from aiohttp import web

from tests.standins.wire import (
    CallLog,
    DropBefore,
    DropReply,
    FaultPlan,
    Hang,
    HttpFailure,
    JsonObject,
    Pauses,
    RateLimited,
    Signal,
    drop,
    serving,
)

READ, WRITE = "token-that-reads", "token-that-writes"
HUBSPOT_PROPERTIES = frozenset(
    {"name", "domain", "industry", "numberofemployees", "city", "description", "phone", "fit_score"}
    | {"deskhand_proposal", "line_of_business"}
)
HUBSPOT_INDUSTRIES = frozenset({"COMPUTER_SOFTWARE", "AVIATION_AEROSPACE", "MACHINERY"})
SALESFORCE_FIELDS = frozenset(
    {"Id", "Name", "Industry", "NumberOfEmployees", "BillingCity", "Description", "Phone"}
    | {"Domain__c", "Deskhand__c"}
)


@dataclass(frozen=True)
class Answered:
    """What the stand-in says; ``status`` and a body of JSON, or none."""

    status: int
    body: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)


class CrmStandin:
    """What both have in common: one log, faults, tokens."""

    def __init__(self) -> None:
        self.signal = Signal()
        self.log = CallLog(self.signal)
        self.faults = FaultPlan()
        self.violations: list[str] = []
        self.records: dict[str, dict[str, Any]] = {}
        self.url = ""
        self._pauses = Pauses()

    def route(self, request: web.Request) -> str:
        raise NotImplementedError

    def answer(self, name: str, request: web.Request, body: Any) -> Answered:
        raise NotImplementedError

    def denied(self, status: int) -> Answered:
        raise NotImplementedError

    def effects(self) -> int:
        """How many requests have changed something."""
        return sum(1 for entry in self.log if entry.answer.get("effect"))

    async def serve(self, request: web.Request) -> web.StreamResponse:
        raw = await request.read()
        body = json.loads(raw) if raw else None
        name = self.route(request)
        fault = self.faults.take(name, {"body": body})
        await self._pauses.before_effect(fault)
        before = json.dumps(self.records)
        token = request.headers.get("Authorization", "").removeprefix("Bearer ")
        if isinstance(fault, HttpFailure):
            answered = Answered(
                fault.status, json.loads(fault.body) if fault.body[0] in "[{" else None
            )
        elif isinstance(fault, RateLimited):
            answered = Answered(429, None, {"Retry-After": str(fault.retry_after_s)})
        elif isinstance(fault, DropBefore):
            answered = Answered(0)
        elif token not in (READ, WRITE):
            answered = self.denied(401)
        elif name in ("create", "update", "upsert") and token != WRITE:
            answered = self.denied(403)
        else:
            if raw and request.content_type != "application/json":
                self.violations.append(f"{name}: content type {request.content_type}")
            answered = self.answer(name, request, body)
        effect = json.dumps(self.records) != before
        args: JsonObject = {"path": request.path_qs, "body": body, "headers": dict(request.headers)}
        self.log.record("call", name, args, answer={"effect": effect}, status=answered.status)
        await self._pauses.after_effect(fault)
        if isinstance(fault, DropBefore | DropReply | Hang):
            return drop(request)
        text = "" if answered.body is None else json.dumps(answered.body)
        if isinstance(fault, HttpFailure) and answered.body is None:
            text = fault.body
        return web.Response(
            status=answered.status,
            text=text,
            headers=dict(answered.headers),
            content_type="application/json",
        )

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", self.serve)
        async with serving(app) as port:
            self.url = f"http://127.0.0.1:{port}"
            try:
                yield
            finally:
                self._pauses.close()

    def wrong(self, name: str, words: str) -> None:
        self.violations.append(f"{name}: {words}")


class HubspotStandin(CrmStandin):
    """CRM API v3, companies: search, read, create, update.

    ``indexed``: what the search knows, which lags behind in the real one; None: all there is."""

    indexed: dict[str, dict[str, Any]] | None = None

    _PATH = "/crm/v3/objects/companies"

    def route(self, request: web.Request) -> str:
        path, method = request.path, request.method
        if path == f"{self._PATH}/search" and method == "POST":
            return "search"
        if path == self._PATH and method == "POST":
            return "create"
        if re.fullmatch(rf"{self._PATH}/\d+", path) and method == "PATCH":
            return "update"
        if re.fullmatch(rf"{self._PATH}/\d+", path) and method == "GET":
            return "read"
        self.wrong("route", f"{method} {path}")
        return "none"

    def denied(self, status: int) -> Answered:
        category = "INVALID_AUTHENTICATION" if status == 401 else "MISSING_SCOPES"
        return self._error(status, category, "This call is not allowed with this token")

    def answer(self, name: str, request: web.Request, body: Any) -> Answered:
        match name:
            case "search":
                return self._search(body)
            case "read":
                return self._read(request.path.rpartition("/")[2], request.query)
            case "create" | "update":
                return self._write(name, request.path.rpartition("/")[2], body)
            case _:
                return self._error(404, "OBJECT_NOT_FOUND", "no such resource")

    def _search(self, body: Any) -> Answered:
        if set(body) - {"filterGroups", "properties", "limit", "after", "sorts", "query"}:
            self.wrong("search", f"unknown keys: {sorted(body)}")
        if not 1 <= body.get("limit", 10) <= 200 or len(body["filterGroups"]) > 5:
            self.wrong("search", "limit or groups out of range")
        found = list((self.records if self.indexed is None else self.indexed).items())
        for group in body["filterGroups"]:
            for one in group["filters"]:
                if set(one) != {"propertyName", "operator", "value"} or one["operator"] != "EQ":
                    self.wrong("search", f"filter {one}")
                if one["propertyName"] not in HUBSPOT_PROPERTIES:
                    return self._error(400, "VALIDATION_ERROR", "unknown property in the filter")
                found = [
                    (ident, held)
                    for ident, held in found
                    if held.get(one["propertyName"]) == one["value"]
                ]
        asked = body.get("properties", [])
        rows = [self._row(ident, held, asked) for ident, held in found[: body.get("limit", 10)]]
        return Answered(200, {"total": len(found), "results": rows})

    def _read(self, ident: str, query: Mapping[str, str]) -> Answered:
        if set(query) - {"properties", "propertiesWithHistory", "associations", "archived"}:
            self.wrong("read", f"unknown parameters: {sorted(query)}")
        if ident not in self.records:
            return self._error(404, "OBJECT_NOT_FOUND", "resource not found")
        asked = query.get("properties", "").split(",")
        return Answered(200, self._row(ident, self.records[ident], asked))

    @staticmethod
    def _row(ident: str, held: Mapping[str, Any], asked: Sequence[str]) -> dict[str, Any]:
        return {
            "id": ident,
            # HubSpot gives null for a property without a value.
            "properties": {name: held.get(name) for name in asked} | {"hs_object_id": ident},
            "createdAt": "2026-01-01T00:00:00Z",
            "updatedAt": "2026-01-02T00:00:00Z",
            "archived": False,
        }

    def _write(self, name: str, ident: str, body: Any) -> Answered:
        if set(body) - {"properties", "associations"} or not isinstance(body["properties"], dict):
            self.wrong(name, f"body {body}")
        given = body["properties"]
        for key, value in given.items():
            if not isinstance(value, str):
                self.wrong(name, f"{key} is no string")
            if key not in HUBSPOT_PROPERTIES:
                return self._error(400, "VALIDATION_ERROR", f'Property "{key}" does not exist')
            if key == "numberofemployees" and not value.isdecimal():
                return self._error(400, "VALIDATION_ERROR", f"{value} was not a valid number")
            if key == "industry" and value not in HUBSPOT_INDUSTRIES:
                words = f"{value} was not one of the allowed options"
                return self._error(400, "VALIDATION_ERROR", words)
        if name == "create":
            if not {"name", "domain"} & set(given):
                return self._error(400, "VALIDATION_ERROR", "name or domain is needed")
            ident = str(9000 + len(self.records) + 1)
            self.records[ident] = {}
        elif ident not in self.records:
            return self._error(404, "OBJECT_NOT_FOUND", "resource not found")
        self.records[ident].update(given)
        row = {"id": ident, "properties": dict(self.records[ident]), "archived": False}
        return Answered(201 if name == "create" else 200, row)

    @staticmethod
    def _error(status: int, category: str, message: str) -> Answered:
        body = {"status": "error", "message": message, "category": category, "correlationId": "c-1"}
        return Answered(status, body)


class SalesforceStandin(CrmStandin):
    """REST API: rows by external id, upsert, SOQL of the one form that Deskhand uses."""

    _ROOT = "/services/data/v62.0"

    def route(self, request: web.Request) -> str:
        path, method = request.raw_path.partition("?")[0], request.method
        if re.fullmatch(rf"{self._ROOT}/sobjects/Account/Domain__c/[^/]+", path):
            return {"GET": "get", "PATCH": "upsert"}.get(method, "none")
        if path == f"{self._ROOT}/query" and method == "GET":
            return "query"
        self.wrong("route", f"{method} {path}")
        return "none"

    def denied(self, status: int) -> Answered:
        return self._error(status, "INVALID_SESSION_ID", "Session expired or invalid")

    def answer(self, name: str, request: web.Request, body: Any) -> Answered:
        key = unquote(request.raw_path.partition("?")[0].rpartition("/")[2])
        match name:
            case "get":
                return self._get(key, request.query.get("fields", ""))
            case "upsert":
                return self._upsert(key, body, request.headers.get("If-Match"))
            case "query":
                return self._query(request.query["q"])
            case _:
                return self._error(404, "NOT_FOUND", "The requested resource does not exist")

    def etag(self, ident: str) -> str:
        text = json.dumps(self.records[ident], sort_keys=True)
        return f'"{hashlib.sha1(text.encode()).hexdigest()}"'  # noqa: S324 -- a stand-in's ETag

    def _of(self, key: str) -> list[str]:
        return [ident for ident, held in self.records.items() if held.get("Domain__c") == key]

    def _get(self, key: str, fields: str) -> Answered:
        found = self._of(key)
        if not found:
            return self._error(404, "NOT_FOUND", "The requested resource does not exist")
        if len(found) > 1:
            return Answered(300, [f"{self._ROOT}/sobjects/Account/{ident}" for ident in found])
        names = fields.split(",")
        if set(names) - SALESFORCE_FIELDS:
            return self._error(400, "INVALID_FIELD", f"No such column in {fields}")
        return Answered(200, self._row(found[0], names), {"ETag": self.etag(found[0])})

    def _row(self, ident: str, names: list[str]) -> dict[str, Any]:
        held = {"Id": ident, **self.records[ident]}
        url = f"{self._ROOT}/sobjects/Account/{ident}"
        return {"attributes": {"type": "Account", "url": url}} | {
            name: held.get(name) for name in names
        }

    def _upsert(self, key: str, body: Any, match: str | None) -> Answered:
        if not isinstance(body, dict) or {"Id", "Domain__c"} & set(body):
            self.wrong("upsert", "the external id stands in the path alone")
        unknown = set(body) - SALESFORCE_FIELDS
        if unknown:
            return self._error(400, "INVALID_FIELD", f"No such column '{min(unknown)}'")
        if not isinstance(body.get("NumberOfEmployees", 0), int):
            return self._error(400, "JSON_PARSER_ERROR", "Cannot deserialize instance of int")
        found = self._of(key)
        if match is not None and (not found or match != self.etag(found[0])):
            return self._error(412, "ENTITY_IS_MODIFIED", "The record has changed")
        if len(found) > 1:
            return Answered(300, found)
        if not found and "Name" not in body:
            return self._error(400, "REQUIRED_FIELD_MISSING", "Required fields are missing: [Name]")
        ident = found[0] if found else f"001{len(self.records):012d}AAA"
        self.records.setdefault(ident, {"Domain__c": key}).update(body)
        answer = {"id": ident, "success": True, "errors": [], "created": not found}
        return Answered(200 if found else 201, answer)

    def _query(self, soql: str) -> Answered:
        parsed = re.fullmatch(
            r"SELECT ([\w, ]+) FROM Account WHERE (\w+) = '((?:[^'\\]|\\.)*)' LIMIT (\d+)", soql
        )
        if parsed is None:
            self.wrong("query", soql)
            return self._error(400, "MALFORMED_QUERY", "unexpected token")
        wanted = re.sub(r"\\(.)", r"\1", parsed[3])
        found = [
            self._row(ident, parsed[1].split(", "))
            for ident, held in self.records.items()
            if held.get(parsed[2]) == wanted
        ][: int(parsed[4])]
        return Answered(200, {"totalSize": len(found), "done": True, "records": found})

    @staticmethod
    def _error(status: int, code: str, message: str) -> Answered:
        return Answered(status, [{"errorCode": code, "message": message}])


@asynccontextmanager
async def hubspot_standin() -> AsyncIterator[HubspotStandin]:
    """HubSpot on 127.0.0.1."""
    standin = HubspotStandin()
    async with standin.running():
        yield standin


@asynccontextmanager
async def salesforce_standin() -> AsyncIterator[SalesforceStandin]:
    """Salesforce on 127.0.0.1."""
    standin = SalesforceStandin()
    async with standin.running():
        yield standin
