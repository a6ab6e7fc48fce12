"""``deskhand research`` on real files, as a person and a program use it."""

from __future__ import annotations

import json
import threading
from pathlib import Path

import pytest

from bot.cli import run
from bot.cli.doctor import examine
from bot.settings import from_environment
from tests.config_text import SMALL
from tests.research.documents import locked_pdf, make_pdf

CONFIG = """\
playbooks:
  contracts: {kind: research, corpus: [./corpus], passages: 2}
  travel: {kind: research, corpus: [./travel/rules.md]}
"""
CLAUSE = "Either party may end this agreement upon ninety days' written notice to the other."
Captured = pytest.CaptureFixture[str]


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "corpus" / "acme").mkdir(parents=True)
    (tmp_path / "travel").mkdir()
    make_pdf(
        tmp_path / "corpus" / "acme" / "supply.pdf",
        [["Scope", "What is supplied stands in the annex."], ["Ending", CLAUSE]],
    )
    for number in range(3):
        (tmp_path / "corpus" / f"note{number}.md").write_text(
            f"# Meeting {number}\n\nThe written notice of the meeting was late.\n"
        )
    (tmp_path / "travel" / "rules.md").write_text("# Travel\n\nHotels up to 150 euros.\n")
    (tmp_path / "deskhand.yaml").write_text(CONFIG)
    monkeypatch.setenv("DESKHAND_DATA", str(tmp_path / "data"))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def asked(capsys: Captured, *arguments: str) -> dict[str, object]:
    assert run(["research", *arguments, "--json"]) == 0
    return json.loads(capsys.readouterr().out)


def test_an_answer_for_a_program(desk: Path, capsys: Captured) -> None:
    answer = asked(capsys, "How many days of written notice end the agreement?")
    assert answer.keys() == {"passages", "model", "cost_usd", "not_read"}
    assert (answer["model"], answer["cost_usd"], answer["not_read"]) == ("local", 0.0, [])
    best, *others = answer["passages"]
    assert best.keys() == {"file", "page", "quote", "why", "score"}
    assert (best["file"], best["page"]) == ("acme/supply.pdf", 2)
    assert CLAUSE in best["quote"]
    assert [each["file"] for each in others] == ["note0.md"]
    assert others[0]["page"] is None
    assert len(asked(capsys, "written notice", "-n", "4")["passages"]) == 4


def test_an_answer_for_a_person(desk: Path, capsys: Captured) -> None:
    locked_pdf(desk / "corpus" / "secret.pdf")
    assert run(["research", "end the agreement", "-n", "1"]) == 0
    said = capsys.readouterr()
    assert said.out.startswith("1. acme/supply.pdf, page 2  (")
    assert CLAUSE in said.out
    assert "holds all 2 words of the question: end, agreement" in said.out
    assert said.err == "not read: secret.pdf: is encrypted; save it without a password\n"
    assert run(["research", "melting point of tungsten"]) == 0
    assert capsys.readouterr().out == "nothing found\n"


def test_a_changed_and_a_deleted_file_are_in_the_next_answer(desk: Path, capsys: Captured) -> None:
    asked(capsys, "written notice")
    (desk / "corpus" / "new.md").write_text("# Liability\n\nLiability has no limit at all.\n")
    answer = asked(capsys, "limit of liability")
    assert [each["file"] for each in answer["passages"]] == ["new.md"]
    (desk / "corpus" / "new.md").unlink()
    assert asked(capsys, "limit of liability")["passages"] == []


def test_each_playbook_has_its_own_corpus(desk: Path, capsys: Captured) -> None:
    assert asked(capsys, "hotels")["passages"] == []
    (best,) = asked(capsys, "hotels", "--playbook", "travel")["passages"]
    assert best["file"] == "rules.md"


def test_the_index_alone(desk: Path, capsys: Captured) -> None:
    locked_pdf(desk / "corpus" / "secret.pdf")
    assert asked(capsys, "--index") == {
        "articles": 4,
        "read": 5,
        "removed": 0,
        "not_read": [{"file": "secret.pdf", "why": "is encrypted; save it without a password"}],
    }
    # What could not be read is tried again: it may be the machine's fault, not the file's.
    assert asked(capsys, "--index")["read"] == 1
    assert run(["research", "--index"]) == 0
    assert capsys.readouterr().out.startswith("4 articles, 1 files read, 0 removed\nnot read: ")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([], "ask a QUESTION, or use --index"),
        (["x", "--index"], "ask a QUESTION, or use --index"),
        (["  "], "1 to 10,000 characters"),
        (["x" * 10_001], "1 to 10,000 characters"),
        (["x", "-n", "0"], "-n"),
        (["x", "-n", "21"], "-n"),
        (
            ["x", "--playbook", "nobody"],
            "'nobody' is no playbook of kind research; deskhand.yaml has ",
        ),
    ],
)
def test_a_usage_fault_is_one_line_and_2(
    desk: Path, capsys: Captured, arguments: list[str], words: str
) -> None:
    assert run(["research", *arguments]) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.count("\n") == 1
    assert words in said.err


def test_a_data_folder_that_cannot_be_written_is_named(
    desk: Path, capsys: Captured, monkeypatch: pytest.MonkeyPatch
) -> None:
    (desk / "taken").write_text("a file")
    monkeypatch.setenv("DESKHAND_DATA", str(desk / "taken"))
    assert run(["research", "notice"]) == 2
    assert "DESKHAND_DATA: the index cannot be written" in capsys.readouterr().err


def test_many_ask_at_once(desk: Path) -> None:
    codes: list[int] = []
    threads = [
        threading.Thread(target=lambda: codes.append(run(["research", "notice", "--json"])))
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert codes == [0] * 4


async def test_the_doctor_names_what_is_not_read(desk: Path) -> None:
    locked_pdf(desk / "corpus" / "secret.pdf")
    settings = from_environment(
        {"DESKHAND_CONFIG": str(desk / "deskhand.yaml"), "DESKHAND_DATA": str(desk / "data")}
    )
    checks = {check.name: check for check in await examine(settings, offline=True)}
    check = checks["corpus contracts"]
    assert check.said == "4 articles, 1 files not read"
    assert [finding.line for finding in check.findings] == [
        f"{desk}/corpus/secret.pdf: not read: is encrypted; save it without a password;"
        " mend it, or take it out"
    ]
    assert checks["corpus travel"].well


def test_a_file_without_such_a_playbook_says_how_to_make_one(desk: Path, capsys: Captured) -> None:
    (desk / "deskhand.yaml").write_text(SMALL)
    assert run(["research", "written notice"]) == 2
    said = capsys.readouterr().err
    assert said.startswith("deskhand.yaml: there is no playbook of kind research; add one")
    assert said.count("\n") == 1
