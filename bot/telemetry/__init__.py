"""Whether spans are recorded, as the standard ``OTEL_*`` variables say; the rest of this package,
which imports the SDK, is imported only then."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, Final, Literal

from bot.ports.spans import NO_SPANS, Spans

if TYPE_CHECKING:
    from bot.telemetry.tracer import OtelTracer

log = logging.getLogger("deskhand.telemetry")

FLUSH_SECONDS: Final = 1.5
"""How long the process's end waits for what is not sent yet."""
_CAPTURE: Final = "OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT"


class Telemetry:
    """What the composition root hands on. Without a tracer nothing is recorded."""

    def __init__(self, tracer: OtelTracer | None = None) -> None:
        self.tracer = tracer
        self.spans = Spans(tracer) if tracer is not None else NO_SPANS

    @property
    def of_the_model_sdk(self) -> Mapping[str, Any] | Literal[False]:
        """The ``open_telemetry`` option of Anthropic's client: its own instrumentation tells what
        it knows to our ``chat`` span."""
        if self.tracer is None:
            return False
        from bot.telemetry.model_sdk import options

        return options(self.tracer.captures_content)


def wanted(environment: Mapping[str, str]) -> bool:
    """Whether the environment asks for spans, and for a protocol that we speak."""
    given = {name: value.strip() for name, value in environment.items() if name[:5] == "OTEL_"}
    if not (
        given.get("OTEL_EXPORTER_OTLP_ENDPOINT") or given.get("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")
    ):
        return False
    if given.get("OTEL_SDK_DISABLED", "").lower() == "true":
        return False
    exporter = given.get("OTEL_TRACES_EXPORTER") or "otlp"
    if "otlp" not in (one.strip() for one in exporter.split(",")):
        return False
    name = "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL"
    if not given.get(name):
        name = "OTEL_EXPORTER_OTLP_PROTOCOL"
    protocol = given.get(name) or "http/protobuf"
    if protocol != "http/protobuf":
        log.warning("deskhand: %s=%s: no spans are sent; set http/protobuf", name, protocol)
        return False
    return True


@asynccontextmanager
async def open_telemetry(environment: Mapping[str, str]) -> AsyncIterator[Telemetry]:
    """Record spans for as long as the block lasts, if the environment asks for it. What is not sent
    by its end is given ``FLUSH_SECONDS``; nothing else ever waits for a collector."""
    if not wanted(environment):
        yield Telemetry()
        return
    captures = environment.get(_CAPTURE, "").strip().lower() == "true"
    # A second of import, and the loop has other things to begin meanwhile.
    tracer = await asyncio.to_thread(_make, captures)
    try:
        yield Telemetry(tracer)
    finally:
        if not await tracer.close(FLUSH_SECONDS):
            log.warning("deskhand: the last spans were not sent in %s s", FLUSH_SECONDS)


def _make(captures: bool) -> OtelTracer:
    from bot.telemetry.tracer import make_tracer

    return make_tracer(captures_content=captures)
