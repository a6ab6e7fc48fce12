"""An approved reply to a webhook ticket: one signed POST to the webhook's ``reply_url``.

Body and headers are the outside interface (DESIGN 6.1, "Effects"); the signature is that of the
Standard Webhooks scheme (github.com/standard-webhooks/standard-webhooks).
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol
from urllib.parse import urlsplit

import aiohttp
from standardwebhooks import Webhook

from bot.commands import Outcome, Refused, Succeeded, Uncertain
from bot.domain import Place, Ticket
from tools.spec import Grant, Sent

_CONNECT_SECONDS = 5.0
_UNDECIDED = frozenset({408, 409, 425, 429})
"""Client errors that do not say that nothing happened."""


class Times(Protocol):
    """The clock's two readings: aware UTC, and seconds for spans."""

    def now(self) -> datetime: ...

    def monotonic(self) -> float: ...


@dataclass(frozen=True)
class Endpoint:
    """Where and how the tickets of one webhook are answered."""

    url: str
    """The operator's own, and so allowed to be private."""
    secret: str
    """``whsec_`` and base64, else the raw bytes of the text."""
    retention: timedelta | None = None
    """How long the other side drops a repeated ``Idempotency-Key``; None: it does not."""

    @property
    def host(self) -> str:
        return urlsplit(self.url).hostname or self.url

    @property
    def signer(self) -> Webhook:
        known = self.secret.startswith("whsec_")
        return Webhook(self.secret if known else self.secret.encode())


def reply_session() -> aiohttp.ClientSession:
    """The session for ``ReplyUrl``; the caller closes it.

    Each reply has a connection of its own: on a kept one that the other side is just closing, a
    request is lost unread, and would count as unknown for nothing. No proxy and no ``.netrc`` from
    the environment, no cookies."""
    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(force_close=True),
        cookie_jar=aiohttp.DummyCookieJar(),
        trust_env=False,
    )


class ReplyUrl:
    """``tools.spec.Outlet`` for webhooks, by their names."""

    def __init__(
        self, endpoints: Mapping[str, Endpoint], session: aiohttp.ClientSession, clock: Times
    ) -> None:
        self._endpoints = dict(endpoints)
        self._session = session
        self._clock = clock
        # A secret that cannot be used is found at start, not at the first reply.
        self._signers = {name: endpoint.signer for name, endpoint in self._endpoints.items()}

    def target(self, ticket: Ticket) -> str:
        endpoint = self._endpoints.get(ticket.origin.place)
        if endpoint is None:
            return f"nowhere: the webhook {ticket.origin.place} has no reply_url"
        return f"{endpoint.url} (ticket {ticket.origin.thread or ticket.id})"

    def knows(self, origin: Place) -> bool:
        """Whether that webhook has a ``reply_url``."""
        return origin.place in self._endpoints

    def resend_seconds(self, origin: Place) -> float:
        endpoint = self._endpoints.get(origin.place)
        return endpoint.retention.total_seconds() if endpoint and endpoint.retention else 0.0

    async def send(self, grant: Grant, text: str) -> Outcome:
        """One POST before the deadline."""
        return await self._post(grant, text)

    async def send_without_reply(self, grant: Grant) -> Outcome:
        """The same with ``reply`` null: the ticket asked for nothing; labels and route stand."""
        return await self._post(grant, None)

    async def look_up(self, sent: Sent) -> Succeeded | None:
        """A ``reply_url`` cannot be asked."""
        return None

    async def _post(self, grant: Grant, text: str | None) -> Outcome:
        endpoint = self._endpoints.get(grant.origin.place)
        if endpoint is None:
            return Refused(f"the webhook {grant.origin.place} has no reply_url")
        body = reply_body(grant, text)
        now = self._clock.now()
        headers = {
            "Content-Type": "application/json",
            "Idempotency-Key": grant.key,
            "webhook-id": grant.key,
            "webhook-timestamp": str(int(now.timestamp())),
            "webhook-signature": self._signers[grant.origin.place].sign(grant.key, now, body),
        }
        left = grant.deadline - self._clock.monotonic()
        if left <= 0:
            return Refused("the time to send it was over before anything was sent")
        limits = aiohttp.ClientTimeout(total=left, sock_connect=min(left, _CONNECT_SECONDS))
        try:
            async with (
                asyncio.timeout(left),
                self._session.post(
                    endpoint.url,
                    data=body.encode(),
                    headers=headers,
                    allow_redirects=False,
                    timeout=limits,
                ) as response,
            ):
                return _outcome(response.status, endpoint.host)
        except aiohttp.ClientConnectorError as fault:
            # No connection, so no byte of the request left.
            return Refused(f"{endpoint.host} cannot be reached: {fault}")
        except aiohttp.InvalidURL:
            return Refused(f"{endpoint.url} is not an address that a request can go to")
        except aiohttp.ConnectionTimeoutError:
            return Refused(f"{endpoint.host} did not accept a connection in time")
        except TimeoutError:
            return Uncertain(f"{endpoint.host} did not answer in time")
        except (aiohttp.ClientError, OSError, ValueError) as fault:
            return Uncertain(f"the answer of {endpoint.host} was lost: {type(fault).__name__}")


def reply_body(grant: Grant, text: str | None) -> str:
    """The body, as JSON of ASCII alone, so that what is signed is what arrives."""
    content, approved_by = grant.content, grant.approved_by
    return json.dumps(
        {
            "ticket": grant.origin.thread or grant.ticket,
            "reply": text,
            "labels": list(content.labels),
            "priority": content.priority,
            "route": content.route,
            "proposal": grant.proposal,
            "revision": grant.revision,
            "approved_by": {
                "surface": approved_by.actor.surface,
                "id": approved_by.actor.id,
                "name": approved_by.name,
            },
        }
    )


def _outcome(status: int, host: str) -> Outcome:
    if 200 <= status < 300:
        return Succeeded(f"{host} answered {status}")
    if 400 <= status < 500 and status not in _UNDECIDED:
        return Refused(f"{host} refused it: HTTP {status}")
    return Uncertain(f"{host} answered {status}")
