"""What is written after the card is there, on every surface: it never goes out unseen."""

from __future__ import annotations

from functools import partial

from tests.live.contract.chat import Chat


async def test_newer_words_supersede_and_link_to_the_successor(chat: Chat) -> None:
    asked = await chat.says()
    card = await chat.card()
    view = await chat.opens("agent", card)
    await chat.says("I also need last year's.", under=asked)
    successor = await chat.card(but=card)
    assert "last year's" in successor.words
    old = await chat.becomes(card, "superseded")
    await chat.until(partial(chat.links_to, card, successor))
    assert not (await chat.opens("agent", old)).buttons
    await chat.press(view, "approve")
    await chat.told("agent", "superseded")
    assert not chat.replies()


async def test_an_edited_message_is_newer_and_one_with_the_same_words_is_not(chat: Chat) -> None:
    asked = await chat.says()
    card = await chat.card()
    await chat.touches(asked)
    await chat.edits(asked, "Where do I find my invoice of May?")
    successor = await chat.card(but=card)
    assert "of May" in successor.words
    await chat.becomes(card, "superseded")
    assert len({one.proposal for one in chat.cards()}) == 2


async def test_a_deleted_message_supersedes_without_a_successor(chat: Chat) -> None:
    asked = await chat.says()
    card = await chat.card()
    await chat.deletes(asked)
    await chat.becomes(card, "superseded")
    assert len(chat.cards()) == 1


async def test_a_colleagues_reply_is_noticed_and_an_approvers_asks_to_close(chat: Chat) -> None:
    asked = await chat.says()
    card = await chat.card()
    view = await chat.opens("agent", card)
    await chat.says("Let me see.", "manager", under=asked)
    await chat.becomes(card, "pending", revision=2, says="replied in the thread")
    await chat.says("It is under Billing.", "agent", under=asked)
    await chat.becomes(card, "pending", revision=3, says="Answered by hand?")
    await chat.press(view, "approve")
    await chat.told("agent", "changed since")
    assert not chat.replies()
