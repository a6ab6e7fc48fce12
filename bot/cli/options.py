"""Options that several commands share, and what they are made into."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from bot.config_file import ConfigFile
    from bot.settings import Settings

_REDIS = "REDIS_URL"

ConfigOption = Annotated[
    Path | None,
    typer.Option(
        "--config",
        metavar="FILE",
        help="The config file. (default: DESKHAND_CONFIG, else ./deskhand.yaml)",
        show_default=False,
    ),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON for a program.")]
DemoOption = Annotated[bool, typer.Option("--demo", help="Look at the demo's own store.")]


def read_settings(config: Path | None = None, *, demo: bool = False) -> Settings:
    """The environment; ``--config`` wins over ``DESKHAND_CONFIG``. The ``demo`` has a store of its
    own, so that not even a wrong ``REDIS_URL`` touches it."""
    from bot.settings import from_environment

    given = {name: value for name, value in os.environ.items() if not (demo and name == _REDIS)}
    found = from_environment(given)
    return found if config is None else found.model_copy(update={"config": config})


def names_config(config: Path | None) -> bool:
    """Does somebody name a config file? One that is named must be there; the default need not."""
    return config is not None or bool(os.environ.get("DESKHAND_CONFIG", "").strip())


def read_config(settings: Settings, *, secrets: bool = False, files: bool = True) -> ConfigFile:
    """The config file. ``secrets``: the variables that it names must be set."""
    from bot.config_file import load

    return load(settings.config, environment=os.environ if secrets else None, files=files)
