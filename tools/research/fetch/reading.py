"""A fetched body becomes text, a title, a date and links.

The page is scanned once from left to right, with no tree: a tree's cost, and that of the standard
library's parser, grows with the square of what a hostile page holds. Every step here looks ahead
within a bound, or not again where it found nothing.
"""

from __future__ import annotations

import codecs
import html
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from urllib.parse import unquote

TEXT_LIMIT = 200_000
"""Characters of a page's text that are kept."""
LINKS_LIMIT = 500
DATA_LIMIT = 6_000
"""Characters of a page's own data (JSON-LD, addresses behind links) that are kept."""

HTML_TYPES = frozenset({"text/html", "application/xhtml+xml"})
TYPES = HTML_TYPES | {"text/plain", "application/json", "application/ld+json"}

_TAG_LIMIT = 4_000
_NAME = re.compile(r"[a-zA-Z][a-zA-Z0-9:-]{0,40}")
_ATTRIBUTE = re.compile(
    r"(?<![\w:.-])([a-zA-Z_:][\w:.-]{0,60})\s{0,8}=\s{0,8}(?:\"([^\"]*)\"|'([^']*)'|([^\s\"'>]+))"
)
_SPACE = re.compile(r"[^\S\n]+")
_LINES = re.compile(r"\s*\n\s*")
_META_CHARSET = re.compile(rb"<meta[^>]{0,200}?charset=[\"']?\s{0,8}([\w:.-]{1,40})", re.IGNORECASE)
_XML_CHARSET = re.compile(rb"\A<\?xml[^>]{0,100}?encoding=[\"']([\w.-]{1,40})")
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")
_HIDDEN = ("script", "style", "noscript", "template", "svg", "iframe", "textarea", "select")
"""What nobody reads; passed over to its end tag."""
_INLINE_NAMES = (
    "a abbr acronym b bdi bdo big cite code data del dfn em font i ins kbd label mark q ruby s samp"
    " small span strike strong sub sup time tt u var wbr"
)
_INLINE = frozenset(_INLINE_NAMES.split())
_PUBLISHED = ("article:published_time", "article:modified_time", "datepublished", "date",
              "dc.date", "dcterms.date", "last-modified", "og:updated_time")  # fmt: skip
_NOT_TEXT = frozenset(
    {"idna", "punycode", "unicode-escape", "raw-unicode-escape", "undefined", "utf-7", "mbcs",
     "oem", "palmos"}
)  # fmt: skip
_BOMS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)


@dataclass(frozen=True)
class Read:
    """``links`` are as they stand on the page, unchecked; ``date`` is YYYY-MM-DD."""

    text: str
    title: str = ""
    date: str | None = None
    links: tuple[str, ...] = ()
    base: str | None = None
    data: str = ""
    """What the page says to machines: its JSON-LD as it stands there, ``mailto:`` and ``tel:``."""


def media_type(header: str) -> str:
    """``text/html`` of a Content-Type header."""
    return header.partition(";")[0].strip().lower()


def read(body: bytes, headers: Mapping[str, str]) -> Read:
    """``body`` in one of ``TYPES``."""
    header = headers.get("content-type", "")
    kind = media_type(header)
    text = decoded(body, header, markup=kind in HTML_TYPES)
    modified = _http_date(headers.get("last-modified", ""))
    if kind not in HTML_TYPES:
        return Read(_tidy(text), date=modified)
    page = _Page(text)
    page.scan()
    words = _tidy("".join(page.words))
    title = _one_line(page.title or page.og_title)
    data = _tidy("\n".join(page.data))[:DATA_LIMIT]
    return Read(words, title, page.date or modified, tuple(page.links), page.base, data)


def decoded(body: bytes, header: str, *, markup: bool) -> str:
    """By the HTTP charset, else the byte order mark, else ``<meta>``, else UTF-8, and
    windows-1252 where it is not UTF-8. Never raises."""
    named = re.search(r"charset\s{0,8}=\s{0,8}[\"']?([\w:.-]{1,40})", header, re.IGNORECASE)
    codec = _codec(named[1]) if named else None
    if codec is None:
        codec = next((name for mark, name in _BOMS if body.startswith(mark)), None)
    if codec is None and markup:
        inside = _XML_CHARSET.search(body) or _META_CHARSET.search(body[:4_096])
        codec = _codec(inside[1].decode("ascii", "replace")) if inside else None
        # A page that could be read so far as to find it is not in UTF-16.
        codec = "utf-8" if codec is not None and codec.startswith(("utf-16", "utf-32")) else codec
    if codec is not None:
        return body.decode(codec, "replace").removeprefix("\ufeff").replace("\x00", "")
    try:
        # A last character may have been cut in two.
        text, _ = codecs.utf_8_decode(body, "strict", False)
    except UnicodeDecodeError:
        text = body.decode("windows-1252", "replace")
    return text.replace("\x00", "")


