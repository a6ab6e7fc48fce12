"""``deskhand demo``: the main job with no account, key or server."""

from __future__ import annotations

import os
import shlex
import shutil
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bot import event_loop
from bot.cli import output
from bot.cli.options import read_settings

if TYPE_CHECKING:
    from bot.demo.desk import DemoTicket
    from bot.demo.keyboard import Keyboard
    from bot.settings import Settings


def register(app: typer.Typer) -> None:
    @app.command()
    def demo(
        tickets: Annotated[
            Path | None,
            typer.Option(
                "--tickets",
                metavar="FILE",
                help="Your own tickets as JSON lines. [default: a sample desk's]",
                show_default=False,
            ),
        ] = None,
    ) -> None:
        """Decide on drafts in this terminal: no account, no key, no server."""
        from bot.demo.keyboard import Keyboard
        from bot.demo.tickets import sample_tickets, tickets_of

        given = sample_tickets() if tickets is None else tickets_of(tickets)
        interactive = sys.stdin is not None and sys.stdin.isatty()
        keyboard = Keyboard(sys.stdin.fileno()) if interactive else None
        event_loop.run(_demo(read_settings(demo=True), given, keyboard))


async def _demo(
    settings: Settings, tickets: Sequence[DemoTicket], keyboard: Keyboard | None
) -> None:
    from bot.demo.running import running_demo
    from bot.demo.session import Session
    from bot.logs import configure_logging

    console = output.console()
    # The cards are what is shown here; who wants the log says so.
    configure_logging(settings.log_level if os.environ.get("DESKHAND_LOG") else "error", "text")
    async with running_demo(settings) as desk:
        session = Session(desk, tickets, console, keyboard, editor_of(os.environ), time.monotonic)
        await session.run()


def editor_of(environ: Mapping[str, str]) -> tuple[str, ...]:
    """The person's editor as a command; empty: none."""
    for name in ("EDITOR", "VISUAL"):
        if command := environ.get(name, "").strip():
            try:
                return tuple(shlex.split(command))
            except ValueError:
                return (command,)
    return ("vi",) if shutil.which("vi") else ()
