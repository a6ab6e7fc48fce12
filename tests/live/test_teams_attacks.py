"""Whoever pretends to be Teams: refused, with no request going out, and the process lives.

Against a loopback issuer with RSA keys of its own. What goes out is counted at the socket.
"""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import jwt
import pytest

from bot.store.references import RedisReferences
from tests.live.steps import idle
from tests.live.teams_product import QUESTION, TeamsLive, teams_live, tickets
from tests.standins.sockets import outgoing
from tests.standins.teams.issuer import APP_ID, ISSUER, Issuer, issuer_standin, signer
from tests.standins.teams.world import OTHER_TENANT, TENANT, executes
from tests.standins.wire import HttpFailure


@pytest.fixture
async def desk(tmp_path: Path, redis_url: str) -> AsyncIterator[TeamsLive]:
    async with teams_live(tmp_path, redis_url) as running:
        yield running


def only_ours(desk: TeamsLive, connected: set[str]) -> None:
    """Nobody was connected to but the product itself, its store, and the issuer for its keys."""
    ours = {urlsplit(url).netloc for url in (desk.product.url, desk.teams.issuer.keys_url)}
    strangers = {at for at in connected - ours if not at.startswith("/")}
    assert not strangers
    assert not desk.teams.log


def forged(head: dict[str, Any], claims: dict[str, Any], signature: bytes = b"") -> str:
    def part(value: bytes) -> str:
        return base64.urlsafe_b64encode(value).decode().rstrip("=")

    return ".".join(
        (part(json.dumps(head).encode()), part(json.dumps(claims).encode()), part(signature))
    )


def hmac_by_public_key(issuer: Issuer, claims: dict[str, Any]) -> str:
    """The oldest trick: the public key, which everybody has, as a secret."""
    head = {"alg": "HS256", "kid": issuer.current.kid, "typ": "JWT"}
    signed = forged(head, claims).rsplit(".", 1)[0].encode()
    hmac = jwt.algorithms.HMACAlgorithm(jwt.algorithms.HMACAlgorithm.SHA256)
    return forged(head, claims, hmac.sign(signed, issuer.current.public_pem))


def bad_tokens(issuer: Issuer, here: str, thieves: Issuer) -> Iterator[tuple[str, str | None]]:
    """Every kind of token that proves nothing, by name."""
    good = {"iss": ISSUER, "aud": APP_ID, "exp": 4_000_000_000, "serviceurl": here}
    mine, kid = signer(issuer.current.kid), issuer.current.kid
    yield "none", None
    yield "empty", ""
    yield "garbage", "garbage"
    yield "three parts of garbage", "a.b.c"
    yield "not to be read", "x" * 20_000
    yield "nested", base64.urlsafe_b64encode(b"[" * 9_000).decode() + ".e30.x"
    for algorithm in ("none", "None", "NONE"):
        yield f"alg {algorithm}", forged({"alg": algorithm, "kid": kid}, good)
    yield "HS256 by the public key", hmac_by_public_key(issuer, good)
    yield "RS512", issuer.token(here, algorithm="RS512")
    yield "no signature", forged({"alg": "RS256", "kid": kid}, good)
    yield "a known kid, another's key", issuer.token(here, by=mine)
    yield "another audience", issuer.token(here, aud="another")
    yield "several audiences", issuer.token(here, aud=[APP_ID, "another"])
    yield "no audience", issuer.token(here, aud=None)
    yield "expired", issuer.token(here, exp=1_700_000_000)
    yield "without end", issuer.token(here, exp=None)
    yield "not yet", issuer.token(here, nbf=4_000_000_000)
    yield "of nobody", issuer.token(here, iss=None)
    sts, v2 = "https://sts.windows.net", "https://login.microsoftonline.com"
    for emulator in ("d6d49420-f39b-4df7-a1dc-d59a935871db", TENANT):
        yield "of the emulator", issuer.token(here, iss=f"{sts}/{emulator}/", ver="1.0")
        yield "of a skill", issuer.token(here, iss=f"{v2}/{emulator}/v2.0", ver="2.0", azp="bot")
    for head in ({"jku": thieves.keys_url}, {"x5u": thieves.keys_url}, {"jwk": mine.jwk}):
        yield f"with its own {min(head)}", issuer.token(here, by=mine, head=head)
    yield "critical", issuer.token(here, head={"crit": ["b64"], "b64": False})
    # Last, for after it the keys are not asked for again for a while.
    yield "an unknown kid", issuer.token(here, by=signer("nobodys"))


async def test_a_bad_token_is_401_and_nothing_goes_out(desk: TeamsLive) -> None:
    issuer, here = desk.teams.issuer, desk.teams.service_url
    async with issuer_standin() as thieves:
        with outgoing() as connected:
            for name, token in bad_tokens(issuer, here, thieves):
                activity = desk.people.activity("customer", text=QUESTION)
                sent = await desk.people.send(activity, token=token)
                assert sent.status == 401, name
            assert thieves.fetches == 0
            assert issuer.fetches <= 2
            assert await tickets(desk) == 0
            at = urlsplit(desk.product.url)
            _, writer = await asyncio.open_connection(at.hostname, at.port)
            writer.close()
        assert at.netloc in connected, "connections are seen"
        only_ours(desk, connected)
    await desk.pending()  # it lives, and the true issuer's tokens are good


