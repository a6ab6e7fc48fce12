"""A ``CardView`` as an Adaptive Card 1.5 and as the activity that carries it. Pure.

Three views. Everybody's is what is posted and updated: no decision, one *Decide* that only reads.
An approver's, given in answer to it, has the buttons, with the edit and reject forms inside it. And
``whole_activities`` is the whole text in private messages, for what no card can hold (invariant 5).
Each is drawn with as much room as Teams takes.

Button data is ``{"token": …}``. A decision's token is ``bot.buttons``'; that of *Decide* and *Show
all* (``view_token``) names a proposal, proves that its presser was shown it, and authorises nothing
besides: who presses is looked up.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

from bot.card import STATE_WORDS, ButtonView, CardView, Words
from bot.domain import REPLY_LIMIT, Citation
from bot.forms import EditForm, ReasonForm, RejectForm
from bot.plain_text import clean
from handlers import teams_parts as parts
from handlers.drawing import LINK_LIMIT, Drawing, Room
from handlers.inert import cut, is_plain_url, one_line
from handlers.teams_form import FormRoom, edit_card, reason_asked, reject_card
from handlers.teams_inert import Json, bold, fits, line, runs, unmarked
from handlers.teams_lead import lead

CARD_TYPE: Final = "application/vnd.microsoft.card.adaptive"
REFRESH: Final = "deskhand.refresh"
SHOW: Final = "deskhand.show"
REFRESHED_FOR: Final = 60
"""Persons whose clients refresh by themselves (learn.microsoft.com, *User Specific Views*)."""

_BUTTONS: Final = 5
"""Besides *Show all*: more than six go into a menu."""

_LINE_ROOMS: Final = (1000, 500, 250, 120, 60, 30)
"""Characters of each line of a message that is no proposal's card, from the most to the least."""
_TEXT: Final = 6000
"""Characters of a message without a card: four bytes each, they fit."""

ViewVerb = Literal["refresh", "show"]
"""refresh: the card as it is now, for whoever asks. show: its whole text, in private."""
_VIEWS: Final[tuple[ViewVerb, ...]] = ("refresh", "show")

_ROOMS: Final = (
    Room(quote=6000, draft=REPLY_LIMIT, why=600, chips=800, marks=40, citations=8, citation=400,
         changes=8, change=900, actions=10, fields=20, field_value=1500, lines=10, line=600),
    Room(quote=2500, draft=REPLY_LIMIT, why=400, chips=600, marks=20, citations=6, citation=240,
         changes=6, change=600, actions=8, fields=12, field_value=400, lines=8, line=400),
    Room(quote=1000, draft=REPLY_LIMIT, why=300, chips=300, marks=12, citations=4, citation=160,
         changes=4, change=300, actions=6, fields=8, field_value=160, lines=5, line=240),
    Room(quote=300, draft=REPLY_LIMIT, why=120, chips=120, marks=6, citations=2, citation=80,
         changes=2, change=100, actions=4, fields=4, field_value=60, lines=2, line=100),
    Room(quote=100, draft=1000, why=60, chips=60, marks=2, citations=1, citation=40,
         changes=1, change=60, actions=2, fields=2, field_value=40, lines=1, line=80),
    Room(quote=60, draft=200, why=40, chips=40, marks=0, citations=1, citation=20,
         changes=1, change=20, actions=1, fields=1, field_value=20, lines=1, line=40),
)  # fmt: skip
_FULL_FORM, _SHORT_FORM = FormRoom(), FormRoom(field=400, choices=40)
_READ_ONLY, _LEAST_FORM = FormRoom(False, 150, 20), FormRoom(False, 0, 8)
_STEPS: Final = (
    *((room, _FULL_FORM) for room in _ROOMS[:4]),
    (_ROOMS[3], _SHORT_FORM),
    # A decision is on the whole reply: rather than cut it, the form goes without its input.
    (_ROOMS[3], _READ_ONLY),
    *((room, _LEAST_FORM) for room in _ROOMS[3:]),
)
"""Room for the card and for the form inside it, from the most to the least."""


@dataclass(frozen=True)
class Forms:
    """What an approver may do besides plain buttons, as ``Decisions.press`` gives it; None where
    the state or the person does not permit it."""

    edit: EditForm | None = None
    reject: RejectForm | None = None


def everybody(
    card: CardView,
    *,
    refresh_for: Sequence[str] = (),
    first: Words | None = None,
    buttons: bool = True,
) -> Json:
    """The activity to post, to PUT and (its card) to answer those who may not decide.

    ``refresh_for``: approvers' ids in this conversation's roster (``29:…``). ``first``: a line
    before everything else. ``buttons`` false leaves *Decide* out, for a copy that nobody updates
    (``Surface.post``)."""
    asks = buttons and bool(card.buttons)

    def drawn(draw: Drawing, _: FormRoom) -> Json:
        actions = [_view_action(card, "refresh", "Decide")] if asks else []
        if buttons and draw.shortened:
            actions.append(_view_action(card, "show", "Show all"))
        made = _card(card, draw.blocks, actions)
        if asks:
            made["refresh"] = {
                "action": _view_action(card, "refresh", "Decide"),
                "userIds": list(refresh_for[:REFRESHED_FOR]),
            }
        return made

    return _fitting(card, first, drawn)


