"""What ``eval`` and ``replay`` are told in words: a model, a window, a place for the report."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from bot.cli.workbench import Workbench
    from bot.config_file import ConfigFile
    from bot.settings import Settings

ModelOption = Annotated[
    str | None,
    typer.Option(
        "--model",
        metavar="local|NAME",
        help="The local model, or one of Anthropic's by its name. (default: the config's)",
        show_default=False,
    ),
]


def file_of(settings: Settings, *, named: bool, demo: bool) -> ConfigFile:
    """The config file where there is one, else (and for the ``demo``) the sample desk's."""
    from bot.cli.triage import config_or_desk
    from bot.config_file import load
    from bot.demo.tickets import DESK

    return load(DESK / "desk.yaml") if demo else config_or_desk(settings, named=named)


def with_model(
    settings: Settings, file: ConfigFile, model: str | None
) -> tuple[Settings, ConfigFile]:
    """The settings and the config with this model in place of theirs. Raises ``SettingsError``."""
    from bot.config import Models
    from bot.faults import SettingsError

    if model is None:
        return settings, file
    if model == "local":
        return settings.model_copy(update={"anthropic_api_key": None}), file
    if settings.anthropic_api_key is None:
        raise SettingsError(
            f"ANTHROPIC_API_KEY: not set, and --model {model} needs it; set it, or use "
            "--model local"
        )
    chosen = file.config.model_copy(update={"model": Models(name=model, draft=model)})
    return settings, replace(file, config=chosen)


def check_priced(bench: Workbench) -> None:
    """Refuse a model whose price nobody knows, before it is called. Raises ``OperatorError``."""
    from bot.faults import OperatorError

    if bench.unpriced:
        names = ", ".join(repr(one) for one in bench.unpriced)
        raise OperatorError(
            f"--model: nobody knows what {names} costs, so it is not called; name one of "
            "Anthropic's models, as claude-haiku-5-5, or local"
        )


def window(text: str) -> timedelta:
    """A length of time, as 24h or 30d. Raises ``OperatorError``."""
    from bot.faults import OperatorError
    from bot.playbook import duration

    try:
        found = duration(text)
    except (ValueError, OverflowError):
        found = timedelta(0)
    if not timedelta(0) < found <= timedelta(days=36_500):
        raise OperatorError(f"--since: {text!r} is no length of time; write 24h, 7d or 30d")
    return found


def report_folder(settings: Settings, out: Path | None) -> Path:
    """Where the report goes, made ready before anything is paid for."""
    from bot.evaluate.files import ready_folder
    from bot.store.reports import reports_folder

    folder = reports_folder(settings.data) if out is None else out
    ready_folder(folder)
    return folder