async def test_a_rotation_in_the_middle_is_followed_and_the_old_key_ends(desk: TeamsLive) -> None:
    issuer, here = desk.teams.issuer, desk.teams.service_url
    card = await desk.pending()
    view = (await desk.people.opened("agent", card)).card
    old, before = issuer.current, issuer.fetches
    issuer.rotate("key-two")
    stolen = desk.people.activity("customer", text=QUESTION)
    assert (await desk.people.submit("agent", card, view, "deskhand.approve")).code == 200
    await desk.becomes(card, "succeeded")
    assert issuer.fetches == before + 1
    for kid in ("key-one", "key-two"):  # by the old key, under either name
        token = issuer.token(here, by=old, head={"kid": kid})
        assert (await desk.people.send(stolen, token=token)).status == 401
    assert await tickets(desk) == 1


async def test_keys_that_are_not_to_be_had_are_503(desk: TeamsLive) -> None:
    rule = desk.teams.issuer.faults.add("keys", HttpFailure(500), times=None)
    desk.teams.issuer.rotate("key-two")
    sent = await desk.people.message(QUESTION)
    assert sent.status == 503
    assert sent.seconds < 5
    rule.times = 0


FOREIGN = [
    "http://169.254.169.254/latest/meta-data/",
    "https://169.254.169.254/",
    "https://[fd00:ec2::254]/",
    "https://metadata.google.internal/",
    "https://evilbotframework.com/",
    "https://botframework.com.evil.example/",
    "https://smba.trafficmanager.net.evil.example/",
    "https://smba.trafficmanager.net@evil.example/",
    "https://evil.example/smba.trafficmanager.net/",
    "https://evil.example#.botframework.com/",
    "https://smba.trafficmanager.net:8443/",
    "http://smba.trafficmanager.net/emea/",
    "https://teams.microsoft.com.evil.example/",
    "https://2130706433/",
    "http://127.0.0.1:1/",
    "http://localhost:1/",
    "file:///etc/passwd",
    "",
]


async def test_a_foreign_service_url_is_403_even_with_a_token_for_it(desk: TeamsLive) -> None:
    card = await desk.pending()
    view = (await desk.people.opened("agent", card)).card
    token = next(o["data"]["token"] for o in executes(view) if o["verb"] == "deskhand.approve")
    await idle(desk)  # type: ignore[arg-type]  # looks at the product alone
    seen = len(desk.teams.log)
    with outgoing() as connected:
        for url in FOREIGN:
            message = desk.people.activity("customer", text="Another one", serviceUrl=url)
            press = desk.people.pressed("agent", card, "deskhand.approve", token)
            for_it = desk.teams.issuer.token(url)
            for activity in (message, {**press, "serviceUrl": url}):
                assert (await desk.people.send(activity)).status == 403, url
                assert (await desk.people.send(activity, token=for_it)).status == 403, url
                assert (await desk.people.send(activity, token=None)).status == 401, url
        assert await tickets(desk) == 1
    strangers = {at for at in connected if not at.startswith("/")}
    assert strangers <= {urlsplit(desk.product.url).netloc}
    assert len(desk.teams.log) == seen
    (now,) = desk.teams.world.cards()
    assert now.state == "pending"
    # Nothing of theirs is kept to be written to later.
    kept = await RedisReferences(desk.product.store.wire, desk.product.store.keys).conversations()
    assert {urlsplit(one.service_url).netloc for one in kept} == {urlsplit(desk.teams.url).netloc}


async def test_a_token_without_the_activitys_service_url_is_403(desk: TeamsLive) -> None:
    activity = desk.people.activity("customer", text=QUESTION)
    for claimed in (None, "", "https://smba.trafficmanager.net/emea/"):
        token = desk.teams.issuer.token(claimed)
        assert (await desk.people.send(activity, token=token)).status == 403
    del activity["serviceUrl"]
    assert (await desk.people.send(activity)).status == 403


async def test_what_came_by_another_channel_of_the_bot_is_403(desk: TeamsLive) -> None:
    """The same issuer signs for them, and in a web chat its writer says who they are."""
    card = await desk.pending()
    view = (await desk.people.opened("agent", card)).card
    token = next(o["data"]["token"] for o in executes(view) if o["verb"] == "deskhand.approve")
    message = desk.people.activity("customer", text="Another one")
    press = desk.people.pressed("agent", card, "deskhand.approve", token)
    for channel in ("webchat", "directline", "emulator", "MSTEAMS", "", None, 5):
        for activity in (message, press):
            assert (await desk.people.send({**activity, "channelId": channel})).status == 403
    assert await tickets(desk) == 1
    (now,) = desk.teams.world.cards()
    assert now.state == "pending"


async def test_another_tenant_is_403(desk: TeamsLive) -> None:
    activity = desk.people.activity("customer", text=QUESTION)
    activity["channelData"]["tenant"]["id"] = OTHER_TENANT
    assert (await desk.people.send(activity)).status == 403
    del activity["channelData"]["tenant"]
    del activity["conversation"]["tenantId"]
    assert (await desk.people.send(activity)).status == 403
    assert await tickets(desk) == 0
