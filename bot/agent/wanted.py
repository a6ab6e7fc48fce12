"""Whom a lead is about: what was asked for, or what stands in a lead's own words. Pure.

An ask names one thing: a domain, an address of a page, an e-mail address, ``NAME at COMPANY`` or a
company's name. A forwarded lead is a text in which they are looked for, in that order.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from bot.domain import Ticket
from tools.crm.records import Key, Kind, is_barred, normal_domain, normal_email

LONGEST_ASK = 200
"""Characters of a name or an ask on one line; more is a text."""
_NAME_WORDS = 6
"""A line of more words is a sentence and no name."""

FREE_MAIL = frozenset(
    {"gmail.com", "googlemail.com", "outlook.com", "hotmail.com", "live.com", "msn.com"}
    | {"yahoo.com", "ymail.com", "aol.com", "icloud.com", "me.com", "mac.com", "gmx.de", "gmx.net"}
    | {"gmx.com", "gmx.at", "gmx.ch", "web.de", "t-online.de", "freenet.de", "mail.ru", "yandex.ru"}
    | {"proton.me", "protonmail.com", "pm.me", "tutanota.com", "fastmail.com", "zoho.com", "qq.com"}
    | {"163.com", "126.com", "naver.com", "orange.fr", "wanadoo.fr", "free.fr", "laposte.net"}
    | {"libero.it", "posteo.de", "mail.com", "hey.com", "hotmail.co.uk", "yahoo.co.uk"}
)
"""Whose mailboxes are people's own: an address there says nothing of where somebody works."""

_SLACK_LINK = re.compile(r"<(?:mailto:)?([^<>|\s]+)(?:\|[^<>]*)?>")
_URL = re.compile(r"https?://[^\s<>\"'()\[\]|]+", re.IGNORECASE)
_EMAIL = re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+")
_BARE = re.compile(
    r"(?<![\w@./-])(?:[a-z0-9](?:[a-z0-9-]*[a-z0-9])?\.)+[a-z]{2,24}(?![\w@-])", re.I
)
_PERSON = re.compile(r"(?P<name>[^\n@]{2,80}?)\s+at\s+(?P<company>[^\n]{2,120})\Z", re.IGNORECASE)
_ADDRESS = re.compile(
    r"\[?(?:0x[0-9a-f]+|[0-9.]+|[0-9a-f]*:[0-9a-f:.]*)\]?(?::\d+)?/?", re.IGNORECASE
)
_HOST = re.compile(r"(?:https?://)?(?:[^/?#\s]*@)?(\[[^\]\s]*\]|[^/?#\s:]+)", re.IGNORECASE)
_FILES = frozenset({"txt", "pdf", "doc", "docx", "xls", "xlsx", "csv", "png", "jpg", "html", "zip"})


@dataclass(frozen=True)
class Wanted:
    """Whom to look up. ``domain`` is None for a bare name."""

    kind: Kind
    domain: str | None = None
    email: str | None = None
    person: str | None = None
    company: str | None = None
    """A company's name, where that is all there is."""
    url: str | None = None
    """The page that was named, to be read first."""

    @property
    def key(self) -> Key | None:
        """What the CRM knows it by."""
        if self.email is not None:
            return Key("person", self.email)
        return Key("company", self.domain) if self.domain is not None else None

    @property
    def said(self) -> str:
        """In a few words."""
        return self.email or self.url or self.domain or self.company or "nobody"


@dataclass(frozen=True)
class Unwanted:
    """Nobody may be, or can be, looked up for this; ``words`` are for who asked."""

    words: str


USAGE = (
    "Write `enrich` and a company's domain, name or address, an e-mail address at work, or a "
    "person as `enrich NAME at COMPANY`."
)
_AN_ADDRESS = "{} is an address and no name of a host; name the company by its domain."
_BARRED = "{} is on the list of those who are not to be looked up (do_not_enrich)."
_PRIVATE_MAIL = "{} is a private mailbox; only contact data at work is looked up."


def wanted(text: str, barred: Iterable[str] = ()) -> Wanted | Unwanted:
    """Whom ``text`` names, an ask's object: ``barred`` are the playbook's ``do_not_enrich``."""
    said = " ".join(_SLACK_LINK.sub(r"\1", text).split()).strip(" .,;")
    if not said or len(said) > LONGEST_ASK:
        return Unwanted(USAGE)
    found = _one(said)
    return found if isinstance(found, Unwanted) else _allowed(found, barred)


