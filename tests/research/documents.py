"""PDF and DOCX files made for tests: whole ones, and ones that harm who reads them."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Sequence
from pathlib import Path

from docx import Document
from reportlab.lib.styles import getSampleStyleSheet
from reportlab.pdfgen.canvas import Canvas
from reportlab.platypus import PageBreak, Paragraph, SimpleDocTemplate


def make_pdf(path: Path, pages: Sequence[Sequence[str]]) -> Path:
    """A PDF of these paragraphs, broken into lines by the margin; the first is a heading."""
    styles = getSampleStyleSheet()
    story: list[object] = []
    for page in pages:
        for place, paragraph in enumerate(page):
            story.append(Paragraph(paragraph, styles["Heading2" if place == 0 else "BodyText"]))
        story.append(PageBreak())
    SimpleDocTemplate(str(path)).build(story)
    return path


def locked_pdf(path: Path) -> Path:
    canvas = Canvas(str(path), encrypt="secret")
    canvas.drawString(72, 700, "Nobody reads this.")
    canvas.save()
    return path


def scanned_pdf(path: Path, *, said_on_first: str = "") -> Path:
    """Pages that are pictures; the first holds text if there is any."""
    from PIL import Image
    from reportlab.lib.utils import ImageReader

    canvas = Canvas(str(path))
    if said_on_first:
        canvas.drawString(72, 700, said_on_first)
        canvas.showPage()
    for _ in range(2):
        canvas.drawImage(ImageReader(Image.new("RGB", (20, 20), "grey")), 72, 500, 200, 200)
        canvas.showPage()
    canvas.save()
    return path


def many_paged_pdf(path: Path, pages: int) -> Path:
    """Written by hand: all pages show one content, so that thousands take no time."""
    said = b"BT /F1 12 Tf 72 700 Td (This page is one of many.) Tj ET"
    kids = b" ".join(b"%d 0 R" % (5 + number) for number in range(pages))
    page = (
        b"<</Type/Page/Parent 2 0 R/Contents 4 0 R/MediaBox[0 0 612 792]"
        b"/Resources<</Font<</F1 3 0 R>>>>>>"
    )
    objects = [
        b"<</Type/Catalog/Pages 2 0 R>>",
        b"<</Type/Pages/Count %d/Kids[%s]>>" % (pages, kids),
        b"<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>",
        b"<</Length %d>>stream\n%s\nendstream" % (len(said), said),
        *[page] * pages,
    ]
    out = io.BytesIO(b"%PDF-1.4\n")
    out.seek(0, io.SEEK_END)
    offsets = []
    for number, body in enumerate(objects, start=1):
        offsets.append(out.tell())
        out.write(b"%d 0 obj%s endobj\n" % (number, body))
    begins = out.tell()
    out.write(b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1))
    out.write(b"".join(b"%010d 00000 n \n" % offset for offset in offsets))
    out.write(b"trailer<</Size %d/Root 1 0 R>>startxref\n%d\n%%%%EOF" % (len(objects) + 1, begins))
    path.write_bytes(out.getvalue())
    return path


def make_docx(path: Path) -> Path:
    """A contract with headings, a list, a table, a tracked change and a hyphen of Word's own."""
    document = Document()
    document.add_heading("Supply contract", 0)
    document.add_heading("Termination", 1)
    paragraph = document.add_paragraph("Either party may end it with ninety days' notice")
    paragraph.add_run(", in writing.")
    document.add_paragraph("post", style="List Bullet")
    document.add_paragraph("courier", style="List Bullet")
    table = document.add_table(rows=2, cols=2)
    for cell, text in zip(
        (cell for row in table.rows for cell in row.cells),
        ("Region", "Fee", "Norway", "40 EUR"),
        strict=True,
    ):
        cell.text = text
    document.save(str(path))
    return replace_part(
        path,
        "word/document.xml",
        b", in writing.</w:t>",
        b'</w:t></w:r><w:ins w:id="1" w:author="A"><w:r><w:t>, by registered letter.</w:t></w:r>'
        b"</w:ins>"
        b'<w:del w:id="2" w:author="A"><w:r><w:delText>by fax</w:delText></w:r></w:del>'
        b"<w:r><w:noBreakHyphen/>",
    )


def replace_part(path: Path, part: str, old: bytes, new: bytes) -> Path:
    """The same package with ``old`` replaced by ``new`` in one of its parts."""
    with zipfile.ZipFile(path) as package:
        members = {name: package.read(name) for name in package.namelist()}
    assert old in members[part]
    members[part] = members[part].replace(old, new, 1)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as package:
        for name, content in members.items():
            package.writestr(name, content)
    return path
