"""Search on the banking articles of tau2: ``python -m benchmarks.retrieval --data FOLDER``.

How often one of the articles that a task needs is among the first 1, 5 and 10; asked with the
whole task (long) and with the customer's first words alone (short). Beside it TF-IDF, and SQLite's
own ranking of whole articles.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import re
import sqlite3
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from benchmarks.datasets import Task, tau2_documents, tau2_tasks
from benchmarks.reference import TfidfSearch, needs_sklearn
from tools.research.knowledge import KnowledgeIndex

DEPTHS = (1, 5, 10)

Search = Callable[[str, int], Sequence[str]]
"""A text and a limit to article ids, best first."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True, help="folder of the data sets")
    args = parser.parse_args()
    needs_sklearn()
    documents = tau2_documents(args.data)
    lines = documents.read_text("utf-8").splitlines()
    articles = [(one["id"], f"{one['title']}\n{one['content']}") for one in map(json.loads, lines)]
    tasks = tau2_tasks(args.data)
    print(f"{len(articles)} articles, {len(tasks)} tasks\n")
    print("| search | " + " | ".join(f"long: {n}" for n in DEPTHS) + " | ", end="")
    print(" | ".join(f"short: {n}" for n in DEPTHS) + " | index s | ms a question |")
    print("|---" * (2 * len(DEPTHS) + 3) + "|")
    with tempfile.TemporaryDirectory() as folder:
        started = time.perf_counter()
        index = KnowledgeIndex([documents], Path(folder), max_age_seconds=3600)
        index.refresh()
        made = time.perf_counter() - started
        with contextlib.closing(index):
            _row("Deskhand", made, tasks, lambda text, limit: _ids(index, text, limit))
        size = (Path(folder) / "knowledge.sqlite").stat().st_size
    started = time.perf_counter()
    tfidf = TfidfSearch.index(articles)
    _row("TF-IDF", time.perf_counter() - started, tasks, tfidf.search)
    started = time.perf_counter()
    with contextlib.closing(_fts5(articles)) as connection:
        made = time.perf_counter() - started
        _row("FTS5 alone", made, tasks, lambda text, limit: _plain(connection, text, limit))
    print(f"\nindex file {size / 1e6:.1f} MB")


def _ids(index: KnowledgeIndex, text: str, limit: int) -> list[str]:
    return [passage.article for passage in index.search(text, limit)]


def _fts5(articles: Sequence[tuple[str, str]]) -> sqlite3.Connection:
    connection = sqlite3.connect(":memory:")
    connection.execute("create virtual table a using fts5(id unindexed, text)")
    connection.executemany("insert into a values (?, ?)", articles)
    return connection


def _plain(connection: sqlite3.Connection, text: str, limit: int) -> list[str]:
    wanted = " OR ".join(f'"{word}"' for word in sorted(set(re.findall(r"\w+", text.lower()))))
    rows = connection.execute(
        "select id from a where a match ? order by rank limit ?", (wanted, limit)
    )
    return [some_id for (some_id,) in rows]


def _row(name: str, made: float, tasks: Sequence[Task], search: Search) -> None:
    started = time.perf_counter()
    shares = [
        sum(bool(task.articles & set(found[:depth])) for task, found in answers) / len(answers)
        for answers in (
            [(task, search(task.long, DEPTHS[-1])) for task in tasks],
            [(task, search(task.short, DEPTHS[-1])) for task in tasks],
        )
        for depth in DEPTHS
    ]
    each = (time.perf_counter() - started) / (2 * len(tasks))
    cells = " | ".join(f"{share:.2f}" for share in shares)
    print(f"| {name} | {cells} | {made:.2f} | {each * 1000:.0f} |", flush=True)


if __name__ == "__main__":
    main()
