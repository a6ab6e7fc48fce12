"""Everything that lead playbooks need, opened together: the CRM, the fetch guard, the outbox.

What reads goes to research and to the gate, which looks before a card is made anew; what writes
goes to the executor and nowhere else.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass

from pydantic import SecretStr

from bot.config import LEAD_TOOLS
from bot.config_file import ConfigFile
from bot.crm import open_crm
from bot.lead_tools import LeadTools, lead_tools
from bot.ports import Clock
from bot.settings import Settings
from tools.actions.draft_outreach import DraftOutreach
from tools.actions.outbox import Outbox
from tools.actions.update_crm import UpdateCrm
from tools.crm.records import CrmReader
from tools.research.fetch.fetcher import Fetcher
from tools.signature import Signatures
from tools.spec import ActionTool


@dataclass(frozen=True)
class LeadSide:
    """``actions`` hold what can write."""

    research: LeadTools
    crm: CrmReader
    actions: tuple[ActionTool, ...]


async def open_leads(
    stack: AsyncExitStack,
    settings: Settings,
    file: ConfigFile,
    secrets: Mapping[str, SecretStr],
    clock: Clock,
    signatures: Signatures,
    fetcher: Fetcher | None = None,
) -> LeadSide | None:
    """None where no playbook of the file is about leads, or names a tool that is for them.
    ``fetcher``: None is one for the public web. Raises ``ConfigError``."""
    named = {
        name
        for playbook in file.config.playbooks.values()
        for name in (*playbook.research, *(use.tool for use in playbook.actions))
    }
    kinds = {playbook.kind for playbook in file.config.playbooks.values()}
    if "lead" not in kinds and not named & LEAD_TOOLS:
        return None
    crm = await open_crm(stack, settings, file, secrets, clock)
    outbox = Outbox(settings.data / "outbox", clock, signatures)
    return LeadSide(
        lead_tools(file.config.fetch, crm.reader, clock, fetcher=fetcher),
        crm.reader,
        (UpdateCrm(crm.writer), DraftOutreach(outbox, clock, signatures)),
    )
