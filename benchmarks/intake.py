"""Intake: ``python -m benchmarks.intake``.

A signed Slack event to a durable, deduplicated 2xx, by ``deskhand serve --role web`` on the
embedded store with every write on disk before its answer, beside a bare Bolt listener that only
acknowledges, on the same HTTP server. Then: is any 2xx given before its event is durable? Server
and store are killed with -9 in the middle of the load, and what was acknowledged is looked for.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import aiohttp

from benchmarks.load import Answered, Client, Writer, request
from benchmarks.measure import (
    ROUNDS,
    Side,
    cpu_seconds,
    quantile,
    ratio,
    show_machine,
    show_rounds,
    verdict,
    versions,
)
from benchmarks.product import ROOT, Serving, serving
from bot.settings import TENANT
from bot.store.connect import open_redis
from bot.store.embedded import EmbeddedServer
from bot.store.keys import Keys
from tests.fixtures_redis import free_port, short_folder
from tests.standins.slack.remote import slack_process

CONNECTIONS = 16
CPU_TARGET, P99_TARGET = 1.2, 1.5


@dataclass(frozen=True)
class Load:
    """What one side bears in a round: so many a second for so long, then so many as fast as it
    takes them."""

    rate: float
    seconds: float
    in_turn: int


LOAD = Load(rate=300.0, seconds=5.0, in_turn=1_500)


class Requests(Protocol):
    """Makes whole HTTP requests to a server, each with something new."""

    def requests(self, url: str, count: int) -> list[bytes]: ...


@asynccontextmanager
async def reference(
    module: str, *arguments: str, environment: Mapping[str, str]
) -> AsyncIterator[tuple[str, int]]:
    """A reference as a process of its own: its URL and process id."""
    port = free_port()
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", module, *arguments, "--port", str(port),
        env={"PATH": os.environ["PATH"], **environment}, cwd=ROOT,
    )  # fmt: skip
    url = f"http://127.0.0.1:{port}"
    try:
        async with aiohttp.ClientSession() as session, asyncio.timeout(20):
            while True:
                try:
                    async with session.get(f"{url}/"):
                        break
                except aiohttp.ClientConnectionError:
                    await asyncio.sleep(0.02)
        yield url, process.pid
    finally:
        if process.returncode is None:
            process.terminate()
        await process.wait()


async def one_round(
    side: Side, writer: Requests, load: Load, url: str, pid: int, store: int | None
) -> None:
    """Both kinds of load on one side. Raises ``RuntimeError`` for an answer that is no 2xx."""
    async with Client(url, 64) as client:
        paced = writer.requests(url, int(load.rate * load.seconds))
        before, below = cpu_seconds(pid), cpu_seconds(store) if store else 0.0
        answers = await client.at_rate(paced, load.rate)
        spent = cpu_seconds(pid) - before
        beneath = cpu_seconds(store) - below if store else 0.0
    _all_well(side.name, answers)
    taken = [answer.seconds * 1e3 for answer in answers]
    side.add(
        cpu=spent / len(answers) * 1e6,
        store=beneath / len(answers) * 1e6,
        p50=quantile(taken, 0.5),
        p99=quantile(taken, 0.99),
    )
    async with Client(url, CONNECTIONS) as client:
        burst = writer.requests(url, load.in_turn)
        before = cpu_seconds(pid)
        answers = await client.in_turn(burst)
        spent = cpu_seconds(pid) - before
    _all_well(side.name, answers)
    side.add(busy=spent / len(answers) * 1e6)


def _all_well(name: str, answers: list[Answered]) -> None:
    wrong = [answer.status for answer in answers if answer.status // 100 != 2]
    if wrong:
        raise RuntimeError(f"{name}: {len(wrong)} of {len(answers)} were no 2xx: {wrong[:5]}")


async def rounds(
    writer: Requests,
    load: Load,
    ours: tuple[Side, Serving],
    theirs: tuple[Side, tuple[str, int]],
) -> None:
    """Taking turns; the first round of each warms it up and is not counted."""
    (mine, serving), (other, (url, pid)) = ours, theirs
    for number in range(ROUNDS + 1):
        if number == 1:
            mine.figures.clear()
            other.figures.clear()
        await one_round(mine, writer, load, serving.url, serving.pid, serving.store_pid)
        await one_round(other, writer, load, url, pid, None)


def verdicts(load: Load, ours: Side, theirs: Side) -> list[bool]:
    """Print what both came to; which targets are met."""
    both = (ours, theirs)
    print(f"CPU of the server at {load.rate:.0f}/s, us a request (median of {ROUNDS} rounds):")
    show_rounds(both, "cpu", "us")
    print(f"CPU of the server when busy ({CONNECTIONS} connections), us a request:")
    show_rounds(both, "busy", "us")
    print("CPU of the store beneath it, counted separately:")
    show_rounds([ours], "store", "us")
    for figure in ("p50", "p99"):
        print(f"{figure} at {load.rate:.0f}/s, ms:")
        show_rounds(both, figure, "ms")
    return [
        verdict("CPU, ratio", ratio(ours, theirs, "cpu"), CPU_TARGET),
        verdict("CPU when busy, ratio", ratio(ours, theirs, "busy"), CPU_TARGET),
        verdict("p99, ratio", ratio(ours, theirs, "p99"), P99_TARGET),
    ]


async def nothing_lost(folder: Path, ours: Serving, count: int) -> tuple[int, int]:
    """Kill both -9 under load; how many were acknowledged, and how many of those are gone."""
    keys, writer = Keys(TENANT), Writer(seed=11)
    idents, raws = [], []
    for _ in range(count):
        payload = writer.payload()
        idents.append(str(payload["event_id"]))
        raws.append(request(ours.url, json.dumps(payload).encode()))
    acknowledged: list[str] = []
    async with Client(ours.url, CONNECTIONS) as client:
        left = iter(zip(idents, raws, strict=True))

        async def one_line() -> None:
            for ident, raw in left:
                if (await client.send(raw)).status != 200:
                    return
                acknowledged.append(ident)
                if len(acknowledged) == count // 2:
                    ours.kill()

        await asyncio.gather(*(one_line() for _ in range(CONNECTIONS)))
    await ours.process.wait()
    async with EmbeddedServer(folder / "data") as server:
        redis = open_redis(server.url, decode_responses=True)
        held = [str(ident) for ident in await redis.hkeys(keys.inbox)]
        inbox = {ident.rpartition(":")[2]: ident for ident in held}
        lost = [
            ident
            for ident in acknowledged
            if ident not in inbox or not await redis.exists(keys.seen(inbox[ident]))
        ]
        await redis.aclose()
    return len(acknowledged), len(lost)


async def main() -> int:
    show_machine()
    print("server:", versions(["uvicorn", "httptools", "h11", "starlette", "slack-bolt"]))
    deskhand, bolt = Side("deskhand, durable, once"), Side("bare Bolt, only acks")
    with short_folder() as folder:
        async with slack_process() as slack:
            async with (
                serving(folder, slack.environment, role="web") as ours,
                reference("benchmarks.bolt_listener", environment=slack.environment) as theirs,
            ):
                await rounds(Writer(), LOAD, (deskhand, ours), (bolt, theirs))
            with short_folder() as other:
                async with serving(other, slack.environment, role="web") as victim:
                    acknowledged, lost = await nothing_lost(other, victim, 2_000)
    met = verdicts(LOAD, deskhand, bolt)
    met.append(verdict(f"lost of {acknowledged} acknowledged, kill -9", lost, 0))
    return 0 if all(met) else 1


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
