"""Cards, reactions and status lines over real HTTP: what is posted, and what each failure means."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace

import aiohttp
import pytest

from bot.card import Who
from bot.domain import Actor, Place
from bot.ports import MaybePosted, MessageGone, NotPosted, Progress, SurfaceError
from handlers.slack_client import SlackIdentity, slack_client, slack_session
from handlers.slack_people import SlackPeople
from handlers.slack_surface import SlackSurface
from tests.handlers.rig import WallClock
from tests.pictures.samples import APPROVED, HANDOFF, LONG, PENDING
from tests.standins.slack import Message, SlackStandin
from tests.standins.wire import (
    DropBefore,
    DropReply,
    Fault,
    HttpFailure,
    RateLimited,
    Refusal,
)

BILLING = Place(surface="slack", place="C0BILLING")
DANA = Actor(surface="slack", team="T0TEAM", id="U0CUSTOMER")


@dataclass
class Desk:
    """A surface on the stand-in, and a customer's message to work on."""

    slack: SlackStandin
    surface: SlackSurface
    people: SlackPeople
    origin: Place

    @property
    def root(self) -> Message:
        return self.slack.space.message(self.origin.place, self.origin.thread or "")

    @property
    def reactions(self) -> set[str]:
        return {name for name, users in self.root.reactions.items() if users}

    def thread(self) -> list[Message]:
        return self.slack.space.thread(self.origin.place, self.origin.thread or "")[1:]


@pytest.fixture
async def desk(slack: SlackStandin) -> AsyncIterator[Desk]:
    root = slack.space.post(
        Message(channel="C0SUPPORT", ts=slack.space.new_ts(), user="U0CUSTOMER", text="Help &amp;c")
    )
    async with slack_session() as session:
        client = slack_client(slack.bot_token, slack.api_url, session)
        identity = SlackIdentity(client)
        people = SlackPeople(client, identity, WallClock())
        yield Desk(
            slack,
            SlackSurface(client, identity, people),
            people,
            Place(surface="slack", place="C0SUPPORT", thread=root.ts),
        )


# --- cards ------------------------------------------------------------------------------------


async def test_a_card_is_posted_found_and_redrawn(desk: Desk) -> None:
    posted = await desk.surface.post(BILLING, PENDING)
    (card,) = desk.slack.space.cards(proposal=PENDING.proposal)
    assert posted == Place(surface="slack", place="C0BILLING", message=card.ts)
    assert card.card_state == "pending"
    assert "pending" in card.text
    assert card.unfurl_links is False
    assert card.unfurl_media is False
    assert card.action_ids == ["deskhand.approve", "deskhand.edit", "deskhand.reject"]
    assert await desk.surface.find(BILLING, PENDING.proposal) == posted
    await desk.surface.update(posted, APPROVED)
    redrawn = desk.slack.space.current(card)
    assert redrawn.card_state == "succeeded"
    assert redrawn.action_ids == []


async def test_a_copy_without_buttons(desk: Desk) -> None:
    await desk.surface.post(BILLING, LONG, buttons=False)
    (card,) = desk.slack.space.cards()
    assert card.action_ids == []


async def test_only_our_own_bots_cards_are_found(desk: Desk) -> None:
    payload = {"proposal": PENDING.proposal, "revision": 1, "state": "pending"}
    for user, bot in (("U0BOT", "B0OTHER"), ("U0NOBODY", None)):
        desk.slack.space.post(
            Message(
                channel="C0BILLING",
                ts=desk.slack.space.new_ts(),
                user=user,
                bot_id=bot,
                text="forged",
                metadata={"event_type": "deskhand_card", "event_payload": payload},
            )
        )
    assert await desk.surface.find(BILLING, PENDING.proposal) is None
    ours = await desk.surface.post(BILLING, PENDING)
    newest = await desk.surface.post(BILLING, replace(PENDING, revision=2))
    assert await desk.surface.find(BILLING, PENDING.proposal) == newest != ours
    assert await desk.surface.find(BILLING, "p_aaaaaaaaaaaaaaaa") is None


async def test_a_card_in_a_thread_is_found_there(desk: Desk) -> None:
    posted = await desk.surface.post(desk.origin, PENDING)
    assert posted.thread == desk.origin.thread
    assert await desk.surface.find(desk.origin, PENDING.proposal) == posted


async def test_a_card_to_a_person_goes_to_their_direct_conversation(desk: Desk) -> None:
    manager = Place(surface="slack", place="U0MANAGER")
    posted = await desk.surface.post(manager, PENDING)
    assert posted.place.startswith("D")
    assert await desk.surface.find(manager, PENDING.proposal) == posted
    await desk.surface.update(posted, APPROVED)


