"""Real bank customers' questions through ``deskhand triage``, offline:
``python -m benchmarks.triage_banking --data FOLDER [--limit 200] [--seed 0]``.

The questions and their 77 labels are banking77's, the articles tau2-bench's. Once with ten examples
a label and once with all four fifths of the train part, the command reads questions that are not
among them. Shown: how many labels are right, what *high* confidence is worth, how the tickets end,
and the time: of the first start (which learns), of the next, and of one ticket beyond it. The exit
code is 1 if a line was not answered, or labels are worse than asked for.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from benchmarks.datasets import Labelled, banking77, tau2_documents

FEW = 10
LEAST = {"few": 0.76, "all": 0.90}
"""Accuracy that the contract asks for on the whole fifth, with ten examples a label and with all.
Fewer tickets may miss it by two standard errors."""


@dataclass(frozen=True)
class Ran:
    """One run of the command."""

    rows: tuple[dict[str, Any], ...]
    seconds: float
    cpu_seconds: float


def desk(folder: Path, data: Path, train: Sequence[Labelled]) -> None:
    """A config file with these labels and examples, and a bank's articles."""
    labels = {label: label.replace("_", " ") for label in sorted({label for _, label in train})}
    lines = (json.dumps({"text": text, "label": label}) for text, label in train)
    (folder / "examples.jsonl").write_text("\n".join(lines) + "\n", "utf-8")
    everybody = {"card": {"slack": "C0BANK"}, "approvers": {"slack_users": ["U0AGENT"]}}
    playbook = {
        "listen": [{"slack": "C0BANK"}],
        "labels": labels,
        "routes": {"default": everybody},
        "examples": "examples.jsonl",
    }
    config = {
        "knowledge": {"paths": [str(tau2_documents(data).resolve())]},
        "playbooks": {"bank": playbook},
    }
    (folder / "deskhand.yaml").write_text(yaml.safe_dump(config), "utf-8")


def triage(folder: Path, questions: Sequence[Labelled]) -> Ran:
    """Run the command over these questions in a process of its own, without a key or a server."""
    tickets = folder / "tickets.jsonl"
    lines = (json.dumps({"id": str(n), "body": text}) for n, (text, _) in enumerate(questions))
    tickets.write_text("\n".join(lines) + "\n", "utf-8")
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(folder),
        "DESKHAND_DATA": str(folder / "data"),
    }
    command = [sys.executable, "-m", "bot", "triage", str(tickets), "--model", "local"]
    command += ["--config", str(folder / "deskhand.yaml")]
    before, started = _children_cpu(), time.perf_counter()
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    seconds, cpu = time.perf_counter() - started, _children_cpu() - before
    if done.returncode:
        raise SystemExit(f"deskhand triage ended with {done.returncode}:\n{done.stderr}")
    return Ran(tuple(json.loads(line) for line in done.stdout.splitlines()), seconds, cpu)


def _children_cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def measure(data: Path, name: str, train: Sequence[Labelled], asked: Sequence[Labelled]) -> bool:
    """Print one side's figures; whether they are good enough."""
    with tempfile.TemporaryDirectory(prefix="dh-") as made:
        folder = Path(made)
        desk(folder, data, train)
        first, again = triage(folder, asked[:1]), triage(folder, asked[:1])
        ran = triage(folder, asked)
    right = [label in row["labels"] for row, (_, label) in zip(ran.rows, asked, strict=True)]
    high = [hit for hit, row in zip(right, ran.rows, strict=True) if row["confidence"] == "high"]
    ends = Counter(row["outcome"] for row in ran.rows)
    accuracy = sum(right) / len(right)
    beyond = max(len(asked) - 1, 1)
    print(f"{name}: {len(train)} examples, {len(asked)} tickets")
    print(f"  labels right: {accuracy:.1%} ({LEAST[name]:.0%} is asked for on all)")
    if high:
        print(f"  high confidence: {len(high) / len(asked):.0%}, right {sum(high) / len(high):.1%}")
    print(f"  ended as: {', '.join(f'{count} {end}' for end, count in ends.most_common())}")
    print(
        f"  first start {first.seconds:.1f} s, next {again.seconds:.1f} s; a ticket "
        f"{(ran.seconds - again.seconds) / beyond * 1e3:.1f} ms, "
        f"{(ran.cpu_seconds - again.cpu_seconds) / beyond * 1e3:.1f} ms CPU"
    )
    error = math.sqrt(LEAST[name] * (1 - LEAST[name]) / len(asked))
    return accuracy >= LEAST[name] - 2 * error and len(ran.rows) == len(asked) and not ends["error"]


def main() -> int:
    words = argparse.ArgumentParser(prog="benchmarks.triage_banking")
    words.add_argument("--data", type=Path, required=True)
    words.add_argument("--limit", type=int, default=200)
    words.add_argument("--seed", type=int, default=0)
    given = words.parse_args()
    split = banking77(given.data, given.seed)
    asked = split.test[: given.limit]
    good = [
        measure(given.data, "few", split.few(FEW), asked),
        measure(given.data, "all", split.train, asked),
    ]
    return 0 if all(good) else 1


if __name__ == "__main__":
    sys.exit(main())
