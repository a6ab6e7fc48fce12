"""The CRM of the operator's file: where it is, who reads it, who writes it."""

from __future__ import annotations

from pathlib import Path

from bot.config import SqliteCrm
from bot.config_file import ConfigFile
from bot.faults import ConfigError
from bot.settings import Settings


def crm_file(settings: Settings, file: ConfigFile | None) -> Path:
    """Where the embedded CRM lies. Raises ``ConfigError`` where the CRM is another, or where with
    ``REDIS_URL`` no path says which file all replicas share."""
    crm = file.config.crm if file is not None and file.config.crm is not None else SqliteCrm()
    if not isinstance(crm, SqliteCrm):
        raise ConfigError(
            f"crm.kind: the CRM is {crm.kind}, which has a window of its own; "
            "`deskhand crm` is for kind sqlite"
        )
    if crm.path is not None and file is not None:
        return file.resolve(crm.path)
    if not settings.embedded:
        raise ConfigError(
            "crm.path: is not set, though REDIS_URL is; write the path of the file that every "
            "replica uses, as in crm: {kind: sqlite, path: ./crm.sqlite}"
        )
    return settings.data / "crm.sqlite"
