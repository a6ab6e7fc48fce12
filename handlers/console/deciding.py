"""Decisions: the same gate as every other surface's, ``Decisions``, with the signed-in person.

A button carries its token. A form carries the revision that its person has seen; the token of that
revision is made here, so a stale form is refused by the gate itself.
"""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import Mapping
from typing import Final, assert_never, get_args

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from bot import buttons
from bot.card import Words
from bot.domain import Proposal, Verb
from bot.forms import (
    Decided,
    EditForm,
    EditInput,
    FieldErrors,
    NotDecided,
    ReasonForm,
    RejectForm,
)
from bot.ports import StoreUnavailable
from handlers import given
from handlers.console.asking import Form, Visitor, line
from handlers.console.pages import from_htmx, message, page, said
from handlers.console.parts import ConsoleParts
from handlers.guard import Refused

log = logging.getLogger("deskhand.console")

ANSWER_SECONDS: Final = 2.6
"""As in Slack: nothing is decided after a person has been told that it was not."""
VERBS: Final[frozenset[str]] = frozenset(get_args(Verb))
_PROPOSAL: Final = re.compile(r"p_[a-z2-7]{16}\Z")
_REVISION: Final = re.compile(r"[0-9]{1,9}\Z")

_OF_ONE_SENDING: Final[frozenset[Verb]] = frozenset({"retry", "settle_done", "settle_retry"})
"""A word on what became of one sending. The next makes no new revision, so these need the token of
the button that was shown: a revision does not tell one sending from another."""

NOT_SAVED: Final[Words] = ("That took too long and was not saved. Please press again.",)
STORE_AWAY: Final[Words] = (
    "Deskhand cannot save anything just now: this was not saved. Please press again in a moment.",
)

_STATUS: Final[Mapping[str, int]] = {
    "unknown_token": 404,
    "not_allowed": 403,
    "not_approver": 403,
    "author": 403,
    "asker": 403,
    "guest": 403,
    "external": 403,
    "bot": 403,
    "deleted": 403,
    "unknown_surface": 403,
    "look_up_failed": 503,
    "crm_away": 503,
    "not_saved": 503,
    "cannot_tell": 503,
}
"""Of what was not decided; everything else is a conflict with what the card is by now."""


_NAMES: Final = {EditForm: "edit", RejectForm: "reject", ReasonForm: "approve"}
_INTO_SHEET: Final = {"HX-Retarget": "#sheet-body", "HX-Reswap": "innerHTML"}
"""For htmx: a form that is not done with stands in the sheet, whatever was pressed."""


async def open_form(parts: ConsoleParts, request: Request, visitor: Visitor) -> Response:
    """GET ``/console/proposals/{id}/edit`` or ``reject``: the form, for one who may decide."""
    verb: Verb = "edit" if request.path_params["verb"] == "edit" else "reject"
    found = await _find(parts, request)
    if found is None:
        return _unknown(request, visitor)
    token = _token(found, found.revision, verb)
    pressed = await parts.decisions.press(token, verb, visitor.actor)
    match pressed:
        case EditForm() | RejectForm():
            return _form(request, visitor, pressed)
        case NotDecided():
            return await _not_decided(parts, request, visitor, pressed)
        case Decided() | ReasonForm():
            raise AssertionError(f"{verb} was decided without its form")
        case _:
            assert_never(pressed)


async def decide(parts: ConsoleParts, request: Request, visitor: Visitor, form: Form) -> Response:
    """POST ``/console/proposals/{id}/{verb}``; origin and CSRF token are checked already."""
    verb = next((one for one in get_args(Verb) if one == request.path_params["verb"]), None)
    found = await _find(parts, request)
    if found is None or verb is None:
        return _unknown(request, visitor)
    revision = form.get("revision")
    if not _REVISION.match(revision):
        raise Refused(400, "the form names no revision")
    token = _shown(form, found, revision)
    if token is None:
        if verb in _OF_ONE_SENDING:
            raise Refused(400, "the form names no button")
        token = _token(found, int(revision), verb)
    try:
        async with asyncio.timeout(ANSWER_SECONDS):
            outcome = await _decide(parts, visitor, verb, token, form)
    except TimeoutError:
        outcome = NotDecided("not_saved", NOT_SAVED)
    except StoreUnavailable as away:
        log.warning("deskhand: a decision in the console was not saved: %s", away)
        outcome = NotDecided("not_saved", STORE_AWAY)
    match outcome:
        case Decided(proposal, words):
            if from_htmx(request):
                told = line(await parts.names.put(words))
                return said(request, told, headers={"HX-Trigger": "desk-decided"})
            # Another must approve too: a first approval, or what is to be sent again.
            waits = proposal.state == "pending" and verb != "edit"
            return RedirectResponse(f"/console?done={'waits' if waits else verb}", 303)
        case NotDecided():
            return await _not_decided(parts, request, visitor, outcome)
        case FieldErrors(errors):
            return await _again(parts, request, visitor, verb, found, form, errors)
        case ReasonForm():
            return _form(request, visitor, outcome, status=422, headers=_INTO_SHEET)
        case EditForm() | RejectForm():
            raise AssertionError(f"{verb} opened a form")
        case _:
            assert_never(outcome)


