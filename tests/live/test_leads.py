"""Leads, end to end: a webhook or a shortcut, sites on loopback, a card, fields in the CRM."""

from __future__ import annotations

from pathlib import Path

from tests.live.sales import KESTREL, TABULA, sales
from tests.live.steps import alone, card_that, cards, form, idle, says, words
from tools.crm.records import Key
from tools.crm.rows import Row


async def test_a_lead_goes_field_by_field_into_the_crm(tmp_path: Path, redis_url: str) -> None:
    known = Row(Key("company", KESTREL), {"industry": "Toys", "name": "Kestrel Robotics"})
    async with sales(tmp_path, redis_url, known) as desk:
        card = await desk.lead(KESTREL)
        shown = words(card)
        assert "☑ Size: 140 · empty in the CRM" in shown
        assert "☐ Industry: Industrial robotics · CRM: Toys" in shown
        assert "In the CRM already Name" in shown
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
        await desk.approved(card)
        held = await desk.held(KESTREL)
        assert held.fields == {
            "industry": "Toys",
            "name": "Kestrel Robotics",
            "size": "140",
            "location": "Graz, Austria",
        }


async def test_a_crm_that_has_moved_is_not_written_and_a_second_run_changes_nothing(
    tmp_path: Path, redis_url: str
) -> None:
    async with sales(tmp_path, redis_url) as desk:
        card = await desk.lead(TABULA)
        assert "4 of 4 fields chosen" in words(card)
        desk.written(size="90")
        failed = await desk.approved(card, "failed")
        assert "size has changed in the CRM since the card was made" in words(failed)
        assert (await desk.held(TABULA)).fields == {"size": "90"}
        # Retry looks anew: what is there by now is shown, and not ticked.
        anew = await desk.pressed(failed, "retry", "pending")
        assert anew.payload["revision"] == 2
        assert "☐ Size: 85 · CRM: 90" in words(anew)
        assert "3 of 4 fields chosen" in words(anew)
        await desk.approved(anew)
        held = await desk.held(TABULA)
        assert held.fields == {
            "name": "Tabula Data Services Ltd",
            "industry": "Data processing",
            "location": "Leeds",
            "size": "90",
        }
        # The same lead once more: nothing is chosen, so nothing is written.
        desk.written(size="85")
        await desk.sent("again", f"https://{TABULA}/")
        again = await card_that(desk.desk, "pending", "nothing to change".capitalize(), timeout=30)
        assert "update_crm" not in words(again)
        before = await desk.held(TABULA)
        await desk.approved(again)
        assert await desk.held(TABULA) == before


async def test_leads_are_asked_for_by_mention_and_by_shortcut(
    tmp_path: Path, redis_url: str
) -> None:
    async with sales(tmp_path, redis_url) as desk:
        people = desk.desk.people
        for thing, why in (
            ("sub.blocked.example", "do_not_enrich"),
            ("http://127.0.0.1/", "is an address"),
            ("jo@gmail.com", "private mailbox"),
        ):
            await desk.mentioned(f"enrich {thing}")
            await alone(desk.desk, "U0AGENT", why)
        await desk.mentioned(f"enrich {TABULA}", user="U0AGENT2")
        await alone(desk.desk, "U0AGENT2", "may not")
        await idle(desk.desk, timeout=20)
        assert not desk.sites.asked
        assert not cards(desk.desk)
        # A bare name that nobody knows is handed off; one who asks may approve.
        await desk.mentioned("enrich Nobody Knows Ltd")
        handed = await card_that(desk.desk, "handoff", "Nobody Knows", timeout=30)
        assert "no_source" in words(handed)
        assert not desk.sites.asked
        said = await says(desk.desk, f"New lead: {KESTREL}, please!", channel="C0TRIAGE")
        assert (await people.shortcut("U0AGENT", said)).ok
        card = await card_that(desk.desk, "pending", KESTREL, timeout=30)
        # The letter goes apart, once somebody ticks it.
        view = await form(desk.desk, "U0AGENT", card, "edit")
        typed = {"include": ["1"], "action.1.text": "Hello, may we call?", "approve_now": []}
        assert (await people.submit(view, typed)).ok
        edited = await card_that(desk.desk, "pending", "may we call", timeout=30)
        await desk.approved(edited)
        assert await desk.crm.find(Key("company", KESTREL)) is None
        (letter,) = (tmp_path / "data" / "outbox").glob("*.eml")
        assert "may we call" in letter.read_text()


async def test_fields_typed_by_hand_pass_the_same_gate(tmp_path: Path, redis_url: str) -> None:
    known = Row(Key("company", TABULA), {"industry": "Printing", "name": "Tabula"})
    async with sales(tmp_path, redis_url, known, hosts=()) as desk:
        people = desk.desk.people
        await desk.mentioned("enrich Nobody Knows Ltd")
        card = await card_that(desk.desk, "handoff", "Nobody Knows", timeout=30)
        view = await form(desk.desk, "U0AGENT", card, "edit")
        offered = {str(block.get("block_id")) for block in view.blocks}
        assert {"action.0.domain", "action.0.name", "action.0.fit", "include"} <= offered
        assert not {"reply", "action.0.email", "action.0.phone"} & offered
        for domain, why in (("no domain", "no domain"), ("sub.blocked.example", "do_not_enrich")):
            wrong = {"action.0.domain": domain, "action.0.name": "Nobody"}
            refused = await people.submit(view, wrong)
            assert why in refused.refusals["action.0.domain"]
        typed = {
            "action.0.domain": f"https://www.{TABULA.title()}/about",
            "action.0.name": "Tabula",
            "action.0.industry": "Data processing",
            "action.0.size": "85",
            "approve_now": ["approve_now"],
        }
        assert (await people.submit(view, typed)).ok
        card = await card_that(desk.desk, "pending", TABULA, timeout=30)
        shown = words(card)
        # What the CRM holds has been seen by nobody yet, so that nothing is approved at once.
        assert "Look at what the CRM holds, then approve" in shown
        assert "☑ Size: 85 · empty in the CRM typed by" in shown
        assert "☐ Industry: Data processing · CRM: Printing" in shown
        assert "In the CRM already Name" in shown
        await desk.approved(card)
        held = await desk.held(TABULA)
        assert held.fields == {"name": "Tabula", "industry": "Printing", "size": "85"}
        # Who is not to be looked up is not to be written down either.
        barred = await desk.lead("blocked.example", "handoff")
        assert "Type fields" not in words(barred)


async def test_a_lead_that_nobody_may_be_looked_up_for_is_handed_off_unread(
    tmp_path: Path, redis_url: str
) -> None:
    async with sales(tmp_path, redis_url) as desk:
        card = await desk.lead("blocked.example", "handoff")
        assert "refusal" in words(card)
        assert "do_not_enrich" in words(card)
        assert not desk.sites.asked
        # It has no field, and is found by whom its words name all the same.
        store = desk.desk.product.store
        named, _ = await store.resolve(
            (await desk.lead("ceo@blocked.example", "handoff")).payload["proposal"]
        )
        assert named is not None
        kept = await store.ticket(named)
        assert kept is not None
        assert kept.value.about == {"ceo@blocked.example"}
        card = await desk.lead("http://127.0.0.1:6379/", "handoff")
        assert "is an address" in words(card)
        assert not desk.sites.asked
