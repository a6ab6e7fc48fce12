"""``deskhand eval``: labelled tickets through a playbook, scored; or such a file from decisions."""

from __future__ import annotations

import json
import os
import sys
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, BinaryIO

import typer

from bot import event_loop
from bot.cli import output
from bot.cli.chosen import ModelOption, check_priced, file_of, report_folder, window, with_model
from bot.cli.options import ConfigOption, DemoOption, JsonOption, names_config, read_settings
from bot.terminal_text import inert_line

if TYPE_CHECKING:
    from datetime import datetime

    from bot.config import Config
    from bot.config_file import ConfigFile
    from bot.evaluate.cases import LabelledTicket
    from bot.evaluate.given import Given
    from bot.evaluate.lessons import Lessons
    from bot.evaluate.pages import About
    from bot.evaluate.results import Evaluation
    from bot.settings import Settings

_WINDOW = "30d"
_WORST = 5
"""Labels that the table names."""


def register(app: typer.Typer) -> None:
    @app.command("eval")
    def evaluate(
        file: Annotated[
            str | None,
            typer.Argument(
                metavar="[FILE|-]",
                help='JSON lines: {"ticket": {...}, "labels": [], "route": "...", "articles": []}.',
                show_default=False,
            ),
        ] = None,
        playbook: Annotated[
            str | None,
            typer.Option(
                "--playbook", help="(default: the first of kind triage)", show_default=False
            ),
        ] = None,
        model: ModelOption = None,
        limit: Annotated[
            int | None,
            typer.Option(
                "--limit", min=1, metavar="N", help="Only the first N.", show_default=False
            ),
        ] = None,
        out: Annotated[
            Path | None,
            typer.Option(
                "--out",
                metavar="DIR",
                help="Where eval.json and eval.html go. (default: eval in the data folder) "
                "With --from-journal: the file. (default: stdout)",
                show_default=False,
            ),
        ] = None,
        from_journal: Annotated[
            bool, typer.Option("--from-journal", help="Make such a file from decisions.")
        ] = False,
        since: Annotated[
            str | None,
            typer.Option(
                "--since",
                metavar="WINDOW",
                help=f"With --from-journal: how far back. (default: {_WINDOW})",
                show_default=False,
            ),
        ] = None,
        as_json: JsonOption = False,
        config: ConfigOption = None,
        demo: DemoOption = False,
    ) -> None:
        """Run labelled tickets through a playbook and score what comes out. It acts on nothing."""
        from bot.faults import OperatorError

        settings = read_settings(config, demo=demo)
        if from_journal:
            if file is not None or model is not None or limit is not None:
                raise OperatorError(
                    "--from-journal makes a file: leave out FILE, --model and --limit, and run "
                    "`deskhand eval FILE` on what it makes"
                )
            _from_journal(settings, since or _WINDOW, playbook, out, names_config(config), demo)
            return
        if file is None:
            raise OperatorError(
                "eval: name a file of labelled tickets, - for stdin, or --from-journal"
            )
        if since is not None:
            raise OperatorError("--since: goes with --from-journal; leave it out")
        loaded = file_of(settings, named=config is not None, demo=demo)
        settings, loaded = with_model(settings, loaded, model)
        cases = _read(file)[:limit]
        _told_unknown(cases, loaded, playbook)
        folder = report_folder(settings, out)
        found = event_loop.run(
            _evaluate(settings, loaded, cases, playbook, folder, inert_line(file))
        )
        if as_json:
            output.as_json(found.figures)
        else:
            _print(found)
        output.complain(f"{folder / 'eval.html'} and {folder / 'eval.json'} are written")
        raise typer.Exit(1 if found.failed else 0)


def _read(file: str) -> tuple[LabelledTicket, ...]:
    from bot.evaluate.cases import read_cases
    from bot.faults import OperatorError

    name = "stdin" if file == "-" else file
    with ExitStack() as open_files:
        source: BinaryIO = sys.stdin.buffer
        try:
            if file != "-":
                source = open_files.enter_context(Path(file).open("rb"))
            return read_cases(source, name)
        except OSError as unreadable:
            raise OperatorError(
                f"{name}: cannot be read ({unreadable.strerror}); name a file of JSON lines, or - "
                "for stdin"
            ) from unreadable


def _told_unknown(
    cases: tuple[LabelledTicket, ...], loaded: ConfigFile, playbook: str | None
) -> None:
    """Say which expected labels and routes no answer can have: the config may have moved on."""
    from bot.cli.workbench import triage_playbook

    book = loaded.config.playbooks[triage_playbook(loaded, playbook)]
    expected = {label for case in cases for label in case.labels or ()}
    routes = {case.route for case in cases if case.route is not None}
    for what, missing in (
        ("labels", expected - set(book.labels)),
        ("routes", routes - set(book.routes)),
    ):
        if missing:
            names = ", ".join(inert_line(one) for one in sorted(missing)[:10])
            output.complain(
                f"note: playbook {book.name} does not have these {what}, so they count as wrong: "
                f"{names}{', …' if len(missing) > 10 else ''}"
            )


