"""Slack as a surface: cards, status lines, reactions, threads and private messages.

It draws and decides nothing. Every error tells *not there* from *cannot know*, because the former
may be tried again and the latter must be looked up first.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any, TypeVar

from slack_sdk.web.async_client import AsyncWebClient

from bot.card import CardView, Words
from bot.domain import Actor, Author, Message, Place, SurfaceName
from bot.ports import LookUpFailed, Private, Progress
from handlers import slack_inert as inert
from handlers.slack_answer import (
    ANSWER_EVENT,
    answer_blocks,
    answer_message,
    answer_text,
    choice_blocks,
)
from handlers.slack_audience import has_guests
from handlers.slack_blocks import CARD_EVENT, CardMessage, card_message, plain_message
from handlers.slack_client import SlackFault, SlackIdentity, SlackRefused, Us
from handlers.slack_messages import SlackMessages, payload, read_error, surface_error
from handlers.slack_people import SlackPeople
from handlers.slack_progress import SlackProgress
from handlers.slack_room import person
from handlers.slack_text import files_of, plain

log = logging.getLogger("deskhand.slack")

_BAD_BLOCKS = frozenset({"invalid_blocks", "invalid_blocks_format", "msg_blocks_too_long"})
_NOT_WORDS = frozenset({None, "file_share", "thread_broadcast", "me_message"})
"""Subtypes of messages that people write; every other one says that something happened."""
_CARD_PAGES, _THREAD_PAGES = 3, 5
_TOLD = 3000
"""Characters of a private message."""

Answer = TypeVar("Answer")


class SlackSurface:
    """``bot.ports.Surface`` for one workspace."""

    def __init__(
        self, client: AsyncWebClient, identity: SlackIdentity, people: SlackPeople
    ) -> None:
        self._client = client
        self._identity = identity
        self._people = people
        self._messages = SlackMessages(client)
        self._progress = SlackProgress(client, identity, self._messages)

    @property
    def name(self) -> SurfaceName:
        return "slack"

    # --- cards --------------------------------------------------------------------------------

    async def post(self, place: Place, card: CardView, *, buttons: bool = True) -> Place:
        """Post a card; the answer names its message. Raises ``NotPosted``, ``MaybePosted``."""
        return await self._drawn(card, buttons, lambda drawn: self._messages.post(place, drawn))

    async def update(self, message: Place, card: CardView, *, buttons: bool = True) -> None:
        """Redraw. Raises ``MessageGone``, ``NotPosted``, ``MaybePosted``."""
        await self._drawn(card, buttons, lambda drawn: self._messages.update(message, drawn))

    async def find(self, place: Place, proposal: str) -> Place | None:
        """Our own bot's newest card of this proposal, or its answer, among the newest 600 messages
        in ``place``. Raises ``NotRead`` when Slack does not say."""
        run = f"r{proposal.removeprefix('p')}"
        newest: str | None = None
        try:
            us = await self._identity.us()
            channel = await self._messages.channel(place.place)
            async for message in self._messages.read(channel, place.thread, pages=_CARD_PAGES):
                shown = payload(message, CARD_EVENT).get("proposal") == proposal
                answered = payload(message, ANSWER_EVENT)
                if us.wrote(message) and (
                    # One that was shared carries the key of its approval, and is no copy.
                    shown or (answered.get("run") == run and "key" not in answered)
                ):
                    newest = str(message["ts"])
                    if place.thread is None:
                        # A channel's history comes newest first, a thread's oldest first.
                        break
        except SlackFault as fault:
            raise read_error(fault) from fault
        if newest is None:
            return None
        return Place(surface="slack", place=channel, thread=place.thread, message=newest)

    async def _drawn(
        self, card: CardView, buttons: bool, send: Callable[[CardMessage], Awaitable[Answer]]
    ) -> Answer:
        """Send the card; once more in its plainest form where Slack does not take its blocks."""
        try:
            if card.state == "answered" and card.answer is not None:
                drawn = answer_message(card.answer, card.run, card.model, card.cost_usd)
                return await send(drawn)
            try:
                return await send(card_message(card, buttons=buttons))
            except SlackRefused as refused:
                if refused.code not in _BAD_BLOCKS:
                    raise
                log.warning("card %s drawn plainly: %s", card.proposal, refused)
                return await send(plain_message(card, buttons=buttons))
        except SlackFault as fault:
            raise surface_error(fault) from fault

    # --- the customer's own message -----------------------------------------------------------

    async def progress(self, origin: Place, now: Progress, line: Place | None) -> Place | None:
        """Show how far a ticket is; the answer is the status line's message, if there is one.

        Raises ``NotPosted``, ``MaybePosted``; both may be tried again with the same arguments:
        the reaction is set to what it should be, and a lost line is looked up before another."""
        try:
            await self._progress.react(origin, now)
            return await self._progress.show(origin, now, line)
        except SlackFault as fault:
            raise surface_error(fault) from fault

    async def conversation(self, origin: Place) -> tuple[Message, ...]:
        """The thread's messages by persons, root first, with names. Raises ``NotRead``."""
        root = origin.thread or origin.message
        if root is None:
            return ()
        try:
            us = await self._identity.us()
            written = [
                message
                async for message in self._messages.read(origin.place, root, pages=_THREAD_PAGES)
                if _by_person(message, us)
            ]
        except SlackFault as fault:
            raise read_error(fault) from fault
        authors = await self._authors({str(message["user"]) for message in written}, us.team)
        return tuple(
            Message(
                id=str(message["ts"]),
                author=authors[str(message["user"])],
                text=plain(message),
                at=datetime.fromtimestamp(float(message["ts"]), UTC),
                files=files_of(message),
            )
            for message in written
        )

    async def _authors(self, users: set[str], team: str) -> dict[str, Author]:
        async def author(user: str) -> Author:
            try:
                known = await self._people.named(Actor(surface="slack", team=team, id=user))
            except LookUpFailed as failed:
                log.info("a name in a thread is missing: %s", failed)
                return Author(surface="slack", id=user, team=team)
            return Author(surface="slack", id=user, name=known.name, email=known.email, team=team)

        found = await asyncio.gather(*(author(user) for user in sorted(users)))
        return {one.id: one for one in found}

    # --- beside the card ----------------------------------------------------------------------

    async def note(self, message: Place, words: Words) -> None:
        """A line in the thread under a card. Raises ``NotPosted``, ``MaybePosted``."""
        leaves: list[inert.Json] = []
        for one in words:
            leaves += inert.leaves(one) if isinstance(one, str) else [person(one)]
        shown = inert.rich(inert.section(*(leaves or [inert.leaf("–")])))
        thread = message.thread or message.message
        await self._say(message.place, thread, words_text(words), [shown])

    async def link(self, message: Place) -> str | None:
        """A permalink to a message; None when Slack does not give one."""
        try:
            return await self._messages.permalink(message)
        except SlackFault as fault:
            log.info("no permalink of %s: %s", message.key, fault)
            return None

    async def tell(self, actor: Actor, text: str, card: CardView | None = None) -> None:
        """A private message to one person, then the card without its buttons, for no copy of it
        is kept up to date. Raises ``NotPosted``, ``MaybePosted``."""
        shown, _ = inert.cut(text, _TOLD)
        block = inert.rich(inert.section(*inert.leaves(shown, linked=True) or [inert.leaf("–")]))
        await self._say(actor.id, None, inert.escape(shown), [block])
        if card is not None:
            place = Place(surface="slack", place=actor.id)
            await self.post(place, card, buttons=False)

    async def whisper(self, place: Place, actor: Actor, said: Private) -> None:
        """To one person alone in their thread; where Slack does not take it there, in their own
        conversation, with what it is about. Raises ``NotPosted``, ``MaybePosted``."""
        # In a thread that nobody has begun, Slack shows no private line (chat.postEphemeral).
        in_thread = place.thread is not None and place.thread != place.message
        where = place if in_thread else place.model_copy(update={"thread": None})
        drawn = _private(said, about="" if in_thread else said.about)
        try:
            await self._messages.whisper(where, actor.id, drawn)
        except SlackRefused as refused:
            log.info("no ephemeral message in %s (%s)", place.place, refused)
        except SlackFault as fault:
            raise surface_error(fault) from fault
        else:
            return
        drawn = _private(said, about=said.about)
        try:
            await self._messages.post(Place(surface="slack", place=actor.id), drawn)
        except SlackFault as fault:
            raise surface_error(fault) from fault

    async def has_guests(self, place: Place) -> bool:
        """Raises ``NotRead``."""
        try:
            return await has_guests(self._client, self._people, place.place)
        except SlackFault as fault:
            raise read_error(fault) from fault

    async def _say(
        self, place: str, thread: str | None, text: str, blocks: list[inert.Json]
    ) -> None:
        where = Place(surface="slack", place=place, thread=thread)
        try:
            await self._messages.post(where, CardMessage(text or "–", blocks, {}))
        except SlackFault as fault:
            raise surface_error(fault) from fault


