"""Approving what the screen has found: the press decides nothing, the reason does, by who may."""

from __future__ import annotations

import asyncio

from bot.agent.draft_check import Source
from bot.commands import Refused
from bot.domain import Citation, Hit, Proposal
from bot.forms import ApproveInput, EditInput, FieldErrors, ReasonForm, Submitted
from tests.decisions.room import ADA, BO, CY, Room, actor, decided, refused, said, token

HIT = Hit(name="payment_card", start=0, end=5)
WHY = ApproveInput("It is our own test card.")


async def approve(
    room: Room, card: Proposal, given: ApproveInput = WHY, who: str = ADA
) -> Submitted:
    return await room.decide.submit_approve(token(card, "approve"), actor(who), given)


async def test_a_press_asks_why_and_changes_nothing(room: Room) -> None:
    card = await room.card(hits=(HIT,))
    form = await room.press(card, "approve")
    assert isinstance(form, ReasonForm)
    assert form.found == ("Screen: payment_card",)
    assert await room.now(card) == card
    await room.run(card)
    assert room.remote.arrived == []

    done = decided(await approve(room, card))
    assert done.state == "approved"
    await room.run(done)
    assert len(room.remote.arrived) == 1
    assert refused(await approve(room, card, who=BO)) == "decided"


async def test_the_reason_has_its_length_and_its_author_must_still_be_allowed(room: Room) -> None:
    card = await room.card(hits=(HIT,))
    for words in ("", "  no  ", "x" * 501, "\u200b\u200b\u200b\u200b"):
        given = await approve(room, card, ApproveInput(words))
        assert isinstance(given, FieldErrors), words
        assert set(given.errors) == {"reason"}
    assert isinstance(await room.press(card, "approve"), ReasonForm)
    room.people.standings[ADA] = "deleted"
    assert refused(await approve(room, card)) == "deleted"
    assert refused(await approve(room, card, who=CY)) == "not_approver"
    assert refused(await room.press(card, "approve", CY)) == "not_approver"
    assert await room.now(card) == card


async def test_a_reason_for_an_older_revision_is_stale(room: Room) -> None:
    room = room.screened()
    card = await room.card(hits=(HIT,))
    decided(await room.edit(card, EditInput(reply="Card 4111 1111 1111 1111", approve_now=True)))
    now = await room.now(card)
    assert (now.state, now.revision) == ("pending", 2)
    assert [hit.name for hit in now.hits] == ["payment_card"]
    assert refused(await approve(room, card)) == "stale"
    assert decided(await approve(room, now)).state == "approved"


async def test_of_many_reasons_at_once_one_decides(room: Room) -> None:
    card = await room.card(hits=(HIT,))
    outcomes = await asyncio.gather(*(approve(room, card, who=who) for who in (ADA, BO) * 4))
    assert sum(1 for one in outcomes if not hasattr(one, "kind")) == 1
    await room.run(card)
    assert len(room.remote.arrived) == 1


async def test_two_people_where_a_second_is_asked_for(room: Room) -> None:
    room.people.emails = {ADA: "ada@acme.example", BO: "bo@acme.example"}
    card = await room.card(hits=(HIT,), on_hit="second", approvals_needed=2)
    once = decided(await room.press(card, "approve"))
    assert (once.state, len(once.approvals)) == ("pending", 1)
    again = await room.press(once, "approve")
    assert "a second person must" in said(again)
    assert decided(await room.press(once, "approve", BO)).state == "approved"


async def test_an_edit_waits_for_two_where_a_second_is_asked_for(room: Room) -> None:
    room = room.screened("second")
    card = await room.card()
    given = EditInput(reply="Ask bo@globex.example", approve_now=True)
    waiting = decided(await room.edit(card, given))
    assert (waiting.state, waiting.approvals_needed, waiting.hit_names) == (
        "pending",
        2,
        ("other_email",),
    )
    assert "other_email" in waiting.notices[-1].text


async def test_an_edit_is_screened_against_the_articles_that_are_cited(room: Room) -> None:
    text = "We refund within 14 days. Write to help@globex.example."
    room = room.screened(source=Source("refunds.md", "Refunds", text))
    cited = Citation(article="refunds.md", title="", quote="within 14 days", supported=True)
    reply = "We will refund you within 14 days. Write to help@globex.example."
    known = await room.card(citations=(cited,))
    edited = decided(await room.edit(known, EditInput(reply=reply, approve_now=True)))
    assert (edited.state, edited.hits) == ("approved", ())
    struck = cited.model_copy(update={"supported": False})
    other = await room.card(citations=(struck,))
    waiting = decided(await room.edit(other, EditInput(reply=reply, approve_now=True)))
    assert waiting.hit_names == ("promise", "other_email")


async def test_a_card_from_before_a_screen_is_screened_before_it_is_approved(room: Room) -> None:
    """The operator's new policy holds for what waits already."""
    card = await room.card()
    now = room.screened(word="Billing")
    shown = decided(await now.press(card, "approve"))
    assert (shown.state, shown.revision, shown.hit_names) == ("pending", 2, ("policy:word",))
    assert "The screen has found policy:word, so look at it once more." in shown.notices[-1].text
    await now.run(shown)
    assert room.remote.arrived == []
    assert refused(await approve(now, card)) == "stale"
    assert isinstance(await now.press(shown, "approve"), ReasonForm)
    done = decided(await approve(now, shown))
    assert done.state == "approved"
    await now.run(done)
    assert len(room.remote.arrived) == 1


async def test_what_a_changed_policy_does_not_find_is_approved_at_once(room: Room) -> None:
    room = room.screened()
    card = await room.card()
    assert card.sieve == ""
    assert decided(await room.screened(word="Initech").press(card, "approve")).state == "approved"
    hit = await room.card(hits=(HIT,))
    done = decided(await approve(room.screened(word="Initech"), hit))
    assert (done.state, done.hits) == ("approved", (HIT,)), "what it has found stays found"


async def test_a_changed_policy_voids_the_first_of_two_approvals(room: Room) -> None:
    room.people.emails = {ADA: "ada@acme.example", BO: "bo@acme.example"}
    card = await room.card(approvals_needed=2)
    once = decided(await room.press(card, "approve"))
    now = room.screened(word="Billing", on_hit="second")
    shown = decided(await now.press(once, "approve", BO))
    assert (shown.state, shown.approvals, shown.approvals_needed) == ("pending", (), 2)
    assert len(decided(await now.press(shown, "approve", BO)).approvals) == 1
    both = decided(await now.press(shown, "approve", ADA))
    assert both.state == "approved"


async def test_a_hit_asks_for_a_second_person_from_the_day_on_that_the_file_does(
    room: Room,
) -> None:
    old = room.screened(word="Billing")
    card = await old.card()
    shown = decided(await old.press(card, "approve"))
    assert shown.asks_why
    now = room.screened(word="Billing", on_hit="second")
    again = decided(await now.press(shown, "approve"))
    assert (again.state, again.revision, again.approvals_needed) == ("pending", 3, 2)


async def test_what_failed_is_screened_before_it_is_tried_again(room: Room) -> None:
    room.remote.answers = [Refused("not now")]
    card = await room.approved()
    await room.run(card)
    failed = await room.now(card)
    assert failed.state == "failed"
    now = room.screened(word="Billing")
    shown = decided(await now.press(failed, "retry"))
    assert (shown.state, shown.hit_names) == ("pending", ("policy:word",))
    await now.run(shown)
    assert room.remote.arrived == []
    done = decided(await approve(now, shown))
    await now.run(done)
    assert (await now.now(card)).state == "succeeded"
    assert len(room.remote.arrived) == 1
