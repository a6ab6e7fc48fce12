"""Where Deskhand can post: kept from what comes in, and no more often than it changes."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass

import aiohttp
import pytest

from bot.ports.references import Conversation, Member
from bot.store.references import RedisReferences
from handlers.teams_activity import read_activity
from handlers.teams_connector import Thread
from handlers.teams_references import Rooms
from tests.standins.teams.connector import teams_standin
from tests.standins.teams.driver import TeamsDriver
from tests.standins.teams.world import BILLING, SUPPORT, TRIAGE, oid
from tests.store.make import SteppedClock, open_desk


class Counted(RedisReferences):
    """How often something was written."""

    written = 0

    async def keep(self, conversation: Conversation | None, member: Member | None) -> None:
        self.written += 1
        await super().keep(conversation, member)


@dataclass
class Seeing:
    people: TeamsDriver
    kept: Counted
    rooms: Rooms
    clock: SteppedClock

    async def saw(self, who: str, conversation: str = SUPPORT, **more: str) -> tuple[str, ...]:
        made = self.people.activity(who, conversation, **{"text": "Hello", **more})
        activity = read_activity(made)
        return await self.rooms.saw(activity, self.people.teams.service_url)


@pytest.fixture
async def seeing(redis_url: str) -> AsyncIterator[Seeing]:
    async with (
        teams_standin() as teams,
        aiohttp.ClientSession() as session,
        open_desk(redis_url) as desk,
    ):
        kept = Counted(desk.store.wire, desk.store.keys)
        people = TeamsDriver(teams, "", session)
        yield Seeing(people, kept, Rooms(kept, desk.clock), desk.clock)


async def test_each_thread_of_a_channel_is_the_same_place(seeing: Seeing) -> None:
    """Each top-level post is a thread of its own: it must not cost a write."""
    assert await seeing.saw("customer")
    for _ in range(3):
        assert not await seeing.saw("customer")
    assert seeing.kept.written == 1
    member = await seeing.kept.member(oid(1))
    assert member is not None
    assert member.conversation == SUPPORT
    await seeing.saw("agent")
    assert seeing.kept.written == 2
    seeing.clock.step(61)
    await seeing.saw("customer")
    assert seeing.kept.written == 3


async def test_a_persons_own_chat_is_kept_when_they_write_elsewhere(seeing: Seeing) -> None:
    chat = seeing.people.teams.world.chat_with(seeing.people.teams.world.people["agent"])
    await seeing.saw("agent", chat)
    await seeing.saw("agent")
    member = await seeing.kept.member(oid(3))
    assert member is not None
    assert (member.chat, member.conversation) == (chat, SUPPORT)


async def test_a_forgotten_person_and_their_chat_are_known_again_when_they_write(
    seeing: Seeing,
) -> None:
    world = seeing.people.teams.world
    chat = world.chat_with(world.people["customer"])
    await seeing.saw("customer")
    await seeing.saw("customer", chat)
    await seeing.kept.forget(oid(1))
    assert await seeing.kept.member(oid(1)) is None
    assert [one.id for one in await seeing.kept.conversations()] == [SUPPORT]
    await seeing.kept.forget(oid(1))
    seeing.clock.step(61)
    await seeing.saw("customer")
    assert (await seeing.kept.member(oid(1))) is not None


@pytest.mark.parametrize("added", ["add", "add-upgrade"])
async def test_a_team_that_has_the_bot_back_has_it_in_all_its_channels(
    seeing: Seeing, added: str
) -> None:
    """Teams says of one channel alone that the bot was removed, and added again."""
    for channel in (SUPPORT, BILLING, TRIAGE):
        await seeing.saw("agent", channel)
    installed = {"type": "installationUpdate", "root": "1"}
    assert not await seeing.saw("agent", TRIAGE, action="remove", **installed)
    assert all(one.gone for one in await seeing.kept.conversations())
    back = await seeing.saw("agent", TRIAGE, action=added, **installed)
    assert set(back) == {SUPPORT, BILLING, TRIAGE}
    assert not any(one.gone for one in await seeing.kept.conversations())
    assert not await seeing.saw("agent", TRIAGE, action=added, **installed)


async def test_a_word_in_one_channel_says_nothing_of_the_others(seeing: Seeing) -> None:
    for channel in (SUPPORT, BILLING):
        await seeing.saw("agent", channel)
    await seeing.rooms.lost(Thread(seeing.people.teams.service_url, SUPPORT))
    await seeing.saw("agent", BILLING)
    assert [one.id for one in await seeing.kept.conversations() if one.gone] == [SUPPORT]
    assert await seeing.saw("agent", SUPPORT) == (SUPPORT,)


async def test_a_channel_that_has_only_refused_the_bot_is_known_and_tried_again(
    seeing: Seeing,
) -> None:
    await seeing.saw("agent", TRIAGE)
    await seeing.rooms.lost(Thread(seeing.people.teams.service_url, BILLING))
    (gone,) = [one for one in await seeing.kept.conversations() if one.gone]
    assert (gone.id, gone.kind) == (BILLING, "channel")
    back = await seeing.saw("agent", TRIAGE, type="installationUpdate", action="add", root="1")
    assert back == (BILLING,)