def _private(said: Private, about: str = "") -> CardMessage:
    """A private line with what belongs to it."""
    before: Words = (f"{about}: ",) if about else ()
    words: Words = (*before, *said.words)
    texts, blocks = [words_text(words)] if words else [], list[inert.Json]()
    if words:
        leaves: list[inert.Json] = []
        for one in words:
            linked = inert.leaves(one, linked=True) if isinstance(one, str) else [person(one)]
            leaves += linked
        blocks.append(inert.rich(inert.section(*(leaves or [inert.leaf("–")]))))
    if said.answer is not None:
        texts.append(answer_text(said.answer))
        blocks += answer_blocks(said.answer)
    blocks += choice_blocks(said.choices)
    return CardMessage("\n".join(texts)[:_TOLD] or "–", blocks, {})


def words_text(words: Words) -> str:
    """Words as mrkdwn: persons as mentions, the rest inert."""
    made = ""
    for one in words:
        shown = inert.leaf(one) if isinstance(one, str) else person(one)
        made += f"<@{shown['user_id']}>" if "user_id" in shown else inert.escape(shown["text"])
    return made


def _by_person(message: dict[str, Any], us: Us) -> bool:
    return (
        bool(message.get("user"))
        and not message.get("bot_id")
        and not us.wrote(message)
        and message.get("subtype") in _NOT_WORDS
    )
