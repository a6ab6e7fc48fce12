"""The decisions, on every surface: what a press, an edit and a rejection come to, once."""

from __future__ import annotations

import asyncio

import pytest

from tests.live.contract.chat import Chat
from tests.live.contract.conftest import Opens
from tests.standins.anthropic import choosing

every_door = pytest.mark.parametrize(
    "surface", ["slack", "slack over a socket", "teams"], indirect=True
)


@every_door
async def test_approve_answers_in_the_customers_thread_once(chat: Chat) -> None:
    asked = await chat.says()
    card = await chat.card()
    assert card.room == "billing"
    view = await chat.decide("agent", card, "approve")
    assert view.buttons == {"approve", "edit", "reject"}
    done = await chat.becomes(card, "succeeded")
    assert chat.names(done, "agent")
    assert not (await chat.opens("agent", done)).buttons
    (reply,) = chat.replies()
    assert (reply.room, reply.under) == ("support", chat.id_of(asked))
    assert set(reply.marks) == {"proposal", "revision", "key"}
    assert reply.by_model is not False


@every_door
async def test_an_edit_makes_a_revision_and_approves_it_in_the_same_step(chat: Chat) -> None:
    card = await chat.pending()
    form = await chat.form("agent", card, "edit")
    assert not await chat.submit(form, reply="By hand: see Settings.")
    await chat.becomes(card, "succeeded", revision=2)
    (reply,) = chat.replies()
    assert reply.text.startswith("By hand: see Settings.")


@every_door
async def test_an_edit_without_approval_waits_and_voids_the_old_buttons(chat: Chat) -> None:
    card = await chat.pending()
    old = await chat.opens("agent", card)
    form = await chat.form("agent", card, "edit")
    assert not await chat.submit(form, reply="Another text.", approve_now=False)
    edited = await chat.becomes(card, "pending", revision=2)
    assert "Another text." in edited.words
    await chat.press(old, "approve")
    await chat.told("agent", "changed since")
    assert not chat.replies()
    await chat.decide("agent", edited, "approve")
    await chat.becomes(card, "succeeded")
    assert len(chat.replies()) == 1


@every_door
async def test_reject_asks_why_and_may_draft_again(chat: Chat) -> None:
    card = await chat.pending()
    form = await chat.form("agent", card, "reject")
    assert "reason" in (await chat.submit(form)).lower()
    why = await chat.submit(form, reason="wrong_tone", words="Too stiff.", draft_again=True)
    assert not why
    rejected = await chat.becomes(card, "rejected")
    assert not (await chat.opens("agent", rejected)).buttons
    drafted = await chat.card(but=card)
    assert drafted.room == "billing"
    assert any("Too stiff." in request.raw.decode() for request in chat.model.requests)
    assert not chat.replies()


CANNOT_TELL = "whether that was saved"
BUSY = (CANNOT_TELL, "was not saved", "could not look you up")
"""What the last of fifty are told on a busy machine, where not everything is done in time."""


async def test_fifty_presses_at_once_have_one_winner(chat: Chat) -> None:
    card = await chat.pending()
    views = [await chat.opens(who, card) for who in ("agent", "agent2")]
    await asyncio.gather(*(chat.press(view, "approve") for view in views * 25))
    await chat.becomes(card, "succeeded")
    assert len(chat.replies()) == 1

    def losers() -> list[str] | None:
        told = [*chat.all_told("agent"), *chat.all_told("agent2")]
        lost = [words for words in told if any(one in words for one in ("already approved", *BUSY))]
        return lost if len(lost) >= 49 else None

    lost = await chat.until(losers)
    # Nobody can tell it of the winner's either.
    assert len(lost) == 49 or any(CANNOT_TELL in words for words in lost)
    late = [words for words in lost if not any(one in words for one in BUSY)]
    assert all("has already approved this" in words for words in late)
    assert all(any(chat.called(who) in words for who in ("agent", "agent2")) for words in late)


async def test_approve_against_edit_has_one_winner(chat: Chat) -> None:
    card = await chat.pending()
    view = await chat.opens("agent", card)
    form = await chat.form("agent2", card, "edit")
    await asyncio.gather(chat.press(view, "approve"), chat.submit(form, reply="The edited words."))
    done = await chat.becomes(card, "succeeded")
    (reply,) = chat.replies()
    assert ("The edited words." in reply.text) == (done.revision == 2)


