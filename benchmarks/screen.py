"""``python -m benchmarks.screen``: how much the screen finds, and how much of that is right.

``data/screen.jsonl`` holds drafts written for this, hard negatives included. In a draft,
``{{name|passage}}`` labels what should be found there. A hit is right where it overlaps a passage
of its name. No model, no store.
"""

from __future__ import annotations

import json
import re
import sys
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from bot.screen import Known, Sieve, look, read_policy

DRAFTS = Path(__file__).parent / "data" / "screen.jsonl"
POLICY = r"""
rules:
  - {id: rivals, rule: No word about rivals., words: [Globex, Initech]}
  - {id: codes, rule: No internal codes., pattern: 'INT-\d{4}'}
  - {id: tone, rule: Be kind., words: [calm down]}
"""
SIEVE = Sieve(
    allowed_domains=("acme.example", "acme.com"),
    own_contacts=("+1 212 555 0100", "press@acmegroup.example"),
    policy=read_policy(POLICY, "policy.yaml"),
)
_LABEL = re.compile(r"\{\{([a-z_]+(?::\w+)?)\|(.*?)\}\}", re.DOTALL)


@dataclass(frozen=True)
class Labelled:
    """A draft, what it rests on, and what should be found in it: name, start, end."""

    draft: str
    known: Known
    wanted: tuple[tuple[str, int, int], ...]


@dataclass
class Score:
    """Counts of one recogniser; grows with each draft."""

    hits: int = 0
    right: int = 0
    passages: int = 0
    found: int = 0
    wrong: list[str] = field(default_factory=list)
    missed: list[str] = field(default_factory=list)

    @property
    def precision(self) -> float:
        return self.right / self.hits if self.hits else 1.0

    @property
    def recall(self) -> float:
        return self.found / self.passages if self.passages else 1.0


def labelled() -> Iterator[Labelled]:
    for line in DRAFTS.read_text("utf-8").splitlines():
        row = json.loads(line)
        draft, wanted, at = "", [], 0
        for label in _LABEL.finditer(row["draft"]):
            draft += row["draft"][at : label.start()]
            wanted.append((label[1], len(draft), len(draft) + len(label[2])))
            draft += label[2]
            at = label.end()
        draft += row["draft"][at:]
        known = Known((row.get("ticket", ""),), tuple(row.get("articles", ())))
        yield Labelled(draft, known, tuple(wanted))


def measure() -> dict[str, Score]:
    """Every recogniser's score over the whole set, by name; the policy's rules together."""
    scores: dict[str, Score] = {}
    for case in labelled():
        hits = [(hit.name, hit.start, hit.end) for hit in look(case.draft, SIEVE, case.known)]
        for kind, given, others in (("hit", hits, case.wanted), ("passage", case.wanted, hits)):
            for name, start, end in given:
                score = scores.setdefault(name.partition(":")[0], Score())
                fits = any(n == name and s < end and start < e for n, s, e in others)
                if kind == "hit":
                    score.hits, score.right = score.hits + 1, score.right + fits
                    score.wrong += [] if fits else [case.draft]
                else:
                    score.passages, score.found = score.passages + 1, score.found + fits
                    score.missed += [] if fits else [case.draft]
    return scores


def main() -> None:
    begun = time.process_time()
    scores = measure()
    seconds = time.process_time() - begun
    drafts = list(labelled())
    clean = Counter(not case.wanted for case in drafts)[True]
    print(f"{len(drafts)} drafts, {clean} of them with nothing to find")
    print(f"{'recogniser':<14}{'passages':>9}{'hits':>6}{'precision':>11}{'recall':>8}")
    for name, score in sorted(scores.items()):
        print(
            f"{name:<14}{score.passages:>9}{score.hits:>6}"
            f"{score.precision:>11.3f}{score.recall:>8.3f}"
        )
    print(f"{1000 * seconds / len(drafts):.2f} ms of CPU a draft")
    if "-v" in sys.argv:
        for name, score in sorted(scores.items()):
            print(*(f"wrong  {name}: {draft!r}" for draft in score.wrong), sep="\n")
            print(*(f"missed {name}: {draft!r}" for draft in score.missed), sep="\n")


if __name__ == "__main__":
    main()
