"""The bearer token of a request from Teams, verified before anybody reads what it carries.

The library's own check takes an empty app id for leave to let everybody in, answers an unknown key
with a fault, and fetches keys without a time limit; so PyJWT stands in front of it. Only tokens of
the Bot Framework's own issuer count: those of skills and of the emulator come from other issuers
and are refused. A token's ``jku``, ``x5u`` and ``jwk`` are never followed.

Facts: learn.microsoft.com, Bot Framework, "Authentication with the Bot Connector API".
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Protocol

import aiohttp
import jwt
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

from handlers.guard import Refused

log = logging.getLogger("deskhand.teams")

ISSUER: Final = "https://api.botframework.com"
KEYS_URL: Final = "https://login.botframework.com/v1/.well-known/keys"
"""What the issuer's metadata names as ``jwks_uri``; a constant, so that no answer can move it."""
CHANNEL: Final = "msteams"

KEYS_SECONDS: Final = 1.5
"""For a fetch of the keys; the request that waits for it is answered within 2 s."""
FRESH_SECONDS: Final = 24 * 3600.0
"""Keys older than this are fetched anew."""
STALE_SECONDS: Final = 48 * 3600.0
"""While no new ones are to be had, older ones count for so long."""
REST_SECONDS: Final = 5.0
"""After a fetch that did not bring the key asked for, or failed, the next is so far off: garbage
must not make us call out for each request."""

_LONGEST = 16 * 1024
_AHEAD_SECONDS = 300.0
"""How far ahead another's clock may be; Microsoft's own library allows the same."""
_KEYS_BYTES = 1024 * 1024
_SMALLEST_KEY = 2048


class Times(Protocol):
    """The part of the clock that is needed here."""

    def now(self) -> Any: ...

    def monotonic(self) -> float: ...


FetchKeys = Callable[[], Awaitable[Mapping[str, Any]]]
"""Fetches a JSON Web Key Set. Raises ``KeysAway``."""


class KeysAway(Exception):
    """The issuer's keys are not to be had now."""


@dataclass(frozen=True)
class Verified:
    """What a good token says."""

    service_url: str
    """Of its ``serviceurl`` claim; empty where it has none, which fits no activity."""


@dataclass(frozen=True)
class _Key:
    public: RSAPublicKey
    endorsed: bool
    """Whether it may sign for Teams."""


class SigningKeys:
    """The issuer's keys by their ``kid``, fetched when needed, one fetch at a time."""

    def __init__(self, fetch: FetchKeys, clock: Times) -> None:
        self._fetch = fetch
        self._clock = clock
        self._keys: dict[str, _Key] = {}
        self._fetched_at: float | None = None
        self._failed = False
        """Whether the last fetch did: then an unknown key may be a new one of the issuer's."""
        self._rests_until = float("-inf")
        self._fetching = asyncio.Lock()

    async def get(self, kid: str) -> _Key | None:
        """The key of this id; None: the issuer has none. Raises ``KeysAway``."""
        if (found := self._keys.get(kid)) is not None and self._age() < FRESH_SECONDS:
            return found
        async with self._fetching:
            if (found := self._keys.get(kid)) is not None and self._age() < FRESH_SECONDS:
                return found
            if self._clock.monotonic() >= self._rests_until:
                await self._refresh(kid)
            # While they are not to be had, nobody can say that a token by a new one is bad.
            if self._age() >= STALE_SECONDS or (self._failed and kid not in self._keys):
                raise KeysAway("the issuer's keys are not to be had")
            return self._keys.get(kid)

    async def _refresh(self, kid: str) -> None:
        try:
            async with asyncio.timeout(KEYS_SECONDS):
                given = await self._fetch()
            self._keys = _usable(given)
        except (KeysAway, TimeoutError) as away:
            self._failed = True
            self._rest()
            log.warning("deskhand: the Bot Framework's keys are not to be had: %s", away or "late")
            return
        self._failed = False
        self._fetched_at = self._clock.monotonic()
        if kid not in self._keys:
            self._rest()

    def _rest(self) -> None:
        self._rests_until = self._clock.monotonic() + REST_SECONDS

    def _age(self) -> float:
        if self._fetched_at is None:
            return float("inf")
        return self._clock.monotonic() - self._fetched_at


