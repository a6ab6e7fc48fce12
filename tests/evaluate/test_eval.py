"""``deskhand eval FILE`` as a person runs it: figures, files, and what it refuses."""

from __future__ import annotations

import asyncio
import json
import stat
import sys
from pathlib import Path

import pytest

from bot.demo.tickets import DESK
from tests.cli.terminal import ROOT
from tests.evaluate.commands import deskhand, lines, refused
from tests.evaluate.test_scoring import KEYS
from tests.standins.anthropic import anthropic_standin, choosing

TICKET = {"id": "1", "body": "Where do I find my invoice?"}


def sockets(folder: Path) -> list[Path]:
    """Of servers that were started in it."""
    return list(folder.rglob("valkey.sock"))


async def test_the_sample_desk_is_scored_without_a_config_or_a_server(tmp_path: Path) -> None:
    gold = DESK / "gold.jsonl"
    said = await deskhand(tmp_path, "eval", str(gold), "--json", "--limit", "12")
    assert said.code == 0, said.stderr
    assert set(said.data) == KEYS
    assert (said.data["cases"], said.data["errors"], said.data["cost_usd"]) == (12, 0, 0)
    assert said.data["label"]["accuracy"] > 0.7
    assert said.data["retrieval"]["recall"] > 0.5
    assert said.data["latency_s"]["p50"] > 0
    report = tmp_path / "data" / "eval"
    assert json.loads((report / "eval.json").read_text()) == said.data
    page = (report / "eval.html").read_text()
    assert page.count("<svg") >= 4
    assert "http" not in page.replace("http-equiv", "")
    assert stat.S_IMODE((report / "eval.html").stat().st_mode) == 0o600
    assert "eval (local model): 12 of 12" in said.stderr
    assert sockets(tmp_path) == []


async def test_a_person_reads_a_table(tmp_path: Path) -> None:
    file = lines(tmp_path / "f.jsonl", {"ticket": TICKET, "labels": ["billing"], "route": "nope"})
    said = await deskhand(tmp_path, "eval", str(file), "--model", "local", "--out", "here")
    assert said.code == 0, said.stderr
    assert "labels right" in said.stdout
    assert "confidence high" in said.stdout
    assert "does not have these routes, so they count as wrong: nope" in said.stderr
    assert (tmp_path / "here" / "eval.html").exists()


async def test_one_model_by_name_over_the_messages_api(tmp_path: Path) -> None:
    rows = [{"ticket": {**TICKET, "id": str(n)}, "labels": ["billing"]} for n in range(4)]
    file = lines(tmp_path / "f.jsonl", *rows)
    fill = choosing(route="billing", labels=["billing"])
    async with anthropic_standin(fill=fill, research_steps=1) as api:
        said = await deskhand(
            *(tmp_path, "eval", str(file), "--model", "claude-haiku-5-5", "--json"),
            environment=api.environment,
        )
        called = {request.model for request in api.requests}
    assert said.code == 0, said.stderr
    assert called == {"claude-haiku-5-5"}
    assert said.data["cost_usd"] > 0
    assert said.data["label"] == {"accuracy": 1.0, "confusion": {"billing": {"billing": 4}}}


async def test_nothing_is_called_for_a_bad_line_or_an_unknown_price(tmp_path: Path) -> None:
    bad = lines(tmp_path / "bad.jsonl", {"ticket": TICKET}, b"{", {"ticket": TICKET})
    good = lines(tmp_path / "good.jsonl", {"ticket": TICKET})
    async with anthropic_standin() as api:
        wrong = await deskhand(tmp_path, "eval", str(bad), environment=api.environment)
        dear = await deskhand(
            tmp_path, "eval", str(good), "--model", "gpt-99", environment=api.environment
        )
        assert list(api.requests) == []
    assert (wrong.code, wrong.stdout, wrong.stderr.count("\n")) == (2, "", 1)
    assert wrong.stderr.startswith(f"{bad}:2: ")
    assert (dear.code, dear.stdout, dear.stderr.count("\n")) == (2, "", 1)
    assert "nobody knows what 'gpt-99' costs" in dear.stderr


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (["nowhere.jsonl"], "nowhere.jsonl: cannot be read (No such file"),
        (["."], ".: cannot be read (Is a directory)"),
        (["empty.jsonl"], "empty.jsonl: holds no ticket"),
        ([], "eval: name a file of labelled tickets"),
        (["good.jsonl", "--playbook", "sales"], "--playbook: 'sales' is no triage playbook"),
        (["good.jsonl", "--model", "claude-haiku-5-5"], "ANTHROPIC_API_KEY: not set"),
        (["good.jsonl", "--since", "7d"], "--since: goes with --from-journal"),
        (["good.jsonl", "--limit", "0"], "deskhand: Invalid value for '--limit'"),
        (["good.jsonl", "--out", "good.jsonl"], "--out: good.jsonl cannot be made"),
        (["good.jsonl", "--from-journal"], "--from-journal makes a file"),
        (["--from-journal", "--since", "soon"], "--since: 'soon' is no length of time"),
        (["--from-journal", "--since", "0d"], "--since: '0d' is no length of time"),
    ],
)
def test_what_cannot_be_begun_is_2(
    at_home: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], line: str
) -> None:
    lines(at_home / "good.jsonl", {"ticket": TICKET})
    (at_home / "empty.jsonl").write_text("\n")
    assert refused(["eval", *arguments], capsys).startswith(line)


async def test_nothing_else_pays_for_importing_pydantic_evals(tmp_path: Path) -> None:
    looked = "import sys, bot.cli, bot.app; print(any('pydantic_evals' in m for m in sys.modules))"
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", looked), cwd=ROOT, stdout=asyncio.subprocess.PIPE
    )
    stdout, _ = await process.communicate()
    assert stdout == b"False\n"
