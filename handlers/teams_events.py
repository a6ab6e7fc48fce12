"""What activities from Teams say, as deliveries: what is a ticket, a follow-up, a command.

Pure: no I/O, no clock of its own.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final, Literal

from botbuilder.schema import ActivityTypes

from bot import mentions
from bot.domain import Actor, Ask, AskVerb, Author, Delivery, Place
from bot.mentions import KIND_OF, WORDS_LIMIT, Incomplete
from bot.playbook import Kind
from handlers.teams_activity import Activity, MessagePayload

PERSONAL: Final = "personal"
"""The name, in a playbook's ``listen``, of all personal chats."""
COMMANDS: Final = frozenset(
    {"status", "queue", "show", "trace", "budget", "tools", "pause", "resume", "help", "console"}
)


@dataclass(frozen=True)
class Setting:
    """Where this Deskhand listens."""

    tenant: str
    listens: Mapping[str, str]
    """Conversation, or ``personal``, to the playbook that listens there."""
    triage_playbook: str | None
    """The playbook of an ask in a conversation that no playbook listens to."""
    kinds: frozenset[Kind] = frozenset()
    """The kinds of playbooks there are."""

    def playbook(self, activity: Activity) -> str | None:
        found = self.listens.get(activity.place)
        if found is None and activity.kind == "personal":
            return self.listens.get(PERSONAL)
        return found


@dataclass(frozen=True)
class Asked:
    """The words of ``agent …``, by a verified person, to be answered where they were said."""

    text: str
    actor: Actor


@dataclass(frozen=True)
class Intake:
    """To be saved. ``only_if_followed``: only where its thread is a ticket's already; else it is
    what ``otherwise`` says. ``reply``: what it is instead where its thread's root was seen before.
    ``late``: what it is instead where its own reply came before it and was taken for the root.
    """

    delivery: Delivery
    only_if_followed: bool = False
    reply: Delivery | None = None
    late: Delivery | None = None
    otherwise: Delivery | Asked | None = None


@dataclass(frozen=True)
class Told:
    """A line to be said in the conversation; nothing is saved and nothing runs."""

    about: Literal["not_configured", "use_the_action", "usage"]
    verb: AskVerb


@dataclass(frozen=True)
class Ignored:
    """Nothing for us, and why."""

    why: str


Parsed = Intake | Asked | Told | Ignored


def parse(activity: Activity, setting: Setting, now: datetime, trace_id: str) -> Parsed:
    """What an activity that is no invoke asks for."""
    match activity.type:
        case ActivityTypes.message:
            return _message(activity, setting, now, trace_id)
        case ActivityTypes.message_update if activity.event == "editMessage":
            return _change("edit", activity, setting, now, trace_id)
        case ActivityTypes.message_update if activity.event == "softDeleteMessage":
            return _change("delete", activity, setting, now, trace_id)
        case ActivityTypes.message_delete:
            return _change("delete", activity, setting, now, trace_id)
        case other:
            return Ignored(f"{other!r} ({activity.event or activity.action or 'plain'})")


def actor_of(activity: Activity, setting: Setting) -> Actor | None:
    """Who did something; None for a bot or nobody."""
    oid = activity.oid
    return None if oid is None else Actor(surface="teams", team=setting.tenant, id=oid)


def action_delivery(
    activity: Activity,
    payload: MessagePayload,
    text: str,
    setting: Setting,
    now: datetime,
    trace: str,
) -> Delivery | None:
    """A message action as an ask: that message, asked by who pressed. None: nobody to ask, or no
    playbook that could answer."""
    asker = actor_of(activity, setting)
    playbook = setting.playbook(activity) or setting.triage_playbook
    # Which of several lead playbooks it is, the presser's name says, and that is looked up later.
    if asker is None or (playbook is None and "lead" not in setting.kinds):
        return None
    user = payload.sender.user if payload.sender is not None else None
    thread = None
    if activity.kind == "channel":
        thread = activity.root or payload.reply_to_id or payload.id
    return Delivery(
        id=f"{_about(activity, setting)}:invoke:{activity.id}",
        kind="ask",
        playbook=playbook,
        origin=Place(
            surface="teams", place=activity.place, thread=thread or payload.id, message=payload.id
        ),
        author=Author(
            surface="teams",
            id=(user.id or "").lower() if user else "",
            name=(user.display_name or "") if user else "",
            team=setting.tenant,
        ),
        asker=asker,
        text=text,
        received_at=now,
        trace_id=trace,
    )


def _message(activity: Activity, setting: Setting, now: datetime, trace_id: str) -> Parsed:
    actor = actor_of(activity, setting)
    if actor is None:
        return Ignored("not by a person")
    playbook = setting.playbook(activity)
    words = activity.words
    private = activity.kind == "personal"
    if activity.mentions_us or private:
        first, *rest = words.lstrip("/").split(maxsplit=1) or [""]
        verb = first.lower()
        if verb == "agent":
            return Asked("".join(rest), actor)
        if verb == "help" and activity.mentions_us:
            return Asked("help", actor)
        if activity.mentions_us or playbook is None:
            asked = _asked(activity, setting, actor, now, trace_id)
            if asked is not None:
                return asked
        if playbook is None and private and verb in COMMANDS:
            return Asked(words.lstrip("/"), actor)
        if playbook is None:
            return _free(activity, setting, actor, now, trace_id)
    return _words(activity, setting, playbook, now, trace_id)


