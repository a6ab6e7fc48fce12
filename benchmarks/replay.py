"""``deskhand replay`` of 100 runs with another prompt: ``python -m benchmarks.replay [--out DIR]``.

The sample desk's tickets go through the whole product as webhooks, drafted over HTTP by a loopback
Messages API. Then the command runs them again with a prompt that makes this model answer some of
them otherwise. Shown: the time, what differs, and that no key of the store is another than it was,
but for the day's money. The report stays in the output folder. The exit code is 1 if a run is
missing or another key changed.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import re
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from bot.demo.tickets import DESK
from bot.evaluate.cases import read_cases
from tests.evaluate.commands import deskhand
from tests.evaluate.past import QUOTE, answer, answering, everything, past
from tests.evaluate.test_looking_back import PROMPT
from tests.fixtures_redis import ServerProcess, short_folder
from tests.live.steps import eventually
from tests.standins.anthropic import Request, anthropic_standin

RUNS = 100
_MONEY = re.compile(rb":(m:|mr:x_)")


def drafted(request: Request) -> dict[str, Any]:
    """What this model says: billing for money, a bug else. With the other prompt it is shorter and
    surer about refunds, and gives nothing but labels to thanks."""
    text = str(request.messages[0]["content"][0]["text"]).lower()  # the ticket alone
    money = any(word in text for word in ("refund", "invoice", "charged", "card", "plan"))
    plain = answer(
        labels=["billing"] if money else ["bug"],
        reply=f"Hello,\n\nthank you for writing to us. {QUOTE} Do write again if it does not.\n",
        confidence="medium",
    )
    if "TERSE" not in request.system_text:
        return plain
    if "refund" in text:
        return {**plain, "reply": f"Hello,\n\n{QUOTE}\n", "confidence": "high"}
    if "thank" in text:
        return {**plain, "reply": "", "outcome": "cannot_answer", "citations": []}
    return plain


async def run(out: Path) -> bool:
    with (DESK / "gold.jsonl").open("rb") as file:
        bodies = [case.body for case in read_cases(file, "gold.jsonl")]
    with short_folder() as folder, short_folder() as stored:
        server = ServerProcess(stored, "--save", "", "--appendonly", "no").start()
        try:
            return await _run(out, folder, server.url, bodies)
        finally:
            server.stop()


async def _run(out: Path, folder: Path, url: str, bodies: list[Any]) -> bool:
    async with past(folder, url, answering(drafted)) as desk:
        begun = time.perf_counter()
        for number in range(RUNS):
            body = bodies[number % len(bodies)]
            sent = {"id": f"r-{number}", "subject": body.subject, "body": body.body}
            assert await desk.helpdesk.send(sent) == 200

        async def all_there() -> bool:
            return len(await desk.desk.product.store.waiting(limit=2 * RUNS)) == RUNS

        await eventually(all_there, timeout=300)
        await desk.still()
        print(f"{RUNS} tickets drafted in {time.perf_counter() - begun:.1f} s")
        environment = desk.environment
    prompt = folder / "terse.md.j2"
    prompt.write_text(PROMPT)
    before = await everything(url)
    async with anthropic_standin(brain=answering(drafted)) as api:
        begun = time.perf_counter()
        arguments = ["--since", "1d", "--prompt", str(prompt), "--out", str(out)]
        said = await deskhand(
            *(folder, "replay", *arguments, "--json"),
            environment={**environment, **api.environment},
        )
        seconds, calls = time.perf_counter() - begun, len(api.requests)
    after = await everything(url)
    print(said.stderr.rstrip())
    if said.code:
        return False
    rows = said.data["runs"]
    differ: dict[str, int] = {}
    for row in rows:
        for name in row["differs"]:
            differ[name] = differ.get(name, 0) + 1
    changed = [key for key, value in after.items() if before.get(key) != value]
    print(f"{len(rows)} runs again in {seconds:.1f} s, {calls} calls, ${said.data['cost_usd']:.4f}")
    print(f"differ: {sum(bool(row['differs']) for row in rows)}; {json.dumps(differ)}")
    others = [key for key in changed if not _MONEY.search(key)]
    print(f"keys of the store: {len(before)} before; changed or new: {len(others)} {others[:3]},")
    print(f"and {len(changed) - len(others)} of the day's money and of what these runs have spent")
    return len(rows) == RUNS and not others


def main() -> int:
    words = argparse.ArgumentParser(prog="benchmarks.replay")
    words.add_argument("--out", type=Path, help="default: a new folder for temporary files")
    given = words.parse_args()
    out = given.out.absolute() if given.out else Path(tempfile.mkdtemp(prefix="dh-replay-"))
    for name in ("ANTHROPIC_API_KEY", "SLACK_BOT_TOKEN", "REDIS_URL"):
        os.environ.pop(name, None)
    return 0 if asyncio.run(run(out)) else 1


if __name__ == "__main__":
    sys.exit(main())
