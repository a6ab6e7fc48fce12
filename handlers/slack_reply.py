"""An approved reply into a Slack thread: ``send_reply``'s outlet for tickets that came from Slack.

Slack knows no idempotency key, so a reply is sent with one request and never again by itself. What
it carries instead is metadata with our key: after a lost answer the thread is asked whether the
reply is there. Found is done; not found stays unknown, for it may still be on its way.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from slack_sdk.web.async_client import AsyncWebClient

from bot import answer_words
from bot.commands import Outcome, Refused, Succeeded, Uncertain
from bot.domain import Place, Ticket
from handlers import slack_inert as inert
from handlers.limited import sent_in_time
from handlers.recent import Monotonic
from handlers.slack_answer import ANSWER_EVENT
from handlers.slack_blocks import CardMessage
from handlers.slack_client import (
    SlackFault,
    SlackIdentity,
    SlackNotReached,
    SlackRefused,
    Us,
)
from handlers.slack_messages import SlackMessages, payload
from handlers.slack_parts import ANSWER_TARGET, REPLY_TARGET
from tools.signature import Signatures
from tools.spec import Grant, Sent, Unanswered

log = logging.getLogger("deskhand.slack")

REPLY_EVENT = "deskhand_reply"
LOOK_UP_SECONDS = 3.0
"""For each page of a thread."""
_PAGES = 20
_KEPT_BACK_SECONDS = 2.0
"""Of the time before the deadline, for the look-up that follows a lost answer."""


@dataclass(frozen=True)
class Form:
    """What is posted."""

    event: str
    """Of its metadata, by which look-ups know it."""
    target: str
    """Where it goes, on the card, before the channel's id."""
    data: Callable[[Grant], dict[str, Any]]
    """What programs read besides."""


def _no_data(_grant: Grant) -> dict[str, Any]:
    return {}


def _answer_data(grant: Grant) -> dict[str, Any]:
    """The approved answer as data, of which only what the approved text still holds."""
    args = grant.content.actions[grant.index].args
    found = args.get("data")
    return answer_words.still_said(found if isinstance(found, dict) else {}, str(args.get("text")))


REPLY: Final = Form(REPLY_EVENT, REPLY_TARGET, _no_data)
ANSWER: Final = Form(ANSWER_EVENT, ANSWER_TARGET, _answer_data)
"""An answer that was for its asker alone, shared."""


class SlackReply:
    """``tools.spec.Outlet`` for Slack.

    ``client`` should be on a session without kept-alive connections (see ``slack_session``).
    """

    def __init__(
        self,
        client: AsyncWebClient,
        identity: SlackIdentity,
        clock: Monotonic,
        signatures: Signatures | None = None,
        form: Form | None = None,
    ) -> None:
        """``form``: what is posted; a reply if none is given."""
        self._messages = SlackMessages(client)
        self._identity = identity
        self._clock = clock
        self._signatures = signatures or Signatures()
        self._form = form or REPLY

    def target(self, ticket: Ticket) -> str:
        """Where the reply goes; the card shows the channel's id as its name."""
        signed = self._signatures.words(ticket.playbook)
        return f"{self._form.target}{ticket.origin.place}, {signed}"

    def resend_seconds(self, origin: Place) -> float:
        """Never: Slack has no idempotency keys."""
        return 0.0

    async def send(self, grant: Grant, text: str) -> Outcome:
        """Post once before the deadline; only a 429, which is *not sent*, is tried again in it."""
        thread = grant.origin.thread or grant.origin.message
        if grant.origin.surface != "slack" or thread is None:
            return Refused("the ticket did not come from a thread in Slack")
        place = Place(surface="slack", place=grant.origin.place, thread=thread)
        signature = self._signatures.sign(grant.playbook, grant.approved_by)
        drawn = reply_message(grant, text, signature, self._form)

        async def post(left: float) -> Place:
            kept_back = min(_KEPT_BACK_SECONDS, left / 4)
            return await self._messages.post(place, drawn, left - kept_back)

        try:
            sent = await sent_in_time(post, lambda: grant.deadline - self._clock.monotonic())
        except SlackNotReached as fault:
            return Refused(f"not sent: Slack cannot be reached ({fault})")
        except SlackRefused as fault:
            return Refused(f"Slack refused it: {fault}")
        except SlackFault as lost:
            log.warning("the answer to the reply of %s is lost: %s", grant.proposal, lost)
            return await self._lost(grant, lost)
        if isinstance(sent, Refused):
            return sent
        return Succeeded(_receipt(self._identity.known, sent))

    async def _lost(self, grant: Grant, lost: SlackFault) -> Outcome:
        """Slack may have it all the same."""
        try:
            found = await self.look_up(grant)
        except Unanswered as unanswered:
            return Uncertain(f"the answer was lost ({lost}), and then {unanswered}")
        return found or Uncertain(f"the answer was lost ({lost}), and it is not there yet")

    async def look_up(self, sent: Sent) -> Succeeded | None:
        """Whether a reply of our own bot with one of these keys is in the thread. None: it is not
        there, or Slack refuses to say, or the thread is too long to know."""
        thread = sent.origin.thread or sent.origin.message
        if sent.origin.surface != "slack" or thread is None:
            return None
        keys = {sent.key, *sent.earlier_keys}
        try:
            us = await self._identity.us(LOOK_UP_SECONDS)
            async for message in self._messages.read(
                sent.origin.place, thread, pages=_PAGES, seconds=LOOK_UP_SECONDS
            ):
                if us.wrote(message) and self._is_there(message, sent.proposal, keys):
                    ts = str(message["ts"])
                    place = Place(
                        surface="slack", place=sent.origin.place, thread=thread, message=ts
                    )
                    return Succeeded(_receipt(us, place))
        except SlackRefused as refused:
            log.info("the reply of %s cannot be looked up: %s", sent.proposal, refused)
        except SlackFault as fault:
            raise Unanswered(f"Slack could not be asked for it ({fault})") from fault
        return None

    def _is_there(self, message: dict[str, Any], proposal: str, keys: set[str]) -> bool:
        found = payload(message, self._form.event)
        return found.get("proposal") == proposal and found.get("key") in keys


def reply_message(grant: Grant, text: str, signature: str, form: Form | None = None) -> CardMessage:
    """The reply as the card showed it, signed: literal text, and links only to what is read."""
    blocks: list[inert.Json] = [
        inert.rich(inert.section(*(inert.leaves(text, linked=True) or [inert.leaf("–")])))
    ]
    fallback = inert.escape(text)
    if inert.one_line(signature):
        name = f"— {inert.one_line(signature)}"
        blocks.append({"type": "context", "elements": [inert.plain(name, 300)]})
        fallback += f"\n{inert.escape(name)}"
    return CardMessage(
        text=fallback,
        blocks=blocks,
        metadata={
            "event_type": (form or REPLY).event,
            "event_payload": {
                **((form or REPLY).data(grant)),
                "proposal": grant.proposal,
                "revision": grant.revision,
                "key": grant.key,
            },
        },
    )


def _receipt(us: Us | None, message: Place) -> str:
    """The message's address, or in words which message it is."""
    address = us and us.permalink(message.place, message.message or "", message.thread)
    return address or f"message {message.message} in {message.place}"
