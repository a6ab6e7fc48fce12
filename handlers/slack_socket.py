"""Slack without an open port: Socket Mode, by the same dispatch as HTTP.

An envelope is acknowledged when what it holds is durable, and not before: an unacknowledged event
comes again, on this connection or another. The SDK's client has been seen stuck with a dead
connection that it took for a live one (python-slack-sdk issues 1446, 1110, 1701), and retries a
used-up address for ever, so a watchdog throws away a client that is not well and makes another.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
from typing import Any, Final

from slack_sdk.socket_mode.aiohttp import SocketModeClient
from slack_sdk.socket_mode.async_client import AsyncBaseSocketModeClient
from slack_sdk.web.async_client import AsyncWebClient

from handlers.guard import MAX_BODY, Refused, parse_text
from handlers.slack import SlackInbound
from handlers.slack_client import SlackFault, call

log = logging.getLogger("deskhand.slack")

_KINDS = frozenset({"events_api", "interactive", "slash_commands"})
PING_SECONDS: Final = 5.0
CONNECT_SECONDS: Final = 10.0


class SlackSocket:
    """Keeps one Socket Mode connection until it is closed."""

    def __init__(
        self,
        inbound: SlackInbound,
        client: AsyncWebClient,
        app_token: str,
        *,
        ping_seconds: float = PING_SECONDS,
    ) -> None:
        self._inbound = inbound
        self._web = client
        self._app_token = app_token
        self._ping_seconds = ping_seconds
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Connect, and stay connected."""
        if self._task is None:
            self._task = asyncio.create_task(self._stay_connected())

    async def close(self) -> None:
        """Disconnect. What is not acknowledged by now comes again."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _stay_connected(self) -> None:
        wait = 0.5
        while True:
            try:
                if await self._live():
                    wait = 0.5
            except (SlackFault, OSError, TimeoutError) as fault:
                log.warning("deskhand: no Socket Mode connection: %s", _short(fault))
            await asyncio.sleep(wait)
            wait = min(wait * 2, 15.0)

    async def _live(self) -> bool:
        """One client's life; whether it had been connected."""
        # Asked for here and not by the client, which would log a trace for each refusal.
        opened = await call(self._web.apps_connections_open(app_token=self._app_token))
        socket = SocketModeClient(
            app_token=self._app_token,
            web_client=self._web,
            logger=_sdk_log(),
            ping_interval=self._ping_seconds,
        )
        socket.proxy = self._web.proxy
        socket.wss_uri = str(opened.get("url") or "")
        socket.message_listeners.append(self._envelope)
        try:
            async with asyncio.timeout(CONNECT_SECONDS):
                await socket.connect()  # type: ignore[no-untyped-call]  # the SDK's own gap
            log.info("deskhand: connected to Slack by Socket Mode")
            while await self._is_well(socket):  # noqa: ASYNC110 - nothing signals "unwell"
                await asyncio.sleep(self._ping_seconds)
            log.warning("deskhand: the Socket Mode connection is not well; making another")
            return True
        finally:
            await _dispose(socket)

    async def _is_well(self, socket: SocketModeClient) -> bool:
        """Whether it is connected, and each of its tasks still runs; it gets three pings' time to
        mend a broken connection by itself."""
        for _ in range(3):
            tasks = (socket.message_receiver, socket.message_processor)
            alive = all(task is not None and not task.done() for task in tasks)
            if alive and await socket.is_connected():
                return True
            await asyncio.sleep(self._ping_seconds)
        return False

    async def _envelope(
        self, socket: AsyncBaseSocketModeClient, message: dict[str, Any], raw: str | None
    ) -> None:
        if message.get("type") not in _KINDS:
            return
        ident = message.get("envelope_id")
        try:
            if raw is None or len(raw) > MAX_BODY * 2:
                raise Refused(413, "too long")
            payload = parse_text(raw).get("payload")
        except Refused as refused:
            # Sent again it would be the same again: done with.
            log.warning("deskhand: an envelope is refused: %s", refused.reason)
            await socket.send_socket_mode_response({"envelope_id": ident})
            return
        status, body = await self._inbound.handle(payload if isinstance(payload, dict) else {})
        if status >= 500:
            return  # not durable: Slack sends it again
        answer: dict[str, Any] = {"envelope_id": ident}
        if status == 200 and body.startswith("{"):
            answer["payload"] = json.loads(body)
        await socket.send_socket_mode_response(answer)


def _sdk_log() -> logging.Logger:
    """The SDK's own words, without what it prints of every message when it debugs."""
    logger = logging.getLogger("deskhand.slack.socket")
    logger.setLevel(logging.INFO)
    return logger


async def _dispose(socket: SocketModeClient) -> None:
    tasks = [
        task
        for task in (
            socket.message_receiver,
            socket.message_processor,
            socket.current_session_monitor,
        )
        if task is not None
    ]
    with contextlib.suppress(OSError, TimeoutError):
        async with asyncio.timeout(2.0):
            await socket.close()  # type: ignore[no-untyped-call]  # the SDK's own gap
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    await socket.aiohttp_client_session.close()


def _short(fault: Exception) -> str:
    return f"{type(fault).__name__}: {fault}".splitlines()[0][:200]
