"""Teams as a surface: cards, reminders and private messages. It draws and decides nothing.

A bot cannot look for a message in Teams, so a card whose answer was lost is posted once more; both
work, for the buttons of both lead to the same decision.
"""

from __future__ import annotations

import asyncio
import json
import logging
import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Final
from urllib.parse import quote

from bot.card import CardView, Words
from bot.domain import Actor, Message, Place, SurfaceName
from bot.forms import NotDecided
from bot.ports import (
    MaybePosted,
    MessageGone,
    NotPosted,
    NotRead,
    Private,
    Progress,
    SurfaceError,
)
from bot.ports.references import Conversation
from handlers.names import Names
from handlers.recent import Monotonic
from handlers.teams_answer import answer_activity, private_activities
from handlers.teams_card import everybody, message_activity
from handlers.teams_connector import (
    REMOVED,
    Connector,
    TeamsFault,
    TeamsLimited,
    TeamsLost,
    TeamsNotReached,
    TeamsRefused,
    Thread,
)
from handlers.teams_inert import Json, words_text
from handlers.teams_people import Tenancy
from handlers.teams_references import Rooms, names_channel
from handlers.teams_refreshed import Refreshed
from handlers.teams_roster import Rosters
from handlers.teams_whole import whole_activities

log = logging.getLogger("deskhand.teams")

UPDATE_SECONDS: Final = 1.0
"""A copy is updated no more often; what is drawn last is what stays."""
_PERSON = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\Z", re.IGNORECASE)
_MOST_UPDATED = 2000


class TeamsSurface:
    """``bot.ports.Surface`` for one tenant."""

    def __init__(
        self,
        connector: Connector,
        rooms: Rooms,
        rosters: Rosters,
        refreshed: Refreshed,
        names: Names,
        tenancy: Tenancy,
        clock: Monotonic,
        *,
        links: bool = True,
    ) -> None:
        self._connector = connector
        self._rooms = rooms
        self._rosters = rosters
        self._refreshed = refreshed
        self._names = names
        self._tenancy = tenancy
        self._clock = clock
        self._links = links
        self._updated: dict[tuple[str, str], float] = {}

    @property
    def name(self) -> SurfaceName:
        return "teams"

    # --- cards --------------------------------------------------------------------------------

    async def post(self, place: Place, card: CardView, *, buttons: bool = True) -> Place:
        """Post a card; the answer names its message. Raises ``NotPosted``, ``MaybePosted``."""
        if _PERSON.match(place.place):
            at = await self._private(place.place)
        else:
            known = await thread_of(self._rooms, place)
            if known is None:
                raise NotPosted("nobody knows where that conversation is reached", final=True)
            at = known
        activity = await self._drawn(card, at, buttons=buttons)
        # Looked up first: a store that goes away after the post would have it posted once more.
        is_channel = await self._is_channel(at.conversation)
        message = await self._post(at, activity)
        return Place(
            surface="teams",
            place=at.conversation,
            thread=at.root or (message if is_channel else None),
            message=message,
        )

    async def update(self, message: Place, card: CardView, *, buttons: bool = True) -> None:
        """Redraw. Raises ``MessageGone``, ``NotPosted``, ``MaybePosted``."""
        at = await thread_of(self._rooms, message)
        if at is None or message.message is None:
            raise NotPosted("nobody knows where that conversation is reached", final=True)
        key, now = (at.id, message.message), self._clock.monotonic()
        since = now - self._updated.get(key, float("-inf"))
        if since < UPDATE_SECONDS:
            await asyncio.sleep(UPDATE_SECONDS - since)
        if len(self._updated) >= _MOST_UPDATED:
            self._updated.clear()
        self._updated[key] = self._clock.monotonic()
        activity = await self._drawn(card, at, buttons=buttons)
        activity["id"] = message.message
        try:
            await self._connector.update(at, message.message, activity)
        except TeamsRefused as refused:
            if refused.status == 404:
                raise MessageGone(str(refused)) from refused
            raise await self._error(at, refused) from refused
        except TeamsFault as fault:
            raise await self._error(at, fault) from fault

    async def find(self, place: Place, proposal: str) -> Place | None:
        """None: a bot cannot look."""
        return None

    # --- the customer's own message -----------------------------------------------------------

    async def progress(self, origin: Place, now: Progress, line: Place | None) -> Place | None:
        """Nothing is shown: a bot's line in Teams notifies everybody in the thread."""
        return line

    async def conversation(self, origin: Place) -> tuple[Message, ...]:
        """Raises ``NotRead``: a bot reads no conversation in Teams; the message action brings its
        message along."""
        raise NotRead("Teams shows a bot no earlier messages", final=True)

    # --- beside the card ----------------------------------------------------------------------

    async def note(self, message: Place, words: Words) -> None:
        """A line under a card. Raises ``NotPosted``, ``MaybePosted``."""
        at = await thread_of(self._rooms, message)
        if at is None:
            raise NotPosted("nobody knows where that conversation is reached", final=True)
        said = words_text(await self._names.put(words))
        await self._post(at, message_activity(said), message.message)

    async def link(self, message: Place) -> str | None:
        """The address of a message; in emulator mode there is none."""
        return message_link(message, self._tenancy.known) if self._links else None

    async def tell(self, actor: Actor, text: str, card: CardView | None = None) -> None:
        """A private message to one person, then the card without its buttons, for no copy of it
        is kept up to date. Raises ``NotPosted``, ``MaybePosted``."""
        activities = [message_activity(text)] if text else []
        if card is not None:
            activities.append(everybody(await self._names.on(card), buttons=False))
        await self.send_privately(actor.id, activities)

    async def whisper(self, place: Place, actor: Actor, said: Private) -> None:
        """In their chat with the bot, for Teams knows no message to one person elsewhere. Raises
        ``NotPosted``, ``MaybePosted``."""
        named = replace(said, words=await self._names.put(said.words))
        await self.send_privately(actor.id, private_activities(named))

    async def has_guests(self, place: Place) -> bool:
        """Raises ``NotRead``. Who shares a shared channel may change without a word to the bot, so
        that it counts as others' whoever is in it now."""
        known = await self._rooms.references.conversation(place.place)
        if known is None or known.gone:
            raise NotRead("nobody knows where that conversation is reached", final=True)
        if known.kind == "personal":
            return False
        if known.shared:
            return True
        try:
            there = await self._rosters.of(Thread(known.service_url, known.id))
        except TeamsFault as fault:
            raise NotRead(f"who is there is not known: {fault}", final=False) from fault
        return not there or not all(one.is_ours for one in there)

    async def show_privately(self, actor: Actor, card: CardView | NotDecided) -> None:
        """A card's whole text to one person, or why they may not see it. Raises ``NotPosted``,
        ``MaybePosted``."""
        if isinstance(card, NotDecided):
            await self.tell(actor, words_text(await self._names.put(card.words)))
        else:
            await self.send_privately(actor.id, whole_activities(await self._names.on(card)))

    async def send_privately(self, oid: str, activities: Sequence[Json]) -> None:
        """Messages into a person's chat with the bot. Raises ``NotPosted``, ``MaybePosted``."""
        at = await self._private(oid)
        for activity in activities:
            await self._post(at, activity)

    # --- where ----------------------------------------------------------------------------------

    async def _private(self, oid: str) -> Thread:
        """A person's chat with the bot, made where there is none."""
        member = await self._rooms.references.member(oid.lower())
        if member is None:
            raise NotPosted("they have never spoken to the bot", final=True)
        if member.chat:
            return Thread(member.service_url, member.chat)
        try:
            chat = await self._connector.personal_chat(
                member.service_url, bot=member.bot, member=member.id, tenant=self._tenancy.known
            )
        except TeamsLost as lost:
            # Making it again gives the same one: nothing was posted.
            raise NotPosted(str(lost), final=False) from lost
        except TeamsFault as fault:
            raise surface_error(fault) from fault
        made = Conversation(
            id=chat, kind="personal", service_url=member.service_url, bot=member.bot
        )
        await self._rooms.references.keep(made, member.model_copy(update={"chat": chat}))
        return Thread(member.service_url, chat)

    async def _drawn(self, card: CardView, at: Thread, *, buttons: bool) -> Json:
        if card.state == "answered" and card.answer is not None:
            return answer_activity(card.answer, card.run, card.model, card.cost_usd)
        refreshed: list[str] = []
        if buttons and card.buttons and card.approvers is not None:
            refreshed = await self._refreshed.ids(card.approvers, at)
        return everybody(await self._names.on(card), refresh_for=refreshed, buttons=buttons)

    async def _is_channel(self, conversation: str) -> bool:
        known = await self._rooms.references.conversation(conversation)
        if known is not None:
            return known.kind == "channel"
        return names_channel(conversation)

    async def _post(self, at: Thread, activity: Json, reply_to: str | None = None) -> str:
        try:
            return await self._connector.post(at, activity, reply_to=reply_to)
        except TeamsFault as fault:
            raise await self._error(at, fault) from fault

    async def _error(self, at: Thread, fault: TeamsFault) -> SurfaceError:
        if isinstance(fault, TeamsRefused) and fault.code == REMOVED:
            await self._rooms.lost(at)
        return surface_error(fault)


