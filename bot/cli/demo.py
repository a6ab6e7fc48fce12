"""``deskhand demo``: the main job with no account, key or server."""

from __future__ import annotations

import asyncio
import os
import shlex
import shutil
import signal
import sys
import time
import webbrowser
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.text import Text

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
                help="Your own tickets as JSON lines. (default: a sample desk's)",
                show_default=False,
            ),
        ] = None,
        port: Annotated[
            int,
            typer.Option(
                "--port",
                min=0,
                max=65535,
                help="Where the web console is served, on this machine alone. (default: any free)",
                show_default=False,
            ),
        ] = 0,
        no_browser: Annotated[
            bool,
            typer.Option("--no-browser", help="Do not open the web console; print its link only."),
        ] = False,
    ) -> None:
        """Decide on drafts here and in a browser: no account, no key, no server."""
        from bot.demo.keyboard import Keyboard
        from bot.demo.tickets import sample_leads, sample_tickets, tickets_of

        given = sample_tickets() if tickets is None else tickets_of(tickets)
        leads = sample_leads() if tickets is None else ()
        interactive = sys.stdin is not None and sys.stdin.isatty()
        keyboard = Keyboard(sys.stdin.fileno()) if interactive else None
        # Without a terminal the first card is printed and that is all.
        served = port if interactive else None
        settings = read_settings(demo=True)
        try:
            event_loop.run(_demo(settings, given, leads, keyboard, served, browser=not no_browser))
        except asyncio.CancelledError:
            raise typer.Exit(1) from None  # its terminal was closed


async def _demo(
    settings: Settings,
    tickets: Sequence[DemoTicket],
    leads: Sequence[DemoTicket],
    keyboard: Keyboard | None,
    port: int | None,
    *,
    browser: bool,
) -> None:
    from bot.demo.running import running_demo
    from bot.demo.session import Session
    from bot.logs import configure_logging

    # A closed terminal ends it as *quit* does: the store's server would stay for nobody.
    loop, session_task = asyncio.get_running_loop(), asyncio.current_task()
    assert session_task is not None
    for one in (signal.SIGHUP, signal.SIGTERM):
        loop.add_signal_handler(one, session_task.cancel)
    console = output.console()
    # The cards are what is shown here; who wants the log says so.
    configure_logging(settings.log_level if os.environ.get("DESKHAND_LOG") else "error", "text")
    async with running_demo(settings, port) as desk:
        if desk.console is not None:
            console.print(Text(f"Web console, for you alone: {desk.console}"), soft_wrap=True)
            if browser:
                await asyncio.to_thread(open_in_browser, desk.console, os.environ)
        session = Session(
            desk,
            tickets,
            leads,
            console,
            keyboard,
            editor_of(os.environ),
            time.monotonic,
            deskhand_here(),
        )
        await session.run()


def open_in_browser(link: str, environ: Mapping[str, str]) -> bool:
    """Open ``link`` in the person's browser, if they have one with a window of its own: one that
    draws in this terminal would take it from the cards."""
    if sys.platform.startswith("linux") and not (
        environ.get("DISPLAY") or environ.get("WAYLAND_DISPLAY")
    ):
        return False
    try:
        found = webbrowser.get()
    except webbrowser.Error:
        return False
    if type(found) is webbrowser.GenericBrowser:
        return False
    return found.open(link)


def deskhand_here() -> str:
    """How this program is called in the person's shell: by its name where that finds it."""
    script = Path(sys.executable).with_name("deskhand")
    if not script.exists() or shutil.which("deskhand") is not None:
        return "deskhand"
    here = Path.cwd()
    return shlex.quote(str(script.relative_to(here) if script.is_relative_to(here) else script))


def editor_of(environ: Mapping[str, str]) -> tuple[str, ...]:
    """The person's editor as a command; empty: none."""
    for name in ("EDITOR", "VISUAL"):
        if command := environ.get(name, "").strip():
            try:
                return tuple(shlex.split(command))
            except ValueError:
                return (command,)
    return ("vi",) if shutil.which("vi") else ()
