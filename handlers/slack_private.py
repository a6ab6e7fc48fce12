"""A line that one person alone sees: why not, who may, what a command can do.

Nothing depends on its arrival, and it is never sent twice: a lost answer is left at that, only a
certain refusal is followed by the next way (``response_url``, ``chat.postEphemeral``, a direct
message).
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from urllib.parse import urlsplit

import aiohttp
from slack_sdk.web.async_client import AsyncWebClient

from bot.card import Who, Words
from bot.plain_text import clean
from handlers.slack_client import SlackFault, SlackLost, call
from handlers.slack_inert import escape, is_user_id, one_line

log = logging.getLogger("deskhand.slack")

WHISPER_SECONDS = 5.0
"""A private line that has not been taken after this is given up."""


@dataclass(frozen=True)
class Listener:
    """Who is told, and where they stand. ``response_url`` is the interaction's own, if any."""

    user: str
    channel: str | None = None
    thread: str | None = None
    response_url: str | None = None


def mrkdwn(words: Words) -> str:
    """Words as Slack's markup: people as mentions, everything else inert."""
    return "".join(_mention(part) if isinstance(part, Who) else escape(part) for part in words)


def plain_words(words: Words) -> str:
    """Words where no mention works, such as an error below a form's field."""
    return "".join(one_line(part.name) if isinstance(part, Who) else clean(part) for part in words)


def _mention(who: Who) -> str:
    if who.actor.surface == "slack" and is_user_id(who.actor.id):
        return f"<@{who.actor.id}>"
    return f"{escape(one_line(who.name))} ({who.actor.surface})"


def may_answer_at(url: str, api_url: str) -> bool:
    """Whether a ``response_url`` is Slack's, or on the host and port of our own API address.

    Whoever could choose it could make us call any address: the payload is signed, and still only
    ``https://hooks.slack.com`` is believed.
    """
    try:
        given, api = urlsplit(url), urlsplit(api_url)
        if given.username is not None or given.password is not None:
            return False
        if (given.scheme, given.hostname, given.port or 443) == ("https", "hooks.slack.com", 443):
            return True
        return given.scheme == api.scheme and _address(given) == _address(api)
    except ValueError:  # a port that is no number
        return False


def _address(url: object) -> tuple[str, int]:
    host, port = getattr(url, "hostname", None), getattr(url, "port", None)
    return host or "", port or (443 if getattr(url, "scheme", "") == "https" else 80)


class Whisperer:
    """Tells one person something in private."""

    def __init__(
        self, client: AsyncWebClient, session: aiohttp.ClientSession, api_url: str
    ) -> None:
        self._client = client
        self._session = session
        self._api_url = api_url

    async def tell(self, to: Listener, text: str) -> bool:
        """Send ``text`` (Slack markup); whether it is known to have arrived. Never raises."""
        try:
            if to.response_url and may_answer_at(to.response_url, self._api_url):
                if await self._answer(to.response_url, to.thread, text):
                    return True
            elif to.response_url:
                log.warning("deskhand: a response_url of a foreign host is not used")
            return await self._call(to, text)
        except SlackFault as fault:
            log.warning("deskhand: could not tell %s in private: %s", to.user, fault)
            return False

    async def _answer(self, url: str, thread: str | None, text: str) -> bool:
        body = {"text": text, "response_type": "ephemeral", "replace_original": False}
        if thread:
            body["thread_ts"] = thread
        try:
            async with self._session.post(
                url,
                json=body,
                allow_redirects=False,
                timeout=aiohttp.ClientTimeout(total=WHISPER_SECONDS),
            ) as response:
                # Used up or expired is a clear no, and there is another way; what a 5xx did is
                # not known, and a second line would be one too many.
                if response.status >= 500:
                    raise SlackLost(f"response_url: HTTP {response.status}")
                return response.status < 300
        except aiohttp.ClientConnectorError:
            return False
        except (TimeoutError, aiohttp.ClientError, OSError) as lost:
            raise SlackLost(f"response_url: {type(lost).__name__}") from lost

    async def _call(self, to: Listener, text: str) -> bool:
        if to.channel is not None:
            try:
                sent = self._client.chat_postEphemeral(
                    channel=to.channel, user=to.user, text=text, thread_ts=to.thread
                )
                await call(sent, WHISPER_SECONDS)
            except SlackLost:
                raise
            except SlackFault as refused:
                log.info("deskhand: no ephemeral message in %s (%s)", to.channel, refused)
            else:
                return True
        direct = self._client.chat_postMessage(
            channel=to.user, text=text, unfurl_links=False, unfurl_media=False
        )
        await call(direct, WHISPER_SECONDS)
        return True
