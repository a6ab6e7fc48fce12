"""Signed intake over HTTP: ``POST /webhooks/{name}``, by the Standard Webhooks scheme.

The scheme is www.standardwebhooks.com; its library checks the signature, its age included. The
order is the contract's: unknown name 404, size 413, signature 401, body 400, store away 503.
"""

from __future__ import annotations

import asyncio
import base64
import hmac
import logging
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from pydantic import SecretStr
from standardwebhooks import Webhook, WebhookVerificationError
from standardwebhooks.webhooks import hmac_data
from starlette.datastructures import Headers

from bot.config import Config
from bot.domain import Delivery, Place
from bot.logs import about
from bot.ports import Clock, Store, StoreUnavailable
from bot.ports.spans import traceparent_of
from bot.ticket_body import InvalidBody, read_body
from handlers.guard import Refused, parse_object

log = logging.getLogger("deskhand.webhooks")

ACCEPT_SECONDS: Final = 1.8
"""Not durable after this is 503, within the two seconds of the contract."""

_MAX_ID = 256


class BadSecret(ValueError):
    """A webhook's secret is empty, or ``whsec_`` without base64 behind it."""


@dataclass(frozen=True)
class WebhookIntake:
    """One webhook as configured: who listens, and the shared secret from its variable."""

    name: str
    playbook: str
    secret: bytes

    @classmethod
    def of(cls, name: str, playbook: str, secret: str) -> WebhookIntake:
        """With the secret as it stands in the environment. Raises ``BadSecret``."""
        return cls(name, playbook, secret_bytes(secret))


def secret_bytes(secret: str) -> bytes:
    """The key of ``whsec_`` + base64, or the raw bytes of anything else. Raises ``BadSecret``.

    The library takes a text without the prefix for base64 too, and skips signs that are none:
    ours is raw (DESIGN 6.1) and strict, so that a mistyped secret is found at the start."""
    key = secret.encode()
    if secret.startswith("whsec_"):
        text = secret.removeprefix("whsec_").rstrip("=")
        try:
            key = base64.b64decode(text + "=" * (-len(text) % 4), validate=True)
        except ValueError as bad:
            raise BadSecret("behind `whsec_` stands no base64") from bad
    if not key:
        raise BadSecret("is empty")
    return key


def verify(secret: bytes, headers: Headers, body: bytes) -> str:
    """The ``webhook-id`` of a request whose signature holds. Raises ``Refused(401)``."""
    given = {
        name: headers.get(name, "")
        for name in ("webhook-id", "webhook-timestamp", "webhook-signature")
    }
    if len(given["webhook-id"]) > _MAX_ID:
        raise Refused(401, "the webhook-id is too long")
    try:
        if _is_utf8(body):
            Webhook(secret).verify(body, given, json_parse=False)
        else:
            _verify_bytes(secret, given, body)
    # The library raises plain ValueErrors for a signature list that it cannot split or decode.
    except (WebhookVerificationError, ValueError, OverflowError) as wrong:
        raise Refused(401, "the signature does not fit") from wrong
    return given["webhook-id"]


def _is_utf8(body: bytes) -> bool:
    try:
        body.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def _verify_bytes(secret: bytes, given: Mapping[str, str], body: bytes) -> None:
    """The same check for a body that is no text: the library signs text only, and who may send
    is settled before what they sent. Raises ``WebhookVerificationError``."""
    head = f"{given['webhook-id']}.{given['webhook-timestamp']}.".encode()
    expected = hmac_data(secret, head + body)
    for signature in given["webhook-signature"].split(" "):
        version, _, value = signature.partition(",")
        if version == "v1" and hmac.compare_digest(base64.b64decode(value), expected):
            break
    else:
        raise WebhookVerificationError("No matching signature found")
    # An empty text signed with the same id and time lets the library judge the headers' age.
    stamp = datetime.fromtimestamp(float(given["webhook-timestamp"]), tz=UTC)
    empty = Webhook(secret).sign(given["webhook-id"], stamp, "")
    Webhook(secret).verify(b"", {**given, "webhook-signature": empty}, json_parse=False)


class Webhooks:
    """Every webhook of this deployment."""

    def __init__(self, store: Store, clock: Clock, intakes: Mapping[str, WebhookIntake]) -> None:
        self._store = store
        self._clock = clock
        self._intakes = intakes

    def known(self, name: str) -> bool:
        return name in self._intakes

    async def take(self, name: str, headers: Headers, body: bytes) -> None:
        """Save one signed request; return when it is durable. Raises ``Refused``."""
        intake = self._intakes.get(name)
        if intake is None:
            raise Refused(404, "no such webhook")
        webhook_id = verify(intake.secret, headers, body)
        delivery = delivery_of(
            intake, webhook_id, parse_object(body), self._clock.now(), headers.get("traceparent")
        )
        try:
            async with asyncio.timeout(ACCEPT_SECONDS):
                await self._store.accept(delivery)
        except (StoreUnavailable, TimeoutError) as away:
            with about(trace_id=delivery.trace_id):
                log.warning("deskhand: %s is not durable: %s", delivery.id, away or "too late")
            raise Refused(503, "not durable yet; send it again") from away


def webhooks_of(
    config: Config, secrets: Mapping[str, SecretStr], store: Store, clock: Clock
) -> Webhooks:
    """One intake for each webhook that a playbook listens to."""
    heard = {
        listen.webhook: name
        for name, playbook in config.playbooks.items()
        for listen in playbook.listen
        if listen.webhook is not None
    }
    return Webhooks(
        store,
        clock,
        {
            name: WebhookIntake.of(
                name, heard[name], secrets[webhook.secret_env].get_secret_value()
            )
            for name, webhook in config.webhooks.items()
            if name in heard
        },
    )


def delivery_of(
    intake: WebhookIntake,
    webhook_id: str,
    body: Mapping[str, Any],
    now: datetime,
    traceparent: str | None = None,
) -> Delivery:
    """The generic body as a delivery. Raises ``Refused(400)``."""
    try:
        given = read_body(body)
    except InvalidBody as invalid:
        raise Refused(400, str(invalid)) from invalid
    return Delivery(
        id=f"webhook:{intake.name}:{webhook_id}",
        kind="message",
        playbook=intake.playbook,
        # The webhook-id, not the ticket's: the same ticket speaks again under a new one.
        origin=Place(surface="webhook", place=intake.name, thread=given.id, message=webhook_id),
        author=given.written_by("webhook", intake.name),
        subject=given.subject or "",
        text=given.body,
        thread=given.earlier("webhook", intake.name, now),
        url=given.link,
        received_at=now,
        trace_id=secrets.token_hex(16),
        link=traceparent_of(traceparent),
    )
