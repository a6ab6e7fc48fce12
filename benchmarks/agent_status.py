"""``/agent status`` after 1,000 tickets of real text: ``python -m benchmarks.agent_status FILE``.

FILE has one customer's words a line, or is a CSV file whose column ``text`` has them (banking77 and
clinc150 as they are published); a second argument is how many tickets. The whole product runs
between a Slack and a model stand-in on loopback. People approve, edit, reject, write again and
leave waiting in a known mix (``tests/live/mix.py``); then each figure of ``/agent status`` must be
the count taken from the stand-ins' own logs. The same with sixty tickets is in the tests.
"""

from __future__ import annotations

import asyncio
import csv
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.measure import show_machine
from tests.fixtures_redis import STRICT, ServerProcess, short_folder
from tests.live.mix import Mix, brain, compare
from tests.live.product import live
from tests.live.steps import config

COUNT = 1_000


def texts(path: Path, count: int) -> list[str]:
    """So many of the file's texts, in its order, from the beginning again where it is short."""
    with path.open(encoding="utf-8", newline="") as file:
        if path.suffix == ".csv":
            found = [row["text"] for row in csv.DictReader(file)]
        else:
            found = [line.strip() for line in file]
    found = [" ".join(text.split()) for text in found if text.strip()]
    if not found:
        raise SystemExit(f"{path}: there is no text in it")
    step = max(1, len(found) // count)
    chosen = found[::step]
    return [chosen[at % len(chosen)] for at in range(count)]


async def main(path: Path, count: int) -> int:
    show_machine()
    file = config({"limits": {"runs_per_author_hour": 1_000_000}})
    with short_folder() as short, tempfile.TemporaryDirectory() as folder:
        # Figures, not durability: waiting for the disk is not what is looked at here.
        server = ServerProcess(short / "s", *STRICT[:4], "--appendfsync", "no").start()
        try:
            async with live(Path(folder), server.url, config=file, brain=brain) as desk:
                mix = Mix(desk, texts(path, count))
                started = time.perf_counter()
                await mix.play()
                print(
                    f"{count:,} tickets and their decisions: {time.perf_counter() - started:.0f} s"
                )
                found = await compare(mix)
        finally:
            server.stop()
    for name, (said, counted) in found.items():
        print(f"{'ok  ' if said == counted else 'NOT '} {name:14} {said!s:>24} {counted!s:>24}")
    wrong = sum(said != counted for said, counted in found.values())
    print(f"{len(found) - wrong} of {len(found)} figures are the stand-ins' own count")
    return 1 if wrong else 0


if __name__ == "__main__":
    if len(sys.argv) < 2:
        raise SystemExit("python -m benchmarks.agent_status FILE [COUNT]")
    many = int(sys.argv[2]) if len(sys.argv) > 2 else COUNT
    sys.exit(asyncio.run(main(Path(sys.argv[1]), many)))
