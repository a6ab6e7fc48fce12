"""A lead's fields in the terminal."""

from __future__ import annotations

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from bot.card import LeadRow, LeadView, Who
from bot.terminal_text import inert_line


def lead_fields(lead: LeadView) -> RenderableType:
    """A box for each field: what is ticked is written. Below it where that stands."""
    rows = Table.grid(padding=(0, 2))
    rows.add_column(no_wrap=True)
    rows.add_column(style="bold", no_wrap=True)
    rows.add_column(overflow="fold")
    for row in lead.rows:
        box = Text("[x]", style="bold green") if row.chosen else Text("[ ]", style="dim")
        value = Text(inert_line(row.proposed))
        if row.present is not None:
            over = "overwrites" if row.chosen else "would overwrite"
            value.append(f"  {over} {inert_line(row.present)}", style="yellow")
        rows.add_row(box, Text(inert_line(row.title)), value)
        for line in _source(row):
            rows.add_row("", "", Text(line, style="dim"))
    lines: list[RenderableType] = [rows] if lead.rows else []
    if lead.note:
        lines.insert(0, Text(inert_line(lead.note), style="yellow"))
    after = Text(style="dim")
    if lead.same:
        after.append(f"In the CRM already: {', '.join(map(inert_line, lead.same))}\n")
    for name, told in (("Not read", lead.missed), ("Struck", lead.struck)):
        for line in told:
            after.append(f"{name}: {inert_line(line)}\n")
    after.rstrip()
    return Group(*lines, *((Text(), after) if after else ()))


def _source(row: LeadRow) -> list[str]:
    """The page's own words, where the value is not all of them, and the page."""
    quote = inert_line(row.quote)
    where = "".join(one.name if isinstance(one, Who) else one for one in row.source)
    sure = f" · {row.confidence}" if row.confidence else ""
    own_words = [f"“{quote}”"] if quote and quote != inert_line(row.proposed) else []
    return [*own_words, inert_line(where) + sure]
