"""What stands before the console: hosts, origins, forms, headers."""

from __future__ import annotations

import logging
import re
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.console.rig import Browser, browser, signed_in
from tests.live.product import Live, live
from tests.live.steps import QUESTION, card_that, config, replies, says

PAGES = ("/console", "/console/status", "/console/journal", "/console/login")


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "127.0.0.1.evil.example",
        "localhost",
        "evil.example:3000",
        "",
        "a b",
        "[::1]",
    ],
)
async def test_another_host_is_refused_and_the_rest_does_not_look(desk: Live, host: str) -> None:
    async with browser(desk.product.url) as window:
        for path in (*PAGES, "/console/static/console.css", "/console/nowhere"):
            assert (await window.get(path, Host=host)).status == 400, path
        assert (await window.post("/console/login", {"token": "x"}, Host=host)).status == 400
        if host:  # without one HTTP itself refuses
            assert (await window.get("/healthz", Host=host)).status == 200


async def test_hosts_of_the_config_are_answered(tmp_path: Path, redis_url: str) -> None:
    hosts = ["desk.internal", "10.1.2.3:80", "[::1]", "[2001:DB8:0::7]:8443", "Desk2.example.:8443"]
    named = config(public_url="https://Deskhand.example/", console={"hosts": hosts})
    async with live(tmp_path, redis_url, config=named) as desk, browser(desk.product.url) as window:
        for host in (
            *("deskhand.example", "deskhand.example:443", "DESK.internal", "10.1.2.3:8080"),
            *("[::1]", "[::1]:3000", "[2001:db8::7]", "desk2.example"),
        ):
            assert (await window.get("/console/login", Host=host)).status == 200, host
        for host in ("127.0.0.1", "[::2]", "[", "https", "::1", "[2001", "2001"):
            assert (await window.get("/console/login", Host=host)).status == 400, host
        mine = {"token": "x"}
        entered = await window.post(
            "/console/login", mine, origin="http://[::1]:3000", Host="[::1]:3000"
        )
        assert "two minutes" in entered.words, "a page of this address is the console's own"


async def test_every_answer_carries_the_headers(desk: Live) -> None:
    async with signed_in(desk) as agent:
        paths = (*PAGES, "/console/nowhere", "/console/tickets/t_none", "/console/static/icon.svg")
        for path in paths:
            answer = await agent.get(path)
            policy = answer.headers["Content-Security-Policy"]
            assert "default-src 'none'" in policy
            assert "unsafe" not in policy
            assert "frame-ancestors 'none'" in policy
            assert answer.headers["Referrer-Policy"] == "same-origin"
            assert answer.headers["X-Content-Type-Options"] == "nosniff"
            if path != "/console/static/icon.svg":
                assert answer.headers["Cache-Control"] == "no-store", path
                assert "<script>" not in answer.text
                assert " style=" not in answer.text
                assert " on" not in _attributes(answer.text)


def _attributes(text: str) -> str:
    return " ".join(f" {name}" for name in re.findall(r"\s(on[a-z]+)=", text))


async def _card(desk: Live) -> str:
    await says(desk, QUESTION)
    card = await card_that(desk, "pending")
    return str(card.payload["proposal"])


@pytest.mark.parametrize(
    "origin",
    [
        None,
        "null",
        "https://evil.example",
        "http://127.0.0.1",
        "http://127.0.0.1:1",
        "http://127.0.0.1.evil.example",
        "http://user@127.0.0.1",
        "ftp://127.0.0.1",
        "not an origin",
    ],
)
async def test_a_foreign_origin_decides_nothing(
    desk: Live, origin: str | None, caplog: pytest.LogCaptureFixture
) -> None:
    proposal = await _card(desk)
    async with signed_in(desk) as agent:
        form = {"csrf": (await agent.get("/console")).csrf, "revision": "1"}
        path = f"/console/proposals/{proposal}/approve"
        assert (await agent.post(path, form, origin=origin)).status == 403
        if origin is not None:
            entered = await agent.post("/console/login", {"token": "x"}, origin=origin)
            assert entered.status == 403
        out = await agent.post("/console/logout", form, origin=origin)
        assert out.status == 403
        assert (await agent.get("/console")).cards()[proposal]["state"] == "pending"
    assert replies(desk) == []
    assert [one for one in caplog.records if one.levelno >= logging.ERROR] == []


async def test_another_scheme_of_the_public_host_is_foreign(tmp_path: Path, redis_url: str) -> None:
    named = config(public_url="https://127.0.0.1")
    async with live(tmp_path, redis_url, config=named) as desk, browser(desk.product.url) as window:
        port = urlsplit(desk.product.url).port
        for origin, status in (
            (f"http://127.0.0.1:{port}", "That did not come"),
            (f"https://127.0.0.1:{port}", "two minutes"),
            ("https://127.0.0.1", "two minutes"),
        ):
            answer = await window.post("/console/login", {"token": "x"}, origin=origin)
            assert answer.status == 403
            assert status in answer.words, origin


async def test_a_form_of_another_session_decides_nothing(desk: Live) -> None:
    proposal = await _card(desk)
    async with signed_in(desk) as agent, signed_in(desk, "U0AGENT2") as other:
        theirs = (await other.get("/console")).csrf
        for csrf in (theirs, "", "x", (await agent.get("/console")).csrf[:-1]):
            answer = await agent.decide(proposal, "approve", csrf=csrf)
            assert answer.status == 403, csrf
        assert (await agent.get("/console")).cards()[proposal]["state"] == "pending"


async def test_what_is_no_form_is_refused(desk: Live) -> None:
    proposal = await _card(desk)
    path = f"/console/proposals/{proposal}/approve"
    async with signed_in(desk) as agent:
        csrf = (await agent.get("/console")).csrf
        assert await _status(agent, path, "application/json", b"{}") == 415
        assert await _status(agent, path, "multipart/form-data; boundary=x", b"--x--") == 415
        form = "application/x-www-form-urlencoded"
        assert await _status(agent, path, form, b"csrf=%ff") == 400
        many = b"&".join(b"a=1" for _ in range(2_000))
        assert await _status(agent, path, form, many) == 400
        assert await _status(agent, path, form, b"a=" + b"x" * 300_000) == 413
        assert (await agent.post(path, {"csrf": csrf, "revision": "1"})).status == 303


async def _status(agent: Browser, path: str, kind: str, body: bytes) -> int:
    headers = {"Content-Type": kind, "Origin": agent.origin}
    async with agent.session.post(agent.url + path, data=body, headers=headers) as answer:
        return answer.status


async def test_methods_and_addresses(desk: Live) -> None:
    async with signed_in(desk) as agent:
        assert (await agent.get("/console/")).headers["Location"] == "/console"
        assert (await agent.get("/consoles")).status == 404
        assert (await agent.get("/console/static/../app.py")).status == 404
        assert (await agent.get("/console/static/%2e%2e%2fapp.py")).status == 404
        assert (await agent.get("/console/logout")).status == 405
        assert (await agent.post("/console", {})).status == 405
        answer = await agent.get("/console/static/console.js")
        assert answer.headers["Content-Type"].startswith("text/javascript")
        page = await agent.get("/console")
        for asset in ("console.css", "console.js", "htmx.min.js", "icon.svg"):
            path = page.text.partition(f"/console/static/{asset}")[1:]
            named = "".join(path).partition('"')[0]
            kept = await agent.get(named)
            assert "immutable" in kept.headers["Cache-Control"], named