def approver(card: CardView, forms: Forms, *, first: Words | None = None) -> Json:
    """The activity whose card answers an approver: buttons, and forms inside it.

    It does not refresh by itself: that would wipe what somebody is typing into its form. The copy
    in the conversation is updated, and that replaces it."""

    def drawn(draw: Drawing, room: FormRoom) -> Json:
        shown = (_button(one, forms, room) for one in card.buttons[:_BUTTONS])
        actions = [one for one in shown if one]
        if draw.shortened:
            actions.append(_view_action(card, "show", "Show all"))
        return _card(card, draw.blocks, actions)

    return _fitting(card, first, drawn)


def asking_why(card: CardView, form: ReasonForm, *, first: Words | None = None) -> Json:
    """The activity whose card answers *Approve* where the screen has found something. *Decide* goes
    back to the other buttons: beside it there is no second ``reason``, for of a card with two
    inputs of one id mobile clients draw nothing (AdaptiveCards' shared parser, *IdCollision*)."""
    asked, approve = reason_asked(form)

    def drawn(draw: Drawing, _: FormRoom) -> Json:
        actions = [approve, _view_action(card, "refresh", "Decide")]
        if draw.shortened:
            actions.append(_view_action(card, "show", "Show all"))
        return _card(card, [*draw.blocks, asked], actions)

    return _fitting(card, first, drawn)


def card_of(activity: Json) -> Json:
    """The Adaptive Card in an activity, as an invoke is answered with it."""
    content = activity["attachments"][0]["content"]
    assert isinstance(content, dict)
    return content


def state_line(card: CardView) -> str:
    """One line that begins with the state's name: for notifications, screen readers, programs.

    Inert as Markdown too: a client that knows no Adaptive Card 1.5 reads it so."""
    headline = unmarked(card.headline, 200)
    words = STATE_WORDS[card.state].lower()
    said = card.state if words == card.state else f"{card.state}: {words}"
    return f"{said} · {headline}" if headline else said


# --- tokens of what only reads ----------------------------------------------------------------


@dataclass(frozen=True)
class ViewAsked:
    """What *Decide* or *Show all* asks for, and what proves that it stood on a card."""

    proposal: str
    verb: ViewVerb
    seal: str


def view_token(card: CardView, verb: ViewVerb) -> str:
    """The token of *Decide* or *Show all*. It differs for each revision, as all tokens do."""
    raw = f"{verb}\n{card.revision}\n{card.seal}\n{card.proposal}".encode()
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def read_view_token(token: str, verb: str) -> ViewAsked | None:
    """What ``token`` asks for under this ``Action.Execute`` verb (``deskhand.…``), or None."""
    try:
        padded = token + "=" * (-len(token) % 4)
        raw = base64.b64decode(padded, altchars=b"-_", validate=True).decode()
    except (binascii.Error, ValueError):
        return None
    named, _, rest = raw.partition("\n")
    revision, _, rest = rest.partition("\n")
    seal, _, proposal = rest.partition("\n")
    if f"deskhand.{named}" != verb or not revision.isdecimal() or not proposal:
        return None
    return next((ViewAsked(proposal, known, seal) for known in _VIEWS if known == named), None)


# --- drawing ----------------------------------------------------------------------------------


def _fitting(
    card: CardView, first: Words | None, drawn: Callable[[Drawing, FormRoom], Json]
) -> Json:
    made: Json = {}
    for room, form_room in _STEPS:
        draw = _sections(card, room, first)
        made = card_activity(drawn(draw, form_room), card)
        if fits(made):
            break
    return made


def _sections(card: CardView, room: Room, first: Words | None) -> Drawing:
    """All parts in the order in which they are read."""
    draw = Drawing(room)
    parts.first(draw, first)
    parts.header(draw, card)
    parts.outcome(draw, card)
    parts.notices(draw, card)
    parts.handoff(draw, card.handoff)
    parts.facts(draw, card)
    parts.customer(draw, card)
    parts.changes(draw, card)
    lead(draw, card)
    parts.draft(draw, card)
    parts.screen(draw, card)
    parts.citations(draw, card)
    parts.actions(draw, card)
    parts.footer(draw, card)
    return draw


def _card(card: CardView, body: list[Json], actions: list[Json]) -> Json:
    made: Json = {
        "type": "AdaptiveCard",
        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
        "version": "1.5",
        "fallbackText": state_line(card),
        "body": body,
    }
    if actions:
        made["actions"] = actions
    return made


def _button(button: ButtonView, forms: Forms, room: FormRoom) -> Json | None:
    match button.verb:
        case "edit":
            if forms.edit is None:
                return None
            shown = edit_card(forms.edit, room)
        case "reject":
            if forms.reject is None:
                return None
            shown = reject_card(forms.reject)
        case _:
            return execute(f"deskhand.{button.verb}", button.label, button.token, button.style)
    title = one_line(button.label) or button.verb
    return {"type": "Action.ShowCard", "title": title, "card": shown} | _style(button.style)