async def test_a_message_or_a_press_delivered_again_counts_once(chat: Chat) -> None:
    said = await chat.says()
    await chat.redelivers(said)
    card = await chat.card()
    press = await chat.press(await chat.opens("agent", card), "approve")
    await chat.becomes(card, "succeeded")
    await chat.again(press)
    await chat.told("agent", "already")
    assert len(chat.replies()) == 1
    assert len(chat.cards()) == 1


async def test_an_edited_route_needs_somebody_of_the_new_route(chat: Chat) -> None:
    chat.model.fill = choosing(route="default", labels=["billing"])
    card = await chat.pending()
    assert card.room == "triage"
    form = await chat.form("agent", card, "edit")
    await chat.submit(form, route="refunds")
    waiting = await chat.card(room="refunds")
    assert waiting.proposal == card.proposal
    old = await chat.becomes(card, "pending", revision=2)
    assert not old.open
    view = await chat.opens("agent2", waiting)
    await chat.press(view, "approve", "agent")
    await chat.told("agent", "may not")
    assert not chat.replies()
    await chat.press(view, "approve")
    await chat.becomes(waiting, "succeeded")
    assert len(chat.replies()) == 1


async def test_a_second_approval_is_asked_of_a_second_person(opens: Opens) -> None:
    async with opens({"approvals": 2}) as chat:
        card = await chat.pending()
        await chat.decide("agent", card, "approve")
        once = await chat.becomes(card, "pending", says="second person")
        assert not chat.replies()
        await chat.decide("agent", once, "approve")
        await chat.told("agent", "second person")
        await chat.decide("agent2", once, "approve")
        await chat.becomes(card, "succeeded")
        assert len(chat.replies()) == 1


async def test_what_the_screen_finds_goes_out_for_a_reason_alone(opens: Opens) -> None:
    draft = "Your card 4111 1111 1111 1111 was charged."
    async with opens(screen={"on_hit": "reason"}) as chat:
        chat.model.fill = choosing(
            route="billing", labels=["billing"], reply=draft, outcome="reply"
        )
        card = await chat.pending()
        assert "Screen: payment_card" in card.words
        form = await chat.form("agent", card, "approve")
        assert "3 to 500" in await chat.submit(form, reason="  ok  ")
        assert not chat.replies()
        assert chat.now(card).state == "pending"
        assert not await chat.submit(form, reason="It is our own test card.")
        await chat.becomes(card, "succeeded", says="It is our own test card.")
        assert len(chat.replies()) == 1


async def test_a_handoff_is_taken_and_answered_by_hand(chat: Chat) -> None:
    chat.model.fill = choosing(outcome="cannot_answer", route="billing", labels=["billing"])
    await chat.says()
    card = await chat.card("handoff")
    view = await chat.opens("agent", card)
    assert view.buttons == {"take", "edit", "reject"}
    await chat.press(view, "take")
    taken = await chat.becomes(card, "handoff", says="Taken by")
    form = await chat.form("agent", taken, "edit")
    assert not await chat.submit(form, reply="By hand.")
    # On a handoff, *Approve now* is not ticked at first.
    written = await chat.becomes(card, "pending")
    assert not chat.replies()
    await chat.decide("agent", written, "approve")
    await chat.becomes(card, "succeeded")
    (reply,) = chat.replies()
    assert reply.text.startswith("By hand.")
    assert not reply.by_model


async def test_nobody_decides_in_time(opens: Opens) -> None:
    async with opens({"remind_after": "1s", "expire_after": "3s"}) as chat:
        card = await chat.pending()
        view = await chat.opens("agent", card)
        await chat.until(lambda: any("Still waiting" in words for words in chat.reminders(card)))
        expired = await chat.becomes(card, "expired")
        assert not (await chat.opens("agent", expired)).buttons
        await chat.press(view, "approve")
        await chat.told("agent", "expired")
        assert card.proposal in await chat.command("queue", "manager")
        assert not chat.replies()
