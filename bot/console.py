"""The web console, put together: the same use-cases as Slack's, and what it reads besides."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlsplit

import aiohttp

from bot.agent.draft_check import Source
from bot.assembly import Desk
from bot.overview import Overview
from bot.settings import Settings
from bot.store.follow import Follower
from bot.store.pages import JournalPages
from bot.store.signin import SignIns
from bot.store.state import RedisStore
from handlers.console.app import Console
from handlers.console.parts import ConsoleParts, SlackOpenId

_SLACK_SECONDS: Final = 5.0
_ANSWER_BYTES: Final = 512 * 1024


@dataclass(frozen=True)
class OpenConsole:
    """A console that answers, and what wakes its streams."""

    console: Console
    follower: Follower

    async def close(self) -> None:
        """End every stream: a server that drains would wait for them."""
        await self.follower.close()


def open_console(
    desk: Desk,
    store: RedisStore,
    store_url: str,
    overview: Overview,
    *,
    secret: str,
    public_url: str,
    hosts: tuple[str, ...] = (),
    source: Callable[[str], Awaitable[Source | None]] | None = None,
    openid: SlackOpenId | None = None,
    demo: bool = False,
) -> OpenConsole:
    """The console of one process. Nothing is sent before somebody comes."""
    follower = Follower(store_url, desk.context.tenant)
    console = Console(
        ConsoleParts(
            context=desk.context,
            decisions=desk.decide.at("console"),
            overview=overview,
            journal=JournalPages(store.wire, store.keys),
            record=store.record_book,
            sign_ins=SignIns(store.wire, store.keys),
            news=follower,
            secret=secret,
            public_url=public_url,
            hosts=hosts,
            source=source,
            prompts=desk.prompts,
            openid=openid,
            demo=demo,
        )
    )
    return OpenConsole(console, follower)


def slack_openid(
    settings: Settings, session: aiohttp.ClientSession, team: Callable[[], Awaitable[str]]
) -> SlackOpenId | None:
    """Sign in with Slack, where the app's client id and secret are set."""
    if settings.slack_client_id is None or settings.slack_client_secret is None:
        return None

    async def post(address: str, form: Mapping[str, str]) -> Mapping[str, Any]:
        return await _object(session.post(address, data=dict(form), **_ONCE))

    async def get(address: str) -> Mapping[str, Any]:
        return await _object(session.get(address, **_ONCE))

    return SlackOpenId(
        client_id=settings.slack_client_id,
        client_secret=settings.slack_client_secret.get_secret_value(),
        api_url=settings.slack_api_url,
        authorize_url=settings.slack_authorize_url,
        issuers=_issuers(settings),
        team=team,
        post=post,
        get=get,
    )


_ONCE: Final[dict[str, Any]] = {
    "allow_redirects": False,
    "timeout": aiohttp.ClientTimeout(total=_SLACK_SECONDS),
}


def _issuers(settings: Settings) -> tuple[str, ...]:
    """Who may have signed an id token: Slack, or the operator's own in its place. Its keys come
    from ``SLACK_API_URL`` and nowhere else."""
    parts = urlsplit(settings.slack_authorize_url)
    return tuple(dict.fromkeys(("https://slack.com", f"{parts.scheme}://{parts.netloc}")))


async def _object(sent: Any) -> Mapping[str, Any]:
    """The answer's JSON object. Raises ``OSError`` and ``ValueError``."""
    try:
        async with sent as answer:
            found = json.loads(await _read(answer.content))
    except (TimeoutError, aiohttp.ClientError) as lost:
        raise OSError(f"Slack did not answer: {type(lost).__name__}") from lost
    if not isinstance(found, dict):
        raise ValueError("Slack answered with something else than an object")
    return found


async def _read(content: aiohttp.StreamReader) -> bytes:
    body = b""
    async for chunk in content.iter_chunked(64 * 1024):
        body += chunk
        if len(body) > _ANSWER_BYTES:
            raise ValueError("Slack's answer is too long")
    return body