def execute(verb: str, title: str, token: str, style: str = "plain") -> Json:
    """A button. ``token`` is all that it carries."""
    return {
        "type": "Action.Execute",
        "title": one_line(title) or verb,
        "verb": verb,
        "data": {"token": token},
        # A form's required inputs must not stand in the way of a button beside it.
        "associatedInputs": "none",
    } | _style(style)


def _style(style: str) -> Json:
    named = {"primary": "positive", "danger": "destructive"}.get(style)
    return {"style": named} if named else {}


def _view_action(card: CardView, verb: ViewVerb, title: str) -> Json:
    return execute(f"deskhand.{verb}", title, view_token(card, verb))


# --- activities -------------------------------------------------------------------------------


def card_activity(content: Json, card: CardView) -> Json:
    """The message activity that carries ``content``."""
    about: Json = {
        "kind": "card",
        "proposal": card.proposal,
        "revision": card.revision,
        "state": card.state,
    }
    if card.hits:
        about["hits"] = list(card.hit_names)  # never the passages
    if card.approvals is not None:
        about["approvals"] = list(card.approvals)
    made: Json = {
        "type": "message",
        "summary": state_line(card),
        "attachments": [{"contentType": CARD_TYPE, "content": content}],
        "channelData": {"deskhand": about},
    }
    if card.model:
        made["entities"] = [ai_label(card.citations if card.draft is not None else ())]
    return made


def ai_label(citations: Sequence[Citation] = ()) -> Json:
    """The entity that marks words as made by a model, with the quotes that were found in their
    articles (learn.microsoft.com, *Bot messages with AI-generated content*: names of 80 characters,
    abstracts of 160)."""
    claims: list[Json] = []
    for citation in citations:
        if not citation.supported or len(claims) >= 10:
            continue
        document: Json = {
            "@type": "DigitalDocument",
            "name": cut(one_line(citation.title or citation.article) or "untitled", 80)[0],
            "abstract": cut(one_line(citation.quote) or "–", 160)[0],
        }
        if citation.url and is_plain_url(citation.url) and len(citation.url) <= LINK_LIMIT:
            document["url"] = citation.url
        claims.append({"@type": "Claim", "position": len(claims) + 1, "appearance": document})
    return {
        "type": "https://schema.org/Message",
        "@type": "Message",
        "@context": "https://schema.org",
        "additionalType": ["AIGeneratedContent"],
        "citation": claims,
    }


def reply_activity(
    text: str,
    *,
    proposal: str,
    revision: int,
    key: str,
    reply_to: str | None = None,
    citations: Sequence[Citation] = (),
    by_hand: bool = False,
) -> Json:
    """An approved reply: literal text, feedback buttons, and the label of what a model wrote
    (none where a person wrote it ``by_hand``). ``key`` is the idempotency key."""
    made: Json = {
        "type": "message",
        "text": text,
        "textFormat": "plain",
        "channelData": {
            "deskhand": {"kind": "reply", "proposal": proposal, "revision": revision, "key": key},
            "feedbackLoop": {"type": "default"},
        },
    }
    if reply_to is not None:
        made["replyToId"] = reply_to
    if not by_hand:
        made["entities"] = [ai_label(citations)]
    return made


def message_activity(text: str) -> Json:
    """A few words in a conversation, literal: a reminder, a refusal, a line to one person."""
    said, _ = cut(clean(text).strip(), _TEXT)
    return {"type": "message", "text": said or "–", "textFormat": "plain"}


def small_card(title: str, lines: Sequence[str]) -> Json:
    """A message with a small card of plain lines, literal whatever stands in them."""

    def drawn(words: Sequence[str]) -> Json:
        body = [line(bold(one_line(title)[:150] or "–", size="Medium"))]
        body += [line(runs(one, linked=True), spacing="Small") for one in words]
        return plain_card(body, title, words)

    return fitted(lines, 40, drawn)


def fitted(lines: Sequence[str], most: int, drawn: Callable[[Sequence[str]], Json]) -> Json:
    """``drawn`` of so many lines, each with as much room as all of them leave: an answer that
    Teams refuses for its size is none."""
    words = [words for one in lines[:most] if (words := one_line(one))]
    made: Json = {}
    for room in _LINE_ROOMS:
        made = drawn([cut(one, room)[0] for one in words])
        if fits(made):
            break
    return made


def plain_card(body: list[Json], title: str, lines: Sequence[str]) -> Json:
    """A message with a card that is no proposal's, and the same ``lines`` as its text."""
    said = "\n".join(unmarked(one, 1000) for one in (title, *lines))
    content: dict[str, Any] = {
        "type": "AdaptiveCard",
        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
        "version": "1.5",
        "fallbackText": cut(said, 4000)[0],
        "body": body,
    }
    return {
        "type": "message",
        "summary": cut(one_line(said), 2000)[0],
        "attachments": [{"contentType": CARD_TYPE, "content": content}],
    }
