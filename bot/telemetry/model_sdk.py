"""Anthropic's own instrumentation, writing on our ``chat`` span.

The SDK makes a span a call with the tokens, the cache, the request id, the stop reason and the
address. It lacks the prompt, the cost and whom the call is for, and its span has ended before the
cost is known. Two spans for one call would count every token twice, so the SDK is given a tracer
whose new span is the current one: what it sets is set there, and who began that span ends it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NoReturn

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.trace import Link, SpanContext, SpanKind, Status, StatusCode
from opentelemetry.util.types import Attributes, AttributeValue


def options(captures_content: bool) -> dict[str, Any]:
    """The client's ``open_telemetry`` option. The provider is not sent our trace's ids."""
    return {
        "tracer_provider": _Current(),
        "propagation": False,
        "traces": {
            "enabled": True,
            "content_mode": "content" if captures_content else "metadata_only",
        },
    }


class _Current(trace.TracerProvider):
    def get_tracer(
        self,
        instrumenting_module_name: str,
        instrumenting_library_version: str | None = None,
        schema_url: str | None = None,
        attributes: Attributes = None,
    ) -> trace.Tracer:
        return _Tracer()


class _Tracer(trace.Tracer):
    def start_span(
        self,
        name: str,
        context: Context | None = None,
        kind: SpanKind = SpanKind.INTERNAL,
        attributes: Attributes = None,
        links: Sequence[Link] | None = None,
        start_time: int | None = None,
        record_exception: bool = True,
        set_status_on_exception: bool = True,
    ) -> trace.Span:
        current = trace.get_current_span(context)
        if not current.is_recording():
            return trace.INVALID_SPAN
        told = _Told(current)
        told.set_attributes(attributes or {})
        return told

    def start_as_current_span(self, *args: object, **kwargs: object) -> NoReturn:
        raise NotImplementedError("the client's calls do not use it")


class _Told(trace.Span):
    """The span it was begun in, for one who may add to it and not end it."""

    def __init__(self, inner: trace.Span) -> None:
        self._inner = inner
        self._over = False

    def end(self, end_time: int | None = None) -> None:
        self._over = True

    def get_span_context(self) -> SpanContext:
        return self._inner.get_span_context()

    def set_attributes(self, attributes: Mapping[str, AttributeValue]) -> None:
        if not self._over:
            self._inner.set_attributes(attributes)

    def set_attribute(self, key: str, value: AttributeValue) -> None:
        if not self._over:
            self._inner.set_attribute(key, value)

    def add_event(
        self, name: str, attributes: Attributes = None, timestamp: int | None = None
    ) -> None:
        """An event may hold an exception's words."""

    def update_name(self, name: str) -> None:
        """Ours is the conventions' name, ``chat {model}``."""

    def is_recording(self) -> bool:
        return not self._over and self._inner.is_recording()

    def set_status(self, status: Status | StatusCode, description: str | None = None) -> None:
        """Errors only: an answer that was well for the SDK may still be none for us, and a span
        that is called well stays so."""
        code = status.status_code if isinstance(status, Status) else status
        if code is StatusCode.ERROR and not self._over:
            self._inner.set_status(Status(StatusCode.ERROR))

    def record_exception(
        self,
        exception: BaseException,
        attributes: Attributes = None,
        timestamp: int | None = None,
        escaped: bool = False,
    ) -> None:
        """Its words stay out."""
