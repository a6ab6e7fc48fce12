"""``deskhand manifest``: what the chat services want to know about the app."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from bot.cli import output
from bot.cli.options import ConfigOption, names_config, read_config, read_settings

OutOption = Annotated[
    Path | None,
    typer.Option("--out", metavar="FILE", help="Write there. (default: print)", show_default=False),
]


def register(app: typer.Typer) -> None:
    group = typer.Typer(no_args_is_help=True, help="The app manifest of a chat service.")
    app.add_typer(group, name="manifest")

    @group.callback()
    def manifest() -> None:
        """The app manifest of a chat service."""

    @group.command("slack")
    def slack(
        out: OutOption = None,
        socket: Annotated[
            bool, typer.Option("--socket", help="For Socket Mode: no public address is needed.")
        ] = False,
        config: ConfigOption = None,
    ) -> None:
        """Print the manifest to make the Slack app from; the config says its public_url."""
        from bot.cli.slack_app import manifest_text

        # In Socket Mode no address stands in the manifest, so no config is needed to make it.
        public_url = (
            "" if socket else read_config(read_settings(config), files=False).config.public_url
        )
        text = manifest_text(public_url, socket=socket)
        if out is None:
            output.line(text.rstrip("\n"))
            return
        write(out, text)
        output.line(str(out))

    @group.command("teams")
    def teams(
        out: Annotated[
            Path, typer.Option("--out", metavar="FILE", help="Write the package there.")
        ] = Path("deskhand-teams.zip"),
        config: ConfigOption = None,
    ) -> None:
        """Write the Teams app package for the bot MICROSOFT_APP_ID; its last line is the path."""
        from bot.cli.teams_app import is_app_id, teams_package
        from bot.faults import OperatorError

        settings = read_settings(config)
        app_id = settings.microsoft_app_id
        if not app_id:
            raise OperatorError(
                "MICROSOFT_APP_ID: not set; it is the app (client) id of the bot's registration"
            )
        if not is_app_id(app_id):
            raise OperatorError(
                f"MICROSOFT_APP_ID: {app_id!r} is no app id; it looks like"
                " 00000000-0000-0000-0000-000000000000"
            )
        public_url = None
        if names_config(config) or settings.config.exists():
            public_url = read_config(settings, files=False).config.public_url
        if public_url is None or not public_url.startswith("https://"):
            public_url = None
            output.complain(
                "the config names no https public_url: the package will name none; set it and make "
                "the package again before you upload it"
            )
        write(out, teams_package(app_id, public_url))
        output.line(str(out))


def write(path: Path, content: str | bytes) -> None:
    """Write a result file; raises ``OperatorError`` where that is not possible."""
    from bot.faults import OperatorError

    try:
        path.write_bytes(content.encode() if isinstance(content, str) else content)
    except OSError as unwritable:
        raise OperatorError(
            f"{path}: cannot be written ({unwritable.strerror}); name another file with --out"
        ) from unwritable
