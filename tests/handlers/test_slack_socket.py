"""Socket Mode: the same path as HTTP, acknowledged only when durable, and never stuck."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from handlers.slack_client import slack_client, slack_session
from handlers.slack_socket import SlackSocket
from tests.fixtures_redis import STRICT, ServerProcess
from tests.handlers.forms import edit_form
from tests.handlers.rig import Rig, running_rig
from tests.handlers.test_clicks import LATE, card, decided
from tests.standins.slack import SlackStandin
from tests.standins.slack.driver import Driver
from tests.standins.wire import Hang, Refusal

PING = 0.2


@asynccontextmanager
async def connected(rig: Rig) -> AsyncIterator[Driver]:
    """Socket Mode beside (here: instead of) HTTP, with short pings so that tests are."""
    async with slack_session() as session:
        client = slack_client(rig.slack.bot_token, rig.slack.api_url, session)
        socket = SlackSocket(rig.inbound, client, rig.slack.app_token, ping_seconds=PING)
        socket.start()
        try:
            await rig.slack.sockets.wait_connected()
            yield rig.slack.socket_driver()
        finally:
            await socket.close()


@pytest.fixture
async def people(rig: Rig) -> AsyncIterator[Driver]:
    async with connected(rig) as driver:
        yield driver


async def test_a_message_is_durable_and_then_acknowledged(rig: Rig, people: Driver) -> None:
    sent = await people.message("I was charged twice")
    assert sent.status == 200
    assert (await rig.only()).text == "I was charged twice"
    assert rig.slack.sockets.unacknowledged() == []


async def test_the_same_event_by_socket_and_by_http_is_one_ticket(rig: Rig, people: Driver) -> None:
    sent = await people.message("once")
    assert (await rig.people.redeliver(sent)).status == 200
    assert len(await rig.inbox()) == 1


async def test_presses_forms_and_commands_are_answered_in_the_acknowledgement(
    rig: Rig, people: Driver
) -> None:
    rig.decisions.answers = [edit_form(), LATE, decided()]
    shown = await card(rig, "deskhand.edit")
    assert (await people.click("U0AGENT", shown, "deskhand.edit")).status == 200
    view = await rig.slack.space.view_changes.wait_for(lambda one: one.is_open)
    sent = await people.submit(view)
    assert (sent.status, sent.body) == (200, {})
    assert "already approved" in (await rig.slack.space.ephemerals.next()).text
    command = await people.command("help")
    assert command.body["response_type"] == "ephemeral"


async def test_what_is_not_durable_is_not_acknowledged_and_comes_again(
    slack: SlackStandin, short_path: Path
) -> None:
    server = ServerProcess(short_path, *STRICT).start()
    try:
        async with running_rig(slack, server.url) as rig, connected(rig) as people:
            server.freeze()
            sent = await people.message("while it hangs")
            assert sent.status == 0
            server.thaw()
            (envelope,) = await slack.sockets.redeliver_unacknowledged()
            assert await slack.sockets.wait_ack(envelope) is not None
            assert (await rig.only()).text == "while it hangs"
    finally:
        server.stop()


async def test_a_refreshed_connection_is_replaced(rig: Rig, people: Driver) -> None:
    await rig.slack.sockets.disconnect()
    await rig.slack.sockets.wait_connected()
    assert (await people.message("after")).status == 200


async def test_a_broken_connection_is_replaced(rig: Rig, people: Driver) -> None:
    rig.slack.sockets.cut()
    await rig.slack.sockets.wait_connected()
    assert (await people.message("after")).status == 200


async def test_a_connection_that_cannot_be_opened_again_is_tried_until_it_can(
    rig: Rig, people: Driver
) -> None:
    rig.slack.faults.add("apps.connections.open", Refusal("internal_error"), times=3)
    rig.slack.sockets.cut()
    await rig.slack.sockets.wait_connected(timeout=20)
    assert (await people.message("after")).status == 200


async def test_a_client_whose_receiver_died_is_thrown_away(
    rig: Rig, people: Driver, caplog: pytest.LogCaptureFixture
) -> None:
    """What the SDK's issues describe: it stays connected and hears nothing."""
    before = len(rig.slack.log.calls("apps.connections.open"))
    for task in asyncio.all_tasks():
        if any(
            name in repr(task.get_coro())
            for name in ("receive_messages", "monitor_current_session")
        ):
            task.cancel()
    await rig.slack.signal.until(
        lambda: len(rig.slack.log.calls("apps.connections.open")) > before or None, timeout=30
    )
    await rig.slack.signal.until(lambda: rig.slack.sockets.connections == 1 or None)
    assert (await people.message("after")).status == 200
    assert "not well" in caplog.text


async def test_a_refused_token_is_one_line_and_tried_again(
    rig: Rig, caplog: pytest.LogCaptureFixture
) -> None:
    rig.slack.faults.add("apps.connections.open", Refusal("invalid_auth"), times=1)
    async with connected(rig):
        pass
    lines = [record for record in caplog.records if record.levelno >= logging.WARNING]
    assert len(lines) == 1
    assert "invalid_auth" in lines[0].getMessage()
    assert lines[0].exc_info is None


async def test_an_opening_that_hangs_ends_with_close(rig: Rig) -> None:
    hanging = rig.slack.faults.add("apps.connections.open", Hang(), times=None)
    async with slack_session() as session:
        client = slack_client(rig.slack.bot_token, rig.slack.api_url, session)
        socket = SlackSocket(rig.inbound, client, rig.slack.app_token, ping_seconds=PING)
        socket.start()
        async with asyncio.timeout(30):
            while not hanging.used:  # noqa: ASYNC110 - a hung call signals nothing
                await asyncio.sleep(0.01)
        async with asyncio.timeout(30):
            await socket.close()


async def test_an_envelope_that_is_no_strict_json_is_done_with(rig: Rig, people: Driver) -> None:
    nested: dict[str, object] = {}
    inner = nested
    for _ in range(100):
        inner["deep"] = inner = {}
    envelope = await rig.slack.sockets.send("events_api", nested)
    assert await rig.slack.sockets.wait_ack(envelope) is not None
    envelope = await rig.slack.sockets.send("events_api", {"half": "\ud800"})
    assert await rig.slack.sockets.wait_ack(envelope) is not None
    assert await rig.inbox() == []
