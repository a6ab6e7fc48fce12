"""``deskhand screen``: a line in, a line out, and nothing else happens."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from bot.cli import run
from tests.cli.test_cli import CONFIG

Captured = pytest.CaptureFixture[str]
POLICY = "rules: [{id: rivals, rule: No rivals., words: [Globex]}]"


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "kb").mkdir()
    (tmp_path / "policy.yaml").write_text(POLICY)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def rows(path: Path, lines: list[object], capsys: Captured) -> tuple[int, list[dict[str, object]]]:
    file = path / "drafts.jsonl"
    file.write_text("".join((x if isinstance(x, str) else json.dumps(x)) + "\n" for x in lines))
    code = run(["screen", str(file)])
    return code, [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def test_each_draft_gets_its_hits_by_name_and_place(desk: Path, capsys: Captured) -> None:
    (desk / "deskhand.yaml").write_text(
        CONFIG + "screen: {policy: policy.yaml, allowed_domains: [acme.example],"
        " own_contacts: ['+1 212 555 0100']}\n"
    )
    drafts = [
        {"draft": "é 4111 1111 1111 1111", "ticket": "x"},
        {"draft": "Ask bo@globex.example", "ticket": {"body": "I am bo@globex.example"}},
        {"draft": "Ask bo@other.example or +1 212 555 0100, GLOBEX", "ticket": None},
        {"draft": "See https://docs.acme.example", "ticket": ""},
        {"draft": "We will refund you 5 EUR.", "articles": ["We will refund 5 EUR on request."]},
    ]
    code, got = rows(desk, drafts, capsys)
    assert code == 0
    assert got == [
        {"hits": [{"name": "payment_card", "start": 2, "end": 21}]},
        {"hits": [{"name": "policy:rivals", "start": 7, "end": 13}]},
        {
            "hits": [
                {"name": "other_email", "start": 4, "end": 20},
                {"name": "policy:rivals", "start": 41, "end": 47},
            ]
        },
        {"hits": []},
        {"hits": []},
    ]


def test_it_needs_no_config_file(desk: Path, capsys: Captured) -> None:
    code, got = rows(desk, [{"draft": "See https://acme.example", "ticket": ""}], capsys)
    assert code == 0
    assert got == [{"hits": [{"name": "foreign_link", "start": 4, "end": 24}]}]


def test_a_line_that_cannot_be_read_says_so_and_the_others_are_answered(
    desk: Path, capsys: Captured
) -> None:
    lines: list[object] = [
        "nope",
        {"ticket": "x"},
        {"draft": "x", "tikcet": ""},
        {"draft": "x", "articles": "y"},
        {"draft": "x"},
    ]
    code, got = rows(desk, lines, capsys)
    assert code == 1
    assert [str(row.get("error", "well"))[:7] for row in got] == [
        *("line 1:", "line 2:", "line 3:", "line 4:"),
        "well",
    ]


def test_a_fault_of_the_policy_is_told_with_its_line(desk: Path, capsys: Captured) -> None:
    (desk / "deskhand.yaml").write_text(CONFIG + "screen: {policy: policy.yaml}\n")
    (desk / "policy.yaml").write_text("rules:\n- id: a\n  rule: b\n  pattern: '(?=x)'\n")
    assert run(["screen", "missing.jsonl"]) == 2
    assert "policy.yaml:4: rules[0].pattern: is no pattern of RE2" in capsys.readouterr().err