def _codec(name: str) -> str | None:
    try:
        found = codecs.lookup(name)
        "".encode(found.name)
    except (LookupError, ValueError, UnicodeError):
        return None
    if found.name.replace("_", "-") in _NOT_TEXT:
        return None
    # As browsers do (encoding.spec.whatwg.org).
    return "windows-1252" if found.name in ("iso8859-1", "ascii") else found.name


@dataclass
class _Page:
    """A page as it is scanned."""

    text: str
    words: list[str] = field(default_factory=list)
    links: dict[str, None] = field(default_factory=dict)
    data: dict[str, None] = field(default_factory=dict)
    held: int = 0
    """Characters in ``data``."""
    title: str = ""
    og_title: str = ""
    date: str | None = None
    base: str | None = None
    length: int = 0

    def scan(self) -> None:
        text, lower, at = self.text, self.text.lower(), 0
        if len(lower) != len(text):  # a letter whose small form is longer
            lower = text
        gone: set[str] = set()
        while at < len(text) and self.length < TEXT_LIMIT:
            start = text.find("<", at)
            if start < 0:
                self._say(text[at:])
                return
            if start > at:
                self._say(text[at:start])
            if text.startswith("<!--", start):
                at = _after(text, "-->", start + 4)
            elif text.startswith(("<!", "<?"), start):
                at = _after(text, ">", start + 2)
            else:
                at = self._tag(start, lower, gone)

    def _tag(self, start: int, lower: str, gone: set[str]) -> int:
        """Take in the tag that begins at ``start``; where to go on. ``gone``: elements whose end
        tag stands nowhere further on."""
        text = self.text
        closing = text.startswith("</", start)
        name = _NAME.match(text, start + 1 + closing)
        if name is None:
            self._say("<")
            return start + 1
        end = text.find(">", name.end(), start + _TAG_LIMIT)
        if end < 0:
            # Without an end, or longer than any that means something.
            return name.end()
        tag = name[0].lower()
        inner = text[name.end() : end]
        if not closing:
            self._open(tag, inner)
        if tag not in _INLINE:
            self._say("\n", raw=True)
        if closing or inner.endswith("/"):
            return end + 1
        if tag == "title" or tag in _HIDDEN:
            if tag in gone:
                return end + 1
            close = lower.find(f"</{tag}", end)
            if close < 0:
                gone.add(tag)
                return end + 1
            held = text[end + 1 : close]
            if tag == "title" and not self.title:
                self.title = html.unescape(held[:1_000])
            elif tag == "script" and "ld+json" in inner:
                self.date = self.date or _json_date(held)
                self._keep(held)
            return close
        return end + 1

    def _open(self, tag: str, inner: str) -> None:
        if tag not in ("a", "area", "base", "meta", "time"):
            return
        given = {
            found[1].lower(): html.unescape(found[2] or found[3] or found[4] or "")
            for found in _ATTRIBUTE.finditer(inner)
        }
        if tag in ("a", "area"):
            link = given.get("href", "").strip()
            if link[:7].lower().startswith(("mailto:", "tel:")):
                self._keep(unquote(link[:200].partition("?")[0]))
            elif link and not link.startswith("#") and len(self.links) < LINKS_LIMIT:
                self.links[link] = None
        elif tag == "base":
            self.base = self.base or given.get("href")
        elif tag == "time":
            self.date = self.date or _date(given.get("datetime", ""))
        else:
            name = (given.get("property") or given.get("name") or given.get("itemprop", "")).lower()
            content = given.get("content", "")
            if name in _PUBLISHED:
                self.date = self.date or _date(content)
            elif name == "og:title":
                self.og_title = self.og_title or content
            elif name == "description" and content:
                self._say(f"\n{content}\n", raw=True)

    def _keep(self, data: str) -> None:
        data = data.strip()
        if data and data not in self.data and self.held + len(data) <= DATA_LIMIT:
            self.data[data] = None
            self.held += len(data)

    def _say(self, words: str, *, raw: bool = False) -> None:
        self.words.append(words if raw else html.unescape(words).replace("\n", " "))
        self.length += 0 if words == "\n" else len(words)


def _after(text: str, mark: str, start: int) -> int:
    found = text.find(mark, start)
    return len(text) if found < 0 else found + len(mark)


def _json_date(text: str) -> str | None:
    if len(text) > 100_000:
        return None
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return None
    rows = value if isinstance(value, list) else [value]
    for row in rows[:20]:
        given = row.get("datePublished") if isinstance(row, dict) else None
        if isinstance(given, str) and (date := _date(given)):
            return date
    return None


def _date(text: str) -> str | None:
    found = _DATE.match(text.strip())
    return found[0] if found else None


def _http_date(text: str) -> str | None:
    try:
        return parsedate_to_datetime(text).date().isoformat() if text else None
    except (ValueError, TypeError, OverflowError):
        return None


def _tidy(text: str) -> str:
    lines = _LINES.sub("\n", _SPACE.sub(" ", text[: 2 * TEXT_LIMIT]))
    return lines.encode("utf-8", "replace").decode().strip()[:TEXT_LIMIT]


def _one_line(text: str) -> str:
    return " ".join(text.split())[:300]
