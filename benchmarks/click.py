"""Click to the action's first byte: ``python -m benchmarks.click``.

Many cards wait; an agent approves one after another, each once the one before has settled. From
the moment the press leaves Slack to the arrival of the reply's ``chat.postMessage``, both by the
clock of the Slack stand-in, a process of its own: the look-up of the person, the decision on disk,
the queue, the claim on disk and the connection for the reply lie between. For an idle machine.
"""

from __future__ import annotations

import asyncio
import sys

from benchmarks.desk import desk
from benchmarks.measure import quantile, show_machine, verdict
from benchmarks.ticket import WORDS
from tests.fixtures_redis import short_folder
from tests.standins.wire import read_log

CLICKS, WARM = 300, 20
P50_MS, P99_MS = 10.0, 50.0


async def main() -> int:
    show_machine()
    acks, began = [], []
    with short_folder() as folder:
        async with desk(folder) as made:
            cards = [(await made.ask(f"{WORDS} {n:05}."))[1] for n in range(CLICKS + WARM)]
            await made.quiet(0.2)
            await made.catch_up()
            seen = len(read_log(made.slack_log))
            for card in cards:
                press = await made.approve(card)
                if not press.ok:
                    raise RuntimeError(f"a press was answered with {press.status}")
                acks.append(press.seconds)
                await made.settled(card)
                await made.quiet()
            log = read_log(made.slack_log)[seen:]
    # The stand-in logs a press when it has been answered: it left so many seconds earlier.
    presses = [e for e in log if e.kind == "delivery" and e.name == "block_actions"]
    began = [entry.at - seconds for entry, seconds in zip(presses, acks, strict=True)]
    replies = [
        entry.at
        for entry in log
        if entry.name == "chat.postMessage" and "deskhand_reply" in str(entry.args.get("metadata"))
    ]
    taken = [(at - start) * 1e3 for start, at in zip(began, replies, strict=True)][WARM:]
    answered = [seconds * 1e3 for seconds in acks][WARM:]
    print(
        f"{len(taken)} clicks; answered to Slack in p50 {quantile(answered, 0.5):.1f} ms,"
        f" p99 {quantile(answered, 0.99):.1f} ms"
    )
    met = [
        verdict("click to first byte, p50", quantile(taken, 0.5), P50_MS, " ms"),
        verdict("click to first byte, p99", quantile(taken, 0.99), P99_MS, " ms"),
    ]
    show_machine()
    return 0 if all(met) else 1


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
