"""The generic ticket body: what a webhook is sent, and what the demo, ``triage`` and ``eval`` read.

``{"id", "subject", "body", "author": {"id", "name", "email"}, "url", "thread": [...]}``; only
``id`` and ``body`` are required, keys that we do not know are ignored, and a number as an id is its
own text. An entry of the thread is a text, or ``{"id", "author", "body", "at"}`` with ``body`` (or
``text``); one that says nothing is left out, for no ticket may be lost over what came before it.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
    field_validator,
)
from pydantic_core import ErrorDetails

from bot.domain import Author, Message, SurfaceName

ID_CHARACTERS = 256
"""The longest id of a ticket."""
_MOST_THREAD = 200
"""Of a longer thread the latest messages are kept."""


class InvalidBody(Exception):
    """A body that is not a ticket; the words say which field and why."""


class _Body(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore", coerce_numbers_to_str=True)


class AuthorBody(_Body):
    """Who wrote something, as far as it is said."""

    id: str | None = None
    name: str | None = None
    email: str | None = None

    def author(self, surface: SurfaceName, place: str, otherwise: str = "") -> Author:
        """Known by id, else by e-mail, else as ``otherwise``, or by name alone."""
        name, email = self.name or "", self.email or None
        ident = self.id or email or otherwise or name
        return Author(surface=surface, id=ident, name=name, email=email, team=place)


class TicketBody(_Body):
    """One ticket as it is sent."""

    id: str = Field(min_length=1, max_length=ID_CHARACTERS)
    subject: str | None = None
    body: str
    author: AuthorBody | None = None
    url: str | None = None
    thread: tuple[Any, ...] | None = None

    @field_validator("body")
    @classmethod
    def _says_something(cls, text: str) -> str:
        if not text.strip():
            raise ValueError("is empty")
        return text

    @property
    def link(self) -> str | None:
        """``url``, if it is one that a person may follow."""
        return self.url if self.url and self.url.startswith(("https://", "http://")) else None

    def written_by(self, surface: SurfaceName, place: str) -> Author:
        """The author. One who is not named is this ticket's own and nobody else's, so that
        strangers do not share an author's limits."""
        return (self.author or AuthorBody()).author(surface, place, f"ticket:{self.id}")

    def earlier(
        self, surface: SurfaceName, place: str, received_at: datetime
    ) -> tuple[Message, ...]:
        """The conversation before it, oldest first; without a time of its own: ``received_at``."""
        said = []
        for number, entry in enumerate(self.thread or ()):
            one = entry if isinstance(entry, dict) else {"body": entry}
            text = one.get("body") or one.get("text")
            if isinstance(text, str) and text.strip():
                ident = one.get("id")
                said.append(
                    Message(
                        id=ident if isinstance(ident, str) and ident else f"thread:{number}",
                        author=_speaker(one.get("author")).author(surface, place),
                        text=text,
                        at=_when(one.get("at"), received_at),
                    )
                )
        return tuple(said[-_MOST_THREAD:])


def read_body(value: Any) -> TicketBody:
    """Check a parsed JSON object. Raises ``InvalidBody``."""
    try:
        return TicketBody.model_validate(value)
    except ValidationError as invalid:
        first = invalid.errors(include_url=False, include_input=False)[0]
        where = ".".join(str(step) for step in first["loc"]) or "it"
        raise InvalidBody(f"{where}: {_fault(first)}") from invalid


def _fault(error: ErrorDetails) -> str:
    """What is wrong in the words of the file, not of our types."""
    match error["type"]:
        case "missing":
            return "is missing"
        case "string_type" | "string_unicode":
            return "must be a text"
        case "string_too_long":
            return f"has {error['ctx']['max_length']} characters at most"
        case "string_too_short":
            return "is empty"
        case "value_error":
            return str(error["ctx"]["error"])
        case "model_type" | "model_attributes_type" | "dict_type":
            return "must be an object"
        case "tuple_type" | "list_type":
            return "must be a list"
        case _:
            return error["msg"].lower()


def _speaker(given: Any) -> AuthorBody:
    """Who said an earlier message: an object, or a name alone."""
    named: Mapping[str, Any] = given if isinstance(given, dict) else {"name": given}
    return AuthorBody(**{key: value for key, value in named.items() if isinstance(value, str)})


def _when(given: Any, otherwise: datetime) -> datetime:
    """A time as ISO 8601 writes it; without a zone it is UTC's."""
    try:
        at = datetime.fromisoformat(given) if isinstance(given, str) else otherwise
        return at.astimezone(UTC) if at.tzinfo else at.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        return otherwise
