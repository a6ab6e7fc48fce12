"""HubSpot and Salesforce: each request as documented, and what every end of it means."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Literal

import pytest

from bot.agent.lead import compared
from bot.agent.lead_check import Checked
from bot.commands import Outcome, Refused, Succeeded, Uncertain
from bot.domain import Content, LeadField
from bot.lead_card import chosen_in, lead_view
from bot.lead_edit import lead_form, update_action
from tests.actions.grants import EARLIER, KEY, TestClock
from tests.crm.test_sqlite import ACME, approval, args
from tests.standins.crm import (
    READ,
    WRITE,
    CrmStandin,
    HubspotStandin,
    hubspot_standin,
    salesforce_standin,
)
from tests.standins.wire import DropBefore, DropReply, Fault, Hang, HttpFailure, RateLimited
from tools.actions.crm_http import HttpWriter
from tools.actions.update_crm import UpdateCrmArgs
from tools.crm.compare import compare
from tools.crm.dialect import Dialect
from tools.crm.hubspot import Hubspot
from tools.crm.records import CrmUnavailable, Key
from tools.crm.salesforce import Salesforce
from tools.crm.vendor import Api, vendor_session
from tools.spec import Unanswered

Vendor = Literal["hubspot", "salesforce"]
VENDORS: tuple[Vendor, ...] = ("hubspot", "salesforce")


@dataclass
class Room:
    """One vendor's stand-in, with a reader and a writer that hold their own tokens."""

    vendor: Vendor
    remote: CrmStandin
    reader: Dialect
    writer: HttpWriter
    clock: TestClock

    @property
    def writing(self) -> str:
        return "update" if self.vendor == "hubspot" else "upsert"

    @property
    def looking(self) -> str:
        return "search" if self.vendor == "hubspot" else "get"

    def put(self, ident: str = "9001", **values: str) -> None:
        hubspot = {"name": "name", "location": "city", "domain": "domain"}
        salesforce = {"name": "Name", "location": "BillingCity", "domain": "Domain__c"}
        names = hubspot if self.vendor == "hubspot" else salesforce
        held = {"domain": "acme.example", **values}
        self.remote.records[ident] = {names[name]: value for name, value in held.items()}


@asynccontextmanager
async def room(vendor: Vendor, names: Mapping[str, str] | None = None) -> AsyncIterator[Room]:
    opened = hubspot_standin() if vendor == "hubspot" else salesforce_standin()
    async with opened as remote, vendor_session() as session:

        def dialect(token: str) -> Dialect:
            api = Api(session, remote.url, token)
            if vendor == "hubspot":
                return Hubspot(api, "companies", names or {})
            return Salesforce(api, "Account", "Domain__c", "v62.0", names or {})

        clock = TestClock()
        yield Room(vendor, remote, dialect(READ), HttpWriter(dialect(WRITE), clock), clock)
    assert remote.violations == []


@pytest.fixture(params=VENDORS)
async def crm(request: pytest.FixtureRequest) -> AsyncIterator[Room]:
    async with room(request.param) as made:
        yield made


NEW = args(name=(None, "Acme"), location=(None, "Köln"))
MORE = args(location=(None, "Köln"))


async def test_a_new_company_then_an_update_then_reading_it(crm: Room) -> None:
    assert await crm.reader.find(ACME) is None
    done = await crm.writer.write(NEW, approval())
    assert isinstance(done, Succeeded)
    record = await crm.reader.find(ACME)
    assert record is not None
    assert done.receipt == f"crm:{record.id}: name, location"
    assert (record.domain, record.fields) == ("acme.example", {"name": "Acme", "location": "Köln"})
    change = args(name=("Acme", "Acme SE"), size=(None, "250"))
    assert isinstance(await crm.writer.write(change, approval(EARLIER, "p_2")), Succeeded)
    record = await crm.reader.find(ACME)
    assert record is not None
    assert record.fields == {"name": "Acme SE", "location": "Köln", "size": "250"}
    assert crm.remote.effects() == 2
    assert [one.id for one in await crm.reader.named("Acme SE")] == [record.id]
    assert await crm.reader.named("O'Brien \\ Sons") == []


async def test_a_size_is_a_number_however_it_is_written(crm: Room) -> None:
    crm.put(name="Acme")
    crm.remote.faults.add(crm.writing, DropReply())
    done = await crm.writer.write(args(size=(None, "1,250")), approval())
    assert isinstance(done, Succeeded)
    assert "found by looking" in done.receipt
    record = await crm.reader.find(ACME)
    assert record is not None
    assert record.fields["size"] == "1250"
    assert [row.state for row in compare(record, {"size": "1.250", "name": "acme"})] == [
        "overwrite",
        "same",
    ]
    # What is no number is the vendor's to refuse, in its own words.
    refused = await crm.writer.write(args(size=("1250", "51-200")), approval(EARLIER, "p_2"))
    assert isinstance(refused, Refused)
    assert "(400)" in refused.error


