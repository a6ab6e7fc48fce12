"""State on Redis: one Lua script, one typed function; the embedded server; the queue."""

import sys

_METRICS = "opentelemetry.sdk.metrics"


def _import_redis() -> None:
    """redis-py imports the OpenTelemetry SDK's metrics wherever that is installed, for figures of
    its own that nobody here asks for: 35 ms and 2 MB of every start. It goes without where it
    cannot have them; whoever needs the SDK imports it afterwards as ever."""
    if _METRICS in sys.modules:
        return
    sys.modules[_METRICS] = None  # type: ignore[assignment]  # the import system's "there is none"
    try:
        import redis.observability.providers  # noqa: F401 - where it looks for them
    finally:
        del sys.modules[_METRICS]


_import_redis()
