"""The Slack app manifest: current, least, and explained."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

from bot.cli import run
from bot.cli.slack_app import EVENTS, SCOPES, SIGN_IN_BACK, manifest_text, slack_manifest
from bot.config_file import load
from handlers.console.app import BACK, PATH

ROOT = Path(__file__).parent.parent.parent


def test_the_manifest_in_the_repository_is_current() -> None:
    url = load(ROOT / "deskhand.example.yaml", files=False).config.public_url
    assert (ROOT / "manifest.yml").read_text() == manifest_text(url, socket=False)


def test_the_command_prints_it(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    arguments = ["manifest", "slack", "--config", str(ROOT / "deskhand.example.yaml")]
    assert run(arguments) == 0
    assert capsys.readouterr().out == (ROOT / "manifest.yml").read_text()
    assert run([*arguments, "--out", str(tmp_path / "m.yml")]) == 0
    assert capsys.readouterr().out.strip().endswith("m.yml")
    assert (tmp_path / "m.yml").read_text() == (ROOT / "manifest.yml").read_text()
    assert run([*arguments, "--out", str(tmp_path / "no" / "m.yml")]) == 2
    assert "cannot be written" in capsys.readouterr().err


def test_http_names_one_address_for_everything() -> None:
    manifest = slack_manifest("https://d.example", socket=False)
    url = "https://d.example/slack/events"
    assert manifest["settings"]["event_subscriptions"]["request_url"] == url
    assert manifest["settings"]["interactivity"] == {"is_enabled": True, "request_url": url}
    assert manifest["features"]["slash_commands"][0]["url"] == url
    assert manifest["settings"]["socket_mode_enabled"] is False


def test_sign_in_comes_back_to_the_console_where_slack_allows_it() -> None:
    back = slack_manifest("https://d.example", socket=False)["oauth_config"]["redirect_urls"]
    assert back == ["https://d.example" + SIGN_IN_BACK]
    assert f"{PATH}{BACK}" == SIGN_IN_BACK
    for url, socket in (("http://10.0.0.1:3000", False), ("https://d.example", True)):
        assert "redirect_urls" not in slack_manifest(url, socket=socket)["oauth_config"]


def test_socket_mode_names_none_and_needs_no_config(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run(["manifest", "slack", "--socket"]) == 0
    text = capsys.readouterr().out
    assert "http" not in text
    manifest = yaml.safe_load(text)
    assert manifest["settings"]["socket_mode_enabled"] is True
    assert manifest["settings"]["event_subscriptions"]["bot_events"] == list(EVENTS)


def test_the_parts_that_the_contract_names_are_there() -> None:
    features = slack_manifest("https://d.example", socket=False)["features"]
    assert features["shortcuts"][0]["callback_id"] == "deskhand.triage"
    assert features["slash_commands"][0]["command"] == "/agent"
    assert "agent_view" in features
    assert "assistant_view" not in features


def test_slacks_own_limits_hold() -> None:
    """Lengths as in docs.slack.dev, app manifest reference."""
    manifest = slack_manifest("https://d.example", socket=False)
    about, features = manifest["display_information"], manifest["features"]
    assert len(about["name"]) <= 35
    assert len(about["description"]) <= 140
    assert 175 <= len(about["long_description"]) <= 4000
    assert len(features["shortcuts"][0]["name"]) <= 24
    assert len(features["shortcuts"][0]["description"]) <= 150
    assert len(features["agent_view"]["agent_description"]) <= 300
    assert len(features["bot_user"]["display_name"]) <= 80


def test_every_scope_and_event_is_explained() -> None:
    text = (ROOT / "docs" / "slack.md").read_text()
    named = set(re.findall(r"^\| `([a-z_.:]+)` \|", text, re.MULTILINE))
    assert set(SCOPES) | set(EVENTS) <= named
    for scope, why in SCOPES.items():
        assert why, scope
