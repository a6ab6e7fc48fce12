"""Sign in with Slack, against an OpenID provider that also says what is false."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import aiohttp
import jwt
import pytest
from aiohttp import web
from cryptography.hazmat.primitives.asymmetric import rsa

from tests.console.rig import Answer, Browser, browser
from tests.live.product import Live, live
from tests.standins.slack import SlackStandin, slack_standin
from tests.standins.wire import serving

CLIENT = "1234.5678"


def new_key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


KEY, OTHER_KEY = new_key(), new_key()


@dataclass
class Provider:
    """Slack's two OpenID methods in front of the rest of the stand-in."""

    slack: SlackStandin
    url: str = ""
    claims: dict[str, Any] = field(default_factory=dict)
    key: rsa.RSAPrivateKey = KEY
    algorithm: str = "RS256"
    answer: dict[str, Any] = field(default_factory=dict)
    asked: list[dict[str, str]] = field(default_factory=list)

    @property
    def environment(self) -> dict[str, str]:
        return {
            "SLACK_API_URL": f"{self.url}/api/",
            "SLACK_AUTHORIZE_URL": f"{self.url}/openid/connect/authorize",
            "SLACK_CLIENT_ID": CLIENT,
            "SLACK_CLIENT_SECRET": "a-client-secret",
        }

    async def token(self, request: web.Request) -> web.Response:
        self.asked.append({name: str(value) for name, value in (await request.post()).items()})
        now = int(time.time())
        claims = {
            "iss": "https://slack.com",
            "aud": CLIENT,
            "sub": "U0AGENT",
            "iat": now,
            "exp": now + 300,
            "https://slack.com/team_id": "T0TEAM",
            "https://slack.com/user_id": "U0AGENT",
            **self.claims,
        }
        kept = {name: value for name, value in claims.items() if value is not None}
        signer: Any = self.key if self.algorithm == "RS256" else "x" * 32
        token = jwt.encode(kept, signer, self.algorithm, headers={"kid": "k1"})
        return web.json_response({"ok": True, "id_token": token, **self.answer})

    async def keys(self, request: web.Request) -> web.Response:
        key = jwt.algorithms.RSAAlgorithm.to_jwk(KEY.public_key(), as_dict=True)
        return web.json_response({"keys": [{**key, "kid": "k1", "use": "sig", "alg": "RS256"}]})

    async def onward(self, request: web.Request) -> web.Response:
        headers = {"Authorization": request.headers.get("Authorization", "")}
        if kind := request.headers.get("Content-Type"):
            headers["Content-Type"] = kind
        async with (
            aiohttp.ClientSession() as session,
            session.request(
                request.method,
                self.slack.api_url + request.match_info["method"],
                params=request.query,
                data=await request.read(),
                headers=headers,
            ) as answer,
        ):
            return web.Response(
                status=answer.status, body=await answer.read(), content_type=answer.content_type
            )


@asynccontextmanager
async def provider() -> AsyncIterator[Provider]:
    async with slack_standin() as slack:
        made = Provider(slack)
        app = web.Application()
        app.add_routes(
            [
                web.post("/api/openid.connect.token", made.token),
                web.get("/api/openid.connect.keys", made.keys),
                web.route("*", "/api/{method}", made.onward),
            ]
        )
        async with serving(app) as port:
            made.url = f"http://127.0.0.1:{port}"
            yield made


@pytest.fixture
async def slack(tmp_path: Path, redis_url: str) -> AsyncIterator[tuple[Provider, Live]]:
    async with (
        provider() as one,
        live(tmp_path, redis_url, environment=one.environment) as desk,
    ):
        yield one, desk


async def begin(window: Browser) -> dict[str, str]:
    """Press *Sign in with Slack*; what Slack is asked."""
    page = await window.get("/console/login")
    assert 'href="/console/login/slack"' in page.text
    sent = await window.get("/console/login/slack")
    assert sent.status == 303
    address = urlsplit(sent.headers["Location"])
    assert address.path == "/openid/connect/authorize"
    (cookie,) = sent.cookies
    assert "HttpOnly" in cookie
    return {name: values[0] for name, values in parse_qs(address.query).items()}


