"""What becomes of an approved reply, and of cards, on every surface where something fails."""

from __future__ import annotations

from datetime import timedelta

import pytest

import bot.execute
import bot.triage
from bot import copies
from tests.live.contract.chat import Card, Chat

FIGURES = ("waiting", "oldest", "approved", "edited", "rejected", "handoff", "unknown", "cost")


async def test_a_refused_reply_may_be_retried(chat: Chat) -> None:
    card = await chat.pending()
    chat.lose_reply("refused")
    await chat.decide("agent", card, "approve")
    failed = await chat.becomes(card, "failed")
    assert not chat.replies()
    view = await chat.opens("agent", failed)
    assert "retry" in view.buttons
    assert "approve" not in view.buttons
    await chat.press(view, "retry")
    await chat.becomes(card, "succeeded")
    assert len(chat.replies()) == 1


async def test_a_limited_reply_is_sent_and_one_whose_answer_is_lost_never_twice(
    chat: Chat,
) -> None:
    card = await chat.pending()
    chat.lose_reply("limited")
    await chat.decide("agent", card, "approve")
    await chat.becomes(card, "succeeded")
    assert len(chat.replies()) == 1
    await chat.says("And my refund?")
    second = await chat.card(but=card)
    chat.lose_reply("answer lost")
    await chat.decide("agent", second, "approve")
    await chat.becomes(second, chat.lost_reply)
    assert len(chat.replies()) == 2


@pytest.mark.parametrize("settle", ["settle_done", "settle_retry"])
async def test_an_unknown_effect_is_settled_by_a_person(chat: Chat, settle: str) -> None:
    card = await chat.pending()
    chat.lose_reply("never came")
    await chat.decide("agent", card, "approve")
    unknown = await chat.becomes(card, "unknown")
    view = await chat.opens("agent", unknown)
    assert view.buttons == {"settle_done", "settle_retry"}
    await chat.press(view, settle, "manager")
    await chat.told("manager", "may not")
    await chat.press(view, settle)
    if settle == "settle_done":
        await chat.becomes(card, "succeeded")
    else:
        # Not before a stalled process could no longer overtake the person.
        await chat.told("agent", "may still be on its way")
    assert not chat.replies()


async def test_a_card_that_its_room_refuses_goes_to_the_default_route(chat: Chat) -> None:
    chat.refuse_cards_in("billing")
    card = await chat.pending()
    assert card.room == "triage"
    assert "could not be posted" in card.words


async def test_a_card_that_nobody_takes_reaches_the_managers_in_private(chat: Chat) -> None:
    await chat.meets("manager")
    chat.refuse_cards_in("billing", "triage")
    card = await chat.pending()
    assert card.room == "private:manager"
    assert "could not be posted" in card.words
    assert "pending" in await chat.command("queue", "manager")


async def test_a_card_whose_post_lost_its_answer_leads_to_one_decision(
    chat: Chat, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(copies, "LOST_AFTER", timedelta(seconds=1))
    chat.lose_card()
    await chat.says()

    def all_there() -> list[Card] | None:
        return found if len(found := chat.cards("pending")) == chat.lost_card else None

    cards = await chat.until(all_there)
    late = await chat.opens("agent2", cards[0])
    await chat.decide("agent", cards[-1], "approve")
    await chat.becomes(cards[-1], "succeeded")
    await chat.press(late, "approve")
    await chat.told("agent2", "has already approved this")
    assert len(chat.cards()) == chat.lost_card
    assert len(chat.replies()) == 1


async def test_a_deleted_card_is_posted_anew(chat: Chat) -> None:
    asked = await chat.says()
    card = await chat.card()
    chat.delete_card(card)
    await chat.says("Looking.", "manager", under=asked)
    anew = await chat.card(room="billing")
    assert anew.id != card.id
    assert anew.revision == 2
    await chat.decide("agent", anew, "approve")
    await chat.becomes(anew, "succeeded")


async def test_while_paused_tickets_wait_and_nothing_runs_or_acts(
    chat: Chat, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (bot.execute, bot.triage):
        monkeypatch.setattr(module, "_PAUSED_RETRY", timedelta(seconds=0.25))
    card = await chat.pending()
    assert "paused" in await chat.command("pause", "manager")
    assert "may not" in await chat.command("pause", "agent")
    await chat.decide("agent", card, "approve")
    await chat.becomes(card, "approved")
    calls = len(chat.model.requests)
    await chat.says("And another question?")
    assert not chat.replies()
    assert len(chat.model.requests) == calls
    await chat.command("resume", "manager")
    await chat.becomes(card, "succeeded")
    assert len(chat.replies()) == 1


async def test_the_app_answers_in_a_persons_own_conversation(chat: Chat) -> None:
    await chat.pending()
    answer = await chat.asks_privately("status", "agent")
    for word in FIGURES:
        assert word in answer.lower()
    refused = await chat.asks_privately("status", "guest")
    assert "may not" in refused
    assert not any(char.isdigit() for char in refused)
