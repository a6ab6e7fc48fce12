"""Calls to Slack's Web API whose end is known: done, refused, not sent, or lost.

``AsyncWebClient`` is used without retry handlers: its default one posted a message twice when a
single reply was lost, and its rate-limit handler waits however long Slack says.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from dataclasses import dataclass
from typing import Any

import aiohttp
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient
from slack_sdk.web.async_slack_response import AsyncSlackResponse

from handlers.limited import TooMany

PUBLIC_API = "https://slack.com/api/"
CALL_SECONDS = 10.0
"""A call that has not ended after this is lost."""

_MAY_HAVE_HAPPENED = frozenset({"internal_error", "fatal_error", "service_unavailable"})
"""Slack's own words for the first two: "It's possible some aspect of the operation succeeded
before the error was raised" (docs.slack.dev, errors of chat.postMessage)."""


class SlackFault(Exception):
    """A call without success."""


class SlackRefused(SlackFault):
    """Slack, or something before it, said no: certainly not done. ``code`` is Slack's error."""

    def __init__(self, code: str, detail: str = "") -> None:
        super().__init__(f"{code}: {detail}" if detail else code)
        self.code = code


class SlackLimited(SlackFault, TooMany):
    """Too many calls: certainly not done."""

    def __init__(self, retry_after_seconds: float) -> None:
        TooMany.__init__(self, "Slack", retry_after_seconds)


class SlackNotReached(SlackFault):
    """No connection was made, so no byte of the request left."""


class SlackLost(SlackFault):
    """The request may have arrived; its answer did not."""


def slack_session(*, kept_alive: bool = True) -> aiohttp.ClientSession:
    """A session for Slack clients; the caller closes it.

    ``kept_alive=False`` makes a connection for each call. Replies use that: on a kept connection
    that the other side is just closing, a request is lost without ever having been read, and a
    reply would become *unknown* for nothing.
    """
    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=64, force_close=not kept_alive),
        timeout=aiohttp.ClientTimeout(total=CALL_SECONDS),
        cookie_jar=aiohttp.DummyCookieJar(),
        trust_env=False,
    )


def slack_client(token: str, api_url: str, session: aiohttp.ClientSession) -> AsyncWebClient:
    """A client on a shared session (without one it opens a connection for every call)."""
    client = AsyncWebClient(
        token=token,
        base_url=api_url if api_url.endswith("/") else api_url + "/",
        session=session,
        timeout=int(CALL_SECONDS),
        retry_handlers=[],
    )
    if client.base_url != PUBLIC_API:
        # The client takes a proxy from the environment and knows no exceptions from it; a gateway
        # or test server of the operator's own is not behind one.
        client.proxy = None
    return client


async def call(
    pending: Awaitable[AsyncSlackResponse], seconds: float = CALL_SECONDS
) -> dict[str, Any]:
    """Await one client call and return its body. Raises a ``SlackFault``."""
    try:
        async with asyncio.timeout(seconds):
            response = await pending
    except SlackApiError as error:
        raise _fault(error) from error
    except aiohttp.ClientConnectorError as error:
        raise SlackNotReached(str(error)) from error
    except TimeoutError as error:
        raise SlackLost(f"no answer within {seconds:.1f} s") from error
    except (aiohttp.ClientError, OSError) as error:
        raise SlackLost(f"the connection broke: {type(error).__name__}") from error
    except (AttributeError, TypeError, ValueError) as error:
        # slack_sdk asks a body that is text or an array for ``ok`` as if it were an object.
        raise SlackLost(f"an answer that is not Slack's: {type(error).__name__}") from error
    body = response.data
    if not isinstance(body, dict):
        raise SlackLost("an answer that is not an object")
    return body


def _fault(error: SlackApiError) -> SlackFault:
    response = error.response
    # The client gives its own response here, or aiohttp's when it could not read a body.
    status = int(getattr(response, "status_code", 0) or getattr(response, "status", 0))
    body = getattr(response, "data", None)
    code = body.get("error") if isinstance(body, dict) else None
    if status == 429 or code in ("ratelimited", "rate_limited"):
        return SlackLimited(_retry_after(getattr(response, "headers", {})))
    if not isinstance(code, str) or not code:
        if 400 <= status < 500 and status != 408:
            return SlackRefused(f"http_{status}")
        return SlackLost(f"HTTP {status} with an answer that is not Slack's")
    if status >= 500 or code in _MAY_HAVE_HAPPENED:
        return SlackLost(f"HTTP {status}, {code}")
    metadata = body.get("response_metadata") if isinstance(body, dict) else None
    messages = metadata.get("messages") if isinstance(metadata, dict) else None
    detail = "; ".join(str(one) for one in messages) if isinstance(messages, list) else ""
    return SlackRefused(code, detail[:500])


def _retry_after(headers: Any) -> float:
    try:
        seconds = float(headers.get("Retry-After", 1))
    except (TypeError, ValueError):
        return 1.0
    return min(max(seconds, 0.0), 3600.0)


@dataclass(frozen=True)
class Us:
    """Who we are in the workspace, as Slack says for our token."""

    team: str
    user: str
    bot: str
    url: str
    """The workspace's address with its last slash, or empty."""

    def wrote(self, message: dict[str, Any]) -> bool:
        """Whether Slack says that our own bot sent ``message``; nobody else can set these."""
        return (bool(self.bot) and message.get("bot_id") == self.bot) or (
            bool(self.user) and message.get("user") == self.user
        )

    def permalink(self, channel: str, ts: str, thread: str | None = None) -> str | None:
        """The address of a message, formed as ``chat.getPermalink`` does, without a call."""
        if not self.url:
            return None
        address = f"{self.url}archives/{channel}/p{ts.replace('.', '')}"
        if thread and thread != ts:
            address += f"?thread_ts={thread}&cid={channel}"
        return address


class SlackIdentity:
    """``auth.test``, asked until it has answered once. Raises a ``SlackFault``."""

    def __init__(self, client: AsyncWebClient) -> None:
        self._client = client
        self._known: Us | None = None
        self._asking = asyncio.Lock()

    @property
    def known(self) -> Us | None:
        """None as long as ``auth.test`` has not succeeded."""
        return self._known

    async def us(self, seconds: float = CALL_SECONDS) -> Us:
        if self._known is None:
            async with self._asking:
                if self._known is None:
                    body = await call(self._client.auth_test(), seconds)
                    url = str(body.get("url") or "")
                    self._known = Us(
                        team=str(body.get("team_id") or ""),
                        user=str(body.get("user_id") or ""),
                        bot=str(body.get("bot_id") or ""),
                        url=url if not url or url.endswith("/") else url + "/",
                    )
        return self._known
