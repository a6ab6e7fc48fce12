"""A corpus of files, asked: ``python -m benchmarks.research --data FOLDER``.

The banking articles of tau2 are written out as files. Recall at 3 and at 10 on its tasks: the part
of the articles a task needs that is among the files of the first so many passages, and how often
any of them is; asked with the whole task (long) and with the customer's first words (short). How
many questions that the files do not answer get passages all the same. Then the time to make the
index, to answer, and to have one changed file in answers, with 200 files and with 20,000 that are
the articles again under other words.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import random
import re
import statistics
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from benchmarks.datasets import Task, banking77, clinc150, tau2_documents, tau2_tasks
from tools.research.corpus import Corpus

DEPTHS = (3, 10)
ASKED = 200
TIMED = 100
_WORD = re.compile(r"[a-z]{5,}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True, help="folder of the data sets")
    parser.add_argument("--sizes", type=int, nargs="*", default=[200, 20_000])
    args = parser.parse_args()
    lines = tau2_documents(args.data).read_text("utf-8").splitlines()
    articles = [
        (one["id"], f"# {one['title']}\n\n{one['content']}\n") for one in map(json.loads, lines)
    ]
    tasks = tau2_tasks(args.data)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        _write(folder / "files", articles)
        with contextlib.closing(
            Corpus([folder / "files"], folder / "index", max_age_seconds=3600)
        ) as corpus:
            _recall(corpus, tasks)
            _answered(corpus, args.data, tasks)
    print("\n| files | MB | index s | index MB | question ms, p50 | p95 | a changed file s |")
    print("|---" * 7 + "|")
    for size in args.sizes:
        _times(size, articles, tasks)


def _write(folder: Path, articles: Sequence[tuple[str, str]]) -> None:
    folder.mkdir()
    for ident, text in articles:
        (folder / f"{ident}.md").write_text(text, "utf-8")


def _recall(corpus: Corpus, tasks: Sequence[Task]) -> None:
    needed = statistics.mean(len(task.articles) for task in tasks)
    print(f"{len(tasks)} tasks, which need {needed:.1f} articles at the mean\n")
    print("| asked | recall at 3 | recall at 10 | any at 3 | any at 10 |")
    print("|---" * 5 + "|")
    best = [
        statistics.mean(min(1.0, depth / len(task.articles)) for task in tasks) for depth in DEPTHS
    ]
    print(f"| (the most there can be) | {best[0]:.3f} | {best[1]:.3f} | 1 | 1 |")
    for kind in ("long", "short"):
        found = [
            [Path(each.file).stem for each in corpus.ask(getattr(task, kind), DEPTHS[-1]).passages]
            for task in tasks
        ]
        cells = []
        for depth in DEPTHS:
            hits = [
                len(task.articles & set(some[:depth]))
                for task, some in zip(tasks, found, strict=True)
            ]
            shares = [hit / len(task.articles) for hit, task in zip(hits, tasks, strict=True)]
            cells.append((statistics.mean(shares), statistics.mean(hit > 0 for hit in hits)))
        (three, any_three), (ten, any_ten) = cells
        print(f"| {kind} | {three:.3f} | {ten:.3f} | {any_three:.2f} | {any_ten:.2f} |", flush=True)


def _answered(corpus: Corpus, data: Path, tasks: Sequence[Task]) -> None:
    sets = {
        "the tasks, long": [task.long for task in tasks],
        "the tasks, short": [task.short for task in tasks],
        "bank customers (banking77)": [text for text, _ in banking77(data, 0).test][:ASKED],
        "foreign (clinc150, out of scope)": list(clinc150(data).foreign)[:ASKED],
    }
    print("\n| questions | of which get passages |")
    print("|---|---|")
    for name, texts in sets.items():
        share = statistics.mean(bool(corpus.ask(text, 1).passages) for text in texts)
        print(f"| {name}, {len(texts)} | {share:.2f} |", flush=True)


def _times(size: int, articles: Sequence[tuple[str, str]], tasks: Sequence[Task]) -> None:
    chosen = [_reworded(articles, number) for number in range(size)]
    megabytes = sum(len(text) for _, text in chosen) / 1e6
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        _write(folder / "files", chosen)
        index = folder / "index"
        started = time.perf_counter()
        with contextlib.closing(Corpus([folder / "files"], index, max_age_seconds=3600)) as corpus:
            corpus.refresh()
            made = time.perf_counter() - started
            took = []
            for number in range(TIMED):
                started = time.perf_counter()
                corpus.ask(tasks[number % len(tasks)].short)
                took.append((time.perf_counter() - started) * 1000)
            started = time.perf_counter()
            (folder / "files" / "new.md").write_text("# News\n\nA quokka joined.\n", "utf-8")
            corpus.refresh()
            assert corpus.ask("quokka").passages[0].file == "new.md"
            changed = time.perf_counter() - started
        took.sort()
        on_disk = sum(path.stat().st_size for path in index.iterdir()) / 1e6
    print(
        f"| {size} | {megabytes:.1f} | {made:.1f} | {on_disk:.0f} | {took[len(took) // 2]:.0f}"
        f" | {took[len(took) * 95 // 100]:.0f} | {changed:.2f} |",
        flush=True,
    )


def _reworded(articles: Sequence[tuple[str, str]], number: int) -> tuple[str, str]:
    """The article itself in the first round; later a tenth of its words are new ones."""
    ident, text = articles[number % len(articles)]
    rounds = number // len(articles)
    if not rounds:
        return ident, text
    dice = random.Random(number)

    def other(found: re.Match[str]) -> str:
        return f"{found[0]}{dice.randrange(50)}" if dice.random() < 0.1 else found[0]

    return f"{ident}-{rounds}", _WORD.sub(other, text)


if __name__ == "__main__":
    main()
