"""Labels on banking77, ours beside the reference: ``python -m benchmarks.labels --data FOLDER``.

The train part is split in five by a fixed seed; four fifths (or ten examples a label of them) to
learn from, one fifth to be right on. Prints accuracy, what *high* confidence is worth, times, and
what the process holds. The labels' names are all that is told of them.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from benchmarks.datasets import Labelled, Split, banking77
from benchmarks.reference import TfidfRegression, needs_sklearn
from bot.models.local.classify import train_labels

FEW = 10
SEEDS = (0, 1, 2)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True, help="folder of the data sets")
    parser.add_argument("--seeds", type=int, nargs="*", default=SEEDS)
    args = parser.parse_args()
    needs_sklearn()
    print(
        "| seed | examples | model | accuracy | high: share | high: right | train s | ms a text |"
    )
    print("|---|---|---|---|---|---|---|---|")
    for seed in args.seeds:
        split = banking77(args.data, seed)
        for name, train in ((f"{FEW} a label", split.few(FEW)), ("all", split.train)):
            _ours(seed, name, train, split)
            _reference(seed, name, train, split)
    print()
    _start(args.data, args.seeds[0])


def _row(*cells: object) -> None:
    print("| " + " | ".join(str(cell) for cell in cells) + " |", flush=True)


def _ours(seed: int, name: str, train: Sequence[Labelled], split: Split) -> None:
    descriptions = dict.fromkeys(sorted({label for _, label in train}), "")
    started = time.perf_counter()
    model = train_labels(train, descriptions)
    trained = time.perf_counter()
    predictions = [model.predict(text) for text, _ in split.test]
    done = time.perf_counter()
    right = [one.label == label for one, (_, label) in zip(predictions, split.test, strict=True)]
    high = [hit for hit, one in zip(right, predictions, strict=True) if one.confidence == "high"]
    _row(
        seed,
        name,
        "Deskhand",
        f"{sum(right) / len(right):.3f}",
        f"{len(high) / len(right):.2f}",
        f"{sum(high) / max(1, len(high)):.3f}",
        f"{trained - started:.1f}",
        f"{(done - trained) / len(right) * 1000:.1f}",
    )


def _reference(seed: int, name: str, train: Sequence[Labelled], split: Split) -> None:
    started = time.perf_counter()
    model = TfidfRegression.train([text for text, _ in train], [label for _, label in train])
    trained = time.perf_counter()
    got, _ = model.predict([text for text, _ in split.test])
    done = time.perf_counter()
    right = [label == wanted for label, (_, wanted) in zip(got, split.test, strict=True)]
    _row(
        seed,
        name,
        "TF-IDF + LR",
        f"{sum(right) / len(right):.3f}",
        "",
        "",
        f"{trained - started:.1f}",
        f"{(done - trained) / len(right) * 1000:.1f}",
    )


_MEASURED = """
import sys, time
from pathlib import Path
from benchmarks.datasets import banking77
from bot.models.local.classify import train_labels
train = banking77(Path(sys.argv[1]), int(sys.argv[2])).train
descriptions = dict.fromkeys(sorted({label for _, label in train}), "")

def held(name):
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(name)) / 1000

before = held("VmRSS")
started = time.perf_counter()
model = train_labels(train, descriptions, cache=Path(sys.argv[3]))
print(time.perf_counter() - started, held("VmRSS") - before, held("VmHWM") - before)
"""


def _start(data: Path, seed: int) -> None:
    """The first start, which trains, and the next, which finds the model in its folder."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-c", _MEASURED, str(data), str(seed), folder]
        for start in ("first", "next"):
            told = subprocess.run(command, check=True, capture_output=True, text=True).stdout
            seconds, held, peak = (float(figure) for figure in told.split())
            print(
                f"{start} start, all examples: {seconds:.2f} s, {held:.0f} MB, peak {peak:.0f} MB"
            )
        (kept,) = Path(folder).iterdir()
        print(f"kept model: {kept.stat().st_size / 1e6:.1f} MB")


if __name__ == "__main__":
    main()
