"""What Slack's events say, as deliveries: what is a ticket, a follow-up, an ask, and what is not.

Pure: no I/O, no clock of its own. A field of the wrong type counts as absent, so that no signed
oddity can raise; what is not understood is ``Ignored`` with the reason.
Shapes: docs.slack.dev/reference/events/message and /reference/events/app_mention.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Literal

from bot import mentions
from bot.domain import Actor, Ask, Author, Delivery, Place
from bot.mentions import KIND_OF, Asked, Free, Help, Incomplete, Mention, MentionVerb
from bot.playbook import Kind
from handlers.slack_client import Us
from handlers.slack_text import files_of, plain, strip_mention, words_after_mention

Json = Mapping[str, Any]

_PERSONS = frozenset({"file_share", "thread_broadcast", "me_message"})
"""Subtypes of what a person wrote (most have none); others are Slack's own, a bot's or a change."""


@dataclass(frozen=True)
class Setting:
    """Where this Deskhand listens."""

    us: Us
    listens: Mapping[str, str]
    """Channel to the name of the playbook that listens there."""
    triage_playbook: str | None
    """The playbook of an ask in a channel that no playbook listens to."""
    kinds: frozenset[Kind] = frozenset()
    """The kinds of playbooks there are."""


@dataclass(frozen=True)
class Intake:
    """To be saved. ``only_if_followed``: only where its thread is a ticket's already."""

    delivery: Delivery
    only_if_followed: bool = False
    otherwise: Whisper | Intake | None = None
    """What it is instead where it is not followed."""


@dataclass(frozen=True)
class Whisper:
    """A private line for one person; nothing is saved and nothing runs."""

    about: Literal["help", "usage", "not_configured", "may_not"]
    """help: what it can do. usage: the verb alone is not enough, or is out of place here.
    not_configured: no playbook does that. may_not: a person of another organisation asked."""
    channel: str
    user: str
    thread: str | None = None
    verb: MentionVerb = "help"
    kinds: frozenset[Kind] = frozenset()
    """Of playbooks, for what ``help`` lists."""


@dataclass(frozen=True)
class Ignored:
    """Nothing for us, and why. ``odd``: it should not come at all, so the log says so."""

    why: str
    odd: bool = False


@dataclass(frozen=True)
class Typed:
    """A person wrote to the app itself: the words of ``/agent``, without the slash."""

    channel: str
    actor: Actor
    text: str


@dataclass(frozen=True)
class Opened:
    """A person looks at the app's Home tab."""

    actor: Actor


Parsed = Intake | Whisper | Typed | Opened | Ignored


def parse_event(body: Json, setting: Setting, now: datetime, trace_id: str) -> Parsed:
    """What an ``event_callback`` asks for."""
    event, event_id = body.get("event"), text_in(body, "event_id")
    if not isinstance(event, dict) or event_id is None:
        return Ignored("no event in it", odd=True)
    channel = text_in(event, "channel")
    if channel is None:
        return Ignored(f"{event.get('type')!r} is not of a channel")
    if not _ours(body, event, setting, channel):
        return Ignored("of another team", odd=True)
    ident = f"slack:{setting.us.team}:{event_id}"
    about = _About(setting, event, channel, ident, now, trace_id, setting.listens.get(channel))
    match event.get("type"):
        case "app_home_opened":
            return _opened(about)
        case "message":
            return _message(about)
        case "app_mention":
            return _mention(about)
        case other:
            return Ignored(f"{other!r} is no business of ours")


def parse_shortcut(payload: Json, setting: Setting, now: datetime, trace_id: str) -> Parsed:
    """What a press of the message shortcut asks for: that message, asked by who pressed."""
    message = object_in(payload, "message")
    channel = text_in(object_in(payload, "channel"), "id")
    asker = actor_of(payload, setting.us)
    ts = text_in(message, "ts") or text_in(payload, "message_ts")
    if channel is None or asker is None or ts is None:
        return Ignored("a shortcut without its message")
    if asker.team != setting.us.team:
        return Whisper("may_not", channel, asker.id, verb="triage")
    playbook = setting.listens.get(channel) or setting.triage_playbook
    # Which of several lead playbooks it is, the presser's name says, and that is looked up later.
    if playbook is None and "lead" not in setting.kinds:
        return Whisper("not_configured", channel, asker.id, verb="triage")
    if _from_us(message, setting.us):
        return Whisper("usage", channel, asker.id, verb="triage")
    stamp = text_in(payload, "action_ts") or text_in(payload, "trigger_id") or ""
    delivery = Delivery(
        id=f"slack:{setting.us.team}:shortcut:{channel}:{ts}:{asker.id}:{stamp}",
        kind="ask",
        playbook=playbook,
        origin=Place(
            surface="slack", place=channel, thread=text_in(message, "thread_ts") or ts, message=ts
        ),
        author=_author(message, setting.us),
        asker=asker,
        text=plain(message),
        files=files_of(message),
        received_at=now,
        trace_id=trace_id,
    )
    return Intake(delivery)


