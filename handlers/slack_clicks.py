"""Presses and submissions: who, says the signature; what it comes to, says ``Decisions``.

Slack and the person wait three seconds at most, so each answer has a deadline; one that is not
saved by then is answered as *not saved*, and nothing is decided afterwards (``bot.decide`` keeps
the same deadline before its commit). What can follow the answer (a modal, a private line) is sent
behind it and never holds it up.
"""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass, field
from typing import Any, Final, assert_never

from slack_sdk.web.async_client import AsyncWebClient

from bot.card import Words
from bot.domain import Actor, Verb
from bot.forms import (
    Decided,
    EditForm,
    FieldErrors,
    NotDecided,
    ReasonForm,
    RejectForm,
    Submitted,
)
from bot.ports import AskButtons, Decisions, StoreUnavailable
from handlers.pressed import NOT_SAVED, STORE_AWAY, VERBS, Later
from handlers.slack_answer import ASK_ACTION, SHARE_ANSWER_ACTION
from handlers.slack_blocks import SHOW_ACTION, show_view
from handlers.slack_client import SlackFault, SlackRefused, call
from handlers.slack_events import Json, object_in, text_in
from handlers.slack_modals import (
    APPROVE,
    EDIT,
    REJECT,
    Carried,
    approve_input,
    edit_input,
    edit_view,
    reason_view,
    reject_input,
    reject_view,
)
from handlers.slack_private import Listener, Whisperer, mrkdwn, plain_words

log = logging.getLogger("deskhand.slack")

ANSWER_SECONDS: Final = 2.6
"""When a press is answered, decided or not: Slack shows a failure of its own after three."""
VIEW_SECONDS: Final = 2.9
"""How long ``views.open`` may take; its trigger is dead after three seconds anyway."""

PRESS_AGAIN: Final[Words] = ("The form could not be opened in time. Please press again.",)

_FORM_STAYS = frozenset({"stale", "look_up_failed", "crm_away", "too_early", "not_saved"})
"""Refusals after which the form stays open with the words in it, so that nothing typed is lost;
after the others there is nothing left to submit."""


@dataclass(frozen=True)
class Reply:
    """What Slack is answered with: a status and, for 200, perhaps an object."""

    status: int = 200
    body: dict[str, Any] = field(default_factory=dict)


