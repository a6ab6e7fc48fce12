"""The commands as a person or a program runs them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from bot.cli import _told, run
from bot.domain import Place
from bot.tracing import message_of
from handlers.teams_surface import message_link

ROOT = Path(__file__).parent.parent.parent
CONFIG = """\
managers: {slack_users: [U0MANAGER]}
knowledge: {paths: [./kb]}
playbooks:
  support:
    listen: [{slack: C0SUPPORT}, {webhook: desk}]
    labels: {billing: "Money", bug: "Broken"}
    routes: {default: {card: {slack: C0TRIAGE}, approvers: {slack_users: [U0A, U0B]}}}
webhooks: {desk: {secret_env: DESK_SECRET, reply_url: "https://desk.example/replies"}}
"""
COMMANDS = (
    *("demo", "serve", "triage", "screen", "status", "queue", "trace", "erase"),
    *("journal", "tools", "config", "manifest", "doctor"),
)
FIGURES = {
    *("window", "tickets", "proposals", "handoffs", "waiting", "approved", "edited", "rejected"),
    *("expired", "superseded", "kept_share", "time_to_card_s", "time_to_decision_s", "actions"),
    *("model", "budget", "citations_struck", "rubber_stamps", "paused", "durability"),
}
WORDS = ("waiting", "oldest", "approved", "edited", "rejected", "handoff", "unknown", "cost")


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a complete config and environment, and the working folder."""
    (tmp_path / "kb").mkdir()
    (tmp_path / "kb" / "refunds.md").write_text("# Refunds\n\nA refund takes 5 days.\n")
    (tmp_path / "deskhand.yaml").write_text(CONFIG)
    monkeypatch.chdir(tmp_path)
    for name, value in {
        "DESK_SECRET": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
        "SLACK_BOT_TOKEN": "xoxb-1",
        "SLACK_SIGNING_SECRET": "s",
        "ANTHROPIC_API_KEY": "k",
    }.items():
        monkeypatch.setenv(name, value)
    return tmp_path


Captured = pytest.CaptureFixture[str]


@pytest.mark.parametrize(
    "arguments",
    [["frobnicate"], ["status", "--nope"], ["trace"], ["serve", "--port", "x"], ["manifest", "x"]],
)
def test_a_usage_fault_is_one_line_and_2(arguments: list[str], capsys: Captured) -> None:
    assert run(arguments) == 2
    captured = capsys.readouterr()
    assert captured.err.count("\n") == 1
    assert captured.err.startswith("deskhand: ")
    assert "--help" in captured.err
    assert captured.out == ""


@pytest.mark.parametrize(
    ("arguments", "default"),
    [
        (["status"], "(default: DESKHAND_CONFIG, else ./deskhand.yaml)"),
        (["triage"], "(default: the first of kind triage)"),
        (["serve"], "(default: PORT,"),
        (["manifest", "slack"], "(default: print)"),
        (["demo"], "(default: a sample desk's)"),
    ],
)
def test_help_says_what_is_taken_where_nothing_is_given(
    arguments: list[str], default: str, capsys: Captured
) -> None:
    """What stands in square brackets is markup to rich, which leaves it out."""
    assert run([*arguments, "--help"]) == 0
    frame = str.maketrans(dict.fromkeys("│╭╮╰╯─", " "))
    assert default in " ".join(capsys.readouterr().out.translate(frame).split())


def test_help_names_every_command(capsys: Captured) -> None:
    assert run(["-h"]) == 0
    short = capsys.readouterr().out
    assert run(["--help"]) == 0
    text = capsys.readouterr().out
    assert short == text
    for command in [
        "demo",
        "serve",
        "triage",
        "status",
        "queue",
        "trace",
        "journal",
        "tools",
        "config",
        "manifest",
        "doctor",
    ]:
        assert f" {command} " in text