async def _evaluate(
    settings: Settings,
    loaded: ConfigFile,
    cases: tuple[LabelledTicket, ...],
    playbook: str | None,
    folder: Path,
    name: str,
) -> Evaluation:
    from bot.cli.progress import Progress
    from bot.cli.workbench import open_workbench
    from bot.evaluate.given import given_by
    from bot.evaluate.pages import About, stamp
    from bot.logs import configure_logging

    configure_logging(settings.log_level if os.environ.get("DESKHAND_LOG") else "error", "text")
    async with open_workbench(settings, loaded, playbook, "auto", past=True) as bench:
        check_priced(bench)
        # Seconds, because it brings an agent framework along: not before the input is sound.
        from bot.evaluate.scoring import evaluate

        version = bench.kits[bench.playbook].prompt_version

        async def run(case: LabelledTicket) -> Given:
            return given_by(await bench.run(case.body), version)

        with Progress(f"eval ({bench.model})", len(cases)) as progress:
            found = await evaluate(cases, run, bench.at_once, lambda _: progress.done())
        about = About(bench.playbook, name, bench.model, version, stamp(_now()))
    _write(folder, found, about)
    if found.degraded:
        output.complain(
            f"note: {found.degraded} of the answers are the local model's: the configured one "
            "could not be had, or its money was spent"
        )
    for failed in found.failed[:10]:
        output.complain(inert_line(f"line {failed.case.line}: the run failed: {failed.why}"))
    return found


def _write(folder: Path, found: Evaluation, about: About) -> None:
    from bot.evaluate.files import write_private
    from bot.evaluate.pages import eval_page

    write_private(folder / "eval.json", json.dumps(found.figures, indent=2) + "\n")
    write_private(folder / "eval.html", eval_page(found, about))


def _now() -> datetime:
    from bot.clock import SystemClock

    return SystemClock().now()


# --- what a person reads ----------------------------------------------------------------------


def _print(found: Evaluation) -> None:
    from rich.table import Table

    from bot.evaluate.pages import share
    from bot.evaluate.plots import amount

    figures = found.figures
    table = Table(box=None, pad_edge=False, show_header=False)
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")

    def row(name: str, words: str) -> None:
        table.add_row(name, inert_line(words))

    latency, citations = figures["latency_s"], figures["citations"]
    row("cases", f"{figures['cases']}, of which {figures['errors']} broke")
    row("labels right", share(figures["label"]["accuracy"]))
    row("routes right", share(figures["route"]["accuracy"]))
    row("articles cited that must be", share(figures["retrieval"]["recall"]))
    row("citations", f"{citations['supported']} supported, {citations['struck']} struck")
    row("handoffs", str(figures["handoffs"]))
    for each, name in zip(figures["calibration"], ("low", "medium", "high"), strict=True):
        claim = f"{each['from']:.0%} to {each['to']:.0%}"
        row(f"confidence {name}", f"{share(each['accuracy'])} of {each['n']} right ({claim})")
    row("cost", amount(figures["cost_usd"], "$"))
    if latency["p50"] is not None:
        row("latency", ", ".join(f"{amount(latency[at], 's')} ({at})" for at in latency))
    console = output.console(wide=True)
    console.print(table)
    pairs = _confused(figures["label"]["confusion"])
    if pairs:
        console.print()
        most = Table(box=None, pad_edge=False, header_style="bold")
        for heading in ("expected", "given instead", "times"):
            most.add_column(heading, overflow="fold")
        for expected, got, times in pairs[:_WORST]:
            most.add_row(inert_line(expected), inert_line(got), str(times))
        console.print(most)


def _confused(confusion: dict[str, dict[str, int]]) -> list[tuple[str, str, int]]:
    pairs = [
        (expected, got, times)
        for expected, row in confusion.items()
        for got, times in row.items()
        if expected != got
    ]
    return sorted(pairs, key=lambda pair: (-pair[2], pair[0], pair[1]))


# --- a file from decisions --------------------------------------------------------------------


def _from_journal(
    settings: Settings,
    since: str,
    playbook: str | None,
    out: Path | None,
    named: bool,
    demo: bool,
) -> None:
    from bot.cli.figures import config_if_any, known_playbook
    from bot.evaluate.files import write_private
    from bot.faults import OperatorError

    span = window(since)
    loaded = config_if_any(settings, named=named, demo=demo)
    known_playbook(playbook, loaded)
    found = event_loop.run(_lessons(settings, loaded, _now() - span, playbook, demo))
    if not found.rows:
        gone = f" whose texts are left ({found.erased} are erased)" if found.erased else ""
        raise OperatorError(f"--since: nobody decided a ticket in {since}{gone}; name a longer one")
    lines = [json.dumps(row, ensure_ascii=False) + "\n" for row in found.rows]
    if out is None:
        for line in lines:
            sys.stdout.buffer.write(line.encode("utf-8", "replace"))
        sys.stdout.buffer.flush()
    else:
        write_private(out, "".join(lines))
    output.complain(_counted(found))


def _counted(found: Lessons) -> str:
    counts: dict[Any, int] = dict(found.counts)
    parts = ", ".join(f"{counts.get(one, 0)} {one}" for one in ("approved", "edited", "rejected"))
    skipped = f"; {found.erased} skipped, their texts are erased" if found.erased else ""
    return f"{len(found.rows)} tickets: {parts}{skipped}"


async def _lessons(
    settings: Settings, config: Config | None, at: datetime, playbook: str | None, demo: bool
) -> Lessons:
    from bot.cli.attach import attached
    from bot.evaluate.lessons import lessons

    async with attached(settings, config, demo=demo) as there:
        return await lessons(there.store, at, playbook)
