"""The environment, read once."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from bot.config import Config
from bot.faults import SettingsError
from bot.settings import Settings, from_environment, named_secrets


def test_nothing_set_is_the_defaults() -> None:
    settings = from_environment({"PATH": "/bin", "SLACK_BOT_TOKEN": " "})
    assert settings == Settings()
    assert settings.slack == "off"
    assert settings.embedded
    assert settings.config == Path("deskhand.yaml")
    assert settings.data == Path(".deskhand")
    settings.whole_groups()


@pytest.mark.parametrize("given", ["http://127.0.0.1:9/api", "http://127.0.0.1:9/api/"])
def test_a_methods_name_can_be_appended_to_the_api_address(given: str) -> None:
    settings = from_environment({"SLACK_API_URL": given})
    assert settings.slack_api_url == "http://127.0.0.1:9/api/"
    assert settings.slack_api_is_ours


def test_socket_mode_follows_from_its_token() -> None:
    token = {"SLACK_BOT_TOKEN": "xoxb-1", "SLACK_APP_TOKEN": "xapp-1"}
    assert from_environment(token).slack == "socket"
    from_environment(token).whole_groups()
    assert from_environment({"SLACK_BOT_TOKEN": "x", "SLACK_SIGNING_SECRET": "s"}).slack == "http"


@pytest.mark.parametrize(
    ("environ", "missing"),
    [
        ({"SLACK_BOT_TOKEN": "x"}, ["SLACK_SIGNING_SECRET"]),
        ({"SLACK_SIGNING_SECRET": "x"}, ["SLACK_BOT_TOKEN"]),
        ({"SLACK_APP_TOKEN": "x"}, ["SLACK_BOT_TOKEN"]),
        ({"SLACK_CLIENT_ID": "x"}, ["SLACK_CLIENT_SECRET"]),
        ({"MICROSOFT_APP_ID": "x"}, ["MICROSOFT_APP_PASSWORD", "MICROSOFT_APP_TENANT_ID"]),
        ({"MICROSOFT_APP_ID": "x", "MICROSOFT_APP_PASSWORD": "x"}, ["MICROSOFT_APP_TENANT_ID"]),
    ],
)
def test_a_group_set_in_part_names_what_is_missing(
    environ: dict[str, str], missing: list[str]
) -> None:
    with pytest.raises(SettingsError) as caught:
        from_environment(environ).whole_groups()
    assert [line.partition(":")[0] for line in caught.value.lines] == missing


def test_the_emulator_wants_a_tenant_alone_and_no_password() -> None:
    from_environment({"MICROSOFT_APP_TENANT_ID": "t"}).whole_groups(teams_emulator=True)
    with pytest.raises(SettingsError, match="MICROSOFT_APP_PASSWORD: set, though"):
        from_environment({"MICROSOFT_APP_PASSWORD": "p"}).whole_groups(teams_emulator=True)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PORT", "http"),
        ("PORT", "70000"),
        ("PORT", "٣"),
        ("REDIS_URL", "localhost:6379"),
        ("REDIS_URL", "redis://host:port"),
        ("SLACK_API_URL", "slack.com"),
        ("ANTHROPIC_BASE_URL", "ftp://x"),
        ("DESKHAND_LOG", "verbose"),
    ],
)
def test_a_value_that_cannot_be_used_is_named(name: str, value: str) -> None:
    with pytest.raises(SettingsError, match=f"^{name}: "):
        from_environment({name: value})


def test_the_log_has_a_level_and_a_form() -> None:
    settings = from_environment({"DESKHAND_LOG": "json, DEBUG"})
    assert (settings.log_level, settings.log_form) == ("debug", "json")


def test_no_secret_is_printed() -> None:
    environ = {
        "SLACK_BOT_TOKEN": "xoxb-hush",
        "ANTHROPIC_API_KEY": "sk-hush",
        "DESKHAND_SECRET": "hush-hush-hush-hush",
        "REDIS_URL": "redis://user:hush@store:6379",
        "MICROSOFT_APP_PASSWORD": "hush",
    }
    settings = from_environment(environ)
    assert "hush" not in repr(settings) + str(settings) + settings.model_dump_json()


def test_the_embedded_stores_secret_is_made_once_and_kept(tmp_path: Path) -> None:
    settings = Settings(data=tmp_path / "data")
    first = settings.secret().get_secret_value()
    assert len(first) == 64
    assert settings.secret().get_secret_value() == first
    kept = tmp_path / "data" / "secret"
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    assert [path.name for path in kept.parent.iterdir()] == ["secret"]


def test_a_shared_store_needs_the_secret_to_be_given() -> None:
    settings = from_environment({"REDIS_URL": "redis://store:6379"})
    with pytest.raises(SettingsError, match=r"^DESKHAND_SECRET: not set"):
        settings.secret()


def test_a_data_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(SettingsError, match=r"^DESKHAND_DATA: "):
        Settings(data=tmp_path / "file" / "data").secret()


def test_secrets_are_found_by_the_names_in_the_config() -> None:
    config = Config.model_validate(
        {
            "playbooks": {"p": {"labels": {"a": "b"}, "routes": {"default": {}}}},
            "webhooks": {"a": {"secret_env": "A"}, "b": {"secret_env": "B"}},
            "crm": {"kind": "hubspot", "read_token_env": "R"},
        }
    )
    found = named_secrets(config, {"A": "1", "B": "", "R": "2", "C": "3"})
    assert {name: secret.get_secret_value() for name, secret in found.items()} == {
        "A": "1",
        "R": "2",
    }
