"""``python -m benchmarks NAME...``, or ``all``: one after another, each with its own verdict."""

from __future__ import annotations

import subprocess
import sys

from benchmarks.product import ROOT

NAMES = {
    "intake": "a signed event to a durable 2xx, beside a bare Bolt listener",
    "teams": "the same for a signed activity, beside botbuilder's own adapter",
    "pause": "propose and pause, resume and execute, beside three agent frameworks",
    "ticket": "a ticket end to end, beside the bare SDK calls that it makes",
    "click": "from the click to the action's first byte",
    "growth": "10,000 pending proposals: Redis, the worker, and a ticket's cost meanwhile",
    "takeover": "kill -9 to work resumed",
    "status": "the figures with 100, 10,000 and 1,000,000 journal entries",
    "console": "the console's pages, and a serve that some look at",
    "idle": "a serve that nobody uses",
    "start": "start to ready",
}


def main(names: list[str]) -> int:
    if not names or not set(names) <= {*NAMES, "all"}:
        print("python -m benchmarks all, or some of:")
        for name, words in NAMES.items():
            print(f"  {name:10} {words}")
        return 2
    codes = {}
    for name in NAMES if "all" in names else names:
        print(f"\n== {name}: {NAMES[name]}", flush=True)
        codes[name] = subprocess.run(
            [sys.executable, "-m", f"benchmarks.{name}"], cwd=ROOT
        ).returncode
    missed = [name for name, code in codes.items() if code]
    print(f"\n{len(codes) - len(missed)} met, {len(missed)} missed: {', '.join(missed) or '-'}")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
