"""``deskhand erase``: a person's request that what they wrote be erased."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from bot import event_loop
from bot.cli import output
from bot.cli.options import ConfigOption, JsonOption, read_settings
from bot.terminal_text import inert_line

if TYPE_CHECKING:
    from bot.settings import Settings
    from bot.store.erasing import Counts

_PRINTED = ("tickets", "texts", "examples", "index", "cards")


def register(app: typer.Typer) -> None:
    @app.command()
    def erase(
        person: Annotated[
            str,
            typer.Option(
                "--person",
                metavar="ID",
                help="A Slack or Teams user id, an e-mail address, or WEBHOOK:AUTHOR-ID.",
                show_default=False,
            ),
        ],
        dry_run: Annotated[
            bool, typer.Option("--dry-run", help="Only count; change nothing.")
        ] = False,
        as_json: JsonOption = False,
        config: ConfigOption = None,
    ) -> None:
        """Erase everything that a person wrote, and every lead that names their e-mail address.

        Sent replies are not recalled; what is in the CRM stays there."""
        from bot.faults import OperatorError

        if not person.strip():
            raise OperatorError(
                "--person: is empty; give a user id, an e-mail address, or WEBHOOK:AUTHOR-ID"
            )
        settings = read_settings(config)
        counts = event_loop.run(_erase(settings, person, dry_run=dry_run))
        figures = counts.data()
        if as_json:
            output.as_json({name: figures[name] for name in _PRINTED})
        else:
            would = "would be erased" if dry_run else "erased"
            for name in _PRINTED:
                output.line(f"{name}: {figures[name]} {'redrawn' if name == 'cards' else would}")
        if counts.reports:
            would = "would be removed" if dry_run else "are removed"
            output.complain(f"{counts.reports} reports that held their words {would}")
        if counts.left:
            output.complain(
                f"{counts.left} tickets of {inert_line(person.strip())} are left: an action of "
                "theirs is approved, under way or unknown; settle it, then erase again"
            )
            raise typer.Exit(1)


async def _erase(settings: Settings, person: str, *, dry_run: bool) -> Counts:
    from bot.cli.attach import attached
    from bot.clock import SystemClock
    from bot.store.erasing import Eraser
    from bot.store.references import RedisReferences
    from bot.store.reports import Reports, reports_folder
    from bot.store.rewriting import rewrite_files

    async with attached(settings) as there:
        reports = Reports(reports_folder(settings.data))
        eraser = Eraser(there.store.wire, there.store.keys, SystemClock(), reports)
        counts = await eraser.person(person, dry_run=dry_run)
        if not dry_run:
            # Where a person in Teams is reached; Entra's object ids are kept in small letters.
            references = RedisReferences(there.store.wire, there.store.keys)
            await references.forget(person.strip().lower())
        if settings.embedded and not dry_run:
            # Also where nothing was found: an earlier run may have been broken off before this.
            try:
                await rewrite_files(there.store.wire)
            except TimeoutError:
                output.complain(
                    "the store is still writing its file anew; erased texts leave it when that ends"
                )
        return counts
