"""``deskhand serve``: production."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer

from bot.cli.options import ConfigOption, read_config, read_settings


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
            typer.Option(min=0, max=65535, help="[default: PORT, else 3000]", show_default=False),
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
        from bot.faults import SettingsError

        if teams_emulator and host not in _LOOPBACK:
            raise SettingsError(
                f"--teams-emulator: takes any request for real, so it needs a loopback --host such "
                f"as 127.0.0.1, not {host}"
            )
        settings = read_settings(config)
        settings.whole_groups(teams_emulator=teams_emulator)
        settings.secret()
        loaded = read_config(settings, secrets=True)

        import bot.app

        code = bot.app.serve(
            settings,
            loaded,
            host=host,
            port=settings.port if port is None else port,
            role=role.value,
            teams_emulator=teams_emulator,
        )
        raise typer.Exit(code)
