"""Tokens: who is believed, and that no bad one costs a call or raises."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import aiohttp
import jwt
import pytest

from handlers.guard import Refused
from handlers.teams_hosts import service_address
from handlers.teams_token import REST_SECONDS, STALE_SECONDS, SigningKeys, TokenCheck, keys_from
from tests.handlers.rig import WallClock
from tests.standins.teams.issuer import APP_ID, Issuer, issuer_standin, signer
from tests.standins.wire import DropReply, Hang, HttpFailure

HERE = "https://smba.trafficmanager.net/emea/"


class Clock(WallClock):
    def __init__(self) -> None:
        self.later = 0.0

    def monotonic(self) -> float:
        return time.monotonic() + self.later


@dataclass
class Door:
    issuer: Issuer
    check: TokenCheck
    clock: Clock

    async def status(self, token: str | bytes | None) -> int:
        """200, or how it is refused."""
        if isinstance(token, str):
            token = f"Bearer {token}".encode()
        try:
            await self.check.check(token)
        except Refused as refused:
            return refused.status
        return 200


@pytest.fixture
async def door() -> AsyncIterator[Door]:
    clock = Clock()
    async with issuer_standin() as issuer, aiohttp.ClientSession() as session:
        keys = SigningKeys(keys_from(session, issuer.keys_url), clock)
        yield Door(issuer, TokenCheck(APP_ID, keys, clock), clock)


async def test_a_good_token_says_where_it_is_from_and_keys_are_fetched_once(door: Door) -> None:
    for _ in range(3):
        token = f"Bearer {door.issuer.token(HERE)}".encode()
        assert (await door.check.check(token)).service_url == HERE
    assert door.issuer.fetches == 1


def forged(head: dict[str, Any], claims: dict[str, Any], signature: bytes = b"") -> str:
    def part(value: dict[str, Any]) -> str:
        return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")

    end = base64.urlsafe_b64encode(signature).decode().rstrip("=")
    return f"{part(head)}.{part(claims)}.{end}"


GOOD = {"iss": "https://api.botframework.com", "aud": APP_ID, "exp": 4_000_000_000}
GARBAGE: list[bytes | None] = [
    None,
    b"",
    b"Bearer",
    b"Bearer ",
    b"Basic dXNlcjpwdw==",
    b"Bearer garbage",
    b"Bearer a.b.c",
    b"Bearer \xff\xfe",
    b"Bearer " + b"x" * 20_000,
    b"Bearer " + forged({"alg": "none", "kid": "key-one"}, GOOD).encode(),
    b"Bearer " + forged({"alg": "NONE", "kid": "key-one"}, GOOD).encode(),
    b"Bearer " + forged({"alg": "RS256", "kid": "key-one"}, GOOD, b"x" * 256).encode(),
    b"Bearer " + forged({"alg": "RS256", "kid": ["key-one"]}, GOOD, b"x").encode(),
    b"Bearer " + forged({"alg": "RS256"}, GOOD, b"x").encode(),
    b"Bearer " + base64.urlsafe_b64encode(b"[" * 9_000) + b".e30.x",
]


@pytest.mark.parametrize("header", GARBAGE, ids=range(len(GARBAGE)))
async def test_garbage_is_401(door: Door, header: bytes | None) -> None:
    assert await door.status(header) == 401


@pytest.mark.parametrize(
    "claims",
    [
        {"aud": "another-app"},
        {"aud": [APP_ID]},
        {"aud": None},
        {"iss": "https://sts.windows.net/d6d49420-f39b-4df7-a1dc-d59a935871db/"},
        {"iss": f"https://login.microsoftonline.com/{APP_ID}/v2.0"},
        {"iss": None},
        {"exp": None},
        {"exp": int(time.time()) - 5},
        {"exp": "soon"},
        {"nbf": int(time.time()) + 3600},
        {"nbf": "later"},
    ],
    ids="".join,  # by name alone: two processes collect them, each at its own time
)
async def test_a_token_of_another_kind_is_401(door: Door, claims: dict[str, Any]) -> None:
    assert await door.status(door.issuer.token(HERE, **claims)) == 401


async def test_only_rs256_by_the_issuers_own_key(door: Door) -> None:
    issuer, mine = door.issuer, signer("key-one")
    assert await door.status(issuer.token(HERE, by=mine)) == 401
    assert await door.status(issuer.token(HERE, algorithm="RS512")) == 401
    # The public key as an HMAC secret: the oldest trick.
    head = {"alg": "HS256", "kid": "key-one", "typ": "JWT"}
    signed = forged(head, GOOD).rsplit(".", 1)[0]
    hmac = jwt.algorithms.HMACAlgorithm(jwt.algorithms.HMACAlgorithm.SHA256)
    mac = hmac.sign(signed.encode(), issuer.current.public_pem)
    assert await door.status(forged(head, GOOD, mac)) == 401


async def test_a_tokens_own_key_addresses_are_never_followed(door: Door) -> None:
    mine = signer("mine")
    async with issuer_standin() as theirs:
        theirs.published = [mine]
        for head in ({"jku": theirs.keys_url}, {"x5u": theirs.keys_url}, {"jwk": mine.jwk}):
            assert await door.status(door.issuer.token(HERE, by=mine, head=head)) == 401
        assert theirs.fetches == 0


async def test_a_rotation_is_followed_at_once_and_the_old_key_ends(door: Door) -> None:
    old = door.issuer.current
    assert await door.status(door.issuer.token(HERE)) == 200
    door.issuer.rotate("key-two")
    assert await door.status(door.issuer.token(HERE)) == 200
    assert await door.status(door.issuer.token(HERE, by=old)) == 401
    assert door.issuer.fetches == 3


async def test_unknown_keys_do_not_make_us_call_out_for_each_request(door: Door) -> None:
    mine = signer("nobodys")
    assert [await door.status(door.issuer.token(HERE, by=mine)) for _ in range(20)] == [401] * 20
    assert door.issuer.fetches == 1
    door.clock.later += REST_SECONDS
    assert await door.status(door.issuer.token(HERE, by=mine)) == 401
    assert door.issuer.fetches == 2


@pytest.mark.parametrize("fault", [HttpFailure(500), DropReply(), Hang(), HttpFailure(200, "<p>")])
async def test_without_keys_it_is_503_and_known_ones_go_on(door: Door, fault: Any) -> None:
    rule = door.issuer.faults.add("keys", fault, times=None)
    began = time.monotonic()
    assert await door.status(door.issuer.token(HERE)) == 503
    assert time.monotonic() - began < 8
    rule.times = 0
    door.clock.later += REST_SECONDS
    assert await door.status(door.issuer.token(HERE)) == 200
    rule.times = None
    door.clock.later += STALE_SECONDS / 1.5
    assert await door.status(door.issuer.token(HERE)) == 200
    door.clock.later += STALE_SECONDS
    assert await door.status(door.issuer.token(HERE)) == 503


async def test_while_keys_are_away_a_rotated_key_is_503_and_never_401(door: Door) -> None:
    """Teams sends again after a 503: after a 401 the message would be lost."""
    assert await door.status(door.issuer.token(HERE)) == 200
    rule = door.issuer.faults.add("keys", HttpFailure(500), times=None)
    door.issuer.rotate("key-two")
    assert [await door.status(door.issuer.token(HERE)) for _ in range(3)] == [503] * 3
    assert door.issuer.fetches == 2, "and they are asked for once"
    rule.times = 0
    door.clock.later += REST_SECONDS
    assert await door.status(door.issuer.token(HERE)) == 200


async def test_a_key_that_does_not_sign_for_teams_is_401(door: Door) -> None:
    door.issuer.current.endorsements = ["webchat"]
    assert await door.status(door.issuer.token(HERE)) == 401


async def test_there_is_no_check_without_an_app_id(door: Door) -> None:
    async with aiohttp.ClientSession() as session:
        keys = SigningKeys(keys_from(session), door.clock)
        with pytest.raises(ValueError, match="app id"):
            TokenCheck("", keys, door.clock)


ALLOWED = {
    "https://smba.trafficmanager.net/emea/": "https://smba.trafficmanager.net/emea",
    "https://SMBA.trafficmanager.net:443/de/": "https://smba.trafficmanager.net/de",
    "https://europe.webchat.botframework.com/": "https://europe.webchat.botframework.com",
    "https://pilot.botframework.us": "https://pilot.botframework.us",
    "https://canary.botapi.teams.microsoft.com/amer/": (
        "https://canary.botapi.teams.microsoft.com/amer"
    ),
    "https://smba.infra.gcc.teams.microsoft.com/teams": (
        "https://smba.infra.gcc.teams.microsoft.com/teams"
    ),
}
REFUSED = [
    "http://smba.trafficmanager.net/",
    "https://smba.trafficmanager.net:8443/",
    "https://smba.trafficmanager.net:0/",
    "https://user@smba.trafficmanager.net/",
    "https://smba.trafficmanager.net@evil.example/",
    "https://evilbotframework.com/",
    "https://botframework.com/",
    "https://x.botframework.com.evil.example/",
    "https://evil.example/?x=.botframework.com",
    "https://evil.example#.botframework.com",
    "https://evil.example\\.botframework.com/",
    "https://other.trafficmanager.net/",
    "https://x.smba.trafficmanager.net/",
    "https://smba.trafficmanager.net./",
    "https://smba..trafficmanager.net/",
    "https://smba.trafficmanager.net/../x",
    "https://smba.trafficmanager.net/%2e%2e",
    "https://169.254.169.254/latest/meta-data/",
    "https://[::1]/",
    "https://127.0.0.1/",
    "https://bоtframework.com/",
    "https://x.\nbotframework.com/",
    "https://-.botframework.com/",
    "https://smba.trafficmanager.net:x/",
    "smba.trafficmanager.net",
    "",
    "https://x.botframework.com/" + "a" * 600,
]


@pytest.mark.parametrize("url", ALLOWED)
def test_a_connector_of_microsofts(url: str) -> None:
    assert service_address(url) == ALLOWED[url]


@pytest.mark.parametrize("url", REFUSED)
def test_no_token_goes_anywhere_else(url: str) -> None:
    assert service_address(url) is None
    assert service_address(url, emulator=True) in (None, "https://[::1]", "https://127.0.0.1")


@pytest.mark.parametrize(
    ("url", "address"),
    [
        ("http://localhost:56150/_connector/", "http://localhost:56150/_connector"),
        ("http://127.0.0.1:1/", "http://127.0.0.1:1"),
        ("http://[::1]:1", "http://[::1]:1"),
        ("https://smba.trafficmanager.net/emea/", None),
        ("http://localhost.evil.example/", None),
        ("http://192.0.2.1/", None),
        ("http://[::ffff:127.0.0.1]/", None),
        ("ftp://localhost/", None),
    ],
)
def test_the_emulator_is_on_this_machine(url: str, address: str | None) -> None:
    assert service_address(url, emulator=True) == address
