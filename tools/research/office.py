"""PDF and DOCX as text. Their libraries may hang, crash or eat memory on a bad file: this runs in
the child process of ``tools.research.extraction`` alone.

PDF by PDFium (pypdfium2), page by page; DOCX by python-docx, with tracked changes as accepted.
"""

from __future__ import annotations

import re
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

PAGES_LIMIT = 2_000
UNPACKED_LIMIT_BYTES = 200_000_000
"""Of a DOCX, all its parts together, by its own table of contents; zipfile reads no byte more."""
XML_LIMIT_BYTES = 50_000_000
"""Of one XML part of it: its tree takes several times as much memory."""

_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_WORD = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"
_FALLBACK = "{http://schemas.openxmlformats.org/markup-compatibility/2006}Fallback"
_GONE = frozenset({_WORD + "del", _WORD + "moveFrom", _FALLBACK})
"""Deleted text, text at the place it was moved from, and the second copy of a drawing's text."""
_MARKS = {_WORD + "tab": "\t", _WORD + "br": "\n", _WORD + "cr": "\n", _WORD + "noBreakHyphen": "-"}
_HEADING_STYLE = re.compile(r"(?:heading ([1-6])|(title))\Z", re.IGNORECASE)
_PASSWORD_ERROR = 4
"""FPDF_ERR_PASSWORD, fpdfview.h."""
_ITEM = re.compile(r"(?:[-*•–▪◦‣]|\(?[0-9ivx]{1,4}[.)]|\(?[a-z][.)]|[0-9]+(?:\.[0-9]+)+)\s", re.I)
_FULL_LINE = 0.75
"""A line this part of the page's longest, or longer, was broken by the margin."""
_LONGEST_LINE = 200


class Unreadable(Exception):
    """The file gives no text; the message says why, for the operator."""


@dataclass(frozen=True)
class Extracted:
    """A document's text. ``pages``: where each page begins in it; empty: the format has none."""

    text: str
    pages: tuple[int, ...] = ()
    pictures: tuple[int, ...] = ()
    """Pages, from 1, that hold a picture and no text."""


def pdf(path: Path, limit: int) -> Extracted:
    """The text of a PDF of at most ``limit`` characters. Raises ``Unreadable``."""
    import pypdfium2  # type: ignore[import-untyped]  # it comes without types

    try:
        document = pypdfium2.PdfDocument(path)
    except pypdfium2.PdfiumError as fault:
        if getattr(fault, "err_code", None) == _PASSWORD_ERROR:
            raise Unreadable("is encrypted; save it without a password") from fault
        raise Unreadable("is not a whole PDF") from fault
    try:
        count = len(document)
        if count > PAGES_LIMIT:
            raise Unreadable(f"has {count:,} pages, more than {PAGES_LIMIT:,}; split it")
        texts: list[str] = []
        pictures: list[int] = []
        size = 0
        for number in range(count):
            try:
                text, pictured = _page(document, number, pypdfium2.raw.FPDF_PAGEOBJ_IMAGE)
            except pypdfium2.PdfiumError as fault:
                raise Unreadable(f"its page {number + 1} is broken") from fault
            size += len(text)
            if size > limit:
                raise Unreadable(f"longer than {limit:,} characters; split it")
            if not text and pictured:
                pictures.append(number + 1)
            texts.append(text)
    finally:
        document.close()
    if not any(texts):
        scanned = "its pages are pictures; " if pictures else ""
        raise Unreadable(f"holds no text: {scanned}run text recognition (OCR) over it")
    return _paged(texts, tuple(pictures))


def _page(document: Any, number: int, image: int) -> tuple[str, bool]:
    page = document[number]
    try:
        textpage = page.get_textpage()
        try:
            text = reflowed(textpage.get_text_range())
        finally:
            textpage.close()
        return text, not text and any(True for _ in page.get_objects(filter=[image]))
    finally:
        page.close()


def _paged(texts: list[str], pictures: tuple[int, ...]) -> Extracted:
    begins: list[int] = []
    at = 0
    for text in texts:
        begins.append(at)
        at += len(text) + 2
    whole = "\n\n".join(texts)
    return Extracted(whole, tuple(begins), pictures)


def reflowed(page: str) -> str:
    """A page's lines as paragraphs: a line that the margin broke goes on in the same paragraph.

    Only white space changes: a word that a hyphen parts at the margin stays parted, as it stands
    on the page (PDFium writes U+FFFE there); ``bot.terms`` finds it whole all the same."""
    page = page.replace("\ufffe", "-\n").replace("\x02", "-\n").replace("\0", "")
    lines = [" ".join(line.split()) for line in page.splitlines()]
    longest = min(_LONGEST_LINE, max(map(len, lines), default=0))
    said: list[str] = []
    before = ""
    for line in lines:
        if not line:
            before = ""
            continue
        joined = bool(before) and len(before) >= _FULL_LINE * longest and not _ITEM.match(line)
        if before.endswith("-") and line[0].islower():
            said.append("\n")
        elif joined:
            said.append(" ")
        elif said:
            listed = _ITEM.match(line) and (_ITEM.match(before) or before.endswith(":"))
            said.append("\n" if listed else "\n\n")
        said.append(line)
        before = line
    return "".join(said)


