"""Sign in with Slack: OpenID Connect's code flow, each answer checked against what was asked.

``https://docs.slack.dev/authentication/sign-in-with-slack``: authorise, ``openid.connect.token``
with the code, an id token signed by RS256 whose keys are at ``openid.connect.keys``.
"""

from __future__ import annotations

import hmac
import logging
import secrets
from typing import Any, Final
from urllib.parse import urlencode

import jwt
from starlette.datastructures import QueryParams

from bot.domain import Actor
from handlers.console.parts import SlackOpenId

log = logging.getLogger("deskhand.console")

TEAM: Final = "https://slack.com/team_id"
USER: Final = "https://slack.com/user_id"
_LEEWAY_SECONDS: Final = 60


class NotProven(Exception):
    """Nobody is signed in; the words say why, for the log and the person."""


def begin(openid: SlackOpenId, redirect_uri: str, team: str) -> tuple[str, dict[str, str]]:
    """Where to send the browser, and what it must bring back: in its signed cookie until then."""
    kept = {"state": secrets.token_urlsafe(24), "nonce": secrets.token_urlsafe(24)}
    asked = {
        "response_type": "code",
        "scope": "openid profile",
        "client_id": openid.client_id,
        "state": kept["state"],
        "nonce": kept["nonce"],
        "redirect_uri": redirect_uri,
        **({"team": team} if team else {}),
    }
    mark = "&" if "?" in openid.authorize_url else "?"
    return f"{openid.authorize_url}{mark}{urlencode(asked)}", kept


async def finish(
    openid: SlackOpenId, given: QueryParams, kept: dict[str, str] | None, redirect_uri: str
) -> Actor:
    """Who signed in. Raises ``NotProven``."""
    if kept is None:
        raise NotProven("the sign-in took too long, or was begun in another browser")
    state = given.get("state") or ""
    if not hmac.compare_digest(state.encode(), kept.get("state", "").encode()):
        raise NotProven("the answer is not to what this browser asked")
    if given.get("error") or not given.get("code"):
        raise NotProven("Slack did not sign you in")
    try:
        answer = await openid.post(
            openid.api_url + "openid.connect.token",
            {
                "grant_type": "authorization_code",
                "client_id": openid.client_id,
                "client_secret": openid.client_secret,
                "code": given["code"],
                "redirect_uri": redirect_uri,
            },
        )
        if answer.get("ok") is not True or not isinstance(answer.get("id_token"), str):
            raise NotProven(f"Slack did not take the code ({answer.get('error')})")
        claims = _claims(openid, answer["id_token"], await openid.get(_keys_at(openid)))
        team = await openid.team()
    except (OSError, ValueError) as fault:
        log.warning("deskhand: Sign in with Slack: %s", fault)
        raise NotProven("Slack could not be asked just now") from fault
    nonce = claims.get("nonce")
    if not isinstance(nonce, str) or not hmac.compare_digest(
        nonce.encode(), kept.get("nonce", "").encode()
    ):
        raise NotProven("the token is not for this sign-in")
    user = claims.get(USER) or claims.get("sub")
    if not team or claims.get(TEAM) != team:
        raise NotProven("that is another workspace's account")
    if not isinstance(user, str) or not user:
        raise NotProven("the token names nobody")
    return Actor(surface="slack", team=team, id=user)


def _keys_at(openid: SlackOpenId) -> str:
    return openid.api_url + "openid.connect.keys"


def _claims(openid: SlackOpenId, token: str, keys: Any) -> dict[str, Any]:
    """The token's claims, once its signature, audience, issuer and time have held."""
    try:
        key_id = jwt.get_unverified_header(token).get("kid")
        listed = jwt.PyJWKSet.from_dict(dict(keys)).keys
        key = next((one for one in listed if key_id is None or one.key_id == key_id), None)
        if key is None:
            raise NotProven("the token is signed by a key that Slack does not name")
        return jwt.decode(
            token,
            key,
            algorithms=["RS256"],
            audience=openid.client_id,
            issuer=openid.issuers,
            leeway=_LEEWAY_SECONDS,
            options={"require": ["exp", "iat", "aud", "iss", "sub"]},
        )
    except jwt.PyJWTError as fault:
        log.warning("deskhand: Sign in with Slack: %s", fault)
        raise NotProven("Slack's token does not hold") from fault
