"""``bot.ports.tracer.Tracer`` on the OpenTelemetry SDK, sent by OTLP over HTTP.

The SDK reads the standard variables itself: endpoint, headers, time-outs, batching, sampling,
resource. A batch is sent by a thread of its own; when the collector is away, what does not fit its
queue is dropped.

The span that begins a trace has an id that follows from the trace's, so that a process which knows
a ticket knows the parent of what it adds, and nothing more has to be kept.
"""

from __future__ import annotations

import asyncio
import importlib.metadata
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar

from opentelemetry import trace
from opentelemetry.context import Context, attach, detach
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import SERVICE_NAME, SERVICE_VERSION, Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter
from opentelemetry.sdk.trace.id_generator import RandomIdGenerator
from opentelemetry.sdk.trace.sampling import Decision
from opentelemetry.trace import Link, SpanContext, SpanKind, Status, StatusCode, TraceFlags

from bot.ports.tracer import Kind, Parent, Root, Span, Under, Value
from bot.telemetry.complaints import speak_rarely

_SCOPE = "deskhand"
_ERROR_TYPE = "error.type"
_KINDS: Mapping[Kind, SpanKind] = {
    "internal": SpanKind.INTERNAL,
    "server": SpanKind.SERVER,
    "client": SpanKind.CLIENT,
    "consumer": SpanKind.CONSUMER,
}
_EMPTY = Context()

_root: ContextVar[SpanContext | None] = ContextVar("deskhand_root_span", default=None)


class OtelSpan:
    """``bot.ports.tracer.Span``"""

    def __init__(self, inner: trace.Span) -> None:
        self.inner = inner

    def set(self, name: str, value: Value) -> None:
        self.inner.set_attribute(name, value)

    def failed(self, why: str) -> None:
        self.inner.set_attribute(_ERROR_TYPE, why)
        # No description: it would be somebody's words.
        self.inner.set_status(Status(StatusCode.ERROR))

    def end(self) -> None:
        self.inner.end()


class OtelTracer:
    """``bot.ports.tracer.Tracer``"""

    def __init__(
        self, provider: TracerProvider, exporter: SpanExporter, *, captures_content: bool
    ) -> None:
        self._provider = provider
        self._exporter = exporter
        self._tracer = provider.get_tracer(_SCOPE, _version())
        self._captures_content = captures_content

    @property
    def captures_content(self) -> bool:
        return self._captures_content

    def begin(
        self,
        name: str,
        kind: Kind,
        attributes: Mapping[str, Value],
        *,
        parent: Parent = None,
        started_ns: int | None = None,
        link: str | None = None,
    ) -> Span:
        token = None
        match parent:
            case Root(trace_id):
                context: Context | None = _EMPTY
                token = _root.set(self._root_of(trace_id))
            case Under(trace_id):
                context = _with(trace.NonRecordingSpan(self._root_of(trace_id)))
            case OtelSpan():
                context = _with(parent.inner)
            case _:
                context = None
        linked = _context_of(link)
        try:
            made = self._tracer.start_span(
                name,
                context,
                _KINDS[kind],
                dict(attributes),
                [Link(linked)] if linked is not None else (),
                started_ns,
            )
        finally:
            if token is not None:
                _root.reset(token)
        return OtelSpan(made)

    @contextmanager
    def current(self, span: Span) -> Iterator[None]:
        if not isinstance(span, OtelSpan):
            raise TypeError(f"a span of another tracer: {span!r}")
        token = attach(trace.set_span_in_context(span.inner))
        try:
            yield
        finally:
            detach(token)

    async def close(self, seconds: float) -> bool:
        """Send what is left, for so long at most; whether all of it is sent or given up."""
        loop, done = asyncio.get_running_loop(), asyncio.Event()

        def shut_down() -> None:
            self._provider.shutdown()
            if not loop.is_closed():
                loop.call_soon_threadsafe(done.set)

        # A thread of the loop's own pool would be waited for at the process's end, however long
        # the collector takes.
        threading.Thread(target=shut_down, name="deskhand-telemetry-end", daemon=True).start()
        try:
            async with asyncio.timeout(seconds):
                await done.wait()
        except TimeoutError:
            # Else it would go on trying behind our back, while others wait for this process.
            self._exporter.shutdown()
            return False
        return True

    def _root_of(self, trace_id: str) -> SpanContext:
        """The context of the span that begins this trace. Every process's sampler decides about it
        by the same trace id, so they agree without asking one another."""
        number = int(trace_id, 16)
        decided = self._provider.sampler.should_sample(_EMPTY, number, "deskhand.delivery")
        sampled = decided.decision is Decision.RECORD_AND_SAMPLE
        flags = TraceFlags.SAMPLED if sampled else TraceFlags.DEFAULT
        low = number & 0xFFFF_FFFF_FFFF_FFFF
        return SpanContext(number, low or 1, is_remote=True, trace_flags=TraceFlags(flags))


class _Ids(RandomIdGenerator):
    """Random ids, but for the span that begins a ticket's trace."""

    def generate_trace_id(self) -> int:
        root = _root.get()
        return root.trace_id if root is not None else super().generate_trace_id()

    def generate_span_id(self) -> int:
        root = _root.get()
        return root.span_id if root is not None else super().generate_span_id()


def make_tracer(*, captures_content: bool) -> OtelTracer:
    """A tracer as the environment describes it, with its own provider: the SDK's global one is
    left alone, and with it whatever libraries would send of their own accord."""
    speak_rarely()
    provider = TracerProvider(resource=_resource(), id_generator=_Ids(), shutdown_on_exit=False)
    exporter = OTLPSpanExporter()
    provider.add_span_processor(BatchSpanProcessor(exporter))
    return OtelTracer(provider, exporter, captures_content=captures_content)


def _resource() -> Resource:
    """``OTEL_SERVICE_NAME`` and ``OTEL_RESOURCE_ATTRIBUTES`` say what this service is; we say the
    rest."""
    found = Resource.create()
    ours = {SERVICE_VERSION: _version()} | {
        name: value for name, value in found.attributes.items() if name == SERVICE_VERSION
    }
    # The SDK's own word for a name that nobody has set.
    if str(found.attributes.get(SERVICE_NAME, "unknown_service")).startswith("unknown_service"):
        ours[SERVICE_NAME] = "deskhand"
    return found.merge(Resource(ours))


def _version() -> str:
    return importlib.metadata.version("deskhand")


def _with(span: trace.Span) -> Context:
    return trace.set_span_in_context(span, _EMPTY)


def _context_of(link: str | None) -> SpanContext | None:
    """What a ``traceparent`` names; None for one whose ids are all zeros."""
    if link is None:
        return None
    _, trace_id, span_id, flags = link.split("-")
    found = SpanContext(
        int(trace_id, 16), int(span_id, 16), is_remote=True, trace_flags=TraceFlags(int(flags, 16))
    )
    return found if found.is_valid else None
