"""What the commands print: results on stdout, everything else on stderr.

Texts that come from outside pass ``bot.terminal_text`` first. Nothing is ever read as rich markup.
"""

from __future__ import annotations

import json
import os
import sys
from typing import TYPE_CHECKING, Any

import typer

if TYPE_CHECKING:
    from rich.console import Console

_WIDE = 200


def line(text: str) -> None:
    """One line of the result."""
    typer.echo(text)


def complain(text: str) -> None:
    """One line about what is wrong."""
    typer.echo(text, err=True)


def as_json(value: Any) -> None:
    """The result for a program: one JSON value, in ASCII, so that any locale can print it."""
    typer.echo(json.dumps(value, indent=2, default=str))


def console(*, stderr: bool = False, wide: bool = False) -> Console:
    """A console for cards, tables and trees. Markup is off: untrusted text stays text.

    ``wide``: where nobody's window says how wide, long lines rather than folded ones, for grep."""
    from rich.console import Console

    stream = sys.stderr if stderr else sys.stdout
    unknown = not stream.isatty() and not os.environ.get("COLUMNS")
    return Console(
        stderr=stderr,
        markup=False,
        emoji=False,
        highlight=False,
        width=_WIDE if wide and unknown else None,
    )