def _free(
    activity: Activity, setting: Setting, actor: Actor, now: datetime, trace_id: str
) -> Parsed:
    """Words that begin with no verb, where nobody listens. In a ticket's thread they are part of
    it; where they cannot be found out, it is told what can be asked for."""
    words = activity.words
    otherwise: Delivery | Asked = Asked("help", actor)
    if words and setting.kinds - {"triage"}:
        otherwise = _ask(activity, setting, actor, Ask(words=words[:WORDS_LIMIT]), now, trace_id)
    if words and activity.in_thread:
        followed = _words(activity, setting, None, now, trace_id)
        if isinstance(followed, Intake):
            return replace(followed, otherwise=otherwise)
    return Intake(otherwise) if isinstance(otherwise, Delivery) else otherwise


def _ask(
    activity: Activity, setting: Setting, actor: Actor, ask: Ask, now: datetime, trace_id: str
) -> Delivery:
    return Delivery(
        id=f"{_about(activity, setting)}:message:{activity.id}",
        kind="ask",
        origin=_origin(activity),
        author=_author(activity, setting),
        asker=actor,
        ask=ask.model_copy(update={"message": activity.id}),
        received_at=now,
        trace_id=trace_id,
    )


def _asked(
    activity: Activity, setting: Setting, actor: Actor, now: datetime, trace_id: str
) -> Intake | Told | None:
    """What a verb asks for; None: there is none. A bot reads no thread here, so that a verb needs
    its object in words."""
    match mentions.parse(activity.words.lstrip("/"), in_thread=False):
        case Incomplete("triage"):
            return Told("use_the_action", "triage")
        case mentions.Asked(verb) | Incomplete(verb) if KIND_OF[verb] not in setting.kinds:
            return Told("not_configured", verb)
        case Incomplete(verb):
            return Told("usage", verb)
        case mentions.Asked(verb, words, count):
            ask = Ask(verb=verb, words=words, count=count)
            return Intake(_ask(activity, setting, actor, ask, now, trace_id))
        case _:
            return None


def _words(
    activity: Activity, setting: Setting, playbook: str | None, now: datetime, trace_id: str
) -> Parsed:
    """A message in a channel or chat, as somebody's words."""
    about = _about(activity, setting)
    ident = f"{about}:message:{activity.id}"
    author = _author(activity, setting)
    top = Delivery(
        id=ident,
        kind="message",
        playbook=playbook,
        origin=_origin(activity),
        author=author,
        text=activity.words,
        files=activity.files,
        received_at=now,
        trace_id=trace_id,
    )
    if activity.kind != "channel" or activity.root is None:
        return Intake(top) if playbook is not None else Ignored("nobody listens there")
    root = f"{about}:message:{activity.root}"
    reply = top.model_copy(update={"playbook": None, "follows": (root,)})
    if activity.reply_to_id is not None:
        # A reply may carry its own root's id too: what makes it one is that it names a message.
        return Intake(reply, only_if_followed=playbook is None)
    if playbook is None:
        return Intake(reply, only_if_followed=True)
    if activity.root == activity.id:
        return Intake(top, late=reply.model_copy(update={"id": f"{ident}:late"}))
    # Some clients give an activity another id than its message: then the thread that nobody has
    # seen is this message's own. Teams itself does not say of a reply that it is one.
    return Intake(top.model_copy(update={"aliases": (root,)}), reply=reply)


def _change(
    kind: Literal["edit", "delete"],
    activity: Activity,
    setting: Setting,
    now: datetime,
    trace_id: str,
) -> Parsed:
    playbook, about = setting.playbook(activity), _about(activity, setting)
    # An edit keeps the message's id: the text tells one from another.
    text = f":{activity.fingerprint}" if activity.type == ActivityTypes.message_update else ""
    delivery = Delivery(
        id=f"{about}:{activity.type}:{activity.id}:{activity.event}{text}",
        kind=kind,
        playbook=playbook,
        origin=_origin(activity),
        author=_author(activity, setting),
        text=activity.words if kind == "edit" else "",
        follows=(f"{about}:message:{activity.id}",),
        received_at=now,
        trace_id=trace_id,
    )
    return Intake(delivery, only_if_followed=playbook is None)


def _origin(activity: Activity) -> Place:
    return Place(surface="teams", place=activity.place, thread=activity.root, message=activity.id)


def _author(activity: Activity, setting: Setting) -> Author:
    sender = activity.sender
    return Author(
        surface="teams",
        id=activity.oid or "",
        name=(sender.name or "") if sender else "",
        team=((sender.tenant_id if sender else None) or setting.tenant).lower(),
    )


def _about(activity: Activity, setting: Setting) -> str:
    return f"teams:{setting.tenant}:{activity.place}"
