"""Who is signed in: a signed cookie, its CSRF token, and the links that lead to one."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from dataclasses import dataclass
from typing import Any, Final

from itsdangerous import BadData, URLSafeTimedSerializer
from pydantic import ValidationError

from bot.domain import Actor
from bot.ports import Clock
from handlers.console.parts import SignIns

COOKIE: Final = "deskhand_session"
SIGN_IN_COOKIE: Final = "deskhand_sign_in"
SESSION_SECONDS: Final = 8 * 3600
LINK_SECONDS: Final = 120
SIGN_IN_SECONDS: Final = 600
"""How long a person may take at Slack's own sign-in page."""

_TOKEN_BYTES = 32


@dataclass(frozen=True)
class Session:
    """A person who has proven who they are. What they may do is asked anew each time."""

    id: str
    actor: Actor
    ends_at: float
    """Seconds since 1970."""


class Sessions:
    """Signs and reads session cookies. Their end is in the signature, not in the browser's hand."""

    def __init__(self, secret: str, sign_ins: SignIns, clock: Clock) -> None:
        self._secret = secret
        self._sign_ins = sign_ins
        self._clock = clock
        self._sessions = _serializer(secret, "deskhand.console.session")
        self._states = _serializer(secret, "deskhand.console.sign-in")

    def issue(self, actor: Actor) -> tuple[Session, str]:
        """A new session and the cookie's value."""
        ends_at = self._now() + SESSION_SECONDS
        session = Session(secrets.token_urlsafe(16), actor, ends_at)
        value = {"id": session.id, "actor": actor.model_dump(), "ends_at": ends_at}
        return session, str(self._sessions.dumps(value))

    async def read(self, cookie: str | None) -> Session | None:
        """The session that ``cookie`` carries. None: none, forged, over, or ended by its person.

        Raises ``StoreUnavailable``."""
        if not cookie or len(cookie) > 2_000:
            return None
        try:
            value: Any = self._sessions.loads(cookie, max_age=SESSION_SECONDS)
            actor = Actor.model_validate(value["actor"])
            session = Session(str(value["id"]), actor, float(value["ends_at"]))
        except (BadData, ValidationError, KeyError, TypeError, ValueError):
            return None
        if session.ends_at <= self._now() or await self._sign_ins.ended(session.id):
            return None
        return session

    async def end(self, session: Session) -> None:
        """Signed out: the cookie is worth nothing any more, wherever a copy of it is."""
        await self._sign_ins.end(session.id, round(session.ends_at - self._now()))

    def csrf(self, session: Session) -> str:
        """What the session's own forms carry, and nobody else can know."""
        text = b"deskhand.console.csrf:" + session.id.encode()
        return hmac.new(self._secret.encode(), text, hashlib.sha256).hexdigest()

    def csrf_holds(self, session: Session, given: str) -> bool:
        return hmac.compare_digest(self.csrf(session).encode(), given.encode("utf-8", "replace"))

    # --- links and Slack's sign-in ------------------------------------------------------------

    async def link(self, actor: Actor, seconds: int = LINK_SECONDS) -> str:
        """A new token that signs ``actor`` in, once, within ``seconds``."""
        token = secrets.token_urlsafe(_TOKEN_BYTES)
        await self._sign_ins.keep(token, actor, seconds)
        return token

    def sign_in_cookie(self, value: dict[str, str]) -> str:
        return str(self._states.dumps(value))

    def read_sign_in(self, cookie: str | None) -> dict[str, str] | None:
        """What was remembered when this browser left for Slack's sign-in page."""
        if not cookie or len(cookie) > 2_000:
            return None
        try:
            value: Any = self._states.loads(cookie, max_age=SIGN_IN_SECONDS)
        except BadData:
            return None
        return value if isinstance(value, dict) else None

    def _now(self) -> float:
        return self._clock.now().timestamp()


def _serializer(secret: str, salt: str) -> URLSafeTimedSerializer:
    return URLSafeTimedSerializer(
        secret, salt=salt, signer_kwargs={"digest_method": hashlib.sha256}
    )
