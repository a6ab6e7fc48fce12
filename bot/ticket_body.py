"""The generic ticket body: what a webhook is sent, and what the demo and ``triage`` read.

``{"id", "subject", "body", "author": {"id", "name", "email"}, "url", "thread": [...]}``; only
``id`` and ``body`` are required, keys that we do not know are ignored. A thread's entry is a
text, or ``{"id", "author", "body", "at"}`` with ``body`` (or ``text``) required.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from pydantic import (
    AwareDatetime,
    BaseModel,
    ConfigDict,
    Field,
    TypeAdapter,
    ValidationError,
    model_validator,
)
from pydantic_core import ErrorDetails

from bot.domain import Author, Message, SurfaceName

_WHEN = TypeAdapter(AwareDatetime)


class InvalidBody(Exception):
    """A body that is not a ticket; the words say which field and why."""


class _Lenient(BaseModel):
    # Numbers as ids are common, and a number is its own text.
    model_config = ConfigDict(frozen=True, extra="ignore", coerce_numbers_to_str=True)


class AuthorBody(_Lenient):
    id: str | None = Field(None, max_length=200)
    name: str | None = Field(None, max_length=200)
    email: str | None = Field(None, max_length=320)


class EntryBody(_Lenient):
    id: str | None = Field(None, max_length=200)
    author: AuthorBody | None = None
    body: str
    at: str | None = None

    @model_validator(mode="before")
    @classmethod
    def _plain(cls, value: Any) -> Any:
        if isinstance(value, str):
            return {"body": value}
        if isinstance(value, dict) and "body" not in value and "text" in value:
            return {**value, "body": value["text"]}
        return value


class TicketBody(_Lenient):
    """One ticket as it is sent."""

    id: str = Field(min_length=1, max_length=200)
    subject: str | None = Field(None, max_length=2000)
    body: str
    author: AuthorBody | None = None
    url: str | None = Field(None, max_length=2000)
    thread: tuple[EntryBody, ...] | None = None

    def written_by(self, surface: SurfaceName, place: str) -> Author:
        """The author; one without an id is known by e-mail, else as the ticket's own stranger."""
        given = self.author or AuthorBody()
        ident = given.id or given.email or f"author-of-{self.id}"
        return _author(given, ident, surface, place)

    def earlier(
        self, surface: SurfaceName, place: str, received_at: datetime
    ) -> tuple[Message, ...]:
        """The conversation before it, oldest first; without a time of its own: ``received_at``."""
        messages: list[Message] = []
        for number, entry in enumerate(self.thread or ()):
            given = entry.author or AuthorBody()
            author = _author(given, given.id or given.email or "unknown", surface, place)
            messages.append(
                Message(
                    id=entry.id or f"{self.id}.{number}",
                    author=author,
                    text=entry.body,
                    at=_when(entry.at) or received_at,
                )
            )
        return tuple(messages)


def read_body(value: Any) -> TicketBody:
    """Check a parsed JSON object. Raises ``InvalidBody``."""
    try:
        body = TicketBody.model_validate(value)
    except ValidationError as invalid:
        first = invalid.errors(include_url=False, include_input=False)[0]
        where = ".".join(str(step) for step in first["loc"]) or "it"
        raise InvalidBody(f"{where}: {_fault(first)}") from invalid
    if not body.body.strip():
        raise InvalidBody("body: is empty")
    return body


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
        case "model_type" | "model_attributes_type" | "dict_type":
            return "must be an object"
        case "tuple_type" | "list_type":
            return "must be a list"
        case _:
            return error["msg"].lower()


def _author(given: AuthorBody, ident: str, surface: SurfaceName, place: str) -> Author:
    return Author(
        surface=surface, id=ident, name=given.name or "", email=given.email or None, team=place
    )


def _when(text: str | None) -> datetime | None:
    if text is None:
        return None
    try:
        return _WHEN.validate_python(text).astimezone(UTC)
    except (ValidationError, OverflowError):
        return None
