"""Idle: ``python -m benchmarks.idle [seconds]``.

``deskhand serve``, all roles, connected to Slack, with cards that wait, and nobody doing anything:
the CPU of its process, and of the embedded store's apart. Ten seconds pass before it is measured.
"""

from __future__ import annotations

import asyncio
import sys

from benchmarks.desk import desk
from benchmarks.measure import cpu_seconds, show_machine, verdict
from benchmarks.ticket import WORDS
from tests.fixtures_redis import short_folder

SECONDS, SETTLE_SECONDS = 40.0, 10.0
TARGET = 1.0


async def main(seconds: float) -> int:
    show_machine()
    with short_folder() as folder:
        async with desk(folder) as made:
            for number in range(20):
                await made.ask(f"{WORDS} {number:05}.")
            await asyncio.sleep(SETTLE_SECONDS)
            product = made.product
            before, beneath = cpu_seconds(product.pid), cpu_seconds(product.store_pid)
            await asyncio.sleep(seconds)
            spent = (cpu_seconds(product.pid) - before) / seconds * 100
            below = (cpu_seconds(product.store_pid) - beneath) / seconds * 100
    print(f"the embedded store, counted separately: {below:.2f} % of a core")
    met = verdict(f"idle CPU of serve over {seconds:.0f} s", spent, TARGET, " % of a core")
    return 0 if met else 1


if __name__ == "__main__":
    sys.exit(asyncio.run(main(float(sys.argv[1]) if len(sys.argv) > 1 else SECONDS)))
