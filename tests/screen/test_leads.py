"""What a lead's own facts are to the screen."""

from __future__ import annotations

from bot.agent.draft_check import Source
from bot.domain import Content, Lead
from bot.lead_edit import update_action
from bot.screen import Sieve
from bot.screening import Screening
from tests.agent.make import ticket
from tests.pictures.leads import CHOSEN, LEAD


async def _none(_article: str) -> Source | None:
    return None


SCREEN = Screening(Sieve(allowed_domains=("acme.example",)), "reason", _none)


async def found(lead: Lead) -> list[tuple[str, str]]:
    action = update_action(lead, CHOSEN, "the CRM")
    content = Content(labels=(), route="default", actions=(action,))
    hits = await SCREEN.of(content, ticket(), (), lead)
    return [(hit.name, hit.field) for hit in hits]


async def test_a_leads_own_domain_leads_nowhere_else() -> None:
    assert await found(LEAD) == []
    person = LEAD.model_copy(update={"kind": "person", "key": "ada@kestrel-robotics.example"})
    assert await found(person) == []


async def test_a_link_elsewhere_in_a_field_is_found() -> None:
    elsewhere = tuple(
        one.model_copy(update={"value": "See https://evil.example/x", "quote": "See"})
        if one.name == "summary"
        else one
        for one in LEAD.fields
    )
    hits = await found(LEAD.model_copy(update={"fields": elsewhere}))
    assert hits == [("foreign_link", "action.0.changes")]