@pytest.mark.parametrize(
    ("place", "code"),
    [
        ("C0NOWHERE", "channel_not_found"),
        ("C0ELSEWHERE", "not_in_channel"),
        ("C0SECRET", "channel_not_found"),
    ],
)
async def test_no_such_room_is_final(desk: Desk, place: str, code: str) -> None:
    with pytest.raises(NotPosted, match=code) as refused:
        await desk.surface.post(Place(surface="slack", place=place), PENDING)
    assert refused.value.final


@pytest.mark.parametrize("code", ["is_archived", "restricted_action", "missing_scope"])
async def test_a_refused_post_is_final(desk: Desk, code: str) -> None:
    desk.slack.faults.add("chat.postMessage", Refusal(code))
    with pytest.raises(NotPosted, match=code) as refused:
        await desk.surface.post(BILLING, PENDING)
    assert refused.value.final


async def test_too_many_posts_say_when_to_come_back(desk: Desk) -> None:
    desk.slack.faults.add("chat.postMessage", RateLimited(7))
    with pytest.raises(NotPosted) as limited:
        await desk.surface.post(BILLING, PENDING)
    assert not limited.value.final
    assert limited.value.retry_after_seconds == 7
    assert len(desk.slack.log.calls("chat.postMessage")) == 1


@pytest.mark.parametrize(
    "fault",
    [
        DropReply(),
        DropBefore(),
        HttpFailure(502),
        HttpFailure(500, '{"ok": false, "error": "x"}', "application/json"),
        HttpFailure(200, "<html>maintenance</html>"),
        HttpFailure(200, "ok", "text/plain"),
        HttpFailure(200, "[]", "application/json"),
        HttpFailure(200, '{"ok": tr', "application/json"),
        Refusal("internal_error"),
        Refusal("fatal_error"),
    ],
    ids=str,
)
async def test_a_lost_answer_is_never_posted_again_unasked(desk: Desk, fault: Fault) -> None:
    desk.slack.faults.add("chat.postMessage", fault)
    with pytest.raises(MaybePosted):
        await desk.surface.post(BILLING, PENDING)
    assert len(desk.slack.log.calls("chat.postMessage")) == 1
    found = await desk.surface.find(BILLING, PENDING.proposal)
    assert (found is not None) == isinstance(fault, DropReply)


async def test_slack_away_is_not_posted(desk: Desk, unused_tcp_port: int) -> None:
    async with slack_session() as session:
        client = slack_client("xoxb-1", f"http://127.0.0.1:{unused_tcp_port}/api", session)
        identity = SlackIdentity(client)
        away = SlackSurface(client, identity, desk.people)
        with pytest.raises(NotPosted) as refused:
            await away.post(BILLING, PENDING)
        assert not refused.value.final
        with pytest.raises(SurfaceError):
            await away.find(BILLING, PENDING.proposal)


async def test_a_deleted_card_is_gone(desk: Desk) -> None:
    posted = await desk.surface.post(BILLING, PENDING)
    desk.slack.space.delete(desk.slack.space.message("C0BILLING", posted.message or ""))
    with pytest.raises(MessageGone):
        await desk.surface.update(posted, APPROVED)


async def test_a_workspace_without_newer_blocks_gets_the_plain_card(desk: Desk) -> None:
    desk.slack.web_api.refused_blocks = frozenset({"rich_text"})
    posted = await desk.surface.post(BILLING, PENDING)
    (card,) = desk.slack.space.cards()
    assert "rich_text" not in {block["type"] for block in card.blocks}
    assert card.action_ids[:3] == ["deskhand.approve", "deskhand.edit", "deskhand.reject"]
    await desk.surface.update(posted, APPROVED)
    assert desk.slack.space.current(card).card_state == "succeeded"
    desk.slack.web_api.refused_blocks = frozenset({"rich_text", "section"})
    with pytest.raises(NotPosted) as refused:
        await desk.surface.post(BILLING, PENDING)
    assert refused.value.final


# --- the customer's own message ---------------------------------------------------------------


