"""The desk's knowledge: search that returns verbatim passages, and the articles they stand in.

``KnowledgeIndex`` reads the files under the configured paths into a SQLite FTS5 index under the
data folder, and keeps it up to date as files change. Everything blocks; the ``a…`` methods do the
same on a worker thread.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from tools.research.index_file import Refreshed, open_read_only, refresh
from tools.research.ranking import PASSAGE_SHARE, Collection, Query, score, weigh
from tools.research.readers import Article, NotRead, encodable
from tools.spec import Passage

__all__ = ["Article", "KnowledgeIndex", "Match", "NotRead", "Passage", "Refreshed"]

FIRST_CUT_TERMS = 64
FIRST_CUT_HITS = 15_000
FIRST_CUT_PASSAGES = 120
FIRST_CUT_SECTIONS = 60
"""What FTS5 finds by the strongest terms; these are then ranked exactly."""

_SIZES = """
select (select count(*) from section), (select count(*) from passage),
  (select sum(terms) from section), (select sum(terms) from passage)
"""

_SPACE = re.compile(r"\s+")


@dataclass(frozen=True)
class _Opened:
    """One index file, opened: its identity, so that a newer one under its name is noticed."""

    connection: sqlite3.Connection
    identity: tuple[int, int]
    collection: Collection


@dataclass(frozen=True)
class Match:
    """A passage and where it stands: ``file`` as named under its root, ``page`` from 1 or None."""

    passage: Passage
    file: str
    page: int | None


class KnowledgeIndex:
    """Articles under ``roots`` (files or folders), indexed in ``data / "knowledge.sqlite"``.

    Any number of processes may share the data folder. A change to a file is in the answers
    ``max_age_seconds`` later at most: a question asked after that looks at the files first.
    """

    def __init__(
        self,
        roots: Sequence[Path],
        data: Path,
        *,
        max_age_seconds: float = 5.0,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._roots = tuple(roots)
        self._index = data / "knowledge.sqlite"
        self._max_age_seconds = max_age_seconds
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._looked_at: float | None = None
        self._last: Refreshed | None = None
        self._opened: _Opened | None = None

    # --- reading ------------------------------------------------------------------------------

    def search(
        self, text: str, limit: int = 5, *, per_article: int = 1, of_best: int = 1
    ) -> tuple[Passage, ...]:
        """The passages that fit ``text`` best, best first; any text will do, however long.

        ``limit`` counts articles; up to ``per_article`` passages of each and ``of_best`` of the
        best one. ``score`` is the share of the text, by weight of its words, that article and
        passage say: from 0 to 1, comparable between articles for one text, lower for a longer one.
        """
        if limit < 1 or per_article < 1:
            return ()
        with self._open() as opened:
            return _search(opened, text, limit, per_article, max(per_article, of_best))

    def matches(self, text: str, limit: int) -> tuple[Query, tuple[Match, ...]]:
        """The best passage of each of the ``limit`` best sections, best first; a long article has
        several. And ``text`` as it was weighed against this collection."""
        with self._open() as opened:
            return _matches(opened, text, limit)

    def article(self, article_id: str) -> Article | None:
        """The whole article, or None if there is none of this id."""
        if "\0" in article_id or not encodable(article_id):
            return None
        with self._open() as opened:
            row = opened.connection.execute(
                "select id, title, text, url from article where id = ?", (article_id,)
            ).fetchone()
        return Article(*row) if row else None

    def articles(self) -> tuple[Article, ...]:
        """Every article, by id."""
        with self._open() as opened:
            rows = opened.connection.execute("select id, title, text, url from article order by id")
            return tuple(Article(*row) for row in rows)

    def contains(self, article_id: str, quote: str) -> bool:
        """Whether ``quote`` stands verbatim in the article, runs of white space being equal."""
        article = self.article(article_id)
        folded = _fold(quote)
        return article is not None and bool(folded) and folded in _fold(article.text)

    def not_read(self) -> tuple[NotRead, ...]:
        """The files that gave no article, and why."""
        with self._open():
            return self._last.not_read if self._last else ()

    def refresh(
        self, *, again: bool = False, tell: Callable[[int, int], None] | None = None
    ) -> Refreshed:
        """Look at the files now and bring the index up to date; see ``index_file.refresh``."""
        with self._lock:
            return self._refresh(again=again, tell=tell)

    def close(self) -> None:
        with self._lock:
            if self._opened is not None:
                self._opened.connection.close()
                self._opened = None

    # --- the same on a worker thread ----------------------------------------------------------

    async def asearch(
        self, text: str, limit: int = 5, *, per_article: int = 1, of_best: int = 1
    ) -> tuple[Passage, ...]:
        return await asyncio.to_thread(
            self.search, text, limit, per_article=per_article, of_best=of_best
        )

    async def aarticle(self, article_id: str) -> Article | None:
        return await asyncio.to_thread(self.article, article_id)

    async def arefresh(self) -> Refreshed:
        return await asyncio.to_thread(self.refresh)

    # --- keeping it open ----------------------------------------------------------------------

    def _refresh(
        self, *, again: bool = False, tell: Callable[[int, int], None] | None = None
    ) -> Refreshed:
        self._last = refresh(self._roots, self._index, again=again, tell=tell)
        self._looked_at = self._monotonic()
        return self._last

    @contextlib.contextmanager
    def _open(self) -> Iterator[_Opened]:
        """The index as of now. One question at a time: SQLite serialises a connection anyway."""
        with self._lock:
            due = self._looked_at is None or (
                self._monotonic() - self._looked_at >= self._max_age_seconds
            )
            if due or not self._index.exists():
                self._refresh()
            try:
                opened = self._reopened()
            except sqlite3.DatabaseError:
                # Damaged since it was written. It holds nothing that the files do not.
                self._index.unlink(missing_ok=True)
                self._refresh()
                opened = self._reopened()
            yield opened

    def _reopened(self) -> _Opened:
        """The file that now has the index's name, opened unless it is open already."""
        stat = self._index.stat()
        identity = (stat.st_ino, stat.st_mtime_ns)
        if self._opened is not None and self._opened.identity == identity:
            return self._opened
        if self._opened is not None:
            self._opened.connection.close()
            self._opened = None
        self._opened = _opened(self._index, identity)
        return self._opened


