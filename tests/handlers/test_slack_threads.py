"""Whose threads are read for whom, and what comes of them, on a loopback Slack."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest

from bot.domain import Actor, Place
from bot.ports.conversations import Conversation, NotShown
from handlers.slack_client import SlackIdentity, slack_client, slack_session
from handlers.slack_people import SlackPeople
from handlers.slack_threads import REFUSED, UNREADABLE, SlackThreads
from tests.handlers.rig import WallClock
from tests.standins.slack import Message, SlackStandin
from tests.standins.slack.methods_write import permalink
from tests.standins.slack.model import Channel
from tests.standins.wire import DropReply, HttpFailure, RateLimited, Refusal


@dataclass
class Desk:
    slack: SlackStandin
    threads: SlackThreads

    def write(
        self, text: str, *, channel: str = "C0SALES", user: str = "U0AGENT", root: str | None = None
    ) -> Message:
        space = self.slack.space
        message = Message(channel=channel, ts=space.new_ts(), user=user, text=text, thread_ts=root)
        return space.post(message)

    def link(self, message: Message) -> str:
        return permalink(self.slack.space, message)

    async def asked(self, link: str, user: str = "U0MANAGER") -> Conversation | NotShown:
        place = await self.threads.locate(link)
        assert place is not None
        if isinstance(place, NotShown):
            return place
        return await self.threads.read(Actor(surface="slack", team="T0TEAM", id=user), place)


@pytest.fixture
async def desk(slack: SlackStandin) -> AsyncIterator[Desk]:
    async with slack_session() as session:
        client = slack_client(slack.bot_token, slack.api_url, session)
        identity = SlackIdentity(client)
        people = SlackPeople(client, identity, WallClock())
        yield Desk(slack, SlackThreads(client, identity, people))


def told(found: Conversation | NotShown) -> list[tuple[str, str]]:
    assert isinstance(found, Conversation), found
    return [(one.author, one.text) for one in found.said]


async def test_a_thread_is_read_whole_with_names_and_links(desk: Desk) -> None:
    root = desk.write("Shall we ship on &lt;Friday&gt;?")
    replies = [desk.write(f"Point {n}", user="U0MANAGER", root=root.ts) for n in range(450)]
    last = desk.write("<@U0AGENT2> writes the notes", root=root.ts)
    found = await desk.asked(desk.link(root))
    assert isinstance(found, Conversation)
    assert len(found.said) == 452, "every page of it"
    assert (found.said[0].author, found.said[0].text) == (
        "Alex Agent",
        "Shall we ship on <Friday>?",
    )
    assert found.said[-1].text == "@Ana Agent writes the notes"
    assert "Ana Agent" in found.names
    assert [one.link for one in found.said] == [desk.link(one) for one in (root, *replies, last)]
    # The address of a reply leads to its whole thread, whether it names the root or not.
    assert told(await desk.asked(desk.link(last))) == told(found)
    assert told(await desk.asked(desk.link(last).partition("?")[0])) == told(found)


async def test_what_says_nothing_and_what_is_ours_is_left_out(desk: Desk) -> None:
    space = desk.slack.space
    root = desk.write("The pump is back.")
    ask = desk.write("<@U0DESKHAND> summarize", root=root.ts)
    ours = {"user": space.bot_user, "bot_id": space.bot_id, "text": "A card"}
    join = {"user": "U0AGENT", "text": "joined", "subtype": "channel_join"}
    alert = {"user": "", "bot_id": "B0OTHER", "subtype": "bot_message", "text": "CPU at 90 %"}
    for more in (ours, join, alert):
        space.post(Message(channel=root.channel, ts=space.new_ts(), thread_ts=root.ts, **more))
    place = Place(surface="slack", place=root.channel, thread=root.ts, message=ask.ts)
    asker = Actor(surface="slack", team="T0TEAM", id="U0AGENT")
    found = await desk.threads.read(asker, place, without=ask.ts)
    assert told(found) == [("Alex Agent", "The pump is back."), ("an app", "CPU at 90 %")]


@pytest.mark.parametrize(
    ("channel", "user", "readable"),
    [
        ("public", "U0AGENT", True),
        ("public", "U0NOBODY", True),  # a full member, though not in it
        ("public", "U0GUEST", False),
        ("public_with_guest", "U0GUEST", True),
        ("private", "U0NOBODY", False),
        ("private", "U0AGENT", True),
        ("shared", "U0NOBODY", False),
        ("shared", "U0AGENT", True),
        ("im", "U0AGENT", True),
        ("im", "U0MANAGER", False),
        ("public", "U0GONE", False),
        ("public", "U0BOT", False),
        ("public", "U0STRANGER", False),
    ],
)
async def test_the_askers_own_access_counts(
    desk: Desk, channel: str, user: str, readable: bool
) -> None:
    space = desk.slack.space
    inside = {"U0AGENT", space.bot_user}
    made = {
        "public": Channel("C1", "one", set(inside)),
        "public_with_guest": Channel("C1", "one", {*inside, "U0GUEST"}),
        "private": Channel("C1", "one", set(inside), is_private=True),
        "shared": Channel("C1", "one", set(inside), is_ext_shared=True),
        "im": Channel("C1", "", set(inside), is_im=True),
    }[channel]
    space.add_channel(made)
    root = desk.write("What was said.", channel="C1")
    found = await desk.asked(desk.link(root), user)
    assert found is REFUSED if not readable else told(found) == [("Alex Agent", "What was said.")]


async def test_access_is_looked_up_each_time(desk: Desk) -> None:
    space = desk.slack.space
    space.add_channel(Channel("C1", "one", {"U0AGENT", space.bot_user}, is_private=True))
    link = desk.link(desk.write("Between us.", channel="C1"))
    assert isinstance(await desk.asked(link, "U0AGENT"), Conversation)
    space.channels["C1"].members.discard("U0AGENT")
    assert await desk.asked(link, "U0AGENT") is REFUSED


async def test_a_member_of_a_large_channel_is_found_on_a_later_page(desk: Desk) -> None:
    space = desk.slack.space
    many = {f"U0A{n:04}" for n in range(1200)}
    space.add_channel(
        Channel("C1", "one", {*many, "U0NOBODY", "U0AGENT", space.bot_user}, is_private=True)
    )
    link = desk.link(desk.write("To many.", channel="C1"))
    assert isinstance(await desk.asked(link, "U0NOBODY"), Conversation)


async def test_what_is_not_there_is_refused_in_the_words_for_what_is_not_shown(desk: Desk) -> None:
    space = desk.slack.space
    space.add_channel(Channel("C1", "one", {"U0AGENT", space.bot_user}, is_private=True))
    hidden = desk.link(desk.write("Between us.", channel="C1"))
    unseen = desk.link(desk.write("Without the bot.", channel="C0SECRET"))
    missing = hidden.replace("/C1/", "/C0NOWHERE/")
    foreign = hidden.replace("deskhand", "another", 1)
    assert foreign != hidden
    for link in (hidden, unseen, missing, foreign):
        assert await desk.asked(link, "U0NOBODY") == REFUSED


@pytest.mark.parametrize(
    "fault", [RateLimited(1), HttpFailure(500), DropReply(), Refusal("missing_scope")]
)
@pytest.mark.parametrize("method", ["users.info", "conversations.info", "conversations.members"])
async def test_a_look_up_that_fails_refuses(
    desk: Desk, method: str, fault: RateLimited | HttpFailure | DropReply | Refusal
) -> None:
    space = desk.slack.space
    space.add_channel(Channel("C1", "one", {"U0AGENT", space.bot_user}, is_private=True))
    link = desk.link(desk.write("Between us.", channel="C1"))
    desk.slack.faults.add(method, fault, times=None)
    assert await desk.asked(link, "U0AGENT") is REFUSED


async def test_a_public_channel_without_the_bot_asks_to_be_invited(desk: Desk) -> None:
    link = desk.link(desk.write("Hello", channel="C0ELSEWHERE"))
    assert await desk.asked(link) is UNREADABLE


@pytest.mark.parametrize(
    "words",
    [
        "a question",
        "https://deskhand-test.slack.com/archives/C1",
        "http://deskhand-test.slack.com/archives/C1/p1700000000000100",
        "https://github.com/org/name/pull/1",
        "https://[deskhand-test/archives/C1/p1700000000000100",
        "https://deskhand-test.slack.com\u2100/archives/C1/p1700000000000100",
    ],
)
async def test_what_is_no_permalink(desk: Desk, words: str) -> None:
    assert await desk.threads.locate(words) is None


async def test_a_person_of_another_service_is_refused(desk: Desk) -> None:
    root = desk.write("Hello")
    place = Place(surface="slack", place=root.channel, thread=root.ts)
    elsewhere = Actor(surface="teams", team="T0TEAM", id="U0AGENT")
    assert await desk.threads.read(elsewhere, place) is REFUSED


async def test_a_thread_of_more_pages_than_are_read_says_so(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Slack may give less than it is asked for, so that pages and not messages are counted.
    monkeypatch.setattr("handlers.slack_messages._PAGE", 20)
    monkeypatch.setattr("handlers.slack_threads._PAGES", 2)
    root = desk.write("Shall we ship?")
    for n in range(39):
        desk.write(f"Point {n}", root=root.ts)
    whole = await desk.asked(desk.link(root))
    assert isinstance(whole, Conversation)
    assert (len(whole.said), whole.notes) == (40, ())
    last = desk.write("One more", root=root.ts)
    for link in (desk.link(root), desk.link(last).partition("?")[0]):
        found = await desk.asked(link)
        assert isinstance(found, Conversation)
        assert found.notes == ("not read: what follows the first 40 messages",)