async def test_one_reaction_at_a_time_and_one_line(desk: Desk) -> None:
    line = await desk.surface.progress(
        desk.origin, Progress("working", "Looking into it", was=""), None
    )
    assert line is not None
    assert desk.reactions == {"eyes"}
    now = Progress("working", "Searching the knowledge base <!here>", was="working")
    again = await desk.surface.progress(desk.origin, now, line)
    assert again == line
    (shown,) = desk.thread()
    assert shown.text == "Searching the knowledge base &lt;!here&gt;"
    assert shown.block_text == "Searching the knowledge base <!here>"
    await desk.surface.progress(desk.origin, Progress("unsure", "Waiting", was="working"), line)
    assert desk.reactions == {"hourglass_flowing_sand"}
    await desk.surface.progress(desk.origin, Progress("done", "Answered", was="unsure"), line)
    assert desk.reactions == {"white_check_mark"}
    assert [message.text for message in desk.thread()] == ["Answered"]
    most = 0
    held: set[str] = set()
    for reaction in desk.slack.space.reactions:
        held = held | {reaction.name} if reaction.added else held - {reaction.name}
        most = max(most, len(held))
    assert most == 1


async def test_after_a_restart_nobody_knows_what_was_there(desk: Desk) -> None:
    line = await desk.surface.progress(desk.origin, Progress("done", "Answered", was=""), None)
    found = await desk.surface.progress(desk.origin, Progress("working", "Looking"), None)
    assert found == line
    assert desk.reactions == {"eyes"}
    assert [message.text for message in desk.thread()] == ["Looking"]


async def test_doing_it_again_is_normal(desk: Desk) -> None:
    for _ in range(2):
        await desk.surface.progress(desk.origin, Progress("refused", "", was="working"), None)
    assert desk.reactions == {"x"}
    assert desk.thread() == []


async def test_no_words_take_the_line_away(desk: Desk) -> None:
    line = await desk.surface.progress(desk.origin, Progress("working", "Looking", was=""), None)
    gone = await desk.surface.progress(desk.origin, Progress("", "", was="working"), line)
    assert gone is None
    assert desk.reactions == set()
    assert desk.thread() == []
    again = Progress("", "", was="")
    assert await desk.surface.progress(desk.origin, again, line) is None


async def test_a_deleted_line_is_written_anew(desk: Desk) -> None:
    line = await desk.surface.progress(desk.origin, Progress("working", "Looking", was=""), None)
    assert line is not None
    desk.slack.space.delete(desk.slack.space.message(line.place, line.message or ""))
    now = Progress("working", "Still looking", was="working")
    newer = await desk.surface.progress(desk.origin, now, line)
    assert newer != line
    assert [message.text for message in desk.thread()] == ["Still looking"]


async def test_a_lost_line_is_looked_for_before_another_is_written(desk: Desk) -> None:
    desk.slack.faults.add("chat.postMessage", DropReply())
    line = await desk.surface.progress(desk.origin, Progress("working", "Looking", was=""), None)
    (shown,) = desk.thread()
    assert line is not None
    assert line.message == shown.ts


async def test_a_lost_line_that_cannot_be_looked_for_is_looked_for_later(desk: Desk) -> None:
    desk.slack.faults.add("chat.postMessage", DropReply())
    desk.slack.faults.add("conversations.replies", HttpFailure(500))
    now = Progress("working", "Looking", was="")
    with pytest.raises(MaybePosted):
        await desk.surface.progress(desk.origin, now, None)
    line = await desk.surface.progress(desk.origin, replace(now, was="working"), None)
    assert line is not None
    assert [message.ts for message in desk.thread()] == [line.message]


@pytest.mark.parametrize("code", ["missing_scope", "message_not_found", "no_permission"])
async def test_a_refused_reaction_stops_nothing(desk: Desk, code: str) -> None:
    desk.slack.faults.add("reactions.add", Refusal(code))
    line = await desk.surface.progress(desk.origin, Progress("working", "Looking", was=""), None)
    assert line is not None


async def test_too_many_reactions_say_when_to_come_back(desk: Desk) -> None:
    desk.slack.faults.add("reactions.add", RateLimited(3))
    with pytest.raises(NotPosted) as limited:
        await desk.surface.progress(desk.origin, Progress("working", "Looking", was=""), None)
    assert limited.value.retry_after_seconds == 3


