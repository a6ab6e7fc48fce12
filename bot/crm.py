"""The CRM of the operator's file: where it is, who reads it, who writes it."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path

from pydantic import SecretStr

from bot.config import HubspotCrm, SalesforceCrm, SqliteCrm
from bot.config_file import ConfigFile
from bot.faults import ConfigError
from bot.ports import Clock
from bot.settings import Settings
from tools.actions.crm_http import HttpWriter
from tools.actions.crm_sqlite import SqliteWriter
from tools.actions.update_crm import CrmWriter
from tools.crm.dialect import Dialect
from tools.crm.hubspot import Hubspot
from tools.crm.records import CrmReader
from tools.crm.salesforce import Salesforce
from tools.crm.sqlite_file import SqliteReader
from tools.crm.vendor import Api, vendor_session


@dataclass(frozen=True)
class OpenCrm:
    """``reader`` goes to research, and holds nothing that can write; ``writer`` to the executor."""

    reader: CrmReader
    writer: CrmWriter


async def open_crm(
    stack: AsyncExitStack,
    settings: Settings,
    file: ConfigFile,
    secrets: Mapping[str, SecretStr],
    clock: Clock,
) -> OpenCrm:
    """Both sides of the configured CRM; ``secrets`` as ``settings.named_secrets`` gives them.
    Nothing is asked yet.

    Raises ``ConfigError``: no path beside ``REDIS_URL``, a token that is not set."""
    crm = file.config.crm or SqliteCrm()
    if isinstance(crm, SqliteCrm):
        path = crm_file(settings, file)
        return OpenCrm(SqliteReader(path), SqliteWriter(path, clock))
    session = await stack.enter_async_context(vendor_session())

    def api(name: str) -> Api:
        token = secrets.get(name)
        if token is None:
            raise ConfigError(f"{name}: is not set; set it to the token of your CRM")
        return Api(session, crm.base_url.rstrip("/"), token.get_secret_value())

    reader = _dialect(crm, api(crm.read_token_env or crm.token_env))
    return OpenCrm(reader, HttpWriter(_dialect(crm, api(crm.token_env)), clock))


def _dialect(crm: HubspotCrm | SalesforceCrm, api: Api) -> Dialect:
    if isinstance(crm, HubspotCrm):
        return Hubspot(api, crm.object, crm.map)
    return Salesforce(api, crm.object, crm.external_id, crm.api_version, crm.map)


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
