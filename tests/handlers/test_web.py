"""Health, readiness, metrics, the last resort, and the server that drains."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import pytest
from prometheus_client import CollectorRegistry, Counter, Gauge
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route
from starlette.types import ASGIApp

from bot.ports import StoreUnavailable
from handlers.web import (
    DRAIN_SECONDS,
    listening_socket,
    serve,
    stop_on_signals,
    web_app,
    worker_app,
)
from tests.fixtures_redis import STRICT, ServerProcess
from tests.handlers.rig import Rig, running_rig
from tests.standins.slack import SlackStandin
from tests.standins.wire import HttpFailure


@asynccontextmanager
async def serving(
    app: ASGIApp, host: str = "127.0.0.1", drain_seconds: int = DRAIN_SECONDS
) -> AsyncIterator[tuple[str, asyncio.Event]]:
    at = listening_socket(host, 0)
    stop = asyncio.Event()
    task = asyncio.create_task(serve(app, at, stop, drain_seconds))
    try:
        name = f"[{host}]" if ":" in host else host
        yield f"http://{name}:{at.getsockname()[1]}", stop
    finally:
        stop.set()
        await task


async def get(url: str) -> tuple[int, str]:
    async with aiohttp.ClientSession() as session, session.get(url) as answer:
        return answer.status, await answer.text()


async def answers(url: str) -> bool:
    """Whether new connections are taken."""
    try:
        await get(url + "/healthz")
    except aiohttp.ClientConnectionError:
        return False
    return True


async def test_a_process_that_is_well_says_so(rig: Rig) -> None:
    assert await get(rig.url + "/healthz") == (200, "ok\n")
    assert await get(rig.url + "/readyz") == (200, "ready\n")


async def test_without_a_store_it_lives_and_is_not_ready_and_mends(
    slack: SlackStandin, short_path: Path
) -> None:
    server = ServerProcess(short_path, *STRICT).start()
    try:
        async with running_rig(slack, server.url) as rig:
            server.freeze()
            before = time.monotonic()
            status, why = await get(rig.url + "/readyz")
            assert (status, time.monotonic() - before < 5) == (503, True)
            assert why.startswith("the store does not answer")
            assert why.count("\n") == 1
            assert (await get(rig.url + "/healthz"))[0] == 200
            server.thaw()
            assert (await get(rig.url + "/readyz"))[0] == 200
            server.stop(signal.SIGKILL)
            assert (await get(rig.url + "/readyz"))[0] == 503
            server.start()
            assert (await get(rig.url + "/readyz"))[0] == 200
    finally:
        server.stop()


async def test_without_auth_test_it_is_not_ready_until_it_succeeds(
    slack: SlackStandin, redis_url: str
) -> None:
    slack.faults.add("auth.test", HttpFailure(500), times=1)
    async with running_rig(slack, redis_url, identified=False) as rig:
        assert (await get(rig.url + "/readyz")) == (503, "auth.test has not succeeded yet\n")
        rig.inbound.start()
        await slack.signal.until(lambda: slack.log.calls("auth.test") or None)
        async with asyncio.timeout(30):
            while (why := (await get(rig.url + "/readyz"))[1]).endswith("yet\n"):
                pass
        assert why.startswith("auth.test has not succeeded yet: ")
        await slack.signal.until(lambda: len(slack.log.calls("auth.test")) >= 2 or None)
        async with asyncio.timeout(30):
            while (await get(rig.url + "/readyz"))[0] != 200:
                pass


async def test_a_check_that_hangs_is_not_ready_within_two_seconds() -> None:
    async def hangs() -> str | None:
        await asyncio.Event().wait()
        return None

    async with serving(web_app([hangs], CollectorRegistry())) as (url, _):
        before = time.monotonic()
        status, why = await get(url + "/readyz")
        assert (status, time.monotonic() - before < 5) == (503, True)
        assert "no answer" in why


async def test_metrics_are_of_the_registry_handed_in() -> None:
    registry = CollectorRegistry()
    Counter("deskhand_tickets", "Tickets", ["playbook"], registry=registry).labels("s").inc()
    waiting = Gauge("deskhand_waiting", "Waiting", registry=registry)

    async def refresh() -> None:
        waiting.set(3)

    async with serving(web_app([], registry, refresh_gauges=refresh)) as (url, _):
        status, text = await get(url + "/metrics")
        assert status == 200
        assert 'deskhand_tickets_total{playbook="s"} 1.0' in text
        assert "deskhand_waiting 3.0" in text
        assert "python_info" not in text


async def test_metrics_without_a_store_are_this_processs_own() -> None:
    registry = CollectorRegistry()
    Counter("deskhand_x", "X", registry=registry)
    waiting = Gauge("deskhand_waiting", "Waiting", ["playbook"], registry=registry)
    spent = Gauge("deskhand_budget_spent_usd", "Spent", registry=registry)
    here = True

    async def refresh() -> None:
        if not here:
            raise StoreUnavailable("gone")
        waiting.labels("support").set(3)
        spent.set(1.5)

    async with serving(worker_app([], registry, refresh)) as (url, _):
        for here in (True, False, True):
            status, text = await get(url + "/metrics")
            assert (status, "deskhand_x_total 0.0" in text) == (200, True)
            # What the store said last is not repeated as if it were so now.
            assert ('deskhand_waiting{playbook="support"} 3.0' in text) == here
            assert ("deskhand_budget_spent_usd 1.5" in text) == here


async def test_a_worker_answers_three_paths_only(slack: SlackStandin) -> None:
    async with serving(worker_app([], CollectorRegistry())) as (url, _):
        for path, status in (
            ("/healthz", 200),
            ("/readyz", 200),
            ("/metrics", 200),
            ("/slack/events", 404),
            ("/webhooks/helpdesk", 404),
            ("/console", 404),
        ):
            assert (path, (await get(url + path))[0]) == (path, status)


async def test_a_fault_is_503_and_logged_once(caplog: pytest.LogCaptureFixture) -> None:
    async def broken(request: Request) -> Response:
        raise RuntimeError("a fault of ours")

    async with serving(web_app([], CollectorRegistry(), routes=[Route("/x", broken)])) as (url, _):
        status, text = await get(url + "/x")
    assert status == 503
    assert "fault of ours" not in text
    faults = [record for record in caplog.records if record.levelname == "ERROR"]
    assert [record.name for record in faults] == ["deskhand.web"]
    assert "a fault of ours" in caplog.text


async def test_nothing_in_the_headers_names_the_server(rig: Rig) -> None:
    async with rig.http.get(rig.url + "/healthz") as answer:
        assert "server" not in answer.headers


async def test_a_client_that_goes_away_in_its_body_is_no_fault(
    rig: Rig, caplog: pytest.LogCaptureFixture
) -> None:
    host, _, port = rig.url.removeprefix("http://").partition(":")
    _, writer = await asyncio.open_connection(host, int(port))
    writer.write(b"POST /slack/events HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\nabc")
    await writer.drain()
    writer.close()
    await writer.wait_closed()
    assert (await get(rig.url + "/healthz"))[0] == 200
    assert [record for record in caplog.records if record.levelname == "ERROR"] == []


@pytest.mark.parametrize(
    "head",
    [
        b"POST /slack/events HTTP/1.1\r\nHost: x\r\nContent-Length: abc\r\n\r\n",
        b"POST /slack/events HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
        b"GET /\xff HTTP/1.1\r\nHost: x\r\n\r\n",
        b"NONSENSE\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\nBad Header: y\r\n\r\n",
    ],
)
async def test_what_is_no_http_is_never_5xx(rig: Rig, head: bytes) -> None:
    host, _, port = rig.url.removeprefix("http://").partition(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    writer.write(head)
    writer.write_eof()
    async with asyncio.timeout(30):
        line = await reader.readline()
    assert line.startswith((b"HTTP/1.1 400", b"HTTP/1.1 401", b"HTTP/1.1 404")), line
    writer.close()
    await writer.wait_closed()


async def test_sigterm_lets_what_is_under_way_end_and_takes_no_more() -> None:
    entered, leave = asyncio.Event(), asyncio.Event()

    async def slow(request: Request) -> Response:
        entered.set()
        await leave.wait()
        return PlainTextResponse("done")

    app = web_app([], CollectorRegistry(), routes=[Route("/slow", slow)])
    at = listening_socket("127.0.0.1", 0)
    url = f"http://127.0.0.1:{at.getsockname()[1]}"
    stop = asyncio.Event()
    with stop_on_signals(stop):
        task = asyncio.create_task(serve(app, at, stop))
        under_way = asyncio.create_task(get(url + "/slow"))
        await entered.wait()
        os.kill(os.getpid(), signal.SIGTERM)
        await stop.wait()
        async with asyncio.timeout(30):
            while await answers(url):
                pass
        leave.set()
        assert await under_way == (200, "done")
        async with asyncio.timeout(30):
            await task


async def test_what_never_ends_is_cut_off() -> None:
    async def endless(request: Request) -> Response:
        async def parts() -> AsyncIterator[bytes]:
            yield b"first"
            await asyncio.Event().wait()

        return StreamingResponse(parts())

    app = web_app([], CollectorRegistry(), routes=[Route("/events", endless)])
    async with aiohttp.ClientSession() as session:
        async with serving(app, drain_seconds=1) as (url, _):
            answer = await session.get(url + "/events")
            assert await answer.content.read(5) == b"first"
            before = time.monotonic()
        assert time.monotonic() - before < 8
        answer.close()
    assert DRAIN_SECONDS <= 6


async def test_whoever_is_cut_off_before_an_answer_is_told_to_come_again() -> None:
    entered = asyncio.Event()

    async def never(request: Request) -> Response:
        entered.set()
        await asyncio.Event().wait()
        return PlainTextResponse("never")

    app = web_app([], CollectorRegistry(), routes=[Route("/slow", never)])
    async with serving(app, drain_seconds=1) as (url, _):
        under_way = asyncio.create_task(get(url + "/slow"))
        await entered.wait()
    assert await under_way == (503, "stopping")


async def test_an_address_in_use_is_an_oserror() -> None:
    taken = listening_socket("127.0.0.1", 0)
    try:
        with pytest.raises(OSError, match="in use"):
            listening_socket("127.0.0.1", taken.getsockname()[1])
    finally:
        taken.close()


@pytest.mark.skipif(not socket.has_ipv6, reason="no IPv6 here")
async def test_ipv6_is_served() -> None:
    async with serving(worker_app([], CollectorRegistry()), "::1") as (url, _):
        assert (await get(url + "/healthz"))[0] == 200
