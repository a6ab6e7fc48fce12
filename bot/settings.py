"""The environment, read once into a frozen value. An empty variable is an unset one."""

from __future__ import annotations

import os
import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import Literal, get_args
from urllib.parse import urlsplit

from pydantic import SecretStr

from bot.config import Config
from bot.domain import Frozen
from bot.faults import SettingsError
from bot.suggest import nearest

LogLevel = Literal["debug", "info", "warning", "error"]
LogForm = Literal["auto", "json", "text"]
"""json: one object a line. text: for people. auto: text on a terminal, else json."""

DEFAULT_PORT = 3000
TENANT = "main"
"""The tenant of a deployment: one workspace each, so one name serves."""
DEMO_TENANT = "demo"
"""The demo's, in a store of its own besides."""
SHORTEST_SECRET = 16
"""Characters; `doctor` says so of a shorter ``DESKHAND_SECRET``."""


class Settings(Frozen):
    """What the environment says. A secret shows as asterisks wherever it is printed."""

    slack_bot_token: SecretStr | None = None
    slack_signing_secret: SecretStr | None = None
    slack_app_token: SecretStr | None = None
    slack_api_url: str = "https://slack.com/api/"
    """With its last slash: a method's name is appended to it."""
    slack_api_is_ours: bool = False
    """``SLACK_API_URL`` is set: plain http and loopback are the operator's own choice."""
    slack_client_id: str | None = None
    slack_client_secret: SecretStr | None = None
    slack_authorize_url: str = "https://slack.com/openid/connect/authorize"
    microsoft_app_id: str | None = None
    microsoft_app_password: SecretStr | None = None
    microsoft_app_tenant_id: str | None = None
    anthropic_api_key: SecretStr | None = None
    anthropic_base_url: str | None = None
    deskhand_secret: SecretStr | None = None
    redis_url: SecretStr | None = None
    """A secret, since it may hold a password."""
    config: Path = Path("deskhand.yaml")
    data: Path = Path(".deskhand")
    log_level: LogLevel = "info"
    log_form: LogForm = "auto"
    port: int = DEFAULT_PORT

    @property
    def embedded(self) -> bool:
        """Does Deskhand run its own store?"""
        return self.redis_url is None

    @property
    def slack(self) -> Literal["off", "http", "socket"]:
        """off: no credentials. socket: ``SLACK_APP_TOKEN`` is set. http: requests are signed."""
        if self.slack_bot_token is None:
            return "off"
        return "socket" if self.slack_app_token is not None else "http"

    @property
    def teams(self) -> bool:
        """Are there credentials for Microsoft Teams?"""
        return self.microsoft_app_id is not None and self.microsoft_app_password is not None

    def whole_groups(self, *, teams_emulator: bool = False) -> None:
        """Raise ``SettingsError`` where variables that belong together are set only in part."""
        faults: list[str] = []
        if self.slack_bot_token is None:
            for name, value in (
                ("SLACK_SIGNING_SECRET", self.slack_signing_secret),
                ("SLACK_APP_TOKEN", self.slack_app_token),
            ):
                if value is not None:
                    faults.append(f"SLACK_BOT_TOKEN: not set, though {name} is; set it too")
                    break
        elif self.slack_signing_secret is None and self.slack_app_token is None:
            faults.append(
                "SLACK_SIGNING_SECRET: not set, though SLACK_BOT_TOKEN is; set it, "
                "or SLACK_APP_TOKEN for Socket Mode"
            )
        faults += _whole(
            {
                "SLACK_CLIENT_ID": self.slack_client_id is not None,
                "SLACK_CLIENT_SECRET": self.slack_client_secret is not None,
            }
        )
        if teams_emulator:
            if self.microsoft_app_password is not None:
                faults.append(
                    "MICROSOFT_APP_PASSWORD: set, though --teams-emulator uses no credentials; "
                    "unset it or leave the option out"
                )
        else:
            faults += _whole(
                {
                    "MICROSOFT_APP_ID": self.microsoft_app_id is not None,
                    "MICROSOFT_APP_PASSWORD": self.microsoft_app_password is not None,
                    "MICROSOFT_APP_TENANT_ID": self.microsoft_app_tenant_id is not None,
                }
            )
        if faults:
            raise SettingsError(*faults)

    def secret(self) -> SecretStr:
        """``DESKHAND_SECRET``, or with the embedded store the one kept in the data folder.

        Raises ``SettingsError`` where it is unset and the store is a shared one: every replica must
        have the same."""
        if self.deskhand_secret is not None:
            return self.deskhand_secret
        if not self.embedded:
            raise SettingsError(
                "DESKHAND_SECRET: not set, though REDIS_URL is; set it to the same random text for "
                "every replica, as `openssl rand -hex 32` prints"
            )
        return _kept_secret(self.data)


