"""An approved reply into a Teams conversation: ``send_reply``'s outlet for tickets from there.

Teams knows neither an idempotency key nor a way to look for a message, so a reply is sent with one
request; what became of a lost one only a person can see.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from bot import answer_words
from bot.commands import Outcome, Refused, Succeeded, Uncertain
from bot.domain import Place, Ticket
from bot.ports import StoreUnavailable
from handlers.inert import one_line
from handlers.limited import sent_in_time
from handlers.recent import Monotonic
from handlers.teams_answer import shared_activity
from handlers.teams_card import reply_activity
from handlers.teams_connector import (
    REMOVED,
    Connector,
    TeamsFault,
    TeamsNotReached,
    TeamsRefused,
    Thread,
)
from handlers.teams_inert import Json
from handlers.teams_people import Tenancy
from handlers.teams_references import Rooms
from handlers.teams_surface import message_link, thread_of
from tools.signature import Signatures
from tools.spec import Grant, Sent

log = logging.getLogger("deskhand.teams")


@dataclass(frozen=True)
class Form:
    """What is posted."""

    target: str
    """Whose thread or chat it goes to, on the card: *{}* is which of the two."""
    activity: Callable[[Grant, str], Json]


def _reply(grant: Grant, text: str) -> Json:
    return reply_activity(
        text,
        proposal=grant.proposal,
        revision=grant.revision,
        key=grant.key,
        reply_to=grant.origin.message,
        citations=grant.citations,
        by_hand=grant.by_hand,
    )


def _answer(grant: Grant, text: str) -> Json:
    args = grant.content.actions[grant.index].args
    found = args.get("data")
    said = answer_words.still_said(found if isinstance(found, dict) else {}, str(args.get("text")))
    about = {"proposal": grant.proposal, "revision": grant.revision, "key": grant.key}
    return shared_activity(
        text, {**said, **about}, reply_to=grant.origin.message, by_hand=grant.by_hand
    )


REPLY: Final = Form("the customer's {}", _reply)
ANSWER: Final = Form("the {} of the ask", _answer)
"""An answer that was for its asker alone, shared."""


class TeamsReply:
    """``tools.spec.Outlet`` for Teams. ``connector`` should keep no connections alive."""

    def __init__(
        self,
        connector: Connector,
        rooms: Rooms,
        tenancy: Tenancy,
        clock: Monotonic,
        signatures: Signatures,
        *,
        links: bool = True,
        form: Form = REPLY,
    ) -> None:
        self._connector = connector
        self._rooms = rooms
        self._clock = clock
        self._tenancy = tenancy
        self._signatures = signatures
        self._links = links
        self._form = form

    def target(self, ticket: Ticket) -> str:
        """Where the reply goes."""
        where = "thread" if _is_in_a_channel(ticket.origin) else "chat"
        signed = self._signatures.words(ticket.playbook)
        return f"{self._form.target.format(where)} in Teams ({ticket.origin.place}), {signed}"

    def resend_seconds(self, origin: Place) -> float:
        """Never: Teams has no idempotency keys."""
        return 0.0

    async def send(self, grant: Grant, text: str) -> Outcome:
        """Post once before the deadline; only a 429, which is *not sent*, is tried again in it."""
        origin = grant.origin
        if origin.surface != "teams":
            return Refused("the ticket did not come from Teams")
        try:
            async with asyncio.timeout(max(self._left(grant), 0)):
                at = await thread_of(self._rooms, origin)
        except (StoreUnavailable, TimeoutError):
            return Refused("not sent: where it goes could not be looked up in time")
        if at is None:
            return Refused("not sent: nobody knows where that conversation is reached")
        activity = self._form.activity(grant, self._signed(grant, text))

        async def post(left: float) -> str:
            return await self._connector.post(at, activity, reply_to=origin.message, seconds=left)

        try:
            sent = await sent_in_time(post, lambda: self._left(grant))
        except TeamsNotReached as fault:
            return Refused(f"not sent: {fault}")
        except TeamsRefused as fault:
            await self._noted_removal(at, fault)
            return Refused(f"Teams refused it: {fault}")
        except TeamsFault as lost:
            log.warning("the answer to the reply of %s is lost: %s", grant.proposal, lost)
            return Uncertain(f"the answer was lost ({lost}); look into the conversation")
        if isinstance(sent, Refused):
            return sent
        if self._form is REPLY:
            await self._known_as_reply(at.conversation, sent, grant)
        return Succeeded(self._receipt(at, sent))

    async def look_up(self, sent: Sent) -> Succeeded | None:
        """A bot cannot read a conversation in Teams."""
        return None

    async def _noted_removal(self, at: Thread, fault: TeamsRefused) -> None:
        """For ``doctor`` to name; that the reply was refused does not hang on it."""
        if fault.code != REMOVED:
            return
        try:
            await self._rooms.lost(at)
        except StoreUnavailable as away:
            log.info("deskhand: that the bot left %s is not kept: %s", at.id, away)

    async def _known_as_reply(self, conversation: str, message: str, grant: Grant) -> None:
        """Remember it, so that what people think of it stands beside the decision."""
        try:
            references = self._rooms.references
            await references.replied(conversation, message, grant.proposal)
        except StoreUnavailable as away:
            log.info("deskhand: feedback on %s will be nobody's: %s", message, away)

    def _receipt(self, at: Thread, message: str) -> str:
        """The message's address; in emulator mode, where there is none, which message it is."""
        place = Place(surface="teams", place=at.conversation, thread=at.root, message=message)
        address = message_link(place, self._tenancy.known) if self._links else None
        return address or f"message {message} in {at.id}"

    def _signed(self, grant: Grant, text: str) -> str:
        name = one_line(self._signatures.sign(grant.playbook, grant.approved_by))
        return f"{text}\n\n— {name}" if name else text

    def _left(self, grant: Grant) -> float:
        return grant.deadline - self._clock.monotonic()


def _is_in_a_channel(origin: Place) -> bool:
    return "@thread.tacv2" in origin.place or origin.thread != origin.message
