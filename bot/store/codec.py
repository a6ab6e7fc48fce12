"""How a value lies in the store: small, and with what a script must see in front of it.

A document is ``<version> <state> <digest> `` and then a packed value: scripts compare the head and
never look further. A packed value is one byte that says how, then the JSON of the model without
what has its default. Most are deflated with a dictionary of our own, which halves them again:
documents are short, and their words (field names, states) always the same.
"""

from __future__ import annotations

import zlib
from typing import TypeVar

from pydantic import BaseModel

from bot.domain import Board, Proposal, State, Ticket
from bot.lifecycle import digest
from bot.ports import Versioned
from bot.store.dictionary import DICTIONARY_1

Model = TypeVar("Model", bound=BaseModel)

_PLAIN, _DEFLATED_1 = b"0", b"1"
_SMALLEST = 96
"""Bytes below which deflating gains less than it costs."""
_LEVEL = 6
_WINDOW = -15
"""Raw deflate: no header and no check sum, which the server's own files have already."""

NONE = "-"
"""In the head: no state, no digest."""


BRIEFLY = 4_096
"""``smallest`` for what is kept for moments: deflating costs more than it saves."""
_PASSING: frozenset[State] = frozenset({"drafting", "approved", "executing"})
"""States that a proposal is in for moments, as a rule."""


def pack(value: BaseModel, smallest: int = _SMALLEST) -> bytes:
    """The bytes of a value. Raises ``ValueError`` for text that is not Unicode."""
    raw = value.model_dump_json(exclude_defaults=True).encode()
    return pack_bytes(raw, smallest)


def pack_bytes(raw: bytes, smallest: int = _SMALLEST) -> bytes:
    """The same for bytes that are JSON already."""
    if len(raw) < smallest:
        return _PLAIN + raw
    deflate = zlib.compressobj(_LEVEL, zlib.DEFLATED, _WINDOW, 8, 0, DICTIONARY_1)
    return _DEFLATED_1 + deflate.compress(raw) + deflate.flush()


def unpack(kind: type[Model], packed: bytes) -> Model:
    """The value again. Raises ``ValueError`` when these are not the bytes of such a value."""
    return kind.model_validate_json(unpack_bytes(packed))


def unpack_bytes(packed: bytes) -> bytes:
    """What ``pack_bytes`` was given."""
    how, rest = packed[:1], packed[1:]
    if how == _PLAIN:
        return rest
    if how != _DEFLATED_1:
        raise ValueError(f"a stored value begins with {how!r}: a newer Deskhand wrote it")
    inflate = zlib.decompressobj(_WINDOW, DICTIONARY_1)
    try:
        return inflate.decompress(rest) + inflate.flush()
    except zlib.error as error:
        raise ValueError(f"a stored value cannot be read: {error}") from error


def pack_document(document: Ticket | Proposal | Board, version: int) -> bytes:
    """A document as it lies in the store, under this version.

    The digest stands in the head of an approved proposal alone: only a claim compares it.
    """
    state = shown = NONE
    smallest = _SMALLEST
    if isinstance(document, Proposal):
        state = document.state
        if state == "approved":
            shown = digest(document)
        if state in _PASSING:
            smallest = BRIEFLY
    return f"{version} {state} {shown} ".encode() + pack(document, smallest)


Document = TypeVar("Document", Ticket, Proposal, Board)


def unpack_document(kind: type[Document], stored: bytes) -> Versioned[Document]:
    """The document and its version. Raises ``ValueError``."""
    version, _state, _digest, packed = stored.split(b" ", 3)
    return Versioned(unpack(kind, packed), int(version))
