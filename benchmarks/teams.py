"""Teams' intake: ``python -m benchmarks.teams``.

A channel message with a signed token to a durable, deduplicated 2xx, by ``deskhand serve --role
web`` on the embedded store with every write on disk before its answer, beside botbuilder's own
adapter and token check with a bot that does nothing, on the same HTTP server. Both verify RSA
signatures of the same loopback issuer; one token serves many messages, as Microsoft's do.
"""

from __future__ import annotations

import asyncio
import json
import random
import sys
from typing import Any
from urllib.parse import urlsplit

import aiohttp

from benchmarks.intake import Load, reference, rounds, verdicts
from benchmarks.measure import Side, show_machine, versions
from benchmarks.memory import words
from benchmarks.product import plain_config, serving
from tests.fixtures_redis import short_folder
from tests.standins.teams.connector import TeamsStandin
from tests.standins.teams.driver import TeamsDriver
from tests.standins.teams.issuer import Issuer, issuer_standin
from tests.standins.teams.world import BILLING, SUPPORT, Someone, World, oid
from tests.standins.wire import CallLog, Signal

CONNECTOR = "http://127.0.0.1:9"
"""Named in every message, and never called: nothing goes out before the worker runs."""

LOAD = Load(rate=50.0, seconds=3.0, in_turn=200)
"""The reference bears no more: it takes some 10 ms of CPU for each."""


class Writer:
    """Makes channel messages as Teams delivers them: each new, of 400 characters, by one of 50
    people, with the copy in HTML and the client's own entity."""

    def __init__(self, issuer: Issuer, session: aiohttp.ClientSession, seed: int = 7) -> None:
        signal = Signal()
        self._teams = TeamsStandin(issuer, World(signal), CallLog(signal), signal, url=CONNECTOR)
        self._people = TeamsDriver(self._teams, "", session)
        self._random = random.Random(seed)
        self._number = 0

    @property
    def environment(self) -> dict[str, str]:
        """Credentials for either side."""
        return self._teams.environment

    def message(self) -> dict[str, Any]:
        """The next activity."""
        self._number += 1
        text = words(self._random, 400)
        person = self._number % 50
        return self._people.activity(
            Someone(f"Customer {person}", oid(1000 + person)),
            text=text,
            textFormat="plain",
            locale="en-GB",
            timestamp="2026-11-22T12:00:00.000Z",
            localTimestamp="2026-11-22T13:00:00.000+01:00",
            attachments=[{"contentType": "text/html", "content": f"<div>{text}</div>"}],
            entities=[{"type": "clientInfo", "locale": "en-GB", "platform": "Web"}],
        )

    def requests(self, url: str, count: int) -> list[bytes]:
        """Whole HTTP requests, with a token that is good for an hour."""
        token = self._teams.issuer.token(self._teams.service_url)
        return [_request(url, token, json.dumps(self.message()).encode()) for _ in range(count)]


def _request(url: str, token: str, body: bytes) -> bytes:
    head = (
        f"POST /api/messages HTTP/1.1\r\nHost: {urlsplit(url).netloc}\r\n"
        "User-Agent: Microsoft-SkypeBotApi (Microsoft-BotFramework/3.0)\r\n"
        f"Authorization: Bearer {token}\r\nContent-Type: application/json; charset=utf-8\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


async def main() -> int:
    show_machine()
    print("server:", versions(["uvicorn", "httptools", "starlette", "botbuilder-core", "pyjwt"]))
    deskhand, bare = Side("deskhand, durable, once"), Side("botbuilder, does nothing")
    config = plain_config(
        listen=[{"teams": SUPPORT}],
        routes={"default": {"card": {"teams": BILLING}, "approvers": {"teams_users": [oid(3)]}}},
    )
    with short_folder() as folder:
        async with issuer_standin() as issuer, aiohttp.ClientSession() as session:
            writer = Writer(issuer, session)
            program = ("benchmarks.teams_server", issuer.keys_url)
            async with (
                serving(
                    folder, writer.environment, role="web", config=config, program=program
                ) as ours,
                reference(
                    "benchmarks.bare_adapter", "--metadata", issuer.metadata_url,
                    environment=writer.environment,
                ) as theirs,
            ):  # fmt: skip
                await rounds(writer, LOAD, (deskhand, ours), (bare, theirs))
    return 0 if all(verdicts(LOAD, deskhand, bare)) else 1


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