@dataclass(frozen=True)
class _About:
    """One event and what is needed to judge it."""

    setting: Setting
    event: Json
    channel: str
    delivery_id: str
    now: datetime
    trace_id: str
    listening: str | None
    """The playbook that listens in its channel."""

    @property
    def triaging(self) -> str | None:
        """The playbook that triages what is asked for here."""
        return self.listening or self.setting.triage_playbook

    def intake(
        self,
        kind: Literal["message", "edit", "delete"],
        message: Json,
        ts: str,
        thread: str | None,
        *,
        text: str = "",
        aliases: tuple[str, ...] = (),
    ) -> Intake:
        playbook = self.listening
        before = [thread] if thread is not None and thread != ts else []
        if kind != "message":
            before.append(ts)
        delivery = Delivery(
            id=self.delivery_id,
            aliases=aliases,
            kind=kind,
            playbook=playbook,
            origin=Place(surface="slack", place=self.channel, thread=thread or ts, message=ts),
            author=_author(message, self.setting.us),
            text=text,
            files=files_of(message),
            follows=tuple(self.alias(one) for one in before),
            received_at=self.now,
            trace_id=self.trace_id,
        )
        return Intake(delivery, only_if_followed=playbook is None)

    def alias(self, ts: str) -> str:
        """What the same message has in common when it comes as two events."""
        return f"slack:{self.setting.us.team}:{self.channel}:{ts}"


def _message(about: _About) -> Parsed:
    event = about.event
    match event.get("subtype"):
        case "message_changed":
            return _changed(about)
        case "message_deleted":
            return _deleted(about)
        case None:
            pass
        case str() as subtype if subtype in _PERSONS:
            pass
        case other:
            return Ignored(f"subtype {other!r}")
    ts, thread = text_in(event, "ts"), text_in(event, "thread_ts")
    if ts is None or not _by_a_person(event, about.setting.us):
        return Ignored("not by a person")
    if event.get("channel_type") == "im":
        team, user = _team_of(event, about.setting.us), text_in(event, "user") or ""
        return Typed(about.channel, Actor(surface="slack", team=team, id=user), plain(event))
    if not isinstance(_said(event, about, ts), Free | None):
        return Ignored("an ask; it comes as app_mention too, and that one counts")
    if about.listening is None and thread in (None, ts):
        return Ignored("a channel that no playbook listens to")
    return _words(about, ts, thread)


def _words(about: _About, ts: str, thread: str | None) -> Intake:
    text = strip_mention(plain(about.event), about.setting.us.user)
    return about.intake("message", about.event, ts, thread, text=text, aliases=(about.alias(ts),))


def _changed(about: _About) -> Parsed:
    message = object_in(about.event, "message")
    before = object_in(about.event, "previous_message")
    ts = text_in(message, "ts")
    if ts is None:
        return Ignored("a change of nothing")
    if message.get("subtype") == "tombstone":
        # A deleted root that has replies stays as a headstone: Slack calls that a change.
        if not _by_a_person(before, about.setting.us):
            return Ignored("not by a person")
        return about.intake("delete", before, ts, text_in(before, "thread_ts"))
    if not _by_a_person(message, about.setting.us):
        return Ignored("not by a person")
    # An unfurl, a first reply or a pin arrives as a change too, with the same words.
    if plain(message) == plain(before):
        return Ignored("a change that left the words alone")
    text = strip_mention(plain(message), about.setting.us.user)
    return about.intake("edit", message, ts, text_in(message, "thread_ts"), text=text)


def _deleted(about: _About) -> Parsed:
    before = object_in(about.event, "previous_message")
    ts = text_in(about.event, "deleted_ts") or text_in(before, "ts")
    if ts is None:
        return Ignored("a deletion of nothing")
    if before and not _by_a_person(before, about.setting.us):
        return Ignored("not by a person")
    return about.intake("delete", before, ts, text_in(before, "thread_ts"))


def _opened(about: _About) -> Parsed:
    user = text_in(about.event, "user")
    if user is None or about.event.get("tab") != "home":
        return Ignored("not the Home tab")
    team = _team_of(about.event, about.setting.us)
    return Opened(Actor(surface="slack", team=team, id=user))


