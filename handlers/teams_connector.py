"""Calls to a Teams connector whose end is known: done, refused, not sent, or lost.

The token is asked for by client credentials and goes to allowed hosts alone; in emulator mode there
is none. No proxy, no redirect, no cookie, nothing is sent twice.
Facts: learn.microsoft.com, *Bot Connector REST API* and *Send proactive messages*.
"""

from __future__ import annotations

import asyncio
import json
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final, Protocol
from urllib.parse import quote

import aiohttp
from botbuilder.schema import ChannelAccount, ConversationParameters
from yarl import URL

from handlers.limited import TooMany
from handlers.recent import Monotonic
from handlers.teams_hosts import service_address
from handlers.teams_inert import Json, wire

LOGIN_URL: Final = "https://login.microsoftonline.com"
GRAPH_URL: Final = "https://graph.microsoft.com"
BOT_SCOPE: Final = "https://api.botframework.com/.default"
GRAPH_SCOPE: Final = "https://graph.microsoft.com/.default"
REMOVED: Final = "BotNotInConversationRoster"
"""The code of a refusal where the bot is no member (any more)."""
CALL_SECONDS: Final = 10.0
"""A call that has not ended after this is lost."""
_CONNECT_SECONDS = 2.0
_TOKEN_SECONDS = 3.0
_EARLY_SECONDS = 120.0
"""A token is asked for anew so long before it ends."""
_PAGE = 500
"""Members in a page of a roster, the most there can be (*Get Teams specific context*)."""
_ANSWER_BYTES = 4 * 1024 * 1024
_LEAST_WAIT_SECONDS = 0.25
_UNKNOWN = frozenset({408, 412})
"""Besides 5xx: whether it was done cannot be known (the contract, *Lost answers*)."""


class TeamsFault(Exception):
    """A call without success."""


class TeamsRefused(TeamsFault):
    """The connector said no: certainly not done. ``code`` is the error's own."""

    def __init__(self, status: int, code: str = "") -> None:
        super().__init__(f"HTTP {status}{f' {code}' if code else ''}")
        self.status = status
        self.code = code


class TeamsLimited(TeamsFault, TooMany):
    """Too many calls: certainly not done."""

    def __init__(self, retry_after_seconds: float) -> None:
        TooMany.__init__(self, "Teams", retry_after_seconds)


class TeamsNotReached(TeamsFault):
    """No byte of the request left: no connection, no token, or an address that is not allowed."""


class TeamsLost(TeamsFault):
    """The request may have arrived; its answer did not, or does not say."""


class Tokens(Protocol):
    """Where bearer tokens come from."""

    async def get(self, scope: str, seconds: float) -> str | None:
        """A token, or None where none is used. Raises ``TeamsNotReached``."""
        ...

    def forget(self, scope: str) -> None:
        """The one in use was refused."""
        ...


class NoTokens:
    """Emulator mode: nothing is fetched and no ``Authorization`` goes out."""

    async def get(self, scope: str, seconds: float) -> str | None:
        return None

    def forget(self, scope: str) -> None:
        pass


