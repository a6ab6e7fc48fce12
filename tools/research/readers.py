"""Files become articles: Markdown, plain text, HTML, PDF, DOCX and JSON lines.

A reader never raises for a bad file: what could not be read is a ``NotRead`` with the reason, in
words for the operator. Its libraries may hang on one all the same, so that reading is done in
``tools.research.extraction``'s child. Limits: 20 MB a file of text, 200 MB a PDF, DOCX or file of
JSON lines, 8,000,000 characters an article, 2,000 pages.
"""

from __future__ import annotations

import codecs
import html
import io
import json
import os
import re
import stat
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from tools.research.office import Extracted, Unreadable, docx, pdf

FILE_LIMIT_BYTES = 20_000_000
LARGE_LIMIT_BYTES = 200_000_000
"""Of what is mostly pictures or many articles: PDF, DOCX, JSON lines."""
ARTICLE_LIMIT = 8_000_000
"""Characters of one article."""

MARKDOWN = frozenset({".md", ".markdown"})
TEXT = frozenset({".txt", ".text"})
HTML = frozenset({".html", ".htm", ".xhtml"})
JSON_LINES = frozenset({".jsonl", ".ndjson"})
OFFICE = {".pdf": pdf, ".docx": docx}
READABLE = MARKDOWN | TEXT | HTML | JSON_LINES | OFFICE.keys()
PASSED_OVER = frozenset(
    {".png", ".jpg", ".jpeg", ".gif", ".svg", ".webp", ".ico", ".css", ".js", ".map", ".woff"}
    | {".woff2", ".yaml", ".yml", ".toml", ".lock", ".py", ".sh"}
)
"""What lies beside articles and is none: not read, and not worth a line to the operator."""

_FRONT = re.compile(r"\A---[ \t]*\r?\n(.*?)\r?\n---[ \t]*(?:\r?\n|\Z)", re.DOTALL)
_HEADING = re.compile(r"^ {0,3}#{1,6}[ \t]+(.+?)[ \t]*#*[ \t]*$", re.MULTILINE)
_UNDERLINED = re.compile(r"\A\s*(\S[^\n]*)\n(?:=+|-+)[ \t]*(?:\n|\Z)")
_HTML_TITLE = re.compile(r"<title[^>]*>(.*?)</title>", re.IGNORECASE | re.DOTALL)
_HTML_CHARSET = re.compile(rb"<meta[^>]+charset=[\"']?([\w-]+)", re.IGNORECASE)
_LINK = re.compile(r"!?\[([^\]]*)\]\([^)]*\)")
_BLANK_LINES = re.compile(r"\n{3,}")
_VISIBLE = (
    "h1 h2 h3 h4 h5 h6 p br hr ul ol li dl dt dd table thead tbody tr th td blockquote pre div"
    " section article main"
)
_HTML_TAGS = frozenset(_VISIBLE.split())
_HTML_EMPTIED = frozenset({"script", "style", "head", "title", "nav", "template", "noscript"})


@dataclass(frozen=True)
class Article:
    """One article as it was read. ``text`` is what quotes are compared with.

    Of Markdown it is the file without its front matter, of HTML the visible text with headings
    and lists as in Markdown, of DOCX the same; of PDF its pages' paragraphs.
    """

    id: str
    title: str
    text: str
    url: str | None = None
    pages: tuple[int, ...] = ()
    """Where each page begins in ``text``; empty where the format has none."""


@dataclass(frozen=True)
class NotRead:
    """A file, or a line of one, that gave no article, and why."""

    path: str
    why: str


@dataclass(frozen=True)
class Found:
    """A file that lies under a knowledge path. ``name`` is its path relative to it."""

    path: Path
    name: str


def find_files(roots: Sequence[Path]) -> Iterator[Found | NotRead]:
    """Every file under ``roots`` in a fixed order; a root may be a file itself.

    Hidden files and folders are left out, and links to what lies outside their root: whoever may
    write there may not read all that Deskhand may. Names are unique: a name that an earlier root
    has taken gets its own root's name in front.
    """
    taken: set[str] = set()
    for root in roots:
        if root.is_file():
            listed = [(root, root.name)]
        elif root.is_dir():
            closed: list[NotRead] = []
            listed = [(path, path.relative_to(root).as_posix()) for path in _walk(root, closed)]
            yield from closed
        else:
            yield NotRead(str(root), "there is no such file or folder")
            continue
        for path, name in listed:
            if not encodable(str(path)):
                yield NotRead(os.fsencode(path).decode("utf-8", "replace"), "its name is not UTF-8")
                continue
            if _leads_out(path, root):
                yield NotRead(str(path), "a link to what lies outside; put the file itself there")
                continue
            if name in taken:
                name = f"{root.name}/{name}"
            if name in taken:
                yield NotRead(str(path), f"another article is already called {name!r}")
                continue
            taken.add(name)
            yield Found(path, name)


