"""The knowledge index as one SQLite file: brought up to date by one process, read by many.

A change is written to a copy, which then takes the file's place in one rename. A reader has the
file open read-only and never waits for a writer; it opens the new one with its next question.
A lock beside the file lets one process at a time do the writing; others then find it done.
"""

from __future__ import annotations

import bisect
import contextlib
import errno
import fcntl
import hashlib
import os
import shutil
import sqlite3
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from bot.terms import terms
from tools.research.extraction import Extraction
from tools.research.passages import Piece, sections
from tools.research.readers import Article, Found, NotRead, find_files, unreadable

SCHEMA_VERSION = "4"
"""1: articles, passages and their terms. 2: a passage begins with its heading. 3: sections and
pages. 4: words whole that hold soft hyphens. Raised whenever tables, terms or passages change."""

# Terms are already split and folded: spaces part them, `_` joins pairs, all else is a letter.
_SCHEMA = """
create table meta (key text primary key, value text not null);
create table file (
  path text primary key, name text not null, mtime_ns integer not null, size integer not null,
  sha256 text not null, checked_ns integer not null);
create table not_read (file text not null, path text not null, why text not null);
create table article (
  rowid integer primary key, id text not null unique, title text not null, text text not null,
  url text, file text not null);
create table section (
  rowid integer primary key, article integer not null, terms integer not null);
create table passage (
  rowid integer primary key, section integer not null, begins integer not null,
  ends integer not null, page integer, terms integer not null);
create index passage_section on passage (section);
create index section_article on section (article);
create index article_file on article (file);
create virtual table section_terms using fts5(terms, tokenize="ascii tokenchars '_'");
create virtual table passage_terms using fts5(terms, tokenize="ascii tokenchars '_'");
create virtual table section_vocabulary using fts5vocab('section_terms', 'row');
"""

_TAKEN = "another article is already called"

_RACY_NS = 2_000_000_000
"""A file changed within 2 s of when it was read may change again under the same time stamp."""


@dataclass(frozen=True)
class Refreshed:
    """What bringing the index up to date did."""

    read: int
    """Files read anew."""
    removed: int
    articles: int
    """Articles in the index now."""
    not_read: tuple[NotRead, ...]


@dataclass(frozen=True)
class _File:
    name: str
    mtime_ns: int
    size: int
    sha256: str
    checked_ns: int


@dataclass
class _Plan:
    """What is to be done to the index: files to read, to forget, and all that there are."""

    read: list[tuple[Found, _File]]
    touched: list[tuple[Found, _File]]
    forget: list[str]
    missing: list[NotRead]
    found: dict[str, Found]


def refresh(
    roots: Sequence[Path],
    index: Path,
    *,
    again: bool = False,
    tell: Callable[[int, int], None] | None = None,
) -> Refreshed:
    """Bring the index file up to date with ``roots``. Raises ``OSError`` if it cannot be written.

    A damaged or outdated index is made anew; it holds nothing that the files do not. ``again``
    tries what could not be read once more. ``tell`` hears how many files of how many are read."""
    index.parent.mkdir(parents=True, exist_ok=True)
    with _only_writer(index):
        known = _known_files(index)
        plan = _compare(roots, known or {}, _failed(index) if known and again else frozenset())
        if known is not None and not (plan.read or plan.touched or plan.forget):
            with contextlib.closing(open_read_only(index)) as connection:
                return _report(connection, plan)
        return _rewrite(index, plan, fresh=known is None, tell=tell)


def open_read_only(index: Path) -> sqlite3.Connection:
    """A connection that can change nothing; safe across threads one after another."""
    uri = f"{index.resolve().as_uri()}?mode=ro&immutable=1"
    return sqlite3.connect(uri, uri=True, check_same_thread=False, isolation_level=None)


