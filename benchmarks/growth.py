"""10,000 pending proposals: ``python -m benchmarks.growth [count]``.

A worker takes 10,000 tickets to *pending*, through every step of the product but a surface and a
model (``benchmarks/approval/ours.py``): how much does its process grow, after it has warmed up with
1,000? And does a ticket cost the same at the end as at the beginning? What the proposals take in
Redis is ``benchmarks/memory.py``'s figure, which runs first.
"""

from __future__ import annotations

import asyncio
import gc
import os
import sys
import time

from benchmarks.approval.ours import ours
from benchmarks.measure import resident_bytes, show_machine, verdict
from benchmarks.memory import measure

COUNT, WARM, IN_FLIGHT = 10_000, 1_000, 16
TARGET_MB = 10.0
FLAT = 1.2


async def worker(count: int) -> bool:
    async with ours() as side:
        await side.propose_at_once(WARM, IN_FLIGHT)
        gc.collect()
        before = resident_bytes(os.getpid())
        parts = []
        for _ in range(10):
            spent = time.process_time()
            await side.propose_at_once(count // 10, IN_FLIGHT)
            parts.append((time.process_time() - spent) / (count // 10) * 1e3)
        gc.collect()
        grown = (resident_bytes(os.getpid()) - before) / 1e6
    print("CPU of the worker, ms a ticket, tenth by tenth:", " ".join(f"{p:.2f}" for p in parts))
    first, last = sum(parts[:3]) / 3, sum(parts[-3:]) / 3
    met = verdict(f"the worker grew over {count:,} pending proposals by", grown, TARGET_MB, " MB")
    return verdict("cost of the last 30 % over the first 30 %", last / first, FLAT) and met


async def main(count: int) -> int:
    show_machine()
    code = await measure(count)
    return code if await worker(count) else 1


if __name__ == "__main__":
    sys.exit(asyncio.run(main(int(sys.argv[1]) if len(sys.argv) > 1 else COUNT)))
