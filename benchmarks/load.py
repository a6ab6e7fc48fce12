"""Signed Slack events and a client that sends them: at a fixed rate whatever the server does, or
one after another on a few connections. As light as a client can be in Python, for it shares the
machine with what it measures.
"""

from __future__ import annotations

import asyncio
import json
import random
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from urllib.parse import urlsplit

from benchmarks.memory import words
from tests.standins.slack import events
from tests.standins.slack.model import Message
from tests.standins.slack.server import SIGNING_SECRET
from tests.standins.slack.state import Workspace, fixture_world
from tests.standins.slack.transport import sign
from tests.standins.wire import Clock, Signal


class Writer:
    """Makes messages as Slack delivers them: each new, of 400 characters, by one of 50 people."""

    def __init__(self, seed: int = 7) -> None:
        self._space = fixture_world(Workspace(clock=Clock(), signal=Signal()))
        self._random = random.Random(seed)
        self._number = 0
        self._run = f"{random.SystemRandom().getrandbits(32):08x}"
        customer = self._space.users["U0CUSTOMER"]
        for number in range(50):
            name = f"U1CUSTOMER{number:02}"
            self._space.users[name] = replace(customer, id=name)

    def payload(self) -> dict[str, object]:
        """The next event."""
        self._number += 1
        text = words(self._random, 400)
        message = Message(
            channel="C0SUPPORT",
            ts=f"{int(time.time())}.{self._number:06}",
            user=f"U1CUSTOMER{self._number % 50:02}",
            text=text,
            team=self._space.team_id,
            blocks=events.rich_text(text),
        )
        event = events.message_event(self._space, message)
        ident = f"Ev{self._run}{self._number:06}".upper()
        return events.event_callback(self._space, event, event_id=ident)

    def requests(self, url: str, count: int) -> list[bytes]:
        """Whole HTTP requests, signed now: valid for five minutes."""
        return [request(url, json.dumps(self.payload()).encode()) for _ in range(count)]


def request(url: str, body: bytes) -> bytes:
    """One POST of a signed body to ``/slack/events``."""
    when = str(int(time.time()))
    head = (
        f"POST /slack/events HTTP/1.1\r\nHost: {urlsplit(url).netloc}\r\n"
        "User-Agent: Slackbot 1.0 (+https://api.slack.com/robots)\r\nAccept: */*\r\n"
        "Accept-Encoding: gzip,deflate\r\nContent-Type: application/json\r\n"
        f"X-Slack-Request-Timestamp: {when}\r\n"
        f"X-Slack-Signature: {sign(SIGNING_SECRET, when, body)}\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


@dataclass(frozen=True)
class Answered:
    """What came back for one request. ``status`` 0: nothing."""

    status: int
    seconds: float


class _Connection(asyncio.Protocol):
    """One kept-alive connection with one request on its way at most."""

    def __init__(self) -> None:
        self._transport: asyncio.Transport | None = None
        self._waiting: asyncio.Future[int] | None = None
        self._got = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._got += data
        head, found, rest = self._got.partition(b"\r\n\r\n")
        if not found or len(rest) < _length(head):
            return
        self._got = b""
        self._answer(int(head[9:12]))

    def connection_lost(self, exc: Exception | None) -> None:
        self._transport = None
        self._answer(0)

    async def send(self, raw: bytes) -> Answered:
        began = time.perf_counter()
        if self._transport is None:
            return Answered(0, 0.0)
        self._waiting = asyncio.get_running_loop().create_future()
        self._transport.write(raw)
        status = await self._waiting
        return Answered(status, time.perf_counter() - began)

    def close(self) -> None:
        if self._transport is not None:
            self._transport.abort()

    def _answer(self, status: int) -> None:
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_result(status)


def _length(head: bytes) -> int:
    for line in head.lower().split(b"\r\n"):
        if line.startswith(b"content-length:"):
            return int(line[15:])
    return 0


class Client:
    """Kept-alive connections to one server; ``async with`` opens and closes them."""

    def __init__(self, url: str, connections: int) -> None:
        at = urlsplit(url)
        self._host, self._port = at.hostname or "127.0.0.1", at.port or 80
        self._count = connections
        self._all: list[_Connection] = []
        self._free: asyncio.LifoQueue[_Connection] = asyncio.LifoQueue()

    async def __aenter__(self) -> Client:
        loop = asyncio.get_running_loop()
        for _ in range(self._count):
            _, made = await loop.create_connection(_Connection, self._host, self._port)
            self._all.append(made)
            self._free.put_nowait(made)
        return self

    async def __aexit__(self, *_: object) -> None:
        for one in self._all:
            one.close()

    async def send(self, raw: bytes) -> Answered:
        connection = await self._free.get()
        try:
            return await connection.send(raw)
        finally:
            self._free.put_nowait(connection)

    async def at_rate(self, requests: Sequence[bytes], per_second: float) -> list[Answered]:
        """Send each at its time, however late the answers to others are."""
        began = time.perf_counter()
        sent = []
        for number, raw in enumerate(requests):
            ahead = began + number / per_second - time.perf_counter()
            if ahead > 0:
                await asyncio.sleep(ahead)
            sent.append(asyncio.create_task(self.send(raw)))
        return list(await asyncio.gather(*sent))

    async def in_turn(self, requests: Iterable[bytes]) -> list[Answered]:
        """As fast as the server takes them, one at a time on each connection."""
        left = iter(requests)

        async def one_line() -> list[Answered]:
            return [await self.send(raw) for raw in left]

        lines = await asyncio.gather(*(one_line() for _ in range(self._count)))
        return [answer for line in lines for answer in line]
