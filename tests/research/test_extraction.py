"""PDF and DOCX are read in a child process, and a file that harms it harms nobody else."""

from __future__ import annotations

import os
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from reportlab.pdfgen.canvas import Canvas

from bot.terms import words
from tests.research.documents import (
    locked_pdf,
    make_docx,
    make_pdf,
    many_paged_pdf,
    replace_part,
    scanned_pdf,
)
from tools.research.extraction import Extraction
from tools.research.office import reflowed
from tools.research.readers import Article, Found, NotRead

CLAUSE = (
    "This agreement may be ended by either party upon thirty days' notice, provided that all"
    " invoices that are due have been paid, and that what was lent has been returned in full."
)


@pytest.fixture
def extraction() -> Iterator[Extraction]:
    with Extraction(seconds=10) as extraction:
        yield extraction


def read(extraction: Extraction, path: Path) -> tuple[list[Article], list[NotRead]]:
    return extraction.read(Found(path, path.name))


def why(extraction: Extraction, path: Path) -> str:
    articles, (bad,) = read(extraction, path)
    assert articles == []
    assert bad.path == str(path)
    return bad.why


def test_a_pdf_gives_its_pages_with_paragraphs_whole(
    extraction: Extraction, tmp_path: Path
) -> None:
    path = make_pdf(tmp_path / "a.pdf", [["Ending it", CLAUSE, CLAUSE], ["Fees", "Forty euros."]])
    (article,), bad = read(extraction, path)
    assert bad == []
    assert (article.id, article.title) == ("a.pdf", "Ending it")
    first, second = article.pages
    assert article.text[first:second].split("\n\n")[:3] == ["Ending it", CLAUSE, CLAUSE]
    assert article.text[second:].startswith("Fees")


def test_a_docx_is_read_with_its_headings_and_changes_accepted(
    extraction: Extraction, tmp_path: Path
) -> None:
    (article,), bad = read(extraction, make_docx(tmp_path / "a.docx"))
    assert bad == []
    assert (article.title, article.pages) == ("Supply contract", ())
    assert article.text.split("\n\n") == [
        "# Supply contract",
        "# Termination",
        "Either party may end it with ninety days' notice, by registered letter.-",
        "post\ncourier",
        "Region\tFee\nNorway\t40 EUR",
    ]


