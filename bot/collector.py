"""Python's garbage collector, kept away from what never becomes garbage.

What a process imports and opens at its start lives as long as the process: here some 260,000
objects, most of them the model's SDK. A full collection goes over every one of them, and meanwhile
no request is answered (``docs/benchmarks.md``). So nothing is collected while a process starts,
which takes a seventh off its CPU, and what there is by then is left out for good.
"""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def paused() -> Iterator[None]:
    """Nothing is collected within, or until ``leave_out_what_is``."""
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def leave_out_what_is() -> int:
    """From now on everything is collected but what there is now, garbage or not; the answer is how
    many objects that are."""
    gc.freeze()
    gc.enable()
    return gc.get_freeze_count()
