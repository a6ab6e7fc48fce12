"""Knowing what it does not know, on clinc150: ``python -m benchmarks.out_of_scope --data FOLDER``.

Of tickets that fit a label: how many are right, and how many are taken for foreign (false
handoffs). Of foreign ones: how many are known as such. Ours sets its threshold from its own
examples and never sees a foreign text; the reference (probability of TF-IDF with logistic
regression) is given the threshold that loses just 5 % of the test texts, which favours it.

At the end the same foreign questions go to the sample desk of the demo: how many get a draft there.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from benchmarks.datasets import Clinc, Labelled, clinc150
from benchmarks.reference import TfidfRegression, needs_sklearn
from bot.models.local.classify import train_labels
from tests.models_local.sample import sample_desk

FALSE_HANDOFFS = 0.05


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True, help="folder of the data sets")
    parser.add_argument("--each", type=int, nargs="*", default=[10, 50, 100], help="of an intent")
    args = parser.parse_args()
    needs_sklearn()
    data = clinc150(args.data)
    print(f"{len(data.test)} texts in scope, {len(data.foreign)} foreign\n")
    print("| labels | examples | model | right | false handoffs | foreign handed off ", end="")
    print("| high: share | high: right | train s |\n" + "|---" * 9 + "|")
    for each in args.each:
        kept = _first(data.train, each)
        for kind, name in (("intents", None), ("domains", data.domain)):
            train = [(text, name[label] if name else label) for text, label in kept]
            test = [(text, name[label] if name else label) for text, label in data.test]
            _ours(kind, train, test, data)
            _reference(kind, train, test, data)
    print(
        f"\n{asyncio.run(_drafts(data.foreign))} of {len(data.foreign)} foreign questions ", end=""
    )
    print("get a draft at the sample desk")


async def _drafts(questions: Sequence[str]) -> int:
    """How many of these the sample desk would answer."""
    with tempfile.TemporaryDirectory() as folder:
        desk = sample_desk(Path(folder))
        with contextlib.closing(desk.index):
            return sum([(await desk.ask(one)).outcome == "reply" for one in questions])


def _first(labelled: Sequence[Labelled], each: int) -> list[Labelled]:
    counts: dict[str, int] = {}
    kept = []
    for text, label in labelled:
        counts[label] = counts.get(label, 0) + 1
        if counts[label] <= each:
            kept.append((text, label))
    return kept


def _ours(kind: str, train: list[Labelled], test: list[Labelled], data: Clinc) -> None:
    started = time.perf_counter()
    model = train_labels(train, dict.fromkeys(sorted({label for _, label in train}), ""))
    seconds = time.perf_counter() - started
    inside = [(model.predict(text), label) for text, label in test]
    outside = [model.predict(text) for text in data.foreign]
    high = [one.label == label for one, label in inside if one.confidence == "high"]
    _row(
        kind,
        len(train),
        "Deskhand",
        np.mean([one.label == label for one, label in inside]),
        np.mean([not one.in_scope for one, _ in inside]),
        np.mean([not one.in_scope for one in outside]),
        f"{len(high) / len(test):.2f} | {np.mean(high) if high else 0:.3f} | {seconds:.1f}",
    )


def _reference(kind: str, train: list[Labelled], test: list[Labelled], data: Clinc) -> None:
    started = time.perf_counter()
    model = TfidfRegression.train([text for text, _ in train], [label for _, label in train])
    seconds = time.perf_counter() - started
    got, inside = model.predict([text for text, _ in test])
    _, outside = model.predict(data.foreign)
    threshold = np.quantile(inside, FALSE_HANDOFFS)
    _row(
        kind,
        len(train),
        "TF-IDF + LR",
        np.mean([label == wanted for label, (_, wanted) in zip(got, test, strict=True)]),
        np.mean(inside < threshold),
        np.mean(outside < threshold),
        f" |  | {seconds:.1f}",
    )


def _row(
    kind: str,
    examples: int,
    name: str,
    right: np.floating,
    false: np.floating,
    foreign: np.floating,
    rest: str,
) -> None:
    print(
        f"| {kind} | {examples} | {name} | {right:.3f} | {false:.3f} | {foreign:.3f} | {rest} |",
        flush=True,
    )


if __name__ == "__main__":
    main()
