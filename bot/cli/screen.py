"""``deskhand screen``: drafts in, what the screen finds in them out, both as JSON lines. No model,
and it acts on nothing."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Any, BinaryIO

import typer

from bot import event_loop
from bot.cli import output
from bot.cli.options import ConfigOption, read_settings

if TYPE_CHECKING:
    from bot.cli.lines import Line
    from bot.screen import Sieve

_KEYS = ("draft", "ticket", "articles")


def register(app: typer.Typer) -> None:
    @app.command()
    def screen(
        file: Annotated[
            str, typer.Argument(metavar="[FILE|-]", help="JSON lines; - is stdin.")
        ] = "-",
        config: ConfigOption = None,
    ) -> None:
        """Read drafts as JSON lines, print what the screen finds in each. It acts on nothing.

        A line is {"draft": TEXT, "ticket": TEXT or a ticket as in a webhook's body}; "articles":
        [TEXT] are what the draft cites. Without a config file, or a screen in it, its defaults are
        used.
        """
        from bot.cli.lines import opened
        from bot.cli.triage import config_or_desk
        from bot.demo.tickets import DESK
        from bot.screen import Sieve

        loaded = config_or_desk(read_settings(config), named=config is not None)
        own = loaded.path.parent != DESK
        sieve = (loaded.sieve() if own else None) or Sieve()
        with opened(file) as source:
            well = event_loop.run(_screen(source, sieve))
        raise typer.Exit(0 if well else 1)


async def _screen(source: BinaryIO, sieve: Sieve) -> bool:
    from bot.cli.lines import Pump

    async def work(line: Line) -> dict[str, Any]:
        return _row(line, sieve)

    well, faulty = True, 0
    async for row in Pump(source, work, at_once=1).answers():
        sys.stdout.buffer.write((json.dumps(row, ensure_ascii=False) + "\n").encode())
        sys.stdout.buffer.flush()
        if "error" in row:
            well, faulty = False, faulty + 1
    if faulty:
        output.complain(f"{faulty} lines could not be read; see their error")
    return well


def _row(line: Line, sieve: Sieve) -> dict[str, Any]:
    from bot.screen import Known, look
    from handlers.guard import Refused, parse_object

    if line.too_long:
        return {"error": f"line {line.number}: longer than 1 MiB"}
    try:
        value = parse_object(line.text)
    except Refused as refused:
        return {"error": f"line {line.number}: {refused.reason.removeprefix('the body ')}"}
    draft, articles = value.get("draft"), value.get("articles", [])
    if unknown := [key for key in value if key not in _KEYS]:
        return {"error": f"line {line.number}: there is no such key as {unknown[0][:80]!r}"}
    if not isinstance(draft, str):
        return {"error": f"line {line.number}: draft is missing, or no text"}
    if not isinstance(articles, list) or not all(isinstance(one, str) for one in articles):
        return {"error": f"line {line.number}: articles must be a list of texts"}
    known = Known(tuple(_texts(value.get("ticket"))), tuple(articles))
    hits = look(draft, sieve, known)
    return {"hits": [{"name": hit.name, "start": hit.start, "end": hit.end} for hit in hits]}


def _texts(value: Any) -> Iterator[str]:
    """Every text in a ticket, whatever its form: nobody asks here who wrote what."""
    match value:
        case str():
            yield value
        case dict():
            for inner in value.values():
                yield from _texts(inner)
        case list():
            for inner in value:
                yield from _texts(inner)
        case _:
            return
