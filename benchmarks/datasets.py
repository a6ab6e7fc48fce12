"""The public data sets that the local model is measured on, read where they lie.

They are not part of Deskhand: see ``docs/local-model.md`` for their sources and licences.
"""

from __future__ import annotations

import csv
import json
import random
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

Labelled = tuple[str, str]
"""A text and its label."""


@dataclass(frozen=True)
class Split:
    """Texts to learn from, and others to be measured on."""

    train: tuple[Labelled, ...]
    test: tuple[Labelled, ...]

    def few(self, count: int) -> tuple[Labelled, ...]:
        """The first ``count`` of each label."""
        kept: dict[str, list[Labelled]] = {}
        for text, label in self.train:
            own = kept.setdefault(label, [])
            if len(own) < count:
                own.append((text, label))
        return tuple(one for label in sorted(kept) for one in kept[label])


def banking77(data: Path, seed: int) -> Split:
    """Bank customers' questions with 77 labels: shuffled by ``seed``, four fifths to learn from."""
    with (data / "banking77" / "train.csv").open(newline="", encoding="utf-8") as file:
        rows = [(row["text"], row["category"]) for row in csv.DictReader(file)]
    random.Random(seed).shuffle(rows)
    cut = len(rows) * 4 // 5
    return Split(tuple(rows[:cut]), tuple(rows[cut:]))


@dataclass(frozen=True)
class Clinc:
    """Requests to an assistant: 150 labels in 10 domains, and questions that fit none."""

    train: tuple[Labelled, ...]
    test: tuple[Labelled, ...]
    foreign: tuple[str, ...]
    domain: dict[str, str]


def clinc150(data: Path) -> Clinc:
    folder = data / "clinc150"
    parts = json.loads((folder / "data_dev.json").read_text("utf-8"))
    domains = json.loads((folder / "domains.json").read_text("utf-8"))

    def pairs(name: str) -> tuple[Labelled, ...]:
        return tuple((text, label) for text, label in parts[name])

    return Clinc(
        pairs("train"),
        pairs("val"),
        tuple(text for text, _ in (*pairs("oos_train"), *pairs("oos_val"))),
        {label: domain for domain, labels in domains.items() for label in labels},
    )


@dataclass(frozen=True)
class Task:
    """What a customer wants, at length or as they begin, and the articles that are needed."""

    long: str
    short: str
    articles: frozenset[str]


def tau2_documents(data: Path) -> Path:
    """JSON lines of articles: id, title, content."""
    return data / "tau2_banking" / "documents.jsonl"


def tau2_tasks(data: Path) -> Sequence[Task]:
    tasks = []
    for line in (data / "tau2_banking" / "tasks_dev.jsonl").read_text("utf-8").splitlines():
        task = json.loads(line)
        told = task["user_scenario"]["instructions"]
        tasks.append(Task(told, _opening(told), frozenset(task["required_documents"])))
    return tasks


def _opening(told: str) -> str:
    """The first words that the customer is told to say; without any, the second paragraph."""
    for mark in ('"', "“"):
        for said in told.split(mark)[1::2]:
            if len(said) >= 25:
                return said
    paragraphs = [part for part in told.split("\n\n") if part.strip()]
    return paragraphs[min(1, len(paragraphs) - 1)]