def from_environment(environ: Mapping[str, str] | None = None) -> Settings:
    """Read the environment. Raises ``SettingsError`` for values that cannot be used."""
    given = {k: v for k, v in (os.environ if environ is None else environ).items() if v.strip()}
    faults: list[str] = []

    def text(name: str) -> str | None:
        value = given.get(name)
        return value.strip() if value is not None else None

    def hidden(name: str) -> SecretStr | None:
        value = text(name)
        return SecretStr(value) if value is not None else None

    def address(name: str, schemes: tuple[str, ...]) -> str | None:
        value = text(name)
        if value is None:
            return None
        try:
            parts = urlsplit(value)
            usable = parts.scheme in schemes and bool(parts.hostname or parts.scheme == "unix")
            _ = parts.port  # raises where it is no number
        except ValueError:
            usable = False
        if not usable:
            faults.append(f"{name}: must be a whole address that begins with {schemes[0]}://")
        return value

    port = text("PORT")
    if port is not None and not (port.isascii() and port.isdigit() and int(port) < 65536):
        faults.append("PORT: must be a number from 0 to 65535")
        port = None
    level, form = _log(text("DESKHAND_LOG") or "", faults)
    slack_api_url = address("SLACK_API_URL", ("https", "http"))
    found = Settings(
        slack_bot_token=hidden("SLACK_BOT_TOKEN"),
        slack_signing_secret=hidden("SLACK_SIGNING_SECRET"),
        slack_app_token=hidden("SLACK_APP_TOKEN"),
        slack_api_url=(slack_api_url or "https://slack.com/api").rstrip("/") + "/",
        slack_api_is_ours=slack_api_url is not None,
        slack_client_id=text("SLACK_CLIENT_ID"),
        slack_client_secret=hidden("SLACK_CLIENT_SECRET"),
        slack_authorize_url=address("SLACK_AUTHORIZE_URL", ("https", "http"))
        or "https://slack.com/openid/connect/authorize",
        microsoft_app_id=text("MICROSOFT_APP_ID"),
        microsoft_app_password=hidden("MICROSOFT_APP_PASSWORD"),
        microsoft_app_tenant_id=text("MICROSOFT_APP_TENANT_ID"),
        anthropic_api_key=hidden("ANTHROPIC_API_KEY"),
        anthropic_base_url=address("ANTHROPIC_BASE_URL", ("https", "http")),
        deskhand_secret=hidden("DESKHAND_SECRET"),
        redis_url=SecretStr(url)
        if (url := address("REDIS_URL", ("redis", "rediss", "unix"))) is not None
        else None,
        config=Path(text("DESKHAND_CONFIG") or "deskhand.yaml"),
        data=Path(text("DESKHAND_DATA") or ".deskhand"),
        log_level=level,
        log_form=form,
        port=DEFAULT_PORT if port is None else int(port),
    )
    if faults:
        raise SettingsError(*faults)
    return found


def named_secrets(config: Config, environ: Mapping[str, str]) -> Mapping[str, SecretStr]:
    """The secrets whose variables the config names, by variable; unset ones are left out."""
    names = [name for _, name in config.secret_names()]
    if config.github is not None:
        # Not needed by default, for what is public is read without; used where it is there.
        names.append(config.github.token_env)
    return {name: SecretStr(environ[name]) for name in names if environ.get(name)}


def _whole(group: Mapping[str, bool]) -> list[str]:
    if all(group.values()) or not any(group.values()):
        return []
    there = next(name for name, is_set in group.items() if is_set)
    return [
        f"{name}: not set, though {there} is; set it too"
        for name, is_set in group.items()
        if not is_set
    ]


def _log(text: str, faults: list[str]) -> tuple[LogLevel, LogForm]:
    """``DESKHAND_LOG``: a level, a form, or both with a comma, as ``debug,json``."""
    level: LogLevel = "info"
    form: LogForm = "auto"
    levels: tuple[LogLevel, ...] = get_args(LogLevel)
    forms: tuple[LogForm, ...] = get_args(LogForm)
    for word in filter(None, (part.strip().lower() for part in text.split(","))):
        if word in levels:
            level = word
        elif word in forms:
            form = word
        else:
            hint = nearest(word, (*levels, *forms))
            faults.append(f"DESKHAND_LOG: there is no {word!r}{hint}")
    return level, form


def _kept_secret(folder: Path) -> SecretStr:
    """The secret of this data folder: made once, readable by its owner alone."""
    path = folder / "secret"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if not path.exists():
            fresh = folder / f".secret.{secrets.token_hex(8)}"
            descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(descriptor, "w", encoding="ascii") as file:
                file.write(secrets.token_hex(32))
                file.flush()
                os.fsync(file.fileno())
            try:
                # A link fails where another process was first; a rename would replace its secret.
                os.link(fresh, path)
            except FileExistsError:
                pass
            finally:
                fresh.unlink()
        kept = path.read_text(encoding="ascii").strip()
    except OSError as unusable:
        raise SettingsError(
            f"DESKHAND_DATA: {folder} cannot be used ({unusable.strerror}); name a folder that "
            "this user may write"
        ) from unusable
    if len(kept) < SHORTEST_SECRET:
        raise SettingsError(f"DESKHAND_DATA: {path} is damaged; restore it, or set DESKHAND_SECRET")
    return SecretStr(kept)
