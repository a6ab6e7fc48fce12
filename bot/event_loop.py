"""The event loop that Deskhand's commands run on: uvloop where there is one.

A ticket is some sixty short waits for sockets; on asyncio's own loop they cost a third more CPU
and twice the time (docs/benchmarks.md). Nothing may depend on which of the two it is: most tests
run on asyncio's, the crash tests and the commands' tests on this one.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

Result = TypeVar("Result")


def run(main: Coroutine[Any, Any, Result]) -> Result:
    """``asyncio.run``, on the quicker loop."""
    with asyncio.Runner(loop_factory=_factory()) as runner:
        return runner.run(main)


def _factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    try:
        import uvloop
    except ImportError:
        return None  # asyncio's own
    return uvloop.new_event_loop
