"""``deskhand triage``: a line in, a line out, and nothing done."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from bot.demo.tickets import DESK
from tests.cli.terminal import ROOT

KEYS = {
    *("id", "outcome", "labels", "priority", "route", "reply", "citations", "actions"),
    *("confidence", "model", "cost_usd", "reason"),
}
PASSWORD = {"id": "1", "subject": "Password", "body": "How do I set a new password?"}


@pytest.fixture
def environ(tmp_path: Path) -> dict[str, str]:
    return {
        "DESKHAND_DATA": str(tmp_path / "data"),
        "DESKHAND_CONFIG": "",
        "PATH": os.environ["PATH"],
        "PYTHONPATH": str(ROOT),
    }


def triage(
    environ: dict[str, str], folder: Path, text: bytes, *arguments: str
) -> tuple[int, list[dict[str, Any]], str]:
    said = subprocess.run(
        [sys.executable, "-m", "bot", "triage", *arguments],
        input=text,
        capture_output=True,
        env=environ,
        cwd=folder,
        check=False,
    )
    rows = [json.loads(line) for line in said.stdout.decode().splitlines()]
    return said.returncode, rows, said.stderr.decode()


def test_the_sample_desk_needs_no_config(environ: dict[str, str], tmp_path: Path) -> None:
    text = (DESK / "tickets.jsonl").read_bytes()
    code, rows, stderr = triage(environ, tmp_path, text)
    assert code == 0
    assert [row["id"] for row in rows] == [
        json.loads(line)["id"] for line in text.splitlines() if line
    ]
    assert all(set(row) == KEYS for row in rows)
    proposals = [row for row in rows if row["outcome"] == "proposal"]
    replies = [row for row in proposals if row["reply"]]
    assert replies
    for row in replies:
        assert row["actions"][0]["tool"] == "send_reply"
        assert row["actions"][0]["args"] == {"text": row["reply"]}
        assert row["confidence"] in ("low", "medium", "high")
        assert row["citations"]
        assert row["cost_usd"] == 0
    assert "36 tickets" in stderr.splitlines()[-1]
    assert not (tmp_path / "data" / "demo" / "outbox").exists()
    assert not list(tmp_path.rglob("valkey.sock"))


def test_malformed_lines_are_answered_in_their_place(
    environ: dict[str, str], tmp_path: Path
) -> None:
    good = json.dumps(PASSWORD).encode()
    lines = [
        good,
        b"not json",
        b"",
        b'{"id": "x", "id": "y", "body": "twice"}',
        b'{"id": "no-body"}',
        b'{"id": "\xff", "body": "latin"}',
        b"[1]",
        b'{"id": "deep", "body": ' + b"[" * 100 + b"]" * 100 + b"}",
        b'{"id": "null", "body": "   "}',
        b'{"id": "long", "body": "' + b"x" * (1024 * 1024) + b'"}',
        json.dumps({"id": 7, "body": "a number is its own text", "thread": ["earlier"]}).encode(),
    ]
    code, rows, _ = triage(environ, tmp_path, b"\n".join(lines))
    assert code == 1
    assert len(rows) == len(lines)
    wrong = [row for row in rows if row["outcome"] == "error"]
    assert [row["line"] for row in wrong] == [2, 3, 4, 5, 6, 7, 8, 9, 10]
    assert all(row["reason"].startswith(f"line {row['line']}: ") for row in wrong)
    assert rows[4]["id"] == "no-body"
    assert rows[4]["reason"] == "line 5: body: is missing"
    assert rows[10]["id"] == "7"


def test_a_config_of_ones_own_is_used(environ: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "kb").mkdir()
    (tmp_path / "kb" / "invoices.md").write_text(
        "# Invoices\n\nYou find every invoice under Settings, Billing, Invoices.\n"
    )
    (tmp_path / "deskhand.yaml").write_text(
        """
knowledge: {paths: [./kb]}
playbooks:
  first: {labels: {money: "Invoices and payments"}, routes: {default: {}}}
  second: {labels: {other: "Everything"}, routes: {default: {}}}
webhooks: {desk: {secret_env: NOT_SET}}
"""
    )
    text = b'{"id": "1", "body": "Where do I find my invoice?"}'
    code, rows, _ = triage(environ, tmp_path, text)
    assert (code, rows[0]["labels"], rows[0]["route"]) == (0, ["money"], "default")
    code, rows, _ = triage(environ, tmp_path, text, "--playbook", "second")
    assert rows[0]["labels"] == ["other"]
    code, _, stderr = triage(environ, tmp_path, text, "--playbook", "third")
    assert code == 2
    assert "'third' is no triage playbook of deskhand.yaml: first, second" in stderr


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (["nowhere.jsonl"], "nowhere.jsonl: cannot be read"),
        (["--config", "nowhere.yaml"], "nowhere.yaml: there is no such file"),
        (["--model", "anthropic"], "ANTHROPIC_API_KEY: not set"),
        (["--model", "gpt"], "deskhand: Invalid value for '--model'"),
    ],
)
def test_what_cannot_be_begun_is_2(
    environ: dict[str, str], tmp_path: Path, arguments: list[str], line: str
) -> None:
    code, rows, stderr = triage(environ, tmp_path, b"", *arguments)
    assert (code, rows) == (2, [])
    assert stderr.startswith(line)
    assert stderr.count("\n") == 1


def test_nothing_in_is_nothing_out(environ: dict[str, str], tmp_path: Path) -> None:
    code, rows, stderr = triage(environ, tmp_path, b"", "-")
    assert (code, rows) == (0, [])
    assert stderr.startswith("0 tickets")


def test_an_answer_comes_before_the_input_ends(environ: dict[str, str], tmp_path: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-m", "bot", "triage"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env=environ,
        cwd=tmp_path,
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        for number in ("1", "2"):
            line = json.dumps({**PASSWORD, "id": number}).encode() + b"\n"
            process.stdin.write(line)
            process.stdin.flush()
            assert json.loads(process.stdout.readline())["id"] == number
        process.stdin.close()
        assert process.wait() == 0
