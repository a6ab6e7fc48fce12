"""``deskhand manifest``: what the chat services want to know about the app."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from bot.cli import output
from bot.cli.options import ConfigOption, read_config, read_settings

OutOption = Annotated[
    Path | None,
    typer.Option("--out", metavar="FILE", help="Write there. (default: print)", show_default=False),
]


def register(app: typer.Typer) -> None:
    group = typer.Typer(no_args_is_help=True, help="Print the app manifest of a chat service.")
    app.add_typer(group, name="manifest")

    @group.callback()
    def manifest() -> None:
        """Print the app manifest of a chat service."""

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


def write(path: Path, text: str) -> None:
    """Write a result file; raises ``OperatorError`` where that is not possible."""
    from bot.faults import OperatorError

    try:
        path.write_text(text, encoding="utf-8")
    except OSError as unwritable:
        raise OperatorError(
            f"{path}: cannot be written ({unwritable.strerror}); name another file with --out"
        ) from unwritable
