"""A named corpus of files: the passages that answer a question, quoted verbatim.

A ``KnowledgeIndex`` over the corpus's folders and files does the looking; here is what makes its
matches an answer. Everything blocks; ``aask`` does it on a worker thread.
"""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

from tools.research.knowledge import KnowledgeIndex, Match, Refreshed
from tools.research.quoting import held, quote_of, why
from tools.research.ranking import Query
from tools.research.readers import HTML, NotRead

QUESTION_CHARACTERS = 10_000
_SPARE = 7
"""Matches that are looked at besides, for some of the best may hold one word too few."""
_MARKED = HTML | {".docx"}
"""Files whose articles have marks of Deskhand's own for headings, lists or tables."""


@dataclass(frozen=True)
class Quoted:
    """One passage of an answer. ``quote`` stands verbatim in ``file``, white space folded."""

    file: str
    """Relative to the corpus's folder."""
    page: int | None
    """From 1; None where the format has none."""
    quote: str
    """At most 400 characters."""
    why: str
    score: float
    """From 0 to 1: the part of the question, by weight, that passage and surroundings say."""


@dataclass(frozen=True)
class Answer:
    """The passages, best first; none: nothing was found."""

    passages: tuple[Quoted, ...]
    not_read: tuple[NotRead, ...]
    """What no answer can come from, by paths relative to the corpus's folder."""


class Corpus:
    """The files under ``roots``, indexed in ``folder``. Any number of processes may share it."""

    def __init__(
        self, roots: Sequence[Path], folder: Path, *, max_age_seconds: float = 5.0
    ) -> None:
        self._roots = tuple(roots)
        self._index = KnowledgeIndex(roots, folder, max_age_seconds=max_age_seconds)

    def ask(self, question: str, passages: int = 3) -> Answer:
        """Up to ``passages`` passages for ``question``, of files as they were seconds ago at most.

        Raises ``OSError`` if the index cannot be written."""
        query, matches = self._index.matches(question, passages and passages + _SPARE)
        quoted = (self._quoted(question, query, match) for match in matches)
        found = itertools.islice((each for each in quoted if each is not None), passages)
        return Answer(tuple(found), self._shown(self._index.not_read()))

    async def aask(self, question: str, passages: int = 3) -> Answer:
        return await asyncio.to_thread(self.ask, question, passages)

    def refresh(
        self, *, again: bool = False, tell: Callable[[int, int], None] | None = None
    ) -> Refreshed:
        """Bring the index up to date; see ``index_file.refresh``."""
        done = self._index.refresh(again=again, tell=tell)
        return replace(done, not_read=self._shown(done.not_read))

    def close(self) -> None:
        self._index.close()

    def _quoted(self, question: str, query: Query, match: Match) -> Quoted | None:
        passage = match.passage
        whole = held(question, query, f"{passage.title}\n{passage.quote}")
        if not whole.answers:
            return None
        marked = PurePosixPath(match.file).suffix.lower() in _MARKED
        quote = quote_of(passage.quote, query, marked=marked)
        # What is not in the source is not shown, whatever made it.
        if not self._index.contains(passage.article, quote):
            return None
        said = why(held(question, query, quote), whole)
        return Quoted(match.file, match.page, quote, said, passage.score)

    def _shown(self, not_read: Sequence[NotRead]) -> tuple[NotRead, ...]:
        return tuple(NotRead(self._relative(each.path), each.why) for each in not_read)

    def _relative(self, path: str) -> str:
        for root in self._roots:
            if path.startswith(f"{root}/"):
                return path.removeprefix(f"{root}/")
        return path
