"""``status`` with 100, 10,000 and 1,000,000 journal entries: ``python -m benchmarks.status``.

Each size has a private server of its own. Entries are those of
whole tickets (about ten each: opened, run, model and tool calls, proposal, decision, claim, effect)
spread evenly over the last 30 days, so that every window has its part of them. They are written to
the journal's stream in pipelines, under ids of their own times, and then sealed and folded by
``Record.seal``: the chain and the figures are made by the product itself, entry by entry. Not
written are the tickets' documents, the index of a ticket's entries and their texts, which no figure
reads. A thousand proposals wait, written by ``Store.commit``.

Asked, each twenty times: the figures of each window (with the window before, what waits and the
budget), the console's page of 30 days, the whole ``/agent status`` answer with its chart, and
``deskhand status --json`` as a process of its own, start-up included.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import random
import statistics
import sys
import time
from collections.abc import Awaitable, Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from benchmarks.measure import show_machine, verdict
from bot.clock import SystemClock
from bot.journal import Entry, EntryKind
from bot.overview import Overview
from bot.ports import Commit, StoreUnavailable, Versioned
from bot.settings import TENANT
from bot.store.connect import open_redis
from bot.store.entries import pack_entry
from bot.store.state import RedisStore
from handlers.slack_figures import chart, status_blocks
from tests.fixtures_redis import STRICT, ServerProcess, short_folder
from tests.store.make import proposal, ticket

SIZES = (100, 10_000, 1_000_000)
TARGET_MS = 200.0
WAITING = 1_000
ASKED = 20
_BATCH = 2_000


def tickets(count: int) -> Iterator[tuple[datetime, list[Entry]]]:
    """Whole tickets' entries, oldest first, until there are ``count`` of them."""
    chosen, now = random.Random(11), datetime.now(UTC)
    start, written, number = now - timedelta(days=30), 0, 0
    step = timedelta(days=30) / max(1, count // 9)
    while written < count:
        at = start + step * number
        entries = _ticket(chosen, number)[: count - written]
        yield at, entries
        written += len(entries)
        number += 1


def _ticket(chosen: random.Random, number: int) -> list[Entry]:
    ticket_id, proposal_id = f"t_{number:016d}", f"p_{number:016d}"
    playbook = chosen.choice(("support", "support", "sales"))
    about: dict[str, Any] = {
        "route": chosen.choice(("billing", "bugs", "default")),
        "model": chosen.choice(("claude-sonnet-5-5", "claude-sonnet-5-5", "local")),
        "prompt_version": chosen.choice(("a1b2c3d4e5f6", "f6e5d4c3b2a1")),
    }

    def entry(kind: EntryKind, **data: Any) -> Entry:
        return Entry(
            kind=kind, ticket=ticket_id, proposal=proposal_id, playbook=playbook, data=data
        )

    calls = [
        entry(
            "model_call",
            model=model,
            prompt_version=about["prompt_version"],
            **{"tokens_in": 900, "tokens_out": 120, "cache_read": 600, "cache_write": 0},
            cost_usd="0.00315",
            latency_ms=812.5,
            stop="end_turn",
        )
        for model in ("claude-haiku-5-5", about["model"])
    ]
    begun = [
        entry("ticket", what="opened", generation=1),
        entry("run", what="begun"),
        calls[0],
        entry("tool_call", tool="search_kb", passages=3),
        calls[1],
    ]
    if chosen.random() < 0.1:
        return [*begun, entry("handoff", reason="no_source", took_ms=4000, **about)]
    took = round(chosen.lognormvariate(8, 1))
    begun.append(entry("proposal", took_ms=took, citations_struck=number % 2, **about))
    if chosen.random() < 0.2:
        rejected = {"verb": "reject", "reason": "wrong_facts", "to": "rejected"}
        return [*begun, entry("decision", **rejected, **_decided(chosen), **about)]
    edited = chosen.random() < 0.3
    approved = {"verb": "edit" if edited else "approve", "to": "approved", "edited": edited}
    return [
        *begun,
        entry("decision", **approved, kept_permille=900, **_decided(chosen), **about),
        entry("claim", action="send_reply", attempt=0),
        entry("effect", outcome="succeeded", **{"from": "executing", "to": "succeeded"}, **about),
    ]


def _decided(chosen: random.Random) -> dict[str, Any]:
    return {
        "from": "pending",
        "final": True,
        "waited_ms": round(chosen.lognormvariate(12, 2)),
    }


async def fill(store: RedisStore, redis: Any, count: int) -> float:
    """Write the journal and have it sealed; seconds that the sealing took."""
    pipeline, held, number = redis.pipeline(transaction=False), 0, 0
    last = 0
    for at, entries in tickets(count):
        ms = int(at.timestamp() * 1000)
        # Two tickets of one millisecond follow one another.
        number = number if ms == last else 0
        last = ms
        for entry in entries:
            number += 1
            pipeline.xadd(store.keys.journal, {"e": pack_entry(entry)[0]}, id=f"{ms}-{number}")
            held += 1
        if held >= _BATCH:
            await pipeline.execute()
            held = 0
    await pipeline.execute()
    started = time.perf_counter()
    while (await store.record_book.head()).entries < count:
        # As a worker does: an answer that comes too late on a busy machine is followed by a look.
        with contextlib.suppress(StoreUnavailable):
            await store.record_book.seal()
    return time.perf_counter() - started


async def waiting(store: RedisStore, count: int) -> None:
    """So many proposals that wait for a person."""
    for _ in range(count):
        opened = ticket(tenant=TENANT)
        one = proposal(opened, tenant=TENANT, model="claude-sonnet-5-5")
        change = Commit(tickets=(Versioned(opened, 0),), proposals=(Versioned(one, 0),))
        if await store.commit(change) != "committed":
            raise RuntimeError("a proposal was not saved")


async def timed(ask: Callable[[], Awaitable[object]]) -> tuple[float, float, float]:
    """Median and longest, and the CPU of ours that one takes, in milliseconds."""
    took = []
    cpu = time.process_time()
    for _ in range(ASKED):
        started = time.perf_counter()
        await ask()
        took.append((time.perf_counter() - started) * 1e3)
    return statistics.median(took), max(took), (time.process_time() - cpu) / ASKED * 1e3


async def process(url: str, folder: Path) -> float:
    """Seconds of ``deskhand status 30d --json`` as a process of its own; the median of three."""
    took = []
    for _ in range(3):
        started = time.perf_counter()
        made = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "bot", "status", "30d", "--json"),
            env={**os.environ, "REDIS_URL": url, "DESKHAND_SECRET": "x" * 32,
                 "DESKHAND_DATA": str(folder)},
            stdout=asyncio.subprocess.PIPE,
        )  # fmt: skip
        out, _ = await made.communicate()
        if made.returncode:
            raise RuntimeError("deskhand status failed")
        json.loads(out)
        took.append(time.perf_counter() - started)
    return statistics.median(took)


