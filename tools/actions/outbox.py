"""The outbox: one ``.eml`` file for each reply, for the terminal and for whoever mails by hand."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import os
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from email import policy
from email.errors import HeaderParseError
from email.headerregistry import Address
from email.message import EmailMessage
from email.utils import format_datetime
from pathlib import Path
from typing import Protocol

from bot.commands import Outcome, Refused, Succeeded, Uncertain
from bot.domain import Author, Place, Ticket
from tools.signature import Signatures
from tools.spec import Grant, Sent

NO_HOST = "deskhand.invalid"
"""A host that can never exist (RFC 2606): Deskhand has no mail address of its own."""

_NOBODY = f"customer@{NO_HOST}"
_NOT_IN_HEADERS = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]+")
_ADDRESS = re.compile(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@[A-Za-z0-9.-]{1,253}")
_FOREVER = 365 * 86_400.0


class Times(Protocol):
    """The clock's two readings: aware UTC, and seconds for spans."""

    def now(self) -> datetime: ...

    def monotonic(self) -> float: ...


class Outbox:
    """``tools.spec.Outlet`` that writes into ``folder``, which it makes when it is missing.

    A file's name follows from the idempotency key, so sending again is the same file: as long as
    the folder is there, the key is honoured."""

    def __init__(self, folder: Path, clock: Times, signatures: Signatures | None = None) -> None:
        self._folder = folder
        self._clock = clock
        self._signatures = signatures or Signatures()

    @property
    def folder(self) -> Path:
        return self._folder

    def path(self, key: str) -> Path:
        """Where the reply under this key is, or would be."""
        name = (
            key if re.fullmatch(r"[0-9a-f]{64}", key) else hashlib.sha256(key.encode()).hexdigest()
        )
        return self._folder / f"{name[:32]}.eml"

    def target(self, ticket: Ticket) -> str:
        address = _recipient(ticket.author)
        named = address.addr_spec != _NOBODY
        to = address.addr_spec if named else address.display_name or "the customer"
        signed = self._signatures.words(ticket.playbook)
        return f"a file in {self._folder}, for {to}, {signed}"

    def resend_seconds(self, origin: Place) -> float:
        return _FOREVER

    async def send(self, grant: Grant, text: str) -> Outcome:
        """Write the file whole, or not at all."""
        mail = reply_mail(
            grant,
            text,
            self._signatures.sign(grant.playbook, grant.approved_by),
            self._clock.now(),
        )
        return await self.keep(grant, mail)

    async def keep(self, grant: Grant, mail: EmailMessage) -> Outcome:
        """Write a mail whole under the grant's key, or not at all."""
        return await asyncio.to_thread(self._write, grant, mail.as_bytes())

    async def look_up(self, sent: Sent) -> Succeeded | None:
        for key in (sent.key, *sent.earlier_keys):
            path = self.path(key)
            if await asyncio.to_thread(path.is_file):
                return Succeeded(str(path))
        return None

    def _write(self, grant: Grant, content: bytes) -> Outcome:
        path = self.path(grant.key)
        if path.is_file():
            return Succeeded(str(path))
        if self._clock.monotonic() >= grant.deadline:
            return Refused("the time to send it was over before anything was written")
        part = path.with_name(f".{path.name}.{os.getpid()}.part")
        try:
            self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            with part.open("wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            # A disk may have hung meanwhile, and a person may be about to send again.
            if self._clock.monotonic() >= grant.deadline:
                part.unlink()
                return Refused("the time to send it was over before it was written")
            part.rename(path)
        except OSError as fault:
            with contextlib.suppress(OSError):
                part.unlink()
            return Refused(f"not written: {fault.strerror or fault} ({path})")
        try:
            with _opened(self._folder) as folder:
                os.fsync(folder)
        except OSError as fault:
            # It is there now; whether it still is after a crash, nobody knows.
            return Uncertain(f"written, but not safely: {fault.strerror or fault} ({path})")
        return Succeeded(str(path))


@contextlib.contextmanager
def _opened(folder: Path) -> Iterator[int]:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def reply_mail(grant: Grant, text: str, signature: str, now: datetime) -> EmailMessage:
    """The reply as a mail (RFC 5322). Nothing in it can add a header or break out of one."""
    author = grant.author or Author(surface=grant.origin.surface, id="")
    subject = _header(grant.subject)[:300] or "your message"
    subject = subject if subject.lower().startswith("re:") else f"Re: {subject}"
    return _mail(grant, signature or "Support", _recipient(author), subject, text, now)


def first_mail(
    grant: Grant, to: str, subject: str, text: str, signature: str, now: datetime
) -> EmailMessage:
    """A mail that answers none, to the address ``to``; as safe as ``reply_mail``."""
    return _mail(
        grant, signature or "Sales", _address("", to, _NOBODY), _header(subject)[:300], text, now
    )


def _mail(
    grant: Grant, sender: str, to: Address, subject: str, text: str, now: datetime
) -> EmailMessage:
    # Long enough that an idempotency key stands on one line with its header's name.
    mail = EmailMessage(policy=policy.SMTP.clone(cte_type="7bit", max_line_length=200))
    mail["Date"] = format_datetime(now.astimezone(UTC))
    mail["Message-ID"] = f"<{grant.key[:32]}@{NO_HOST}>"
    mail["From"] = _address(sender, grant.approved_by.email)
    mail["To"] = to
    mail["Subject"] = subject
    mail["X-Deskhand-Proposal"] = grant.proposal
    mail["Idempotency-Key"] = grant.key
    mail.set_content(text.encode("utf-8", "replace").decode(), cte="quoted-printable")
    return mail


def _recipient(author: Author) -> Address:
    """Where a reply goes: the author's own address, if it is one."""
    return _address(author.name, author.email, _NOBODY)


def _address(name: str, email: str | None, fallback: str = f"support@{NO_HOST}") -> Address:
    spec = email if email and _ADDRESS.fullmatch(email) else fallback
    shown = _header(name)[:200]
    try:
        return Address(display_name=shown, addr_spec=spec)
    except (ValueError, IndexError, HeaderParseError):
        # A domain or local part that the grammar refuses although it looked like one.
        return Address(display_name=shown, addr_spec=fallback)


def _header(text: str) -> str:
    # An encoded word (RFC 2047) would be decoded on the way out, line breaks and all.
    return " ".join(_NOT_IN_HEADERS.sub(" ", text).replace("=?", "= ?").split())