async def back(window: Browser, state: str, code: str = "c0de") -> Answer:
    return await window.get(f"/console/login/slack/back?state={state}&code={code}")


async def test_a_member_signs_in(slack: tuple[Provider, Live]) -> None:
    one, desk = slack
    async with browser(desk.product.url) as window:
        asked = await begin(window)
        assert asked["response_type"] == "code"
        assert "openid" in asked["scope"].split()
        assert asked["client_id"] == CLIENT
        assert asked["team"] == "T0TEAM"
        assert asked["redirect_uri"] == "http://127.0.0.1:3000/console/login/slack/back"
        one.claims = {"nonce": asked["nonce"]}
        entered = await back(window, asked["state"])
        assert entered.status == 303, entered.words
        assert entered.headers["Location"] == "/console"
        (sent,) = one.asked
        assert sent["code"] == "c0de"
        assert sent["client_secret"] == "a-client-secret"
        assert sent["redirect_uri"] == asked["redirect_uri"]
        assert "Alex Agent" in (await window.get("/console")).words
        again = await back(window, asked["state"])
        assert again.status == 403, "the state served once"


@pytest.mark.parametrize(
    "claims",
    [
        {"nonce": "another"},
        {"nonce": None},
        {"https://slack.com/team_id": "T0OTHER"},
        {"https://slack.com/team_id": None},
        {"aud": "another-app"},
        {"iss": "https://evil.example"},
        {"exp": 1},
        {"iat": None},
        {"https://slack.com/user_id": "U0GUEST"},
        {"https://slack.com/user_id": "U0GONE"},
        {"https://slack.com/user_id": "U0STRANGER"},
        {"https://slack.com/user_id": "U0BOT"},
        {"https://slack.com/user_id": "U0UNKNOWN"},
    ],
)
async def test_a_token_that_does_not_prove_it_lets_nobody_in(
    slack: tuple[Provider, Live], claims: dict[str, Any]
) -> None:
    one, desk = slack
    async with browser(desk.product.url) as window:
        asked = await begin(window)
        one.claims = {"nonce": asked["nonce"], **claims}
        refused = await back(window, asked["state"])
        assert refused.status in (403, 503)
        assert not any("deskhand_session=" in cookie for cookie in refused.cookies)
        assert (await window.get("/console")).status == 303


async def test_forged_signatures_and_answers(slack: tuple[Provider, Live]) -> None:
    one, desk = slack
    for key, algorithm, answer in (
        (OTHER_KEY, "RS256", {}),
        (KEY, "HS256", {}),
        (KEY, "RS256", {"ok": False, "error": "invalid_code"}),
        (KEY, "RS256", {"id_token": "x.y.z"}),
        (KEY, "RS256", {"id_token": 7}),
    ):
        one.key, one.algorithm, one.answer = key, algorithm, answer
        async with browser(desk.product.url) as window:
            asked = await begin(window)
            one.claims = {"nonce": asked["nonce"]}
            refused = await back(window, asked["state"])
            assert refused.status == 403, answer
            assert not any("deskhand_session=" in cookie for cookie in refused.cookies)


async def test_a_state_of_another_browser_is_refused(slack: tuple[Provider, Live]) -> None:
    one, desk = slack
    async with browser(desk.product.url) as window, browser(desk.product.url) as victim:
        asked = await begin(window)
        one.claims = {"nonce": asked["nonce"]}
        assert (await back(victim, asked["state"])).status == 403
        await begin(victim)
        assert (await back(victim, asked["state"])).status == 403
        assert (await back(window, "x")).status == 403
        assert one.asked == []
        denied = await window.get("/console/login/slack/back?error=access_denied&state=x")
        assert denied.status == 403


async def test_without_the_apps_credentials_there_is_no_such_way(desk: Live) -> None:
    async with browser(desk.product.url) as window:
        assert "/console/login/slack" not in (await window.get("/console/login")).text
        assert (await window.get("/console/login/slack")).status == 404
        assert (await window.get("/console/login/slack/back?code=x&state=x")).status == 404
