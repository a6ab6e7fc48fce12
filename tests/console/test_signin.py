"""Signing in: a link that works once, sessions that end, and nobody who is not known now."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from bot.clock import SystemClock
from bot.domain import Actor
from bot.store.signin import SignIns
from handlers.console.session import COOKIE, SESSION_SECONDS, Sessions
from tests.console.rig import asked_link, browser, signed_in
from tests.live.product import Live, live
from tests.live.steps import config, eventually

SECRET = "a-secret-of-thirty-two-characters"


def token_of(link: str) -> str:
    return link.rpartition("=")[2]


async def test_a_link_works_once_and_only_by_its_button(desk: Live) -> None:
    link = await asked_link(desk)
    token = token_of(link)
    async with browser(desk.product.url) as window:
        for _ in range(3):  # whatever looks at links uses none up
            assert (await window.get(f"/console/login?token={token}")).status == 200
        entered = await window.post("/console/login", {"token": token})
        assert entered.status == 303
        assert entered.headers["Location"] == "/console"
        (cookie,) = entered.cookies
        for part in ("HttpOnly", "SameSite=lax", "Path=/console"):
            assert part in cookie, cookie
        assert "Secure" not in cookie
        assert (await window.get("/console")).status == 200
    async with browser(desk.product.url) as again:
        used = await again.post("/console/login", {"token": token})
        assert used.status == 403
        assert used.cookies == ()
        assert "/agent console" in used.words
        assert (await again.get(f"/console/login?token={token}")).status == 403
        assert (await again.get("/console")).status == 303


@pytest.mark.parametrize("token", ["", "x", "A" * 43, "../../etc", "%00", "ü" * 50, "a" * 100_000])
async def test_a_forged_link_sets_nothing(desk: Live, token: str) -> None:
    async with browser(desk.product.url) as window:
        answer = await window.post("/console/login", {"token": token})
        assert answer.status == 403
        assert answer.cookies == ()


async def test_a_link_is_dead_after_two_minutes(desk: Live) -> None:
    token = token_of(await asked_link(desk))
    wire = desk.product.store.wire
    (key,) = await wire.command("KEYS", "*link:*")
    assert 110 < await wire.command("TTL", key) <= 120
    await wire.command("PEXPIRE", key, 1)
    await eventually(lambda: _gone(desk, key))
    async with browser(desk.product.url) as window:
        assert (await window.post("/console/login", {"token": token})).status == 403


async def _gone(desk: Live, key: bytes) -> bool:
    return not await desk.product.store.wire.command("EXISTS", key)


async def test_the_store_holds_no_token(desk: Live) -> None:
    token = token_of(await asked_link(desk)).encode()
    wire = desk.product.store.wire
    for key in await wire.command("KEYS", "*"):
        assert token not in key
        assert token not in await wire.command("DUMP", key)


async def test_of_many_who_press_at_once_one_comes_in(desk: Live) -> None:
    token = token_of(await asked_link(desk))
    async with browser(desk.product.url) as window:
        answers = await asyncio.gather(
            *(window.post("/console/login", {"token": token}) for _ in range(10))
        )
    assert sorted(answer.status for answer in answers) == [303] + [403] * 9


@pytest.mark.parametrize(
    ("user", "may"),
    [
        ("U0AGENT", True),
        ("U0AGENT2", True),
        ("U0MANAGER", True),
        ("U0NOBODY", False),
        ("U0GUEST", False),
        ("U0STRANGER", False),
    ],
)
async def test_who_has_a_card_to_see_may_ask(desk: Live, user: str, may: bool) -> None:
    answer = await desk.people.command("console", user=user)
    text = str(answer.body["text"])
    assert ("/console/login?token=" in text) == may
    assert may or "may not" in text


async def test_a_link_of_somebody_who_has_left_lets_nobody_in(desk: Live) -> None:
    link = await asked_link(desk)
    desk.slack.space.users["U0AGENT"].deleted = True
    people = desk.product.desk.context.surfaces.directories["slack"]
    people._persons._seconds = -1.0  # type: ignore[attr-defined]  # as if 4 s had passed
    async with browser(desk.product.url) as window:
        answer = await window.post("/console/login", {"token": token_of(link)})
        assert answer.status == 403
        assert answer.cookies == ()


async def test_signing_out_ends_every_copy_of_the_session(desk: Live) -> None:
    async with signed_in(desk) as agent, browser(desk.product.url) as copy:
        cookie = _cookie(agent)
        copy.session.cookie_jar.update_cookies({COOKIE: cookie})
        csrf = (await copy.get("/console")).csrf
        assert (await agent.post("/console/logout", {"csrf": "no"})).status == 403
        out = await agent.post("/console/logout", {"csrf": csrf})
        assert out.status == 303
        assert out.headers["Location"] == "/console/login"
        assert (await agent.get("/console")).status == 303
        copy.session.cookie_jar.update_cookies({COOKIE: cookie})
        assert (await copy.get("/console")).status == 303
        assert (await copy.get("/console/events")).status == 401


def _cookie(agent: object) -> str:
    jar = agent.session.cookie_jar  # type: ignore[attr-defined]
    return str(next(cookie.value for cookie in jar if cookie.key == COOKIE))


async def test_a_session_is_signed_and_ends_after_eight_hours(desk: Live) -> None:
    store = desk.product.store
    sign_ins = SignIns(store.wire, store.keys)
    actor = Actor(surface="slack", team="T0TEAM", id="U0AGENT")

    class Earlier(SystemClock):
        def now(self) -> datetime:
            return super().now() - timedelta(seconds=SESSION_SECONDS - 2)

    _, good = Sessions(SECRET, sign_ins, SystemClock()).issue(actor)
    _, other = Sessions("another-secret-of-other-people", sign_ins, SystemClock()).issue(actor)
    _, nearly = Sessions(SECRET, sign_ins, Earlier()).issue(actor)
    forged = good[:-4] + ("AAAA" if good[-4:] != "AAAA" else "BBBB")
    async with browser(desk.product.url) as window:

        async def status(cookie: str) -> int:
            window.session.cookie_jar.clear()
            window.session.cookie_jar.update_cookies({COOKIE: cookie})
            return (await window.get("/console")).status

        assert await status(good) == 200
        for wrong in (other, forged, "x", "a.b.c", good.partition(".")[0]):
            assert await status(wrong) == 303, wrong
        assert await status(nearly) == 200
        await eventually(lambda: _is(status(nearly), 303))


async def _is(coming: object, wanted: int) -> bool:
    return bool(await coming == wanted)  # type: ignore[misc]


async def test_behind_tls_the_cookie_is_secure(tmp_path: Path, redis_url: str) -> None:
    named = config(public_url="https://deskhand.example")
    async with live(tmp_path, redis_url, config=named) as desk, browser(desk.product.url) as window:
        answer = await desk.people.command("console", user="U0AGENT")
        assert "<https://deskhand.example/console/login?token=" in str(answer.body["text"])
        token = str(answer.body["text"]).partition("token=")[2].partition(">")[0]
        entered = await window.post(
            "/console/login",
            {"token": token},
            origin="https://deskhand.example",
            Host="deskhand.example",
        )
        assert entered.status == 303
        assert "Secure" in entered.cookies[0]


async def test_without_slack_there_is_still_a_wall(tmp_path: Path, redis_url: str) -> None:
    none = {"SLACK_BOT_TOKEN": "", "SLACK_SIGNING_SECRET": "", "SLACK_API_URL": ""}
    async with (
        live(tmp_path, redis_url, environment=none) as desk,
        browser(desk.product.url) as window,
    ):
        assert (await window.get("/console")).status == 303
        assert "/agent console" in (await window.get("/console/login")).words