def test_what_a_pdf_may_be_besides(extraction: Extraction, tmp_path: Path) -> None:
    assert why(extraction, locked_pdf(tmp_path / "a.pdf")) == (
        "is encrypted; save it without a password"
    )
    assert why(extraction, scanned_pdf(tmp_path / "b.pdf")) == (
        "holds no text: its pages are pictures; run text recognition (OCR) over it"
    )
    before = time.monotonic()
    assert why(extraction, many_paged_pdf(tmp_path / "c.pdf", 10_000)) == (
        "has 10,000 pages, more than 2,000; split it"
    )
    assert time.monotonic() - before < 5
    (tmp_path / "d.pdf").write_bytes(b"%PDF-1.7\nnothing of the kind")
    assert why(extraction, tmp_path / "d.pdf") == "is not a whole PDF"
    whole = make_pdf(tmp_path / "e.pdf", [["Ending it", CLAUSE]]).read_bytes()
    (tmp_path / "e.pdf").write_bytes(whole[: len(whole) // 3])
    assert why(extraction, tmp_path / "e.pdf") == "is not a whole PDF"


def test_a_word_that_the_margin_parts_is_found_whole(
    extraction: Extraction, tmp_path: Path
) -> None:
    canvas = Canvas(str(tmp_path / "a.pdf"))
    canvas.drawString(72, 700, "The buyer pays within four-")
    canvas.drawString(72, 684, "teen days, by the well-known rule.")
    canvas.save()
    (article,), _ = read(extraction, tmp_path / "a.pdf")
    assert article.text == "The buyer pays within four-\nteen days, by the well-known rule."
    assert "fourteen" in words(article.text)


def test_pages_that_are_pictures_are_named_and_the_others_read(
    extraction: Extraction, tmp_path: Path
) -> None:
    path = scanned_pdf(tmp_path / "a.pdf", said_on_first="The first page has words.")
    (article,), bad = read(extraction, path)
    assert article.text.strip() == "The first page has words."
    assert [each.path for each in bad] == [f"{path}:2", f"{path}:3"]


def test_what_a_docx_may_be_besides(extraction: Extraction, tmp_path: Path) -> None:
    whole = make_docx(tmp_path / "a.docx").read_bytes()
    (tmp_path / "b.docx").write_bytes(whole[: len(whole) // 2])
    assert why(extraction, tmp_path / "b.docx") == "is not a whole DOCX (its zip is broken)"
    (tmp_path / "c.docx").write_bytes(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600))
    assert why(extraction, tmp_path / "c.docx").startswith("is encrypted, or an old .doc")
    with zipfile.ZipFile(tmp_path / "d.docx", "w") as package:
        package.writestr("word/document.xml", "<a/>")
    assert why(extraction, tmp_path / "d.docx") == "is not a whole DOCX"
    broken = replace_part(make_docx(tmp_path / "e.docx"), "word/document.xml", b"</w:body>", b"")
    assert why(extraction, broken) == "is not a whole DOCX"


def test_a_zip_bomb_is_not_unpacked(extraction: Extraction, tmp_path: Path) -> None:
    path = make_docx(tmp_path / "a.docx")
    with zipfile.ZipFile(path, "a", zipfile.ZIP_DEFLATED) as package:
        package.writestr("word/footnotes.xml", b" " * 60_000_000)
    assert path.stat().st_size < 200_000
    assert why(extraction, path).startswith("unpacks to more than is read")


def test_an_xml_bomb_is_not_expanded(extraction: Extraction, tmp_path: Path) -> None:
    lots = "".join(
        f'<!ENTITY a{level} "{f"&a{level - 1};" * 10 if level else "lol" * 10}">'
        for level in range(12)
    )
    path = replace_part(
        make_docx(tmp_path / "a.docx"),
        "word/document.xml",
        b"<w:document",
        f"<!DOCTYPE x [{lots}]><w:document".encode(),
    )
    replace_part(path, "word/document.xml", b"Either party", b"&a11;")
    said = why(extraction, path)
    assert said in ("declares a document type, which no DOCX may", "is not a whole DOCX")


def test_what_hangs_is_ended_and_the_next_file_is_read(tmp_path: Path) -> None:
    # Aliases of aliases in a page's front matter: to write their value down takes for ever.
    bomb = "---\na0: &a0 [x]\n" + "".join(
        f"a{level}: &a{level} [{', '.join([f'*a{level - 1}'] * 10)}]\n" for level in range(1, 12)
    )
    (tmp_path / "bomb.md").write_text(bomb + "title: *a11\n---\nText\n")
    (tmp_path / "good.md").write_text("# Good\n\nText\n")
    with Extraction(seconds=1) as extraction:
        assert why(extraction, tmp_path / "bomb.md") in (
            "reading it took longer than 1 s",
            "reading it takes more than 2 GB",
        )
        (article,), _ = read(extraction, tmp_path / "good.md")
        assert article.title == "Good"


def test_what_is_no_file_is_not_opened(extraction: Extraction, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "a.pdf")
    assert why(extraction, tmp_path / "a.pdf") == "it is no regular file"
    assert why(extraction, tmp_path / "gone.pdf") == "No such file or directory"
    (tmp_path / "a.zip").write_bytes(b"PK")
    assert ".zip is not one of" in why(extraction, tmp_path / "a.zip")
    with (tmp_path / "huge.pdf").open("wb") as file:
        file.truncate(200_000_001)
    assert why(extraction, tmp_path / "huge.pdf") == "larger than 200 MB"


def test_lines_that_the_margin_broke_are_joined() -> None:
    page = (
        "3. Payment\r\nThe buyer pays the price that is named in the first annex within four-\r\n"
        "teen days of the invoice, and by bank transfer only, to the account that is\r\n"
        "named there.\r\n(a) Late payment bears interest.\r\n(b) Early payment does not.\r\n"
    )
    assert reflowed(page) == (
        "3. Payment\n\nThe buyer pays the price that is named in the first annex within four-\n"
        "teen days of the invoice, and by bank transfer only, to the account that is "
        "named there.\n\n(a) Late payment bears interest.\n(b) Early payment does not."
    )


def test_a_reader_that_dies_costs_one_file(extraction: Extraction, tmp_path: Path) -> None:
    (tmp_path / "good.md").write_text("# Good\n\nText\n")
    assert read(extraction, tmp_path / "good.md")[1] == []
    assert extraction._child is not None
    extraction._child.kill()
    assert why(extraction, tmp_path / "good.md") == "its reader broke on it (SIGKILL)"
    assert read(extraction, tmp_path / "good.md")[1] == []
    locked_pdf(tmp_path / "a.pdf").chmod(0)
    if os.geteuid():  # root may read everything
        assert why(extraction, tmp_path / "a.pdf") == "Permission denied"


def test_a_docx_whose_bytes_rot_is_not_whole(extraction: Extraction, tmp_path: Path) -> None:
    path = make_docx(tmp_path / "a.docx")
    with zipfile.ZipFile(path) as package:
        begins = package.getinfo("word/document.xml").header_offset
    content = bytearray(path.read_bytes())
    content[begins + 60 : begins + 90] = bytes(30)
    path.write_bytes(content)
    assert why(extraction, path) == "is not a whole DOCX"
