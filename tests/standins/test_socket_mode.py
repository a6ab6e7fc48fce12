"""Socket Mode of the Slack stand-in, with slack_sdk's own client at the other end."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import pytest
from slack_sdk.socket_mode.aiohttp import SocketModeClient
from slack_sdk.socket_mode.async_client import AsyncBaseSocketModeClient
from slack_sdk.socket_mode.request import SocketModeRequest
from slack_sdk.socket_mode.response import SocketModeResponse
from slack_sdk.web.async_client import AsyncWebClient

from tests.standins.slack import SlackStandin, slack_standin


class Listener:
    """Acknowledges what it gets, unless told not to."""

    def __init__(self) -> None:
        self.got: list[SocketModeRequest] = []
        self.heard = asyncio.Event()
        self.silent = False
        self.payload: dict[str, Any] | None = None

    async def __call__(self, client: AsyncBaseSocketModeClient, request: SocketModeRequest) -> None:
        self.got.append(request)
        self.heard.set()
        if not self.silent:
            response = SocketModeResponse(request.envelope_id, self.payload)
            await client.send_socket_mode_response(response)


@asynccontextmanager
async def connected(slack: SlackStandin) -> AsyncIterator[Listener]:
    listener = Listener()
    web_client = AsyncWebClient(base_url=slack.api_url, retry_handlers=[])
    client = SocketModeClient(app_token=slack.app_token, web_client=web_client, ping_interval=0.05)
    client.socket_mode_request_listeners.append(listener)
    await client.connect_to_new_endpoint()
    try:
        await slack.sockets.wait_connected()
        yield listener
    finally:
        await client.close()  # type: ignore[no-untyped-call]  # slack_sdk leaves it untyped


@pytest.fixture
async def slack() -> AsyncIterator[SlackStandin]:
    async with slack_standin() as standin:
        yield standin


async def test_an_envelope_is_acknowledged(slack: SlackStandin) -> None:
    async with connected(slack) as listener:
        sent = await slack.socket_driver().message("help")
        assert (sent.status, sent.ok) == (200, True)
        assert listener.got[0].type == "events_api"
        assert listener.got[0].payload["event"]["text"] == "help"
        ack = await slack.sockets.acks.wait_for()
        assert ack.seconds < 3
        assert slack.sockets.unacknowledged() == []


async def test_an_interactions_answer_rides_on_the_acknowledgement(slack: SlackStandin) -> None:
    async with connected(slack) as listener:
        listener.payload = {"text": "waiting 3"}
        await slack.socket_driver().command("status")
        assert listener.got[0].type == "slash_commands"
        assert (await slack.space.ephemerals.next()).text == "waiting 3"


async def test_an_unacknowledged_envelope_is_sent_again(slack: SlackStandin) -> None:
    async with connected(slack) as listener:
        listener.silent = True
        envelope = await slack.sockets.send("events_api", {"event_id": "Ev1"})
        assert await slack.sockets.wait_ack(envelope, timeout=0.05) is None
        listener.silent = False
        assert await slack.sockets.redeliver_unacknowledged() == [envelope]
        assert await slack.sockets.wait_ack(envelope) is envelope
        first, second = listener.got
        assert first.payload == second.payload
        assert (first.retry_attempt, second.retry_attempt) == (0, 1)


async def test_a_client_told_to_reconnect_comes_back(slack: SlackStandin) -> None:
    async with connected(slack) as listener:
        await slack.sockets.disconnect()
        await slack.sockets.wait_connected()
        assert (await slack.socket_driver().message("after")).ok
        assert [request.payload["event"]["text"] for request in listener.got] == ["after"]


async def test_a_cut_connection_loses_nothing_that_is_redelivered(slack: SlackStandin) -> None:
    async with connected(slack) as listener:
        listener.silent = True
        envelope = await slack.sockets.send("events_api", {"event_id": "Ev1"})
        await listener.heard.wait()
        slack.sockets.cut()
        listener.silent = False
        await slack.sockets.wait_connected()
        await slack.sockets.redeliver_unacknowledged()
        assert await slack.sockets.wait_ack(envelope) is envelope


async def test_without_a_connection_the_envelope_waits(slack: SlackStandin) -> None:
    sent = await slack.socket_driver().message("anyone?")
    assert (sent.status, sent.sent.error) == (0, "connection")
    async with connected(slack) as listener:
        (envelope,) = await slack.sockets.redeliver_unacknowledged()
        assert await slack.sockets.wait_ack(envelope) is envelope
        assert len(listener.got) == 1


async def test_a_ticket_opens_one_connection(slack: SlackStandin) -> None:
    client = AsyncWebClient(slack.app_token, base_url=slack.api_url, retry_handlers=[])
    url = (await client.apps_connections_open(app_token=slack.app_token))["url"]
    async with aiohttp.ClientSession() as session, session.ws_connect(url) as connection:
        assert (await connection.receive_json())["type"] == "hello"
        with pytest.raises(aiohttp.WSServerHandshakeError):
            await session.ws_connect(url)
