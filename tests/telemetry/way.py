"""A collector that a product sends its spans to, and one ticket's whole way through it."""

from __future__ import annotations

import secrets

import pytest

from tests.standins.otlp import OtlpStandin, Seen

ROOT = "deskhand.delivery"
WAY = (
    ROOT,
    "invoke_agent support",
    "chat claude-haiku-5-5",
    "execute_tool search_kb",
    "chat claude-sonnet-5-5",
    "deskhand.card",
    "POST /slack/events",
    "deskhand.decision",
    "deskhand.execute",
    "execute_tool send_reply",
)
"""Every name that a decided ticket's trace has."""


def variables(collector: OtlpStandin, **more: str) -> dict[str, str]:
    """The standard variables that send there, soon."""
    return {
        "OTEL_EXPORTER_OTLP_ENDPOINT": collector.url,
        "OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf",
        "OTEL_BSP_SCHEDULE_DELAY": "20",
        **more,
    }


def send_there(monkeypatch: pytest.MonkeyPatch, collector: OtlpStandin, **more: str) -> None:
    """Let a product that starts in this process send there."""
    for name, value in variables(collector, **more).items():
        monkeypatch.setenv(name, value)


def traceparent() -> tuple[str, str, str]:
    """Another system's header, with the trace and span that it names."""
    trace, span = secrets.token_hex(16), secrets.token_hex(8)
    return f"00-{trace}-{span}-01", trace, span


async def whole_way(
    collector: OtlpStandin, trace: str = "", but: frozenset[str] = frozenset()
) -> list[Seen]:
    """The spans of the trace that has every name of ``WAY``, once it has them."""
    wanted = set(WAY) - but

    def whole() -> list[Seen] | None:
        for one in {span.trace for span in collector.spans if trace in ("", span.trace)}:
            spans = collector.of(one)
            if wanted <= {span.name for span in spans}:
                return spans
        return None

    return await collector.signal.until(
        whole,
        timeout=10,
        what=lambda: f"the whole way, not {[one.name for one in collector.spans]}",
    )


def only(spans: list[Seen], name: str) -> Seen:
    """The one span of this name."""
    (found,) = [span for span in spans if span.name == name]
    return found


def last(spans: list[Seen], name: str) -> Seen:
    """The latest span of this name."""
    return [span for span in spans if span.name == name][-1]


def tree(spans: list[Seen]) -> str:
    """The trace as a tree with times, for a reader of ``pytest -s``."""
    begun = min(one.started_ns for one in spans)

    def lines(parent: str, depth: int) -> list[str]:
        children = sorted(
            (one for one in spans if one.parent == parent), key=lambda one: one.started_ns
        )
        made = []
        for one in children:
            at, took = (one.started_ns - begun) / 1e6, (one.ended_ns - one.started_ns) / 1e6
            made.append(f"{'  ' * depth}{one.name}  +{at:.0f} ms, {took:.1f} ms")
            made += lines(one.id, depth + 1)
        return made

    return "\n".join(lines("", 0))
