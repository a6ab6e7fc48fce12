"""Structured logs on stderr: one JSON object a line, or plain text on a terminal.

Our own loggers all begin with ``deskhand``. Libraries speak from WARNING on, for some of them log
whole bodies and addresses below that. No message of ours carries a secret or a customer's words.
What a line is about (the trace, the ticket, the run, the proposal) is known from where it is said:
``about`` tells everything below it, whether or not spans are recorded.
"""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime
from types import MappingProxyType

_about: ContextVar[Mapping[str, str]] = ContextVar("deskhand_about", default=MappingProxyType({}))


@contextmanager
def about(**known: str | None) -> Iterator[None]:
    """What is said and recorded within is about these: ``trace_id``, ``ticket``, ``run``,
    ``proposal``, besides what was known already."""
    token = _about.set({**_about.get(), **{name: one for name, one in known.items() if one}})
    try:
        yield
    finally:
        _about.reset(token)


def known() -> Mapping[str, str]:
    """What the present work is about."""
    return _about.get()


class JsonLines(logging.Formatter):
    """``{"at", "level", "logger", "message", "trace_id"?, "ticket"?, "run"?, "proposal"?,
    "error"?}``."""

    def format(self, record: logging.LogRecord) -> str:
        line = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
            **known(),
        }
        if record.exc_info and record.exc_info[0] is not None:
            line["error"] = self.formatException(record.exc_info)
        return json.dumps(line, ensure_ascii=False)


def configure_logging(level: str, form: str) -> None:
    """Begin to log. ``level`` is ours; ``form`` is json, text, or auto (text on a terminal)."""
    handler = logging.StreamHandler(sys.stderr)
    as_json = form == "json" or (form == "auto" and not sys.stderr.isatty())
    handler.setFormatter(
        JsonLines() if as_json else logging.Formatter("%(asctime)s %(levelname)s %(message)s")
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.WARNING)
    logging.getLogger("deskhand").setLevel(level.upper())
