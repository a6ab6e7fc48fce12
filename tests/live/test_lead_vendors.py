"""Leads end to end with HubSpot and Salesforce on loopback: every way in which a write ends."""

from __future__ import annotations

import asyncio
import contextlib
import json
from pathlib import Path
from typing import Any, Literal

import pytest

from tests.live.sales import KESTREL, TABULA, Sales, sales
from tests.live.steps import alone, card_that, form, words
from tests.standins.crm import READ, WRITE, CrmStandin, hubspot_standin, salesforce_standin
from tests.standins.slack import Message
from tests.standins.wire import DropReply, HttpFailure, NotSeenError, RateLimited

Vendor = Literal["hubspot", "salesforce"]
TOKENS = {"CRM_WRITES": WRITE, "CRM_READS": READ}
_TOKENS = {"token_env": "CRM_WRITES", "read_token_env": "CRM_READS"}


def crm(vendor: Vendor, remote: CrmStandin) -> dict[str, Any]:
    """The file's ``crm``. HubSpot's own ``industry`` takes words of its own list alone."""
    used: dict[Vendor, dict[str, Any]] = {
        "hubspot": {"map": {"industry": "line_of_business", "proposal": "deskhand_proposal"}},
        "salesforce": {"map": {"proposal": "Deskhand__c"}},
    }
    return {"kind": vendor, "base_url": remote.url, **_TOKENS, **used[vendor]}


NAMES: dict[Vendor, dict[str, str]] = {
    "hubspot": {
        "name": "name",
        "domain": "domain",
        "size": "numberofemployees",
        "industry": "line_of_business",
        "location": "city",
    },
    "salesforce": {
        "name": "Name",
        "domain": "Domain__c",
        "size": "NumberOfEmployees",
        "industry": "Industry",
        "location": "BillingCity",
    },
}
ENDS: dict[Vendor, tuple[str, str, str]] = {
    "hubspot": ("search", "create", "update"),
    "salesforce": ("get", "upsert", "upsert"),
}


@pytest.mark.parametrize("vendor", ["hubspot", "salesforce"])
async def test_a_lead_through_a_vendors_api(tmp_path: Path, redis_url: str, vendor: Vendor) -> None:
    looks, creates, updates = ENDS[vendor]
    names = NAMES[vendor]
    standin = hubspot_standin() if vendor == "hubspot" else salesforce_standin()
    async with (
        standin as remote,
        sales(
            tmp_path, redis_url, crm=crm(vendor, remote), environment=TOKENS, fetch_pages=1
        ) as desk,
    ):
        # A new company. What the CRM refuses for now is not written, and the card says why.
        card = await desk.lead(TABULA)
        assert "4 of 4 fields chosen" in words(card)
        assert {_token(entry.args) for entry in remote.log} == {READ}
        remote.faults.add(creates, RateLimited(7))
        failed = await desk.approved(card, "failed")
        assert "try again in 7 s" in words(failed)
        # The CRM is away when a person asks for another attempt: that is said, and nothing done.
        away = remote.faults.add(looks, HttpFailure(503, "{}"), times=None)
        await until_told(desk, failed, "The CRM cannot be read just now")
        away.times = 0
        remote.faults.add(creates, HttpFailure(409, _conflict(vendor)))
        failed = await again(desk, card, "(409)")
        assert "has changed" in words(failed)
        assert remote.effects() == 0
        # The answer is lost, and what was written is found at once.
        remote.faults.add(creates, DropReply())
        done = await again(desk, card, "found by looking", "succeeded")
        assert remote.effects() == 1
        (held,) = remote.records.values()
        assert {ours: str(held[theirs]) for ours, theirs in names.items()} == {
            "name": "Tabula Data Services Ltd",
            "domain": TABULA,
            "size": "85",
            "industry": "Data processing",
            "location": "Leeds",
        }
        assert done.payload["proposal"] in held.values()
        # A second round changes nothing.
        await desk.sent("again", f"https://{TABULA}/")
        same = await card_that(desk.desk, "pending", "Nothing to change", timeout=30)
        await desk.approved(same)
        assert remote.effects() == 1
        # A colleague changes the record between card and approval: nothing is written.
        record: dict[str, Any] = {names["domain"]: KESTREL, names["name"]: "Kestrel"}
        remote.records["7001"] = record
        card = await desk.lead(KESTREL)
        # What the CRM has no place for is shown, and nobody can choose it.
        shown = words(card)
        assert "☐ Contacts: hello@kestrel-robotics.example · no place for it in the CRM" in shown
        view = await form(desk.desk, "U0AGENT", card, "edit")
        assert "contacts" not in json.dumps(view.block("action.0.fields"))
        record[names["size"]] = "9" if vendor == "hubspot" else 9
        failed = await desk.approved(card, "failed")
        assert "size has changed in the CRM since the card was made" in words(failed)
        assert remote.effects() == 1
        anew = await desk.pressed(failed, "retry", "pending")
        assert "☐ Size: 140 · CRM: 9" in words(anew)
        # An error says nothing of what has happened; it is looked for, and is not there.
        remote.faults.add(updates, HttpFailure(500))
        lost = await desk.approved(anew, "unknown")
        assert "answered 500" in words(lost)
        assert (remote.effects(), record[names["name"]]) == (1, "Kestrel")
        for name in (creates, updates):
            assert {_token(entry.args) for entry in remote.log.calls(name)} == {WRITE}
    assert remote.violations == []


async def again(desk: Sales, card: Message, said: str, state: str = "failed") -> Message:
    """Press *Retry* until the card shows what the new attempt has come to; once a press was taken,
    the button that was seen is void."""
    seen = desk.desk.slack.space.current(card)
    async with asyncio.timeout(30):
        while True:
            assert (await desk.desk.people.click("U0AGENT", seen, "deskhand.retry")).ok
            with contextlib.suppress(NotSeenError):
                return await card_that(desk.desk, state, said, timeout=5)


async def until_told(desk: Sales, card: Message, said: str) -> None:
    """Press *Retry* until the person is told so."""
    async with asyncio.timeout(30):
        while True:
            assert (await desk.desk.people.click("U0AGENT", card, "deskhand.retry")).ok
            with contextlib.suppress(NotSeenError):
                await alone(desk.desk, "U0AGENT", said, timeout=5)
                return


def _token(args: Any) -> str:
    return str(args["headers"]["Authorization"]).removeprefix("Bearer ")


def _conflict(vendor: Vendor) -> str:
    if vendor == "hubspot":
        return json.dumps({"status": "error", "category": "CONFLICT", "message": "changed"})
    return json.dumps([{"errorCode": "UNABLE_TO_LOCK_ROW", "message": "changed"}])
