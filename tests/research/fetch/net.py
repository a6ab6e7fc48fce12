"""Loopback stand-ins for the guard's tests: company sites, raw servers, a DNS server, and a count
of every connection that this process begins, taken at the socket."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from typing import Any, cast

import dns.flags
import dns.message
import dns.rdatatype
import dns.rrset
from aiohttp import web

from tests.standins.wire import serving

_counting: list[list[tuple[str, int]]] = []


def _audit(event: str, args: tuple[Any, ...]) -> None:
    if _counting and event == "socket.connect" and isinstance(args[1], tuple):
        for counted in _counting:
            counted.append((str(args[1][0]), int(args[1][1])))


sys.addaudithook(_audit)  # it cannot be taken out again; without a reader it does nothing


@contextmanager
def connections() -> Iterator[list[tuple[str, int]]]:
    """Every address and port that a socket of this process is connected to meanwhile."""
    counted: list[tuple[str, int]] = []
    _counting.append(counted)
    try:
        yield counted
    finally:
        _counting.remove(counted)


Answer = str | web.Response | Callable[[web.Request], Awaitable[web.StreamResponse]]


@dataclass
class Site:
    """A company's site. ``requests`` are the paths asked for, with host and time."""

    pages: dict[str, Answer]
    port: int = 0
    requests: list[tuple[str, str, float]] = field(default_factory=list)
    headers: list[Mapping[str, str]] = field(default_factory=list)

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def paths(self) -> list[str]:
        return [path for _, path, _ in self.requests]

    async def answer(self, request: web.Request) -> web.StreamResponse:
        now = asyncio.get_running_loop().time()
        self.requests.append((request.host, request.path_qs, now))
        self.headers.append(dict(request.headers))
        found = self.pages.get(request.path_qs)
        if found is None:
            return web.Response(status=404, text="nothing here")
        if callable(found):
            return await found(request)
        if isinstance(found, str):
            return web.Response(text=found, content_type="text/html")
        # A response can be sent once.
        return web.Response(status=found.status, body=found.body, headers=found.headers)


@asynccontextmanager
async def site(pages: Mapping[str, Answer]) -> AsyncIterator[Site]:
    made = Site(dict(pages))
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", made.answer)
    async with serving(app) as port:
        made.port = port
        yield made


Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@asynccontextmanager
async def raw_server(serve: Serve) -> AsyncIterator[str]:
    """A server that answers page requests with what ``serve`` writes, robots.txt with 404."""
    tasks: set[asyncio.Task[None]] = set()

    async def one(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        if task is not None:
            tasks.add(task)
        try:
            head = await reader.readuntil(b"\r\n\r\n")
            if b" /robots.txt " in head:
                writer.write(b"HTTP/1.1 404 None\r\nContent-Length: 0\r\n\r\n")
                await writer.drain()
            else:
                await serve(reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            return  # the guard hung up, or the test is over
        finally:
            writer.close()

    server = await asyncio.start_server(one, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        for task in tasks:
            task.cancel()
        server.close()


class DnsServer(asyncio.DatagramProtocol):
    """Answers from ``zone``: (name, type) to a list of answers, taken in turn; the last stays."""

    def __init__(self, zone: Mapping[tuple[str, str], list[list[str]]]) -> None:
        self.zone = {key: list(turns) for key, turns in zone.items()}
        self.asked: list[tuple[str, str]] = []
        self.silent: set[str] = set()
        """Types that it never answers for."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.DatagramTransport, transport)

    def datagram_received(self, data: bytes, addr: Any) -> None:
        query = dns.message.from_wire(data)
        (question,) = query.question
        name = question.name.to_text(omit_final_dot=True)
        kind = dns.rdatatype.to_text(question.rdtype)
        self.asked.append((name, kind))
        if kind in self.silent:
            return
        reply = dns.message.make_response(query)
        reply.flags |= dns.flags.RA
        turns = self.zone.get((name, kind), [[]])
        rows = turns.pop(0) if len(turns) > 1 else turns[0]
        if rows:
            reply.answer.append(dns.rrset.from_text(question.name, 0, "IN", kind, *rows))
        self.transport.sendto(reply.to_wire(), addr)


@asynccontextmanager
async def dns_server(
    zone: Mapping[tuple[str, str], list[list[str]]],
) -> AsyncIterator[tuple[DnsServer, str]]:
    """The server and its ``host:port``."""
    loop = asyncio.get_running_loop()
    transport, server = await loop.create_datagram_endpoint(
        lambda: DnsServer(zone), local_addr=("127.0.0.1", 0)
    )
    try:
        yield server, f"127.0.0.1:{transport.get_extra_info('sockname')[1]}"
    finally:
        transport.close()
