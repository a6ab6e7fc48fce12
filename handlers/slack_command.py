"""What ``/agent`` answers, on its way: in private, into a conversation, or shared to a channel.

A chart is a block that not every workspace knows: it goes by itself, and where it is refused a
table of text stands for it.
"""

from __future__ import annotations

import logging
from typing import Any

import aiohttp
from slack_sdk.web.async_client import AsyncWebClient

from bot.domain import Actor
from bot.ports import StoreUnavailable
from handlers.agent_answer import Answering, CommandAnswer
from handlers.slack_audience import why_not_shared
from handlers.slack_client import SlackFault, SlackRefused, call
from handlers.slack_events import Json, text_in
from handlers.slack_figures import SHARE_ACTION, sections, share_button
from handlers.slack_inert import is_user_id, mrkdwn
from handlers.slack_private import WHISPER_SECONDS, Listener, may_answer_at

log = logging.getLogger("deskhand.slack")


def shared_words(payload: Json) -> str | None:
    """What *Share to channel* was pressed on; None for every other button."""
    given = payload.get("actions")
    for action in given if isinstance(given, list) else ():
        if isinstance(action, dict) and text_in(action, "action_id") == SHARE_ACTION:
            return text_in(action, "value") or ""
    return None


def drawn(answer: CommandAnswer, *, button: bool) -> list[dict[str, Any]]:
    """The answer's blocks; none for a line that there is nothing to do with."""
    shares = answer.share is not None and button
    blocks = [dict(block) for block in answer.blocks]
    if not blocks and shares:
        blocks = sections(answer.text)
    return [*blocks, share_button(answer.share or "")] if shares else blocks


class Answers:
    """Sends what follows an answer. Nothing here raises; what is lost is logged."""

    def __init__(
        self,
        client: AsyncWebClient,
        session: aiohttp.ClientSession,
        api_url: str,
        share: Answering | None,
    ) -> None:
        self._client = client
        self._session = session
        self._api_url = api_url
        self._share = share

    async def chart(self, answer: CommandAnswer, to: Listener) -> None:
        """The chart after a private answer, or the table."""
        if answer.chart is None:
            return
        text = answer.table
        if not await self._respond(to, text, [dict(answer.chart)]):
            await self._respond(to, text, sections(text))

    async def share(self, words: str, to: Listener, actor: Actor) -> None:
        """Answer ``words`` anew for everybody, in the channel where the button was pressed. Other
        organisations may not see figures: where one shares the channel, only the one who pressed
        is told so."""
        if self._share is None:
            return
        try:
            answer = await self._share(words, actor)
        except StoreUnavailable:
            answer = CommandAnswer("Deskhand cannot answer just now. Please try again in a moment.")
        why_not = (
            answer.text if answer.share is None else await why_not_shared(self._client, to.channel)
        )
        if why_not is not None:
            await self._respond(to, why_not, sections(why_not))
            return
        by = f"Shared by <@{actor.id}>" if is_user_id(actor.id) else "Shared"
        blocks = drawn(answer, button=False) or sections(answer.text)
        blocks.append({"type": "context", "elements": [mrkdwn(by)]})
        charted = [*blocks, dict(answer.chart)] if answer.chart is not None else blocks
        if await self._respond(to, answer.text, charted, everybody=True):
            return
        if answer.chart is not None:
            await self._respond(to, answer.text, [*blocks, *sections(answer.table)], everybody=True)

    async def converse(self, answer: CommandAnswer, channel: str) -> None:
        """An answer in the person's own conversation with the app."""
        blocks = drawn(answer, button=False)
        await self._post(channel, answer.text, blocks)
        if answer.chart is not None and not await self._post(
            channel, answer.table, [dict(answer.chart)]
        ):
            await self._post(channel, answer.table, sections(answer.table))

    async def _post(self, channel: str, text: str, blocks: list[dict[str, Any]]) -> bool:
        """False: certainly not posted."""
        try:
            await call(
                self._client.chat_postMessage(
                    channel=channel,
                    text=text,
                    blocks=blocks or None,
                    unfurl_links=False,
                    unfurl_media=False,
                )
            )
        except SlackRefused as refused:
            log.info("deskhand: an answer was refused: %s", refused)
            return False
        except SlackFault as lost:
            log.warning("deskhand: an answer may not have arrived: %s", lost)
        return True

    async def _respond(
        self,
        to: Listener,
        text: str,
        blocks: list[dict[str, Any]],
        *,
        everybody: bool = False,
    ) -> bool:
        """By the interaction's own address. False: certainly refused."""
        url = to.response_url
        if not url or not may_answer_at(url, self._api_url):
            return True
        body = {
            "text": text,
            "blocks": blocks,
            "response_type": "in_channel" if everybody else "ephemeral",
            "replace_original": False,
        }
        try:
            async with self._session.post(
                url,
                json=body,
                allow_redirects=False,
                timeout=aiohttp.ClientTimeout(total=WHISPER_SECONDS),
            ) as response:
                said = await response.text()
                # Refused blocks come back as an error in either form.
                return response.status < 300 and '"ok":false' not in said.replace(" ", "")
        except (TimeoutError, aiohttp.ClientError, OSError) as lost:
            log.warning("deskhand: an answer may not have arrived: %s", type(lost).__name__)
            return True
