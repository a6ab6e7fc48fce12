"""A ticket end to end: ``python -m benchmarks.ticket``.

From a customer's message to the approved reply in their thread and a card that says so, by
``deskhand serve`` between a Slack and a model that answer at once. Beside it a bare script makes
exactly the same SDK calls, taken from the stand-ins' logs, with the same arguments, against the
same stand-ins. The model's log also shows how many calls a ticket takes, and whether the bytes
before the ticket are the same from ticket to ticket (what a prompt cache can keep).
"""

from __future__ import annotations

import asyncio
import json
import os
import statistics
import sys
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from aiohttp import web

from benchmarks.desk import Desk, desk
from benchmarks.measure import (
    ROUNDS,
    Side,
    cpu_seconds,
    ratio,
    show_machine,
    show_rounds,
    verdict,
    versions,
)
from benchmarks.product import ROOT
from tests.fixtures_redis import short_folder
from tests.standins.anthropic.server import API_KEY
from tests.standins.wire import Entry, read_log, serving

TICKETS = 20
TARGET, CALLS_TARGET = 2.2, 2
WORDS = (
    "I was charged twice for my order last week and find only one of the two invoices in my"
    " account. Where is the other one, and when is the money back on my card? My order is number"
)


async def ours(made: Desk, side: Side, round_: int, seen: list[str]) -> list[dict[str, Any]]:
    """One round of tickets, one after another; what they called, ready to be called again. The
    model's requests are added to ``seen``."""
    product, tickets = made.product, []
    await made.catch_up()
    slack, model = len(read_log(made.slack_log)), len(read_log(made.model_log))
    spent, beneath = cpu_seconds(product.pid), cpu_seconds(product.store_pid)
    for number in range(TICKETS):
        ts, card = await made.ask(f"{WORDS} {round_:03}-{number:03}.")
        await made.approve(card)
        await made.settled(card)
        tickets.append(ts)
    await made.quiet()
    spent, beneath = cpu_seconds(product.pid) - spent, cpu_seconds(product.store_pid) - beneath
    side.add(cpu=spent / TICKETS * 1e6, store=beneath / TICKETS * 1e6)
    calls = [entry for entry in read_log(made.slack_log)[slack:] if entry.kind == "call"]
    raws = [str(entry.args["raw"]) for entry in read_log(made.model_log)[model:]]
    seen += raws
    return _by_ticket(tickets, calls, [json.loads(raw) for raw in raws])


def _by_ticket(
    tickets: list[str], calls: list[Entry], requests: list[dict[str, Any]]
) -> list[dict[str, Any]]:
    """Share the calls out: a ticket's own first one names its ts, or looks its author up before
    that; the model's are as many for each."""
    starts = []
    for ts in tickets:
        at = next(at for at, entry in enumerate(calls) if ts in entry.args.values())
        author = at and calls[at - 1].args.get("user") == "U0CUSTOMER"
        starts.append(at - 1 if author else at)
    share = len(requests) // len(tickets)
    return [
        {
            "old": ts,
            "calls": [_call(entry) for entry in calls[start:end]],
            "requests": requests[number * share : (number + 1) * share],
        }
        for number, (ts, start, end) in enumerate(
            zip(tickets, starts, [*starts[1:], len(calls)], strict=True)
        )
    ]


def _call(entry: Entry) -> tuple[str, dict[str, Any], str | None]:
    posted = str(entry.answer["ts"]) if entry.name == "chat.postMessage" else None
    return entry.name, entry.args, posted


@asynccontextmanager
async def bare(made: Desk) -> AsyncIterator[asyncio.subprocess.Process]:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "benchmarks.bare_calls",
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, cwd=ROOT,
        env={
            "PATH": os.environ["PATH"],
            **made.slack.environment,
            "ANTHROPIC_API_KEY": API_KEY,
            "ANTHROPIC_BASE_URL": made.model_url,
        },
    )  # fmt: skip
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        await process.stdout.readline()
        yield process
    finally:
        process.stdin.close()
        await asyncio.wait_for(process.wait(), 20)


async def theirs(
    made: Desk, process: asyncio.subprocess.Process, side: Side, tickets: list[dict[str, Any]]
) -> None:
    """The same calls again, on as many new messages, of which the product hears nothing."""
    for number, ticket in enumerate(tickets):
        sent = await made.slack.message(f"{WORDS} again-{number:03}.")
        assert sent.message is not None
        ticket["ids"] = [(ticket.pop("old"), sent.message.ts)]
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write(json.dumps(tickets).encode() + b"\n")
    answer = json.loads(await process.stdout.readline())
    side.add(cpu=answer["cpu"])


def prefixes(raws: list[str]) -> tuple[float, bool]:
    """Model calls a ticket at the median, and whether what comes before the ticket's words is the
    same bytes in every first call, every second call, and so on."""
    by_ticket: dict[str, list[bytes]] = {}
    for raw in (one.encode() for one in raws):
        at = raw.index(WORDS[:40].encode())
        number = raw[raw.index(WORDS[-20:].encode()) :][20:40].decode()
        by_ticket.setdefault(number, []).append(raw[:at])
    calls = statistics.median(len(each) for each in by_ticket.values())
    same = all(
        len({each[step] for each in by_ticket.values() if len(each) > step}) == 1
        for step in range(max(map(len, by_ticket.values())))
    )
    return calls, same


async def _nobody(request: web.Request) -> web.Response:
    await request.read()
    return web.Response()


async def main() -> int:
    show_machine()
    print(versions(["anthropic", "slack-sdk", "slack-bolt", "uvicorn", "httptools"]))
    deskhand, script = Side("deskhand, everything"), Side("the bare SDK calls")
    away = web.Application()
    away.add_routes([web.post("/slack/events", _nobody)])
    counted: Counter[str] = Counter()
    seen: list[str] = []
    with short_folder() as folder:
        async with desk(folder) as made, serving(away) as port, bare(made) as process:
            for number in range(ROUNDS + 1):
                if number == 1:  # the first warmed both up
                    deskhand.figures.clear()
                    script.figures.clear()
                tickets = await ours(made, deskhand, number, seen)
                counted = Counter(name for one in tickets for name, _, _ in one["calls"])
                counted["model"] = sum(len(one["requests"]) for one in tickets)
                await made.slack.product(f"http://127.0.0.1:{port}")
                await theirs(made, process, script, tickets)
                await made.slack.product(made.product.url)
    calls, same = prefixes(seen)
    print(f"CPU, us a ticket (median of {ROUNDS} rounds of {TICKETS}):")
    show_rounds((deskhand, script), "cpu", "us")
    print("CPU of the store beneath it, counted separately:")
    show_rounds([deskhand], "store", "us")
    a_ticket = ", ".join(f"{name} {count / TICKETS:.2g}" for name, count in counted.most_common())
    print(f"calls a ticket: {a_ticket}")
    print(f"bytes before the ticket identical from ticket to ticket: {'yes' if same else 'NO'}")
    met = [
        verdict("CPU, ratio", ratio(deskhand, script, "cpu"), TARGET),
        verdict("model calls a ticket, median", calls, CALLS_TARGET),
        same,
    ]
    return 0 if all(met) else 1


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
