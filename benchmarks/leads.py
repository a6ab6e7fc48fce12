"""Twenty companies, looked up by the local model: each field right, wrong or missing.

    python -m benchmarks.leads

The sites are on loopback, each made in another manner; the key is written by hand, and stands with
them in ``tests/standins/companies.py``. They are ours and in forms that the local model knows: the
figures say that nothing broke, and not how much of the web it understands.
"""

from __future__ import annotations

import asyncio
import logging
import sys
import tempfile
import time
from pathlib import Path

from bot.agent.run import Drafted, Stopped
from tests.leads.bench import lead_bench
from tests.standins.companies import HOSTS, KEY


async def main() -> int:
    logging.disable(logging.WARNING)
    right = wrong = missing = unasked = 0
    with tempfile.TemporaryDirectory() as folder:
        async with lead_bench(Path(folder)) as bench:

            async def one(host: str) -> tuple[str, object, float]:
                begun = time.monotonic()
                ended = await bench.run(host)
                return host, ended, time.monotonic() - begun

            done = await asyncio.gather(*map(one, HOSTS))
    print(f"{'company':28} {'end':10} {'s':>5}  {'right':>5} {'wrong':>5} {'missing':>7}")
    for host, ended, seconds in done:
        key = KEY[host]
        got = {}
        end = "?"
        if isinstance(ended, Drafted) and ended.lead is not None:
            got = {field.name: field.value for field in ended.lead.fields}
            end = "card"
        elif isinstance(ended, Stopped):
            end = ended.handoff.reason
        good = sum(got.get(name) == value for name, value in key.items())
        bad = {name: got[name] for name in got if name in key and got[name] != key[name]}
        gone = [name for name in key if name not in got]
        more = {name: got[name] for name in got if name not in key}
        right, wrong, missing = right + good, wrong + len(bad), missing + len(gone)
        unasked += len(more)
        print(f"{host:28} {end:10} {seconds:5.1f}  {good:5} {len(bad):5} {len(gone):7}")
        for name, value in {**bad, **more}.items():
            print(f"    {name}: {value!r}, not {key.get(name)!r}")
        for name in gone:
            print(f"    {name}: nothing, not {key[name]!r}")
    slowest = max(seconds for _, _, seconds in done)
    print(f"\n{right} right, {wrong} wrong, {missing} missing, {unasked} that the key has not; "
          f"slowest {slowest:.1f} s")  # fmt: skip
    return 1 if wrong or missing or unasked else 0


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
