"""What records spans, as a port. ``bot.telemetry`` is its adapter, and alone knows the SDK."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Literal, Protocol

Value = str | int | float | bool | tuple[str, ...]
Kind = Literal["internal", "server", "client", "consumer"]
"""internal: our own work. server: answers a request. client: asks another system. consumer: works
on what was delivered."""


class Span(Protocol):
    """A span that has begun."""

    def set(self, name: str, value: Value) -> None: ...

    def failed(self, why: str) -> None:
        """It ends in an error of this kind: a name, never a text from outside."""
        ...

    def end(self) -> None: ...


@dataclass(frozen=True)
class Root:
    """As a parent: the span begins this trace, and every process knows it by the trace id."""

    trace_id: str


@dataclass(frozen=True)
class Under:
    """As a parent: the span that begins this trace, in whatever process it was."""

    trace_id: str


Parent = Root | Under | Span | None
"""None: the current span."""


class Tracer(Protocol):
    """What records spans."""

    @property
    def captures_content(self) -> bool: ...

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
        """``started_ns``: nanoseconds since the epoch. ``link``: a ``traceparent``."""
        ...

    def current(self, span: Span) -> AbstractContextManager[None]:
        """What is begun within has this span as its parent."""
        ...


class Nothing:
    """No span."""

    def set(self, name: str, value: Value) -> None:
        pass

    def failed(self, why: str) -> None:
        pass

    def end(self) -> None:
        pass


NOTHING = Nothing()
