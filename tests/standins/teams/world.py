"""Who and what is in the Teams of the tests: people, conversations, messages."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from tests.standins.wire import Feed, Signal

TENANT = "d0000000-0000-4000-8000-000000000001"
OTHER_TENANT = "d0000000-0000-4000-8000-000000000002"
BOT = "28:6f3a2b10-0000-4000-8000-00000000b074"
TEAM = "19:team@thread.tacv2"

SUPPORT = "19:support@thread.tacv2"
BILLING = "19:billing@thread.tacv2"
TRIAGE = "19:triage@thread.tacv2"
REFUNDS = "19:refunds@thread.tacv2"
GROUP = "19:group@thread.v2"
ELSEWHERE = "19:elsewhere@thread.tacv2"


def oid(number: int) -> str:
    return f"0a000000-0000-4000-8000-{number:012d}"


@dataclass
class Someone:
    """A person as the directory has them."""

    name: str
    oid: str
    tenant: str = TENANT
    role: str | None = "user"
    email: str = ""
    upn: str = ""
    groups: set[str] = field(default_factory=set)
    gone: bool = False

    @property
    def id(self) -> str:
        return f"29:{self.name.lower().replace(' ', '-')}"

    @property
    def roster(self) -> dict[str, Any]:
        """As a look-up of one member gives them."""
        shown = {
            "id": self.id,
            "name": self.name,
            "aadObjectId": self.oid,
            "tenantId": self.tenant,
            "userRole": self.role,
            "email": self.email or f"{self.name.split()[0].lower()}@desk.example",
            "userPrincipalName": self.upn or f"{self.name.split()[0].lower()}@desk.example",
        }
        return {key: value for key, value in shown.items() if value is not None}

    @property
    def listed(self) -> dict[str, Any]:
        """As a list of members gives them."""
        found = self.roster
        return {**found, "objectId": found.pop("aadObjectId")}


@dataclass(frozen=True)
class Shown:
    """One revision of a message of the bot's."""

    conversation: str
    thread: str | None
    id: str
    activity: dict[str, Any]
    reply_to: str | None = None

    @property
    def about(self) -> dict[str, Any]:
        data = self.activity.get("channelData") or {}
        found = data.get("deskhand") if isinstance(data, dict) else None
        return found if isinstance(found, dict) else {}

    @property
    def state(self) -> str | None:
        return self.about.get("state")

    @property
    def is_reply(self) -> bool:
        return self.about.get("kind") == "reply"

    @property
    def card(self) -> dict[str, Any]:
        for one in self.activity.get("attachments") or ():
            return dict(one["content"])
        return {}

    @property
    def words(self) -> str:
        return words_in(self.activity)


def words_in(shown: Any) -> str:
    """Every text in an activity or card."""
    if isinstance(shown, dict):
        keys = ("text", "title", "fallbackText", "summary", "label", "value")
        own = [str(shown[key]) for key in keys if isinstance(shown.get(key), str)]
        return " ".join([*own, *(words_in(v) for v in shown.values() if not isinstance(v, str))])
    if isinstance(shown, list):
        return " ".join(words_in(one) for one in shown)
    return ""


def executes(shown: Any) -> Iterator[dict[str, Any]]:
    """Every ``Action.Execute`` in a card, those inside a form too."""
    if isinstance(shown, dict):
        if shown.get("type") == "Action.Execute":
            yield shown
        for key, value in shown.items():
            if key != "refresh":
                yield from executes(value)
    elif isinstance(shown, list):
        for one in shown:
            yield from executes(one)


def inputs(shown: Any) -> Iterator[dict[str, Any]]:
    """Every input in a card."""
    if isinstance(shown, dict):
        if str(shown.get("type", "")).startswith("Input."):
            yield shown
        for value in shown.values():
            yield from inputs(value)
    elif isinstance(shown, list):
        for one in shown:
            yield from inputs(one)


class World:
    """People by a short name, conversations by id, and everything the bot has said."""

    def __init__(self, signal: Signal) -> None:
        self.people = {
            "customer": Someone("Dana Customer", oid(1), email="dana@customer.example"),
            "customer2": Someone("Cleo Customer", oid(2)),
            "agent": Someone("Alex Agent", oid(3)),
            "agent2": Someone("Bo Agent", oid(4), groups={oid(100)}),
            "manager": Someone("Mo Manager", oid(5)),
            "guest": Someone("Gus Guest", oid(6), role="guest"),
            "external": Someone("Ed External", oid(7), tenant=OTHER_TENANT),
            "invited": Someone("Ivy Invited", oid(8), upn="ivy_x.example#EXT#@desk.example"),
            "roleless": Someone("Rho Less", oid(9), role=None),
            "nobody": Someone("Noa Body", oid(10)),
        }
        self.conversations: dict[str, str] = {
            SUPPORT: "channel",
            BILLING: "channel",
            TRIAGE: "channel",
            REFUNDS: "channel",
            ELSEWHERE: "channel",
            GROUP: "groupChat",
        }
        self.rosters: dict[str, list[str]] = {}
        """Who is where, by their short names; elsewhere every full member of the organisation."""
        self.shared: set[str] = set()
        """Channels that other teams read."""
        self.removed_from: set[str] = set()
        self.posted: Feed[Shown] = Feed("posted", signal)
        self.updated: Feed[Shown] = Feed("updated", signal)
        self.deleted: set[str] = set()
        self._current: dict[str, Shown] = {}
        self._ids = itertools.count(1700000000000)

    def new_id(self) -> str:
        return str(next(self._ids))

    def chat_with(self, person: Someone) -> str:
        ident = f"a:chat-with-{person.id[3:]}"
        self.conversations[ident] = "personal"
        return ident

    def members(self, conversation: str) -> list[Someone]:
        ours = ("customer", "customer2", "agent", "agent2", "manager", "nobody")
        return [self.people[name] for name in self.rosters.get(conversation, ours)]

    def by_id(self, ident: str) -> Someone | None:
        return next((one for one in self.people.values() if one.id == ident), None)

    def by_oid(self, ident: str) -> Someone | None:
        return next((one for one in self.people.values() if one.oid == ident), None)

    def in_group(self, group: str) -> list[Someone]:
        return [one for one in self.people.values() if group in one.groups]

    def post(self, shown: Shown) -> None:
        self._current[shown.id] = shown
        self.posted.push(shown)

    def update(self, shown: Shown) -> None:
        self._current[shown.id] = shown
        self.updated.push(shown)

    def current(self, ident: str) -> Shown | None:
        return self._current.get(ident)

    def cards(self, state: str | None = None) -> list[Shown]:
        """Every card as it is shown now."""
        shown = [one for one in self._current.values() if one.about.get("kind") == "card"]
        return [one for one in shown if state in (None, one.state)]

    def replies(self) -> list[Shown]:
        return [one for one in self.posted if one.is_reply]
