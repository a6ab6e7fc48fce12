"""The Bot Framework's token issuer: real RSA keys, a key set over HTTP, and a rotation at any time.

``token`` makes a good token; every argument makes it another kind of bad one.
"""

from __future__ import annotations

import json
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import jwt
from aiohttp import web
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from tests.standins.wire import FaultPlan, HttpFailure, Pauses, drop, serving

ISSUER = "https://api.botframework.com"
APP_ID = "6f3a2b10-0000-4000-8000-00000000b074"


@dataclass
class Signer:
    """One key pair under its id."""

    kid: str
    key: rsa.RSAPrivateKey
    endorsements: list[str] = field(default_factory=lambda: ["msteams", "webchat"])

    @property
    def jwk(self) -> dict[str, Any]:
        public = json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(self.key.public_key()))
        return {**public, "kid": self.kid, "use": "sig", "endorsements": self.endorsements}

    @property
    def public_pem(self) -> bytes:
        return self.key.public_key().public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        )


def signer(kid: str) -> Signer:
    return Signer(kid, rsa.generate_private_key(public_exponent=65537, key_size=2048))


@dataclass
class Issuer:
    """``keys_url`` serves the public halves of ``published``; ``current`` signs."""

    keys_url: str
    current: Signer
    published: list[Signer]
    faults: FaultPlan
    fetches: int = 0

    @property
    def metadata_url(self) -> str:
        return self.keys_url.replace("/keys", "/openidconfiguration")

    def rotate(self, kid: str) -> Signer:
        """From now on another key signs and is published; the old one is gone."""
        self.current = signer(kid)
        self.published = [self.current]
        return self.current

    def token(
        self,
        service_url: str | None,
        *,
        by: Signer | None = None,
        key: Any = None,
        algorithm: str = "RS256",
        head: Mapping[str, Any] | None = None,
        age_s: float = 0,
        **claims: Any,
    ) -> str:
        """A token for one hour from ``age_s`` ago; a claim of ``None`` is left out."""
        by, now = by or self.current, time.time() - age_s
        payload = {
            "iss": ISSUER,
            "aud": APP_ID,
            "nbf": int(now - 60),
            "exp": int(now + 3600),
            "serviceurl": service_url,
            **claims,
        }
        payload = {name: value for name, value in payload.items() if value is not None}
        return jwt.encode(
            payload,
            by.key if key is None else key,
            algorithm=algorithm,
            headers={"kid": by.kid, **(head or {})},
        )


@asynccontextmanager
async def issuer_standin() -> AsyncIterator[Issuer]:
    """The issuer on loopback. Its faults are named ``keys``."""
    first, faults, pauses = signer("key-one"), FaultPlan(), Pauses()
    issuer = Issuer("", first, [first], faults)

    async def keys(request: web.Request) -> web.Response:
        issuer.fetches += 1
        fault = faults.take("keys", {})
        await pauses.before_effect(fault)
        match fault:
            case None:
                return web.json_response({"keys": [one.jwk for one in issuer.published]})
            case HttpFailure(status, body, content_type):
                return web.Response(status=status, text=body, content_type=content_type)
            case _:
                return drop(request)

    async def metadata(_: web.Request) -> web.Response:
        return web.json_response({"issuer": ISSUER, "jwks_uri": issuer.keys_url})

    app = web.Application()
    app.router.add_get("/v1/.well-known/keys", keys)
    app.router.add_get("/v1/.well-known/openidconfiguration", metadata)
    async with serving(app) as port:
        issuer.keys_url = f"http://127.0.0.1:{port}/v1/.well-known/keys"
        try:
            yield issuer
        finally:
            pauses.close()