def _mention(about: _About) -> Parsed:
    event, setting = about.event, about.setting
    ts, thread = text_in(event, "ts"), text_in(event, "thread_ts")
    user = text_in(event, "user")
    if ts is None or user is None or not _by_a_person(event, setting.us):
        return Ignored("not by a person")
    in_thread = thread is not None and thread != ts
    where = thread if in_thread else None
    whisper = Whisper("help", about.channel, user, where, kinds=setting.kinds)
    match _said(event, about, ts):
        case Help():
            return whisper
        case Incomplete(verb):
            return replace(whisper, about="usage", verb=verb)
        case Asked(verb, words, count):
            if (verb != "triage" and KIND_OF[verb] not in setting.kinds) or (
                verb == "triage" and about.triaging is None
            ):
                return replace(whisper, about="not_configured", verb=verb)
            ask = None if verb == "triage" else Ask(verb=verb, words=words, count=count, message=ts)
            return Intake(_ask_of(about, user, ts, thread, ask))
        case Free(words) if words and about.listening is None and setting.kinds - {"triage"}:
            free = Intake(_ask_of(about, user, ts, thread, Ask(words=words, message=ts)))
            return replace(_words(about, ts, thread), otherwise=free) if in_thread else free
        case _:
            pass
    if about.listening is None and not in_thread:
        return whisper
    # The same message comes as ``message`` too: one ticket, by its alias.
    return replace(_words(about, ts, thread), otherwise=whisper)


def _ask_of(about: _About, user: str, ts: str, thread: str | None, ask: Ask | None) -> Delivery:
    """A mention as an ask of ``user``; without ``ask`` its thread is to be triaged."""
    event, us = about.event, about.setting.us
    asker = Actor(surface="slack", team=_team_of(event, us), id=user)
    # Whose words are triaged is the root's author; the event may not say who that is, and then the
    # conversation does, once it is read. Other asks are their asker's own words.
    author = Author(surface="slack", team=us.team, id=text_in(event, "parent_user_id") or "")
    if ask is not None and ask.verb != "triage":
        author = Author(surface="slack", team=asker.team, id=user)
    return Delivery(
        id=about.delivery_id,
        aliases=(about.alias(ts),),
        kind="ask",
        playbook=about.triaging,
        origin=Place(surface="slack", place=about.channel, thread=thread or ts, message=ts),
        author=author,
        asker=asker,
        ask=ask,
        received_at=about.now,
        trace_id=about.trace_id,
    )


def _said(event: Json, about: _About, ts: str) -> Mention | None:
    """What a mention asks for; None: it is none. In a listened channel's own messages it must
    stand first, for there a mention in the middle of a sentence is a customer's."""
    thread = text_in(event, "thread_ts")
    in_thread = thread is not None and thread != ts
    first_only = about.listening is not None and not in_thread
    words = words_after_mention(
        text_in(event, "text") or "", about.setting.us.user, first_only=first_only
    )
    return None if words is None else mentions.parse(words, in_thread=in_thread)


def _ours(body: Json, event: Json, setting: Setting, channel: str) -> bool:
    """Whether the event is of our workspace. In a shared channel the outer team may be the other
    side's; then an authorization of ours says so, or the channel's being one we listen to."""
    ours = setting.us.team
    if text_in(body, "team_id") == ours or text_in(body, "context_team_id") == ours:
        return True
    given = body.get("authorizations")
    if isinstance(given, list) and any(
        isinstance(one, dict) and one.get("team_id") == ours for one in given
    ):
        return True
    return body.get("is_ext_shared_channel") is True and channel in setting.listens


def _by_a_person(message: Json, us: Us) -> bool:
    user = text_in(message, "user")
    if user is None or user in (us.user, "USLACKBOT"):
        return False
    subtype = message.get("subtype")
    return not message.get("bot_id") and (
        subtype is None or (isinstance(subtype, str) and subtype in _PERSONS)
    )


def _from_us(message: Json, us: Us) -> bool:
    return message.get("bot_id") == us.bot or message.get("user") == us.user


def _team_of(message: Json, us: Us) -> str:
    return text_in(message, "user_team") or text_in(message, "team") or us.team


def _author(message: Json, us: Us) -> Author:
    ident = text_in(message, "user") or text_in(message, "bot_id") or ""
    return Author(surface="slack", team=_team_of(message, us), id=ident)


def actor_of(payload: Json, us: Us) -> Actor | None:
    """Who pressed, submitted or typed, as the signed payload says."""
    user = payload.get("user")
    if isinstance(user, dict):
        ident = text_in(user, "id")
        team = text_in(user, "team_id") or text_in(object_in(payload, "team"), "id")
    else:
        ident, team = text_in(payload, "user_id"), text_in(payload, "team_id")
    if ident is None:
        return None
    return Actor(surface="slack", team=team or us.team, id=ident)


def text_in(value: Json, key: str) -> str | None:
    """``value[key]`` if it is a text with something in it."""
    found = value.get(key)
    return found if isinstance(found, str) and found else None


def object_in(value: Json, key: str) -> Json:
    """``value[key]`` if it is an object, else an empty one."""
    found = value.get(key)
    return found if isinstance(found, dict) else {}