async def test_a_conversation_is_what_persons_wrote(desk: Desk) -> None:
    space, root = desk.slack.space, desk.origin.thread
    for user, text, more in (
        ("U0AGENT", "Which plan, <@U0CUSTOMER>?", {}),
        ("U0BOT", "I am a robot", {"bot_id": "B0OTHER", "subtype": "bot_message"}),
        ("U0CUSTOMER", "", {"subtype": "file_share", "files": [{"name": "bill.pdf"}]}),
        ("U0CUSTOMER2", "has joined", {"subtype": "channel_join"}),
    ):
        space.post(
            Message(
                channel="C0SUPPORT", ts=space.new_ts(), user=user, text=text, thread_ts=root, **more
            )
        )
    await desk.surface.progress(desk.origin, Progress("working", "Looking", was=""), None)
    messages = await desk.surface.conversation(desk.origin)
    assert [(one.author.name, one.text, one.files) for one in messages] == [
        ("Carla Customer", "Help &c", ()),
        ("Alex Agent", "Which plan, @U0CUSTOMER?", ()),
        ("Carla Customer", "", ("bill.pdf",)),
    ]
    assert messages[0].author.email == "carla@customer.example"


async def test_a_long_conversation_comes_in_pages(desk: Desk) -> None:
    space = desk.slack.space
    for number in range(450):
        space.post(
            Message(
                channel="C0SUPPORT",
                ts=space.new_ts(),
                user="U0AGENT",
                text=str(number),
                thread_ts=desk.origin.thread,
            )
        )
    messages = await desk.surface.conversation(desk.origin)
    assert [one.text for one in messages] == ["Help &c", *map(str, range(450))]
    assert len(desk.slack.log.calls("conversations.replies")) == 3
    assert len(desk.slack.log.calls("users.info")) == 2


async def test_a_conversation_without_names_is_still_one(desk: Desk) -> None:
    desk.slack.faults.add("users.info", HttpFailure(500), times=None)
    (message,) = await desk.surface.conversation(desk.origin)
    assert (message.author.id, message.author.name) == ("U0CUSTOMER", "")
    desk.slack.faults.add("conversations.replies", HttpFailure(500))
    with pytest.raises(SurfaceError):
        await desk.surface.conversation(desk.origin)


# --- beside the card --------------------------------------------------------------------------


async def test_a_note_stands_under_the_card_and_names_persons(desk: Desk) -> None:
    posted = await desk.surface.post(BILLING, HANDOFF)
    who = Who(Actor(surface="slack", team="T0TEAM", id="U0AGENT"), "Alex Agent")
    await desk.surface.note(posted, ("Still waiting <!here>: ", who))
    (_card, note) = desk.slack.space.thread("C0BILLING", posted.message or "")
    assert note.text == "Still waiting &lt;!here&gt;: <@U0AGENT>"
    assert {"type": "user", "user_id": "U0AGENT"} in note.blocks[0]["elements"][0]["elements"]


async def test_a_link_to_a_card(desk: Desk) -> None:
    posted = await desk.surface.post(BILLING, PENDING)
    link = await desk.surface.link(posted)
    number = (posted.message or "").replace(".", "")
    assert link == f"https://deskhand-test.slack.com/archives/C0BILLING/p{number}"
    assert await desk.surface.link(BILLING) is None
    desk.slack.faults.add("chat.getPermalink", HttpFailure(500))
    assert await desk.surface.link(posted) is None


async def test_a_private_message_with_the_card(desk: Desk) -> None:
    manager = Actor(surface="slack", team="T0TEAM", id="U0MANAGER")
    await desk.surface.tell(manager, "A card could not be posted <!channel>", PENDING)
    told = desk.slack.space.find(lambda message: message.channel.startswith("D"))
    assert told[0].text == "A card could not be posted &lt;!channel&gt;"
    assert told[1].event_type == "deskhand_card"
    assert told[1].action_ids == []
    with pytest.raises(NotPosted):
        await desk.surface.tell(Actor(surface="slack", team="", id="U0UNKNOWN"), "Hello")


async def test_one_connection_serves_many_calls(slack: SlackStandin) -> None:
    opened = 0

    async def count(*_: object) -> None:
        nonlocal opened
        opened += 1

    async with slack_session() as session:
        trace = aiohttp.TraceConfig()
        trace.on_connection_create_end.append(count)
        trace.freeze()
        session.trace_configs.append(trace)
        client = slack_client(slack.bot_token, slack.api_url, session)
        identity = SlackIdentity(client)
        surface = SlackSurface(client, identity, SlackPeople(client, identity, WallClock()))
        for _ in range(5):
            await surface.post(BILLING, PENDING)
    assert opened == 1


async def test_giving_up_a_call_leaves_the_surface_whole(desk: Desk) -> None:
    from tests.standins.wire import Hold

    hold = Hold()
    desk.slack.faults.add("chat.postMessage", hold)
    task = asyncio.create_task(desk.surface.post(BILLING, PENDING))
    await hold.reached.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    hold.gate.set()
    await desk.surface.post(BILLING, PENDING)
