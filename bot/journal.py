"""The journal's entries and its hash chain, as values.

The store appends an entry in the same atomic step as the state it tells of: no journal, no effect.
Right after, whichever process comes first *seals* it, in order: the link of an entry is the
SHA-256 of the link before it, its id and its bytes. Sealing is kept out of the atomic step because
a server script has no SHA-256 and because a chain computed by the writers would make every writer
wait for every other; what is not yet sealed is at most a second old, and ``verify`` seals first.

Personal text and tool arguments never stand in an entry: they lie beside the chain under the
entry's id, and the entry holds their salted hashes. Erasing a text erases its salt.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from pydantic import Field, JsonValue

from bot.domain import Frozen, Proposal

EntryKind = Literal[
    "delivery",
    "ticket",
    "run",
    "model_call",
    "tool_call",
    "proposal",
    "handoff",
    "answer",
    "decision",
    "transition",
    "claim",
    "effect",
    "card",
    "operator",
    "head",
    "unreadable",
]
"""
delivery: an event was taken in. ticket: opened, or grew. run: begun, or cancelled.
model_call, tool_call: one call, with cost and latency.
proposal, handoff, answer: how a run ended. decision: a person's.
transition: a change of state without one. claim: an action is dispatched.
effect: what became of it. card: a copy was posted, updated or lost. operator: pause, erase, resume.
head: the chain's head was signed. unreadable: never written; what another version wrote and this
one does not know is read as such.
"""


class Entry(Frozen):
    """One line of the record. ``data`` holds figures and names of states, never personal text."""

    kind: EntryKind
    ticket: str | None = None
    run: str | None = None
    proposal: str | None = None
    playbook: str | None = None
    actor: str | None = None
    data: dict[str, JsonValue] = Field(default_factory=dict)
    texts: dict[str, str] = Field(default_factory=dict)
    """Personal texts by name. The store moves them out and leaves their salted hashes."""


def about(proposal: Proposal) -> dict[str, JsonValue]:
    """What the figures of every entry about a proposal are kept apart by. ``first_run`` stands
    there only where it is false: the ticket has been worked on before."""
    run = proposal.run
    data: dict[str, JsonValue] = {
        "route": proposal.content.route if proposal.content else None,
        "model": proposal.model,
        "prompt_version": proposal.prompt_version,
    }
    return data if run.generation == 1 and not run.feedback else data | {"first_run": False}


@dataclass(frozen=True)
class Stored:
    """An entry as it lies in the store."""

    id: str
    """``<milliseconds>-<n>``: the store's own time and order."""
    raw: bytes
    """The exact bytes that the chain covers."""
    link: bytes | None
    """32 bytes, or None while unsealed."""


GENESIS = hashlib.sha256(b"deskhand journal").digest()
"""The link before the first entry."""


def link(previous: bytes, entry_id: str, raw: bytes) -> bytes:
    """The chain's link of one entry: 32 bytes."""
    ident = entry_id.encode("ascii")
    return hashlib.sha256(previous + len(ident).to_bytes(2, "big") + ident + raw).digest()


def salted(salt: bytes, text: str) -> str:
    """The hash that stands in the chain for a text: hexadecimal SHA-256 of salt and text."""
    return hashlib.sha256(salt + text.encode("utf-8", "surrogatepass")).hexdigest()


@dataclass(frozen=True)
class Broken:
    """The first entry that does not fit the chain, and why."""

    id: str
    position: int
    why: Literal["altered", "missing", "unsealed_gap", "segment_missing", "segment_forged"]
    """altered: its bytes or link do not fit. missing: a link has no entry (or the reverse).
    segment_missing, segment_forged: a file of archived entries (``id`` is its name) is not there,
    or nobody with our secret has written it so."""


@dataclass(frozen=True)
class Verified:
    """The chain holds: so many entries, and the last link."""

    entries: int
    head: bytes
    unreadable: int = 0
    """How many of them another version wrote: their bytes fit, what they say is not known here."""
    first_unreadable: str | None = None


def verify(entries: Iterable[Stored], start: bytes = GENESIS) -> Verified | Broken:
    """Follow the chain from ``start``. The first entry that does not fit is named."""
    previous, count = start, 0
    for stored in entries:
        if stored.link is None or not stored.raw:
            return Broken(stored.id, count, "missing")
        expected = link(previous, stored.id, stored.raw)
        if not hmac.compare_digest(expected, stored.link):
            return Broken(stored.id, count, "altered")
        previous, count = expected, count + 1
    return Verified(count, previous)


def sign_head(secret: str, entries: int, head: bytes) -> str:
    """``<entries>:<head hex>:<hmac hex>``: what is logged each hour and kept elsewhere."""
    body = f"{entries}:{head.hex()}"
    mac = hmac.new(secret.encode(), b"head:" + body.encode(), hashlib.sha256).hexdigest()
    return f"{body}:{mac}"


def read_head(secret: str, text: str) -> tuple[int, bytes] | None:
    """The entries and head that ``text`` vouches for, or None if this secret did not sign it."""
    try:
        count, head, _ = text.strip().split(":")
        parsed = int(count), bytes.fromhex(head)
    except ValueError:
        return None
    return parsed if hmac.compare_digest(sign_head(secret, *parsed), text.strip()) else None