def _leads_out(path: Path, root: Path) -> bool:
    """Whether a file is a link out of ``root``; a root itself may be one, it is the operator's."""
    if path == root or not os.path.islink(path):
        return False
    return not Path(os.path.realpath(path)).is_relative_to(os.path.realpath(root))


def _walk(root: Path, closed: list[NotRead]) -> Iterator[Path]:
    """``closed`` hears of folders that are not looked into: they cannot be, or are links."""

    def cannot(fault: OSError) -> None:
        closed.append(NotRead(str(fault.filename), fault.strerror or "it cannot be read"))

    for folder, folders, files in os.walk(root, onerror=cannot):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in folders:
            if os.path.islink(linked := os.path.join(folder, name)):
                closed.append(NotRead(linked, "a link to a folder; name that one in the config"))
        for name in sorted(files):
            if not name.startswith(".") and Path(name).suffix.lower() not in PASSED_OVER:
                yield Path(folder, name)


def read_path(found: Found) -> tuple[list[Article], list[NotRead]]:
    """The articles of one file on disk, and what could not be read of it."""
    path, suffix = str(found.path), found.path.suffix.lower()
    if fault := unreadable(found):
        return [], [fault]
    try:
        if extract := OFFICE.get(suffix):
            return _office(found, extract(found.path, ARTICLE_LIMIT))
        return read_file(found, found.path.read_bytes())
    except Unreadable as fault:
        return [], [NotRead(path, str(fault))]
    except OSError as fault:
        return [], [NotRead(path, fault.strerror or "it cannot be read")]


def unreadable(found: Found) -> NotRead | None:
    """What forbids to open a file at all: its kind or its size."""
    path, suffix = str(found.path), found.path.suffix.lower()
    if suffix not in READABLE:
        kinds = ", ".join(sorted(READABLE))
        return NotRead(path, f"{suffix or 'a file without ending'} is not one of {kinds}")
    try:
        state = found.path.stat()
    except OSError as fault:
        return NotRead(path, fault.strerror or "it cannot be read")
    if not stat.S_ISREG(state.st_mode):
        return NotRead(path, "it is no regular file")
    return _too_large(path, suffix, state.st_size)


def _too_large(path: str, suffix: str, size: int) -> NotRead | None:
    limit = LARGE_LIMIT_BYTES if suffix in JSON_LINES | OFFICE.keys() else FILE_LIMIT_BYTES
    return NotRead(path, f"larger than {limit // 1_000_000} MB") if size > limit else None


def _office(found: Found, read: Extracted) -> tuple[list[Article], list[NotRead]]:
    # What a document says of itself is "untitled" or its template's name more often than not.
    text = _storable(read.text)
    heading = _HEADING.search(text)
    title = plain_words(heading[1]) if heading else _first_line(text) or _named(found.name)
    pictures = [
        NotRead(
            f"{found.path}:{page}", "this page is a picture; run text recognition (OCR) over it"
        )
        for page in read.pictures
    ]
    return [Article(found.name, title, text, None, read.pages)], pictures


def read_file(found: Found, content: bytes) -> tuple[list[Article], list[NotRead]]:
    """The articles of the ``content`` of a file of text, and what could not be read of it."""
    path, suffix = str(found.path), found.path.suffix.lower()
    if fault := _too_large(path, suffix, len(content)):
        return [], [fault]
    text = _decode(content, suffix in HTML)
    if text is None:
        return [], [NotRead(path, "not UTF-8 text")]
    if suffix in JSON_LINES:
        return _json_lines(path, text)
    if suffix in HTML:
        article = _html(found.name, text)
    elif suffix in MARKDOWN:
        article = _markdown(found.name, text)
    else:
        article = _plain(found.name, text)
    if isinstance(article, str):
        return [], [NotRead(path, article)]
    if not article.text.strip():
        return [], [NotRead(path, "holds no text")]
    if len(article.text) > ARTICLE_LIMIT:
        return [], [NotRead(path, f"longer than {ARTICLE_LIMIT:,} characters; split it")]
    return [article], []


