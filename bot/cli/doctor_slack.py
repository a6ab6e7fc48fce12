"""The doctor's look at Slack: the token, what it may do, and where the app was invited."""

from __future__ import annotations

from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

import aiohttp
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from bot.cli.doctor import Check, clock_finding
from bot.cli.slack_app import SCOPES
from bot.config import Config
from bot.findings import Finding
from bot.settings import Settings

_CALL_SECONDS = 10
_UNREACHABLE = (aiohttp.ClientError, TimeoutError, OSError)


async def slack_check(settings: Settings, config: Config | None) -> Check:
    """Ask Slack who the token is, and about each channel that the config names."""
    if settings.slack_bot_token is None:
        return Check("Slack", "off")
    async with aiohttp.ClientSession(
        timeout=aiohttp.ClientTimeout(total=_CALL_SECONDS), trust_env=True
    ) as session:
        client = AsyncWebClient(
            token=settings.slack_bot_token.get_secret_value(),
            base_url=settings.slack_api_url,
            session=session,
            retry_handlers=[],
        )
        try:
            who = await client.auth_test()
        except SlackApiError as refused:
            code = _code(refused)
            return Check(
                "Slack",
                "refuses the token",
                (
                    Finding(
                        "SLACK_BOT_TOKEN",
                        f"Slack says {code}",
                        "install the app again and copy its bot token",
                    ),
                ),
            )
        except _UNREACHABLE as away:
            return Check(
                "Slack",
                "not reached",
                (
                    Finding(
                        "SLACK_API_URL",
                        f"{settings.slack_api_url} does not answer ({type(away).__name__})",
                        "see whether this machine may reach it; --offline leaves this out",
                    ),
                ),
            )
        headers = {str(name).lower(): value for name, value in who.headers.items()}
        findings = [*_scopes(headers), *clock_finding("Slack", _date(headers))]
        if config is not None:
            findings += await _channels(client, config)
    return Check("Slack", f"{who.get('user')} in {who.get('team')}", tuple(findings))


def _scopes(headers: dict[str, Any]) -> list[Finding]:
    given = headers.get("x-oauth-scopes")
    if not given:
        return []
    granted = {scope.strip() for scope in str(given).split(",") if scope.strip()}
    findings = [
        Finding(
            f"scope {scope}",
            f"is not granted; without it: {why}",
            "bring the app's manifest up to date (`deskhand manifest slack`) and install it again",
        )
        for scope, why in SCOPES.items()
        if scope not in granted
    ]
    if extra := sorted(granted - SCOPES.keys()):
        findings.append(
            Finding(
                "scopes",
                f"more than needed: {', '.join(extra)}",
                "take them out of the app",
                "note",
            )
        )
    return findings


async def _channels(client: AsyncWebClient, config: Config) -> list[Finding]:
    named: dict[str, str] = {}
    for path, channel in (*config.listened(), *config.cards()):
        where = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in path)
        named.setdefault(channel, where.removeprefix("."))
    findings: list[Finding] = []
    for channel, where in named.items():
        try:
            info = await client.conversations_info(channel=channel)
        except SlackApiError as refused:
            findings.append(
                Finding(
                    where,
                    f"{channel}: Slack says {_code(refused)}",
                    "copy the channel's id again, and /invite the app into it if it is private",
                )
            )
            continue
        except _UNREACHABLE as away:
            findings.append(
                Finding(where, f"{channel}: not reached ({type(away).__name__})", "try again")
            )
            continue
        about = info.get("channel") or {}
        if about.get("is_archived"):
            findings.append(Finding(where, f"{channel} is archived", "name another channel"))
        elif not about.get("is_member"):
            findings.append(
                Finding(where, f"the app is not in {channel}", "/invite it into that channel")
            )
    return findings


def _code(refused: SlackApiError) -> str:
    response: Any = refused.response
    return str(response.get("error", "no error code")) if response is not None else "nothing"


def _date(headers: dict[str, Any]) -> datetime | None:
    try:
        date = parsedate_to_datetime(str(headers["date"]))
    except (KeyError, ValueError):
        return None
    return date if date.tzinfo is not None else date.replace(tzinfo=UTC)
