"""The console: ``python -m benchmarks.console [pages|idle] [ENTRIES...]``.

*pages*: each page over HTTP, the product in this process, with 100, 10,000 and 1,000,000 journal
entries (``benchmarks.status`` makes them) and a thousand cards that wait; twenty times each, by a
manager, who sees everything. *idle*: ``deskhand serve`` with three consoles open and nobody doing
anything, the CPU of its process and of the embedded store's apart.
"""

from __future__ import annotations

import asyncio
import statistics
import sys
import time
from contextlib import AsyncExitStack
from typing import Any
from urllib.parse import urlsplit

from benchmarks.desk import desk
from benchmarks.measure import cpu_seconds, show_machine, verdict
from benchmarks.status import SIZES, WAITING, fill, waiting
from benchmarks.ticket import WORDS
from bot.clock import SystemClock
from bot.settings import TENANT
from bot.store.connect import open_redis
from bot.store.state import RedisStore
from tests.console.rig import LINK, Browser, browser, signed_in
from tests.fixtures_redis import STRICT, ServerProcess, short_folder
from tests.live.product import live

TARGET_MS, ASKED = 500.0, 20
TARGET_IDLE, IDLE_SECONDS, SETTLE_SECONDS, OPEN = 1.0, 40.0, 10.0, 3


async def timed(window: Browser, path: str) -> tuple[float, float]:
    """Median and longest of one page, in milliseconds."""
    took = []
    for _ in range(ASKED):
        started = time.perf_counter()
        answer = await window.get(path)
        took.append((time.perf_counter() - started) * 1e3)
        if answer.status != 200:
            raise RuntimeError(f"{path}: {answer.status}")
    return statistics.median(took), max(took)


async def pages(count: int) -> float:
    """Every page at one size; the slowest one's median in milliseconds."""
    with short_folder() as folder:
        server = ServerProcess(folder / "s", *STRICT).start()
        try:
            # Filling may wait for the disk; it is not what is measured.
            redis: Any = open_redis(server.url, decode_responses=False, read_timeout_s=30)
            store = RedisStore(redis, TENANT, SystemClock())
            await store.start()
            await fill(store, redis, count)
            await waiting(store, min(WAITING, count))
            old = (await redis.xrange(store.keys.journal, count=1))[0][0].decode()
            (proposal,) = await store.waiting(limit=1)
            await store.close()
            await redis.aclose()
            async with (
                live(folder, server.url, environment={"ANTHROPIC_API_KEY": ""}) as made,
                signed_in(made, "U0MANAGER") as manager,
            ):
                print(f"{count:,} entries")
                return await _each(manager, old, proposal)
        finally:
            server.stop()


async def _each(manager: Browser, old: str, proposal: str) -> float:
    ms = int(old.partition("-")[0]) + 3_600_000
    asked = {
        "inbox": "/console",
        "ticket": f"/console/tickets/{proposal}",
        "trace": f"/console/trace/{proposal}",
        "status, 24h": "/console/status",
        "status, 30d": "/console/status?window=30d",
        "journal, newest": "/console/journal",
        "journal, its beginning": f"/console/journal?before={ms}-0",
        "journal, a day": "/console/journal?q=" + time.strftime("%Y-%m-%d", time.gmtime(ms / 1e3)),
        "journal, a kind": "/console/journal?kind=handoff",
        "journal, a word found": "/console/journal?q=no_source",
        "journal, a word not found": "/console/journal?q=nowhere-at-all",
        "journal, a ticket": f"/console/journal?q={proposal}",
    }
    slowest = 0.0
    for name, path in asked.items():
        median, longest = await timed(manager, path)
        slowest = max(slowest, median)
        print(f"  {name:26} {median:7.1f} ms (longest {longest:.1f})", flush=True)
    return slowest


async def idle(seconds: float) -> bool:
    """CPU of a serve that some look at and nobody uses."""
    async with AsyncExitStack() as stack:
        folder = stack.enter_context(short_folder())
        made = await stack.enter_async_context(desk(folder))
        for number in range(20):
            await made.ask(f"{WORDS} {number:05}.")
        for _ in range(OPEN):
            sent = await made.slack.command("console", user="U0AGENT")
            found = LINK.search(str(sent.body.get("text")))
            if found is None:
                raise RuntimeError(f"no link: {sent.body}")
            window = await stack.enter_async_context(browser(made.product.url))
            token = urlsplit(found[1]).query
            entered = await window.post("/console/login", [("token", token.partition("=")[2])])
            if entered.status != 303:
                raise RuntimeError(entered.words)
            await window.get("/console")
            stream = await stack.enter_async_context(
                window.session.get(window.url + "/console/events")
            )
            await stream.content.readline()
        await asyncio.sleep(SETTLE_SECONDS)
        product = made.product
        before, beneath = cpu_seconds(product.pid), cpu_seconds(product.store_pid)
        await asyncio.sleep(seconds)
        spent = (cpu_seconds(product.pid) - before) / seconds * 100
        below = (cpu_seconds(product.store_pid) - beneath) / seconds * 100
    print(f"the embedded store, counted separately: {below:.2f} % of a core")
    what = f"idle CPU of serve over {seconds:.0f} s with {OPEN} consoles open"
    return verdict(what, spent, TARGET_IDLE, " % of a core")


async def main(parts: tuple[str, ...]) -> int:
    show_machine()
    met = []
    sizes = tuple(int(part) for part in parts if part.isdigit()) or SIZES
    if "pages" in parts:
        for count in sizes:
            slowest = await pages(count)
            met.append(verdict(f"the slowest page with {count:,}", slowest, TARGET_MS, " ms"))
    if "idle" in parts:
        met.append(await idle(IDLE_SECONDS))
    return 0 if all(met) else 1


if __name__ == "__main__":
    sys.exit(asyncio.run(main(tuple(sys.argv[1:]) or ("pages", "idle"))))
