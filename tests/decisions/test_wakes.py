"""Who looks again at an execution whose process has died: the store's due index alone says so."""

from __future__ import annotations

from bot.commands import Uncertain
from bot.domain import Proposal
from bot.ports import Wake
from tests.decisions.room import Room, decided


async def due(room: Room, proposal: Proposal) -> set[str]:
    """The kinds of wakes that a worker would find for it now."""
    found = await room.store.due()
    return {wake.kind for wake in found if wake.id == proposal.id}


async def unknown(room: Room) -> Proposal:
    """An effect that is there, and an answer that was lost."""

    async def lost(grant: object) -> Uncertain:
        room.remote.takes(grant, "Under Billing.")
        return Uncertain("the answer was lost")

    room.remote.answers.append(lost)
    proposal = await room.approved()
    await room.run(proposal)
    return await room.now(proposal)


async def test_what_is_unknown_is_looked_at_again_by_whoever_lives(room: Room) -> None:
    proposal = await unknown(room)
    room.clock.step(seconds=30)
    assert "execute" in await due(room, proposal)
    room.remote.can_be_asked = True
    await room.run(proposal)
    assert (await room.now(proposal)).state == "succeeded"
    assert "execute" not in await due(room, proposal)


async def test_an_approval_that_lapses_is_reminded_of_again(room: Room) -> None:
    proposal = await room.approved()
    room.clock.step(minutes=15)
    await room.run(proposal)
    lapsed = await room.now(proposal)
    assert (lapsed.state, lapsed.remind_at is None) == ("pending", False)
    room.clock.step(minutes=30)
    assert await due(room, proposal) >= {"timer", "card"}
    assert Wake("execute", proposal.id) not in await room.store.due()


async def test_a_look_up_names_every_key_that_was_ever_sent(room: Room) -> None:
    first = await unknown(room)
    room.clock.step(seconds=18.1)
    decided(await room.press(first, "settle_retry"))
    room.remote.answers.append(Uncertain("the answer was lost again"))
    await room.run(first)
    second = await room.now(first)
    assert (second.state, len(second.progress[0].keys)) == ("unknown", 2)
    # The first sending had arrived after all; under the second key there is nothing.
    room.remote.can_be_asked = True
    await room.run(first)
    asked = room.remote.looked_up[-1]
    assert (*asked.earlier_keys, asked.key) == second.progress[0].keys
    assert (await room.now(first)).state == "succeeded"
    assert len(room.remote.arrived) == 1
