"""The demo at a real terminal, on a real store."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from email import policy
from email.message import EmailMessage
from email.parser import BytesParser
from pathlib import Path

import pytest

from tests.cli.terminal import PROMPT, ROOT, Terminal

QUESTION = "How do I set a new password? I forgot mine."
TICKETS = [
    {
        "id": "1",
        "subject": "Password",
        "body": QUESTION,
        "author": {"name": "Ada", "email": "a@a.example"},
    },
    {"id": "2", "subject": "Password again", "body": QUESTION, "author": {"name": "Bo"}},
    {
        "id": "3",
        "body": "zxqv \x1b[31mred\x1b[0m <@U1> wobble quux",
        "author": {"name": "\x1b]0;x\x07Cy"},
    },
]


@pytest.fixture
def environ(tmp_path: Path) -> dict[str, str]:
    """A data folder of its own, tickets, and an editor that replaces the whole file."""
    (tmp_path / "tickets.jsonl").write_text("\n".join(map(json.dumps, TICKETS)))
    editor = tmp_path / "editor"
    editor.write_text('#!/bin/sh\necho "In my own words." > "$1"\n')
    editor.chmod(0o755)
    return {
        "DESKHAND_DATA": str(tmp_path / "data"),
        "EDITOR": str(editor),
        "PATH": os.environ["PATH"],
        "HOME": str(tmp_path),
    }


def demo(environ: dict[str, str], *more: str) -> Terminal:
    folder = Path(environ["HOME"])
    return Terminal(["demo", "--tickets", str(folder / "tickets.jsonl"), *more], environ)


def mails(environ: dict[str, str]) -> list[EmailMessage]:
    parser: BytesParser = BytesParser(policy=policy.default)
    folder = Path(environ["DESKHAND_DATA"]) / "demo" / "outbox"
    found = [parser.parsebytes(path.read_bytes()) for path in sorted(folder.glob("*.eml"))]
    return [mail for mail in found if isinstance(mail, EmailMessage)]


def test_approve_edit_skip_and_the_figures(environ: dict[str, str]) -> None:
    with demo(environ) as terminal:
        first = terminal.until(PROMPT)
        assert "1 of 3" in first
        assert QUESTION in re.sub(r"[│\s]+", " ", first)
        terminal.type("a\n")
        second = terminal.until(PROMPT)
        receipt = re.search(r"send_reply: .*?(/\S+\.eml)", second)
        assert receipt is not None
        assert Path(receipt[1]).is_file()
        assert "2 of 3" in second
        terminal.type("e\n")
        third = terminal.until(PROMPT)
        assert "3 of 3" in third
        terminal.type("s\n")
        end = terminal.until("Replies: ")
        assert "approved 1, edited 1, rejected 0, skipped 1" in end
        assert "waiting 1" in end
        assert "Cost: $0.00" in end
        assert terminal.ended() == 0
    sent = mails(environ)
    assert sorted(str(mail["To"]) for mail in sent) == [
        "Ada <a@a.example>",
        "Bo <customer@deskhand.invalid>",
    ]
    edited = next(mail for mail in sent if str(mail["To"]).startswith("Bo"))
    assert edited.get_content().strip().startswith("In my own words.")


def test_what_the_screen_finds_asks_why(environ: dict[str, str]) -> None:
    Path(environ["EDITOR"]).write_text('#!/bin/sh\necho "Card 4111 1111 1111 1111." > "$1"\n')
    with demo(environ) as terminal:
        terminal.until(PROMPT)
        terminal.type("e\n")
        found = terminal.until(PROMPT)
        assert "Screen: payment_card" in found
        assert "it is approved apart" in re.sub(r"\s+", " ", found)
        terminal.type("a\n")
        terminal.until("Why may it go out?")
        terminal.type("no\n")
        terminal.until("Write 3 to 500 characters.")
        terminal.until("go back")
        terminal.type("\n")
        terminal.until(PROMPT)
        assert mails(environ) == []
        terminal.type("a\n")
        terminal.until("Why may it go out?")
        terminal.type("Their own test card.\n")
        sent = terminal.until("2 of 3")
        assert "Reason: Their own test card." in sent
        terminal.until(PROMPT)
        terminal.type("q\n")
        assert terminal.ended() == 0
    assert len(mails(environ)) == 1


def test_a_strangers_words_move_nothing(environ: dict[str, str]) -> None:
    with demo(environ) as terminal:
        terminal.until(PROMPT)
        terminal.type("s\n")
        terminal.until(PROMPT)
        terminal.type("s\n")
        # What the card's own colours leave is what was in the text.
        shown = terminal.until(PROMPT)
        assert "\x1b" not in shown
        assert "Cy wrote" in shown
        assert "zxqv red <@U1> wobble" in shown


def test_a_handoff_has_letters_of_its_own(environ: dict[str, str]) -> None:
    with demo(environ) as terminal:
        for _ in range(2):
            terminal.until(PROMPT)
            terminal.type("s\n")
        card = terminal.until(PROMPT)
        assert "Needs a person" in card
        assert "There is nothing to approve here yet: e writes the reply, r closes it" in card
        terminal.type("a\n")
        assert "nothing to approve" in terminal.until(PROMPT)
        terminal.type("x\n")
        assert "Possible here: e writes the reply" in terminal.until(PROMPT)
        terminal.type("r\n")
        terminal.until(r"Why\? \[1-7")
        terminal.type("9\n")
        assert "A number from 1 to 7" in terminal.until(r"Why\? \[1-7")
        terminal.type("5\n")
        terminal.until("In words")
        terminal.type("just noise\n")
        end = terminal.until("Replies: ")
        assert "Rejected" in end
        assert "not a request" in end
        assert terminal.ended() == 0


def test_a_killed_demo_goes_on_where_it_was(environ: dict[str, str]) -> None:
    with demo(environ) as terminal:
        terminal.until(PROMPT)
        terminal.type("a\n")
        terminal.until(PROMPT)
        terminal.kill()
    with demo(environ) as terminal:
        card = terminal.until(PROMPT)
        assert "1 of 3" not in card
        assert "2 of 3" in card
        assert "Bo wrote" in card
        terminal.type("r\n")
        terminal.until(r"Why\?")
        terminal.type("2\n")
        terminal.until("In words")
        terminal.type("\n")
        terminal.until("Draft again")
        terminal.type("n\n")
        assert "3 of 3" in terminal.until(PROMPT)
        terminal.type("q\n")
        end = terminal.until("Replies: ")
        assert "rejected 1" in end
        assert "waiting 1" in end
        assert terminal.ended() == 0
    assert len(mails(environ)) == 1


@pytest.mark.parametrize("key", ["\x04", "\x03"])
def test_the_end_of_input_and_ctrl_c_end_well(environ: dict[str, str], key: str) -> None:
    with demo(environ) as terminal:
        terminal.until(PROMPT)
        terminal.type(key)
        assert "This session: approved 0" in terminal.until("Replies: ")
        assert terminal.ended() == 0


def test_an_editor_that_fails_changes_nothing(environ: dict[str, str]) -> None:
    environ["EDITOR"] = "false"
    with demo(environ) as terminal:
        terminal.until(PROMPT)
        terminal.type("e\n")
        assert "false ended with 1. Nothing is changed." in terminal.until(PROMPT)
        terminal.type("a\n")
        terminal.until(r"\.eml")


def test_without_an_editor_a_reply_is_typed(environ: dict[str, str]) -> None:
    environ["PATH"] = environ["EDITOR"] = ""
    with demo(environ) as terminal:
        terminal.until(PROMPT)
        terminal.type("e\n")
        terminal.until("A line with only a dot ends it")
        terminal.type("First line.\nSecond line.\n.\n")
        terminal.until(r"\.eml")
        terminal.until(PROMPT)
    assert mails(environ)[0].get_content().splitlines()[:2] == ["First line.", "Second line."]


def test_without_a_terminal_it_shows_the_first_card(environ: dict[str, str]) -> None:
    """REDIS_URL says nothing to the demo."""
    said = subprocess.run(
        [sys.executable, "-m", "bot", "demo"],
        input=b"a\na\n",
        capture_output=True,
        env={**environ, "REDIS_URL": "nonsense", "COLUMNS": "90"},
        cwd=ROOT,
        check=False,
    )
    text = said.stdout.decode()
    assert said.returncode == 0, said.stderr
    assert "1 of 36" in text
    assert "2 of 36" not in text
    assert "[a]pprove [e]dit [r]eject [s]kip [q]uit" in text
    assert said.stderr == b""
    assert mails(environ) == []


def test_a_customer_without_a_name_is_nobody_else(environ: dict[str, str], tmp_path: Path) -> None:
    ticket = {"id": "1", "body": QUESTION}
    (tmp_path / "tickets.jsonl").write_text(json.dumps(ticket))
    with demo(environ) as terminal:
        card = terminal.until(PROMPT)
        assert "The customer wrote" in card
        assert "You" not in card.partition("Draft reply")[0]
        assert "Hello," in card
        terminal.type("a\n")
        terminal.until(r"\.eml")
        terminal.until("Replies: ")
    assert [str(mail["To"]) for mail in mails(environ)] == ["customer@deskhand.invalid"]


def test_in_a_narrow_window_nothing_of_a_card_is_missing(environ: dict[str, str]) -> None:
    with demo({**environ, "COLUMNS": "20"}) as terminal:
        card = "".join(terminal.until(PROMPT).split())
    assert str(Path(environ["DESKHAND_DATA"]) / "demo" / "outbox") in card
    assert "prioritynormal" in card
    assert "…" not in card.partition("Labels")[0]


def test_bad_tickets_are_named_by_their_lines(environ: dict[str, str], tmp_path: Path) -> None:
    lines = ['{"id": "1"}', "nope", '{"id": "2", "body": "x"}', '{"id": "3", "body": "\\ud800"}']
    lines += ['{"id": "4", "body": "a", "body": "b"}', '{"id": "5", "body": "x", "author": "Ada"}']
    (tmp_path / "tickets.jsonl").write_text("\n".join(lines))
    said = subprocess.run(
        [sys.executable, "-m", "bot", "demo", "--tickets", str(tmp_path / "tickets.jsonl")],
        capture_output=True,
        env=environ,
        cwd=ROOT,
        check=False,
    )
    assert said.returncode == 2
    lines = said.stderr.decode().splitlines()
    assert [line.split("tickets.jsonl")[1] for line in lines] == [
        ":1: body: is missing",
        ":2: is not strict JSON; write one JSON object a line",
        ":4: holds half a character; write one JSON object a line",
        ":5: is not strict JSON; write one JSON object a line",
        ":6: author: must be an object",
    ]
