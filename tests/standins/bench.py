"""A little app between two ends: what the tests of the Slack stand-in stand on."""

import json
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import aiohttp
import pytest
from aiohttp import web
from slack_sdk.errors import SlackApiError
from slack_sdk.signature import SignatureVerifier
from slack_sdk.web.async_client import AsyncWebClient

from tests.standins.slack import Driver, Message, SlackStandin, slack_standin
from tests.standins.wire import serving

Json = dict[str, Any]
BUTTON: Json = {
    "type": "button",
    "action_id": "deskhand.approve",
    "value": "token",
    "text": {"type": "plain_text", "text": "Approve"},
}
CARD: list[Json] = [{"type": "actions", "block_id": "decide", "elements": [BUTTON]}]


@dataclass
class App:
    """A little app: verifies what it gets and answers what the test says."""

    verifier: SignatureVerifier
    got: list[tuple[dict[str, str], Json]] = field(default_factory=list)
    answers: list[tuple[int, Json | None]] = field(default_factory=list)

    async def serve(self, request: web.Request) -> web.Response:
        raw = await request.read()
        headers = {name.lower(): value for name, value in request.headers.items()}
        if not self.verifier.is_valid_request(raw, headers):
            return web.Response(status=401)
        if request.content_type == "application/json":
            body = json.loads(raw)
        else:
            form = {name: values[0] for name, values in parse_qs(raw.decode()).items()}
            body = json.loads(form["payload"]) if "payload" in form else form
        self.got.append((headers, body))
        status, answer = self.answers.pop(0) if self.answers else (200, None)
        return web.Response(status=status) if answer is None else web.json_response(answer)


@dataclass
class Bench:
    slack: SlackStandin
    client: AsyncWebClient
    app: App
    people: Driver
    app_url: str

    async def card(self, channel: str = "C0BILLING", state: str = "pending") -> Message:
        payload = {"proposal": "p1", "revision": 1, "state": state}
        answer = await self.client.chat_postMessage(
            channel=channel,
            text=f"Card: {state}",
            blocks=CARD,
            metadata={"event_type": "deskhand_card", "event_payload": payload},
        )
        return self.slack.space.message(channel, str(answer["ts"]))


@asynccontextmanager
async def running_bench(log_path: Path | None = None) -> AsyncIterator[Bench]:
    async with slack_standin(log_path=log_path) as slack:
        app = App(SignatureVerifier(slack.signing_secret))
        server = web.Application()
        server.add_routes([web.post("/slack/events", app.serve)])
        async with serving(server) as port, aiohttp.ClientSession() as session:
            client = AsyncWebClient(
                slack.bot_token, base_url=slack.api_url, session=session, retry_handlers=[]
            )
            url = f"http://127.0.0.1:{port}"
            yield Bench(slack, client, app, slack.driver(url), url)


async def error_of(call: Awaitable[Any]) -> str:
    """The error code with which Slack refuses a call."""
    with pytest.raises(SlackApiError) as caught:
        await call
    return str(caught.value.response["error"])
