"""Invokes: what a press in Teams comes to, answered with the card as it is then.

A press is answered within five seconds, decided or not; one that is not saved by then is answered
as *not saved* and decides nothing afterwards (``bot.decide`` keeps an earlier deadline before its
commit). Shapes: learn.microsoft.com, *Universal Actions for Adaptive Cards*.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Final, assert_never

from pydantic import ValidationError

from bot.card import Words
from bot.domain import Actor
from bot.forms import (
    Decided,
    EditForm,
    FieldErrors,
    NotDecided,
    Pressed,
    ReasonForm,
    RejectForm,
    Seen,
)
from bot.ports import AskButtons, Decisions, StoreUnavailable, SurfaceError
from handlers.names import Names
from handlers.pressed import NOT_SAVED, STORE_AWAY, VERBS, Later
from handlers.teams_activity import Activity, AdaptiveValue
from handlers.teams_card import (
    CARD_TYPE,
    REFRESH,
    Forms,
    approver,
    asking_why,
    card_of,
    everybody,
    read_view_token,
)
from handlers.teams_form import (
    Submission,
    approve_input,
    edit_input,
    errors_text,
    parse_submission,
    reject_input,
)
from handlers.teams_inert import Json, words_text

log = logging.getLogger("deskhand.teams")

MESSAGE_TYPE: Final = "application/vnd.microsoft.activity.message"
ERROR_TYPE: Final = "application/vnd.microsoft.error"
DECIDE_SECONDS: Final = 3.2
"""For a decision; it and the card that answers it have five seconds together."""
CARD_SECONDS: Final = 1.2
ASK: Final = "deskhand.ask"
SHARE: Final = "deskhand.share"
_AS_IT_IS: Final = frozenset({"decided", "stale", "wrong_state", "newer_proposal", "lapsed"})
"""Refusals that the card as it is now explains best."""

_SAY_WHY: Final = (
    "Not approved yet: the screen has found something. Say below why it may go out all the same.",
)

Privately = Callable[[str, str], Awaitable[None]]
"""Sends a proposal's whole card to a person (object id, proposal). Raises ``SurfaceError``."""