class TokenCheck:
    """Verifies ``Authorization`` headers for one app id."""

    def __init__(self, app_id: str, keys: SigningKeys, clock: Times) -> None:
        if not app_id:
            raise ValueError("without an app id everybody's token would fit")
        self._app_id = app_id
        self._keys = keys
        self._clock = clock

    async def check(self, authorization: bytes | None) -> Verified:
        """What the token says. Raises ``Refused``: 401 for every fault of the token, 503 where the
        issuer's keys are not to be had."""
        token = _bearer(authorization)
        try:
            head = jwt.get_unverified_header(token)
        except (jwt.PyJWTError, ValueError, RecursionError) as bad:
            raise Refused(401, "the token cannot be read") from bad
        kid = head.get("kid")
        if head.get("alg") != "RS256" or not isinstance(kid, str) or not kid or "crit" in head:
            raise Refused(401, "the token is not signed as Teams signs")
        try:
            key = await self._keys.get(kid)
        except KeysAway as away:
            raise Refused(503, str(away)) from away
        if key is None:
            raise Refused(401, "nobody knows the token's key")
        if not key.endorsed:
            raise Refused(401, "the token's key does not sign for Teams")
        return self._verified(token, key)

    def _verified(self, token: str, key: _Key) -> Verified:
        try:
            claims = jwt.decode(
                token,
                key.public,
                algorithms=["RS256"],
                audience=self._app_id,
                issuer=ISSUER,
                options={
                    "require": ["exp", "iss", "aud"],
                    "verify_iat": False,
                    "verify_nbf": False,
                    "strict_aud": True,
                },
            )
        except (jwt.PyJWTError, ValueError, RecursionError) as bad:
            raise Refused(401, f"the token does not hold: {type(bad).__name__}") from bad
        not_before = claims.get("nbf")
        ahead = self._clock.now().timestamp() + _AHEAD_SECONDS
        if not_before is not None and (
            not isinstance(not_before, int | float) or not_before > ahead
        ):
            raise Refused(401, "the token is not valid yet")
        claimed = claims.get("serviceurl")
        return Verified(claimed if isinstance(claimed, str) else "")


def keys_from(session: aiohttp.ClientSession, url: str = KEYS_URL) -> FetchKeys:
    """Fetches keys over HTTP. ``url`` is another one in tests alone, and by code alone."""

    async def fetch() -> Mapping[str, Any]:
        try:
            async with session.get(url, allow_redirects=False) as answer:
                if answer.status != 200:
                    raise KeysAway(f"HTTP {answer.status}")
                body = b""
                async for chunk in answer.content.iter_chunked(64 * 1024):
                    body += chunk
                    if len(body) > _KEYS_BYTES:
                        raise KeysAway("an answer without end")
                given = json.loads(body)
        except (aiohttp.ClientError, OSError, ValueError, RecursionError) as fault:
            raise KeysAway(type(fault).__name__) from fault
        if not isinstance(given, dict):
            raise KeysAway("an answer that is not a key set")
        return given

    return fetch


def same_service(claimed: str, given: str) -> bool:
    """Whether a token's ``serviceurl`` is the activity's ``serviceUrl``."""
    return bool(claimed) and claimed.rstrip("/") == given.rstrip("/")


def _bearer(authorization: bytes | None) -> str:
    if authorization is None or len(authorization) > _LONGEST:
        raise Refused(401, "a bearer token is needed")
    scheme, _, token = authorization.partition(b" ")
    if scheme.lower() != b"bearer" or not token.strip().isascii():
        raise Refused(401, "a bearer token is needed")
    return token.strip().decode("ascii")


def _usable(given: Mapping[str, Any]) -> dict[str, _Key]:
    """The RSA keys of a set. Raises ``KeysAway`` where it holds none."""
    found: dict[str, _Key] = {}
    listed = given.get("keys")
    for one in listed if isinstance(listed, list) else ():
        if not isinstance(one, dict) or one.get("kty") != "RSA" or one.get("use", "sig") != "sig":
            continue
        kid = one.get("kid")
        try:
            public = jwt.PyJWK.from_dict(one, algorithm="RS256").key
        except (jwt.PyJWTError, ValueError, TypeError) as bad:
            log.warning("deskhand: a key of the Bot Framework cannot be read: %s", bad)
            continue
        if not isinstance(kid, str) or not isinstance(public, RSAPublicKey):
            continue
        if public.key_size < _SMALLEST_KEY:
            continue
        endorsements = one.get("endorsements")
        # Keys name the channels they may sign for; a set without such names is for all of them.
        endorsed = not isinstance(endorsements, list) or CHANNEL in endorsements
        found[kid] = _Key(public, endorsed)
    if not found:
        raise KeysAway("an answer without keys")
    return found
