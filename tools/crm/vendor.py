"""One HTTP call to a CRM's API, and what may be said of it afterwards."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import aiohttp

READ_SECONDS = 8.0
_CONNECT_SECONDS = 5.0
_LARGEST_BYTES = 1_000_000


class NotSent(Exception):
    """No byte of the request left."""


class Lost(Exception):
    """The request may have arrived; no whole answer came."""


@dataclass(frozen=True)
class Reply:
    """``data`` is the body's JSON, None where there is none."""

    status: int
    data: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)
    """Names in small letters."""

    @property
    def well(self) -> bool:
        return 200 <= self.status < 300


@dataclass(frozen=True)
class Api:
    """A CRM's address, and a token for it: a reader's can read, a writer's can write."""

    session: aiohttp.ClientSession
    base_url: str
    """The operator's own, and so allowed to be private; without a last slash."""
    token: str = field(repr=False)

    async def call(
        self,
        method: Literal["GET", "POST", "PATCH"],
        path: str,
        *,
        body: object = None,
        headers: Mapping[str, str] | None = None,
        seconds: float = READ_SECONDS,
    ) -> Reply:
        """One request, never repeated. Raises ``NotSent``, ``Lost``; ``path`` is encoded."""
        limits = aiohttp.ClientTimeout(total=seconds, sock_connect=min(seconds, _CONNECT_SECONDS))
        sent = {"Authorization": f"Bearer {self.token}", "Accept": "application/json"}
        if body is not None:
            sent["Content-Type"] = "application/json"
        try:
            async with (
                asyncio.timeout(seconds),
                self.session.request(
                    method,
                    self.base_url + path,
                    data=None if body is None else json.dumps(body).encode(),
                    headers={**sent, **(headers or {})},
                    allow_redirects=False,
                    timeout=limits,
                ) as answer,
            ):
                raw = await answer.content.read(_LARGEST_BYTES + 1)
                while len(raw) <= _LARGEST_BYTES and (more := await answer.content.read(65_536)):
                    raw += more
                names = {name.lower(): value for name, value in answer.headers.items()}
                return Reply(answer.status, _json(raw, answer.status), names)
        except (aiohttp.ClientConnectorError, aiohttp.InvalidURL) as fault:
            raise NotSent("it cannot be reached") from fault
        except aiohttp.ConnectionTimeoutError as fault:
            raise NotSent("it did not accept a connection in time") from fault
        except TimeoutError as fault:
            raise Lost("it did not answer in time") from fault
        except (aiohttp.ClientError, OSError, ValueError) as fault:
            raise Lost("its answer was lost") from fault


def _json(raw: bytes, status: int) -> Any:
    if not raw.strip():
        return None
    try:
        return json.loads(raw)
    except (ValueError, RecursionError):
        if 200 <= status < 300:
            # A page of some proxy in between; whether the CRM was asked, nobody knows.
            raise
        return None


def vendor_session() -> aiohttp.ClientSession:
    """The session for an ``Api``; the caller closes it. A connection of its own for each call: on a
    kept one that the other side is just closing, a request is lost for nothing. No proxy and no
    ``.netrc`` from the environment, no cookies."""
    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(force_close=True),
        cookie_jar=aiohttp.DummyCookieJar(),
        trust_env=False,
    )
