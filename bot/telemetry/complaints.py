"""What the OpenTelemetry SDK has to say, a few lines an hour of it: a collector that is down would
else be told of with each batch."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable

log = logging.getLogger("deskhand.telemetry")

EVERY_SECONDS = 600.0
"""From one line to the next."""
_THEIRS = "opentelemetry"


class Rarely(logging.Handler):
    """Passes on one record in ``every_seconds``, and how many were not since."""

    def __init__(
        self,
        every_seconds: float = EVERY_SECONDS,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        super().__init__(logging.WARNING)
        self._every = every_seconds
        self._clock = clock
        self._last: float | None = None
        self._kept_back = 0
        self._counting = threading.Lock()

    def emit(self, record: logging.LogRecord) -> None:
        now = self._clock()
        with self._counting:
            if self._last is not None and now - self._last < self._every:
                self._kept_back += 1
                return
            self._last, kept_back, self._kept_back = now, self._kept_back, 0
        more = f" ({kept_back} lines like it were left out)" if kept_back else ""
        # One line, whatever an exception's own words are.
        words = " ".join(record.getMessage().split())[:500]
        log.warning("deskhand: telemetry: %s%s", words, more)


def speak_rarely() -> None:
    """From now on the SDK's loggers speak through ours. Safe to call again."""
    theirs = logging.getLogger(_THEIRS)
    theirs.propagate = False
    theirs.setLevel(logging.WARNING)
    if not any(isinstance(one, Rarely) for one in theirs.handlers):
        theirs.addHandler(Rarely())
