"""Start to ready: ``python -m benchmarks.start``.

From the start of ``deskhand serve`` with its embedded store to the first 200 on ``/readyz``, by the
clock on the wall, with the files of Python and of the store warm: once to warm up, then five times
on the same data folder. Slack is connected and must have answered; the model's SDK is configured.
"""

from __future__ import annotations

import asyncio
import statistics
import sys

from benchmarks.measure import ROUNDS, cpu_seconds, show_machine, verdict
from benchmarks.product import serving
from tests.fixtures_redis import short_folder
from tests.standins.anthropic.server import API_KEY
from tests.standins.slack.remote import slack_process

TARGET = 2.0


async def main() -> int:
    show_machine()
    walls, cpus = [], []
    with short_folder() as folder:
        async with slack_process() as slack:
            variables = {**slack.environment, "ANTHROPIC_API_KEY": API_KEY}
            for _ in range(ROUNDS + 1):
                async with serving(folder, variables) as product:
                    walls.append(product.ready_after)
                    cpus.append(cpu_seconds(product.pid))
    print("seconds to ready:", " ".join(f"{one:.2f}" for one in walls[1:]))
    print("CPU seconds until then:", " ".join(f"{one:.2f}" for one in cpus[1:]))
    met = verdict("start to ready, median", statistics.median(walls[1:]), TARGET, " s")
    return 0 if met else 1


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