@contextlib.contextmanager
def _only_writer(index: Path) -> Iterator[None]:
    with index.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _known_files(index: Path) -> dict[str, _File] | None:
    """The files in the index by path; None: there is no index that can be built upon."""
    if not index.exists():
        return None
    try:
        with contextlib.closing(open_read_only(index)) as connection:
            version = connection.execute("select value from meta where key = 'schema'").fetchone()
            if version != (SCHEMA_VERSION,):
                return None
            rows = connection.execute(
                "select path, name, mtime_ns, size, sha256, checked_ns from file"
            )
            return {path: _File(*rest) for path, *rest in rows}
    except sqlite3.DatabaseError:
        # Damaged or of another make: it is only a copy of what the files say.
        return None


def _failed(index: Path) -> frozenset[str]:
    with contextlib.closing(open_read_only(index)) as connection:
        return frozenset(file for (file,) in connection.execute("select file from not_read"))


def _compare(roots: Sequence[Path], known: dict[str, _File], again: frozenset[str]) -> _Plan:
    plan = _Plan([], [], [], [], {})
    seen: set[str] = set()
    for found in find_files(roots):
        if isinstance(found, NotRead):
            plan.missing.append(found)
            continue
        path = str(found.path)
        plan.found[path] = found
        old = known.get(path)
        try:
            stat = found.path.stat()
            if (
                old is not None
                and (old.name, old.mtime_ns, old.size)
                == (found.name, stat.st_mtime_ns, stat.st_size)
                and old.mtime_ns < old.checked_ns - _RACY_NS
                and path not in again
            ):
                seen.add(path)
                continue
            new = _state(found, stat)
        except OSError as fault:
            plan.missing.append(NotRead(path, fault.strerror or "it cannot be read"))
            continue
        seen.add(path)
        same = old is not None and (old.name, old.sha256) == (new.name, new.sha256)
        (plan.touched if same and path not in again else plan.read).append((found, new))
    plan.forget = [path for path in known if path not in seen]
    return plan


def _state(found: Found, stat: os.stat_result) -> _File:
    """What a file was when it was looked at. Taken before it is read: if it changes in between,
    the next look finds that it is not what it was."""
    now, digest = time.time_ns(), ""
    if unreadable(found) is None:
        with found.path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
    return _File(found.name, stat.st_mtime_ns, stat.st_size, digest, now)


def _rewrite(
    index: Path, plan: _Plan, *, fresh: bool, tell: Callable[[int, int], None] | None
) -> Refreshed:
    temporary = index.with_name(f"{index.name}.{os.getpid()}.tmp")
    try:
        temporary.unlink(missing_ok=True)
        if not fresh:
            shutil.copyfile(index, temporary)
        with contextlib.closing(sqlite3.connect(temporary, isolation_level=None)) as connection:
            # Nobody else sees the copy, and a broken one is thrown away: no journal is needed.
            connection.executescript("pragma journal_mode = off; pragma synchronous = off;")
            connection.execute("begin")
            if fresh:
                for statement in _SCHEMA.split(";\n"):
                    connection.execute(statement)
                connection.execute("insert into meta values ('schema', ?)", (SCHEMA_VERSION,))
            _apply(connection, plan, tell)
            connection.execute("commit")
            report = _report(connection, plan)
        with temporary.open("rb") as written:
            os.fsync(written.fileno())
        temporary.replace(index)
    except sqlite3.OperationalError as fault:
        # A full disk and the like: one kind of fault for all who cannot write.
        raise OSError(errno.EIO, str(fault)) from fault
    finally:
        temporary.unlink(missing_ok=True)
    return report


def _apply(
    connection: sqlite3.Connection, plan: _Plan, tell: Callable[[int, int], None] | None
) -> None:
    for path in plan.forget:
        _forget(connection, path)
    for found, state in plan.touched:
        connection.execute(
            "update file set mtime_ns = ?, size = ?, checked_ns = ? where path = ?",
            (state.mtime_ns, state.size, state.checked_ns, str(found.path)),
        )
    with Extraction() as extraction:
        for done, (found, state) in enumerate(plan.read):
            if tell is not None:
                tell(done, len(plan.read))
            _read(connection, found, state, extraction)
        _try_again(connection, plan, extraction)


