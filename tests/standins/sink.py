"""A customer's `reply_url`: where approved replies to webhook tickets arrive.

The log is the oracle: each request is one entry, in order of arrival, with its headers,
raw body and whether it counted as an effect. `python -m tests.standins.sink --port N
--log FILE` runs it alone.
"""

import argparse
import asyncio
import base64
import hashlib
import hmac
import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, assert_never

from aiohttp import web

from tests.standins.wire import (
    CallLog,
    Delay,
    DropBefore,
    DropReply,
    Fault,
    FaultPlan,
    Feed,
    Hang,
    Hold,
    HttpFailure,
    JsonObject,
    Pauses,
    RateLimited,
    Refusal,
    Signal,
    answer,
    drop,
    serving,
)

PATH = "/replies"
TOLERANCE_S = 300  # Standard Webhooks: timestamps within five minutes


@dataclass(frozen=True)
class Redirect:
    """Answer with a redirect to `location`; nothing happens."""

    location: str
    status: int = 307


@dataclass(frozen=True)
class Received:
    """One request as it came. `n` is the position in the log, from 1.

    `effect` is whether the customer's side acted on it: not when it was refused, and not
    when its Idempotency-Key had been seen (where keys are honoured).
    """

    n: int
    path: str
    headers: dict[str, str]
    """Names in lower case."""
    body: bytes
    effect: bool
    signature: Literal["good", "bad", "unchecked"]

    @property
    def json(self) -> JsonObject:
        """The body as an object; empty if it is none."""
        try:
            value = json.loads(self.body)
        except ValueError:
            return {}
        return value if isinstance(value, dict) else {}

    @property
    def key(self) -> str | None:
        return self.headers.get("idempotency-key")


def secret_bytes(secret: str) -> bytes:
    """`whsec_` and base64, or raw bytes without the prefix (DESIGN 6.1)."""
    if secret.startswith("whsec_"):
        encoded = secret.removeprefix("whsec_")
        return base64.b64decode(encoded + "=" * (-len(encoded) % 4))
    return secret.encode()


def signature_of(secret: str, message_id: str, timestamp: str, body: bytes) -> str:
    """Standard Webhooks: `v1,` and base64 of HMAC-SHA256 over id, timestamp and body."""
    signed = b".".join((message_id.encode(), timestamp.encode(), body))
    digest = hmac.new(secret_bytes(secret), signed, hashlib.sha256).digest()
    return "v1," + base64.b64encode(digest).decode()


