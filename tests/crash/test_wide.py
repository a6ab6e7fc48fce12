"""Everything under way, and kill -9, a store that hangs or a clock that jumps, at named points and
at any moment. Asks, leads, letters, Teams and shares: nothing lost, nothing twice.

``pytest -m crash_long -s tests/crash/test_wide.py``, with ``CRASH_LOOPS`` and ``CRASH_SEED``.
"""

from __future__ import annotations

import asyncio
import os
import random
from collections import Counter
from pathlib import Path
from typing import get_args

import pytest

from tests.crash.wide import Crm, world
from tests.crash.wide_people import People
from tests.crash.wide_victim import NAMED
from tests.fixtures_redis import short_folder

FIRST_SECONDS, SECOND_SECONDS = 40, 120
SECONDS_TO_ANYTHING = 12
"""On a busy machine all of it takes about so long: a kill at any moment comes within it."""

OTHERS = ("freeze", "fell", "ahead", "back")


def orders(loops: int, chance: random.Random) -> list[str]:
    """Half of them at named points, a quarter at any moment; the rest are other misfortunes."""
    made = []
    for number in range(loops):
        point = NAMED[number // 2 % len(NAMED)]
        nth = chance.randint(1, 4)
        match number % 4:
            case 0 | 2:
                made.append(f"{point}:{chance.choice(['before', 'after'])}:{nth}")
            case 1:
                made.append(f"clock:at:{chance.randint(0, SECONDS_TO_ANYTHING * 1000)}")
            case _:
                point = chance.choice(("claim", "crm", "commit_answer", "commit_effect", "send"))
                made.append(f"{point}:{chance.choice(OTHERS)}:{nth}")
    return made


async def one_loop(folder: Path, order: str, crm: Crm) -> tuple[bool, list[str], str]:
    """Whether it was killed, what is wrong in the end, and the end of its log."""
    async with world(folder, crm) as there:
        people = People(there)
        async with there.serving(order) as process:
            await people.write()
            acting = asyncio.create_task(people.act())
            dead = asyncio.create_task(process.wait())
            await asyncio.wait(
                {acting, dead}, timeout=FIRST_SECONDS, return_when=asyncio.FIRST_COMPLETED
            )
            for task in (acting, dead):
                task.cancel()
            ended = await asyncio.gather(acting, dead, return_exceptions=True)
            killed = process.returncode == -9
        for fault in ended:
            if isinstance(fault, Exception):
                raise fault
        async with there.serving(None):
            await people.again()
            try:
                async with asyncio.timeout(SECOND_SECONDS):
                    await people.act()
            except TimeoutError:
                pass  # what has not ended is told among the faults
            wrong = await people.faults(killed)
        return killed, wrong, there.log()


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
            killed, found, log = await one_loop(folder, order, crm)
        totals["killed"] += killed
        totals["faulty"] += bool(found)
        wrong += [f"{order} ({crm}): {fault}" for fault in found]
        with capsys.disabled():
            print(f"{number + 1}/{loops} {order} {crm} {dict(totals)} {found}", flush=True)
            if found:
                print(log, flush=True)
    assert not wrong
