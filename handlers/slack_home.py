"""The app's Home tab: what waits for the person who looks, and how it goes.

It is drawn anew when they open it, at most every few seconds, and costs a bounded number of reads:
the figures are sums that are kept, and of the queue only what is shown is read.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Any, Final

from slack_sdk.web.async_client import AsyncWebClient

from bot.authority import NotAllowed, listed, look_up, may_read
from bot.context import Context
from bot.domain import Actor
from bot.overview import Overview, Waits
from bot.ports import LookUpFailed, StoreUnavailable
from handlers import slack_inert as inert
from handlers.drawing import STATE_SIGNS
from handlers.figures import age
from handlers.slack_client import SlackFault, call
from handlers.slack_figures import status_blocks
from handlers.slack_inert import Json, escape

log = logging.getLogger("deskhand.slack")

SHOWN: Final = 20
_AGAIN_SECONDS: Final = 3.0
_REMEMBERED: Final = 1_000


Mine = tuple[Waits, str | None, bool]
"""A card of one's own: its line, where it is, whether one may read it."""


class SlackHome:
    """Draws the Home tab. Decides nothing, and shows each person what they may see."""

    def __init__(self, context: Context, overview: Overview, client: AsyncWebClient) -> None:
        self._context = context
        self._overview = overview
        self._client = client
        self._drawn: dict[str, float] = {}

    async def opened(self, actor: Actor) -> None:
        """Somebody looks. Never raises; what is lost is drawn at the next look."""
        now = self._context.clock.monotonic()
        if now - self._drawn.get(actor.key, float("-inf")) < _AGAIN_SECONDS:
            return
        if len(self._drawn) >= _REMEMBERED:
            self._drawn.clear()
        self._drawn[actor.key] = now
        try:
            blocks = await self._blocks(actor)
            await call(
                self._client.views_publish(
                    user_id=actor.id, view={"type": "home", "blocks": blocks}
                )
            )
        except (SlackFault, StoreUnavailable) as lost:
            self._drawn.pop(actor.key, None)
            log.warning("deskhand: no Home tab for %s: %s", actor.key, lost)

    async def _blocks(self, actor: Actor) -> list[Json]:
        person = await look_up(self._context, actor)
        if isinstance(person, NotAllowed):
            words = "".join(word if isinstance(word, str) else word.name for word in person.words)
            return [_section(f"You may not use this. {escape(words)}")]
        mine, whole = await self._mine(actor)
        day, week = await self._overview.figures("24h"), await self._overview.figures("7d")
        return home_blocks(mine, [day, week], whole=whole)

    async def _mine(self, actor: Actor) -> tuple[list[Mine], bool]:
        """What waits for this person: the line, where its card is, whether they may read it; and
        whether everything was looked at."""
        all_known = True

        async def theirs(playbook: str, route: str) -> bool:
            nonlocal all_known
            approvers = self._context.playbook(playbook).route(route).approvers
            try:
                return await listed(self._context, actor, approvers)
            except LookUpFailed:
                all_known = False
                return False

        queue = await self._overview.queue(limit=SHOWN, theirs=theirs)
        found = []
        for waits in queue.lines:
            playbook = self._context.playbook(waits.playbook)
            reads = await may_read(self._context, actor, playbook, waits.route)
            found.append((waits, await self._link(waits.proposal), reads))
        return found, queue.whole and all_known

    async def _link(self, proposal: str) -> str | None:
        surface = self._context.surfaces.shown.get("slack")
        board = (await self._context.store.board(proposal)).value
        for copy in reversed(board.copies):
            if surface and copy.status == "posted" and copy.place.surface == "slack":
                return await surface.link(copy.place)
        return None


def home_blocks(
    mine: Sequence[Mine], figures: Sequence[dict[str, Any]], *, whole: bool
) -> list[Json]:
    """The Home tab's blocks: at most 100 (docs.slack.dev, views). ``whole``: there is nothing of
    theirs besides, if they have none or not that many."""
    blocks: list[Json] = [
        {"type": "header", "text": inert.plain("Waiting for you", 150)},
    ]
    blocks += [_card(*one) for one in mine]
    if len(mine) == SHOWN:
        blocks.append(_context(f"These are the {SHOWN} oldest."))
    elif not whole:
        blocks.append(_section("Not everything that waits could be looked through just now."))
    elif not mine:
        blocks.append(_section("Nothing waits for you."))
    for some in figures:
        blocks += [{"type": "divider"}, *status_blocks(some)]
    blocks.append(_context("`/agent help` lists what else there is. Open this tab again for news."))
    return blocks


def _card(waits: Waits, link: str | None, reads: bool) -> Json:
    why = f", {escape(waits.reason)}" if waits.reason else ""
    owner = f", taken by {escape(waits.owner)}" if waits.owner else ""
    state = f"{STATE_SIGNS[waits.state]} *{waits.state}*{why}"
    line = f"{state} for {age(waits.age_s)}, route {escape(waits.route)}{owner}"
    if reads and waits.subject:
        line += f"\n> {escape(waits.subject)}"
    block = _section(line)
    if link is not None:
        block["accessory"] = {
            "type": "button",
            "action_id": "deskhand.open_card",
            "text": inert.plain("Open", 75),
            "url": link,
        }
    return block


def _section(text: str) -> Json:
    return {"type": "section", "text": inert.mrkdwn(text[:2_900])}


def _context(text: str) -> Json:
    return {"type": "context", "elements": [inert.mrkdwn(text)]}