def wanted_in(ticket: Ticket, barred: Iterable[str] = ()) -> Wanted | Unwanted:
    """Whom a lead's own words are about; at last the company that its sender writes from."""
    if ticket.ask is not None:
        return wanted(ticket.ask.words, barred)
    # A colleague in a chat is no lead; who writes to us from elsewhere may be one.
    sender = ticket.author.email if ticket.origin.surface == "webhook" else None
    return wanted_in_text(ticket.body, barred, subject=ticket.subject, sender=sender)


def wanted_in_text(
    text: str, barred: Iterable[str] = (), *, subject: str = "", sender: str | None = None
) -> Wanted | Unwanted:
    """The same for a text. ``sender``: the e-mail address of who wrote it."""
    barred, said = tuple(barred), _SLACK_LINK.sub(r"\1", text).strip()
    line = " ".join(said.split())
    inside = next(_named_in(f"{subject}\n{said}"), None) or _of_sender(sender)
    if "\n" not in said and 0 < len(line) <= LONGEST_ASK:
        found = _one(line.strip(" .,;"))
        if isinstance(found, Unwanted):
            return found
        # A sentence is no name: what stands in it counts.
        named = inside is None and "@" not in line and len(line.split()) <= _NAME_WORDS
        if found.key is not None or named:
            return _allowed(found, barred)
    if inside is not None:
        return _allowed(inside, barred)
    if 0 < len(name := subject.strip()) <= LONGEST_ASK:
        return _allowed(Wanted("company", company=name), barred)
    return Unwanted("It names no company: no domain, no address of a page, no e-mail address.")


def _one(said: str) -> Wanted | Unwanted:
    """What one line names, if that is all it says."""
    if " " not in said:
        return _word(said)
    person = _PERSON.match(said)
    if person is not None:
        at = _word(person["company"]) if " " not in person["company"] else None
        if isinstance(at, Unwanted):
            return at
        domain = at.domain if at is not None else None
        company = None if domain else person["company"]
        return Wanted("person", domain=domain, person=person["name"].strip(), company=company)
    first = _URL.match(said)
    return _word(first[0]) if first is not None else Wanted("company", company=said)


def _word(said: str) -> Wanted | Unwanted:
    if "://" not in said and "@" in said:
        email = normal_email(said)
        return Unwanted(USAGE) if email is None else _mailbox(email)
    domain = normal_domain(_host(said))
    if domain is not None:
        url = said if "://" in said and re.search(r"://[^/?#]+[/?#].", said) else None
        return Wanted("company", domain=domain, url=url)
    if "://" in said or _ADDRESS.fullmatch(said) or "." in said:
        return Unwanted(_AN_ADDRESS.format(_host(said)[:80] or "That"))
    return Wanted("company", company=said)


def _host(said: str) -> str:
    found = _HOST.match(said)
    return found[1] if found is not None else said


def _mailbox(email: str) -> Wanted | Unwanted:
    domain = email.rpartition("@")[2]
    if domain in FREE_MAIL:
        return Unwanted(_PRIVATE_MAIL.format(email))
    return Wanted("person", domain=domain, email=email)


def _named_in(text: str) -> Iterator[Wanted]:
    """Every address of a page, e-mail address and domain in a text, in that order."""
    for url in _URL.findall(text):
        found = _word(url.rstrip(".,;:!?"))
        if isinstance(found, Wanted) and found.domain is not None:
            yield found
    for address in _EMAIL.findall(text):
        email = normal_email(address.rstrip("."))
        mailbox = _mailbox(email) if email is not None else None
        if isinstance(mailbox, Wanted):
            yield mailbox
    for bare in _BARE.findall(_EMAIL.sub(" ", _URL.sub(" ", text))):
        domain = normal_domain(bare)
        if domain is not None and domain.rpartition(".")[2] not in _FILES:
            yield Wanted("company", domain=domain)


def _of_sender(sender: str | None) -> Wanted | None:
    """The company that somebody writes from."""
    email = normal_email(sender or "")
    found = _mailbox(email) if email is not None else None
    return found if isinstance(found, Wanted) else None


def _allowed(found: Wanted, barred: Iterable[str]) -> Wanted | Unwanted:
    keys = [Key("company", found.domain)] if found.domain else []
    keys += [Key("person", found.email)] if found.email else []
    for key in keys:
        if is_barred(key, tuple(barred)):
            return Unwanted(_BARRED.format(key.value))
    return found
