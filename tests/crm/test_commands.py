"""``deskhand crm``: as a process of its own, beside others that write."""

from __future__ import annotations

import contextlib
import json
import sqlite3
from pathlib import Path

import pytest

from bot.cli import run

CSV = """domain,name,industry,email
acme.example,Acme,Rockets,
https://www.Globex.example/,Globex,,
,Nobody,,
not a domain,Odd,,
,Dana,,dana@acme.example
"""


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("REDIS_URL", "DESKHAND_CONFIG"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("DESKHAND_DATA", str(tmp_path / "data"))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_import_list_and_show(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["crm", "list", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == []
    (home / "in.csv").write_text(CSV)
    assert run(["crm", "import", "in.csv", "--json"]) == 1
    done = json.loads(capsys.readouterr().out)
    assert {key: done[key] for key in ("created", "updated", "unchanged")} == {
        "created": 3,
        "updated": 0,
        "unchanged": 0,
    }
    assert [error["line"] for error in done["errors"]] == [4, 5]
    assert run(["crm", "list", "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)
    assert [(row["id"], row["kind"], row["domain"], row["email"]) for row in rows] == [
        (1, "company", "acme.example", None),
        (2, "company", "globex.example", None),
        (3, "person", None, "dana@acme.example"),
    ]
    assert rows[0]["fields"] == {"name": "Acme", "industry": "Rockets"}
    assert set(rows[0]) == {"id", "kind", "domain", "email", "fields", "updated_at", "proposal"}
    (home / "more.jsonl").write_text(
        '{"domain": "acme.example", "name": "", "size": 50}\n'
        '{"domain": "globex.example", "name": "Globex"}\n[1]\n{"domain": "x.example", "a": {}}\n'
    )
    assert run(["crm", "import", "more.jsonl", "--json"]) == 1
    done = json.loads(capsys.readouterr().out)
    assert (done["created"], done["updated"], done["unchanged"]) == (0, 1, 1)
    assert [error["line"] for error in done["errors"]] == [3, 4]
    for which in ("1", "acme.example", "https://acme.example"):
        assert run(["crm", "show", which, "--json"]) == 0
        shown = json.loads(capsys.readouterr().out)
        assert shown["fields"] == {"name": "Acme", "industry": "Rockets", "size": "50"}
        assert [(one["field"], one["old"], one["new"]) for one in shown["history"]] == [
            ("name", None, "Acme"),
            ("industry", None, "Rockets"),
            ("size", None, "50"),
        ]
        assert set(shown["history"][0]) == {"at", "field", "old", "new", "proposal", "approved_by"}
    assert run(["crm", "show", "dana@acme.example"]) == 0
    assert "name: Dana" in capsys.readouterr().out
    for which in ("9", "unknown.example", "???"):
        assert run(["crm", "show", which]) == 1
    assert run(["crm", "list"]) == 0
    assert "globex.example" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("in.csv", ""),
        ("in.csv", "domain,domain\n"),
        ("in.csv", "domain,\n"),
        ("in.txt", "x"),
        ("no.csv", None),
    ],
)
def test_files_that_are_no_rows(home: Path, name: str, text: str | None) -> None:
    if text is not None:
        (home / name).write_text(text)
    assert run(["crm", "import", name]) == 2


CONFIG = """
playbooks:
  support:
    labels: {billing: Invoices}
    routes: {default: {card: {slack: C0T}, approvers: {slack_users: [U0A, U0B]}}}
"""


def test_where_the_file_lies(
    home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (home / "in.csv").write_text("web,name\nacme.example,Acme\n")
    config = home / "deskhand.yaml"
    config.write_text(CONFIG + "crm: {kind: sqlite, path: sub/c.sqlite, map: {domain: web}}\n")
    assert run(["crm", "import", "in.csv"]) == 0
    assert (home / "sub/c.sqlite").is_file()
    config.write_text(CONFIG)
    monkeypatch.setenv("REDIS_URL", "redis://127.0.0.1:1")
    assert run(["crm", "list"]) == 2
    assert "crm.path" in capsys.readouterr().err
    config.write_text(CONFIG + "crm: {kind: hubspot}\n")
    assert run(["crm", "list"]) == 2
    assert "hubspot" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("name", "text", "wrong"),
    [
        ("a.csv", 'domain,name\na.example,"A"x\nb.example,B\nc.example,"open\n', [2, 4]),
        ("a.csv", f"domain,name\na.example,{'x' * 140_000}\nb.example,B\n", [2]),
        ("a.jsonl", '{"domain": "a.example", "size": 1e999}\n{"domain": "b.example"}\n', [1]),
        ("a.jsonl", '{"domain": "a.example", "size": NaN}\n{"domain": "b.example"}\n', [1]),
        ("a.jsonl", '{"domain": "a.example", "Domain": "x"}\n{"domain": "b.example"}\n', [1]),
        ("a.jsonl", '{"domain": "\\ud800"}\n{"domain": "b.example"}\n', [1]),
        ("a.jsonl", "[" * 100_000 + '\n{"domain": "b.example"}\n', [1]),
    ],
)
def test_a_row_of_rubbish_is_named_and_the_others_are_taken_in(
    home: Path, capsys: pytest.CaptureFixture[str], name: str, text: str, wrong: list[int]
) -> None:
    (home / name).write_text(text)
    assert run(["crm", "import", name, "--json"]) == 1
    done = json.loads(capsys.readouterr().out)
    assert [error["line"] for error in done["errors"]] == wrong
    assert done["created"] == 1
    assert run(["crm", "show", "b.example"]) == 0


def test_the_database_of_something_else_is_left_alone(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    other = home / "data" / "crm.sqlite"
    other.parent.mkdir()
    with contextlib.closing(sqlite3.connect(other)) as connection:
        connection.execute("CREATE TABLE theirs (a)")
        connection.commit()
    before = other.read_bytes()
    (home / "in.csv").write_text(CSV)
    for command in (["list"], ["show", "1"], ["import", "in.csv"]):
        assert run(["crm", *command]) == 2
        assert "is not a CRM file" in capsys.readouterr().err
    assert other.read_bytes() == before


def test_a_path_that_no_file_can_have(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = "x" * 300
    (home / "deskhand.yaml").write_text(CONFIG + f"crm: {{kind: sqlite, path: {path}}}\n")
    assert run(["crm", "list"]) == 2
    assert "cannot be used" in capsys.readouterr().err
