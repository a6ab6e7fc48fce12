"""The CRM that a config file asks for: which token goes where, and what is refused at start."""

from __future__ import annotations

from contextlib import AsyncExitStack
from pathlib import Path

import pytest
from pydantic import SecretStr

from bot.clock import SystemClock
from bot.commands import Succeeded
from bot.config_file import load
from bot.crm import OpenCrm, open_crm
from bot.faults import ConfigError
from bot.settings import from_environment
from tests.crm.test_commands import CONFIG
from tests.crm.test_sqlite import ACME, approval, args
from tests.standins.crm import READ, WRITE, hubspot_standin, salesforce_standin

TOKENS = {
    "HUBSPOT_TOKEN": SecretStr(WRITE),
    "SALESFORCE_TOKEN": SecretStr(WRITE),
    "CRM_READ": SecretStr(READ),
}


async def opened(
    stack: AsyncExitStack, folder: Path, crm: str, environ: dict[str, str] | None = None
) -> OpenCrm:
    path = folder / "deskhand.yaml"
    path.write_text(f"{CONFIG}crm: {crm}\n")
    settings = from_environment({"DESKHAND_DATA": str(folder), **(environ or {})})
    return await open_crm(stack, settings, load(path), TOKENS, SystemClock())


async def test_the_file_of_the_data_folder_without_a_word(tmp_path: Path) -> None:
    async with AsyncExitStack() as stack:
        crm = await opened(stack, tmp_path, "{kind: sqlite}")
        assert isinstance(await crm.writer.write(args(name=(None, "Acme")), approval()), Succeeded)
        assert await crm.reader.find(ACME) is not None
    assert "crm.sqlite" in crm.writer.place


async def test_reading_and_writing_have_their_own_tokens(tmp_path: Path) -> None:
    async with AsyncExitStack() as stack, hubspot_standin() as hub, salesforce_standin() as force:
        for remote, form in (
            (hub, "{{kind: hubspot, base_url: '{}', read_token_env: CRM_READ}}"),
            (force, "{{kind: salesforce, base_url: '{}/', read_token_env: CRM_READ}}"),
        ):
            crm = await opened(stack, tmp_path, form.format(remote.url))
            done = await crm.writer.write(args(name=(None, "Acme")), approval())
            assert isinstance(done, Succeeded)
            assert await crm.reader.find(ACME) is not None
            used = [entry.args["headers"]["Authorization"] for entry in remote.log]
            assert used[:2] == [f"Bearer {WRITE}"] * 2
            assert set(used[2:]) == {f"Bearer {READ}"}
            assert remote.violations == []


@pytest.mark.parametrize(
    ("crm", "environ"),
    [
        ("{kind: sqlite}", {"REDIS_URL": "redis://127.0.0.1:1"}),
        ("{kind: hubspot, token_env: NO_SUCH_TOKEN}", {}),
        ("{kind: hubspot, read_token_env: NO_SUCH_TOKEN}", {}),
    ],
)
async def test_what_cannot_be_opened(tmp_path: Path, crm: str, environ: dict[str, str]) -> None:
    async with AsyncExitStack() as stack:
        with pytest.raises(ConfigError):
            await opened(stack, tmp_path, crm, environ)
