"""Every picture can be taken, and none is blank. On demand: ``pytest -m e2e tests/pictures``."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest

from tests.pictures.take import drawings, installed, page, take


@pytest.mark.e2e
def test_every_card_is_drawn_in_a_browser(tmp_path: Path) -> None:
    packages = installed(tmp_path)
    for name, blocks in drawings().items():
        picture = tmp_path / f"{name}.png"
        html = page(blocks, packages)
        take(html, picture)
        content = picture.read_bytes()
        width, height = struct.unpack(">II", content[16:24])
        assert content.startswith(b"\x89PNG")
        assert (width, height > 100) == (760, True)
        assert len(content) > 8_000
        # What the renderer does not know it shows as its source.
        assert "&lt;!date" not in html
