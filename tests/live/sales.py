"""A desk of sales: the product, companies' sites on loopback, and a CRM."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

import aiohttp

from bot.clock import SystemClock
from tests.live.product import Live, live
from tests.live.steps import Helpdesk, becomes, card_that, config, ticket
from tests.standins.companies import SITES
from tests.standins.company_sites import Companies, company_sites
from tests.standins.slack import Message
from tests.standins.wire import NotSeenError
from tools.actions.crm_sqlite import import_rows
from tools.crm.records import Key, Record
from tools.crm.rows import Row
from tools.crm.sqlite_file import SqliteReader

KESTREL, TABULA = "kestrel-robotics.example", "tabula.example"
SALES = {
    "kind": "lead",
    "listen": [{"webhook": "crm"}],
    "askers": {"slack_users": ["U0AGENT"]},
    "routes": {
        "default": {"card": {"slack": "C0SALES"}, "approvers": {"slack_users": ["U0AGENT"]}}
    },
    "research": ["fetch_page", "find_in_crm", "company_records"],
    "actions": ["update_crm", "draft_outreach"],
    "do_not_enrich": ["blocked.example"],
    "fetch_pages": 2,
}


@dataclass
class Sales:
    """The product with companies around it, and a CRM."""

    desk: Live
    sites: Companies
    path: Path
    helpdesk: Helpdesk

    @property
    def crm(self) -> SqliteReader:
        return SqliteReader(self.path)

    async def lead(self, text: str, state: str = "pending") -> Message:
        await self.sent(f"l-{text}", text)
        return await card_that(self.desk, state, text, timeout=30)

    async def sent(self, ident: str, text: str) -> None:
        """A lead by webhook, delivered until it is taken."""
        lead = ticket(ident, text, subject="")
        async with asyncio.timeout(30):
            while (status := await self.helpdesk.send(lead, name="crm")) != 200:
                assert status == 503
                await asyncio.sleep(0.05)

    async def mentioned(self, text: str, user: str = "U0AGENT") -> None:
        for one in await self.desk.people.mention(text, user=user, channel="C0SALES"):
            await self.desk.people.insist(one)

    async def approved(self, card: Message, state: str = "succeeded") -> Message:
        return await self.pressed(card, "approve", state)

    async def pressed(self, card: Message, verb: str, state: str) -> Message:
        """The card once it shows ``state``. Pressed again where a busy store has not saved it in
        time: a press that was taken is void from then on."""
        before = self.desk.slack.space.current(card).card_state
        async with asyncio.timeout(30):
            while self.desk.slack.space.current(card).card_state == before:
                assert (await self.desk.people.click("U0AGENT", card, f"deskhand.{verb}")).ok
                with contextlib.suppress(NotSeenError):
                    return await becomes(self.desk, card, state, timeout=5)
        return await becomes(self.desk, card, state, timeout=30)

    def written(self, **fields: str) -> None:
        """A colleague changes the CRM by another way."""
        row = Row(Key("company", TABULA), fields)
        import_rows(self.path, [row], SystemClock().now())

    async def held(self, domain: str) -> Record:
        found = await self.crm.find(Key("company", domain))
        assert found is not None
        return found


@asynccontextmanager
async def sales(
    tmp_path: Path,
    redis_url: str,
    *known: Row,
    hosts: Sequence[str] = (KESTREL, TABULA),
    crm: Mapping[str, Any] | None = None,
    environment: Mapping[str, str] = MappingProxyType({}),
    **playbook: Any,
) -> AsyncIterator[Sales]:
    """``known``: what the CRM holds before; ``hosts``: the companies that have a site; ``crm``:
    another than the embedded one; ``playbook``: keys of it."""
    path = tmp_path / "crm.sqlite"
    if known:
        import_rows(path, known, SystemClock().now())
    async with company_sites({host: SITES[host] for host in hosts}) as sites:
        webhook = {"kind": "generic", "secret_env": "HELPDESK_SECRET"}
        file: dict[str, Any] = config(
            crm=crm or {"kind": "sqlite", "path": str(path)},
            fetch=sites.fetch,
            webhooks={"helpdesk": webhook, "crm": webhook},
        )
        file["playbooks"]["sales"] = {**SALES, **playbook}
        variables = {"ANTHROPIC_API_KEY": "", **environment}
        async with (
            live(tmp_path, redis_url, config=file, environment=variables) as desk,
            aiohttp.ClientSession() as session,
        ):
            helpdesk = Helpdesk(desk.product.url, session)
            yield Sales(desk, sites, path, helpdesk)
