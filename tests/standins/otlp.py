"""An OpenTelemetry collector: takes OTLP over HTTP on loopback and keeps every span it is sent."""

from __future__ import annotations

import gzip
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from aiohttp import web
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)
from opentelemetry.proto.common.v1.common_pb2 import AnyValue
from opentelemetry.proto.trace.v1.trace_pb2 import Span as Sent
from opentelemetry.proto.trace.v1.trace_pb2 import Status

from tests.standins.wire import (
    FaultPlan,
    Feed,
    HttpFailure,
    Pauses,
    Signal,
    serving,
)

PATH = "/v1/traces"


@dataclass(frozen=True)
class Seen:
    """One span as it was sent. Ids are hexadecimal; ``parent`` is empty at a trace's root."""

    name: str
    trace: str
    id: str
    parent: str
    kind: str
    attributes: dict[str, Any]
    links: tuple[tuple[str, str], ...]
    """(trace, span)"""
    resource: dict[str, Any]
    error: bool
    description: str
    events: int
    started_ns: int
    ended_ns: int

    @property
    def texts(self) -> str:
        """Every text in it."""
        return "\n".join([self.name, self.description, *map(str, self.attributes.values())])


class OtlpStandin:
    """A running collector. ``faults`` by ``PATH``; a hung or refused request keeps nothing."""

    def __init__(self) -> None:
        self.signal = Signal()
        self.spans: Feed[Seen] = Feed("spans", self.signal)
        self.requests: Feed[web.Request] = Feed("requests", self.signal)
        self.faults = FaultPlan()
        self.url = ""
        self.pauses = Pauses()

    async def take(self, request: web.Request) -> web.Response:
        """``POST /v1/traces``"""
        body = await request.read()
        self.requests.push(request)
        fault = self.faults.take(PATH, {})
        if isinstance(fault, HttpFailure):
            return web.Response(status=fault.status)
        await self.pauses.before_effect(fault)
        if request.headers.get("content-encoding") == "gzip":
            body = gzip.decompress(body)
        assert request.content_type == "application/x-protobuf"
        given = ExportTraceServiceRequest.FromString(body)
        for group in given.resource_spans:
            resource = {one.key: _value(one.value) for one in group.resource.attributes}
            for scope in group.scope_spans:
                for span in scope.spans:
                    self.spans.push(_seen(span, resource))
        return web.Response(
            body=ExportTraceServiceResponse().SerializeToString(),
            content_type="application/x-protobuf",
        )

    def of(self, trace: str) -> list[Seen]:
        """The spans of one trace, by their beginnings."""
        return sorted(
            (one for one in self.spans if one.trace == trace), key=lambda one: one.started_ns
        )

    def tree(self, trace: str) -> list[str]:
        """One trace in lines, children indented below their parents."""
        spans = self.of(trace)
        known = {one.id for one in spans}
        lines: list[str] = []

        def draw(span: Seen, depth: int) -> None:
            lines.append("  " * depth + span.name)
            for child in spans:
                if child.parent == span.id:
                    draw(child, depth + 1)

        for span in spans:
            if span.parent not in known:
                draw(span, 0)
        return lines


def _seen(span: Sent, resource: dict[str, Any]) -> Seen:
    return Seen(
        name=span.name,
        trace=span.trace_id.hex(),
        id=span.span_id.hex(),
        parent=span.parent_span_id.hex(),
        kind=Sent.SpanKind.Name(span.kind).removeprefix("SPAN_KIND_").lower(),
        attributes={one.key: _value(one.value) for one in span.attributes},
        links=tuple((one.trace_id.hex(), one.span_id.hex()) for one in span.links),
        resource=resource,
        error=span.status.code == Status.StatusCode.STATUS_CODE_ERROR,
        description=span.status.message,
        events=len(span.events),
        started_ns=span.start_time_unix_nano,
        ended_ns=span.end_time_unix_nano,
    )


def _value(given: AnyValue) -> Any:
    kind = given.WhichOneof("value")
    if kind == "array_value":
        return [_value(one) for one in given.array_value.values]
    return getattr(given, kind) if kind is not None else None


@asynccontextmanager
async def otlp_standin() -> AsyncIterator[OtlpStandin]:
    """A collector on a free port of loopback."""
    standin = OtlpStandin()
    app = web.Application(client_max_size=64 * 1024 * 1024)
    app.router.add_post(PATH, standin.take)
    async with serving(app) as port:
        standin.url = f"http://127.0.0.1:{port}"
        try:
            yield standin
        finally:
            standin.pauses.close()