def message_link(message: Place, tenant: str) -> str | None:
    """A message's address in every Teams client (learn.microsoft.com, *Deep links to a chat or
    channel message*)."""
    if message.message is None:
        return None
    address = (
        f"https://teams.microsoft.com/l/message/{quote(message.place, safe='')}/"
        f"{quote(message.message, safe='')}?tenantId={quote(tenant, safe='')}"
    )
    if message.thread is None:
        address += f"&context={quote(json.dumps({'contextType': 'chat'}), safe='')}"
    elif message.thread != message.message:
        address += f"&parentMessageId={quote(message.thread, safe='')}"
    return address


async def thread_of(rooms: Rooms, place: Place) -> Thread | None:
    """Where a place is reached: its last address, else its tenant's. None: nobody knows, or the bot
    was removed from it."""
    known = await rooms.references.conversation(place.place)
    if known is not None:
        if known.gone:
            return None
        root = place.thread if known.kind == "channel" else None
        return Thread(known.service_url, place.place, root)
    last = await rooms.references.address()
    if last is None:
        return None
    root = place.thread if names_channel(place.place) else None
    return Thread(last[0], place.place, root)


def surface_error(fault: TeamsFault) -> SurfaceError:
    """What a fault means for a card: not there for now, not there for good, or nobody knows."""
    match fault:
        case TeamsLimited(retry_after_seconds=seconds):
            return NotPosted(str(fault), final=False, retry_after_seconds=seconds)
        case TeamsNotReached():
            return NotPosted(str(fault), final=False)
        case TeamsRefused(status=401):
            return NotPosted(str(fault), final=False)
        case TeamsRefused():
            return NotPosted(str(fault), final=True)
        case _:
            return MaybePosted(str(fault))
