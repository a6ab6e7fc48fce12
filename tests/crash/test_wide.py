"""Everything under way, and kill -9, a store that hangs or a clock that jumps, at named points and
at any moment. Asks, leads, letters, Teams and shares: nothing lost, nothing twice.

``pytest -m crash_long -s tests/crash/test_wide.py``, with ``CRASH_LOOPS`` and ``CRASH_SEED``.
"""

from __future__ import annotations

import asyncio
import os
import random
import signal
from collections import Counter
from collections.abc import Coroutine
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args

import pytest

from tests.crash.wide import Crm, world
from tests.crash.wide_people import People
from tests.crash.wide_victim import NAMED
from tests.fixtures_redis import short_folder

FIRST_SECONDS, SECOND_SECONDS = 40, 120
SECONDS_TO_ANYTHING = 8
"""All of it takes about so long: a kill at any moment comes within it."""

STALLED_SECONDS = 25
"""Longer than a lease, and than a claim's deadline with its margin."""
STALLS = ("stall", "stalled")
OTHERS = (*STALLS, "freeze", "fell", "ahead", "back")


def orders(loops: int, chance: random.Random) -> list[str]:
    """Half of them at named points, a quarter at any moment; the rest are other misfortunes."""
    made = []
    points = chance.sample(NAMED, len(NAMED))
    for number in range(loops):
        point = points[number // 2 % len(NAMED)]
        nth = chance.randint(1, 4)
        match number % 4:
            case 0 | 2:
                made.append(f"{point}:{chance.choice(['before', 'after'])}:{nth}")
            case 1:
                made.append(f"clock:at:{chance.randint(0, SECONDS_TO_ANYTHING * 1000)}")
            case _:
                point = chance.choice(("claim", "crm", "commit_answer", "outbox", "teams_send"))
                made.append(f"{point}:{chance.choice(OTHERS)}:{nth}")
    return made


@dataclass
class Verdict:
    """What one loop came to; ``wrong`` is empty if the claims hold."""

    killed: bool
    stopped: bool
    unknown: int
    wrong: list[str]
    log: str


async def one_loop(folder: Path, order: str, crm: Crm) -> Verdict:
    """Everything is begun, ``order`` happens, and another process ends it."""
    async with world(folder, crm) as there:
        people = People(there)
        async with there.serving(order) as process:
            await people.write()
            over = [there.stopped(process), process.wait(), people.act()]
            await _first(over, FIRST_SECONDS)
            stopped = process.returncode is None and order.split(":")[1] in STALLS
            if stopped:
                # Where nothing has stopped it yet, that may still come.
                there.move()
                async with there.serving(None):
                    await people.again()
                    await _first([people.act()], STALLED_SECONDS)
                    process.send_signal(signal.SIGCONT)
                    await _first([people.act()], SECOND_SECONDS)
            killed = process.returncode == -signal.SIGKILL
        async with there.serving(None):
            await people.again()
            await _first([people.act()], SECOND_SECONDS)
            wrong = await people.faults(killed or stopped)
        return Verdict(killed, stopped, people.unknown(), wrong, there.log())


async def _first(of: list[Coroutine[Any, Any, Any]], seconds: float) -> None:
    """Wait for the first of these, and no longer than so; the others are given up."""
    tasks = [asyncio.create_task(one) for one in of]
    await asyncio.wait(tasks, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
    for task in tasks:
        task.cancel()
    for fault in await asyncio.gather(*tasks, return_exceptions=True):
        if isinstance(fault, Exception):
            raise fault


@pytest.mark.crash_long
async def test_everything_under_way(capsys: pytest.CaptureFixture[str]) -> None:
    seed = int(os.environ.get("CRASH_SEED", "20261122"))
    loops = int(os.environ.get("CRASH_LOOPS", "60"))
    chance = random.Random(seed)
    crms: tuple[Crm, ...] = get_args(Crm)
    totals: Counter[str] = Counter()
    wrong: list[str] = []
    for number, order in enumerate(orders(loops, chance)):
        crm = crms[number % len(crms)]
        with short_folder() as folder:
            verdict = await one_loop(folder, order, crm)
        for name in ("killed", "stopped", "unknown"):
            totals[name] += getattr(verdict, name)
        wrong += [f"{order} ({crm}): {fault}" for fault in verdict.wrong]
        with capsys.disabled():
            print(f"{number + 1}/{loops} {order} {crm} {dict(totals)} {verdict.wrong}", flush=True)
            if verdict.wrong:
                print(verdict.log, flush=True)
    assert not wrong