def docx(path: Path, limit: int) -> Extracted:
    """The text of a DOCX, then its notes. Headings are marked as in Markdown; a list's item and a
    table's row are a line, without marks that a quote of it would not have.

    Raises ``Unreadable``."""
    with path.open("rb") as file:
        if file.read(len(_OLE)) == _OLE:
            raise Unreadable("is encrypted, or an old .doc; save it as .docx without a password")
    _check_package(path)
    from docx import Document
    from docx.opc.exceptions import PackageNotFoundError

    try:
        document = Document(str(path))
        root = document.element
        others = [
            part.blob
            for part in document.part.package.iter_parts()
            if part.content_type.endswith(("footnotes+xml", "endnotes+xml"))
        ]
        trees = [root, *map(_tree, others)]
    except (
        PackageNotFoundError, zipfile.BadZipFile, zlib.error, KeyError, ValueError, AttributeError,
        SyntaxError, EOFError, OSError, NotImplementedError,
    ) as fault:  # fmt: skip
        # lxml's XMLSyntaxError is a SyntaxError; python-docx lets through what its parts meet.
        raise Unreadable("is not a whole DOCX") from fault
    if any(tree.getroottree().docinfo.doctype for tree in trees):
        raise Unreadable("declares a document type, which no DOCX may")
    styles = {style.style_id: style.name or "" for style in document.styles}
    blocks: list[str] = []
    size = 0
    for tree in trees:
        for block in _blocks(tree, styles):
            size += len(block)
            if size > limit:
                raise Unreadable(f"longer than {limit:,} characters; split it")
            blocks.append(block)
    if not blocks:
        raise Unreadable("holds no text")
    return Extracted("\n\n".join(blocks))


def _check_package(path: Path) -> None:
    try:
        with zipfile.ZipFile(path) as package:
            members = package.infolist()
    except (zipfile.BadZipFile, OSError, ValueError, EOFError, NotImplementedError) as fault:
        raise Unreadable("is not a whole DOCX (its zip is broken)") from fault
    if any(member.flag_bits & 1 for member in members):
        raise Unreadable("is encrypted; save it without a password")
    if (
        sum(member.file_size for member in members) > UNPACKED_LIMIT_BYTES
        or max(
            (each.file_size for each in members if each.filename.endswith((".xml", ".rels"))),
            default=0,
        )
        > XML_LIMIT_BYTES
    ):
        raise Unreadable("unpacks to more than is read (200 MB, 50 MB of XML a part)")


def _tree(blob: bytes) -> Any:
    from docx.oxml.parser import parse_xml

    return parse_xml(blob)


def _level(style: str) -> int:
    """Of a heading's style, from 1; 0: it is none."""
    found = _HEADING_STYLE.match(style)
    return int(found[1] or 1) if found else 0


def _blocks(tree: Any, styles: dict[str, str]) -> Iterator[str]:
    """Paragraphs and tables in their order; a list's items are lines of one block."""
    items: list[str] = []
    for element in _top(tree):
        is_table = element.tag == _WORD + "tbl"
        text = _table(element) if is_table else _text(element).strip()
        style = "" if is_table else styles.get(_style(element), "")
        numbered = element.find(f"{_WORD}pPr/{_WORD}numPr") is not None
        level = _level(style)
        if text and not level and (numbered or style.lower().startswith("list")):
            items.append(text)
            continue
        if items:
            yield "\n".join(items)
            items = []
        if text:
            yield f"{'#' * level} {_one_line(text)}" if level else text
    if items:
        yield "\n".join(items)


def _top(tree: Any) -> Iterator[Any]:
    """Paragraphs and tables that stand in no other paragraph or table."""
    waiting = [tree]
    while waiting:
        element = waiting.pop()
        if element.tag in (_WORD + "p", _WORD + "tbl"):
            yield element
        elif element.tag not in _GONE:
            waiting.extend(reversed(element))


def _style(paragraph: Any) -> str:
    style = paragraph.find(f"{_WORD}pPr/{_WORD}pStyle")
    return "" if style is None else str(style.get(_WORD + "val"))


def _table(table: Any) -> str:
    rows = []
    for row in table.iter(_WORD + "tr"):
        cells = [_one_line(_text(cell)) for cell in row.findall(_WORD + "tc")]
        if any(cells):
            rows.append("\t".join(cells))
    return "\n".join(rows)


def _text(element: Any) -> str:
    """What stands in ``element`` for a reader who has accepted every change."""
    said: list[str] = []
    waiting = [element]
    while waiting:
        each = waiting.pop()
        if each.tag in _GONE:
            continue
        if each.tag == _WORD + "t":
            said.append(each.text or "")
        elif each.tag in _MARKS:
            said.append(_MARKS[each.tag])
        elif each.tag == _WORD + "p" and said:
            said.append("\n")
        waiting.extend(reversed(each))
    return "".join(said)


def _one_line(text: str) -> str:
    return " ".join(text.split())