class SinkStandin:
    """A running sink.

    `secret`: verify Standard Webhooks signatures and answer 401 to a bad one.
    `idempotent`: honour Idempotency-Key, so that a repeated key has no second effect.
    `faults`: by path or `*`; a `Refusal` answers 422.
    """

    def __init__(
        self,
        *,
        secret: str | None = None,
        idempotent: bool = False,
        log_path: Path | None = None,
    ) -> None:
        self.secret = secret
        self.idempotent = idempotent
        self.signal = Signal()
        self.log = CallLog(self.signal, log_path)
        self.faults = FaultPlan()
        self.received: Feed[Received] = Feed("received", self.signal)
        self.statuses: list[int | Redirect] = []
        """Scripted answers, first come first served; then 200."""
        self.url = ""
        self._pauses = Pauses()
        self._seen: set[str] = set()

    @property
    def reply_url(self) -> str:
        return self.url + PATH

    @property
    def effects(self) -> list[Received]:
        """The requests the customer's side acted on."""
        return [one for one in self.received if one.effect]

    def effects_by_key(self) -> dict[str, int]:
        """How often each Idempotency-Key had an effect: never more than once each."""
        counts: dict[str, int] = {}
        for one in self.effects:
            counts[one.key or ""] = counts.get(one.key or "", 0) + 1
        return counts

    @asynccontextmanager
    async def running(self, port: int = 0) -> AsyncIterator["SinkStandin"]:
        app = web.Application(client_max_size=4 * 1024 * 1024)
        app.add_routes([web.route("*", "/{path:.*}", self._serve)])
        async with serving(app, port) as at:
            self.url = f"http://127.0.0.1:{at}"
            try:
                yield self
            finally:
                self._pauses.close()
                self.log.close()

    async def _serve(self, request: web.Request) -> web.StreamResponse:
        body = await request.read()
        headers = {name.lower(): value for name, value in request.headers.items()}
        fault = self.faults.take(request.path, {"headers": headers, "body": body})
        await self._pauses.before_effect(fault)
        verdict = self._verify(headers, body)
        status, extra = self._status(fault, verdict)
        accepted = 200 <= status < 300 and not isinstance(fault, DropBefore)
        key = headers.get("idempotency-key")
        repeated = self.idempotent and key is not None and key in self._seen
        effect = accepted and not repeated
        if accepted and key is not None:
            self._seen.add(key)
        text = body.decode("utf-8", "replace")
        entry = self.log.record(
            "call",
            request.path,
            {"method": request.method, "headers": headers, "body": text, "effect": effect},
            status=status,
            fault=type(fault).__name__ if fault else None,
        )
        self.received.push(Received(entry.n, request.path, headers, body, effect, verdict))
        await self._pauses.after_effect(fault)
        if isinstance(fault, DropBefore | DropReply | Hang):
            self.log.mark_delivered(entry, False)
            return drop(request)
        words = fault.body if isinstance(fault, HttpFailure) else '{"ok": true}'
        response = web.Response(
            status=status, text=words, headers=extra, content_type="application/json"
        )
        self.log.mark_delivered(entry, await answer(request, response))
        return response

    def _status(
        self, fault: Fault | None, verdict: Literal["good", "bad", "unchecked"]
    ) -> tuple[int, dict[str, str]]:
        match fault:
            case HttpFailure(status=status):
                return status, {}
            case RateLimited(retry_after_s=seconds):
                return 429, {"Retry-After": str(seconds)}
            case Refusal():
                return 422, {}
            case DropReply() | DropBefore() | Delay() | Hang() | Hold() | None:
                pass
            case _:
                assert_never(fault)
        if verdict == "bad":
            return 401, {}
        if not self.statuses:
            return 200, {}
        match self.statuses.pop(0):
            case Redirect(location=location, status=status):
                return status, {"Location": location}
            case int() as status:
                return status, {}

    def _verify(self, headers: dict[str, str], body: bytes) -> Literal["good", "bad", "unchecked"]:
        if self.secret is None:
            return "unchecked"
        message_id, when = headers.get("webhook-id", ""), headers.get("webhook-timestamp", "")
        if not message_id or not when.isdigit() or abs(time.time() - int(when)) > TOLERANCE_S:
            return "bad"
        wanted = signature_of(self.secret, message_id, when, body)
        given = headers.get("webhook-signature", "").split(" ")
        return "good" if any(hmac.compare_digest(wanted, one) for one in given) else "bad"


@asynccontextmanager
async def sink_standin(
    *,
    secret: str | None = None,
    idempotent: bool = False,
    port: int = 0,
    log_path: Path | None = None,
) -> AsyncIterator[SinkStandin]:
    """A sink on 127.0.0.1."""
    standin = SinkStandin(secret=secret, idempotent=idempotent, log_path=log_path)
    async with standin.running(port):
        yield standin


async def _alone(arguments: argparse.Namespace) -> None:
    async with sink_standin(
        secret=arguments.secret,
        idempotent=arguments.idempotent,
        port=arguments.port,
        log_path=arguments.log,
    ) as standin:
        print(json.dumps({"ready": True, "url": standin.url}), flush=True)
        await asyncio.Event().wait()


def main() -> None:
    """Run until killed; the first line on stdout is `{"ready": true, "url": ...}`."""
    parser = argparse.ArgumentParser(prog="tests.standins.sink")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--log", type=Path, default=None)
    parser.add_argument("--secret", default=None)
    parser.add_argument("--idempotent", action="store_true")
    asyncio.run(_alone(parser.parse_args()))


if __name__ == "__main__":
    main()
