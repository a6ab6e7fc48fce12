"""``deskhand trace`` and ``deskhand journal``: what happened, and that nobody changed it since."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bot import event_loop
from bot.cli import output
from bot.cli.options import ConfigOption, DemoOption, JsonOption, read_settings
from bot.terminal_text import inert_line

if TYPE_CHECKING:
    from bot.cli.attach import Attached
    from bot.settings import Settings
    from bot.store.entries import Line
    from bot.store.record import Record


def register(app: typer.Typer) -> None:
    @app.command()
    def trace(
        ident: Annotated[
            str,
            typer.Argument(
                metavar="ID",
                help="A ticket's, run's or proposal's id, or the permalink of its message or card.",
            ),
        ],
        as_json: JsonOption = False,
        texts: Annotated[
            bool, typer.Option("--texts", help="Show texts of the customer and the model, too.")
        ] = False,
        config: ConfigOption = None,
        demo: DemoOption = False,
    ) -> None:
        """Show everything that happened to a ticket, with times, tokens and cost."""
        settings = read_settings(config, demo=demo)
        found = event_loop.run(_trace(settings, ident, texts=texts, demo=demo))
        if found is None:
            output.complain(
                f"{inert_line(ident)}: there is no such ticket, run, proposal or message; "
                "`deskhand queue` lists what waits"
            )
            raise typer.Exit(1)
        if as_json:
            output.as_json(found.as_json())
        else:
            from bot.cli.tree import tree_of

            output.console(wide=True).print(tree_of(found))

    group = typer.Typer(no_args_is_help=True, help="The append-only record.")
    app.add_typer(group, name="journal")

    @group.callback()
    def journal() -> None:
        """The append-only record."""

    @group.command()
    def verify(
        head: Annotated[
            str | None,
            typer.Option(
                "--head",
                help="A signed head from the log: the chain must have passed through it.",
                show_default=False,
            ),
        ] = None,
        as_json: JsonOption = False,
        config: ConfigOption = None,
        demo: DemoOption = False,
    ) -> None:
        """Follow the journal's whole chain; the first entry that does not fit is named."""
        from bot.faults import OperatorError
        from bot.journal import Broken, read_head, sign_head

        settings = read_settings(config, demo=demo)
        secret = _secret(settings, demo=demo)
        vouched = None
        if head is not None:
            vouched = read_head(secret, head)
            if vouched is None:
                raise OperatorError(
                    "--head: this DESKHAND_SECRET did not sign it; copy the whole line from the "
                    "log, and use the secret of that time"
                )
        found = event_loop.run(_verify(settings, vouched, secret, demo=demo))
        if isinstance(found, Broken):
            if as_json:
                output.as_json(
                    {"ok": False, "entry": found.id, "position": found.position, "why": found.why}
                )
            elif found.why in ("segment_missing", "segment_forged"):
                from bot.store.segments import segments_folder

                what = "is missing" if found.why == "segment_missing" else "is not as it was signed"
                output.line(
                    f"broken at segment {found.id} (from number {found.position + 1}): it {what} "
                    f"in {segments_folder(settings.data)}; restore it from a backup, or run this "
                    "where the segments lie, with the DESKHAND_SECRET they were signed with"
                )
            else:
                output.line(
                    f"broken at entry {found.id} (number {found.position + 1}): {found.why}; "
                    "restore the store from a backup taken before it"
                )
            raise typer.Exit(1)
        signed = sign_head(secret, found.entries, found.head)
        if as_json:
            told = {"unreadable": found.unreadable} if found.unreadable else {}
            output.as_json({"ok": True, "entries": found.entries, "head": signed, **told})
        else:
            output.line(f"{found.entries} entries, whole and in order")
            if found.unreadable:
                output.line(
                    f"{found.unreadable} of them, from {found.first_unreadable} on, were written "
                    "by another version of Deskhand: their bytes fit, what they say is not read"
                )
            output.line(f"head: {signed}")


def _secret(settings: Settings, *, demo: bool) -> str:
    if demo:
        data = settings.data / "demo"
        settings = settings.model_copy(update={"data": data, "redis_url": None})
    return settings.secret().get_secret_value()


async def _verify(
    settings: Settings, vouched: tuple[int, bytes] | None, secret: str, *, demo: bool
) -> Any:
    from bot.cli.attach import attached
    from bot.store.segments import Segments, segments_folder

    segments = Segments(segments_folder(settings.data), secret)
    async with attached(settings, demo=demo) as there:
        return await there.store.record_book.verify(vouched, segments=segments)


# --- trace ------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Trace:
    """A ticket's entries, oldest first, with texts where they were asked for and still exist."""

    ticket: str
    entries: tuple[Line, ...]
    texts: dict[str, dict[str, str]]
    archived_until: datetime | None = None
    """Entries from before then are no longer in the store, but in signed files."""

    @property
    def cost_usd(self) -> Decimal:
        from bot.tracing import total_cost

        return total_cost(self.entries)

    def as_json(self) -> dict[str, Any]:
        return {
            "ticket": self.ticket,
            "cost_usd": float(self.cost_usd),
            **(
                {"archived_until": self.archived_until.isoformat()}
                if self.archived_until is not None
                else {}
            ),
            "entries": [
                {
                    "id": line.id,
                    "at": line.at.isoformat(),
                    **line.entry.model_dump(mode="json", exclude={"texts"}),
                    **({"texts": self.texts[line.id]} if line.id in self.texts else {}),
                }
                for line in self.entries
            ],
        }


async def _trace(settings: Settings, ident: str, *, texts: bool, demo: bool) -> Trace | None:
    from bot.cli.attach import attached
    from bot.store.segments import archived

    async with attached(settings, demo=demo) as there:
        case = await _case(there, ident)
        if case is None:
            return None
        book = there.store.record_book
        lines = tuple(await book.of_case(case))
        kept = await _texts(book, lines) if texts else {}
        files = await archived(there.store.wire, there.store.keys)
        opened = await there.store.ticket(case)
        until = datetime.fromtimestamp(files.until_ms / 1000, UTC) if files.entries else None
        if until is not None and opened is not None and opened.value.created_at > until:
            until = None
        return Trace(case, lines, kept, until)


async def _texts(book: Record, lines: tuple[Line, ...]) -> dict[str, dict[str, str]]:
    """What is kept beside these entries; where a text was, and is erased, it says so."""
    from bot.projection import ERASED

    kept = await book.texts([line.id for line in lines])
    return {
        line.id: kept.get(line.id) or dict.fromkeys(line.entry.texts, ERASED)
        for line in lines
        if line.entry.texts
    }


async def _case(there: Attached, ident: str) -> str | None:
    from bot.tracing import message_of

    store, message = there.store, message_of(ident)
    found = await (store.resolve_message(message) if message else store.resolve(ident))
    return found[0]
