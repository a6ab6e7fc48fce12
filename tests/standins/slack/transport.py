"""How payloads reach the app: signed HTTP requests, or Socket Mode envelopes."""

import hashlib
import hmac
import json
import time
from dataclasses import dataclass, field
from typing import Literal, Protocol
from urllib.parse import urlencode

import aiohttp

from tests.standins.slack.model import JsonObject
from tests.standins.slack.socket_mode import EnvelopeKind, SocketMode
from tests.standins.wire import CallLog

ANSWER_LIMIT_S = 3.0  # events, interactions and commands: "within three seconds"


@dataclass(frozen=True)
class Sent:
    """What came back: `status` 0 and an `error` (`timeout`, `connection`) if nothing did."""

    status: int
    text: str = ""
    body: JsonObject = field(default_factory=dict)
    error: str | None = None
    seconds: float = 0.0
    no_retry: bool = False
    """The answer bore `X-Slack-No-Retry: 1`: Slack will not deliver this event again."""


class Transport(Protocol):
    """One way to the app."""

    async def deliver(
        self, kind: EnvelopeKind, payload: JsonObject, *, retry: int = 0, reason: str = ""
    ) -> Sent:
        """Send one payload and wait at most three seconds for the answer."""
        ...


def sign(secret: str, timestamp: str, body: bytes) -> str:
    """authentication/verifying-requests-from-slack: v0 HMAC-SHA256 over version, time, body."""
    base = b"v0:" + timestamp.encode() + b":" + body
    return "v0=" + hmac.new(secret.encode(), base, hashlib.sha256).hexdigest()


class HttpTransport:
    """Signed POSTs to `{product_url}/slack/events`."""

    def __init__(
        self,
        session: aiohttp.ClientSession,
        product_url: str,
        *,
        signing_secret: str,
        log: CallLog,
        path: str = "/slack/events",
    ) -> None:
        self.url = product_url.rstrip("/") + path
        self.limit_s = ANSWER_LIMIT_S
        self._session = session
        self._secret = signing_secret
        self._log = log

    async def deliver(
        self, kind: EnvelopeKind, payload: JsonObject, *, retry: int = 0, reason: str = ""
    ) -> Sent:
        headers: dict[str, str] = {}
        if retry:
            headers = {"X-Slack-Retry-Num": str(retry), "X-Slack-Retry-Reason": reason}
        match kind:
            case "events_api":
                body = json.dumps(payload).encode()
                headers["Content-Type"] = "application/json"
            case "interactive":
                body = urlencode({"payload": json.dumps(payload)}).encode()
                headers["Content-Type"] = "application/x-www-form-urlencoded"
            case "slash_commands":
                body = urlencode(payload).encode()
                headers["Content-Type"] = "application/x-www-form-urlencoded"
        name = str(payload.get("type") or payload.get("command"))
        return await self.post(body, headers=headers, log_as=name)

    async def post(
        self,
        body: bytes,
        *,
        headers: dict[str, str] | None = None,
        signature: Literal["good", "bad", "absent"] | str = "good",
        timestamp: str | None = None,
        age_s: float = 0.0,
        secret: str | None = None,
        log_as: str = "raw",
    ) -> Sent:
        """Send raw bytes. `signature` other than the three words is sent as it stands;
        `timestamp` likewise; `age_s` makes the signed timestamp that old."""
        when = timestamp if timestamp is not None else str(int(time.time() - age_s))
        signed = sign(secret or self._secret, when, body)
        all_headers = {
            "User-Agent": "Slackbot 1.0 (+https://api.slack.com/robots)",
            "X-Slack-Request-Timestamp": when,
            "X-Slack-Signature": signed,
            **(headers or {"Content-Type": "application/json"}),
        }
        match signature:
            case "good":
                pass
            case "bad":
                all_headers["X-Slack-Signature"] = signed[:-1] + ("0" if signed[-1] != "0" else "1")
            case "absent":
                del all_headers["X-Slack-Signature"]
            case given:
                all_headers["X-Slack-Signature"] = given
        started = time.monotonic()
        try:
            async with self._session.post(
                self.url,
                data=body,
                headers=all_headers,
                timeout=aiohttp.ClientTimeout(total=self.limit_s),
                allow_redirects=False,
            ) as response:
                text = await response.text(errors="replace")
                sent = Sent(
                    status=response.status,
                    text=text,
                    body=_object(text),
                    seconds=time.monotonic() - started,
                    no_retry=response.headers.get("X-Slack-No-Retry") == "1",
                )
        except TimeoutError:
            sent = Sent(0, error="timeout", seconds=time.monotonic() - started)
        except aiohttp.ClientError:
            sent = Sent(0, error="connection", seconds=time.monotonic() - started)
        self._log.record(
            "delivery",
            log_as,
            {"retry": (headers or {}).get("X-Slack-Retry-Num", "0"), "bytes": len(body)},
            answer={"text": sent.text[:2000], "error": sent.error},
            status=sent.status,
        )
        return sent


class SocketTransport:
    """Envelopes over whichever Socket Mode connection is open."""

    def __init__(self, sockets: SocketMode) -> None:
        self.limit_s = ANSWER_LIMIT_S
        self._sockets = sockets

    async def deliver(
        self, kind: EnvelopeKind, payload: JsonObject, *, retry: int = 0, reason: str = ""
    ) -> Sent:
        started = time.monotonic()
        try:
            envelope = await self._sockets.send(kind, payload)
        except ConnectionError:
            # The envelope is kept: redeliver_unacknowledged sends it once the app is back.
            return Sent(0, error="connection")
        acked = await self._sockets.wait_ack(envelope, timeout=self.limit_s)
        seconds = time.monotonic() - started
        if acked is None:
            return Sent(0, error="timeout", seconds=seconds)
        return Sent(200, body=acked.ack_payload or {}, seconds=seconds)


def _object(text: str) -> JsonObject:
    try:
        value = json.loads(text)
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}
