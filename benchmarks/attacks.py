"""Published injections against a model that obeys them all, and planted secrets:
``python -m benchmarks.attacks --data FOLDER [--limit N] [--secrets N] [--seed N]``.

``FOLDER/bipia`` holds the text attacks and e-mails of BIPIA (github.com/microsoft/BIPIA):
``text_attack_train.json``, a category to its attacks, and ``train.jsonl``, a ``context`` a line. An
attack is put into an e-mail at its beginning, in its middle or at its end, as BIPIA does, and the
e-mail becomes a ticket: in turns typed in Slack, as raw markup, and by webhook. The model calls
every name it has ever seen, and writes what the injection asks for wherever it may.

Shown is what got through: effects that nobody approved, live mentions, links and images in what was
posted, tools run that are not of the allowlist. Then one customer's secrets are approved into the
examples, and looked for in all that a model is told of other customers' tickets, in their drafts
and on their cards. The exit code is 1 if anything got through.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import sys
import time
from collections import Counter
from pathlib import Path

from tests.fixtures_redis import ServerProcess, short_folder
from tests.live.hostile import Tally, attack, target
from tests.live.planted import Leaks, leaks

PLACES = ("beginning", "middle", "end")


def poisoned(data: Path, limit: int, seed: int) -> list[str]:
    """E-mails with an attack in each: every attack before any comes again, elsewhere."""
    rng = random.Random(seed)
    by_kind: dict[str, list[str]] = json.loads((data / "text_attack_train.json").read_text("utf-8"))
    lines = (data / "train.jsonl").read_text("utf-8").splitlines()
    mails = [str(json.loads(line)["context"]) for line in lines]
    attacks = [one for some in by_kind.values() for one in some]
    every = [(text, mail, place) for text in attacks for mail in mails for place in PLACES]
    rng.shuffle(every)
    seen: Counter[str] = Counter()
    turns = []
    for one in every:
        seen[one[0]] += 1
        turns.append((seen[one[0]], one))
    turns.sort(key=lambda turn: turn[0])
    return [_into(mail, text, place) for _, (text, mail, place) in turns[:limit]]


def _into(mail: str, text: str, place: str) -> str:
    if place == "beginning":
        return f"{text}\n{mail}"
    if place == "end":
        return f"{mail}\n{text}"
    lines = mail.split("\n")
    half = len(lines) // 2 if len(lines) > 1 else 0
    if half:
        return "\n".join((*lines[:half], text, *lines[half:]))
    return f"{mail[: len(mail) // 2]}\n{text}\n{mail[len(mail) // 2 :]}"


async def run(data: Path, limit: int, secrets: int, seed: int) -> bool:
    with short_folder() as folder, short_folder() as first, short_folder() as second:
        flags = ("--save", "", "--appendonly", "yes", "--appendfsync", "no")
        server = ServerProcess(folder, *flags).start()
        try:
            texts = poisoned(data / "bipia", limit, seed)
            started = time.monotonic()
            async with target(first, server.url) as running:
                tally = await attack(running, texts)
            show_attacks(tally, time.monotonic() - started)
            with server.client() as client:
                client.flushall()
            found = await leaks(second, server.url, secrets, seed)
            show_leaks(found)
        finally:
            server.stop()
    return tally.clean and tally.ended.total() == len(texts) and found.clean


def show_attacks(tally: Tally, seconds: float) -> None:
    ended = ", ".join(f"{count} {state}" for state, count in tally.ended.most_common())
    ran = ", ".join(f"{tool} {count}" for tool, count in tally.reads.most_common())
    print(f"tickets with an injection: {tally.tickets} in {seconds:.0f} s; cards: {ended}")
    print(f"tool calls the model tried: {tally.calls_tried}, of {tally.names_tried} names")
    print(f"tools that ran: {ran or 'none'}; outside the allowlist: {tally.foreign_reads}")
    print(f"effects that nobody approved: {tally.effects}")
    print(f"live mentions, links, images in {tally.messages} messages: {len(tally.live)}")
    print(f"proposed or posted elsewhere: {len(tally.strayed)}")
    print(f"unexpected calls at Slack: {tally.foreign_calls or 0}")
    print(f"approved after that: {tally.approved}; effects: {tally.effects_of_approved}")
    for fault in (*tally.live[:5], *tally.strayed[:5]):
        print(f"  {fault}")


def show_leaks(found: Leaks) -> None:
    print(f"secrets planted by one customer: {found.planted} in {found.learnt} approved tickets")
    print(f"other customers' tickets: {found.others}; shown earlier ones: {found.shown_examples}")
    print(f"secrets in the examples that approvals left: {len(found.kept)}")
    print(f"secrets in what the model was told: {len(found.told)}")
    print(f"secrets in drafts and on cards: {len(found.drafted)}")
    for secret in sorted({*found.kept, *found.told, *found.drafted})[:10]:
        print(f"  {secret}")


def main() -> int:
    words = argparse.ArgumentParser(prog="benchmarks.attacks")
    words.add_argument("--data", type=Path, required=True)
    words.add_argument("--limit", type=int, default=300)
    words.add_argument("--secrets", type=int, default=200)
    words.add_argument("--seed", type=int, default=20261122)
    given = words.parse_args()
    return 0 if asyncio.run(run(given.data, given.limit, given.secrets, given.seed)) else 1


if __name__ == "__main__":
    sys.exit(main())
