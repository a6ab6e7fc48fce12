"""Opaque button tokens: what a click carries, and all that is believed of it.

A token names one (proposal, revision, last claim, verb). The claim is in it because sending again
makes no new revision: *It did not arrive*, said of one sending, must not be heard of the next. It
is authenticated by 128 bits keyed with 128 random bits that only the store holds, so it cannot be
guessed or altered, a stale one is told from a forged one, and no table of tokens has to be kept.
Who pressed is never in it.

A seal is for looking again at a card, where its surface asks for it by a button: whoever has it was
shown the card. It names no revision, and nothing is decided by it.
"""

from __future__ import annotations

import base64
import binascii
import hmac
import secrets
from dataclasses import dataclass
from datetime import datetime
from typing import get_args

from bot.domain import Verb

_VERBS: tuple[Verb, ...] = get_args(Verb)
_ID_BYTES, _REVISION_BYTES, _CLAIM_BYTES, _MAC_BYTES = 10, 4, 4, 16
_VERB_AT = _ID_BYTES + _REVISION_BYTES + _CLAIM_BYTES
_LENGTH = _VERB_AT + 1 + _MAC_BYTES


@dataclass(frozen=True)
class Button:
    """What a well-formed token claims; true only once ``verify`` has said so."""

    proposal: str
    revision: int
    claim: int
    """``claim_mark`` of the last claim that its card knew of."""
    verb: Verb
    mac: bytes


def new_secret() -> str:
    """The key of a new proposal's tokens: 128 random bits in hexadecimal."""
    return secrets.token_hex(16)


def claim_mark(claimed_at: datetime | None) -> int:
    """What tells the claims of one proposal apart: 32 bits of the time, in milliseconds."""
    if claimed_at is None:
        return 0
    return int(claimed_at.timestamp() * 1000) % (1 << 8 * _CLAIM_BYTES)


def mint(
    proposal: str, secret: str, revision: int, verb: Verb, claimed_at: datetime | None = None
) -> str:
    """The token of one button, 47 URL-safe characters. ``claimed_at``: of the proposal's last
    claim."""
    head = _head(proposal, revision, claim_mark(claimed_at), verb)
    return base64.urlsafe_b64encode(head + _mac(secret, head)).decode().rstrip("=")


def read(token: str) -> Button | None:
    """What ``token`` claims, or None if it is not of a token's form. Verifies nothing."""
    try:
        raw = base64.b64decode(token + "=" * (-len(token) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        return None
    if len(raw) != _LENGTH or raw[_VERB_AT] >= len(_VERBS):
        return None
    return Button(
        proposal="p_" + base64.b32encode(raw[:_ID_BYTES]).decode().lower(),
        revision=int.from_bytes(raw[_ID_BYTES : _ID_BYTES + _REVISION_BYTES], "big"),
        claim=int.from_bytes(raw[_ID_BYTES + _REVISION_BYTES : _VERB_AT], "big"),
        verb=_VERBS[raw[_VERB_AT]],
        mac=raw[-_MAC_BYTES:],
    )


def verify(button: Button, secret: str) -> bool:
    """Whether this proposal's secret made the token. Constant time."""
    head = _head(button.proposal, button.revision, button.claim, button.verb)
    return hmac.compare_digest(button.mac, _mac(secret, head))


def seal(proposal: str, secret: str) -> str:
    """What a card carries for those who look at it again: 22 URL-safe characters."""
    return (
        base64.urlsafe_b64encode(_mac(secret, b"seal\n" + proposal.encode())).decode().rstrip("=")
    )


def was_shown(proof: str, proposal: str, secret: str) -> bool:
    """Whether ``proof`` is this proposal's seal, or the token of any button of any of its cards."""
    button = read(proof)
    if button is not None and button.proposal == proposal:
        return verify(button, secret)
    return hmac.compare_digest(proof.encode("utf-8", "replace"), seal(proposal, secret).encode())


def _head(proposal: str, revision: int, claim: int, verb: Verb) -> bytes:
    ident = base64.b32decode(proposal.removeprefix("p_").upper())
    numbers = revision.to_bytes(_REVISION_BYTES, "big") + claim.to_bytes(_CLAIM_BYTES, "big")
    return ident + numbers + bytes([_VERBS.index(verb)])


def _mac(secret: str, head: bytes) -> bytes:
    return hmac.digest(bytes.fromhex(secret), head, "sha256")[:_MAC_BYTES]


# --- sharing an answer ------------------------------------------------------------------------


def mint_share(proposal: str, secret: str) -> str:
    """The token of *Share*, for the answer's own asker: 36 URL-safe characters."""
    return base64.urlsafe_b64encode(_share_head(proposal) + _share_mac(proposal, secret)).decode()


def read_share(token: str) -> tuple[str, bytes] | None:
    """The proposal that a token names and its proof, or None if it is none. Verifies nothing."""
    try:
        raw = base64.b64decode(token, altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        return None
    if len(raw) != _ID_BYTES + _MAC_BYTES:
        return None
    return "p_" + base64.b32encode(raw[:_ID_BYTES]).decode().lower(), raw[_ID_BYTES:]


def verify_share(proposal: str, proof: bytes, secret: str) -> bool:
    """Whether this proposal's secret made the token. Constant time."""
    return hmac.compare_digest(proof, _share_mac(proposal, secret))


def _share_head(proposal: str) -> bytes:
    return base64.b32decode(proposal.removeprefix("p_").upper())


def _share_mac(proposal: str, secret: str) -> bytes:
    return _mac(secret, b"share:" + _share_head(proposal))
