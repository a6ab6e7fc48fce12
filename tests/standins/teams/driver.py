"""What people do in Teams, as requests to the product: messages, presses, installations."""

from __future__ import annotations

import io
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import aiohttp

from tests.standins.teams.connector import TeamsStandin
from tests.standins.teams.issuer import Signer
from tests.standins.teams.world import (
    BOT,
    SUPPORT,
    TEAM,
    TENANT,
    Shown,
    Someone,
    executes,
    inputs,
    words_in,
)

_GIVEN: Any = object()


@dataclass
class Sent:
    """A request and its answer."""

    activity: dict[str, Any]
    status: int
    body: Any
    seconds: float

    @property
    def code(self) -> int:
        """The status inside an invoke's answer."""
        return int(self.body["statusCode"])

    @property
    def card(self) -> dict[str, Any]:
        assert self.body["type"] == "application/vnd.microsoft.card.adaptive", self.body
        return dict(self.body["value"])

    @property
    def verbs(self) -> list[str]:
        """Of the buttons of an answered card."""
        return [one["verb"] for one in executes(self.card)]

    @property
    def words(self) -> str:
        value = self.body.get("value", self.body)
        return value if isinstance(value, str) else words_in(value)


@dataclass
class TeamsDriver:
    """People's hands. ``url`` is the product's."""

    teams: TeamsStandin
    url: str
    session: aiohttp.ClientSession
    service_url: str = ""
    headers: dict[str, str] = field(default_factory=dict)
    _token: tuple[Signer, str, str] | None = None

    async def send(
        self, activity: Mapping[str, Any] | bytes, *, token: str | None = _GIVEN
    ) -> Sent:
        """POST one activity, with a good token if no other is given."""
        body = activity if isinstance(activity, bytes) else json.dumps(activity).encode()
        headers = {"Content-Type": "application/json", **self.headers}
        if token is _GIVEN and not self.teams.emulator:
            token = self._good_token()
        if token is not None and token is not _GIVEN:
            headers["Authorization"] = f"Bearer {token}"
        began = time.monotonic()
        async with self.session.post(
            f"{self.url}/api/messages", data=io.BytesIO(body), headers=headers
        ) as answer:
            raw = await answer.read()
            read = answer.content_type == "application/json" and raw
            given = json.loads(raw) if read else raw.decode()
            kept = {} if isinstance(activity, bytes) else dict(activity)
            return Sent(kept, answer.status, given, time.monotonic() - began)

    def _good_token(self) -> str:
        """One token serves many requests, as Microsoft's do; another key makes another."""
        known = (self.teams.issuer.current, self.service_url or self.teams.service_url)
        if self._token is None or self._token[:2] != known:
            self._token = (*known, self.teams.issuer.token(known[1]))
        return self._token[2]

    def activity(
        self, person: str | Someone | None, conversation: str = SUPPORT, **more: Any
    ) -> dict[str, Any]:
        """A message in a channel, chat or private chat as Teams writes it."""
        who = self.teams.world.people[person] if isinstance(person, str) else person
        ident = more.pop("id", None) or self.teams.world.new_id()
        root = more.pop("root", None)
        kind = self.teams.world.conversations.get(conversation, "channel")
        thread = f";messageid={root or ident}" if kind == "channel" else ""
        data: dict[str, Any] = {"tenant": {"id": TENANT}}
        if kind == "channel":
            shared = conversation in self.teams.world.shared
            channel = {"id": conversation, **({"type": "shared"} if shared else {})}
            data |= {"channel": channel, "team": {"id": TEAM}}
        sender = (
            {}
            if who is None
            else {"from": {"id": who.id, "name": who.name, "aadObjectId": who.oid}}
        )
        made: dict[str, Any] = {
            "type": "message",
            "id": ident,
            "channelId": "msteams",
            "serviceUrl": self.service_url or self.teams.service_url,
            **sender,
            "recipient": {"id": BOT, "name": "Deskhand"},
            "conversation": {
                "id": f"{conversation}{thread}",
                "conversationType": kind,
                "tenantId": TENANT,
                "isGroup": kind != "personal",
            },
            "channelData": data,
        }
        return {**made, **more}

    async def message(
        self, text: str, person: str = "customer", conversation: str = SUPPORT, **more: Any
    ) -> Sent:
        return await self.send(self.activity(person, conversation, text=text, **more))

    async def mention(
        self, text: str, person: str = "agent", conversation: str = SUPPORT, **more: Any
    ) -> Sent:
        entity = {
            "type": "mention",
            "mentioned": {"id": BOT, "name": "Deskhand"},
            "text": "<at>Deskhand</at>",
        }
        said = f"<at>Deskhand</at> {text}"
        return await self.message(said, person, conversation, entities=[entity], **more)

    async def personal(self, text: str, person: str = "agent", **more: Any) -> Sent:
        chat = self.teams.world.chat_with(self.teams.world.people[person])
        return await self.message(text, person, chat, **more)

    async def press(self, person: str, card: Shown, verb: str, token: str, **values: str) -> Sent:
        """Press a button by its verb and token, with these inputs."""
        return await self.send(self.pressed(person, card, verb, token, **values))

    def pressed(
        self, person: str, card: Shown, verb: str, token: str, **values: str
    ) -> dict[str, Any]:
        action = {"type": "Action.Execute", "verb": verb, "data": {"token": token, **values}}
        return self.activity(
            person,
            card.conversation,
            root=card.thread,
            type="invoke",
            name="adaptiveCard/action",
            replyToId=card.id,
            value={"action": action, "trigger": "manual"},
        )

    async def opened(self, person: str, card: Shown) -> Sent:
        """Press *Decide*; the person's own view."""
        action = next(one for one in executes(card.card) if one["verb"] == "deskhand.refresh")
        return await self.press(person, card, "deskhand.refresh", action["data"]["token"])

    async def decide(self, person: str, card: Shown, verb: str, **values: str) -> Sent:
        """*Decide*, then a button of the view, with the form's own values and these."""
        view = (await self.opened(person, card)).card
        return await self.submit(person, card, view, verb, **values)

    async def submit(
        self, person: str, card: Shown, view: dict[str, Any], verb: str, **values: str
    ) -> Sent:
        given: dict[str, str] = {}
        form = next(
            (
                one["card"]
                for one in view.get("actions", [])
                if one["type"] == "Action.ShowCard"
                and any(inner["verb"] == verb for inner in executes(one))
            ),
            None,
        )
        if form is not None:
            known = list(inputs(form))
            assert set(values) <= {one["id"] for one in known}, [one["id"] for one in known]
            given = {one["id"]: str(one["value"]) for one in known if "value" in one}
        token = next(o["data"]["token"] for o in executes(view) if o["verb"] == verb)
        return await self.press(person, card, verb, token, **{**given, **values})
