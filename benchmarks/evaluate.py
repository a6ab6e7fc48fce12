"""``deskhand eval`` on real text that the model has not seen, offline:
``python -m benchmarks.evaluate --data FOLDER [--out FOLDER] [--limit N] [--seed 0]``.

From banking77 and clinc150 it makes what an operator would have: a config file with labels, routes
and examples, and a labelled file. The labelled lines are the held part, which is not among the
examples. clinc150's 150 intents are more than a card's menu holds: its ten domains are the labels
and the routes; its questions that fit none are added without either, for what becomes of them. Both
reports stay in the output folder. The exit code is 1 if a run broke, or the labels are worse than
they must be.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml

from benchmarks.datasets import Labelled, banking77, clinc150, tau2_documents
from benchmarks.triage_banking import LEAST

Line = dict[str, Any]
DOMAINS_LEAST = 0.92
"""Of clinc150's domains; nobody asks for a figure, and less would be a step back."""


def line(number: int, text: str, label: str | None, route: str | None = None) -> Line:
    made: Line = {"ticket": {"id": f"held-{number}", "body": text}}
    if label is not None:
        made["labels"] = [label]
    if route is not None:
        made["route"] = route
    return made


def desk(
    folder: Path,
    train: Sequence[Labelled],
    routes: Sequence[str],
    articles: Path | None,
) -> None:
    """A config file with a playbook ``held``, its examples beside it."""
    folder.mkdir(parents=True, exist_ok=True)
    labels = {label: label.replace("_", " ") for label in sorted({label for _, label in train})}
    examples = (json.dumps({"text": text, "label": label}) for text, label in train)
    (folder / "examples.jsonl").write_text("\n".join(examples) + "\n", "utf-8")
    everybody = {"card": {"slack": "C0HELD"}, "approvers": {"slack_users": ["U0AGENT"]}}
    config: dict[str, Any] = {
        "playbooks": {
            "held": {
                "listen": [{"slack": "C0HELD"}],
                "labels": labels,
                "routes": dict.fromkeys((*routes, "default"), everybody),
                "examples": "examples.jsonl",
            }
        }
    }
    if articles is not None:
        config["knowledge"] = {"paths": [str(articles.resolve())]}
    (folder / "deskhand.yaml").write_text(yaml.safe_dump(config), "utf-8")


def evaluate(folder: Path, lines: Sequence[Line]) -> Line:
    """Run the command in a process of its own, without a key or a server; its ``eval.json``."""
    held = folder / "held.jsonl"
    held.write_text("".join(json.dumps(one) + "\n" for one in lines), "utf-8")
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(folder),
        "DESKHAND_DATA": str(folder / "data"),
        "COLUMNS": "110",
    }
    command = [sys.executable, "-m", "bot", "eval", str(held), "--model", "local"]
    command += ["--config", str(folder / "deskhand.yaml"), "--out", str(folder)]
    started = time.perf_counter()
    done = subprocess.run(command, env=environment, stdout=subprocess.PIPE, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"deskhand eval ended with {done.returncode}")
    print(done.stdout.rstrip())
    print(f"  {time.perf_counter() - started:.0f} s, {folder / 'eval.html'}")
    found: Line = json.loads((folder / "eval.json").read_text("utf-8"))
    return found


def good(name: str, found: Line, labelled: int, least: float) -> bool:
    accuracy = found["label"]["accuracy"]
    error = math.sqrt(least * (1 - least) / labelled)
    print(f"{name}: labels right {accuracy:.1%} of {labelled} ({least:.0%} is asked for on all)")
    return bool(accuracy >= least - 2 * error and not found["errors"])


def banking(data: Path, out: Path, limit: int | None, seed: int) -> bool:
    split = banking77(data, seed)
    asked = split.test[:limit]
    print(f"\nbanking77: {len(split.train)} examples, {len(asked)} held tickets")
    desk(out, split.train, (), tau2_documents(data))
    lines = [line(number, text, label) for number, (text, label) in enumerate(asked)]
    return good("banking77", evaluate(out, lines), len(asked), LEAST["all"])


def clinc(data: Path, out: Path, limit: int | None, seed: int) -> bool:
    every = clinc150(data)
    chance = random.Random(seed)
    asked = chance.sample(every.test, min(limit or len(every.test), len(every.test)))
    foreign = chance.sample(every.foreign, min(len(every.foreign), max(1, len(asked) // 10)))
    print(f"\nclinc150: {len(every.train)} examples, {len(asked)} held, {len(foreign)} foreign")
    train = [(text, every.domain[label]) for text, label in every.train]
    desk(out, train, sorted(set(every.domain.values())), None)
    wanted = [(text, every.domain[label]) for text, label in asked]
    lines = [line(number, text, name, name) for number, (text, name) in enumerate(wanted)]
    lines += [line(len(asked) + number, text, None) for number, text in enumerate(foreign)]
    return good("clinc150", evaluate(out, lines), len(asked), DOMAINS_LEAST)


def main() -> int:
    words = argparse.ArgumentParser(prog="benchmarks.evaluate")
    words.add_argument("--data", type=Path, required=True)
    words.add_argument("--out", type=Path, help="default: a new folder for temporary files")
    words.add_argument("--limit", type=int, default=None)
    words.add_argument("--seed", type=int, default=0)
    given = words.parse_args()
    out = given.out or Path(tempfile.mkdtemp(prefix="dh-eval-"))
    well = [
        banking(given.data, out / "banking77", given.limit, given.seed),
        clinc(given.data, out / "clinc150", given.limit, given.seed),
    ]
    return 0 if all(well) else 1


if __name__ == "__main__":
    sys.exit(main())
