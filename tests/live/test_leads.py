"""Leads, end to end: a webhook or a shortcut, sites on loopback, a card, fields in the CRM."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp

from bot.clock import SystemClock
from tests.live.product import Live, live
from tests.live.steps import Helpdesk, becomes, card_that, config, form, ticket, words
from tests.standins.companies import SITES
from tests.standins.company_sites import Companies, company_sites
from tests.standins.slack import Message
from tools.actions.crm_sqlite import import_rows
from tools.crm.records import Key, Record
from tools.crm.rows import Row
from tools.crm.sqlite_file import SqliteReader

KESTREL = "kestrel-robotics.example"
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
    crm: SqliteReader
    helpdesk: Helpdesk

    async def lead(self, text: str, state: str = "pending") -> Message:
        sent = ticket(f"l-{text}", text, subject="")
        assert await self.helpdesk.send(sent, name="crm") == 200
        return await card_that(self.desk, state, text, timeout=30)

    async def held(self, domain: str) -> Record:
        found = await self.crm.find(Key("company", domain))
        assert found is not None
        return found


@asynccontextmanager
async def sales(tmp_path: Path, redis_url: str, *known: Row) -> AsyncIterator[Sales]:
    """``known``: what the CRM holds before."""
    path = tmp_path / "crm.sqlite"
    if known:
        import_rows(path, known, SystemClock().now())
    async with company_sites({host: SITES[host] for host in (KESTREL, "tabula.example")}) as sites:
        webhook = {"kind": "generic", "secret_env": "HELPDESK_SECRET"}
        file: dict[str, Any] = config(
            crm={"kind": "sqlite", "path": str(path)},
            fetch=sites.fetch,
            webhooks={"helpdesk": webhook, "crm": webhook},
        )
        file["playbooks"]["sales"] = SALES
        environment = {"ANTHROPIC_API_KEY": ""}
        async with (
            live(tmp_path, redis_url, config=file, environment=environment) as desk,
            aiohttp.ClientSession() as session,
        ):
            helpdesk = Helpdesk(desk.product.url, session)
            yield Sales(desk, sites, SqliteReader(path), helpdesk)


async def test_a_lead_goes_field_by_field_into_the_crm(tmp_path: Path, redis_url: str) -> None:
    known = Row(Key("company", KESTREL), {"industry": "Toys", "name": "Kestrel Robotics"})
    async with sales(tmp_path, redis_url, known) as desk:
        card = await desk.lead(KESTREL)
        shown = words(card)
        assert "☑ Size: 140 · empty in the CRM" in shown
        assert "☐ Industry: Industrial robotics · CRM: Toys" in shown
        assert "In the CRM already: Name" in shown
        assert f"https://{KESTREL}/" in shown
        # What is equal is not offered, what overwrites is not ticked, and the letter is left out.
        view = await form(desk.desk, "U0AGENT", card, "edit")
        boxes = view.block("action.0.fields")["element"]
        ticked = {one["value"] for one in boxes["initial_options"]}
        assert {one["value"] for one in boxes["options"]} - ticked == {"industry"}
        assert "name" not in ticked
        assert "action.1.text" in {block.get("block_id") for block in view.blocks}
        include = view.block("include")["element"]
        assert [one["value"] for one in include["initial_options"]] == ["0"]
        # Two fields alone, one of them typed by hand.
        typed = {"action.0.fields": ["size", "location"], "action.0.location": "Graz, Austria"}
        assert (await desk.desk.people.submit(view, {**typed, "approve_now": []})).ok
        card = await card_that(desk.desk, "pending", "typed by")
        assert card.payload["revision"] == 2
        assert (await desk.desk.people.click("U0AGENT", card, "deskhand.approve")).ok
        await becomes(desk.desk, card, "succeeded")
        held = await desk.held(KESTREL)
        assert held.fields == {
            "industry": "Toys",
            "name": "Kestrel Robotics",
            "size": "140",
            "location": "Graz, Austria",
        }
