"""The HTTP side as one ASGI application, and the server under it.

Answers are the contract's: 404, 405, 408, 413, 401, 400, and 503 for everything that may be sent
again: no other 5xx leaves this house.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import signal
import socket
from collections.abc import Awaitable, Callable, Iterator, Sequence
from typing import Final

import uvicorn
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector
from starlette.applications import Starlette
from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import BaseRoute, Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from bot.ports import Store, StoreUnavailable
from bot.ports.spans import NO_SPANS, Spans
from handlers.guard import Disconnected, Refused, read_body
from handlers.slack import SlackInbound
from handlers.webhooks import Webhooks

log = logging.getLogger("deskhand.web")

READY_SECONDS: Final = 1.8
"""All readiness checks together; the answer comes within two seconds."""
GAUGES_SECONDS: Final = 1.0
DRAIN_SECONDS: Final = 5
"""What is under way may take this long after SIGTERM, while the worker drains beside it; the
process ends within ten seconds."""

BACKLOG: Final = 2048
_STOPS: Final = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)

ReadinessCheck = Callable[[], Awaitable[str | None]]
"""Why this process cannot serve yet, in one line; None when it can."""


def store_check(store: Store) -> ReadinessCheck:
    """Ready when the store answers."""

    async def check() -> str | None:
        try:
            await store.ready()
        except StoreUnavailable as away:
            return f"the store does not answer: {away}".splitlines()[0]
        return None

    return check


def worker_app(
    checks: Sequence[ReadinessCheck],
    registry: CollectorRegistry,
    refresh_gauges: Callable[[], Awaitable[None]] | None = None,
) -> ASGIApp:
    """``/healthz``, ``/readyz`` and ``/metrics`` alone. ``refresh_gauges`` reads the gauges that
    are the store's anew before each scrape."""
    return _Shielded(_starlette(_own_routes(checks, registry, refresh_gauges)), None)


def web_app(
    checks: Sequence[ReadinessCheck],
    registry: CollectorRegistry,
    *,
    slack: SlackInbound | None = None,
    webhooks: Webhooks | None = None,
    routes: Sequence[BaseRoute] = (),
    refresh_gauges: Callable[[], Awaitable[None]] | None = None,
    console: ASGIApp | None = None,
    spans: Spans = NO_SPANS,
) -> ASGIApp:
    """Everything. ``routes`` are further ones, such as Teams'."""
    own = _own_routes(checks, registry, refresh_gauges)
    if webhooks is not None:
        own.append(Route("/webhooks/{name}", _webhook(webhooks), methods=["POST"]))
    return _Shielded(
        _starlette([*own, *routes]),
        slack.asgi if slack is not None and slack.over_http else None,
        console,
        spans,
    )


def _starlette(routes: Sequence[BaseRoute]) -> Starlette:
    return Starlette(routes=list(routes), exception_handlers={Exception: _unavailable})


async def _unavailable(request: Request, fault: Exception) -> Response:
    # Whoever sent this may send it again: nothing was acknowledged. The trace is logged once, by
    # ``_Shielded``, to which the framework raises the fault again.
    return PlainTextResponse("not available", status_code=503)


class _Shielded:
    """The outermost layer: the ways past the router for Slack's door and the console's, which have
    walls of their own, and the last resort."""

    def __init__(
        self,
        app: ASGIApp,
        slack: ASGIApp | None,
        console: ASGIApp | None = None,
        spans: Spans = NO_SPANS,
    ) -> None:
        self._app = app
        self._slack = slack
        self._console = console
        self._spans = spans

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
        elif scope["method"] != "POST":
            await self._answer(scope, receive, send)
        else:
            with self._spans.request("POST", _route(scope["path"]), _traceparent(scope)) as asked:

                async def seen(message: Message) -> None:
                    if message["type"] == "http.response.start":
                        asked.status = message["status"]
                    await send(message)

                await self._answer(scope, receive, seen)

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        started = False

        async def watched(message: Message) -> None:
            nonlocal started
            started = True
            await send(message)

        path = scope["path"]
        try:
            if self._slack is not None and path == "/slack/events":
                await self._slack(scope, receive, watched)
            elif self._console is not None and (path == "/console" or path[:9] == "/console/"):
                await self._console(scope, receive, watched)
            else:
                await self._app(scope, receive, watched)
        except Disconnected:
            log.info("deskhand: %s: the client went away", path)
        except asyncio.CancelledError:
            # The drain is over and the request is not: whoever sent it may send it again.
            if not started:
                await PlainTextResponse("stopping", status_code=503)(scope, receive, send)
            raise
        except Exception:  # the last resort: any fault whatever must leave as 503, logged
            log.exception("deskhand: %s %s failed", scope["method"], path)
            if not started:
                await PlainTextResponse("not available", status_code=503)(scope, receive, send)


