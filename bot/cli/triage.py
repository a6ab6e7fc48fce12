"""``deskhand triage``: tickets in, proposals out, both as JSON lines. It acts on nothing."""

from __future__ import annotations

import json
import os
import sys
import time
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any, BinaryIO

import typer

from bot import event_loop
from bot.cli import output
from bot.cli.options import ConfigOption, read_config, read_settings

if TYPE_CHECKING:
    from collections.abc import Callable

    from bot.agent.run import RunOutcome
    from bot.cli.lines import Line
    from bot.config_file import ConfigFile
    from bot.settings import Settings
    from bot.ticket_body import TicketBody


class ModelChoice(StrEnum):
    """Which model works."""

    auto = "auto"
    """Anthropic's where ANTHROPIC_API_KEY is set, else the local one."""
    local = "local"
    anthropic = "anthropic"


@dataclass(frozen=True)
class Answered:
    """One line of the output, and whether it answers its ticket."""

    row: dict[str, Any]

    @property
    def well(self) -> bool:
        return bool(self.row["outcome"] != "error")


def register(app: typer.Typer) -> None:
    @app.command()
    def triage(
        file: Annotated[
            str, typer.Argument(metavar="[FILE|-]", help="JSON lines; - is stdin.")
        ] = "-",
        config: ConfigOption = None,
        playbook: Annotated[
            str | None,
            typer.Option("--playbook", help="(default: the first of kind triage)"),
        ] = None,
        model: Annotated[ModelChoice, typer.Option(help="Which model works.")] = ModelChoice.auto,
    ) -> None:
        """Read tickets as JSON lines, print a proposal a line. It acts on nothing."""
        from bot.cli.lines import opened
        from bot.faults import SettingsError

        settings = read_settings(config)
        if model is ModelChoice.anthropic and settings.anthropic_api_key is None:
            raise SettingsError("ANTHROPIC_API_KEY: not set; set it, or use --model local")
        loaded = config_or_desk(settings, named=config is not None)
        with opened(file) as source:
            well = event_loop.run(_triage(settings, loaded, source, playbook, model))
        raise typer.Exit(0 if well else 1)


def config_or_desk(settings: Settings, *, named: bool) -> ConfigFile:
    """The config file where there is one, else the demo's."""
    from bot.config_file import load
    from bot.demo.tickets import DESK

    if named or os.environ.get("DESKHAND_CONFIG") or settings.config.exists():
        return read_config(settings)
    return load(DESK / "desk.yaml")


async def _triage(
    settings: Settings,
    loaded: ConfigFile,
    source: BinaryIO,
    playbook: str | None,
    model: ModelChoice,
) -> bool:
    from bot.cli.lines import Pump
    from bot.cli.workbench import open_workbench
    from bot.logs import configure_logging

    # Which model works stands in the last line; who wants more of the log says so.
    configure_logging(settings.log_level if os.environ.get("DESKHAND_LOG") else "error", "text")
    async with open_workbench(settings, loaded, playbook, model.value) as bench:

        async def work(line: Line) -> Answered:
            return await _one(line, bench.run)

        pump = Pump(source, work, bench.at_once)
        well, count, begun = True, 0, time.monotonic()
        with _Progress(bench.model) as progress:
            async for answer in pump.answers():
                count += 1
                well = well and answer.well
                text = json.dumps(answer.row, ensure_ascii=False) + "\n"
                sys.stdout.buffer.write(text.encode("utf-8"))
                sys.stdout.buffer.flush()
                progress.done(answer.row["outcome"])
        seconds = time.monotonic() - begun
        each = f", {seconds / count:.3f} s a ticket" if count else ""
        output.complain(
            f"{count} tickets, {progress.words} in {seconds:.1f} s{each} ({bench.model})"
        )
    return well


async def _one(line: Line, run: Callable[[TicketBody], Any]) -> Answered:
    from bot.ticket_body import InvalidBody, read_body
    from handlers.guard import Refused, parse_object

    ident: str | None = None
    try:
        if line.too_long:
            raise InvalidBody("longer than 1 MiB")
        value = parse_object(line.text)
        if isinstance(value.get("id"), str):
            ident = value["id"]
        body = read_body(value)
    except Refused as refused:
        return Answered(_error(line, ident, refused.reason.removeprefix("the body ")))
    except InvalidBody as invalid:
        return Answered(_error(line, ident, str(invalid)))
    try:
        outcome: RunOutcome = await run(body)
    except Exception as fault:
        # One ticket that breaks the run must not take the others' answers with it; the line says
        # so, and the exit code.
        return Answered(_error(line, ident, f"the run failed: {type(fault).__name__}: {fault}"))
    return Answered(_row(body.id, outcome))


def _row(ident: str, outcome: RunOutcome) -> dict[str, Any]:
    from bot.agent.run import Drafted, Stopped

    if not isinstance(outcome, Drafted | Stopped):
        raise TypeError(f"a run without a conversation cannot end as {type(outcome).__name__}")
    content = outcome.content
    drafted = isinstance(outcome, Drafted)
    return {
        "id": ident,
        "outcome": "proposal" if drafted else "handoff",
        "labels": list(content.labels),
        "priority": content.priority,
        "route": content.route,
        "reply": content.reply,
        "citations": [
            citation.model_dump(mode="json")
            for citation in (outcome.citations if isinstance(outcome, Drafted) else ())
        ],
        "actions": [action.model_dump(mode="json") for action in content.actions],
        # Of a handoff: how sure the guess of its labels is; null where the run made none.
        "confidence": outcome.confidence,
        "model": outcome.model,
        "cost_usd": float(outcome.cost_usd),
        "reason": outcome.why if isinstance(outcome, Drafted) else outcome.handoff.reason,
    }


def _error(line: Line, ident: str | None, why: str) -> dict[str, Any]:
    return {
        "id": ident,
        "outcome": "error",
        "labels": [],
        "priority": None,
        "route": None,
        "reply": None,
        "citations": [],
        "actions": [],
        "confidence": None,
        "model": None,
        "cost_usd": 0.0,
        "reason": f"line {line.number}: {why}",
        "line": line.number,
    }


class _Progress:
    """How far it is: a live line on a terminal's stderr, nothing elsewhere."""

    def __init__(self, model: str) -> None:
        self._counts = {"proposal": 0, "handoff": 0, "error": 0}
        self._model = model
        self._live: Any = None
        self._task: Any = None

    @property
    def words(self) -> str:
        counts = self._counts
        return (
            f"{counts['proposal']} proposals, {counts['handoff']} handoffs, "
            f"{counts['error']} errors"
        )

    def __enter__(self) -> _Progress:
        if sys.stderr.isatty():
            from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

            self._live = Progress(
                SpinnerColumn(),
                TextColumn("{task.description}"),
                TimeElapsedColumn(),
                console=output.console(stderr=True),
                transient=True,
                # Our stdout is the result, not part of the picture.
                redirect_stdout=False,
            )
            self._live.start()
            self._task = self._live.add_task(f"triage ({self._model})", total=None)
        return self

    def done(self, outcome: str) -> None:
        self._counts[outcome] += 1
        if self._live is not None:
            self._live.update(self._task, description=f"{self.words} ({self._model})")

    def __exit__(self, *_: object) -> None:
        if self._live is not None:
            self._live.stop()
