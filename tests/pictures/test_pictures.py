"""Every picture can be taken, and none is blank. In a browser on demand: ``pytest -m e2e
tests/pictures``."""

from __future__ import annotations

import json
import re
import struct
from dataclasses import replace
from html import unescape
from pathlib import Path

import pytest

from handlers.teams_card import card_of, everybody
from tests.handlers.any_card import HOSTILE
from tests.handlers.teams_schema import card_faults
from tests.pictures import teams
from tests.pictures.samples import PENDING
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


def test_every_teams_card_is_what_the_schema_asks() -> None:
    drawn = teams.pictures()
    assert {name: faults for name, one in drawn.items() if (faults := card_faults(one.card))} == {}


@pytest.mark.e2e
def test_every_teams_card_is_drawn_without_a_fault(tmp_path: Path) -> None:
    packages = installed(tmp_path)
    for name, picture in teams.pictures().items():
        file = tmp_path / f"{name}.png"
        drawn = teams.draw(picture, packages, file)
        assert _faults(drawn) == [], name
        assert len(file.read_bytes()) > 4_000


@pytest.mark.e2e
def test_hostile_words_are_read_as_they_are_by_teams_own_renderer(tmp_path: Path) -> None:
    harm = f"{HOSTILE} {{{{DATE(2026-01-01T00:00:00Z,SHORT)}}}} # no heading"
    person = PENDING.author.model_copy(update={"name": harm})
    card = replace(PENDING, headline=harm, subject=harm, quote=harm, why=harm, author=person,
                   draft=harm, unsupported=(), labels=(harm,), files=(harm,))  # fmt: skip
    picture = teams.Picture(card_of(everybody(card)))
    drawn = teams.draw(picture, installed(tmp_path), tmp_path / "hostile.png")
    assert _faults(drawn) == []
    body = drawn[drawn.index('<div id="card">') : drawn.index('<div id="faults">')]
    assert not re.search(r"<(img|b|em|strong|code|h\d|ul|ol|at)\b", body)
    links = re.findall(r'<a [^>]*href="([^"]*)"[^>]*>([^<]*)</a>', body)
    assert links
    assert all(target == shown for target, shown in links)
    assert "{{DATE(2026" in re.sub(r"<[^>]*>", "", body)


def _faults(drawn: str) -> list[str]:
    """What the renderer said about the card."""
    found = re.search(r'data-faults="([^"]*)"', drawn)
    assert found is not None
    said: list[str] = json.loads(unescape(found[1]))
    return said