class Invokes:
    """Answers ``adaptiveCard/action``."""

    def __init__(
        self,
        decisions: Decisions,
        ask_buttons: AskButtons | None,
        names: Names,
        later: Later,
        privately: Privately,
    ) -> None:
        self._decisions = decisions
        self._ask_buttons = ask_buttons
        self._names = names
        self._later = later
        self._privately = privately

    async def action(self, activity: Activity, actor: Actor) -> Json:
        """The answer's body: status, type, value."""
        try:
            action = AdaptiveValue.model_validate(activity.value).action
        except ValidationError:
            return bad_request("the action cannot be read")
        submitted = parse_submission(action.data)
        if submitted is None:
            return bad_request("the action's data are not a card's of ours")
        if action.verb in VERBS:
            return await self._decide(action.verb, submitted, actor)
        if action.verb in (ASK, SHARE) and self._ask_buttons is not None:
            press = self._ask_buttons.chosen if action.verb == ASK else self._ask_buttons.share
            return message(words_text(await _of_an_ask(press, submitted.token, actor)))
        asked = read_view_token(submitted.token, action.verb)
        if asked is None:
            return bad_request("there is no such button")
        if action.verb == REFRESH:
            return await self._card(asked.proposal, asked.seal, actor)
        self._later.start(self._send(asked.proposal, actor))
        return message("Deskhand sends you the whole text in your chat with it.")

    async def _decide(self, verb: str, submitted: Submission, actor: Actor) -> Json:
        try:
            async with asyncio.timeout(DECIDE_SECONDS):
                outcome = await self._outcome(verb, submitted, actor)
        except TimeoutError:
            return message(words_text(NOT_SAVED))
        except StoreUnavailable as away:
            log.warning("deskhand: a press was not saved: %s", away)
            return message(words_text(STORE_AWAY))
        match outcome:
            case FieldErrors():
                return message(errors_text(outcome))
            case NotDecided(kind="unknown_token", words=words):
                return bad_request(words_text(words))
            case NotDecided(kind=kind, words=words, proposal=proposal) if (
                proposal is not None and kind in _AS_IT_IS
            ):
                return await self._card(proposal.id, submitted.token, actor, words)
            case NotDecided(words=words):
                return message(words_text(await self._names.put(words)))
            case Decided(proposal, words):
                return await self._card(proposal.id, submitted.token, actor, otherwise=words)
            case ReasonForm() as form:
                return await self._card(
                    form.proposal, submitted.token, actor, otherwise=_SAY_WHY, why=form
                )
            case EditForm() | RejectForm():
                raise AssertionError("a form was submitted, and is not asked for")
            case _:
                assert_never(outcome)

    async def _outcome(
        self, verb: str, submitted: Submission, actor: Actor
    ) -> Pressed | FieldErrors:
        match VERBS[verb]:
            case "approve" if (reason := approve_input(submitted)) is not None:
                return await self._decisions.submit_approve(submitted.token, actor, reason)
            case "edit":
                given = edit_input(submitted)
                return await self._decisions.submit_edit(submitted.token, actor, given)
            case "reject":
                rejected = reject_input(submitted)
                return await self._decisions.submit_reject(submitted.token, actor, rejected)
            case plain:
                return await self._decisions.press(submitted.token, plain, actor)

    async def _card(
        self,
        proposal: str,
        proof: str,
        actor: Actor,
        first: Words | None = None,
        otherwise: Words = (),
        why: ReasonForm | None = None,
    ) -> Json:
        """The card as it is now; ``otherwise``, words, where it cannot be read in time. ``why``:
        what it asks, where it is still the revision that this is about."""
        try:
            async with asyncio.timeout(CARD_SECONDS):
                seen = await self._decisions.see(proposal, proof, actor)
        except (TimeoutError, StoreUnavailable) as away:
            log.warning("deskhand: a card could not be shown: %s", type(away).__name__)
            late = ("Deskhand cannot show the card just now. Please press again in a moment.",)
            return message(words_text(first or otherwise or late))
        if isinstance(seen, NotDecided):
            return bad_request(words_text(seen.words))
        card = await self._names.on(seen.card)
        if why is not None and seen.may_decide and card.revision == why.revision:
            return _answer(200, CARD_TYPE, card_of(asking_why(card, why, first=_SAY_WHY)))
        return card_answer(replace(seen, card=card), first)

    async def _send(self, proposal: str, actor: Actor) -> None:
        try:
            await self._privately(actor.id, proposal)
        except (SurfaceError, StoreUnavailable) as failed:
            log.warning("deskhand: a whole card could not be sent: %s", failed)


async def _of_an_ask(
    press: Callable[[str, Actor], Awaitable[Words]], token: str, actor: Actor
) -> Words:
    """A button of a private line: what to tell who pressed. It is durable by then."""
    try:
        async with asyncio.timeout(DECIDE_SECONDS):
            return await press(token, actor)
    except TimeoutError:
        return NOT_SAVED
    except StoreUnavailable as away:
        log.warning("deskhand: a press was not saved: %s", away)
        return STORE_AWAY


def card_answer(seen: Seen, first: Words | None = None) -> Json:
    """The card in place of the one pressed: with buttons for those who may decide it."""
    if seen.may_decide:
        drawn = approver(seen.card, Forms(seen.edit, seen.reject), first=first)
    else:
        drawn = everybody(seen.card, first=first)
    return _answer(200, CARD_TYPE, card_of(drawn))


def message(text: str) -> Json:
    """Words beside the card, which stays."""
    return _answer(200, MESSAGE_TYPE, text)


def bad_request(why: str) -> Json:
    return _answer(400, ERROR_TYPE, {"code": "BadRequest", "message": why})


def not_implemented(name: str) -> Json:
    why = f"nothing follows {name[:100]}"
    return _answer(501, ERROR_TYPE, {"code": "NotImplemented", "message": why})


def _answer(status: int, kind: str, value: str | Json) -> Json:
    # botbuilder's AdaptiveCardInvokeResponse raises where the value is a text.
    return {"statusCode": status, "type": kind, "value": value}