def _decode(content: bytes, is_html: bool) -> str | None:
    """Text by its byte order mark, an HTML page's own declaration, or UTF-8; None: neither."""
    encoding = "utf-8"
    if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        encoding = "utf-16"
    elif content.startswith(codecs.BOM_UTF8):
        encoding = "utf-8-sig"
    elif is_html and (declared := _HTML_CHARSET.search(content, 0, 2048)):
        encoding = declared[1].decode("ascii")
    try:
        text = content.decode(encoding)
    except (UnicodeDecodeError, LookupError):
        return None
    if "\0" in text:
        return None
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _markdown(name: str, text: str) -> Article | str:
    import yaml  # here, as with other formats' libraries: a child reads the first file sooner

    title, url = "", None
    if front := _FRONT.match(text):
        try:
            given = yaml.safe_load(front[1])
        except (yaml.YAMLError, RecursionError, ValueError) as fault:
            return f"its front matter is not YAML: {str(fault).splitlines()[0]}"
        if isinstance(given, dict):
            title = str(given.get("title") or "").strip()
            url = _url(given.get("url"))
        text = text[front.end() :]
    text = text.strip("\n")
    heading = _HEADING.search(text) or _UNDERLINED.match(text)
    title = title or (plain_words(heading[1]) if heading else "") or _named(name)
    return Article(name, title, text, url)


def _plain(name: str, text: str) -> Article:
    text = text.strip("\n")
    return Article(name, _first_line(text) or _named(name), text)


def _first_line(text: str) -> str:
    """The first line as a title; empty: it is too long to be one."""
    first = next((line.strip() for line in io.StringIO(text) if line.strip()), "")
    return first if len(first) <= 120 else ""


def _html(name: str, text: str) -> Article | str:
    import nh3
    from markdownify import markdownify

    titled = _HTML_TITLE.search(text)
    cleaned = nh3.clean(
        text, tags=set(_HTML_TAGS), clean_content_tags=set(_HTML_EMPTIED), attributes={}
    )
    try:
        visible = markdownify(
            cleaned,
            heading_style="ATX",
            bullets="-",
            escape_asterisks=False,
            escape_underscores=False,
            escape_misc=False,
        )
    except RecursionError:
        return "its elements are nested too deep"
    visible = "\n".join(line.rstrip() for line in visible.splitlines())
    visible = _BLANK_LINES.sub("\n\n", visible).strip()
    heading = _HEADING.search(visible)
    title = plain_words(heading[1]) if heading else ""
    if not title and titled:
        title = " ".join(html.unescape(titled[1]).split())
    return Article(name, title or _named(name), visible)


def _json_lines(path: str, text: str) -> tuple[list[Article], list[NotRead]]:
    articles: list[Article] = []
    bad: list[NotRead] = []
    for number, line in enumerate(io.StringIO(text), start=1):
        if not line.strip():
            continue
        article = _json_line(line)
        if isinstance(article, str):
            bad.append(NotRead(f"{path}:{number}", article))
        else:
            articles.append(article)
    if not articles and not bad:
        bad.append(NotRead(path, "holds no text"))
    return articles, bad


def _json_line(line: str) -> Article | str:
    try:
        given = json.loads(line)
    except (ValueError, RecursionError):
        return "not a line of JSON"
    if not isinstance(given, dict):
        return "not a JSON object"
    some_id, content = given.get("id"), given.get("content")
    if not isinstance(some_id, (str, int)) or isinstance(some_id, bool) or not str(some_id).strip():
        return "its id is missing"
    if not isinstance(content, str) or not content.strip():
        return "its content is missing"
    if len(content) > ARTICLE_LIMIT:
        return f"longer than {ARTICLE_LIMIT:,} characters"
    title = given.get("title")
    heading = _HEADING.search(content)
    named = title.strip() if isinstance(title, str) else ""
    named = named or (plain_words(heading[1]) if heading else str(some_id))
    # A lone surrogate parses as JSON and can be stored nowhere; SQLite cuts a text at a NUL.
    fields = [str(some_id).strip(), named, content.replace("\r\n", "\n")]
    fields = [_storable(field) for field in fields]
    return Article(fields[0], fields[1], fields[2], _url(given.get("url")))


def plain_words(markdown: str) -> str:
    """A line of Markdown as a person reads it: no link targets, no emphasis."""
    return _LINK.sub(r"\1", markdown).replace("**", "").replace("`", "").strip(" *_")


def _named(name: str) -> str:
    """A title for an article without one, from its file's name."""
    return Path(name).stem.replace("-", " ").replace("_", " ").strip().capitalize() or name


def _storable(text: str) -> str:
    return text.encode("utf-8", "replace").decode().replace("\0", " ")


def encodable(text: str) -> bool:
    """Whether a text, or a file's name, is Unicode without lone surrogates."""
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True


def _url(given: object) -> str | None:
    is_link = isinstance(given, str) and given.startswith(("https://", "http://"))
    return given if is_link and isinstance(given, str) and len(given) <= 2_000 else None
