"""``deskhand serve``: production."""

from __future__ import annotations

import errno
import os
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from bot.cli.options import ConfigOption, read_config, read_settings

if TYPE_CHECKING:
    from bot.config import Config


class Role(StrEnum):
    """What one process does."""

    all = "all"
    """Intake, buttons and work."""
    web = "web"
    """Intake and buttons."""
    worker = "worker"
    """Runs and effects; its port answers /healthz, /readyz and /metrics only."""


_LOOPBACK = ("127.0.0.1", "::1", "localhost")


def register(app: typer.Typer) -> None:
    @app.command()
    def serve(
        host: Annotated[str, typer.Option(help="The address to listen on.")] = "127.0.0.1",
        port: Annotated[
            int | None,
            typer.Option(min=0, max=65535, help="(default: PORT, else 3000)", show_default=False),
        ] = None,
        role: Annotated[Role, typer.Option(help="What this process does.")] = Role.all,
        config: ConfigOption = None,
        teams_emulator: Annotated[
            bool,
            typer.Option(
                "--teams-emulator", help="Serve a local Teams emulator, without credentials."
            ),
        ] = False,
    ) -> None:
        """Serve Slack, Teams and webhooks, and work their tickets."""
        from bot.faults import OperatorError, SettingsError

        if teams_emulator and host not in _LOOPBACK:
            raise SettingsError(
                f"--teams-emulator: takes any request for real, so it needs a loopback --host such "
                f"as 127.0.0.1, not {host}"
            )
        settings = read_settings(config)
        settings.whole_groups(teams_emulator=teams_emulator)
        settings.secret()
        loaded = read_config(settings, secrets=True)
        usable_secrets(loaded.config)
        number = settings.port if port is None else port

        from bot import collector

        try:
            with collector.paused():
                import bot.app

                code = bot.app.serve(
                    settings,
                    loaded,
                    host=host,
                    port=number,
                    role=role.value,
                    teams_emulator=teams_emulator,
                )
        except OSError as taken:
            if taken.errno not in (errno.EADDRINUSE, errno.EADDRNOTAVAIL, errno.EACCES):
                raise
            raise OperatorError(
                f"--port: {host}:{number} cannot be listened on ({taken.strerror}); end what "
                "listens there, or name another with --port and --host"
            ) from taken
        raise typer.Exit(code)


def usable_secrets(config: Config) -> None:
    """Raise ``SettingsError`` for a webhook's secret that cannot sign."""
    from bot.faults import SettingsError
    from bot.settings import named_secrets
    from handlers.webhooks import BadSecret, secret_bytes

    faults = []
    for name, secret in named_secrets(config, os.environ).items():
        if name not in {webhook.secret_env for webhook in config.webhooks.values()}:
            continue
        try:
            secret_bytes(secret.get_secret_value())
        except BadSecret as bad:
            faults.append(f"{name}: cannot be used: it {bad}; copy it again")
    if faults:
        raise SettingsError(*faults)