def _read(
    connection: sqlite3.Connection, found: Found, state: _File, extraction: Extraction
) -> None:
    _forget(connection, str(found.path))
    refused = unreadable(found)
    articles, bad = ([], [refused]) if refused else extraction.read(found)
    bad += [fault for article in articles if (fault := _add(connection, found, article))]
    connection.executemany(
        "insert into not_read values (?, ?, ?)",
        [(str(found.path), fault.path, fault.why) for fault in bad],
    )
    connection.execute(
        "insert into file values (?, ?, ?, ?, ?, ?)",
        (str(found.path), *vars(state).values()),
    )


def _try_again(connection: sqlite3.Connection, plan: _Plan, extraction: Extraction) -> None:
    """Read again what had to give way to an article of the same id: it may be free now."""
    done = {str(found.path) for found, _ in plan.read}
    rows = connection.execute(
        "select distinct file.path, file.mtime_ns, file.size, file.sha256, file.checked_ns"
        " from not_read join file on file.path = not_read.file where why like ?",
        (f"{_TAKEN}%",),
    ).fetchall()
    for path, *state in rows:
        if path not in done and path in plan.found:
            found = plan.found[path]
            _read(connection, found, _File(found.name, *state), extraction)


def _forget(connection: sqlite3.Connection, path: str) -> None:
    sections_of = (
        "select section.rowid from section join article on article.rowid = section.article"
        " where file = ?"
    )
    for section in connection.execute(sections_of, (path,)).fetchall():
        connection.execute(
            "delete from passage_terms where rowid in"
            " (select rowid from passage where section = ?)",
            section,
        )
        connection.execute("delete from passage where section = ?", section)
        connection.execute("delete from section_terms where rowid = ?", section)
        connection.execute("delete from section where rowid = ?", section)
    connection.execute("delete from article where file = ?", (path,))
    connection.execute("delete from not_read where file = ?", (path,))
    connection.execute("delete from file where path = ?", (path,))


def _add(connection: sqlite3.Connection, found: Found, article: Article) -> NotRead | None:
    try:
        row = connection.execute(
            "insert into article (id, title, text, url, file) values (?, ?, ?, ?, ?)",
            (article.id, article.title, article.text, article.url, str(found.path)),
        ).lastrowid
    except sqlite3.IntegrityError:
        return NotRead(str(found.path), f"{_TAKEN} {article.id!r}")
    title = terms(article.title)
    whole = [[Piece(0, len(article.text), "")]]
    for pieces in sections(article.text, article.pages) or whole:
        section = connection.execute(
            "insert into section (article, terms) values (?, 0)", (row,)
        ).lastrowid
        # The title counts twice: it says what the article is about.
        said = title + title
        for piece in pieces:
            own = _own_terms(article, piece)
            said += own
            page = bisect.bisect(article.pages, piece.start) if article.pages else None
            passage = connection.execute(
                "insert into passage (section, begins, ends, page, terms) values (?, ?, ?, ?, ?)",
                (section, piece.start, piece.end, page, len(title) + len(own)),
            ).lastrowid
            connection.execute(
                "insert into passage_terms (rowid, terms) values (?, ?)",
                (passage, " ".join(title + own)),
            )
        connection.execute(
            "insert into section_terms (rowid, terms) values (?, ?)", (section, " ".join(said))
        )
        connection.execute("update section set terms = ? where rowid = ?", (len(said), section))
    return None


def _own_terms(article: Article, piece: Piece) -> list[str]:
    """A passage's terms and its heading's, unless that stands in it or is the title."""
    text = article.text[piece.start : piece.end]
    headed = text.startswith("#") or piece.heading == article.title
    return ([] if headed else terms(piece.heading)) + terms(text)


def _report(connection: sqlite3.Connection, plan: _Plan) -> Refreshed:
    (articles,) = connection.execute("select count(*) from article").fetchone()
    bad = [NotRead(*row) for row in connection.execute("select path, why from not_read")]
    return Refreshed(
        len(plan.read), len(plan.forget), articles, tuple(sorted(bad + plan.missing, key=str))
    )