async def size(count: int) -> float:
    """Everything at one size; the longest answer in milliseconds."""
    with short_folder() as folder:
        # What is written is not looked at, so nothing waits for the disk.
        server = ServerProcess(folder / "s", *STRICT[:4], "--appendfsync", "no").start()
        try:
            return await _at(server, folder, count)
        finally:
            server.stop()


async def _at(server: ServerProcess, folder: Path, count: int) -> float:
    redis: Any = open_redis(server.url, decode_responses=False)
    store = RedisStore(redis, TENANT, SystemClock())
    await store.start()
    sealing = await fill(store, redis, count)
    await waiting(store, min(WAITING, count))
    overview = Overview(store, SystemClock(), "strict")
    keys = [key async for key in redis.scan_iter(f"{store.keys.prefix}f:*", count=10_000)]
    memory = 0
    for at in range(0, len(keys), _BATCH):
        pipeline = redis.pipeline(transaction=False)
        for key in keys[at : at + _BATCH]:
            pipeline.memory_usage(key)
        memory += sum(await pipeline.execute())
    print(
        f"{count:,} entries, sealed and folded in {sealing:.1f} s"
        f" ({sealing / count * 1e6:.0f} us each); the figures take {memory / 1e6:.1f} MB"
        f" in {len(keys):,} keys"
    )

    async def answer() -> None:
        figures, steps = await overview.report("30d")
        status_blocks(figures)
        chart("30d", steps)

    longest = 0.0
    asked: dict[str, Callable[[], Awaitable[object]]] = {
        "figures, 24h": lambda: overview.figures("24h"),
        "figures, 7d": lambda: overview.figures("7d"),
        "figures, 30d": lambda: overview.figures("30d"),
        "the console's page, 30d": lambda: overview.board("30d"),
        "/agent status 30d": answer,
    }
    for name, ask in asked.items():
        median, most, cpu = await timed(ask)
        longest = max(longest, median)
        print(f"  {name:24} {median:7.1f} ms (longest {most:.1f}, CPU {cpu:.1f})")
    whole = await process(server.url, folder)
    print(f"  deskhand status, a process {whole * 1e3:5.0f} ms, start-up included")
    await store.close()
    await redis.aclose()
    return longest


async def main(sizes: tuple[int, ...]) -> int:
    show_machine()
    longest = {count: await size(count) for count in sizes}
    code = 0
    for count, ms in longest.items():
        if not verdict(f"the slowest answer with {count:,} entries", ms, TARGET_MS, " ms"):
            code = 1
    return code


if __name__ == "__main__":
    sys.exit(asyncio.run(main(tuple(map(int, sys.argv[1:])) or SIZES)))
