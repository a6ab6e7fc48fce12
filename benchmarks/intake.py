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
from pathlib import Path

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

RATE = 300.0
SECONDS = 5.0
IN_TURN = 1_500
CONNECTIONS = 16
CPU_TARGET, P99_TARGET = 1.2, 1.5


@asynccontextmanager
async def bare_listener(environment: Mapping[str, str]) -> AsyncIterator[tuple[str, int]]:
    """The reference as a process of its own: its URL and process id."""
    port = free_port()
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "benchmarks.bolt_listener", "--port", str(port),
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


async def one_round(side: Side, writer: Writer, url: str, pid: int, store: int | None) -> None:
    """Both kinds of load on one side. Raises ``RuntimeError`` for an answer that is not 200."""
    async with Client(url, 64) as client:
        paced = writer.requests(url, int(RATE * SECONDS))
        before, below = cpu_seconds(pid), cpu_seconds(store) if store else 0.0
        answers = await client.at_rate(paced, RATE)
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
        burst = writer.requests(url, IN_TURN)
        before = cpu_seconds(pid)
        answers = await client.in_turn(burst)
        spent = cpu_seconds(pid) - before
    _all_well(side.name, answers)
    side.add(busy=spent / len(answers) * 1e6)


def _all_well(name: str, answers: list[Answered]) -> None:
    wrong = [answer.status for answer in answers if answer.status != 200]
    if wrong:
        raise RuntimeError(f"{name}: {len(wrong)} of {len(answers)} were not 200: {wrong[:5]}")


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
    writer = Writer()
    deskhand, bolt = Side("deskhand, durable, once"), Side("bare Bolt, only acks")
    with short_folder() as folder:
        async with slack_process() as slack:
            async with (
                serving(folder, slack.environment, role="web") as ours,
                bare_listener(slack.environment) as (bolt_url, bolt_pid),
            ):
                for number in range(ROUNDS + 1):
                    if number == 1:  # the first warmed both up
                        deskhand.figures.clear()
                        bolt.figures.clear()
                    await one_round(deskhand, writer, ours.url, ours.pid, ours.store_pid)
                    await one_round(bolt, writer, bolt_url, bolt_pid, None)
            with short_folder() as other:
                async with serving(other, slack.environment, role="web") as victim:
                    acknowledged, lost = await nothing_lost(other, victim, 2_000)
    both = (deskhand, bolt)
    print(f"CPU of the server at {RATE:.0f}/s, us a request (median of {ROUNDS} rounds):")
    show_rounds(both, "cpu", "us")
    print(f"CPU of the server when busy ({CONNECTIONS} connections), us a request:")
    show_rounds(both, "busy", "us")
    print("CPU of the store beneath it, counted separately:")
    show_rounds([deskhand], "store", "us")
    for figure in ("p50", "p99"):
        print(f"{figure} at {RATE:.0f}/s, ms:")
        show_rounds(both, figure, "ms")
    met = [
        verdict("CPU, ratio", ratio(deskhand, bolt, "cpu"), CPU_TARGET),
        verdict("CPU when busy, ratio", ratio(deskhand, bolt, "busy"), CPU_TARGET),
        verdict("p99, ratio", ratio(deskhand, bolt, "p99"), P99_TARGET),
        verdict(f"lost of {acknowledged} acknowledged, kill -9", lost, 0),
    ]
    return 0 if all(met) else 1


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
