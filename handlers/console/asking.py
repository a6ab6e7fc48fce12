"""A request as the console understands it: its form, its person, and what they may see."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final
from urllib.parse import parse_qsl

from starlette.requests import Request

from bot.authority import NotAllowed, listed, look_up, may_read
from bot.card import Who, Words
from bot.context import Context
from bot.domain import Actor, Person
from bot.playbook import Playbook
from bot.ports import LookUpFailed
from handlers.console.session import Session
from handlers.guard import Refused, read_body

FORM_LIMIT: Final = 256 * 1024
"""Bytes of a form; the largest edit has a tenth of it."""
_FIELDS: Final = 400


class Form:
    """A form as a browser sends it; ``handlers.given.Given``."""

    def __init__(self, fields: Mapping[str, list[str]]) -> None:
        self._fields = fields

    def __iter__(self) -> Iterator[str]:
        return iter(self._fields)

    def __contains__(self, key: object) -> bool:
        return key in self._fields

    def text(self, key: str) -> str | None:
        """None where the field is missing. Line ends are those of the rest of the house: a
        browser makes two characters of each."""
        values = self._fields.get(key)
        return values[0].replace("\r\n", "\n") if values else None

    def chosen(self, key: str) -> list[str]:
        """The values ticked. An empty one says that the boxes were there and none was."""
        values = (("approve_now" if value == "on" and key == "approve_now" else value)
                  for value in self._fields.get(key, ()))  # fmt: skip
        return [value for value in values if value]

    def get(self, key: str) -> str:
        return self.text(key) or ""


async def read_form(request: Request) -> Form:
    """The form in the request's body. Raises ``Refused`` and ``Disconnected``."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/x-www-form-urlencoded":
        raise Refused(415, "a form is needed")
    body = await read_body(request.scope, request.receive, FORM_LIMIT)
    try:
        pairs = parse_qsl(
            body.decode("utf-8"),
            keep_blank_values=True,
            encoding="utf-8",
            errors="strict",
            max_num_fields=_FIELDS,
        )
    except ValueError as wrong:
        raise Refused(400, "the body is not a form in UTF-8") from wrong
    fields: dict[str, list[str]] = {}
    for name, value in pairs:
        fields.setdefault(name, []).append(value)
    return Form(fields)


@dataclass(frozen=True)
class Visitor:
    """Somebody who is signed in and, at this moment, a full member."""

    session: Session
    person: Person
    csrf: str
    sight: Sight

    @property
    def actor(self) -> Actor:
        return self.session.actor


class Sight:
    """What one person may see, asked once a request for each route."""

    def __init__(self, context: Context, actor: Actor) -> None:
        self._context = context
        self._actor = actor
        self._manager: bool | None = None
        self._routes: dict[tuple[str, str], bool] = {}

    async def manager(self) -> bool:
        """Whether they are one of the managers; a failed look-up says no."""
        if self._manager is None:
            try:
                self._manager = await listed(self._context, self._actor, self._context.managers)
            except LookUpFailed:
                self._manager = False
        return self._manager

    async def route(self, playbook: Playbook, route: str) -> bool:
        """Whether they may read the texts of this route (invariant 16)."""
        key = (playbook.name, route)
        if key not in self._routes:
            self._routes[key] = await may_read(self._context, self._actor, playbook, route)
        return self._routes[key]


async def visitor_of(context: Context, session: Session, csrf: str) -> Visitor | NotAllowed:
    """The person behind a session, looked up now."""
    person = await look_up(context, session.actor)
    if isinstance(person, NotAllowed):
        return person
    return Visitor(session, person, csrf, Sight(context, session.actor))


def line(words: Words) -> str:
    """Words with people in them as one line of text; what draws it makes it inert."""
    return "".join(part.name if isinstance(part, Who) else part for part in words)