class ClientCredentials:
    """Tokens from the Microsoft identity platform, kept until shortly before they end."""

    def __init__(
        self,
        session: aiohttp.ClientSession,
        clock: Monotonic,
        *,
        tenant: str,
        app_id: str,
        password: str,
        login_url: str = LOGIN_URL,
    ) -> None:
        self._session = session
        self._clock = clock
        self._url = f"{login_url}/{quote(tenant, safe='')}/oauth2/v2.0/token"
        self._form = {
            "grant_type": "client_credentials",
            "client_id": app_id,
            "client_secret": password,
        }
        self._kept: dict[str, tuple[str, float]] = {}
        self._asking: dict[str, asyncio.Lock] = {}

    async def get(self, scope: str, seconds: float = _TOKEN_SECONDS) -> str | None:
        """One question is on the way at a time for each scope."""
        try:
            async with (
                asyncio.timeout(min(seconds, _TOKEN_SECONDS)),
                self._asking.setdefault(scope, asyncio.Lock()),
            ):
                token, until = self._kept.get(scope, ("", float("-inf")))
                if self._clock.monotonic() >= until:
                    token, lives = await self._ask(scope)
                    until = self._clock.monotonic() + max(lives - _EARLY_SECONDS, 0.0)
                    self._kept[scope] = (token, until)
                return token
        except TimeoutError as late:
            raise TeamsNotReached("no token in time") from late

    def forget(self, scope: str) -> None:
        self._kept.pop(scope, None)

    async def _ask(self, scope: str) -> tuple[str, float]:
        try:
            async with self._session.post(
                self._url, data={**self._form, "scope": scope}, allow_redirects=False
            ) as answer:
                status, body = answer.status, await _object(answer)
        except (aiohttp.ClientError, OSError, ValueError) as fault:
            raise TeamsNotReached(f"no token: {type(fault).__name__}") from fault
        token, lives = body.get("access_token"), body.get("expires_in")
        if status != 200 or not isinstance(token, str) or not isinstance(lives, int | float):
            # The description names our own mistake (a wrong secret) and holds no secret.
            raise TeamsNotReached(f"no token: HTTP {status} {str(body.get('error'))[:100]}")
        return token, float(lives)


@dataclass(frozen=True)
class Thread:
    """A conversation on a connector; with ``root``, one thread of a channel."""

    service_url: str
    conversation: str
    root: str | None = None

    @property
    def id(self) -> str:
        return f"{self.conversation};messageid={self.root}" if self.root else self.conversation


Allowed = Callable[[str], str | None]
"""A connector's address as it may be used, without its last slash; None: nothing goes there."""


class Connector:
    """The Bot Connector's REST interface, as much of it as is needed. Raises a ``TeamsFault``."""

    def __init__(
        self, session: aiohttp.ClientSession, tokens: Tokens, allowed: Allowed = service_address
    ) -> None:
        self._session = session
        self._tokens = tokens
        self._allowed = allowed

    async def post(
        self,
        at: Thread,
        activity: Json,
        *,
        reply_to: str | None = None,
        seconds: float = CALL_SECONDS,
    ) -> str:
        """Post an activity; its id."""
        path = f"v3/conversations/{_part(at.id)}/activities"
        if reply_to is not None:
            path += f"/{_part(reply_to)}"
        body = await self._call("POST", at.service_url, path, activity, seconds)
        ident = body.get("id")
        if not isinstance(ident, str) or not ident:
            raise TeamsLost("an answer that names no message")
        return ident

    async def update(
        self, at: Thread, ident: str, activity: Json, seconds: float = CALL_SECONDS
    ) -> None:
        """Replace an activity as a whole."""
        path = f"v3/conversations/{_part(at.id)}/activities/{_part(ident)}"
        await self._call("PUT", at.service_url, path, activity, seconds)

    async def member(self, at: Thread, ident: str, seconds: float) -> Json:
        """One person of a conversation's roster."""
        path = f"v3/conversations/{_part(at.id)}/members/{_part(ident)}"
        return await self._call("GET", at.service_url, path, None, seconds)

    async def members(self, at: Thread, after: str | None, seconds: float) -> Json:
        """A page of a conversation's roster: ``members``, and ``continuationToken`` where there
        are more. ``after``: the token of the page before."""
        conversation = at.conversation.partition(";messageid=")[0]
        path = f"v3/conversations/{_part(conversation)}/pagedmembers?pageSize={_PAGE}"
        if after is not None:
            path += f"&continuationToken={quote(after, safe='')}"
        return await self._call("GET", at.service_url, path, None, seconds)

    async def personal_chat(
        self, service_url: str, *, bot: str, member: str, tenant: str, seconds: float = CALL_SECONDS
    ) -> str:
        """The conversation with one person, made if there is none; its id."""
        asked: Json = ConversationParameters(
            bot=ChannelAccount(id=bot),
            members=[ChannelAccount(id=member)],
            is_group=False,
            channel_data={"tenant": {"id": tenant}},
        ).serialize()
        asked["tenantId"] = tenant  # the library spells it otherwise
        body = await self._call("POST", service_url, "v3/conversations", asked, seconds)
        ident = body.get("id")
        if not isinstance(ident, str) or not ident:
            raise TeamsLost("an answer that names no conversation")
        return ident

    async def _call(
        self, method: str, service_url: str, path: str, body: Json | None, seconds: float
    ) -> Json:
        base = self._allowed(service_url)
        if base is None:
            raise TeamsNotReached("its address is no connector's")
        return await call(
            self._session, self._tokens, BOT_SCOPE, method, f"{base}/{path}", body, seconds
        )


