"""The demo's leads at a real terminal: a card, its fields, the CRM of the demo's folder."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bot.cli import run
from bot.clock import SystemClock
from bot.demo.sites import shipped_fetcher
from bot.demo.tickets import DESK
from tests.cli.terminal import PROMPT, Terminal
from tools.research.fetch.fetcher import visit_of
from tools.research.fetch.urls import NotFetched

BRACKENFOLD = "brackenfold.example"


@pytest.fixture
def environ(tmp_path: Path) -> dict[str, str]:
    """A data folder of its own, and an editor that writes the size and not the technologies."""
    editor = tmp_path / "editor"
    editor.write_text(
        "#!/bin/sh\nsed -i -e 's/^\\[ \\] size: .*/[x] size: 70/' "
        "-e 's/^\\[x\\] technologies/[ ] technologies/' \"$1\"\n"
    )
    editor.chmod(0o755)
    return {
        "DESKHAND_DATA": str(tmp_path / "data"),
        "EDITOR": str(editor),
        "PATH": os.environ["PATH"],
        "HOME": str(tmp_path),
    }


def demo(environ: dict[str, str]) -> Terminal:
    return Terminal(["demo", "--no-browser"], environ)


@pytest.fixture
def shown(
    environ: dict[str, str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., Any]:
    """What `deskhand crm show` says of a record."""
    monkeypatch.setenv("DESKHAND_DATA", environ["DESKHAND_DATA"])

    def said(*which: str) -> Any:
        assert run(["crm", "show", *which, "--json"]) == 0
        return json.loads(capsys.readouterr().out)

    return said


def folded(text: str) -> str:
    return re.sub(r"[│\s]+", " ", text)


def test_a_lead_is_looked_up_offline_chosen_and_written(
    environ: dict[str, str], shown: Callable[..., Any]
) -> None:
    with demo(environ) as terminal:
        first = terminal.until(PROMPT)
        assert "1 of 36" in first
        assert "After the tickets come 2 leads for the CRM; l and Enter shows one now." in first
        terminal.type("l\n")
        card = folded(terminal.until(PROMPT))
        assert "lead 1 of 2" in card
        assert "[x] Location Thistlemere “We are headquartered in Thistlemere" in card
        assert f"https://{BRACKENFOLD}/about" in card
        assert "[ ] Size 64 would overwrite 40" in card
        assert f"Not read: https://{BRACKENFOLD}/team (refused: robots)" in card
        assert "Labels" not in card
        assert "Screen:" not in card
        terminal.type("e\n")
        done = terminal.until(PROMPT)
        assert "update_crm: done: crm:1:" in done
        crm = Path(environ["DESKHAND_DATA"]) / "demo" / "crm.sqlite"
        assert f"Written into {crm}" in done
        command = re.search(r"deskhand crm show (\S+) (--demo)", done)
        assert command is not None
        # Back at the ticket that was left.
        assert "1 of 36" in done
        terminal.type("q\n")
        end = terminal.until("Replies: ")
        assert "This session: approved 0, edited 0, rejected 0, skipped 0, handoffs 0" in end
        assert "Leads: approved 0, edited 1, rejected 0, skipped 0, handoffs 0, waiting 1" in end
        assert terminal.ended() == 0
    record = shown(*command.groups())
    # It labels and routes nothing, so no playbook can be scored on it.
    assert run(["eval", "--from-journal", "--demo"]) == 2
    assert record["fields"]["size"] == "70"
    assert record["fields"]["location"] == "Thistlemere"
    assert "technologies" not in record["fields"]
    size = [one for one in record["history"] if one["field"] == "size"]
    assert [(one["old"], one["new"], one["approved_by"]) for one in size] == [
        (None, "40", None),
        ("40", "70", "you"),
    ]


def test_a_killed_demo_goes_on_with_the_lead_that_waits(
    environ: dict[str, str], shown: Callable[..., Any]
) -> None:
    environ["EDITOR"] = environ["PATH"] = ""
    with demo(environ) as terminal:
        terminal.until(PROMPT)
        terminal.type("l\n")
        terminal.until(PROMPT)
        terminal.type("a\n")
        terminal.until("deskhand crm show")
        terminal.until(PROMPT)
        terminal.type("l\n")
        assert "lead 2 of 2" in terminal.until(PROMPT)
        terminal.kill()
    written = shown(BRACKENFOLD, "--demo")
    assert written["fields"]["size"] == "40"
    with demo(environ) as terminal:
        assert "After the tickets comes a lead for the CRM" in terminal.until(PROMPT)
        terminal.type("l\n")
        assert "Marisol Fennimore" in terminal.until(PROMPT)
        terminal.type("e\n")
        terminal.until("Which fields")
        terminal.type("none\n")
        terminal.until("Their numbers, with spaces between them")
        terminal.until("Which fields")
        terminal.type("7 9\n")
        assert "update_crm: done: crm:3: person, phone" in terminal.until(PROMPT)
        terminal.type("l\n")
        assert "Possible here: a approves" in terminal.until(PROMPT)
        terminal.type("q\n")
        assert "waiting 0" in terminal.until("Replies: ").partition("Leads:")[2]
        assert terminal.ended() == 0
    person = shown("marisol.fennimore@tilthwright.example", "--demo")
    assert person["fields"] == {"person": "Marisol Fennimore", "phone": "+1 212 555 0147"}
    assert shown(BRACKENFOLD, "--demo") == written


async def test_the_shipped_pages_stand_behind_the_guard() -> None:
    fetcher = shipped_fetcher(DESK / "sites", SystemClock())
    visit = visit_of(BRACKENFOLD)
    page = await fetcher.fetch(visit, f"www.{BRACKENFOLD}")
    assert f"https://www.{BRACKENFOLD}/about" in page.links
    for url, said in (
        (f"https://{BRACKENFOLD}/team", "refused: robots"),
        (f"https://{BRACKENFOLD}/../crm.csv", "refused: status"),
        (f"https://{BRACKENFOLD}/about.html", "refused: status"),
        ("https://tilthwright.example/", "refused: off_host"),
        ("http://127.0.0.1/", "refused: private_address"),
    ):
        with pytest.raises(NotFetched) as missed:
            await fetcher.fetch(visit, url)
        assert missed.value.said == said
    with pytest.raises(NotFetched, match="no such host"):
        await fetcher.fetch(visit_of("elsewhere.example"), "elsewhere.example")