def test_help_is_quick() -> None:
    """No command's own libraries are imported to print what commands there are."""
    code = (
        "import sys; from bot.cli import run; run(['--help']);"
        "heavy = {'anthropic', 'redis', 'slack_sdk', 'numpy', 'aiohttp', 'docket', 'pydantic'};"
        "sys.exit(str(heavy & set(sys.modules)) if heavy & set(sys.modules) else 0)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, cwd=ROOT)


def test_python_m_bot_is_the_same() -> None:
    said = subprocess.run(
        [sys.executable, "-m", "bot", "--version"], check=True, capture_output=True, cwd=ROOT
    )
    assert said.stdout.startswith(b"deskhand ")


# --- config -----------------------------------------------------------------------------------


def test_a_complete_config_is_0(desk: Path, capsys: Captured) -> None:
    assert run(["config", "check"]) == 0
    assert capsys.readouterr().out == "deskhand.yaml: valid, nothing to mend\n"


def test_a_finding_is_1_and_names_its_remedy(desk: Path, capsys: Captured) -> None:
    (desk / "deskhand.yaml").write_text(CONFIG.replace("[U0A, U0B]", "[]"))
    assert run(["config", "check"]) == 1
    out = capsys.readouterr().out
    assert "playbooks.support.routes.default.approvers: nobody may approve" in out
    assert "name people or groups" in out
    assert out.endswith("deskhand.yaml: valid, 1 finding\n")
    assert run(["config", "check", "--json"]) == 1
    report = json.loads(capsys.readouterr().out)
    assert report["ok"] is False
    assert report["findings"][0]["where"] == "playbooks.support.routes.default.approvers"


def test_a_mistake_is_2_and_a_line(
    desk: Path, capsys: Captured, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("DESK_SECRET")
    assert run(["config", "check"]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err == (
        "deskhand.yaml:8: webhooks.desk.secret_env: the environment variable DESK_SECRET is not "
        "set; set it to the secret\n"
    )
    assert run(["config", "check", "--json"]) == 2
    assert json.loads(capsys.readouterr().out)["errors"][0].startswith("deskhand.yaml:8")


def test_a_prompt_that_no_run_could_use_is_a_mistake(desk: Path, capsys: Captured) -> None:
    mine = CONFIG.replace("    listen:", "    prompt: ./mine.md.j2\n    listen:")
    (desk / "deskhand.yaml").write_text(mine)
    (desk / "mine.md.j2").write_text(
        "---\nname: mine\n---\n{% block system %}S{% endblock %}\n"
        "{% block ticket %}{% if files %}{{ bodi }}{% endif %}{% endblock %}"
    )
    assert run(["config", "check"]) == 2
    captured = capsys.readouterr()
    assert "mine.md.j2:5: block ticket: there is no 'bodi'; did you mean 'body'?" in captured.err
    assert run(["config", "check", "--json"]) == 2
    assert "'bodi'" in json.loads(capsys.readouterr().out)["errors"][0]
    assert run(["doctor", "--offline"]) == 2
    assert "'bodi'" in capsys.readouterr().out


def test_the_config_may_be_named(desk: Path, capsys: Captured) -> None:
    (desk / "deskhand.yaml").rename(desk / "other.yaml")
    assert run(["config", "check"]) == 2
    assert "there is no such file" in capsys.readouterr().err
    assert run(["config", "check", "--config", "other.yaml"]) == 0


def test_the_schema_is_json(capsys: Captured) -> None:
    assert run(["config", "schema"]) == 0
    assert json.loads(capsys.readouterr().out)["title"] == "Deskhand's config file"


# --- serve ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("environ", "arguments", "line"),
    [
        ({"REDIS_URL": "redis://127.0.0.1:1"}, [], "DESKHAND_SECRET: not set, though REDIS_URL"),
        ({"SLACK_SIGNING_SECRET": ""}, [], "SLACK_SIGNING_SECRET: not set"),
        ({"MICROSOFT_APP_ID": "x"}, [], "MICROSOFT_APP_PASSWORD: not set"),
        ({"MICROSOFT_APP_PASSWORD": "x"}, ["--teams-emulator"], "MICROSOFT_APP_PASSWORD: set"),
        ({}, ["--teams-emulator", "--host", "192.0.2.1"], "--teams-emulator: takes any request"),
        ({"REDIS_URL": "nowhere"}, [], "REDIS_URL: must be a whole address"),
        ({"DESK_SECRET": "whsec_!!"}, [], "DESK_SECRET: cannot be used: it"),
        ({}, ["--port", "1", "--host", "192.0.2.1"], "--port: 192.0.2.1:1 cannot be listened on"),
    ],
)
def test_serve_refuses_what_is_set_in_part(
    desk: Path,
    capsys: Captured,
    monkeypatch: pytest.MonkeyPatch,
    environ: dict[str, str],
    arguments: list[str],
    line: str,
) -> None:
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    assert run(["serve", *arguments]) == 2
    assert capsys.readouterr().err.startswith(line)


@pytest.mark.parametrize("arguments", [["status"], ["queue"], ["tools", "list"]])
def test_a_config_that_is_named_must_be_there(
    arguments: list[str], desk: Path, capsys: Captured
) -> None:
    assert run([*arguments, "--config", "elsewhere.yaml"]) == 2
    captured = capsys.readouterr()
    assert captured.err.startswith("elsewhere.yaml: there is no such file; ")
    assert captured.err.count("\n") == 1
    assert captured.out == ""


def test_what_nobody_foresaw_is_one_line_too() -> None:
    try:
        int("seven")
    except ValueError as fault:
        line, code = _told(fault)
    assert code == 1
    assert line.startswith("deskhand: this should not have happened: ValueError: invalid literal")
    assert "(test_cli.py:" in line
    assert "DESKHAND_LOG=debug" in line


# --- the store --------------------------------------------------------------------------------


def test_status_has_the_pinned_shape(desk: Path, capsys: Captured) -> None:
    assert run(["status", "7d", "--json"]) == 0
    figures = json.loads(capsys.readouterr().out)
    assert set(figures) == FIGURES
    assert figures["window"] == "7d"
    assert figures["durability"] == "strict"
    assert figures["budget"]["usd_per_day"] == 20.0
    assert run(["status", "support"]) == 0
    text = capsys.readouterr().out
    for word in WORDS:
        assert f"\n{word}: " in text


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["status", "99h", "support"], "window: '99h' is none; write 24h, 7d or 30d"),
        (["status", "support", "99h"], "window: '99h' is none; write 24h, 7d or 30d"),
        (["status", "25h"], "window: '25h' is none; write 24h, 7d or 30d"),
        (["status", "24h", "7d"], "window: '7d' is one too many"),
        (["status", "support", "support"], "playbook: 'support' is one too many"),
        (["status", "suport"], "playbook: there is no 'suport'"),
        (["status", "suport", "7d"], "playbook: there is no 'suport'"),
        (["queue", "suport"], "playbook: there is no 'suport'"),
    ],
)
def test_status_names_what_it_does_not_know(
    desk: Path, capsys: Captured, arguments: list[str], said: str
) -> None:
    assert run(arguments) == 2
    err = capsys.readouterr().err
    assert said in err
    assert err.count("\n") == 1