async def call(
    session: aiohttp.ClientSession,
    tokens: Tokens,
    scope: str,
    method: str,
    url: str,
    body: Json | None,
    seconds: float,
) -> Json:
    """One request within ``seconds``, the token's own included; its JSON object. Raises a
    ``TeamsFault``."""
    loop = asyncio.get_running_loop()
    ends = loop.time() + seconds
    token = await tokens.get(scope, seconds)
    headers = {"Content-Type": "application/json"}
    if token is not None:
        headers["Authorization"] = f"Bearer {token}"
    left = ends - loop.time()
    if left <= 0:
        raise TeamsNotReached("the time was over before anything was sent")
    try:
        async with session.request(
            method,
            URL(url, encoded=True),
            data=wire(body) if body is not None else None,
            headers=headers,
            allow_redirects=False,
            timeout=aiohttp.ClientTimeout(total=left, sock_connect=min(left, _CONNECT_SECONDS)),
        ) as answer:
            given = await _object(answer)
            if answer.status == 401:
                tokens.forget(scope)
            _raise_for(answer.status, given, answer.headers)
            return given
    except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError) as fault:
        raise TeamsNotReached(type(fault).__name__) from fault
    except TimeoutError as late:
        raise TeamsLost(f"no answer within {seconds:.1f} s") from late
    except (aiohttp.ClientError, OSError, ValueError) as fault:
        raise TeamsLost(f"the connection broke: {type(fault).__name__}") from fault


def _raise_for(status: int, body: Json, headers: Mapping[str, str]) -> None:
    if 200 <= status < 300:
        return
    if status == 429:
        raise TeamsLimited(_retry_after(headers))
    if status >= 500 or status in _UNKNOWN:
        raise TeamsLost(f"HTTP {status}")
    error = body.get("error")
    code = error.get("code") if isinstance(error, dict) else None
    raise TeamsRefused(status, code[:100] if isinstance(code, str) else "")


def _retry_after(headers: Mapping[str, str]) -> float:
    """In seconds; at least a little, for who is told to wait and does not is told so again."""
    try:
        seconds = float(headers.get("Retry-After", "1"))
    except ValueError:
        return 1.0
    return min(max(seconds, _LEAST_WAIT_SECONDS), 3600.0) if math.isfinite(seconds) else 1.0


def _part(ident: str) -> str:
    """One step of a path: nothing in an id can end it, or go up."""
    escaped = quote(ident, safe="")
    return escaped.replace(".", "%2E") if set(ident) <= {"."} else escaped


async def _object(answer: aiohttp.ClientResponse) -> Json:
    """An answer's JSON object; empty for any other body, whose status says enough."""
    raw = b""
    async for chunk in answer.content.iter_chunked(64 * 1024):
        raw += chunk
        if len(raw) > _ANSWER_BYTES:
            raise ValueError("an answer without end")
    try:
        given = json.loads(raw) if raw.strip() else {}
    except (ValueError, RecursionError):
        return {}
    return given if isinstance(given, dict) else {}


def teams_session(*, kept_alive: bool = True) -> aiohttp.ClientSession:
    """A session for Teams; the caller closes it. Replies use one that keeps no connection, for on
    one that the other side is closing a request is lost unread (as on ``slack_session``)."""
    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=64, force_close=not kept_alive),
        timeout=aiohttp.ClientTimeout(total=CALL_SECONDS),
        cookie_jar=aiohttp.DummyCookieJar(),
        trust_env=False,
    )
