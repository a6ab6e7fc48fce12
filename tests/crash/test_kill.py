"""kill -9 at every named point: nothing lost, nothing twice, unknown only inside the window.

``pytest -m crash`` is the short form. The long form, 200 loops, is
``pytest -m crash_long -s`` with ``CRASH_LOOPS`` and ``CRASH_SEED`` to change it.
"""

from __future__ import annotations

import os
import random
from collections import Counter
from pathlib import Path

import pytest

from tests.crash.loop import faults, one_loop
from tests.crash.victim import NAMED
from tests.fixtures_redis import short_folder

SHORT = (
    "accept:after:1",
    "commit_delivery:after:1",
    "commit_proposal:before:1",
    "post:after:1",
    "commit_decision:after:1",
    "claim:after:1",
    "send:after:1",
    "commit_effect:before:1",
    "update:before:1",
)


@pytest.mark.crash
@pytest.mark.parametrize("order", SHORT)
async def test_a_kill_loses_nothing_and_doubles_nothing(order: str) -> None:
    with short_folder() as folder:
        verdict = await one_loop(folder, order)
        log = (folder / "victim.log").read_text()[-3000:]
    assert verdict.killed, log
    assert not faults(verdict), (faults(verdict), log)


@pytest.mark.crash_long
async def test_two_hundred_kills(capsys: pytest.CaptureFixture[str]) -> None:
    seed = int(os.environ.get("CRASH_SEED", "20261122"))
    loops = int(os.environ.get("CRASH_LOOPS", "200"))
    chance = random.Random(seed)
    totals: Counter[str] = Counter()
    wrong: list[str] = []
    for number in range(loops):
        point = NAMED[number % len(NAMED)]
        order = f"{point}:{chance.choice(['before', 'after'])}:{chance.randint(1, 3)}"
        with short_folder() as folder:
            verdict = await one_loop(Path(folder), order)
        totals["killed"] += verdict.killed
        totals["events accepted"] += verdict.accepted
        totals["lost"] += len(verdict.lost)
        totals["twice"] += len(verdict.twice)
        totals["unknown"] += verdict.unknown
        wrong += [f"{order}: {fault}" for fault in faults(verdict)]
        with capsys.disabled():
            print(f"{number + 1}/{loops} {order}: {dict(totals)} {wrong[-1:]}", flush=True)
    assert not wrong