class Clicks:
    """Block actions and view submissions."""

    def __init__(
        self,
        decisions: Decisions,
        client: AsyncWebClient,
        whisperer: Whisperer,
        later: Later,
        ask_buttons: AskButtons | None = None,
    ) -> None:
        self._decisions = decisions
        self._ask_buttons = ask_buttons
        self._client = client
        self._whisperer = whisperer
        self._later = later

    async def pressed(self, payload: Json, actor: Actor) -> Reply:
        """``block_actions``. Always 200: what went wrong is told in private."""
        given = payload.get("actions")
        for action in given if isinstance(given, list) else ():
            if not isinstance(action, dict):
                continue
            ident, value = text_in(action, "action_id") or "", text_in(action, "value") or ""
            if (verb := VERBS.get(ident)) is not None:
                await self._press(payload, actor, verb, value)
            elif ident in (ASK_ACTION, SHARE_ANSWER_ACTION):
                await self._of_an_ask(payload, actor, ident, value)
            elif ident == SHOW_ACTION:  # its value is the proposal's id
                await self._show(payload, actor, value)
            else:
                log.debug("deskhand: nothing follows the action %r", ident)
        return Reply()

    async def submitted(self, payload: Json, actor: Actor) -> Reply:
        """``view_submission``: 200, with errors for the form where it has to stay open."""
        view = object_in(payload, "view")
        values = object_in(object_in(view, "state"), "values")
        carried = Carried.load(view.get("private_metadata"))
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                outcome = await self._submit(view, carried, actor, values)
        except TimeoutError:
            outcome = NotDecided("not_saved", NOT_SAVED)
        except StoreUnavailable as away:
            log.warning("deskhand: a submission was not saved: %s", away)
            outcome = NotDecided("not_saved", STORE_AWAY)
        match outcome:
            case None:
                return Reply()
            case Decided():
                return Reply()
            case FieldErrors(errors):
                return _errors(dict(errors), values)
            case NotDecided(kind, words) if kind in _FORM_STAYS:
                first = next(iter(values), "reply")
                return _errors({first: plain_words(words)}, values)
            case NotDecided(_, words):
                self._tell(_listener(actor, carried), words)
                return Reply()
            case _:
                assert_never(outcome)

    async def _submit(
        self, view: Json, carried: Carried, actor: Actor, values: Json
    ) -> Submitted | None:
        match view.get("callback_id"):
            case callback if callback == EDIT:
                return await self._decisions.submit_edit(carried.token, actor, edit_input(values))
            case callback if callback == APPROVE:
                why = approve_input(values)
                return await self._decisions.submit_approve(carried.token, actor, why)
            case callback if callback == REJECT:
                given = reject_input(values)
                return await self._decisions.submit_reject(carried.token, actor, given)
            case other:
                log.info("deskhand: nothing follows the form %r", other)
                return None

    async def _press(self, payload: Json, actor: Actor, verb: Verb, token: str) -> None:
        to = listener_of(payload, actor)
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                outcome = await self._decisions.press(token, verb, actor)
        except TimeoutError:
            self._tell(to, NOT_SAVED)
            return
        except StoreUnavailable as away:
            log.warning("deskhand: a press was not saved: %s", away)
            self._tell(to, STORE_AWAY)
            return
        match outcome:
            case Decided():
                pass  # every copy of the card follows by itself
            case NotDecided(_, words):
                self._tell(to, words)
            case EditForm():
                carried = Carried(outcome.token, to.channel, to.thread)
                self._open(payload, to, edit_view(outcome, carried))
            case RejectForm():
                carried = Carried(outcome.token, to.channel, to.thread)
                self._open(payload, to, reject_view(outcome, carried))
            case ReasonForm():
                carried = Carried(outcome.token, to.channel, to.thread)
                self._open(payload, to, reason_view(outcome, carried))
            case _:
                assert_never(outcome)

    async def _of_an_ask(self, payload: Json, actor: Actor, ident: str, token: str) -> None:
        """A button of a private line. It is durable before Slack is answered."""
        if self._ask_buttons is None:
            return
        press = self._ask_buttons.chosen if ident == ASK_ACTION else self._ask_buttons.share
        to = listener_of(payload, actor)
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                words = await press(token, actor)
        except TimeoutError:
            words = NOT_SAVED
        except StoreUnavailable as away:
            log.warning("deskhand: a press was not saved: %s", away)
            words = STORE_AWAY
        self._tell(to, words)

    async def _show(self, payload: Json, actor: Actor, proposal: str) -> None:
        to = listener_of(payload, actor)
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                card = await self._decisions.show(proposal, actor)
        except (TimeoutError, StoreUnavailable) as away:
            log.warning("deskhand: a card could not be shown: %s", type(away).__name__)
            self._tell(to, PRESS_AGAIN)
            return
        if isinstance(card, NotDecided):
            self._tell(to, card.words)
            return
        self._open(payload, to, show_view(card))

    def _open(self, payload: Json, to: Listener, view: dict[str, Any]) -> None:
        self._later.start(self._open_view(text_in(payload, "trigger_id") or "", to, view))

    async def _open_view(self, trigger: str, to: Listener, view: dict[str, Any]) -> None:
        try:
            await call(self._client.views_open(trigger_id=trigger, view=view), VIEW_SECONDS)
        except SlackFault as fault:
            level = logging.INFO if _expired(fault) else logging.WARNING
            log.log(level, "deskhand: no form for %s: %s", to.user, fault)
            await self._whisperer.tell(to, mrkdwn(PRESS_AGAIN))

    def _tell(self, to: Listener, words: Words) -> None:
        self._later.start(self._whisperer.tell(to, mrkdwn(words)))


def _expired(fault: SlackFault) -> bool:
    return isinstance(fault, SlackRefused) and fault.code in (
        "expired_trigger_id",
        "trigger_expired",
        "exchanged_trigger_id",
        "trigger_exchanged",
    )


def listener_of(payload: Json, actor: Actor) -> Listener:
    """Where the presser of a button, the user of a shortcut or command is told something."""
    container = object_in(payload, "container")
    channel = (
        text_in(container, "channel_id")
        or text_in(object_in(payload, "channel"), "id")
        or text_in(payload, "channel_id")
    )
    thread = text_in(container, "thread_ts") or text_in(object_in(payload, "message"), "thread_ts")
    return Listener(actor.id, channel, thread, text_in(payload, "response_url"))


def _listener(actor: Actor, carried: Carried) -> Listener:
    return Listener(actor.id, carried.channel, carried.thread)


def _errors(errors: dict[str, str], values: Json) -> Reply:
    """Errors below their fields. Slack refuses a field that the form has not, so the words of
    such a one stand below the first."""
    first = next(iter(values), None)
    if first is None:
        return Reply()
    placed: dict[str, str] = {}
    for key, words in errors.items():
        at = key if key in values else first
        placed[at] = f"{placed[at]} {words}" if at in placed else words
    return Reply(body={"response_action": "errors", "errors": placed})