def test_status_takes_window_and_playbook_in_either_order(desk: Path, capsys: Captured) -> None:
    for words in (["30d", "support"], ["support", "30d"]):
        assert run(["status", *words]) == 0
        assert capsys.readouterr().out.startswith("window: 30d\n")


def test_an_empty_desk_has_an_empty_queue_and_a_whole_journal(desk: Path, capsys: Captured) -> None:
    assert run(["queue"]) == 0
    assert capsys.readouterr().out == "Nothing waits.\n"
    assert run(["queue", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == []
    assert run(["trace", "t_aaaaaaaaaaaaaaaa"]) == 1
    assert "no such ticket" in capsys.readouterr().err
    assert run(["journal", "verify", "--json"]) == 0
    head = json.loads(capsys.readouterr().out)["head"]
    assert run(["journal", "verify", "--head", head]) == 0
    capsys.readouterr()
    assert run(["journal", "verify", "--head", head[:-1] + "x"]) == 2
    assert "did not sign it" in capsys.readouterr().err


def test_a_store_that_is_away_is_one_line(
    desk: Path, capsys: Captured, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REDIS_URL", "redis://:hush@127.0.0.1:1/0")
    assert run(["status"]) == 1
    err = capsys.readouterr().err
    assert err.startswith("the store at redis://127.0.0.1:1/0 is not available")
    assert err.count("\n") == 1
    assert "hush" not in err


# --- the rest ---------------------------------------------------------------------------------


def test_tools_are_listed_with_who_uses_them(desk: Path, capsys: Captured) -> None:
    assert run(["tools", "list", "--json"]) == 0
    tools = {tool["name"]: tool for tool in json.loads(capsys.readouterr().out)}
    assert tools["search_kb"]["kind"] == "research"
    assert tools["send_reply"] == {
        "name": "send_reply",
        "kind": "action",
        "description": tools["send_reply"]["description"],
        "playbooks": ["support"],
    }
    assert run(["tools", "list"]) == 0
    assert "similar_tickets" in capsys.readouterr().out


def test_a_permalink_names_its_message() -> None:
    link = "https://x.slack.com/archives/C0SUPPORT/p1700000000123456"
    place = Place(surface="slack", place="C0SUPPORT", thread="1700000000.123456")
    assert message_of(link) == place
    inside = f"{link[:-1]}9?thread_ts=1700000000.123456&cid=C0SUPPORT"
    assert message_of(inside) == place
    assert message_of("t_aaaaaaaaaaaaaaaa") is None


def test_a_message_in_a_teams_channel_is_named_by_its_link() -> None:
    ours = "19:support@thread.tacv2"
    place = Place(surface="teams", place=ours, thread="1700000000000", message="1700000000000")
    link = message_link(place, "d0000000-0000-4000-8000-000000000001")
    assert link is not None
    assert message_of(link) == place.model_copy(update={"message": None})
    there = "https://teams.microsoft.com/l/message/19%3Asupport%40thread.tacv2/1700000000009"
    inside = f"{there}?tenantId=d0&groupId=x&parentMessageId=1700000000000&teamName=A"
    assert message_of(inside) == message_of(link)
    for other in (
        "https://teams.microsoft.com/l/message/19:group@thread.v2/17?context=%7B%7D",
        "https://teams.microsoft.com.evil.example/l/message/19:support@thread.tacv2/17",
        "https://teams.microsoft.com/l/message/19:support@thread.tacv2/x",
        "https://teams.microsoft.com/l/channel/19:support@thread.tacv2/17",
    ):
        assert message_of(other) is None


def test_the_output_may_be_cut_off() -> None:
    """`deskhand config schema | head -1` ends quietly."""
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "wb") as closed:
        said = subprocess.run(
            [sys.executable, "-m", "bot", "config", "schema"],
            stdout=closed,
            stderr=subprocess.PIPE,
            cwd=ROOT,
            check=False,
        )
    assert b"Traceback" not in said.stderr
