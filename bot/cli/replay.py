"""``deskhand replay``: past runs once more, with another prompt or model. It acts on nothing."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bot import event_loop
from bot.cli import output
from bot.cli.chosen import ModelOption, check_priced, file_of, report_folder, window, with_model
from bot.cli.options import ConfigOption, DemoOption, JsonOption, read_settings
from bot.terminal_text import inert_line

if TYPE_CHECKING:
    from bot.cli.attach import Attached
    from bot.cli.workbench import BookedPurse, Workbench
    from bot.config_file import ConfigFile
    from bot.evaluate.pages import AboutReplay
    from bot.evaluate.past import PastRun, Replayed
    from bot.settings import Settings


def register(app: typer.Typer) -> None:
    @app.command()
    def replay(
        runs: Annotated[
            list[str] | None,
            typer.Argument(metavar="[RUN]...", help="Ids of runs.", show_default=False),
        ] = None,
        since: Annotated[
            str | None,
            typer.Option(
                "--since",
                metavar="WINDOW",
                help="Every run that ended in it, as 24h.",
                show_default=False,
            ),
        ] = None,
        prompt: Annotated[
            Path | None,
            typer.Option(
                "--prompt", metavar="FILE", help="Another prompt file.", show_default=False
            ),
        ] = None,
        model: ModelOption = None,
        playbook: Annotated[
            str | None,
            typer.Option("--playbook", help="Only this one's runs.", show_default=False),
        ] = None,
        usd: Annotated[
            float | None,
            typer.Option(
                "--usd",
                min=0,
                metavar="N",
                help="The most dollars that it may cost. (default: what is left today)",
                show_default=False,
            ),
        ] = None,
        out: Annotated[
            Path | None,
            typer.Option(
                "--out",
                metavar="DIR",
                help="Where replay.html goes. (default: eval in the data folder)",
                show_default=False,
            ),
        ] = None,
        as_json: JsonOption = False,
        config: ConfigOption = None,
        demo: DemoOption = False,
    ) -> None:
        """Run past tickets again and show what comes out otherwise. It writes nothing to the
        store and acts on nothing."""
        from bot.faults import OperatorError

        if bool(runs) == (since is not None):
            raise OperatorError("replay: name runs, or a window with --since 24h; one of the two")
        span = window(since) if since is not None else None
        settings = read_settings(config, demo=demo)
        loaded = file_of(settings, named=config is not None, demo=demo)
        wanted = _Wanted(tuple(dict.fromkeys(runs or ())), since, span, playbook, usd)
        settings, loaded = with_model(settings, _with_prompt(loaded, prompt, playbook), model)
        folder = report_folder(settings, out)
        done = event_loop.run(_replay(settings, loaded, wanted, prompt, folder, demo=demo))
        if as_json:
            rows = [one.as_json() for one in done.runs]
            output.as_json({"runs": rows, "cost_usd": float(done.cost_usd)})
        else:
            _print(done)
        output.complain(f"{folder / 'replay.html'} is written")
        for words in done.complaints:
            output.complain(inert_line(words))
        raise typer.Exit(1 if done.incomplete else 0)


@dataclass(frozen=True)
class _Wanted:
    """Which runs, and for how much at most."""

    ids: tuple[str, ...]
    since: str | None
    span: Any
    playbook: str | None
    usd: float | None


@dataclass
class _Done:
    """What became of the runs."""

    runs: list[Replayed] = field(default_factory=list)
    cost_usd: Decimal = Decimal(0)
    complaints: list[str] = field(default_factory=list)
    incomplete: bool = False
    """Some runs that could be replayed were not."""


def _with_prompt(loaded: ConfigFile, prompt: Path | None, playbook: str | None) -> ConfigFile:
    """The config with this prompt for its triage playbooks. Raises ``OperatorError``,
    ``PromptError``."""
    from bot.agent.prompting import load_prompt
    from bot.cli.workbench import triage_playbook

    if playbook is not None:
        triage_playbook(loaded, playbook)
    if prompt is None:
        return loaded
    load_prompt(prompt)
    books = {
        name: book.model_copy(update={"prompt": str(prompt.absolute())})
        if book.kind == "triage"
        else book
        for name, book in loaded.config.playbooks.items()
    }
    return replace(loaded, config=loaded.config.model_copy(update={"playbooks": books}))


async def _replay(
    settings: Settings,
    loaded: ConfigFile,
    wanted: _Wanted,
    prompt: Path | None,
    folder: Path,
    *,
    demo: bool,
) -> _Done:
    from bot.cli.attach import attached
    from bot.cli.workbench import BookedPurse, Lent, open_workbench
    from bot.config import Money
    from bot.logs import configure_logging

    configure_logging(settings.log_level if os.environ.get("DESKHAND_LOG") else "error", "text")
    done = _Done()
    async with attached(settings, loaded.config, demo=demo) as there:
        past = await _past(there, loaded, wanted, done)
        caps = Money(usd_per_day=await _cap(there, wanted))
        purse = BookedPurse(caps, day=there.store)
        lent = Lent(purse, there.store.examples)
        async with open_workbench(settings, loaded, None, "auto", lent=lent, past=True) as bench:
            check_priced(bench)
            await _run_all(past, bench, purse, done)
            about = _about(bench, done, prompt)
        done.cost_usd = purse.spent
        _write(folder, done, about)
        await _check_not_erased(there, done, folder)
    return done


async def _check_not_erased(there: Attached, done: _Done, folder: Path) -> None:
    """Whoever erases removes the reports that there are; one that is written meanwhile goes here.
    Raises ``OperatorError``."""
    from bot.evaluate.past import is_whole
    from bot.faults import OperatorError

    for ticket in {one.past.ticket.id: one.past.ticket for one in done.runs}.values():
        if not is_whole(ticket, await there.store.ticket(ticket.id)):
            (folder / "replay.html").unlink(missing_ok=True)
            raise OperatorError(
                "replay: texts were erased while it ran, so its report is not kept; run it again"
            )


async def _cap(there: Attached, wanted: _Wanted) -> Decimal:
    """What the replay may cost: as asked, and never more than is left of the day's budget, which
    it is taken from."""
    left = (await there.store.spending()).left
    asked = None if wanted.usd is None else Decimal(str(wanted.usd))
    if asked is None:
        return Decimal(0) if left is None else left
    return asked if left is None else min(asked, left)


async def _past(there: Attached, loaded: ConfigFile, wanted: _Wanted, done: _Done) -> list[PastRun]:
    """The runs, oldest first. One that is named and cannot be replayed is a mistake; of a window,
    it is left out and counted."""
    from bot.clock import SystemClock
    from bot.evaluate.past import NotThere, ended_since, past_run
    from bot.faults import OperatorError

    books = {name for name, book in loaded.config.playbooks.items() if book.kind == "triage"}
    if wanted.playbook is not None:
        books = {wanted.playbook}
    ids: Sequence[str] = wanted.ids
    if wanted.span is not None:
        ids = await ended_since(there.store, SystemClock().now() - wanted.span, books)
    found: list[PastRun] = []
    faults: list[str] = []
    for ident in ids:
        run = await past_run(there.store, ident)
        if isinstance(run, NotThere):
            faults.append(f"{inert_line(ident)}: {run.why}")
        elif run.ticket.playbook not in books:
            known = ", ".join(sorted(books))
            faults.append(
                f"{inert_line(ident)}: is of playbook {run.ticket.playbook}, not of {known}; "
                "name another run or config"
            )
        else:
            found.append(run)
    if wanted.ids and faults:
        raise OperatorError(*faults[:20])
    if not found:
        gone = f" that can be replayed ({len(faults)} cannot)" if faults else ""
        raise OperatorError(f"--since: no run has ended in {wanted.since}{gone}; name a longer one")
    if faults:
        one = len(faults) == 1
        done.complaints.append(
            f"{len(faults)} {'run is' if one else 'runs are'} left out: "
            f"{'its text is' if one else 'their texts are'} erased"
        )
    return list({run.run.id: run for run in found}.values())


async def _run_all(
    past: Sequence[PastRun], bench: Workbench, purse: BookedPurse, done: _Done
) -> None:
    from bot.cli.progress import Progress
    from bot.evaluate.given import given_by
    from bot.evaluate.past import Replayed
    from bot.ports import StoreUnavailable

    room = asyncio.Semaphore(bench.at_once)

    async def one(run: PastRun, progress: Progress) -> Replayed | None:
        async with room:
            if purse.refused:
                return None  # its money is spent; an answer without it would be another's
            kit = bench.kits[run.ticket.playbook]
            try:
                outcome = await bench.over(run.ticket, run.run)
            except StoreUnavailable:
                raise
            except Exception as fault:
                # One run that breaks must not take the others' answers with it.
                done.complaints.append(f"{run.run.id}: the run failed: {fault!r}")
                return None
            finally:
                progress.done()
            if run.run.id in purse.refused:
                return None
            return Replayed(run, given_by(outcome, kit.prompt_version))

    with Progress(f"replay ({bench.model})", len(past)) as progress:
        tasks = [asyncio.create_task(one(run, progress)) for run in past]
        try:
            results = await asyncio.gather(*tasks)
        finally:
            # The store went away, or the person gave up: nothing goes on behind their back.
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
    done.runs = [result for result in results if result is not None]
    done.incomplete = len(done.runs) < len(past)
    if purse.refused:
        done.complaints.append(
            f"its money is spent (${purse.caps.usd_per_day:.4f}): {len(past) - len(done.runs)} of "
            f"{len(past)} runs are not made; raise --usd or the day's budget"
        )
    if degraded := sum(result.after.degraded for result in done.runs):
        done.complaints.append(
            f"note: {degraded} of the answers are the local model's: the chosen one could not be "
            "had"
        )


def _about(bench: Workbench, done: _Done, prompt: Path | None) -> AboutReplay:
    from bot.clock import SystemClock
    from bot.evaluate.pages import AboutReplay, stamp

    versions = dict.fromkeys(one.after.prompt_version for one in done.runs)
    what = f"with {prompt.name}" if prompt else "with the prompts of the config"
    left_out = " · ".join(done.complaints)
    return AboutReplay(what, bench.model, tuple(versions), stamp(SystemClock().now()), left_out)


def _write(folder: Path, done: _Done, about: AboutReplay) -> None:
    from bot.evaluate.files import write_private
    from bot.evaluate.pages import replay_page

    write_private(folder / "replay.html", replay_page(done.runs, about))


def _print(done: _Done) -> None:
    from collections import Counter

    from rich.table import Table

    from bot.evaluate.past import FIELDS
    from bot.evaluate.plots import amount

    counted = Counter(name for one in done.runs for name in one.differs)
    table = Table(box=None, pad_edge=False, show_header=False)
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    table.add_row("runs", str(len(done.runs)))
    table.add_row("differ", str(sum(bool(one.differs) for one in done.runs)))
    for name in FIELDS:
        if counted[name]:
            table.add_row(f"  {name}", str(counted[name]))
    before = sum((one.before.cost_usd for one in done.runs), Decimal(0))
    table.add_row("cost before", amount(float(before), "$"))
    table.add_row("cost", amount(float(done.cost_usd), "$"))
    output.console(wide=True).print(table)
