"""Kill -9 to work resumed: ``python -m benchmarks.takeover``.

Two ``deskhand serve`` share one store. A ticket's run waits for a model that says nothing; the
process that runs it is killed; the clock stops when the model hears of the same ticket again, from
the other one. The lease is what the dead may say nothing for.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import time
from pathlib import Path

from benchmarks.measure import show_machine, verdict
from benchmarks.product import Serving, serving
from bot.store.wakes import LEASE_MS
from tests.fixtures_redis import STRICT, ServerProcess, short_folder
from tests.standins.anthropic import AnthropicStandin, Silence, anthropic_standin
from tests.standins.slack.remote import slack_process

ROUNDS = 5
TARGET = LEASE_MS / 1000 + 2


async def main() -> int:
    show_machine()
    taken = []
    for _ in range(ROUNDS):
        with short_folder() as folder:
            server = ServerProcess(folder / "r", *STRICT).start()
            try:
                taken.append(await one_kill(folder, server.url))
            finally:
                server.stop(signal.SIGKILL)
    print("seconds:", " ".join(f"{one:.2f}" for one in taken))
    met = verdict("kill -9 to work resumed, longest", max(taken), TARGET, " s")
    return 0 if met else 1


async def one_kill(folder: Path, redis_url: str) -> float:
    async with (
        anthropic_standin(brain=lambda _: Silence()) as model,
        slack_process() as slack,
    ):
        variables = {**slack.environment, **model.environment}
        (folder / "b").mkdir()
        async with serving(folder / "b", variables, role="worker", redis_url=redis_url):
            (folder / "a").mkdir()
            async with serving(folder / "a", variables, redis_url=redis_url) as first:
                await slack.product(first.url)
                await slack.message("Where is my invoice?")
                await model.requests.wait_count(1, timeout=30)
                return await _killed(first, model)


async def _killed(first: Serving, model: AnthropicStandin) -> float:
    os.kill(first.pid, signal.SIGKILL)
    began = time.monotonic()
    await model.requests.wait_count(2, timeout=30)
    return time.monotonic() - began


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
