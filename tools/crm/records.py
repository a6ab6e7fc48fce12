"""Records, their keys and fields, and the port through which a CRM is read."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, Protocol

import idna

from bot import plain_text
from bot.wording import number_of

Kind = Literal["company", "person"]
"""company: found by its domain. person: found by their e-mail address."""

FIELDS: tuple[str, ...] = (
    "name",
    "domain",
    "industry",
    "size",
    "location",
    "summary",
    "technologies",
    "contacts",
    "news",
    "fit",
    "next_step",
    "person",
    "role",
    "email",
    "phone",
)
"""The fields of a lead, in the order in which a card shows them."""

OF_A_PERSON = frozenset({"person", "role", "email", "phone"})
"""Fields that only a person's record has: none of a company's is filled with them."""

FIELD_LIMIT = 500
"""Characters of a value."""

_DOMAIN = re.compile(r"(?=.{3,253}\Z)([a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9])?\.)+[a-z][a-z0-9-]{1,62}")
_EMAIL = re.compile(r"[a-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}")
_WHOLE_NUMBER = re.compile(r"\d+|\d{1,3}(?:[,.]\d{3})+")
_FIELD = re.compile(r"[a-z][a-z0-9_]{0,39}")


class CrmUnavailable(Exception):
    """The CRM did not answer, or not as a CRM does. Its words are fit for a card."""


@dataclass(frozen=True)
class Key:
    """What tells one record from all others. ``value`` as the ``normal_`` functions write it."""

    kind: Kind
    value: str

    @property
    def column(self) -> Literal["domain", "email"]:
        return "domain" if self.kind == "company" else "email"


@dataclass(frozen=True)
class Record:
    """One record as the CRM holds it now."""

    id: str
    kind: Kind
    domain: str | None
    email: str | None
    fields: Mapping[str, str] = field(default_factory=dict)
    """Our field names to what is there; a field that is empty there is not in it."""
    updated_at: str | None = None
    proposal: str | None = None
    """Whose approval wrote it last."""
    version: str | None = None
    """What the CRM itself tells this state of the record by, where it does."""

    @property
    def cited(self) -> str:
        """The id under which a field may name it as its source."""
        return f"crm:{self.id}"

    def value(self, name: str) -> str | None:
        """What the CRM holds for one of our fields; None: nothing."""
        if name == "domain":
            return self.domain
        if name == "email":
            return self.email
        return self.fields.get(name) or None


class CrmReader(Protocol):
    """A CRM that can be read and not written. What is asynchronous may raise ``CrmUnavailable``."""

    def holds(self, kind: Kind, name: str) -> bool:
        """Whether its records of this kind have a place for one of our fields."""
        ...

    async def find(self, key: Key) -> Record | None:
        """The record of ``key``; None: there is none."""
        ...

    async def named(self, name: str) -> Sequence[Record]:
        """Records of that name, a few at most."""
        ...


def is_field(name: str) -> bool:
    """Whether a field may be called so."""
    return _FIELD.fullmatch(name) is not None


def normal_domain(text: str) -> str | None:
    """``acme.example`` of a domain or an address of a page, without ``www.``; None: it is none."""
    host = re.sub(r"\A[a-zA-Z]{2,8}://", "", text.strip())
    host = re.split(r"[/?#]", host, maxsplit=1)[0].lower().rstrip(".").removeprefix("www.")
    if not host.isascii():
        try:
            host = idna.encode(host, uts46=True).decode("ascii")
        except (idna.IDNAError, UnicodeError):
            return None
    return host if _DOMAIN.fullmatch(host) else None


def normal_email(text: str) -> str | None:
    """An e-mail address in small letters; None: it is none."""
    local, at, domain = text.strip().lower().removeprefix("mailto:").rpartition("@")
    host = normal_domain(domain) if at else None
    # ``www.`` is part of an address, as rare as that is.
    if host is None or not domain.endswith(host) or not _EMAIL.fullmatch(local):
        return None
    return f"{local}@{domain}"


def key_of(text: str) -> Key | None:
    """The key that a person typed: a domain or an e-mail address."""
    if "@" in text:
        email = normal_email(text)
        return Key("person", email) if email else None
    domain = normal_domain(text)
    return Key("company", domain) if domain else None


def is_barred(key: Key, entries: Iterable[str]) -> bool:
    """Whether ``entries`` (domains with all below them, e-mail addresses) name it, in whatever
    spelling; the domain of a person's address bars the person too. ``*.acme.example`` and
    ``@acme.example`` are the domain; what follows a plus sign in an address is no other mailbox."""
    name, host = _mailbox(key.value)
    for entry in entries:
        whose, barred = _mailbox(entry)
        if not barred:
            continue
        if whose in ("", "*"):
            if host == barred or host.endswith(f".{barred}"):
                return True
        elif (whose, barred) == (name, host):
            return True
    return False


def _mailbox(text: str) -> tuple[str, str]:
    """The mailbox, empty for a domain, and the host, empty where it is none."""
    local, _, host = text.strip().lower().removeprefix("mailto:").rpartition("@")
    return local.partition("+")[0], normal_domain(host.removeprefix("*.")) or ""


def plain_number(value: str) -> str | None:
    """``1250`` of ``1,250``, as number properties of a CRM take it; None: it is no number."""
    return number_of(value) if _WHOLE_NUMBER.fullmatch(value) else None


def alike(name: str, held: str, value: str) -> bool:
    """Whether a CRM that holds ``held`` holds ``value``: a size is a number, however written."""
    if clean(held) == clean(value):
        return True
    number = plain_number(value) if name == "size" else None
    return number is not None and number == plain_number(held)


def clean(value: str) -> str:
    """A value on one line, without what cannot be stored or is not seen."""
    return " ".join(plain_text.clean(value).split())