async def test_what_the_crm_has_no_place_for_is_shown_and_never_chosen(crm: Room) -> None:
    found = Checked(
        tuple(LeadField(name=name, value="x", source="crm:1") for name in ("location", "fit"))
    )
    lead = compared(ACME, None, found, crm.reader)
    assert [(one.name, one.unplaced) for one in lead.fields] == [("location", False), ("fit", True)]
    action = update_action(lead, ("location", "fit"), "the CRM")
    assert chosen_in(action) == ("location",)
    form = lead_form(0, action, lead, fixed=False)
    assert [one.name for one in form.choices] == ["location"]
    assert [one.id for one in form.fields] == ["action.0.location"]
    person = compared(Key("person", "dana@acme.example"), None, found, crm.reader)
    assert all(one.unplaced for one in person.fields)
    nothing = update_action(person, ("location",), "the CRM")
    assert not nothing.included
    content = Content(labels=(), route="default", actions=(nothing,))
    assert "no place for any of it" in lead_view(person, content).note


async def test_a_reader_has_no_token_that_writes(crm: Room) -> None:
    crm.put(name="Acme")
    wrong = HttpWriter(crm.reader, crm.clock)
    assert isinstance(await wrong.write(MORE, approval()), Refused)
    assert crm.remote.effects() == 0


async def test_one_field_that_moved_and_nothing_is_sent(crm: Room) -> None:
    crm.put(name="Acme Ltd")
    done = await crm.writer.write(args(name=("Acme", "X"), location=(None, "Köln")), approval())
    assert done == Refused("name has changed in the CRM since the card was made")
    assert {entry.name for entry in crm.remote.log} <= {"search", "read", "get"}


async def test_salesforce_refuses_what_changed_between_reading_and_writing() -> None:
    async with room("salesforce") as crm:
        crm.put(name="Acme")

        def changes_under_way(_args: object) -> bool:
            crm.remote.records["9001"]["Name"] = "Other"
            return False

        crm.remote.faults.add("upsert", DropReply(), when=changes_under_way)
        done = await crm.writer.write(MORE, approval())
        assert isinstance(done, Refused)
        assert "412" in done.error
        assert "BillingCity" not in crm.remote.records["9001"]


@pytest.mark.parametrize(
    ("fault", "meant"),
    [
        (RateLimited(7), Refused),
        (HttpFailure(400, "{}"), Refused),
        (HttpFailure(401, "{}"), Refused),
        (HttpFailure(403, "{}"), Refused),
        (HttpFailure(404, "[]"), Refused),
        (HttpFailure(409, '{"category": "CONFLICT", "message": "exists"}'), Refused),
        (HttpFailure(300, "[]"), Refused),
        (HttpFailure(302, "{}"), Refused),
        (HttpFailure(408, "{}"), Uncertain),
        (HttpFailure(500), Uncertain),
        (HttpFailure(502), Uncertain),
        (HttpFailure(503, "{}"), Uncertain),
        (HttpFailure(200, "<html>a proxy's page</html>"), Uncertain),
        (DropBefore(), Uncertain),
    ],
)
async def test_what_an_answer_means_when_nothing_was_written(
    crm: Room, fault: Fault, meant: type[Outcome]
) -> None:
    crm.put(name="Acme")
    crm.remote.faults.add(crm.writing, fault)
    done = await crm.writer.write(MORE, approval())
    assert isinstance(done, meant)
    assert WRITE not in str(done)
    assert crm.remote.effects() == 0
    assert len(crm.remote.log.calls(crm.writing)) == 1
    assert await crm.writer.look_up(approval()) is None
    if isinstance(fault, RateLimited):
        assert "in 7 s" in str(done)


async def test_a_lost_answer_is_settled_by_looking_at_once(crm: Room) -> None:
    crm.put(name="Acme")
    crm.remote.faults.add(crm.writing, DropReply())
    done = await crm.writer.write(MORE, approval())
    assert isinstance(done, Succeeded)
    assert "found by looking" in done.receipt
    assert crm.remote.effects() == 1


async def test_a_lost_answer_that_cannot_be_looked_for_is_unknown_until_it_can(crm: Room) -> None:
    crm.put(name="Acme")
    crm.remote.faults.add(crm.writing, DropReply())
    crm.remote.faults.add(crm.looking, HttpFailure(500), skip=1)
    assert isinstance(await crm.writer.write(MORE, approval()), Uncertain)
    crm.remote.faults.add(crm.looking, HttpFailure(500))
    with pytest.raises(Unanswered):  # which is not: it is not there
        await crm.writer.look_up(approval())
    found = await crm.writer.look_up(approval())
    assert found == Succeeded("crm:9001: location (found by looking)")
    # A person had it sent again meanwhile: what is there is not written twice.
    later = approval("ef" * 32)
    object.__setattr__(later, "earlier_keys", (KEY,))
    assert isinstance(await crm.writer.write(MORE, later), Succeeded)
    assert crm.remote.effects() == 1


