"""The command line: ``deskhand`` and ``python -m bot``.

Exit codes: 0 well; 1 a finding, each with its remedy; 2 usage or configuration. A fault is one line
on stderr. Commands import what they need when they run, so that ``--help`` is quick.
"""

from __future__ import annotations

import os
import sys
import traceback
from pathlib import Path
from typing import Annotated

import typer

from bot.cli import (
    checks,
    crm,
    demo,
    erase,
    evaluate,
    figures,
    manifest,
    output,
    record,
    replay,
    research,
    screen,
    serve,
    triage,
)

app = typer.Typer(
    name="deskhand",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        output.line(f"deskhand {version('deskhand')}")
        raise typer.Exit(0)


@app.callback()
def deskhand(
    version: Annotated[
        bool,
        typer.Option("--version", callback=_version, is_eager=True, help="Print the version."),
    ] = False,
) -> None:
    """A triage hand for Slack and Teams: it recommends, a person approves, a tool acts once."""


demo.register(app)
serve.register(app)
triage.register(app)
screen.register(app)
evaluate.register(app)
replay.register(app)
research.register(app)
figures.register(app)
record.register(app)
erase.register(app)
crm.register(app)
checks.register(app)
manifest.register(app)


def run(arguments: list[str] | None = None) -> int:
    """Run one command; the answer is the exit code."""
    from bot.faults import OperatorError

    try:
        code = app(args=arguments, prog_name="deskhand", standalone_mode=False)
    except OperatorError as fault:
        for each in fault.lines:
            output.complain(each)
        return 2
    except typer.TyperException as fault:
        said = fault.format_message().rstrip(".")
        if said:
            output.complain(f"deskhand: {said}; see `deskhand --help`")
        return 2
    except typer.Abort:
        return 130
    except Exception as fault:
        # Whatever it is, a person gets one line; who looks for its cause asks for the whole.
        if _debugging():
            raise
        words, code = _told(fault)
        output.complain(words)
        return code
    return code if isinstance(code, int) else 0


def main() -> None:
    """The console script."""
    sys.exit(run())


def _debugging() -> bool:
    return "debug" in os.environ.get("DESKHAND_LOG", "").lower()


def _told(fault: Exception) -> tuple[str, int]:
    """The line and exit code for a fault."""
    # Not imported at the top: a command that needs no store must not wait for its client library.
    from bot.agent.prompting import PromptError
    from bot.ports import StoreUnavailable
    from bot.store.errors import EmbeddedServerError, StoreRefused

    match fault:
        case StoreUnavailable():
            return str(fault), 1
        case EmbeddedServerError() | StoreRefused() | PromptError():
            return str(fault), 2
        case _:
            at = traceback.extract_tb(fault.__traceback__)[-1]
            return (
                f"deskhand: this should not have happened: {type(fault).__name__}: {fault} "
                f"({Path(at.filename).name}:{at.lineno}); DESKHAND_LOG=debug shows the whole of it",
                1,
            )
