"""What this process connects to and which names it looks up, told by the interpreter itself.

Audit events (docs.python.org, *Audit events table*) are raised by the socket module under every
client library, so that no request can pass unseen. Not under uvloop, which has sockets of its own.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

_EVENTS = frozenset({"socket.connect", "socket.getaddrinfo", "socket.sendto"})
_listening: list[set[str]] = []
_hooked = False


def _hear(event: str, args: tuple[Any, ...]) -> None:
    if _listening and event in _EVENTS:
        seen = _named(event, args)
        for heard in _listening:
            heard.add(seen)


def _named(event: str, args: tuple[Any, ...]) -> str:
    if event == "socket.getaddrinfo":
        return f"{args[0]}:{args[1]}"
    address = args[1]
    return f"{address[0]}:{address[1]}" if isinstance(address, tuple) else str(address)


@contextmanager
def outgoing() -> Iterator[set[str]]:
    """The addresses that were connected to, sent to or looked up while the block runs:
    ``host:port``, or a unix socket's path."""
    global _hooked
    if not _hooked:
        sys.addaudithook(_hear)  # for good: a hook cannot be taken away
        _hooked = True
    heard: set[str] = set()
    _listening.append(heard)
    try:
        yield heard
    finally:
        _listening.remove(heard)
