"""One request and its answer over a connection to addresses that were checked before.

Nothing here decides where to connect: ``Pinned`` says it, and the socket is made for nothing else.
Host header and TLS name are the URL's own. No proxy, no ``.netrc``, no cookies, no redirects, no
connection kept. The body is unpacked here, bounded at each step.
"""

from __future__ import annotations

import socket
import ssl
import zlib
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import Any

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult
from aiohttp.http_exceptions import BadHttpMessage, LineTooLong

from tools.research.fetch.addresses import Address
from tools.research.fetch.urls import Failed, Refused, Target

BODY_LIMIT = 2_000_000
"""Bytes of an unpacked body; the rest is cut off. As many packed bytes are read at most."""

_HEADERS = 100
_HEADER_LINE = 8_190
_CHUNK = 65_536
_CONNECT_SECONDS = 5.0
USER_AGENT = "Deskhand/1.0 (research on request; obeys robots.txt)"
_ACCEPT = "text/html, application/xhtml+xml, text/plain, application/json, application/ld+json"


@dataclass(frozen=True)
class Pinned:
    """The only addresses and the port that this request may connect to."""

    addresses: tuple[Address, ...]
    port: int
    plain: bool = False
    """In plain HTTP, whatever the URL's scheme says (a fixed host)."""


@dataclass(frozen=True)
class Response:
    """``headers`` have names in small letters."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    truncated: bool


class _OnlyThese(AbstractResolver):
    def __init__(self, pinned: Pinned) -> None:
        self._pinned = pinned

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        return [
            ResolveResult(
                hostname=host,
                host=str(address),
                port=self._pinned.port,
                family=socket.AF_INET if address.version == 4 else socket.AF_INET6,
                proto=0,
                flags=socket.AI_NUMERICHOST,
            )
            for address in self._pinned.addresses
        ]

    async def close(self) -> None:
        """Nothing is open."""


async def exchange(target: Target, pinned: Pinned, tls: ssl.SSLContext | None = None) -> Response:
    """Ask for ``target``. Raises ``Refused`` (type, size), ``Failed``; a caller bounds its time.

    A redirect or an error comes back without its body."""

    def made_for(info: tuple[Any, ...]) -> socket.socket:
        # The last wall: whatever the client library looked up, no socket is made for another place.
        family, kind, proto, _, place = info
        allowed = {(str(address), pinned.port) for address in pinned.addresses}
        if (place[0], place[1]) not in allowed:
            raise OSError(f"{place[0]}:{place[1]} was not checked")
        made = socket.socket(family, kind, proto)
        made.setblocking(False)
        return made

    url = target.request
    if pinned.plain:
        url = Target("http", target.host, 80, target.path).request
    connector = aiohttp.TCPConnector(
        resolver=_OnlyThese(pinned),
        use_dns_cache=False,
        force_close=True,
        socket_factory=made_for,
        ssl=tls if tls is not None else True,
    )
    try:
        async with (
            aiohttp.ClientSession(
                connector=connector,
                cookie_jar=aiohttp.DummyCookieJar(),
                trust_env=False,
                auto_decompress=False,
                max_headers=_HEADERS,
                max_line_size=_HEADER_LINE,
                max_field_size=_HEADER_LINE,
                timeout=aiohttp.ClientTimeout(total=None, sock_connect=_CONNECT_SECONDS),
            ) as session,
            session.get(
                url,
                allow_redirects=False,
                headers={
                    "User-Agent": USER_AGENT,
                    "Accept": _ACCEPT,
                    "Accept-Encoding": "gzip, deflate",
                },
            ) as answer,
        ):
            headers = {name.lower(): value for name, value in answer.headers.items()}
            if answer.status != 200:
                answer.close()
                return Response(answer.status, headers, b"", False)
            packing = headers.get("content-encoding", "").strip().lower()
            if packing not in ("", "identity", "gzip", "x-gzip", "deflate"):
                raise Refused("type", target.url)
            body, truncated = await _body(answer.content.iter_chunked(_CHUNK), packing)
            answer.close()
            return Response(answer.status, headers, body, truncated)
    except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError) as fault:
        raise Failed("it cannot be reached", target.url, connected=False) from fault
    except aiohttp.ClientResponseError as fault:
        if _too_long(fault):
            raise Refused("size", target.url) from fault
        raise Failed("its answer is not HTTP", target.url) from fault
    except zlib.error as fault:
        raise Failed("its answer cannot be unpacked", target.url) from fault
    except aiohttp.ServerDisconnectedError as fault:
        raise Failed("it hung up", target.url, connected=False) from fault
    except (aiohttp.ClientError, OSError, ValueError) as fault:
        raise Failed("its answer broke off", target.url) from fault


def _too_long(fault: BaseException) -> bool:
    """Lines or headers without end, as aiohttp's parsers report them."""
    cause: BaseException | None = fault
    while cause is not None:
        if isinstance(cause, LineTooLong):
            return True
        if isinstance(cause, BadHttpMessage) and "too many headers" in str(cause).lower():
            return True
        cause = cause.__cause__
    words = str(fault).lower()
    return "too many headers" in words or "got more than" in words


async def _body(chunks: AsyncIterator[bytes], packing: str) -> tuple[bytes, bool]:
    unpack = _Unpacker(packing) if packing not in ("", "identity") else None
    found, read = bytearray(), 0
    async for chunk in chunks:
        read += len(chunk)
        room = BODY_LIMIT - len(found)
        if unpack is None:
            found += chunk[:room]
            cut = len(chunk) > room
        else:
            piece, cut = unpack.feed(chunk, room)
            found += piece
        if cut or (unpack is not None and read > BODY_LIMIT):
            return bytes(found), True
    return bytes(found), unpack is not None and not unpack.whole


class _Unpacker:
    """gzip (any number of members) or deflate (with or without its wrapper)."""

    def __init__(self, packing: str) -> None:
        self._bits = 31 if packing.endswith("gzip") else 15
        self._inner = zlib.decompressobj(self._bits)
        self._begun = False

    @property
    def whole(self) -> bool:
        return self._inner.eof or not self._begun

    def feed(self, chunk: bytes, room: int) -> tuple[bytes, bool]:
        """At most ``room`` bytes more, and whether there would be still more."""
        found = bytearray()
        while chunk:
            if self._inner.eof:
                if self._bits != 31:
                    break
                self._inner, self._begun = zlib.decompressobj(self._bits), False
            # One byte over, so that a body that just fits is not called cut off.
            left = room - len(found) + 1
            try:
                found += self._inner.decompress(chunk, left)
            except zlib.error:
                if self._bits != 15 or self._begun:
                    raise
                self._bits = -15
                self._inner = zlib.decompressobj(self._bits)
                continue
            self._begun = True
            if len(found) > room:
                return bytes(found[:room]), True
            chunk = self._inner.unused_data if self._inner.eof else self._inner.unconsumed_tail
        return bytes(found), False