async def _decide(
    parts: ConsoleParts, visitor: Visitor, verb: Verb, token: str, form: Form
) -> Decided | NotDecided | FieldErrors | EditForm | RejectForm | ReasonForm:
    match verb:
        case "edit":
            return await parts.decisions.submit_edit(token, visitor.actor, given.edit_input(form))
        case "reject":
            rejected = given.reject_input(form)
            return await parts.decisions.submit_reject(token, visitor.actor, rejected)
        case "approve" if form.text("reason"):
            why = given.approve_input(form)
            return await parts.decisions.submit_approve(token, visitor.actor, why)
        case "approve" | "take" | "retry" | "settle_done" | "settle_retry":
            return await parts.decisions.press(token, verb, visitor.actor)
        case _:
            assert_never(verb)


def _token(proposal: Proposal, revision: int, verb: Verb) -> str:
    return buttons.mint(proposal.id, proposal.secret, revision, verb, proposal.claimed_at)


def _shown(form: Form, proposal: Proposal, revision: str) -> str | None:
    """The token of the button that was pressed, where it carries one of this card."""
    button = buttons.read(form.get("token"))
    if button is None or (button.proposal, str(button.revision)) != (proposal.id, revision):
        return None
    return form.get("token")


async def _find(parts: ConsoleParts, request: Request) -> Proposal | None:
    ident = request.path_params["id"]
    if not _PROPOSAL.match(ident):
        return None
    found = await parts.context.store.proposal(ident)
    return found.value if found is not None else None


def _form(
    request: Request,
    visitor: Visitor,
    form: EditForm | RejectForm | ReasonForm,
    written: EditInput | None = None,
    errors: Mapping[str, str] | None = None,
    status: int = 200,
    headers: Mapping[str, str] | None = None,
) -> Response:
    name = _NAMES[type(form)]
    template = f"_{name}.html" if from_htmx(request) else f"{name}.html"
    return page(
        request,
        template,
        visitor,
        status,
        headers,
        form=form,
        written=written or EditInput(),
        errors=dict(errors or {}),
    )


async def _again(
    parts: ConsoleParts,
    request: Request,
    visitor: Visitor,
    verb: Verb,
    proposal: Proposal,
    form: Form,
    errors: Mapping[str, str],
) -> Response:
    """The form once more, with what was written in it and what is wrong with it."""
    token = _token(proposal, int(form.get("revision")), verb)
    pressed = await parts.decisions.press(token, verb, visitor.actor)
    if not isinstance(pressed, EditForm | RejectForm | ReasonForm):
        if isinstance(pressed, NotDecided):
            return await _not_decided(parts, request, visitor, pressed)
        raise AssertionError(f"{verb} was decided without a form")
    written = given.edit_input(form) if verb == "edit" else None
    return _form(request, visitor, pressed, written, errors, 422, _INTO_SHEET)


async def _not_decided(
    parts: ConsoleParts, request: Request, visitor: Visitor, outcome: NotDecided
) -> Response:
    """Nothing was changed, and why. The page behind it is drawn anew where it is behind."""
    status = _STATUS.get(outcome.kind, 409)
    words = line(await parts.names.put(outcome.words))
    if from_htmx(request):
        headers = {"HX-Trigger": "desk-refused"} if status == 409 else None
        return said(request, words, status=status, bad=True, headers=headers)
    titles = {403: "You may not decide this", 404: "Not found", 409: "Nothing was changed"}
    return message(request, visitor, status, titles.get(status, "Not saved"), words)


def _unknown(request: Request, visitor: Visitor) -> Response:
    words = "Deskhand knows no such card. It may have been erased."
    return message(request, visitor, 404, "Not found", words)
