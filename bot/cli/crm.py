"""``deskhand crm``: look into the embedded CRM, and fill it from a file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bot.cli import output
from bot.cli.options import (
    ConfigOption,
    DemoOption,
    JsonOption,
    names_config,
    read_config,
    read_settings,
)
from bot.terminal_text import inert_line

if TYPE_CHECKING:
    import sqlite3

    from bot.config_file import ConfigFile
    from tools.crm.records import Record


def register(app: typer.Typer) -> None:
    group = typer.Typer(no_args_is_help=True, help="The embedded CRM.")
    app.add_typer(group, name="crm")
    group.command("list")(crm_list)
    group.command("show")(crm_show)
    group.command("import")(crm_import)


def crm_list(
    config: ConfigOption = None, as_json: JsonOption = False, demo: DemoOption = False
) -> None:
    """List every company and person in the CRM, by id."""
    from tools.crm import sqlite_file

    path, _ = _found(config, demo=demo)
    with _read(path) as connection:
        records = [] if connection is None else sqlite_file.everything(connection)
    if as_json:
        output.as_json([_record(record) for record in records])
        return
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False, header_style="bold")
    for heading in ("id", "kind", "domain or e-mail", "name", "updated"):
        table.add_column(heading, overflow="fold")
    for record in records:
        key = (record.domain if record.kind == "company" else record.email) or ""
        name = record.fields.get("name") or record.fields.get("person") or ""
        cells = (record.id, record.kind, key, name, record.updated_at or "")
        table.add_row(*(Text(inert_line(cell)) for cell in cells))
    output.console(wide=True).print(table)


def crm_show(
    which: Annotated[str, typer.Argument(metavar="ID|DOMAIN|EMAIL", show_default=False)],
    config: ConfigOption = None,
    as_json: JsonOption = False,
    demo: DemoOption = False,
) -> None:
    """Show one record, and everything that was ever written to it."""
    from tools.crm import sqlite_file

    path, _ = _found(config, demo=demo)
    with _read(path) as connection:
        record = None if connection is None else _look_up(connection, which.strip())
        if connection is None or record is None:
            output.complain(
                f"crm: there is no {inert_line(which)}; `deskhand crm list{' --demo' * demo}` "
                "names all there are"
            )
            raise typer.Exit(1)
        changes = sqlite_file.history(connection, record.id)
    if as_json:
        output.as_json({**_record(record), "history": [vars(change) for change in changes]})
        return
    for name, value in {**_record(record), **record.fields}.items():
        if isinstance(value, str | int):
            output.line(inert_line(f"{name}: {value}"))
    for change in changes:
        by = f", approved by {change.approved_by}" if change.approved_by else ""
        was = "nothing" if change.old is None else change.old
        output.line(inert_line(f"{change.at} {change.field}: {was} -> {change.new}{by}"))


def crm_import(
    file: Annotated[Path, typer.Argument(metavar="FILE.csv|FILE.jsonl", show_default=False)],
    config: ConfigOption = None,
    as_json: JsonOption = False,
    demo: DemoOption = False,
) -> None:
    """Take in a CSV or JSON lines file: one record a row, by its domain or email.

    The header, or the keys, are field names. Empty cells change nothing. A row with a fault is
    named and left out; the others are taken in."""
    from bot.clock import SystemClock
    from bot.faults import OperatorError
    from tools.actions.crm_sqlite import import_rows
    from tools.crm.records import CrmUnavailable
    from tools.crm.rows import BadRow, NotRows, Row, read_rows

    path, loaded = _found(config, demo=demo)
    crm = loaded.config.crm if loaded is not None else None
    names = {theirs: ours for ours, theirs in crm.map.items()} if crm is not None else {}
    try:
        rows = list(read_rows(file, names))
        good = (row for row in rows if isinstance(row, Row))
        done = import_rows(path, good, SystemClock().now())
    except NotRows as fault:
        raise OperatorError(str(fault)) from fault
    except CrmUnavailable as fault:
        raise OperatorError(f"crm: {fault}") from fault
    bad = [row for row in rows if isinstance(row, BadRow)]
    if as_json:
        output.as_json({**vars(done), "errors": [vars(row) for row in bad]})
    else:
        output.line(
            f"created: {done.created}, updated: {done.updated}, unchanged: {done.unchanged}"
        )
        for row in bad:
            output.complain(inert_line(f"{file}:{row.line}: {row.why}; mend it, then import again"))
    raise typer.Exit(1 if bad else 0)


def _found(config: Path | None, *, demo: bool) -> tuple[Path, ConfigFile | None]:
    """The CRM's file, and the config where there is one; the ``demo``'s has none."""
    from bot.crm import crm_file

    settings = read_settings(config, demo=demo)
    if demo:
        return crm_file(settings.model_copy(update={"data": settings.data / "demo"}), None), None
    known = names_config(config) or settings.config.exists()
    loaded = read_config(settings, files=False) if known else None
    return crm_file(settings, loaded), loaded


def _read(path: Path) -> Any:
    """``sqlite_file.reading``, its fault as a line for the operator."""
    import contextlib
    from collections.abc import Iterator

    from bot.faults import OperatorError
    from tools.crm.records import CrmUnavailable
    from tools.crm.sqlite_file import reading

    @contextlib.contextmanager
    def opened() -> Iterator[sqlite3.Connection | None]:
        try:
            with reading(path) as connection:
                yield connection
        except CrmUnavailable as fault:
            raise OperatorError(f"crm: {fault}") from fault

    return opened()


def _look_up(connection: sqlite3.Connection, which: str) -> Record | None:
    from tools.crm import sqlite_file
    from tools.crm.records import key_of

    ident = which.removeprefix("crm:")
    if ident.isascii() and ident.isdigit() and len(ident) < 16:
        return sqlite_file.by_id(connection, int(ident))
    key = key_of(which)
    return None if key is None else sqlite_file.find(connection, key)


def _record(record: Record) -> dict[str, Any]:
    return {
        "id": int(record.id),
        "kind": record.kind,
        "domain": record.domain,
        "email": record.email,
        "fields": dict(record.fields),
        "updated_at": record.updated_at,
        "proposal": record.proposal,
    }
