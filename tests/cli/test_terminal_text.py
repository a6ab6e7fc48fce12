"""Nothing that a stranger writes moves a terminal's cursor."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.terminal_text import inert, inert_line

ESC = "\x1b"


@pytest.mark.parametrize(
    ("hostile", "shown"),
    [
        (f"a{ESC}[31mred{ESC}[0m", "ared"),
        (f"{ESC}[2J{ESC}[1;1Hgone", "gone"),
        (f"{ESC}]0;title\x07text", "text"),
        (f"{ESC}]8;;https://evil.example{ESC}\\click{ESC}]8;;{ESC}\\", "click"),
        (f"{ESC}Pq#0;2;0;0;0{ESC}\\after", "after"),
        (f"{ESC}]0;never ends", ""),
        ("\x9b31mred", "red"),
        (f"{ESC}creset", "reset"),
        (f"lone {ESC}", "lone \ufffd"),
        ("bell\x07 back\x08 null\x00", "bell\ufffd back\ufffd null\ufffd"),
        ("over\rwrite", "over\nwrite"),
        ("a\r\nb", "a\nb"),
        ("user\u202egnp.exe", "usergnp.exe"),
        ("\u2066iso\u2069late\u200e", "isolate"),
        ("zero\u200bwidth\ufeff\u2060", "zerowidth"),
        ("tag\U000e0041\U000e007f", "tag"),
        ("line\u2028separator", "line\nseparator"),
        ("half \ud83d", "half \ufffd"),
        ("tab\tstop", "tab    stop"),
        ("می\u200cخواهم", "می\u200cخواهم"),
        ("👩\u200d💻 é ñ 漢字", "👩\u200d💻 é ñ 漢字"),
    ],
)
def test_a_hostile_text_is_inert(hostile: str, shown: str) -> None:
    assert inert(hostile) == shown


def test_one_line_is_one_line() -> None:
    assert inert_line(" a\n\n b\u2028c\x85 d ") == "a b c d"


@given(st.text(st.one_of(st.characters(), st.sampled_from("\x1b[]0;mHJ\x07\x9b\\Pq"))))
def test_no_control_and_no_format_character_is_left(text: str) -> None:
    for char in inert(text):
        assert char == "\n" or unicodedata.category(char) not in ("Cc", "Cs")
        assert char in "\u200c\u200d" or unicodedata.category(char) != "Cf"
