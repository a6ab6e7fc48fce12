"""What every request from outside must pass before anybody reads it: size, signature, form.

The order is the contract's: unknown route 404, size 413, signature 401, body 400. Nothing here
trusts a byte before its signature holds, and nothing that is signed can raise past a
``Refused``: JSON that nests without end, repeats a key or hides half a character is answered, not
crashed on (``json.loads`` by itself accepts all three).
"""

from __future__ import annotations

import asyncio
import hmac
import json
import re
from collections.abc import Iterable, Mapping
from typing import Any, Final
from urllib.parse import parse_qsl

from starlette.types import Receive, Scope

MAX_BODY: Final = 1024 * 1024
"""Bytes in a request's body, at most."""
MAX_DEPTH: Final = 64
"""Objects and lists within each other, at most."""
MAX_AGE_SECONDS: Final = 300
"""How old a signed timestamp may be, and how far ahead (docs.slack.dev, verifying requests)."""
BODY_SECONDS: Final = 10.0
"""How long a client may take over its body."""

_MAX_FIELDS = 64
_STRING = re.compile(r'"[^"\\]*+(?:\\.[^"\\]*+)*+"?', re.DOTALL)
"""A JSON string, or what is left of a text in which one does not end. It is taken out first: a
press comes with the whole card, whose brackets are few beside its words."""
_BRACKET = re.compile(r"[][{}]")
_SURROGATE = re.compile(r"\\u[dD][89a-fA-F]")


class Refused(Exception):
    """The request is answered with this status and nothing is done."""

    def __init__(self, status: int, reason: str) -> None:
        # No frozen dataclass: whoever catches an exception sets its traceback.
        super().__init__(status, reason)
        self.status = status
        self.reason = reason


class Disconnected(Exception):
    """The client went away in the middle of its body; there is nobody to answer."""


def header(headers: Iterable[tuple[bytes, bytes]], name: bytes) -> bytes | None:
    """The one value of a header, as raw bytes; None when absent or given more than once."""
    found = [value for key, value in headers if key == name]
    return found[0] if len(found) == 1 else None


async def read_body(scope: Scope, receive: Receive, limit: int = MAX_BODY) -> bytes:
    """The whole body, never holding more than ``limit`` bytes and one chunk.

    Raises ``Refused`` (413, or 408 for a client that dawdles) and ``Disconnected``.
    """
    declared = header(scope["headers"], b"content-length")
    if declared is not None and (not declared.isdigit() or int(declared[:12]) > limit):
        raise Refused(413, f"a body has {limit} bytes at most")
    message = await _next(receive)
    if not message.get("more_body", False):
        whole: bytes = message.get("body", b"")
        if len(whole) > limit:
            raise Refused(413, f"a body has {limit} bytes at most")
        return whole
    chunks, size = [message.get("body", b"")], len(message.get("body", b""))
    try:
        async with asyncio.timeout(BODY_SECONDS):
            while message.get("more_body", False):
                message = await _next(receive)
                chunks.append(message.get("body", b""))
                size += len(chunks[-1])
                if size > limit:
                    raise Refused(413, f"a body has {limit} bytes at most")
    except TimeoutError as late:
        raise Refused(408, "the body did not arrive in time") from late
    return b"".join(chunks)


async def _next(receive: Receive) -> Mapping[str, Any]:
    message = await receive()
    if message["type"] == "http.disconnect":
        raise Disconnected
    return message


def check_slack_signature(
    secret: bytes, headers: Iterable[tuple[bytes, bytes]], body: bytes, now: float
) -> None:
    """Check ``X-Slack-Signature`` over the raw bytes. Raises ``Refused(401)``.

    ``now`` is seconds since the epoch. The rule is Slack's v0: HMAC-SHA256 over
    ``v0:timestamp:body``; compared in constant time.
    """
    timestamp = signature = None
    for name, value in headers:
        if name == b"x-slack-request-timestamp":
            timestamp = value if timestamp is None else b""  # twice is none
        elif name == b"x-slack-signature":
            signature = value if signature is None else b""
    # bytes.isdigit knows ASCII digits alone: no sign, no space, no other script's numerals.
    if timestamp is None or signature is None or not timestamp.isdigit() or len(timestamp) > 12:
        raise Refused(401, "a signature and its timestamp are needed")
    if abs(now - int(timestamp)) >= MAX_AGE_SECONDS:
        raise Refused(401, "the timestamp is too old")
    digest = hmac.digest(secret, b"v0:" + timestamp + b":" + body, "sha256").hex()
    if not hmac.compare_digest(b"v0=" + digest.encode(), signature):
        raise Refused(401, "the signature does not fit")


def parse_object(body: bytes) -> dict[str, Any]:
    """The JSON object in ``body``, strictly. Raises ``Refused(400)``."""
    try:
        return parse_text(body.decode("utf-8"))
    except UnicodeDecodeError as wrong:
        raise Refused(400, "the body is not UTF-8") from wrong


def parse_text(text: str) -> dict[str, Any]:
    """The JSON object in ``text``: no duplicate key, no NaN, no lone surrogate, 64 deep at most.

    Raises ``Refused(400)``.
    """
    # Before the parse: the parser recurses, and 64 levels need 64 opening brackets at least.
    if text.count("{") + text.count("[") > MAX_DEPTH and _deeper_than(text, MAX_DEPTH):
        raise Refused(400, f"the body nests deeper than {MAX_DEPTH}")
    try:
        value = _STRICT.decode(text)
    except (ValueError, RecursionError) as wrong:
        raise Refused(400, "the body is not strict JSON") from wrong
    if not isinstance(value, dict):
        raise Refused(400, "the body is not an object")
    if _SURROGATE.search(text):
        try:
            json.dumps(value, ensure_ascii=False).encode("utf-8")
        except UnicodeEncodeError as wrong:
            raise Refused(400, "the body holds half a character") from wrong
    return value


def parse_slack(body: bytes, content_type: bytes | None) -> dict[str, Any]:
    """What Slack sent: an event's JSON, an interaction's ``payload=``, or a command's form.

    Raises ``Refused(400)``.
    """
    form = content_type is not None and content_type.strip().lower().startswith(
        b"application/x-www-form-urlencoded"
    )
    if not form or body.startswith(b"{"):
        return parse_object(body)
    try:
        pairs = parse_qsl(
            body.decode("utf-8"),
            keep_blank_values=True,
            encoding="utf-8",
            errors="strict",
            max_num_fields=_MAX_FIELDS,
        )
        fields = _unique(pairs)
    except ValueError as wrong:
        raise Refused(400, "the body is not a form in UTF-8") from wrong
    if "payload" in fields:
        return parse_text(fields["payload"])
    if "command" in fields or "ssl_check" in fields:
        return fields
    raise Refused(400, "the form holds neither a payload nor a command")


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    whole = dict(pairs)
    if len(whole) != len(pairs):
        raise ValueError("a key stands twice")
    return whole


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is no JSON")


_STRICT = json.JSONDecoder(object_pairs_hook=_unique, parse_constant=_no_constant)


def _deeper_than(text: str, limit: int) -> bool:
    depth = 0
    for bracket in _BRACKET.finditer(_STRING.sub("", text)):
        if bracket[0] in "[{":
            depth += 1
            if depth > limit:
                return True
        else:
            depth -= 1
    return False
