"""From an approval to an effect: what the executor checks again, and what it makes of answers."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

import bot.execute
import bot.lifecycle.effects
from bot.commands import Claim, Refused, Succeeded
from bot.domain import Content, Proposal
from bot.forms import EditInput
from bot.journal import Entry
from bot.lifecycle import digest, transition
from bot.ports import Commit, StoreUnavailable, Versioned
from bot.store.scripts import COMMIT
from tests.decisions.room import (
    BO,
    Remote,
    Room,
    actor,
    decided,
    open_room,
    playbook,
    refused,
    two_tools,
)
from tests.domain.make import moved
from tests.store.cutting import CuttingProxy
from tools.spec import Grant


async def stored(room: Room, proposal: Proposal) -> Versioned[Proposal]:
    found = await room.store.proposal(proposal.id)
    assert found is not None
    return found


async def put(room: Room, proposal: Proposal) -> None:
    """Write it as it is over what is stored: what no command would make."""
    version = (await stored(room, proposal)).version
    change = Commit(proposals=(Versioned(proposal, version),))
    assert await room.store.commit(change) == "committed"


# --- once -----------------------------------------------------------------------------------------


async def test_an_approval_is_carried_out_once_however_often_it_is_woken(room: Room) -> None:
    proposal = await room.approved()
    for _ in range(3):
        assert await room.run(proposal) is None
    ((key, text),) = room.remote.arrived
    done = (await room.now(proposal)).progress[0]
    assert (text, done.keys, done.receipt) == ("Under Billing.", (key,), "received")
    assert (await room.now(proposal)).state == "succeeded"
    assert await room.execute.run("p_aaaaaaaaaaaaaaaa") is None


async def test_many_executors_at_once_dispatch_once(room: Room) -> None:
    proposal = await room.approved()
    await asyncio.gather(*(room.run(proposal) for _ in range(20)))
    assert len(room.remote.arrived) == 1


async def test_what_needs_no_action_ends_without_one(room: Room) -> None:
    card = await room.card(room.reply().model_copy(update={"included": False}))
    assert decided(await room.press(card, "approve")).state == "succeeded"
    assert await room.run(card) is None
    assert not room.remote.arrived


async def test_actions_run_in_their_order_and_the_first_that_fails_stops_the_rest(
    redis_url: str,
) -> None:
    remotes = (Remote(), Remote("update_crm"))
    async with open_room(redis_url, playbook(actions=two_tools()), remotes=remotes) as room:
        card = await room.card(room.reply(), room.reply("to the crm", "update_crm"))
        room.remote.answers.append(Refused("no such thread"))
        decided(await room.press(card, "approve"))
        await room.run(card)
        assert (await room.now(card)).state == "failed"
        assert not remotes[1].arrived
        decided(await room.press(await room.now(card), "retry", BO))
        await room.run(card)
        assert (await room.now(card)).state == "succeeded"
        assert [len(remote.arrived) for remote in remotes] == [1, 1]
        assert room.remote.looked_up[-1].key == room.remote.grants[0].key, "asked for the first"


# --- checked again at the last moment -------------------------------------------------------------


async def test_a_target_that_has_changed_since_the_card_is_refused(room: Room) -> None:
    """The operator has put another ``reply_url`` into the file after the card was shown."""
    card = await room.card()
    room.remote.where = "https://elsewhere.example/replies"
    decided(await room.press(card, "approve"))
    await room.run(card)
    failed = await room.now(card)
    assert failed.state == "failed"
    assert "it would go elsewhere by now" in (failed.progress[0].error or "")
    assert not room.remote.grants, "no tool was called"
    decided(await room.press(failed, "retry"))
    await room.run(card)
    assert (await room.now(card)).state == "failed"
    assert not room.remote.grants


async def test_a_target_that_changes_between_approval_and_claim_is_refused(room: Room) -> None:
    proposal = await room.approved()
    room.remote.where = "https://elsewhere.example/replies"
    await room.run(proposal)
    assert (await room.now(proposal)).state == "failed"
    assert not room.remote.grants


async def test_an_edit_may_not_approve_a_target_that_its_form_did_not_name(room: Room) -> None:
    """The form names the card's own target; the new one has been shown to nobody yet."""
    card = await room.card()
    room.remote.where = "https://elsewhere.example/replies"
    edited = decided(await room.edit(card, EditInput(reply="Better.", approve_now=True)))
    assert (edited.state, edited.approvals) == ("pending", ())
    assert "https://elsewhere.example/replies" in edited.notices[-1].text
    assert "send_reply target" in [change.field for change in edited.changes]
    await room.run(card)
    assert not room.remote.grants
    # Now the card shows it, and the same person may approve what they see.
    decided(await room.press(edited, "approve"))
    await room.run(card)
    assert [text for _, text in room.remote.arrived] == ["Better."]


async def test_a_tool_that_the_playbook_no_longer_lists_is_refused(room: Room) -> None:
    proposal = await room.approved()
    stricter = room.under(playbook(actions=()))
    await stricter.run(proposal)
    failed = await room.now(proposal)
    assert "does not allow send_reply" in (failed.progress[0].error or "")
    assert not room.remote.grants


async def test_arguments_that_its_schema_no_longer_takes_are_refused(room: Room) -> None:
    wrong = room.reply().model_copy(update={"args": {"text": "x", "to": "everybody"}})
    proposal = await room.approved(wrong)
    await room.run(proposal)
    failed = await room.now(proposal)
    assert "its arguments are not valid" in (failed.progress[0].error or "")
    assert not room.remote.grants


def by(grant: Grant, **changes: object) -> dict[str, Any]:
    """An approval that differs from the grant's own."""
    return {"approved_by": grant.approved_by.model_copy(update=changes)}


@pytest.mark.parametrize(
    ("forged", "why"),
    [
        (lambda _: {"digest": "0" * 64}, "not what would be sent"),
        (lambda _: {"content": Content(labels=(), route="default")}, "not what would be sent"),
        (lambda grant: {"revision": 2, **by(grant, revision=2)}, "another revision"),
        (lambda grant: by(grant, revision=2), "another revision"),
        (lambda grant: by(grant, actor=actor(BO)), "not the one recorded"),
        (lambda _: {"tool": "post_answer"}, "is not what was approved"),
        (lambda _: {"deadline": 0.0}, "over before anything was sent"),
    ],
)
async def test_a_grant_that_fits_nothing_dispatches_nothing(
    room: Room, forged: Callable[[Grant], dict[str, Any]], why: str
) -> None:
    """What the store minted is compared with what was claimed, though it should never differ."""
    proposal = await room.approved()
    case = await room.store.case(proposal.id)
    assert case is not None
    ready, ticket = case[0], case[1].value
    claimed = moved(transition(ready.value, Claim(room.clock.now(), 0)))
    entry = bot.execute._claim_entry(claimed, 0, claimed.progress[0])
    grant = await room.store.claim(ready, claimed, 0, entry)
    assert isinstance(grant, Grant)
    outcome = await room.execute._dispatch(claimed, ticket, replace(grant, **forged(grant)))
    assert isinstance(outcome, Refused)
    assert why in outcome.error
    assert not room.remote.grants


async def test_an_approval_that_does_not_fit_is_not_claimed_and_lapses(
    room: Room, caplog: pytest.LogCaptureFixture
) -> None:
    """Only a hand in the store's files can make one: it must neither act nor stay for ever."""
    proposal = await room.approved()
    content = proposal.content
    assert content is not None
    forged = content.model_copy(update={"actions": (room.reply("Send money."),)})
    await put(room, proposal.model_copy(update={"content": forged}))
    with caplog.at_level(logging.ERROR, "deskhand"):
        again = await room.run(proposal)
    assert "not claimable: digest" in caplog.text
    assert again is not None
    assert again > room.clock.now() + timedelta(minutes=14)
    room.clock.step(minutes=16)
    await room.run(proposal)
    lapsed = await room.now(proposal)
    assert (lapsed.state, lapsed.approvals) == ("pending", ())
    assert not room.remote.grants


# --- in its time ----------------------------------------------------------------------------------


async def test_an_approval_that_nobody_acted_on_lapses(room: Room) -> None:
    proposal = await room.approved()
    room.clock.step(minutes=15)
    await room.run(proposal)
    lapsed = await room.now(proposal)
    assert (lapsed.state, lapsed.revision) == ("pending", proposal.revision + 1)
    assert lapsed.remind_at is not None
    assert lapsed.expires_at is not None
    assert refused(await room.press(proposal, "approve")) == "stale"
    assert not room.remote.grants


async def test_while_paused_nothing_is_claimed_and_it_is_looked_at_again(room: Room) -> None:
    proposal = await room.approved()
    await room.store.pause(None, Entry(kind="operator"))
    again = await room.run(proposal)
    assert again is not None
    assert (await room.now(proposal)).state == "approved"
    await room.store.resume(None, Entry(kind="operator"))
    await room.run(proposal)
    assert len(room.remote.arrived) == 1


async def test_an_answer_that_does_not_come_before_the_deadline_is_unknown(
    room: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bot.lifecycle.effects, "CLAIM_SECONDS", 0.05)

    async def hangs(_: Grant) -> Succeeded:
        await asyncio.Event().wait()
        raise AssertionError

    room.remote.answers.append(hangs)
    proposal = await room.approved()
    again = await room.run(proposal)
    unknown = await room.now(proposal)
    assert (unknown.state, unknown.progress[0].unsettled) == ("unknown", True)
    assert "before the deadline" in (unknown.progress[0].error or "")
    assert again is not None, "it is looked for"


async def test_a_tool_that_raises_may_have_acted(room: Room) -> None:
    room.remote.answers.append(RuntimeError("in the middle of it"))
    proposal = await room.approved()
    await room.run(proposal)
    unknown = await room.now(proposal)
    assert (unknown.state, unknown.progress[0].error) == (
        "unknown",
        "the tool failed: RuntimeError",
    )


# --- a claim without an outcome -------------------------------------------------------------------


async def claimed(room: Room) -> tuple[Proposal, Grant]:
    """A claim whose process died, or stalls, before it has sent anything."""
    proposal = await room.approved()
    ready = await stored(room, proposal)
    executing = moved(transition(ready.value, Claim(room.clock.now(), 0)))
    entry = bot.execute._claim_entry(executing, 0, executing.progress[0])
    grant = await room.store.claim(ready, executing, 0, entry)
    assert isinstance(grant, Grant)
    return executing, grant


async def test_a_claim_without_an_outcome_is_unknown_only_after_the_margin(room: Room) -> None:
    proposal, _ = await claimed(room)
    again = await room.run(proposal)
    assert again is not None
    assert (await room.now(proposal)).state == "executing"
    room.clock.step(seconds=18.1)
    await room.run(proposal)
    assert (await room.now(proposal)).state == "unknown"
    assert not room.remote.grants


async def test_where_the_key_is_honoured_it_is_sent_again_under_it(room: Room) -> None:
    room.remote.honours = 3600
    proposal, grant = await claimed(room)
    room.clock.step(seconds=18.1)
    await room.run(proposal)
    done = await room.now(proposal)
    assert (done.state, done.progress[0].keys) == ("succeeded", (grant.key,))
    assert [key for key, _ in room.remote.arrived] == [grant.key]


# --- a store that is away -------------------------------------------------------------------------


async def test_an_outcome_is_saved_whatever_it_takes(redis_url: str, short_path: Path) -> None:
    server = Path(redis_url.removeprefix("unix://").partition("?")[0])
    async with (
        CuttingProxy(server, short_path / "p") as proxy,
        open_room(proxy.url) as room,
        open_room(redis_url) as other,
    ):

        async def sends(grant: Grant) -> Succeeded:
            room.remote.takes(grant, "x")
            proxy.swallow(COMMIT.sha)
            return Succeeded("received")

        proposal = await room.approved()
        room.remote.answers.append(sends)
        await room.run(proposal)
        assert proxy.swallowed == 1
        assert (await other.now(proposal)).progress[0].receipt == "received"


async def test_an_outcome_that_cannot_be_saved_is_given_up_in_time(
    redis_url: str, short_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bot.execute, "_SAVE_SECONDS", 0.2)
    server = Path(redis_url.removeprefix("unix://").partition("?")[0])
    async with (
        CuttingProxy(server, short_path / "p") as proxy,
        open_room(proxy.url) as room,
        open_room(redis_url) as other,
    ):

        async def sends(grant: Grant) -> Succeeded:
            room.remote.takes(grant, "x")
            proxy.swallow(COMMIT.sha, held=True, then_away=True)
            return Succeeded("received")

        proposal = await room.approved()
        room.remote.answers.append(sends)
        with pytest.raises(StoreUnavailable):
            await room.run(proposal)
        # Nobody has recorded what happened, and that is what is said of it.
        other.clock.step(seconds=18.1)
        await other.run(proposal)
        assert (await other.now(proposal)).state == "unknown"
        assert digest(await other.now(proposal)) == digest(proposal)


async def test_an_outcome_of_what_somebody_has_settled_meanwhile_changes_nothing(
    room: Room,
) -> None:
    """While the tool was at it the claim was called unknown, and a person said: it arrived."""

    async def slow(grant: Grant) -> Refused:
        room.clock.step(seconds=18.1)
        await room.run(proposal)
        decided(await room.press(await room.now(proposal), "settle_done"))
        return Refused("no")

    proposal = await room.approved()
    room.remote.answers.append(slow)
    await room.run(proposal)
    assert (await room.now(proposal)).state == "succeeded"