@pytest.mark.parametrize("vendor", VENDORS)
async def test_another_process_finds_it_by_the_proposals_mark(vendor: Vendor) -> None:
    names = {"proposal": "deskhand_proposal" if vendor == "hubspot" else "Deskhand__c"}
    async with room(vendor, names) as crm:
        crm.put(name="Acme")
        crm.remote.faults.add(crm.writing, DropReply())
        crm.remote.faults.add(crm.looking, HttpFailure(500), skip=1)
        assert isinstance(await crm.writer.write(MORE, approval()), Uncertain)
        other = HttpWriter(crm.reader, crm.clock)
        assert await other.look_up(approval()) == Succeeded("crm:9001 (found by looking)")
        assert await other.look_up(approval(EARLIER, "p_2")) is None
        # The same proposal once more writes nothing.
        assert isinstance(await crm.writer.write(MORE, approval(EARLIER)), Succeeded)
        assert crm.remote.effects() == 1


@pytest.mark.parametrize(
    "fault", [HttpFailure(500), RateLimited(1), DropReply(), HttpFailure(200, "<p>")]
)
async def test_a_crm_that_cannot_be_read_is_not_written(crm: Room, fault: Fault) -> None:
    crm.remote.faults.add(crm.looking, fault, times=None)
    assert isinstance(await crm.writer.write(NEW, approval()), Refused)
    assert crm.remote.effects() == 0
    with pytest.raises(CrmUnavailable):
        await crm.reader.find(ACME)


async def test_hubspots_search_may_be_behind_what_the_record_holds() -> None:
    async with room("hubspot") as crm:
        crm.put(name="Acme")
        assert isinstance(crm.remote, HubspotStandin)
        crm.remote.indexed = {"9001": dict(crm.remote.records["9001"])}
        crm.remote.records["9001"]["city"] = "Bonn"
        done = await crm.writer.write(MORE, approval())
        assert done == Refused("location has changed in the CRM since the card was made")
        # A lost answer is settled by the record, which the search does not know yet.
        crm.remote.faults.add("update", DropReply())
        change = args(location=("Bonn", "Köln"))
        assert isinstance(await crm.writer.write(change, approval(EARLIER, "p_2")), Succeeded)
        # A record that is gone although the search still finds it is none.
        crm.remote.records.clear()
        assert await crm.reader.find(ACME) is None


async def test_two_records_for_one_key_are_nobodys(crm: Room) -> None:
    crm.put("9001", name="Acme")
    crm.put("9002", name="Acme again")
    done = await crm.writer.write(MORE, approval())
    assert isinstance(done, Refused)
    assert "merge them" in done.error


async def test_no_byte_after_the_deadline_and_a_hang_ends_with_it(crm: Room) -> None:
    crm.put(name="Acme")
    assert isinstance(await crm.writer.write(MORE, approval(seconds=-1)), Refused)
    assert not crm.remote.log.calls(crm.writing)
    crm.remote.faults.add(crm.writing, Hang())
    assert isinstance(await crm.writer.write(MORE, approval(seconds=2)), Uncertain)


async def test_nobody_there_is_a_refusal() -> None:
    async with vendor_session() as session:
        gone = Hubspot(Api(session, "http://127.0.0.1:1", WRITE), "companies", {})
        done = await HttpWriter(gone, TestClock()).write(NEW, approval())
    assert done == Refused("HubSpot: it cannot be reached")


async def test_fields_and_kinds_that_the_crm_does_not_have(crm: Room) -> None:
    done = await crm.writer.write(args(fit=(None, "good")), approval())
    assert isinstance(done, Refused)
    assert "crm.map" in done.error
    person = UpdateCrmArgs.model_validate(
        {
            "kind": "person",
            "key": "dana@acme.example",
            "changes": [{"field": "role", "shown": None, "value": "CTO"}],
        }
    )
    assert isinstance(await crm.writer.write(person, approval()), Refused)
    assert await crm.reader.find(Key("person", "dana@acme.example")) is None
    assert len(crm.remote.log) == 0


async def test_a_value_that_hubspot_refuses_is_told_in_its_words() -> None:
    async with room("hubspot") as crm:
        crm.put(name="Acme")
        done = await crm.writer.write(args(industry=(None, "Rockets")), approval())
    assert isinstance(done, Refused)
    assert "VALIDATION_ERROR" in done.error
    assert "allowed options" in done.error


async def test_a_look_meanwhile_does_not_excuse_a_change() -> None:
    """The version that a write goes with is that of the record it was compared with."""
    async with room("salesforce") as crm:
        crm.put(name="Acme")
        record = await crm.reader.find(ACME)
        crm.remote.records["9001"]["Name"] = "Other"
        assert await crm.reader.find(ACME) != record
        async with vendor_session() as session:
            api = Api(session, crm.remote.url, WRITE)
            writing = Salesforce(api, "Account", "Domain__c", "v62.0", {})
            reply = await writing.put(ACME, record, {"BillingCity": "Bonn"}, 5)
        assert reply.status == 412


async def test_contacts_are_found_by_their_address() -> None:
    async with vendor_session() as session:
        crm = Hubspot(Api(session, "http://127.0.0.1:1", READ), "contacts", {"person": "full_name"})
        assert (crm.kind, crm.names["email"], crm.names["role"]) == ("person", "email", "jobtitle")
        assert await crm.find(ACME) is None
        with pytest.raises(CrmUnavailable):
            await crm.find(Key("person", "dana@acme.example"))