def _route(path: str) -> str:
    """The path of a request that may be a decision, without anybody's ids."""
    if path.startswith("/console/"):
        return "/console/proposals/{id}/{verb}"
    return path if path == "/slack/events" else "/"


def _traceparent(scope: Scope) -> str | None:
    for name, value in scope["headers"]:
        if name == b"traceparent":
            return str(value, "latin-1")
    return None


def _own_routes(
    checks: Sequence[ReadinessCheck],
    registry: CollectorRegistry,
    refresh_gauges: Callable[[], Awaitable[None]] | None,
) -> list[BaseRoute]:
    async def healthz(request: Request) -> Response:
        return PlainTextResponse("ok\n")

    async def readyz(request: Request) -> Response:
        why = await _why_not_ready(checks)
        if why is None:
            return PlainTextResponse("ready\n")
        return PlainTextResponse(f"{why}\n", status_code=503)

    async def metrics(request: Request) -> Response:
        shown: Collector = registry
        if refresh_gauges is not None:
            try:
                async with asyncio.timeout(GAUGES_SECONDS):
                    await refresh_gauges()
            except (TimeoutError, StoreUnavailable) as away:
                # This process's own counters are true whether or not the store answers. What it
                # said last is not: a gauge that is not there is seen, one that stands still is not.
                shown = _WithoutGauges(registry)
                log.warning("deskhand: /metrics without the store's gauges: %s", away or "too late")
        return Response(generate_latest(shown), media_type=CONTENT_TYPE_LATEST)

    return [Route("/healthz", healthz), Route("/readyz", readyz), Route("/metrics", metrics)]


class _WithoutGauges(Collector):
    """A registry's counters and histograms."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._registry = registry

    def collect(self) -> Iterator[Metric]:
        return (one for one in self._registry.collect() if one.type != "gauge")


async def _why_not_ready(checks: Sequence[ReadinessCheck]) -> str | None:
    try:
        async with asyncio.timeout(READY_SECONDS):
            found = await asyncio.gather(*(check() for check in checks))
    except TimeoutError:
        return f"no answer within {READY_SECONDS} s"
    return next((why for why in found if why is not None), None)


def _webhook(webhooks: Webhooks) -> Callable[[Request], Awaitable[Response]]:
    async def take(request: Request) -> Response:
        name = request.path_params["name"]
        try:
            if not webhooks.known(name):
                raise Refused(404, "no such webhook")
            body = await read_body(request.scope, request.receive)
            await webhooks.take(name, Headers(scope=request.scope), body)
        except Refused as refused:
            log.info("deskhand: /webhooks: %d, %s", refused.status, refused.reason)
            return JSONResponse({"ok": False, "error": refused.reason}, refused.status)
        return JSONResponse({"ok": True})

    return take


# --- serving ----------------------------------------------------------------------------------


def listening_socket(host: str, port: int) -> socket.socket:
    """A socket that takes connections; port 0 takes a free one. Raises ``OSError`` where it cannot
    be had. Who connects before ``serve`` runs waits for it."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    made = socket.socket(family, socket.SOCK_STREAM)
    try:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        made.bind((host, port))
        # From now on connections wait for the server instead of being refused.
        made.listen(1024)
        made.listen(BACKLOG)
    except BaseException:
        made.close()
        raise
    return made


@contextlib.contextmanager
def stop_on_signals(stop: asyncio.Event) -> Iterator[None]:
    """SIGTERM, SIGINT and a terminal that is closed set ``stop``; a second one does what it did
    before."""
    loop = asyncio.get_running_loop()

    def ask(received: signal.Signals) -> None:
        log.info("deskhand: %s: draining", received.name)
        loop.remove_signal_handler(received)
        stop.set()

    for one in _STOPS:
        loop.add_signal_handler(one, ask, one)
    try:
        yield
    finally:
        for one in _STOPS:
            loop.remove_signal_handler(one)


async def serve(
    app: ASGIApp, at: socket.socket, stop: asyncio.Event, drain_seconds: int = DRAIN_SECONDS
) -> None:
    """Serve until ``stop`` is set, then drain: no new connection, what is under way may end."""
    server = _Server(
        uvicorn.Config(
            app,
            lifespan="off",
            ws="none",
            access_log=False,
            server_header=False,
            # Nobody here asks for a client's address.
            proxy_headers=False,
            log_config=None,
            backlog=BACKLOG,
            timeout_graceful_shutdown=drain_seconds,
        )
    )
    serving = asyncio.create_task(server.serve(sockets=[at]))
    stopping = asyncio.create_task(stop.wait())
    try:
        await asyncio.wait((serving, stopping), return_when=asyncio.FIRST_COMPLETED)
    finally:
        stopping.cancel()
        server.should_exit = True
        await serving


class _Server(uvicorn.Server):
    """Leaves the signals alone: the composition root drains more than this server."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield
