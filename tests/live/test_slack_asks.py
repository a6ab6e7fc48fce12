"""A person asks for a thread or a message in Slack, and is answered whatever comes of it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path

import pytest

from tests.live.product import Live, live
from tests.live.steps import (
    QUESTION,
    alone,
    becomes,
    card_that,
    cards,
    config,
    form,
    idle,
    says,
    told,
    words,
)
from tests.standins.slack import Ephemeral, Message
from tests.standins.wire import DropReply, HttpFailure, RateLimited, Refusal


@pytest.fixture
async def desk(tmp_path: Path, redis_url: str) -> AsyncIterator[Live]:
    async with live(tmp_path, redis_url) as running:
        yield running


async def asks(desk: Live, root: Message, user: str = "U0AGENT2") -> None:
    sent = await desk.people.mention(
        "triage", user=user, channel=root.channel, thread_ts=root.thread_ts or root.ts
    )
    for one in sent:
        await desk.people.insist(one)


def elsewhere(desk: Live, text: str) -> Message:
    """A message in a channel that no playbook listens to."""
    return desk.people.write(text, channel="C0SALES")


# --- a thread that cannot be read -----------------------------------------------------------------


@pytest.mark.parametrize(
    "fault", [RateLimited(1), HttpFailure(500), DropReply()], ids=["limited", "broken", "lost"]
)
async def test_a_thread_that_cannot_be_read_just_now_is_read_later(
    desk: Live, fault: RateLimited | HttpFailure | DropReply
) -> None:
    desk.slack.faults.add("conversations.replies", fault, times=2)
    root = elsewhere(desk, QUESTION)
    await asks(desk, root)
    card = await card_that(desk, "pending", QUESTION, timeout=30)
    assert "Carla Customer" in words(card)
    assert all(QUESTION in request.raw.decode() for request in desk.model.requests)
    await idle(desk)
    assert len(cards(desk)) == 1


async def test_a_thread_that_cannot_be_read_at_all_is_said_to_its_asker(desk: Live) -> None:
    desk.slack.faults.add("conversations.replies", Refusal("not_in_channel"), times=None)
    root = elsewhere(desk, QUESTION)
    await asks(desk, root)
    said = await alone(desk, "U0AGENT2", "cannot read this conversation")
    assert "not_in_channel" in said.block_text
    await idle(desk)
    assert not cards(desk)
    assert not desk.model.requests, "nothing is drafted from nothing"


async def test_an_asker_who_cannot_be_looked_up_just_now_is_looked_up_later(desk: Live) -> None:
    asker = partial(_is_user, user="U0AGENT2")
    desk.slack.faults.add("users.info", RateLimited(1), times=2, when=asker)
    await asks(desk, elsewhere(desk, QUESTION))
    await card_that(desk, "pending", QUESTION, timeout=30)


def _is_user(args: dict[str, object], user: str) -> bool:
    return args.get("user") == user


async def test_where_nobody_has_written_there_is_no_ticket(desk: Live) -> None:
    sent = await desk.people.bot_message("An alert", channel="C0SALES")
    root = sent.message
    assert root is not None
    await asks(desk, root)  # the ask itself is no question
    await alone(desk, "U0AGENT2", "nothing here that could be answered")
    unknown = desk.slack.space.post(
        Message(channel="C0SALES", ts=desk.slack.space.new_ts(), user="", text="By nobody")
    )
    assert (await desk.people.shortcut("U0AGENT", unknown)).ok
    await alone(desk, "U0AGENT", "Nobody can be told to have written that")
    silent = elsewhere(desk, "")
    assert (await desk.people.shortcut("U0AGENT", silent)).ok
    await idle(desk)
    assert not cards(desk)
    assert not desk.model.requests


async def test_an_ask_by_the_author_is_no_part_of_the_question(desk: Live) -> None:
    root = elsewhere(desk, QUESTION)
    await asks(desk, root, user="U0CUSTOMER")
    card = await card_that(desk, "pending", QUESTION)
    assert "triage" not in words(card).lower()


# --- a thread that is a ticket already ------------------------------------------------------------


async def test_an_ask_that_meets_a_waiting_proposal_is_told_where_it_is(desk: Live) -> None:
    root = await says(desk, QUESTION)
    card = await card_that(desk, "pending", QUESTION)
    await asks(desk, root, user="U0AGENT")
    said = await alone(desk, "U0AGENT", "a draft waits for a decision")
    assert f"/archives/{card.channel}/p{card.ts.replace('.', '')}" in said.block_text
    assert any(part.get("type") == "link" for part in _elements(said)), "it can be followed"
    # Who asked for it may not approve it; nor may whoever asked before.
    await asks(desk, root, user="U0AGENT2")
    await alone(desk, "U0AGENT2", "somebody else must approve")
    for user in ("U0AGENT", "U0AGENT2"):
        await desk.people.click(user, card, "deskhand.approve")
        await told(desk, user, "You asked for this")
    await idle(desk)
    assert cards(desk) == [desk.slack.space.current(card)]
    assert card.card_state == "pending"


def _elements(message: Ephemeral) -> list[dict[str, object]]:
    return [
        part for block in message.blocks for row in block["elements"] for part in row["elements"]
    ]


async def test_who_asks_after_the_end_may_not_approve_what_they_asked_for(desk: Live) -> None:
    root = await says(desk, QUESTION)
    card = await card_that(desk, "pending")
    view = await form(desk, "U0AGENT", card, "reject")
    await desk.people.submit(view, {"reason": "other"})
    await becomes(desk, card, "rejected")
    await asks(desk, root, user="U0AGENT")
    again = await card_that(desk, "pending", but=card)
    await desk.people.click("U0AGENT", again, "deskhand.approve")
    await told(desk, "U0AGENT", "You asked for this")
    await desk.people.click("U0AGENT2", again, "deskhand.approve")
    await becomes(desk, again, "succeeded")


async def test_an_asker_may_approve_where_the_playbook_says_so(
    tmp_path: Path, redis_url: str
) -> None:
    async with live(tmp_path, redis_url, config=config({"asker_may_approve": True})) as desk:
        root = await says(desk, QUESTION)
        card = await card_that(desk, "pending")
        await asks(desk, root, user="U0AGENT")
        said = await alone(desk, "U0AGENT", "a draft waits for a decision")
        assert "somebody else" not in said.block_text
        await desk.people.click("U0AGENT", card, "deskhand.approve")
        await becomes(desk, card, "succeeded")


async def test_what_its_author_deleted_cannot_be_asked_for(desk: Live) -> None:
    root = await says(desk, QUESTION)
    card = await card_that(desk, "pending")
    await says(desk, "Let me see.", user="U0MANAGER", thread_ts=root.ts)
    await desk.people.delete(root)
    await becomes(desk, card, "superseded")
    await asks(desk, root, user="U0AGENT")
    await alone(desk, "U0AGENT", "nothing left to answer")
    await idle(desk)
    assert len(cards(desk)) == 1
