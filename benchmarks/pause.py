"""Propose and pause, resume and execute: ``python -m benchmarks.pause``.

Deskhand, its queue, journal and money included, beside LangGraph (SQLite checkpointer),
openai-agents and pydantic-ai on the same job (``benchmarks/approval/work.py``), each in a process
of its own, taking turns. The frameworks are in the dependency group ``bench``.
"""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

from benchmarks.measure import (
    ROUNDS,
    Side,
    ratio,
    show_machine,
    show_rounds,
    verdict,
    versions,
)
from benchmarks.product import ROOT

JOBS = 150
TARGET = 1 / 3
NEEDED = ("langgraph", "langgraph-checkpoint-sqlite", "openai-agents", "pydantic-ai-slim")
SIDES = {
    "deskhand": "ours",
    "langgraph": "with_langgraph",
    "openai-agents": "with_openai_agents",
    "pydantic-ai": "with_pydantic_ai",
}


@dataclass(frozen=True)
class Driven:
    """A side in its process."""

    side: Side
    process: asyncio.subprocess.Process

    async def order(self, order: str) -> dict[str, float]:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(f"{order}\n".encode())
        line = await self.process.stdout.readline()
        if not line:
            raise RuntimeError(f"{self.side.name} ended")
        answer: dict[str, float] = json.loads(line)
        if answer["wrong"]:
            raise RuntimeError(f"{self.side.name}: {answer['wrong']} effects too many or too few")
        return answer

    async def one_round(self) -> None:
        proposed = await self.order(f"propose {JOBS}")
        resumed = await self.order("resume")
        self.side.add(
            propose=proposed["process"] + proposed["store"],
            propose_process=proposed["process"],
            resume=resumed["process"] + resumed["store"],
            resume_process=resumed["process"],
        )


@asynccontextmanager
async def driven(name: str, module: str) -> AsyncIterator[Driven]:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", f"benchmarks.approval.{module}",
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, cwd=ROOT,
    )  # fmt: skip
    try:
        assert process.stdout is not None
        async with asyncio.timeout(60):
            if not await process.stdout.readline():
                raise RuntimeError(f"{name} did not start")
        yield Driven(Side(name), process)
    finally:
        assert process.stdin is not None
        process.stdin.close()
        await asyncio.wait_for(process.wait(), 20)


async def main() -> int:
    show_machine()
    found = versions(NEEDED)
    missing = [name for name in NEEDED if name not in found]
    if missing:
        print(f"not installed: {', '.join(missing)}. Run `uv sync --group bench`, or")
        print(f"    python -m pip install {' '.join(missing)}")
        return 2
    print("beside:", ", ".join(f"{name} {number}" for name, number in found.items()))
    async with AsyncExitStack() as stack:
        sides = [await stack.enter_async_context(driven(*one)) for one in SIDES.items()]
        for number in range(ROUNDS + 1):
            if number == 1:  # the first warmed them up
                for one in sides:
                    one.side.figures.clear()
            for one in sides:
                await one.one_round()
    ours, *others = (one.side for one in sides)
    met = []
    for figure, words in (("propose", "propose and pause"), ("resume", "resume and execute")):
        print(f"{words}, CPU of the process and its store, us a job (median of {ROUNDS} rounds):")
        show_rounds((ours, *others), figure, "us")
        print("  of it without the store's process:")
        show_rounds([ours], f"{figure}_process", "us")
        best = min(others, key=lambda side: side.median(figure))
        value = ratio(ours, best, figure)
        met.append(verdict(f"{words}, of {best.name}'s", value, TARGET))
        alone = ours.median(f"{figure}_process") / best.median(figure)
        print(f"  without the store's process: {alone:.3g}")
    return 0 if all(met) else 1


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
