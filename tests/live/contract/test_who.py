"""Who may decide, on every surface: everybody else is told why, and nothing happens."""

from __future__ import annotations

from tests.live.contract.chat import Chat


async def test_who_may_not_is_told_why_and_nothing_happens(chat: Chat) -> None:
    card = await chat.pending()
    view = await chat.opens("agent", card)
    for who, words in chat.outsiders.items():
        if chat.name == "teams":
            assert not (await chat.opens(who, card)).buttons
        for verb in ("approve", "edit", "reject"):
            await chat.press(view, verb, who)
        await chat.told(who, words)

        def thrice(who: str = who) -> list[str] | None:
            return told if len(told := chat.all_told(who)) == 3 else None

        assert len(set(await chat.until(thrice))) == 1
    assert chat.forms_opened() == 0
    assert chat.now(card).state == "pending"
    assert not chat.replies()


async def test_whoever_cannot_be_looked_up_does_not_decide(chat: Chat) -> None:
    card = await chat.pending()
    view = await chat.opens("agent2", card)
    for number, begin in enumerate(chat.nobody_can_be_looked_up(), start=1):
        end = begin()
        await chat.press(view, "approve", "agent")

        def told(number: int = number) -> list[str] | None:
            heard = chat.all_told("agent")
            return heard if len(heard) == number else None

        assert "look you up" in (await chat.until(told))[-1]
        end()
    assert chat.now(card).state == "pending"
    assert not chat.replies()
    await chat.decide("agent", card, "approve")
    await chat.becomes(card, "succeeded")


async def test_a_group_decides_and_one_that_cannot_be_asked_has_nobody(chat: Chat) -> None:
    card = await chat.pending()
    view = await chat.opens("agent", card)
    end = chat.no_group_can_be_looked_up()
    await chat.press(view, "approve", "agent2")
    await chat.told("agent2", "look up the approvers")
    assert chat.now(card).state == "pending"
    end()
    await chat.decide("agent2", card, "approve")
    await chat.becomes(card, "succeeded")
    assert len(chat.replies()) == 1
