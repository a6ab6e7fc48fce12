"""Leads in Teams: by the message action and by mention, the card where it was asked for."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.handlers.teams_schema import activity_faults
from tests.live.sales import SALES, TABULA
from tests.live.teams_product import TeamsLive, teams_config, teams_live
from tests.standins.companies import SITES
from tests.standins.company_sites import company_sites
from tests.standins.teams.driver import Sent
from tests.standins.teams.world import BILLING, ELSEWHERE, oid
from tools.crm.records import Key
from tools.crm.sqlite_file import SqliteReader

ROOT = "1612345"


async def acts(desk: TeamsLive, person: str, words: str) -> Sent:
    """Use the message action on what a customer wrote."""
    customer = desk.teams.world.people["customer"]
    payload = {
        "id": ROOT,
        "body": {"contentType": "html", "content": f"<p>{words}</p>"},
        "from": {"user": {"id": customer.oid, "displayName": customer.name}},
    }
    value = {"commandId": "deskhand.triage", "messagePayload": payload}
    name = "composeExtension/submitAction"
    acted = desk.people.activity(
        person, ELSEWHERE, type="invoke", name=name, root=ROOT, value=value
    )
    return await desk.insist(desk.people.send(acted))


async def test_a_lead_by_the_message_action_and_one_by_mention(
    tmp_path: Path, redis_url: str
) -> None:
    crm = tmp_path / "crm.sqlite"
    sales: dict[str, Any] = {
        **SALES,
        "askers": {"teams_users": [oid(3)]},
        "routes": {"default": {"card": {"teams": BILLING}, "approvers": {"teams_users": [oid(3)]}}},
    }
    partners = {
        **sales,
        "listen": [],
        "askers": {"teams_users": [oid(4)]},
        "routes": {"default": {"approvers": {"teams_users": [oid(3)]}}},
    }
    async with company_sites({TABULA: SITES[TABULA]}) as sites:
        file = {
            **teams_config(),
            "crm": {"kind": "sqlite", "path": str(crm)},
            "fetch": sites.fetch,
            "webhooks": {"crm": {"kind": "generic", "secret_env": "HELPDESK_SECRET"}},
            # Nobody triages here.
            "playbooks": {"sales": sales, "partners": partners},
        }
        environment = {"ANTHROPIC_API_KEY": ""}
        async with teams_live(tmp_path, redis_url, config=file, environment=environment) as desk:
            world = desk.teams.world
            assert (await acts(desk, "agent", f"Somebody of {TABULA} called")).body == {}
            card = await desk.card(timeout=60)
            assert card.conversation == BILLING
            assert TABULA in card.words
            assert not activity_faults(card.activity)
            await desk.people.decide("agent", card, "deskhand.approve")
            await desk.becomes(card, "succeeded")
            held = await SqliteReader(crm).find(Key("company", TABULA))
            assert held is not None
            assert held.fields["name"]
            await acts(desk, "nobody", f"Somebody of {TABULA} called")
            await desk.said("No playbook here does", world.chat_with(world.people["nobody"]))
            # The other playbook names no channel: its card stands where only members read it.
            asked = await desk.insist(desk.people.mention(f"enrich {TABULA}", "agent2", ELSEWHERE))
            again = await desk.card(timeout=60)
            assert (again.conversation, again.thread) == (ELSEWHERE, asked.activity["id"])
            await desk.people.decide("agent", again, "deskhand.reject", reason="other")
            await desk.becomes(again, "rejected")
            chat = world.chat_with(world.people["agent"])
            await desk.insist(desk.people.mention("enrich blocked.example", "agent", ELSEWHERE))
            await desk.said("enrich blocked.example", chat)
            assert len(world.cards()) == 2