def _opened(index: Path, identity: tuple[int, int]) -> _Opened:
    connection = open_read_only(index)
    try:
        sections, passages, section_terms, passage_terms = connection.execute(_SIZES).fetchone()
    except sqlite3.DatabaseError:
        connection.close()
        raise
    collection = Collection(
        sections,
        max(1.0, (section_terms or 0) / max(1, sections)),
        max(1.0, (passage_terms or 0) / max(1, passages)),
    )
    return _Opened(connection, identity, collection)


def _search(
    opened: _Opened, text: str, limit: int, per_article: int, of_best: int
) -> tuple[Passage, ...]:
    by_article: dict[int, list[tuple[float, int]]] = {}
    for section in _ranked(opened, _weighed(opened, text)):
        by_article.setdefault(section.article, []).extend(section.passages)
    found: list[Passage] = []
    for place, passages in enumerate(list(by_article.values())[:limit]):
        passages.sort(key=_best_first)
        found += [
            _match(opened, *scored).passage
            for scored in passages[: of_best if place == 0 else per_article]
        ]
    found.sort(key=lambda passage: -passage.score)
    return tuple(found)


def _matches(opened: _Opened, text: str, limit: int) -> tuple[Query, tuple[Match, ...]]:
    query = _weighed(opened, text)
    best = _ranked(opened, query)[: max(0, limit)]
    return query, tuple(_match(opened, *section.passages[0]) for section in best)


def _weighed(opened: _Opened, text: str) -> Query:
    def frequency(term: str) -> int:
        row = opened.connection.execute(
            "select doc from section_vocabulary where term = ?", (term,)
        ).fetchone()
        return int(row[0]) if row else 0

    return weigh(text, opened.collection, frequency)


def _match(opened: _Opened, points: float, passage: int) -> Match:
    id_, title, text, url, page, file = opened.connection.execute(
        "select article.id, title, substr(text, begins + 1, ends - begins), url, page, file.name"
        " from passage join section on section.rowid = passage.section"
        " join article on article.rowid = section.article join file on file.path = article.file"
        " where passage.rowid = ?",
        (passage,),
    ).fetchone()
    return Match(Passage(id_, title, text, round(points, 6), url), file, page)


@dataclass(frozen=True)
class _Section:
    """A section that answers, with its passages and their scores, best first."""

    article: int
    passages: list[tuple[float, int]]


def _best_first(scored: tuple[float, int]) -> tuple[float, int]:
    return -scored[0], scored[1]


def _ranked(opened: _Opened, query: Query) -> list[_Section]:
    """Sections, best first."""
    if not query.weights:
        return []
    connection, collection = opened.connection, opened.collection
    wanted = " OR ".join(f'"{term}"' for term in query.strongest(FIRST_CUT_TERMS, FIRST_CUT_HITS))
    candidates = connection.execute(
        "select section.rowid, article from section where rowid in"
        " (select section from passage where rowid in (select rowid from passage_terms"
        " where passage_terms match ? order by rank limit ?)"
        " union select * from (select rowid from section_terms where section_terms match ?"
        " order by rank limit ?)) order by section.rowid",
        (wanted, FIRST_CUT_PASSAGES, wanted, FIRST_CUT_SECTIONS),
    ).fetchall()
    ranked: list[_Section] = []
    for section, article in candidates:
        (said,) = connection.execute(
            "select terms from section_terms where rowid = ?", (section,)
        ).fetchone()
        whole = score(query, said.split(" "), collection.mean_section)
        passages = [
            (
                (1 - PASSAGE_SHARE) * whole
                + PASSAGE_SHARE * score(query, own.split(" "), collection.mean_passage),
                row,
            )
            for row, own in connection.execute(
                "select passage.rowid, passage_terms.terms from passage join passage_terms"
                " on passage_terms.rowid = passage.rowid where section = ?",
                (section,),
            )
        ]
        if passages:
            ranked.append(_Section(article, sorted(passages, key=_best_first)))
    ranked.sort(key=lambda section: _best_first(section.passages[0]))
    return ranked


def _fold(text: str) -> str:
    return _SPACE.sub(" ", text).strip()
