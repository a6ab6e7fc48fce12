"""Socket Mode: docs.slack.dev/apis/events-api/using-socket-mode.

`apps.connections.open` hands out a single-use `ws://` URL; the connection says hello,
then carries envelopes, each of which the app acknowledges by its id.
"""

import asyncio
import itertools
import json
import secrets
import time
from dataclasses import dataclass
from typing import Literal

from aiohttp import WSMsgType, web

from tests.standins.slack.model import JsonObject
from tests.standins.wire import CallLog, Feed, NotSeenError, Signal

EnvelopeKind = Literal["events_api", "interactive", "slash_commands"]
CONNECTIONS_MAX = 10  # using-socket-mode: "up to 10 open WebSocket connections"


@dataclass
class Envelope:
    """One envelope: sent `sends` times, acknowledged or not. Times are time.monotonic()."""

    envelope_id: str
    kind: EnvelopeKind
    payload: JsonObject
    sent_at: float = 0.0
    sends: int = 0
    acked_at: float | None = None
    ack_payload: JsonObject | None = None
    acks: int = 0


@dataclass(frozen=True)
class Ack:
    """One acknowledgement; `seconds` since the envelope was last sent."""

    envelope_id: str
    seconds: float
    payload: JsonObject | None


class SocketMode:
    """The WebSocket side of one workspace."""

    def __init__(self, *, app_id: str, log: CallLog, signal: Signal) -> None:
        self.envelopes: dict[str, Envelope] = {}
        self.acks: Feed[Ack] = Feed("acks", signal)
        self._app_id = app_id
        self._log = log
        self._signal = signal
        self._tickets: set[str] = set()
        self._open: list[web.WebSocketResponse] = []
        self._transports: dict[web.WebSocketResponse, asyncio.Transport] = {}
        self._turn = itertools.count()

    def routes(self) -> list[web.RouteDef]:
        return [web.get("/link/", self._connect)]

    def new_url(self, base_url: str) -> str:
        """A fresh `ws://` URL with a single-use ticket."""
        ticket = secrets.token_urlsafe(12)
        self._tickets.add(ticket)
        return f"{base_url.replace('http', 'ws', 1)}/link/?ticket={ticket}&app_id={self._app_id}"

    @property
    def connections(self) -> int:
        return len(self._open)

    async def wait_connected(self, count: int = 1, *, timeout: float = 30.0) -> None:
        """Return when at least `count` connections have said hello."""
        await self._signal.until(
            lambda: len(self._open) >= count or None,
            timeout=timeout,
            what=lambda: f"{count} Socket Mode connections, {len(self._open)} so far",
        )

    async def send(self, kind: EnvelopeKind, payload: JsonObject) -> Envelope:
        """Send a new envelope to one of the connections. Raises ConnectionError if none is open."""
        envelope = Envelope(f"env-{secrets.token_hex(12)}", kind, payload)
        self.envelopes[envelope.envelope_id] = envelope
        await self.resend(envelope, reason="")
        return envelope

    async def resend(self, envelope: Envelope, *, reason: str = "timeout") -> None:
        """Send an envelope (again): Slack redelivers what was not acknowledged."""
        if not self._open:
            raise ConnectionError("no Socket Mode connection is open")
        connection = self._open[next(self._turn) % len(self._open)]
        body: JsonObject = {
            "envelope_id": envelope.envelope_id,
            "type": envelope.kind,
            "payload": envelope.payload,
            "accepts_response_payload": envelope.kind != "events_api",
        }
        if envelope.kind == "events_api":
            body |= {"retry_attempt": envelope.sends, "retry_reason": reason}
        envelope.sends += 1
        envelope.sent_at = time.monotonic()
        self._log.record(
            "envelope", envelope.kind, {"envelope_id": envelope.envelope_id, **envelope.payload}
        )
        await connection.send_str(json.dumps(body))

    async def wait_ack(self, envelope: Envelope, *, timeout: float = 30.0) -> Envelope | None:
        """The envelope once acknowledged, or None after `timeout` seconds."""
        try:
            await self._signal.until(
                lambda: envelope.acked_at, timeout=timeout, what=lambda: envelope.envelope_id
            )
        except NotSeenError:
            return None
        return envelope

    def unacknowledged(self) -> list[Envelope]:
        return [envelope for envelope in self.envelopes.values() if envelope.acked_at is None]

    async def redeliver_unacknowledged(self) -> list[Envelope]:
        """Send every envelope without an acknowledgement again, on a connection open now."""
        pending = self.unacknowledged()
        for envelope in pending:
            await self.resend(envelope)
        return pending

    async def disconnect(
        self, reason: Literal["refresh_requested", "warning", "link_disabled"] = "refresh_requested"
    ) -> None:
        """Say `disconnect` and close, as Slack does when it refreshes a connection."""
        connections, self._open = self._open, []
        for connection in connections:
            await connection.send_str(
                json.dumps({"type": "disconnect", "reason": reason, "debug_info": {"host": "x"}})
            )
            await connection.close()

    def cut(self) -> None:
        """Break every connection without a word."""
        connections, self._open = self._open, []
        for connection in connections:
            transport = self._transports.pop(connection, None)
            if transport is not None:
                transport.abort()

    async def close(self) -> None:
        connections, self._open = self._open, []
        await asyncio.gather(*(one.close() for one in connections), return_exceptions=True)

    async def _connect(self, request: web.Request) -> web.StreamResponse:
        ticket = request.query.get("ticket", "")
        if ticket not in self._tickets or len(self._open) >= CONNECTIONS_MAX:
            return web.Response(status=403)
        self._tickets.discard(ticket)
        connection = web.WebSocketResponse()
        await connection.prepare(request)
        hello = {
            "type": "hello",
            "num_connections": len(self._open) + 1,
            "debug_info": {"host": "applink-1", "approximate_connection_time": 18060},
            "connection_info": {"app_id": self._app_id},
        }
        await connection.send_str(json.dumps(hello))
        self._open.append(connection)
        if request.transport is not None:
            self._transports[connection] = request.transport
        self._signal.notify()
        try:
            async for message in connection:
                if message.type is WSMsgType.TEXT:
                    self._acknowledge(message.data)
        finally:
            self._transports.pop(connection, None)
            if connection in self._open:
                self._open.remove(connection)
            self._signal.notify()
        return connection

    def _acknowledge(self, raw: str) -> None:
        body = json.loads(raw)
        envelope = self.envelopes.get(body.get("envelope_id"))
        if envelope is None:
            self._log.record("ack", "unknown", {"raw": raw})
            return
        envelope.acks += 1
        if envelope.acked_at is None:
            envelope.acked_at = time.monotonic()
            envelope.ack_payload = body.get("payload")
        seconds = time.monotonic() - envelope.sent_at
        self._log.record("ack", envelope.kind, {"envelope_id": envelope.envelope_id})
        self.acks.push(Ack(envelope.envelope_id, seconds, body.get("payload")))
